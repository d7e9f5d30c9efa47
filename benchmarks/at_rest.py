"""What the encryption costs a nurse: a bare durable INSERT, the same into an encrypted file, and a whole append to the cart's journal.

Run `python -m benchmarks.at_rest [--quick]`: on a real file system, in turns in the same run, as many bytes each; the first is the floor.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import ratio, save, spread
from cart_client import sealed
from cart_client.journal import Journal
from tests.integration.test_cart_journal import a_record

RECORD_BYTES = 1200


def _inserts(path: Path, key: sealed.Key | None) -> Callable[[int], None]:
    db = sealed.connect(path, key)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "CREATE TABLE floor (id INTEGER PRIMARY KEY, payload BLOB)"):
        db.execute(statement)
    payload = os.urandom(RECORD_BYTES)

    def insert(_number: int) -> None:
        db.execute("INSERT INTO floor (payload) VALUES (?)", (payload,))

    return insert


def _appends(path: Path, key: sealed.Key | None) -> Callable[[int], None]:
    journal = Journal(path, cart="cart-1", at_rest=key)
    records = [a_record(f"r-{number}") for number in range(600)]

    def append(number: int) -> None:
        journal.append(records[number], message_id=f"m-{number}")

    return append


def run(quick: bool = False) -> dict[str, Any]:
    times = 60 if quick else 500
    with tempfile.TemporaryDirectory() as name:
        folder, key = Path(name), sealed.draw()
        ways = {
            "bare_insert_ms": _inserts(folder / "bare.sqlite", None),
            "encrypted_insert_ms": _inserts(folder / "encrypted.sqlite", key),
            "clear_append_ms": _appends(folder / "clear.sqlite", None),
            "encrypted_append_ms": _appends(folder / "journal.sqlite", key),
        }
        took: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(times):
            for way, do in ways.items():
                begin = time.perf_counter()
                do(number)
                took[way].append((time.perf_counter() - begin) * 1000)
    bare = took["bare_insert_ms"]
    result = {
        "times": times,
        **{name: spread(each) for name, each in took.items()},
        "encryption_ratio": ratio(took["encrypted_insert_ms"], bare),
        "append_ratio": ratio(took["encrypted_append_ms"], bare),
        "clear_append_ratio": ratio(took["clear_append_ms"], bare),
        "quick": quick,
    }
    save("at_rest", result)
    return result


def table(result: dict[str, Any]) -> str:
    lines = [f"at rest: {result['times']} durable writes each"]
    for name, told in result.items():
        if name.endswith("_ms"):
            lines.append(f"  {name:24} " + "  ".join(f"{key} {value}" for key, value in told.items()))
    lines.append(f"  an encrypted insert costs {result['encryption_ratio']} times a bare one")
    lines.append(f"  an append to the encrypted journal costs {result['append_ratio']} times ({result['clear_append_ratio']} in clear)")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table(run("--quick" in sys.argv)) + "\n")
