"""`make release-contract`: freezes what this release writes and reads into tests/releases/VERSION, for the release after it.

Refuses what breaks the last release (docs/upgrading.md), and a version that is frozen already: `--again` is for one that no hospital
has yet.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

from cart_client import journal_tables
from pointofcare.wire import asyncapi, codec, compatibility, routes, tables
from pointofcare.wire.messages import TableKind
from server.store import migrate
from tests import releases
from tests.support.wire_bodies import BODIES, golden_message
from tests.support.wire_tables import TABLES

# The moment that every file of the archive carries, so that the same code gives the same bytes.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_NEEDED = """
import sys
from pointofcare.wire import asyncapi, codec, routes, tables
print(*(each.__file__ for name, each in sys.modules.items() if name.partition(".")[0] == "pointofcare" and each.__file__), sep="\\n")
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.releases", description=__doc__)
    parser.add_argument("--again", action="store_true", help="write a version anew that no hospital has yet")
    parser.add_argument("--into", type=Path, default=releases.HERE, help="the folder of releases")
    chosen = parser.parse_args(arguments)
    version = tomllib.loads((releases.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    folder = chosen.into / version
    if folder.exists() and not chosen.again:
        sys.stderr.write(f"{version} is frozen: give the next release its number in pyproject.toml" + "\n")
        return 1
    earlier = [each for each in releases.released() if releases.order(each.version) < releases.order(version)]
    broken = compatibility.breaks(earlier[-1].contract(), asyncapi.document()) if earlier else ()
    for why in broken:
        sys.stderr.write(f"{earlier[-1].version} does not survive it: {why}" + "\n")
    if broken:
        return 1
    if folder.exists():
        shutil.rmtree(folder)
    write(folder, version)
    sys.stdout.write(f"{version} is frozen in {folder}: commit it, tag the commit v{version}, give pyproject.toml the next number\n")
    return 0


def write(folder: Path, version: str) -> None:
    (folder / "wire").mkdir(parents=True)
    for route in routes.ROUTES:
        (folder / "wire" / f"{route.type}.json").write_bytes(codec.encode(golden_message(BODIES[route.type])) + b"\n")
    for kind in TableKind:
        (folder / "wire" / f"table-{kind}.json").write_bytes(tables.dump(kind, TABLES[kind]) + b"\n")
    _archive(folder / "reader.zip")
    about = {
        "version": version,
        "schema": migrate.head(),
        "journal": journal_tables.VERSION,
        "files": releases.sums(folder),
    }
    (folder / "release.json").write_text(json.dumps(about, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _archive(path: Path) -> None:
    """The modules that reading and writing need: those that a fresh process takes in with them."""
    core = releases.ROOT / "pointofcare"
    done = subprocess.run([sys.executable, "-c", _NEEDED], cwd=releases.ROOT, capture_output=True, text=True, timeout=60, check=True)
    needed = {Path(line) for line in done.stdout.split()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for each in sorted(needed):
            entry = zipfile.ZipInfo((Path("pointofcare") / each.relative_to(core)).as_posix(), date_time=_MOMENT)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, each.read_bytes())


if __name__ == "__main__":
    sys.exit(main())
