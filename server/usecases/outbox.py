"""What people do about records that the EMR did not take."""

from __future__ import annotations

from typing import Final

from pointofcare.errors import ConflictError
from pointofcare.people import StaffRole
from server.store import outbox
from server.store.outbox import OutboxItem
from server.store.transaction import Actor, Transaction
from server.usecases.permission import require

# At most so many with one press: a page stays a page, and the next press takes the next ones.
MOST = 200
# Of these nobody knows, without a look in the EMR at each one, whether it holds the record: sent again in one heap they would be doubled.
ONE_BY_ONE: Final = frozenset({"emr-outcome-unknown", "emr-other-form", outbox.SENDING, outbox.SEVERAL, outbox.MISSING})


def requeue(tx: Transaction, actor: Actor, item: int, *, rebuild: bool = False) -> OutboxItem:
    """A parked record is sent again, after what kept it was put right; `rebuild` makes its payload anew.

    Raises: NotPermittedError, NotFoundError, ConflictError (it is not parked)."""
    require(tx, actor, StaffRole.PHARMACIST, StaffRole.ADMINISTRATOR)
    found = outbox.get(tx, item)
    _requeue(tx, found, rebuild=rebuild)
    return outbox.get(tx, item)


def requeue_all(tx: Transaction, actor: Actor, code: str, *, rebuild: bool = False) -> int:
    """Everything that is parked for this one reason, at most `MOST`; how many.

    Raises: NotPermittedError, ConflictError for a reason that asks for a look at each."""
    require(tx, actor, StaffRole.PHARMACIST, StaffRole.ADMINISTRATOR)
    if code in ONE_BY_ONE:
        raise ConflictError(
            f"what is parked for {code} must be looked up one by one", remedy="look in the EMR for each of them", parked=code
        )
    found = outbox.parked_for(tx, code, limit=MOST)
    for item in found:
        _requeue(tx, item, rebuild=rebuild)
    return len(found)


def _requeue(tx: Transaction, found: OutboxItem, *, rebuild: bool) -> None:
    outbox.requeue(tx, found.id, rebuild=rebuild)
    told = {"before": {"state": found.state}, "after": {"state": outbox.PENDING}}
    detail = {"patient": found.record.patient, "error": found.last_error_code, "rebuild": rebuild, **told}
    kind = found.kind if found.kind in (outbox.BLOCKED, outbox.DEVICE) else outbox.ADMINISTRATION
    tx.audit("outbox.requeue", f"{kind}/{found.record_id}", detail)
