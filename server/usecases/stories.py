"""A record's id came again with another content: the first stays as it is, and the second is told to a person, whole.

The id is drawn once at a bedside and sent with the same bytes each time, so this is a fault of a program or a forgery. It is answered
with a receipt all the same, for the cart would send it for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import QuantityError
from pointofcare.wire import values
from pointofcare.wire.messages import AttemptStopped, BedsideNoted
from server.store import discrepancies, mapping_record, stories
from server.store.discrepancies import Discrepancy
from server.store.transaction import Transaction

CODE = "other-story"


def compare_record(tx: Transaction, record: AdministrationRecord, *, sender: str | None) -> None:
    """Of a record whose id is known. What an older program did not store does not differ."""
    kept = stories.of_administration(tx, record.record_id)
    told = mapping_record.to_document(record)
    if kept is None or _same(kept, told):
        return
    _raise(tx, record.record_id, record.ward, record.patient, kept, told, sender or record.cart)


def compare_attempt(tx: Transaction, attempt: AttemptStopped, *, sender: str | None) -> None:
    """As `compare_record`."""
    kept = stories.of_attempt(tx, attempt.record_id)
    told = values.to_plain(replace(attempt, facts=None))
    if kept is None or dict(kept) == told:
        return
    _raise(tx, attempt.record_id, attempt.ward, attempt.patient or "", kept, told, sender or attempt.cart)


def compare_note(
    tx: Transaction, note: BedsideNoted, kept: Mapping[str, Any] | None, told: Mapping[str, Any], *, sender: str | None
) -> None:
    """As `compare_record`, of two notes as they are stored."""
    if kept is not None and dict(kept) != dict(told):
        _raise(tx, note.record_id, note.ward, note.patient or "", kept, told, sender or note.cart)


def _same(kept: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    try:
        return mapping_record.from_document(kept) == mapping_record.from_document(told)
    except (KeyError, ValueError, TypeError, QuantityError):
        return dict(kept) == told


def _raise(tx: Transaction, record_id: str, ward: str, patient: str, kept: Mapping[str, Any], told: Mapping[str, Any], sender: str) -> None:
    differ = sorted(name for name in {*kept, *told} if kept.get(name) != told.get(name))
    detail = {"sender": sender, "differ": differ, "told": dict(told)}
    found = Discrepancy(
        code=CODE, record_id=record_id, ward=str(kept.get("ward") or ward), patient=str(kept.get("patient") or patient), detail=detail
    )
    if any(one.code == CODE for one in discrepancies.of_record(tx, record_id)):
        return
    discrepancies.raise_all(tx, (found,))
    tx.audit("record.other-story", f"record/{record_id}", {"sender": sender, "differ": differ})
