"""What people do about records that the EMR did not take."""

from __future__ import annotations

from pointofcare.people import StaffRole
from server.store import outbox
from server.store.outbox import OutboxItem
from server.store.transaction import Actor, Transaction
from server.usecases.permission import require


def requeue(tx: Transaction, actor: Actor, item: int, *, rebuild: bool = False) -> OutboxItem:
    """A parked record is sent again, after what kept it was put right; `rebuild` makes its payload anew.

    Raises: NotPermittedError, NotFoundError, ConflictError (it is not parked)."""
    require(tx, actor, StaffRole.PHARMACIST, StaffRole.ADMINISTRATOR)
    found = outbox.get(tx, item)
    outbox.requeue(tx, item, rebuild=rebuild)
    told = {"before": {"state": found.state}, "after": {"state": outbox.PENDING}}
    detail = {"patient": found.record.patient, "error": found.last_error_code, "rebuild": rebuild, **told}
    tx.audit("outbox.requeue", f"administration/{found.record_id}", detail)
    return outbox.get(tx, item)
