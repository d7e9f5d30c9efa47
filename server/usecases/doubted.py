"""What a person decides about a measurement that was doubted: it is true and goes into the chart, or it is wrong and stays out.

Hold rules believe what stands in the chart, so nobody accepts a value that they measured themselves, none of a moment to come, and
none whose kind or unit says nothing. What came from the bedside is never changed.
"""

from __future__ import annotations

from typing import Final

from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError
from server.store import discrepancies, observations, outbox, versions
from server.store.discrepancies import Discrepancy
from server.store.observations import Measurement
from server.store.transaction import Actor, Transaction
from server.usecases.discrepancies import REVIEWERS
from server.usecases.observations import AHEAD, doubt
from server.usecases.permission import require, text

ACCEPTED: Final = "accepted"
WITHDRAWN: Final = "withdrawn"
# Why a value was doubted that may yet be true.
MAY_BE_TRUE: Final = frozenset({"observation-range", "observation-old", "observation-future"})
SAYS_NOTHING: Final = frozenset({"observation-code", "observation-unit"})
DOUBTED: Final = MAY_BE_TRUE | SAYS_NOTHING | {"observation-twice"}


def accept(tx: Transaction, actor: Actor, discrepancy: int, *, reason: str) -> Discrepancy:
    """The value goes into the patient's chart with the moment at which it was measured, and on to the EMR.

    Raises: NotPermittedError (the role, or the one who measured), NotFoundError, ConflictError (decided already; another value of
    that moment stands there; its moment has not come; nothing that a chart can hold), TextMissingError."""
    held, measured, why = _held(tx, actor, discrepancy, reason)
    if measured.nurse == actor.id:
        raise NotPermittedError("nobody accepts a value that they measured", remedy="ask a colleague to look at it", actor=actor.id)
    # What is old or of a moment to come was doubted for that alone, and may be of no kind or unit besides.
    if held.code not in MAY_BE_TRUE or measured.at > tx.at + AHEAD or doubt(measured.code, measured.value) in SAYS_NOTHING:
        raise ConflictError(
            f"a value that was doubted for {held.code} cannot stand in the chart",
            remedy="withdraw it and measure again",
            discrepancy=discrepancy,
        )
    who = observations.subject(tx, measured.patient)
    if who is None or not observations.put_in_chart(tx, measured):
        raise ConflictError(
            "another value of this moment stands in the chart", remedy="withdraw this one and measure again", discrepancy=discrepancy
        )
    outbox.put(
        tx,
        kind=outbox.OBSERVATION,
        record_id=measured.record_id,
        cart=measured.cart,
        ordering_key=measured.record_id,
        document=observations.to_document(measured),
    )
    versions.bump(tx, who.ward or measured.ward)
    return _decide(tx, held, measured, ACCEPTED, why)


def withdraw(tx: Transaction, actor: Actor, discrepancy: int, *, reason: str) -> Discrepancy:
    """The value stays out of the chart for good. Raises: NotPermittedError, NotFoundError, ConflictError (decided already),
    TextMissingError."""
    held, measured, why = _held(tx, actor, discrepancy, reason)
    who = observations.subject(tx, measured.patient)
    versions.bump(tx, who.ward if who is not None else None)
    return _decide(tx, held, measured, WITHDRAWN, why)


def _held(tx: Transaction, actor: Actor, discrepancy: int, reason: str) -> tuple[Discrepancy, Measurement, str]:
    require(tx, actor, *REVIEWERS)
    why = text(reason, "reason")
    held = discrepancies.hold(tx, discrepancy)
    measured = observations.get(tx, held.record_id) if held.code in DOUBTED else None
    if measured is None:
        raise NotFoundError(
            f"discrepancy {discrepancy} is about no doubted measurement", remedy="look at the list again", discrepancy=discrepancy
        )
    if held.state != discrepancies.OPEN:
        raise ConflictError(f"discrepancy {discrepancy} is resolved already", remedy="look at the list again", discrepancy=discrepancy)
    return held, measured, why


def _decide(tx: Transaction, held: Discrepancy, measured: Measurement, answer: str, why: str) -> Discrepancy:
    decided = discrepancies.resolve(tx, held.id, reason=why, answer=answer)
    tx.audit(
        f"observation.{'accept' if answer == ACCEPTED else 'withdraw'}",
        f"patient/{measured.patient}",
        {
            "record_id": measured.record_id,
            "code": measured.code,
            "value": str(measured.value),
            "at": measured.at.isoformat(),
            "nurse": measured.nurse,
            "doubt": held.code,
            "reason": why,
        },
    )
    return decided
