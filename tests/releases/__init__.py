"""What earlier releases write and read, frozen when each was cut: data, so that a clone without history has it too.

A folder a release: `release.json` (version, schema, journal, the hash of every file), `wire/` (each message and table as that release
writes it), `reader.zip` (its own code that reads and writes them). Nothing in a folder is changed once the release is out.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent

# Runs under an earlier release's own code, in a process of its own.
_READ = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pointofcare.errors import MessageError
from pointofcare.wire import asyncapi, codec, routes, tables
from pointofcare.wire.messages import TableKind
assert codec.__file__.startswith(sys.argv[1]), codec.__file__
known = {route.type: route for route in routes.ROUTES}
told = []
for name, payload in json.load(sys.stdin):
    data = payload.encode()
    try:
        if name.startswith("table-"):
            kind = TableKind(name.removeprefix("table-"))
            again = tables.dump(kind, tables.load(kind, data))
        else:
            again = codec.encode(codec.decode(known[name], data))
        told.append({"again": again.decode()})
    except (KeyError, ValueError) as unknown:
        told.append({"unknown": repr(unknown)})
    except MessageError as refused:
        told.append({"refused": str(refused)})
json.dump({"told": told, "contract": asyncapi.document()}, sys.stdout)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """`schema` is the newest migration of the server's database that it knows, `journal` the version of its cart's journal."""

    version: str
    folder: Path
    schema: str
    journal: int
    files: Mapping[str, str]

    def written(self) -> dict[str, bytes]:
        """Name of a message, or "table-" and a kind -> as this release writes it."""
        return {path.stem: path.read_bytes().rstrip(b"\n") for path in sorted((self.folder / "wire").glob("*.json"))}

    def read(self, payloads: Sequence[tuple[str, bytes]]) -> list[dict[str, str]]:
        """What this release makes of each (name, payload): "again" as it writes what it understood, "refused", or "unknown": it has no
        such message at all."""
        found: list[dict[str, str]] = self._asked(payloads)["told"]
        return found

    def contract(self) -> dict[str, Any]:
        """Its AsyncAPI document."""
        found: dict[str, Any] = self._asked(())["contract"]
        return found

    def _asked(self, payloads: Sequence[tuple[str, bytes]]) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _READ, str(self.folder / "reader.zip")],
            input=json.dumps([(name, payload.decode()) for name, payload in payloads]),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def load(folder: Path) -> Release:
    told = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    return Release(folder=folder, **told)


def released() -> tuple[Release, ...]:
    """Oldest first."""
    found = [load(path.parent) for path in HERE.glob("*/release.json")]
    return tuple(sorted(found, key=lambda each: order(each.version)))


def last() -> Release:
    return released()[-1]


def sums(folder: Path) -> dict[str, str]:
    """Every file of a release's folder but `release.json` -> its SHA-256."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "release.json")
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
