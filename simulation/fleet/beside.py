"""A few virtual carts beside a hospital that runs already: they come to its broker with accounts of their own.

`python -m simulation.fleet.beside SETTINGS` until SIGTERM. They are of wards of their own, show no doses and belong to nobody, so that
the ward that people practise on is as it was. Each is called simulated, in its name and in what it says that it can.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simulation.fleet import roster, scenario
from simulation.fleet.cart import Play
from simulation.fleet.crowd import Crowd, verifier
from simulation.fleet.line import Door
from simulation.fleet.roster import Build

PREFIX = "simulated"
COUNT = 18
WARDS = ("mo-phong-a", "mo-phong-b", "mo-phong-c")
NAMES = tuple(build.id for build in roster.fleet(1, COUNT, wards=WARDS, prefix=PREFIX))
# A shift in under an hour: something happens while somebody looks.
SPEED = 12.0
# Firmware 9.x fails its self-test: docs/fleet.md shows what a rollout does then.
SCENARIO = "demo-day"
_NICE = 10


def settings(*, facility: str, host: str, port: int, seed: int, server_key: Path, passwords: dict[str, str], run: str) -> dict[str, Any]:
    """What a fleet beside a hospital is started with; it holds passwords."""
    return {
        "facility": facility,
        "host": host,
        "port": port,
        "seed": seed,
        "server_key": str(server_key),
        "passwords": {name: passwords[name] for name in NAMES},
        "run": run,
    }


def main(arguments: Sequence[str]) -> int:
    told = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    os.nice(_NICE)
    asyncio.run(_lives(told))
    return 0


async def _lives(told: dict[str, Any]) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    builds = roster.fleet(told["seed"], COUNT, wards=WARDS, prefix=PREFIX)
    play = Play(
        facility=told["facility"],
        scenario=scenario.load(SCENARIO),
        wards=WARDS,
        verify=verifier(Path(told["server_key"])),
        run=told["run"],
        telemetry_s=30.0,
        speed=SPEED,
    )

    def door(build: Build) -> Door:
        return Door(host=told["host"], port=told["port"], client_id=build.id, username=build.id, password=told["passwords"][build.id])

    crowd = Crowd(builds, play, door, arrive_s=5.0)
    try:
        while not ended.is_set():
            crowd.check()
            await asyncio.sleep(0.5)
    finally:
        await crowd.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
