"""What is in the software: `python deploy/sbom.py [--output dist]` writes a CycloneDX list of every part, and its licences.

    python deploy/sbom.py --output dist           dist/sbom.cdx.json, dist/licences.csv
    python deploy/sbom.py --output dist --audit   and asks the advisory database (OSV) whether any part has a known fault

The parts are those that an installation of the named extras takes in here, each at the version of requirements.lock. Ends with 0: well;
1: a part without a licence, of another version than the lock, or with a known fault; 3: NOT AUDITED, because the database could not be
reached (with --where-it-can: 0, and the line says so). Must never say of what it could not ask that it is without fault.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
EXTRAS = ("server", "cart", "bridge", "fleet")
ADVISORIES = "https://api.osv.dev/v1/querybatch"
NOT_AUDITED = 3
_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==([^\s;\\]+)", re.MULTILINE)
_CLASSIFIER = "License :: "
# Of parts that state none, and whose licence file begins with no name: as somebody read it there.
_READ = {"sqlcipher3": "Zlib"}
# Scripts for browsers that lie among our files, by the beginning of the file's name -> their name at npm, None: not known there.
_SCRIPTS = {"bootstrap": "bootstrap", "chart": "chart.js", "htmx": "htmx.org", "zxing-reader": None}
_SCRIPT = re.compile(r"([a-z-]+)-(\d+\.\d+\.\d+)\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """`licence` "": none is stated. `needs` are names of other parts."""

    name: str
    version: str
    licence: str
    is_expression: bool
    needs: frozenset[str] = field(default_factory=frozenset)
    origin: str = "pypi"

    @property
    def purl(self) -> PackageURL:
        return PackageURL(type=self.origin, name=self.name, version=self.version)


def parts(extras: Sequence[str]) -> dict[str, Part]:
    """By name, the software itself among them. Raises: PackageNotFoundError where something that is needed is not installed."""
    found: dict[str, Part] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [("pointofcare", extra) for extra in ("", *extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        of = metadata.distribution(name)
        needs = list(_needed(of, extra))
        waiting += [(other, one) for other, others in needs for one in ("", *others)]
        before = found.get(name)
        words, is_expression = licence(of)
        found[name] = Part(
            name=name,
            version=of.version,
            licence=words,
            is_expression=is_expression,
            needs=(before.needs if before is not None else frozenset()) | {other for other, _others in needs},
        )
    return found


def _needed(of: metadata.Distribution, extra: str) -> Iterator[tuple[str, frozenset[str]]]:
    for text in of.requires or ():
        one = Requirement(text)
        if one.marker is None or one.marker.evaluate({"extra": extra}):
            yield canonicalize_name(one.name), frozenset(one.extras)


def licence(of: metadata.Distribution) -> tuple[str, bool]:
    """In words, and whether they are an SPDX expression. A whole licence text is told by its first line."""
    about: Any = of.metadata
    expression = about.get("License-Expression")
    if expression:
        return str(expression), True
    named = [text.rpartition(" :: ")[2] for text in about.get_all("Classifier") or () if text.startswith(_CLASSIFIER)]
    stated = next((line.strip() for line in str(about.get("License") or "").splitlines() if line.strip()), "")
    words = " AND ".join(sorted(named)) or ("" if stated.upper() == "UNKNOWN" else stated[:200])
    if not words:
        texts = (of.read_text(f"licenses/{name}") or of.read_text(name) or "" for name in about.get_all("License-File") or ())
        words = next(filter(None, map(_first_line, texts)), "")
    return words or _READ.get(canonicalize_name(of.name), ""), False


def _first_line(text: str) -> str:
    """The name with which a licence's text begins; "" where it begins with something else."""
    line = next((line.strip(" #*") for line in text.splitlines() if line.strip(" #*=")), "")
    return line[:80] if "licen" in line.lower() or line == "Zero-Clause BSD" else ""


def scripts(root: Path) -> dict[str, Part]:
    """What lies beside our own pages. A file that nobody listed, or that has no licence beside it, is told as what it is."""
    found: dict[str, Part] = {}
    for file in sorted(root.glob("*/web/static/vendor/*")):
        match = _SCRIPT.match(file.name)
        if match is None:
            continue
        stem, version = match.groups()
        beside = [file.with_name(name) for name in (f"{stem}-LICENSE.txt", f"{stem}.LICENSE", f"{stem.partition('-')[0]}.LICENSE")]
        texts = [one.read_text(encoding="utf-8") for one in beside if one.is_file()]
        name = _SCRIPTS.get(stem) or stem
        words = _first_line(texts[0]) if texts else ""
        origin = "npm" if _SCRIPTS.get(stem) else "generic"
        found[f"{name} {version}"] = Part(name=name, version=version, licence=words, is_expression=False, origin=origin)
    return found


