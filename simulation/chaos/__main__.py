"""`make chaos`: real programs, virtual nurses, a seeded schedule of faults, and afterwards a history checker that knows no product code.

`python -m simulation.chaos [--doses N] [--faults N] [--carts N] [--seed N] [--broker nats|mosquitto] [--json FILE] [--keep DIR]`.
Ends with 0 when nothing was lost, doubled, out of order or stuck; with 1 otherwise, and the folder with all evidence is named.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from simulation.chaos.run import Asked, whole


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m simulation.chaos", description=__doc__)
    parser.add_argument("--doses", type=int, default=10_000, help="how many doses are to be recorded (default: 10000)")
    parser.add_argument("--faults", type=int, default=500, help="how many faults (default: 500)")
    parser.add_argument("--carts", type=int, default=12, help="how many carts, two a ward (default: 12)")
    parser.add_argument("--seed", type=int, default=None, help="the same seed draws the same schedule (default: drawn)")
    parser.add_argument("--rate", type=float, default=7.0, help="doses a second of all nurses together, at most (default: 7)")
    parser.add_argument("--broker", choices=("nats", "mosquitto"), default="nats")
    parser.add_argument("--json", type=Path, help="write the result to this file")
    parser.add_argument("--keep", type=Path, help="an empty folder for the run's evidence, which is kept")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(10**6)
    directory = chosen.keep or Path(tempfile.mkdtemp(prefix="pointofcare-chaos-"))
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    asked = Asked(doses=chosen.doses, faults=chosen.faults, carts=chosen.carts, seed=seed, broker=chosen.broker, rate=chosen.rate)
    good = whole(asked, directory.resolve(), say=lambda text: print(text, flush=True), json_file=chosen.json)
    if good and chosen.keep is None:
        shutil.rmtree(directory, ignore_errors=True)
    else:
        print(f"The evidence is in {directory}; the same faults again: --seed {seed}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
