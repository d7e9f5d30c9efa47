"""Making a note durable. What a form asks twice is recorded once; nothing is called recorded before the journal has it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from cart_client.beside.asked import Beside
from cart_client.visit import Visit, say
from pointofcare.people import Nurse
from pointofcare.wire.messages import BedsideNoted, NoteKind


def signer(visit: Visit, command: Beside) -> Nurse | None:
    """Who signs: the person who is signed in, if the page was made for that person. Otherwise says why nobody does."""
    nurse = visit.session.nurse
    if nurse is None or nurse.id != command.nurse:
        say(visit, "beside-other-nurse")
        return None
    if not is_form(command.form):
        say(visit, "out-of-date")
        return None
    return nurse


def is_form(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def again(visit: Visit, record_id: str) -> bool:
    """Is this very form recorded already? A double tap, or an answer that got lost on its way to the page."""
    return visit.journal.entry(record_id) is not None


def write(
    visit: Visit,
    command: Beside,
    kind: NoteKind,
    now: datetime,
    *,
    patient: str | None,
    of: str | None = None,
    details: Mapping[str, object] | None = None,
) -> None:
    """Raises: JournalError when it is not on disk; it then counts for nothing."""
    place = visit.here.place()
    note = BedsideNoted(
        record_id=command.form,
        facility=place.facility,
        ward=place.ward,
        cart=place.cart,
        kind=kind.value,
        patient=patient,
        of=of,
        at=now,
        recorded_at=now,
        nurse=command.nurse,
        online=place.online,
        seq=1,
        epoch="",
        details=dict(details or {}),
    )
    visit.journal.append_note(note, message_id=visit.new_id())
    visit.here.journal_fault = ""
    visit.dues.noted()
    visit.wake()
