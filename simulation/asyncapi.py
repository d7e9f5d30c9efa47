"""Prints the AsyncAPI document of the MQTT contract: `python -m simulation.asyncapi > asyncapi.json`."""

from __future__ import annotations

import json

from pointofcare.wire import asyncapi


def main() -> None:
    print(json.dumps(asyncapi.document(), ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
