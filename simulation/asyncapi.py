"""Prints the AsyncAPI document of the MQTT contract: `python -m simulation asyncapi > asyncapi.json`.

`--against FILE` compares it with the document of a release instead, and `--release` writes that file anew where nothing breaks."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pointofcare.wire import asyncapi, compatibility


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="pointofcare-demo asyncapi", description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, help="a released document: say what of it is broken now")
    parser.add_argument("--release", action="store_true", help="write the file of --against anew, unless something breaks")
    wanted = parser.parse_args(arguments)
    document = asyncapi.document()
    text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if wanted.against is None:
        print(json.dumps(document, ensure_ascii=False, indent=2))
        return 0
    found: tuple[str, ...] = ()
    if wanted.against.exists():
        found = compatibility.breaks(json.loads(wanted.against.read_text(encoding="utf-8")), document)
    for one in found:
        print(one, file=sys.stderr)
    if found:
        print("a breaking change needs a new major version, with topics of its own", file=sys.stderr)
        return 1
    if wanted.release:
        wanted.against.parent.mkdir(parents=True, exist_ok=True)
        wanted.against.write_text(text, encoding="utf-8")
    return 0
