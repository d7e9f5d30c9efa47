"""Break-glass: opening a chart outside one's wards with a reason, for a time, and the review of it by somebody else.

It is never refused to who may open one and says why: a patient must not wait for a list of wards. It is never silent either: each look
is marked in the audit, and it stays on a list until another person has judged it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError, UnreadableError
from pointofcare.people import StaffRole
from server.store import emergencies
from server.store.emergencies import Emergency
from server.store.transaction import Actor, Transaction
from server.usecases.permission import require, text

CODES: Final = ("resuscitation", "transfer", "cover", "phone", "other")
OPENERS = (StaffRole.NURSE, StaffRole.CHARGE_NURSE)
REVIEWERS = (StaffRole.CHARGE_NURSE, StaffRole.ADMINISTRATOR)
SHORTEST_REASON = 5


def open_(
    tx: Transaction, actor: Actor, patient: str, *, code: str, words: str, lasts: timedelta, review_within: timedelta
) -> Emergency:  # fmt: skip
    """The chart of one patient for `lasts`. One that lasts already is returned as it is.

    Raises: NotPermittedError, NotFoundError, UnreadableError (no such reason), TextMissingError, ConflictError (the person reaches the
    patient anyway)."""
    require(tx, actor, *OPENERS)
    found = emergencies.outside(tx, patient)
    if found is None or found.id != patient:
        raise NotFoundError(f"patient {patient!r} is not known", remedy="look for the patient again", patient=patient)
    before = emergencies.running(tx, patient)
    if before is not None:
        return before
    if found.is_reached:
        raise ConflictError("you reach this patient anyway", remedy="open the chart", patient=patient)
    if code not in CODES:
        raise UnreadableError("the reason is missing", remedy="choose a reason", code=code)
    reason = text(words, "reason")
    if len(reason) < SHORTEST_REASON:
        raise UnreadableError("the reason is too short", remedy="say in a few words why", code=code)
    opened = emergencies.add(
        tx, patient=patient, ward=found.ward, code=code, reason=reason, until=tx.at + lasts, review_by=tx.at + review_within
    )
    detail = {"patient": patient, "ward": found.ward, "code": code, "reason": reason, "until": (tx.at + lasts).isoformat()}
    tx.audit("emergency.open", f"emergency/{opened}", detail)
    return emergencies.get(tx, opened)


def end(tx: Transaction, actor: Actor, emergency: int) -> Emergency:
    """Before its time, by who opened it. Raises: NotPermittedError, NotFoundError."""
    found = emergencies.get(tx, emergency)
    if actor.id != tx.actor.id or found.staff != actor.id:
        raise NotPermittedError("only who opened it ends it", remedy="it ends by itself", emergency=emergency)
    if found.is_running(tx.at):
        emergencies.end(tx, emergency)
        tx.audit("emergency.end", f"emergency/{emergency}", {"patient": found.patient})
    return emergencies.get(tx, emergency)


def review(tx: Transaction, actor: Actor, emergency: int, *, judged: str, comment: str) -> Emergency:
    """Another person says whether it was justified, with a word on it.

    Raises: NotPermittedError (the role, another ward, or one's own), NotFoundError, UnreadableError, TextMissingError, ConflictError
    (somebody did already)."""
    require(tx, actor, *REVIEWERS)
    found = emergencies.get(tx, emergency)
    if found.staff == actor.id:
        raise NotPermittedError("nobody reviews the own emergency access", remedy="ask a colleague to look at it", emergency=emergency)
    if judged not in emergencies.JUDGEMENTS:
        raise UnreadableError("justified or not is missing", remedy="choose one", judged=judged)
    said = text(comment, "comment")
    if not emergencies.judge(tx, emergency, judged=judged, comment=said):
        raise ConflictError("this access was reviewed already", remedy="look at the list again", emergency=emergency)
    told = {"before": {"judged": None}, "after": {"judged": judged, "comment": said}}
    tx.audit("emergency.review", f"emergency/{emergency}", {"patient": found.patient, "staff": found.staff, **told})
    return emergencies.get(tx, emergency)
