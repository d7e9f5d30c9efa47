"""`pointofcare-cart check --config cart.toml`: whether this version of the program can work on this cart, beside the one that runs.

It reads the settings and opens a copy of the journal. It changes nothing, and prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from cart_client import at_rest, config, software
from cart_client.app import CartProgram
from cart_client.journal import Journal
from pointofcare.errors import JournalError, PointOfCareError

_TRIES = 3


def main(arguments: list[str]) -> int:
    """0: it can. 1: it cannot, and why is on standard error."""
    parser = argparse.ArgumentParser(
        prog="pointofcare-cart check", description="whether this version can work on this cart; changes nothing"
    )
    parser.add_argument("--config", type=Path, required=True, help="the cart's TOML file")
    chosen = parser.parse_args(arguments)
    try:
        settings = config.load(chosen.config, os.environ)
        rows = _unsent(settings)
    except (PointOfCareError, OSError) as exc:
        sys.stderr.write(f"this version cannot work here: {exc}\n")
        return 1
    told = {"software_hardware": software.hardware(), "program": CartProgram.__name__, "unsent_records": rows}
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


def _unsent(settings: config.Config) -> int | None:
    """How many records of the copy wait; None: this cart has no journal yet. Raises: PointOfCareError, OSError."""
    if not (settings.data_dir / at_rest.JOURNAL).exists():
        return None
    unlocked = at_rest.unlock(settings.data_dir, settings.at_rest)
    try:
        for left in range(_TRIES - 1, -1, -1):
            # Beside the journal: a copy is encrypted as that is, and leaves this disk no more than that does.
            with tempfile.TemporaryDirectory(prefix=".check-", dir=settings.data_dir) as folder:
                for name in (at_rest.JOURNAL, f"{at_rest.JOURNAL}-wal"):
                    if (settings.data_dir / name).exists():
                        shutil.copyfile(settings.data_dir / name, Path(folder) / name)
                try:
                    journal = Journal(Path(folder) / at_rest.JOURNAL, cart=settings.cart, at_rest=unlocked.key)
                    try:
                        return journal.unsent_count()
                    finally:
                        journal.close()
                except JournalError:
                    if not left:  # it was written to while it was copied, or this version cannot read it
                        raise
        return None
    finally:
        unlocked.close()
