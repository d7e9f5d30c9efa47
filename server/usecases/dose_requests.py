"""S5: the doses that a ward's carts asked the pharmacy for, as the carts show them: with the answer and since when it is awaited."""

from __future__ import annotations

from datetime import timedelta

from pointofcare.wire.tables import DoseRequest
from server.store import tasks
from server.store.transaction import Transaction
from server.usecases.task_kinds import DOSE_REQUEST

# How long an answer stays on the carts after it was given.
SHOWN = timedelta(hours=24)
_LONGEST_ANSWER = 500


def of_ward(tx: Transaction, ward: str) -> tuple[DoseRequest, ...]:
    """Open requests and those answered of late, of the patients who are in the ward now: one statement."""
    return tuple(
        DoseRequest(
            record_id=task.record_id or task.key,
            order=task.order or "",
            due=task.due,
            status=task.status,
            asked_at=task.raised_at,
            answered_at=task.answered_at,
            answer=(task.answer or "")[:_LONGEST_ANSWER],
        )
        for task in tasks.of_ward(tx, ward, kind=DOSE_REQUEST, since=tx.at - SHOWN)
    )