def bom(found: Mapping[str, Part]) -> Bom:
    made = Bom()
    components = {name: _component(part) for name, part in found.items()}
    made.metadata.component = components["pointofcare"]
    for name, component in components.items():
        if name != "pointofcare":
            made.components.add(component)
    for name, part in found.items():
        made.register_dependency(components[name], [components[other] for other in sorted(part.needs) if other in components])
    return made


def _component(part: Part) -> Component:
    licences = [LicenseExpression(part.licence)] if part.is_expression else [DisjunctiveLicense(name=part.licence)] if part.licence else []
    kind = ComponentType.APPLICATION if part.name == "pointofcare" else ComponentType.LIBRARY
    return Component(
        name=part.name, version=part.version, type=kind, purl=part.purl, bom_ref=f"{part.name}@{part.version}", licenses=licences
    )


def locked(text: str) -> dict[str, set[str]]:
    """Name -> versions; a lock for several machines may have two."""
    found: dict[str, set[str]] = {}
    for name, version in _PINNED.findall(text):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def faults(found: Mapping[str, Part], lock: Mapping[str, set[str]]) -> list[str]:
    """What somebody must look at, as sentences."""
    wrong = [f"{part.name} {part.version} states no licence" for part in found.values() if not part.licence]
    for part in found.values():
        if part.origin == "pypi" and part.name != "pointofcare" and part.version not in lock.get(part.name, set()):
            wrong.append(f"{part.name} {part.version} is here, the lock has {', '.join(sorted(lock.get(part.name, {'none'})))}")
    return sorted(wrong)


def advisories(found: Mapping[str, Part], address: str) -> dict[str, list[str]]:
    """Part -> ids of known faults, for parts that have any. Raises: httpx.HTTPError, ValueError for what is no answer to all of it."""
    asked = [part for part in found.values() if part.name != "pointofcare" and part.origin != "generic"]
    answer = httpx.post(
        address, json={"queries": [{"package": {"purl": str(part.purl)}} for part in asked]}, timeout=httpx.Timeout(10, connect=5)
    )
    answer.raise_for_status()
    results: Any = answer.json().get("results")
    if not isinstance(results, list) or len(results) != len(asked):
        raise ValueError("the answer is not about each part")
    if any(one.get("next_page_token") for one in results):
        raise ValueError("the answer goes on, and only its beginning was read")
    return {
        f"{part.name} {part.version}": [str(fault["id"]) for fault in one["vulns"]]
        for part, one in zip(asked, results, strict=True)
        if one.get("vulns")
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="the list of parts (CycloneDX), their licences, and known faults")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="a folder (default: dist)")
    parser.add_argument("--extra", action="append", choices=EXTRAS, help="of these programs alone (default: all)")
    parser.add_argument("--audit", action="store_true", help="ask the advisory database; needs the internet")
    parser.add_argument("--advisories", default=ADVISORIES, metavar="URL", help="a mirror of OSV (default: %(default)s)")
    parser.add_argument("--where-it-can", action="store_true", help="end well where the database cannot be asked, and say so (for CI)")
    chosen = parser.parse_args(arguments)
    found = {**parts(chosen.extra or EXTRAS), **scripts(ROOT)}
    text = make_outputter(bom(found), OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if problem is not None:
        _say(f"the list is not valid CycloneDX: {problem}")
        return 1
    chosen.output.mkdir(parents=True, exist_ok=True)
    (chosen.output / "sbom.cdx.json").write_text(text, encoding="utf-8")
    with (chosen.output / "licences.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("part", "version", "licence"))
        rows.writerows((part.name, part.version, part.licence or "not stated") for part in sorted(found.values(), key=lambda one: one.name))
    wrong = faults(found, locked((ROOT / "requirements.lock").read_text(encoding="utf-8")))
    _say(f"{chosen.output / 'sbom.cdx.json'}: {len(found)} parts (CycloneDX 1.6); licences in licences.csv")
    for line in wrong:
        _say(f"LOOK: {line}")
    if not chosen.audit:
        _say("not audited for known faults: --audit asks the advisory database")
        return 1 if wrong else 0
    try:
        known = advisories(found, chosen.advisories)
    except (httpx.HTTPError, json.JSONDecodeError, ValueError, KeyError, TypeError, AttributeError) as exc:
        _say(f"NOT AUDITED: {chosen.advisories} could not be asked ({type(exc).__name__}). This says nothing about known faults.")
        if chosen.where_it_can:
            return 1 if wrong else 0
        return NOT_AUDITED
    for name, ids in known.items():
        _say(f"FAULT: {name}: {', '.join(ids)}")
    unasked = sorted(part.name for part in found.values() if part.origin == "generic")
    _say(
        f"audited: {len(known)} of {len(found) - 1 - len(unasked)} parts have known faults; not known there: {', '.join(unasked) or 'none'}"
    )
    return 1 if wrong or known else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
