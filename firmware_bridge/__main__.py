"""`pointofcare-bridge --config bridge.toml` runs the bridge; `pointofcare-bridge simulate --pty-link PATH` a microcontroller
without a cart. Each prints one line that begins with "ready" once it works, and ends on SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from devices import logbook
from pointofcare.errors import ConfigError, PointOfCareError


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="pointofcare-bridge", description="Microcontroller <-> cart computer <-> MQTT.")
    parser.add_argument("--config", type=Path, help="the bridge's TOML file")
    commands = parser.add_subparsers(dest="command")
    simulate = commands.add_parser("simulate", help="run a simulated microcontroller on a pseudo-terminal")
    simulate.add_argument("--pty-link", type=Path, required=True, help="the path under which the bridge opens it")
    simulate.add_argument("--drawers", type=int, default=8, choices=range(1, 65), metavar="1..64")
    simulate.add_argument("--charge", type=float, default=87.0, help="battery charge in percent at the start")
    simulate.add_argument("--drain", type=float, default=9.0, help="percent an hour that the battery loses")
    simulate.add_argument("--lose", type=float, default=0.0, help="share of answers that are lost, 0 to 1")
    simulate.add_argument("--damage", type=float, default=0.0, help="share of lines that are damaged, 0 to 1")
    simulate.add_argument("--delay-ms", type=int, default=0, help="before every answer")
    simulate.add_argument("--refuse", default="", help="drawers that refuse, as 3,5")
    simulate.add_argument("--stuck", default="", help="drawers whose bolt is stuck, as 3,5")
    simulate.add_argument("--flash", type=Path, help="a folder that keeps its image slots over restarts")
    simulate.add_argument("--image-key", type=Path, help="the public key (PEM) of its bootloader; without it signatures are not checked")
    simulate.add_argument("--hardware", default="simulated-r1", help="the board that it says it is")
    simulate.add_argument("--ill", action="append", default=[], metavar="VERSION", help="firmware whose self-test fails, as 1.2.0.0")
    simulate.add_argument("--mains", action="store_true", help="it stands at its dock")
    simulate.add_argument("--no-hand", action="store_true", help="nobody opens and closes unlocked drawers")
    given = parser.parse_args(arguments)
    logbook.begin()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        if given.command == "simulate":
            return _simulate(given, stopping)
        if given.config is None:
            parser.error("give --config FILE, or simulate --pty-link PATH")
        return _run(given.config, stopping)
    except PointOfCareError as exc:
        print(f"pointofcare-bridge: {exc}", file=sys.stderr)
        return 2


def _run(path: Path, stopping: threading.Event) -> int:
    from firmware_bridge import config
    from firmware_bridge.app import Bridge

    bridge = Bridge(config.load(path, os.environ))
    bridge.start()
    logbook.announce(f"ready {bridge.config.cart} on {bridge.config.serial_port}, drawers at {bridge.config.socket_path}")
    stopping.wait()
    bridge.stop()
    return 0


def _simulate(given: argparse.Namespace, stopping: threading.Event) -> int:
    from firmware_bridge.simulated import Knobs, SimulatedMicrocontroller
    from firmware_bridge.simulated_boot import Bootloader, load_key

    knobs = Knobs(
        lose=given.lose,
        damage=given.damage,
        delay_s=given.delay_ms / 1000,
        refuse=_drawers(given.refuse),
        stuck=_drawers(given.stuck),
        ill=set(given.ill),
    )
    try:
        key = load_key(given.image_key) if given.image_key is not None else None
        bootloader = Bootloader(given.flash, key=key)
    except (OSError, ValueError) as exc:
        raise ConfigError(f"the bootloader cannot be made: {exc}", remedy="name a public Ed25519 key and a folder of its own") from exc
    microcontroller = SimulatedMicrocontroller(
        drawers=given.drawers,
        link=given.pty_link,
        knobs=knobs,
        charge_percent=given.charge,
        drain_percent_per_h=given.drain,
        hand=not given.no_hand,
        bootloader=bootloader,
        hardware=given.hardware,
    )
    microcontroller.on_mains = given.mains
    microcontroller.start()
    logbook.announce(f"ready {microcontroller.port} with {given.drawers} drawers")
    stopping.wait()
    microcontroller.stop()
    return 0


def _drawers(text: str) -> set[int]:
    return {int(number) for number in text.split(",") if number.strip().isdigit()}


if __name__ == "__main__":
    sys.exit(main())
