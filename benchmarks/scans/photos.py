"""Photographs from other people's test suites, with what those suites say is in them, and folders of your own.

What may be had by package name is small: the pictures that pyzbar and pylibdmtx ship with their tests (fetched by hash into a cache
outside the repository, once, when the benchmark runs and never in a test). Must never fetch anything else, nor fail for want of a network.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.scans.readers import Reader
from benchmarks.scans.sets import Count, Table, rows
from cart_client.reading import answer, manifest, pictures

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "pointofcare" / "photos"
PYLIBDMTX = "pylibdmtx==0.1.10 --hash=sha256:{sha256}"
LIBDMTX_SHA256 = "ab73df28b64b3f5e29f22e6937b93967eb77ae7fcd5be381e1142f5a7268eb9e"
# What the tests of pyzbar 0.1.9 and pylibdmtx 0.1.10 say is in their pictures, in the formats of a cart.
PYZBAR_TESTS: Mapping[str, tuple[tuple[str, bytes], ...]] = {
    "code128.png": (("Code128", b"Foramenifera"), ("Code128", b"Rana temporaria")),
    "qrcode.png": (("QRCode", b"Thalassiodracon"),),
    "qrcode_rotated.png": (("QRCode", b"Thalassiodracon"),),
    "empty.png": (),
}
PYLIBDMTX_TESTS: Mapping[str, tuple[tuple[str, bytes], ...]] = {
    "datamatrix.png": (("DataMatrix", b"Stegosaurus"), ("DataMatrix", b"Plesiosaurus")),
    "empty.png": (),
}
_FOLDERS = ("datamatrix", "qrcode", "code128", "ean13", "upca")


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    file: Path
    entry: manifest.Entry


def measured(readers: Mapping[str, Reader], folder: Path | None, *, fetch: bool) -> dict[str, Any]:
    """{"groups": rows by suite and symbology, "told": lines about what was there}. `read` counts symbols."""
    told: list[str] = []
    table: Table = defaultdict(lambda: defaultdict(Count))
    for suite, photos in _suites(folder, fetch, told):
        for number, photo in enumerate(photos):
            try:
                image = answer.fitted(pictures.opened(photo.file).image)[0]
            except pictures.PictureError as exc:
                told.append(f"{photo.file.name}: {exc}")
                continue
            for name, read in readers.items():
                outcome = read(image, number + 1)
                _tally(table, suite, name, photo.entry, outcome.found, outcome.ms)
    return {"groups": rows(table), "told": told}


def _tally(table: Table, suite: str, reader: str, entry: manifest.Entry, found: frozenset[bytes], ms: float) -> None:
    from cart_client.reading.score import judged

    verdict = judged(entry, found)
    kinds = {one.symbology for one in entry.expected} or {"no code"}
    for group in (suite, *(f"{suite} {kind}" for kind in sorted(kinds))) if len(kinds) == 1 else (suite,):
        count = table[group][reader]
        count.frames += max(1, verdict.total)
        count.read += verdict.right if verdict.total else int(not verdict.wrong)
        count.wrong += bool(verdict.wrong)
        count.ms.append(ms)


def _suites(folder: Path | None, fetch: bool, told: list[str]) -> Iterator[tuple[str, list[Photo]]]:
    spec = importlib.util.find_spec("pyzbar")
    if spec is not None and spec.submodule_search_locations:
        yield "pyzbar", _listed(Path(spec.submodule_search_locations[0]) / "tests", PYZBAR_TESTS)
    libdmtx = CACHE / "pylibdmtx-0.1.10"
    if fetch and not libdmtx.exists():
        _fetch(libdmtx, told)
    if libdmtx.exists():
        yield "libdmtx", _listed(libdmtx / "pylibdmtx" / "tests", PYLIBDMTX_TESTS)
    if folder is not None:
        photos = list(_own(folder))
        told.append(f"{len(photos)} of {folder}")
        yield "own", photos


def _listed(folder: Path, contents: Mapping[str, tuple[tuple[str, bytes], ...]]) -> list[Photo]:
    photos = []
    for name, symbols in contents.items():
        if (folder / name).exists():
            expected = tuple(manifest.Expected(symbology=kind, content=content) for kind, content in symbols)
            photos.append(Photo(file=folder / name, entry=manifest.Entry(path=name, expected=expected)))
    return photos


def _own(folder: Path) -> Iterator[Photo]:
    """Pictures of a manifest, or pictures with a text file of the same name beside (the form of ZXing's own suites); sorted."""
    if (folder / manifest.NAME).exists():
        for name, entry in manifest.read(folder).items():
            yield Photo(file=folder / name, entry=entry)
        return
    for file in sorted(path for path in folder.rglob("*") if path.suffix.lower() in pictures.SUFFIXES):
        beside = file.with_suffix(".txt")
        kind = next((name for name in _FOLDERS if file.parent.name.lower().startswith(name)), "")
        if beside.exists() and kind:
            expected = manifest.Expected(symbology=manifest.symbology(kind), content=beside.read_bytes())
            yield Photo(file=file, entry=manifest.Entry(path=str(file.relative_to(folder)), expected=(expected,)))


def _fetch(target: Path, told: list[str]) -> None:
    """pylibdmtx's wheel, by its hash, through uv; nothing of it is ever imported."""
    target.parent.mkdir(parents=True, exist_ok=True)
    wanted = target.parent / "requirements.txt"
    wanted.write_text(PYLIBDMTX.format(sha256=LIBDMTX_SHA256) + "\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--require-hashes",
        "--target",
        str(target),
        "-r",
        str(wanted),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        told.append("pylibdmtx's pictures could not be fetched: " + (done.stderr.strip().splitlines() or ["no answer"])[-1])
