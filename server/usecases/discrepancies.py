"""What people do about discrepancies and overrides: look, and say why it is settled."""

from __future__ import annotations

from pointofcare.errors import ConflictError, NotFoundError
from pointofcare.people import StaffRole
from server.store import administrations, conflicts, discrepancies, versions
from server.store.discrepancies import Discrepancy
from server.store.transaction import Actor, Transaction
from server.usecases.permission import require, text

REVIEWERS = (StaffRole.CHARGE_NURSE, StaffRole.PHARMACIST)


def resolve(tx: Transaction, actor: Actor, discrepancy: int, *, reason: str) -> Discrepancy:
    """Raises: NotPermittedError, NotFoundError, ConflictError (it is resolved already), TextMissingError."""
    require(tx, actor, *REVIEWERS)
    why = text(reason, "reason")
    if discrepancies.get(tx, discrepancy).state != discrepancies.OPEN:
        raise ConflictError(f"discrepancy {discrepancy} is resolved already", remedy="look at the list again", discrepancy=discrepancy)
    resolved = discrepancies.resolve(tx, discrepancy, reason=why)
    told = {"before": {"state": discrepancies.OPEN}, "after": {"state": "resolved"}}
    detail = {"patient": resolved.patient, "code": resolved.code, "reason": why, **told}
    tx.audit("discrepancy.resolve", f"administration/{resolved.record_id}", detail)
    if resolved.code in conflicts.CODES:
        versions.bump(tx, resolved.ward)  # the carts stop telling of it
    return resolved


def review_override(tx: Transaction, actor: Actor, record_id: str, *, comment: str = "") -> None:
    """Somebody looked at an override. Raises: NotPermittedError, NotFoundError, ConflictError (somebody did already)."""
    require(tx, actor, *REVIEWERS)
    found = administrations.get(tx, record_id)
    if found is None:
        raise NotFoundError(f"record {record_id!r} is not known", remedy="look at the list again", record_id=record_id)
    if not administrations.review(tx, record_id, comment=comment.strip()):
        raise ConflictError("this override was reviewed already", remedy="look at the list again", record_id=record_id)
    told = {"before": {"reviewed": False}, "after": {"reviewed": True}}
    detail = {"patient": found.record.patient, "comment": comment.strip(), **told}
    tx.audit("override.review", f"administration/{record_id}", detail)
