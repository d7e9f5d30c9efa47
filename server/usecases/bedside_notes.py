"""Recording what was said or done at a bedside and is no dose: drugs shown to a patient, handovers, the steps of an emergency.

A fact, kept once as it came and never refused. A patient's question and a severe reaction become somebody's task in the same
transaction. It changes no chart and no dose; a drug given in an emergency is an administration, and comes as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pointofcare.administration import skin_reading
from pointofcare.people import SkinResult
from pointofcare.wire import values
from pointofcare.wire.messages import BedsideNoted, DiscrepancyNote, NoteKind
from server.store import bedside_notes, discrepancies, identities, observations, patients, tasks, versions
from server.store.discrepancies import Discrepancy
from server.store.tasks import NewTask
from server.store.transaction import Transaction
from server.usecases import incidents, stories
from server.usecases.administrations import Recorded
from server.usecases.task_kinds import PATIENT_QUESTION, SEVERE_REACTION, SKIN_POSITIVE

# Local choices: a patient's question is answered the same shift, a severe reaction is entered as an allergy and told within a day.
ANSWERED_WITHIN = timedelta(hours=4)
REACTION_WITHIN = timedelta(hours=24)
# The ordered drug cannot be given: somebody has to choose another before the next dose.
SKIN_WITHIN = timedelta(hours=4)
ASKED_BY = frozenset({"patient", "family"})
ASKED_OF = frozenset({"nurse", "pharmacist", "prescriber"})
_LONGEST = 500


def record(tx: Transaction, note: BedsideNoted, *, sender: str | None = None) -> Recorded:
    """Records it once, with its audit row and what people owe because of it. `sender` is the cart whose connection it came over."""
    if note.kind == NoteKind.INCIDENT:  # kept apart from the patient's record
        return incidents.record(tx, note, sender=sender)
    plain = values.to_plain(note)
    assert isinstance(plain, dict)
    sent = note
    if note.patient is not None:  # a cart with an older chart names a record that has become part of another one
        note = replace(note, patient=identities.held(tx, note.patient))
    row = {
        "record_id": note.record_id,
        "ward": note.ward,
        "cart": note.cart,
        "cart_epoch": note.epoch,
        "cart_seq": note.seq,
        "kind": note.kind,
        "patient": note.patient,
        "of": note.of,
        "nurse": note.nurse,
        "at": note.at,
        "document": plain,
    }
    if not bedside_notes.add(tx, row):
        stories.compare_note(tx, sent, bedside_notes.document(tx, note.record_id), bedside_notes.clean(plain), sender=sender)
        return _recorded(tx, note.record_id, duplicate=True)
    found = []
    if note.patient is not None and observations.subject(tx, note.patient) is None:
        found.append(_discrepancy(note, "unknown-patient", patient=note.patient))
    if sender is not None and sender != note.cart:
        found.append(_discrepancy(note, "foreign-cart", cart=note.cart, sender=sender))
    discrepancies.raise_all(tx, found)
    if note.kind == NoteKind.SKIN_TEST and note.patient is not None:
        versions.bump(tx, note.ward, patients.ward_of(tx, note.patient))  # the other carts' verdicts look at it
    task = _task(note)
    if task is not None:
        tasks.put(tx, task)
    tx.audit(
        "bedside.note",
        f"patient/{note.patient}" if note.patient is not None else f"ward/{note.ward}",
        {"record_id": note.record_id, "kind": note.kind, "cart": note.cart, "nurse": note.nurse, "of": note.of, "at": note.at.isoformat()},
    )
    return _recorded(tx, note.record_id, duplicate=False)


def _task(note: BedsideNoted) -> NewTask | None:
    told = note.details
    if note.kind == NoteKind.DRUGS_SHOWN and told.get("answer") == "question":
        detail: dict[str, Any] = {"reason_text": _said(told, "words"), "name": _said(told, "about"), "nurse": note.nurse}
        for name, codes in (("asked_by", ASKED_BY), ("asked_of", ASKED_OF)):
            if _said(told, name) in codes:
                detail[name] = _said(told, name)
        return NewTask(
            kind=PATIENT_QUESTION,
            key=note.record_id,
            ward=note.ward,
            patient=note.patient,
            order=_said(told, "order") or None,
            record_id=note.record_id,
            detail=detail,
            due_by=note.at + ANSWERED_WITHIN,
        )
    if note.kind == NoteKind.ANAPHYLAXIS_BEGAN:
        suspected = _said(told, "suspected")
        detail = {"given_at": note.at.isoformat(), "nurse": note.nurse, **({"suspected": suspected} if suspected else {})}
        return NewTask(
            kind=SEVERE_REACTION,
            key=note.record_id,
            ward=note.ward,
            patient=note.patient,
            record_id=note.record_id,
            detail=detail,
            due_by=note.at + REACTION_WITHIN,
        )
    if note.kind == NoteKind.SKIN_TEST:
        read = skin_reading.read(told, read_at=note.at, read_by=note.nurse)
        if read is not None and read.result is not SkinResult.NEGATIVE:
            return NewTask(
                kind=SKIN_POSITIVE,
                key=note.record_id,
                ward=note.ward,
                patient=note.patient,
                record_id=note.record_id,
                detail={"given_at": note.at.isoformat(), "nurse": note.nurse, "drug": read.drug, "result": read.result.value},
                due_by=note.at + SKIN_WITHIN,
            )
    return None


def _said(told: Mapping[str, object], name: str) -> str:
    """A text that a cart sent; anything else is none."""
    value = told.get(name)
    return value.replace("\x00", "\ufffd")[:_LONGEST] if isinstance(value, str) else ""


def _discrepancy(note: BedsideNoted, code: str, **detail: object) -> Discrepancy:
    return Discrepancy(
        code=code, record_id=note.record_id, ward=note.ward, patient=note.patient or "", detail={"kind": note.kind, **detail}
    )


def _recorded(tx: Transaction, record_id: str, *, duplicate: bool) -> Recorded:
    found = discrepancies.of_record(tx, record_id)
    notes = tuple(DiscrepancyNote(code=one.code, facts=dict(one.detail)) for one in found)
    return Recorded(record_id=record_id, duplicate=duplicate, discrepancies=notes)
