"""Recording vital signs and scores that were measured at a bedside, or entered on the web: facts, stored once and never refused.

A value that cannot be true of a person, or cannot be of its time, is kept as it came and shown to a person; it never becomes the
patient's newest value, because hold rules believe that one.
"""

from __future__ import annotations

from datetime import timedelta

from pointofcare.administration.observation import KINDS
from pointofcare.errors import QuantityError
from pointofcare.quantity import Quantity
from pointofcare.wire.messages import DiscrepancyNote, ObservationRecorded
from server.store import discrepancies, identities, observations, outbox, versions
from server.store.discrepancies import Discrepancy
from server.store.observations import Measurement
from server.store.transaction import Actor, Transaction
from server.usecases.administrations import Recorded
from server.usecases.patients import CARE
from server.usecases.permission import require

# A cart's clock may be ahead of ours by this much.
AHEAD = timedelta(minutes=5)
OLDEST = timedelta(days=30)


def doubt(code: str, value: Quantity) -> str | None:
    """Why this is no value of that kind: "observation-code", "observation-unit", "observation-range"; None: it can be."""
    kind = KINDS.get(code)
    if kind is None:
        return "observation-code"
    try:
        number = value.to(kind.unit).value
    except QuantityError:
        return "observation-unit"
    return None if kind.low <= number <= kind.high else "observation-range"


def record(tx: Transaction, observed: ObservationRecorded, *, sender: str | None = None) -> Recorded:
    """One measurement from a cart; `sender` is the cart whose connection it came over."""
    return _record(
        tx,
        record_id=observed.record_id,
        facility=observed.facility,
        ward=observed.ward,
        cart=observed.cart,
        patient=observed.patient,
        code=observed.code,
        value=observed.value,
        at=observed.at,
        nurse=observed.nurse,
        epoch=observed.epoch,
        seq=observed.seq,
        sender=sender,
    )


def enter(tx: Transaction, actor: Actor, *, record_id: str, patient: str, code: str, value: Quantity) -> Recorded:
    """One measurement that a person enters on the web, as of now; `record_id` was drawn with the form, so that a form which is sent
    twice counts once. Raises: NotPermittedError."""
    require(tx, actor, *CARE)
    return _record(
        tx,
        record_id=record_id,
        facility=tx.facility,
        ward="",
        cart="",
        patient=patient,
        code=code,
        value=value,
        at=tx.at,
        nurse=actor.id,
        epoch="",
        seq=0,
        sender=None,
    )


def _record(tx: Transaction, *, epoch: str, seq: int, sender: str | None, **values: object) -> Recorded:
    values["patient"] = identities.held(tx, str(values["patient"]))
    known = observations.subject(tx, str(values["patient"]))
    ward = values["ward"] or (known.ward if known is not None else None) or ""
    measured = Measurement(
        **{**values, "ward": ward},  # type: ignore[arg-type]
        mrn=known.mrn if known is not None else "",
        recorded_at=tx.at,
    )
    why = _doubt(measured, tx, known=known is not None)
    if not observations.add_record(tx, measured, epoch=epoch, seq=seq, doubt=why):
        stored = discrepancies.of_record(tx, measured.record_id)
        return Recorded(record_id=measured.record_id, duplicate=True, discrepancies=tuple(_note(one) for one in stored))
    found = []
    if why is not None:
        found.append(_discrepancy(measured, why))
    elif not observations.put_in_chart(tx, measured):
        found.append(_discrepancy(measured, "observation-twice"))
    if sender is not None and sender != measured.cart:
        found.append(_discrepancy(measured, "foreign-cart", sender=sender))
    if why is None:
        outbox.put(
            tx,
            kind=outbox.OBSERVATION,
            record_id=measured.record_id,
            cart=measured.cart,
            ordering_key=measured.record_id,
            document=observations.to_document(measured),
        )
        versions.bump(tx, known.ward if known is not None else measured.ward)
    discrepancies.raise_all(tx, found)
    tx.audit(
        "observation.record",
        f"patient/{measured.patient}",
        {
            "record_id": measured.record_id,
            "cart": measured.cart,
            "nurse": measured.nurse,
            "code": measured.code,
            "value": str(measured.value),
            "doubt": why,
            "at": measured.at.isoformat(),
        },
    )
    return Recorded(record_id=measured.record_id, duplicate=False, discrepancies=tuple(_note(one) for one in found))


def _doubt(measured: Measurement, tx: Transaction, *, known: bool) -> str | None:
    if not known:
        return "unknown-patient"
    if measured.at > tx.at + AHEAD:
        return "observation-future"
    if measured.at < tx.at - OLDEST:
        return "observation-old"
    return doubt(measured.code, measured.value)


def _discrepancy(measured: Measurement, code: str, **detail: object) -> Discrepancy:
    facts = {"code": measured.code, "value": str(measured.value), "at": measured.at.isoformat(), "nurse": measured.nurse, **detail}
    return Discrepancy(code=code, record_id=measured.record_id, ward=measured.ward, patient=measured.patient, detail=facts)


def _note(one: Discrepancy) -> DiscrepancyNote:
    return DiscrepancyNote(code=one.code, facts=dict(one.detail))
