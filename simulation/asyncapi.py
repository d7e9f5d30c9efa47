"""Prints the AsyncAPI document of the MQTT contract: `python -m simulation asyncapi > asyncapi.json`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from pointofcare.wire import asyncapi


def run(arguments: Sequence[str]) -> int:
    argparse.ArgumentParser(prog="pointofcare-demo asyncapi", description=__doc__).parse_args(arguments)
    print(json.dumps(asyncapi.document(), ensure_ascii=False, indent=2))
    return 0
