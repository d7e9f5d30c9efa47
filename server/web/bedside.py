"""What was said and done at the bedside beside the doses: drugs shown to patients with their questions, handovers, emergencies step by
step. Reads; a question is answered on the work list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, request

from pointofcare.errors import NotFoundError, QuantityError
from pointofcare.wire.messages import NoteKind
from server.security import viewing
from server.security.permissions import SEE_BOARD, SEE_PATIENTS
from server.security.person import actor, requires
from server.store import bedside_notes, patients, reach, views_patients, views_pharmacy
from server.store.bedside_notes import BedsideNote
from server.store.transaction import Transaction, reading
from server.web import page

room = Blueprint("bedside", __name__, url_prefix="/bedside")

BACK = timedelta(days=7)
BACK_OF_PATIENT = timedelta(days=60)
SHOWN = 100
_LISTS = ("shown", "open", "lines")
# Of a ward's page: what stands for the rest (the steps of an emergency are on its own page).
_OF_WARD = (
    NoteKind.HANDOVER.value,
    NoteKind.HANDOVER_TAKEN.value,
    NoteKind.ANAPHYLAXIS_BEGAN.value,
    NoteKind.ANAPHYLAXIS_ENDED.value,
    NoteKind.DRUGS_SHOWN.value,
    NoteKind.SKIN_TEST.value,
)


@room.get("/")
@requires(SEE_BOARD)
def ward() -> str:
    with reading(actor()) as tx:
        wards = views_patients.wards(tx)
        chosen = request.args.get("ward", "")
        chosen = chosen if chosen in {one.id for one in wards} else next((one.id for one in wards), "")
        notes = bedside_notes.of_ward(tx, chosen, kinds=_OF_WARD, since=tx.at - BACK, limit=SHOWN) if chosen else ()
        context = _around(tx, notes)
    viewing.seen(patients={note.patient for note in notes if note.patient}, ward=chosen, count=len(notes))
    return page.render("bedside.html", wards=wards, ward=chosen, who=None, days=BACK.days, **context)


@room.get("/patients/<patient_id>")
@requires(SEE_PATIENTS)
def patient(patient_id: str) -> str:
    with reading(actor()) as tx:
        who = patients.get(tx, patient_id)
        notes = bedside_notes.of_patient(tx, patient_id, since=tx.at - BACK_OF_PATIENT)
        context = _around(tx, notes)
    viewing.seen(patient=patient_id, count=len(notes))
    return page.render("bedside.html", wards=(), ward="", who=who, days=BACK_OF_PATIENT.days, **context)


@room.get("/notes/<record_id>")
@requires(SEE_PATIENTS)
def one(record_id: str) -> str:
    """One note with all that belongs to it: an emergency with its steps, a handover with who took it."""
    with reading(actor()) as tx:
        notes = bedside_notes.together(tx, record_id)
        first = next((note for note in notes if note.record_id == record_id), None)
        if first is None:
            raise NotFoundError(f"note {record_id[:64]!r} is not here", remedy="look at the list again", record_id=record_id[:64])
        # A ward's own thing, too, is that ward's alone: its handover names its patients.
        whose = patients.ward_of(tx, first.patient) if first.patient else None
        reach.must_see_thing(tx, ward=first.ward, patient=first.patient, patient_ward=whose)
        context = _around(tx, notes)
    viewing.seen(patient=first.patient, ward=first.ward, count=len(notes))
    return page.render("bedside_note.html", first=first, **context)


def _around(tx: Transaction, notes: Iterable[BedsideNote]) -> dict[str, Any]:
    told = tuple(notes)
    people = {note.nurse for note in told} | {str(note.details["from"]) for note in told if note.details.get("from")}
    return {"notes": tuple(map(_tidy, told)), "names": views_pharmacy.names(tx, people), "at": _moment, "said": _amount}


def _tidy(note: BedsideNote) -> BedsideNote:
    """A cart wrote the details: what is not of the kind that the page lists is left out, so that no note can keep a page away."""
    details: dict[str, Any] = {
        name: value for name, value in note.details.items() if name not in _LISTS and isinstance(value, str | int | bool)
    }
    for name in _LISTS:
        held = note.details.get(name)
        details[name] = [dict(each) for each in held if isinstance(each, Mapping)] if isinstance(held, list) else []
    for line in details["lines"]:
        line["values"] = line["values"] if isinstance(line.get("values"), Mapping) else {}
    return replace(note, details=details)


def _amount(value: object) -> str:
    """As people read it, or as the cart wrote it."""
    try:
        return page.amount(str(value))
    except QuantityError:
        return str(value)[:60]


def _moment(text: object) -> datetime | None:
    """A moment of a note's details."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
