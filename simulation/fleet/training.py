"""`pointofcare-demo fleet`: a fleet to learn on, with something that goes wrong in it, until Ctrl-C (docs/fleet-training.md).

A server, a broker and virtual carts of their own in a folder of their own. It says "training" on every screen, and no cart of it is real.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pointofcare.errors import PointOfCareError
from simulation.fleet import releases, roster, scenario, stage
from simulation.fleet.cart import Play
from simulation.fleet.crowd import Crowd, verifier
from simulation.fleet.line import Door, tls_context
from simulation.fleet.roster import Build
from simulation.fleet.scenario import Scenario
from simulation.fleet.stage import Stage

_TELL_EVERY_S = 30.0


def run(arguments: Sequence[str]) -> int:
    """The exit code."""
    chosen = _parser().parse_args(arguments)
    console = Console(highlight=False)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if chosen.list:
        for name in scenario.names():
            console.print(f"{name:18} {scenario.load(name).about}", soft_wrap=True)
        return 0
    try:
        played = scenario.load(chosen.scenario)
        if chosen.reset:
            stage.forget(chosen.directory)
        builds = roster.fleet(chosen.seed, chosen.carts)
        began_s = time.monotonic()

        def progress(text: str) -> None:
            console.print(f"  {time.monotonic() - began_s:5.1f} s  {text}")

        with stage.open_stage(chosen.directory, builds, broker=chosen.broker, wards=roster.WARDS, progress=progress) as opened:
            progress("firmware to practise with: two releases for each hardware")
            releases.prepare(chosen.directory)
            _tell(console, opened, played, chosen.carts)
            asyncio.run(_lives(console, opened, builds, played, speed=chosen.speed, pace=chosen.pace, seconds=chosen.seconds))
    except PointOfCareError as error:
        console.print(f"[bold]The fleet could not start.[/bold] {error}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        pass
    console.print("Stopped.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pointofcare-demo fleet", description=__doc__)
    parser.add_argument("--carts", type=int, choices=range(1, 1001), default=60, metavar="N", help="how many (default: 60)")
    parser.add_argument("--scenario", default="ordinary-day", help="what goes wrong: a name (--list) or a file of your own")
    parser.add_argument("--list", action="store_true", help="say which scenarios ship, and end")
    parser.add_argument("--seed", type=int, default=1, help="which fleet: the same seed lives the same days")
    parser.add_argument("--speed", type=float, default=10.0, help="story minutes in a real minute (default: 10)")
    parser.add_argument("--pace", type=float, default=1.0, help="how many times faster than usual an update goes")
    parser.add_argument("--broker", choices=tuple(stage.BROKERS), default="nats")
    parser.add_argument("--directory", type=Path, default=Path(os.environ.get("POINTOFCARE_FLEET_DIR", ".fleet-training")).resolve())
    parser.add_argument("--reset", action="store_true", help="forget the state of earlier runs")
    parser.add_argument("--seconds", type=float, help="end by itself after so long")
    return parser


def _tell(console: Console, opened: Stage, played: Scenario, carts: int) -> None:
    console.print(f"\n{carts} simulated carts. Scenario {played.name}: {played.about}", soft_wrap=True)
    console.print(f"Fleet page: {opened.server_url}/fleet/\n")
    people = Table(title="Sign-ins (drawn for this folder)", title_justify="left")
    for heading in ("role", "user", "password"):
        people.add_column(heading, overflow="fold")
    for one in opened.people:
        people.add_row(one.role, one.username, one.password)
    console.print(people)
    console.print("TRAINING: no cart here is real. Exercises: docs/fleet-training.md. Ctrl-C stops everything.\n")


async def _lives(
    console: Console, opened: Stage, builds: Sequence[Build], played: Scenario, *, speed: float, pace: float, seconds: float | None
) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    play = Play(
        facility=opened.facility,
        scenario=played,
        wards=roster.WARDS,
        verify=verifier(opened.server_key),
        run=secrets.token_hex(4),
        telemetry_s=30.0,
        speed=speed,
        pace=pace,
    )

    def door(build: Build) -> Door:
        tls = tls_context(opened.ca, opened.certificate(build.id))
        return Door(host=opened.broker.host, port=opened.broker.port, client_id=build.id, tls=tls)

    crowd = Crowd(builds, play, door, arrive_s=len(builds) / 50)
    restarts = asyncio.create_task(_restarts(opened, played, console))
    began_s = told_s = time.monotonic()
    try:
        while not ended.is_set() and (seconds is None or time.monotonic() - began_s < seconds):
            crowd.check()
            if time.monotonic() - told_s >= _TELL_EVERY_S:
                told_s = time.monotonic()
                jobs = ", ".join(f"{number} {state}" for state, number in sorted(crowd.count.jobs.items()))
                console.print(
                    f"  {crowd.online} of {len(builds)} online; {crowd.count.commands} commands{'; jobs: ' + jobs if jobs else ''}"
                )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), 0.5)
    finally:
        restarts.cancel()
        await crowd.stop()


async def _restarts(opened: Stage, played: Scenario, console: Console) -> None:
    began_s = time.monotonic()
    for event in played.restarts():
        await asyncio.sleep(max(0.0, event.at_s - (time.monotonic() - began_s)))
        console.print("  the broker goes down")
        await asyncio.to_thread(opened.broker.kill)
        await asyncio.sleep(event.down_s)
        await asyncio.to_thread(opened.broker.start_again)
        console.print("  the broker is back")


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
