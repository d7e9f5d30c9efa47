"""What the carts gave against what the databases and the EMR hold: each dose once, nothing else, and each in its own hospital."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg

from simulation.province.carts import Wards


def compared(url: str, wards: Wards, directory: Path, *, wait_s: float) -> dict[str, Any]:
    """Counts; waits until the outboxes are empty, so long at most."""
    given = {record: giver.facility.id for giver in wards.givers for record in giver.doses}
    deadline = time.monotonic() + wait_s
    with psycopg.connect(url, autocommit=True) as connection:
        while _pending(connection) and time.monotonic() < deadline:
            time.sleep(0.5)
        records = list(given)
        stored = connection.execute("SELECT record_id, facility FROM administrations WHERE record_id = ANY(%s)", (records,)).fetchall()
        sent = connection.execute(
            "SELECT record_id, facility FROM outbox WHERE kind = 'administration' AND state = 'sent' AND record_id = ANY(%s)", (records,)
        ).fetchall()
        other = connection.execute("SELECT count(*) FROM administrations WHERE cart_epoch <> 'scale' AND record_id <> ALL(%s)", (records,))
        strange = other.fetchone()
    files = [path.stem for path in directory.glob("*/emr-out/*.json")]
    in_emr = [record for record in files if record in given]
    rows, settled = Counter(stored), Counter(sent)
    lost = [record for record, facility in given.items() if not rows[(record, facility)] or not settled[(record, facility)]]
    doubled = sum(
        count > 1 for counted in (Counter(r for r, _ in stored), Counter(r for r, _ in sent), Counter(in_emr)) for count in counted.values()
    )
    doses = [dose for giver in wards.givers for dose in giver.doses.values()]
    waits = sorted(dose.receipt_s - dose.given_s for dose in doses if dose.receipt_s is not None)
    return {
        "given": len(given),
        "lost": len(lost) + len(set(given) - set(in_emr)),
        "doubled": doubled,
        "strange": int(strange[0] if strange else 0) + sum(len(giver.strange) for giver in wards.givers),
        "unsettled": wards.unsettled,
        "in_emr": len(set(in_emr)),
        "receipt_p50_ms": round(1000 * waits[len(waits) // 2], 1) if waits else None,
        "receipt_longest_s": round(waits[-1], 1) if waits else None,
    }


def _pending(connection: psycopg.Connection[tuple[Any, ...]]) -> bool:
    found = connection.execute("SELECT EXISTS (SELECT 1 FROM outbox WHERE state = 'pending')").fetchone()
    return bool(found and found[0])
