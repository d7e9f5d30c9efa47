"""Recording a dose that was stopped or given up: evidence for the ward, never a dose, and never refused."""

from __future__ import annotations

from dataclasses import replace

from pointofcare.wire import values
from pointofcare.wire.messages import AttemptStopped
from server.store import administrations
from server.store import leases as stored_leases
from server.store.transaction import Transaction
from server.usecases import leases, tasks_raised
from server.usecases.administrations import Recorded


def record(tx: Transaction, attempt: AttemptStopped, *, raise_tasks: bool = True) -> Recorded:
    """Records it once, with its audit row. It changes no chart and goes to no EMR. `raise_tasks` False is for one whose tasks could
    not be raised: the evidence is kept all the same."""
    row = {
        "record_id": attempt.record_id,
        "ward": attempt.ward,
        "cart": attempt.cart,
        "patient": attempt.patient,
        "order": attempt.order,
        "product": attempt.products[0] if attempt.products else None,
        "nurse": attempt.nurse,
        "level": attempt.level,
        "rules": [finding.rule for finding in attempt.findings],
        "at": attempt.at,
        "document": values.to_plain(replace(attempt, facts=None)),  # they have a column of their own
        "facts": attempt.facts,
    }
    if not administrations.insert_attempt(tx, row):
        return Recorded(record_id=attempt.record_id, duplicate=True, discrepancies=())
    detail: dict[str, object] = {
        "cart": attempt.cart,
        "nurse": attempt.nurse,
        "patient": attempt.patient,
        "outcome": attempt.outcome.value,
        "level": attempt.level,
    }
    detail["at"] = attempt.at.isoformat()
    if attempt.patient is not None:
        leases.arrived(tx, stored_leases.doubts(tx, attempt.patient), attempt.record_id)
    tx.audit("attempt.record", f"attempt/{attempt.record_id}", detail)
    if raise_tasks:
        tasks_raised.after_attempt(tx, attempt)
    return Recorded(record_id=attempt.record_id, duplicate=False, discrepancies=())
