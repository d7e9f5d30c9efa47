"""`pointofcare-cart --config cart.toml`: run one cart until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from cart_client import config
from cart_client.app import CartProgram
from pointofcare.errors import ConfigError, PointOfCareError

_WATCH_S = 1.0


def main(arguments: list[str] | None = None) -> int:
    """0 after a clean stop, 2 for a configuration that cannot be used, 1 when a part of the cart died."""
    parser = argparse.ArgumentParser(prog="pointofcare-cart", description="the bedside cart: camera, verdict, journal, kiosk")
    parser.add_argument("--config", type=Path, required=True, help="the cart's TOML file")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    halted = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: halted.set())
    try:
        program = CartProgram(config.load(chosen.config, os.environ))
    except ConfigError as exc:
        for where, what in exc.problems or ((str(chosen.config), str(exc)),):
            sys.stderr.write(f"{where}: {what}\n")
        return 2
    except (PointOfCareError, OSError) as exc:
        sys.stderr.write(f"the cart cannot start: {exc}\n")
        return 2
    program.start()
    sys.stdout.write(f"ready {program.url}\n")
    sys.stdout.flush()
    while not halted.wait(_WATCH_S):
        if not program.alive:
            logging.getLogger(__name__).critical("a part of the cart died: start it again")
            program.stop()
            return 1
    program.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
