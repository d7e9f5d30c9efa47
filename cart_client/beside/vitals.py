"""Vital signs and pain, entered as a set: each value is a record of its own, and counts for the very next verdict.

What no living person has is refused; what is far out is asked again before it is taken. All of a set are looked at first: either all
are recorded, or none, so that nobody wonders which were.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from cart_client import dose
from cart_client.beside import notes
from cart_client.beside.asked import MeasureSet
from cart_client.visit import Visit, advance, say
from pointofcare.administration import events, observation, usual
from pointofcare.administration import session as workflow
from pointofcare.administration.session import State
from pointofcare.errors import QuantityError
from pointofcare.quantity import Quantity
from pointofcare.wire.messages import ObservationRecorded

AT_BEDSIDE = tuple(code for code, kind in observation.KINDS.items() if kind.at_bedside)


def read(values: tuple[tuple[str, str], ...]) -> tuple[dict[str, Quantity], Mapping[str, str]]:
    """(values, code -> why it is none: number, range, twice or turned). What is left empty is neither; "120/80" is both pressures."""
    good: dict[str, Quantity] = {}
    wrong: dict[str, str] = {}
    for code, text in (each for entry in values for each in observation.pressures(*entry)):
        if not text.strip():
            continue
        if code in good:
            wrong[code] = "twice"
            continue
        try:
            good[code] = observation.read(code, text)
        except QuantityError as exc:
            wrong[code] = str(exc.fields.get("why", "number"))
    if observation.is_turned(good):
        wrong["diastolic"] = "turned"
    return good, wrong


def measure(visit: Visit, command: MeasureSet, now: datetime, *, in_emergency: bool = False) -> None:
    """Raises: JournalError when one is not on disk; the screen then says so, and the form can be sent again."""
    if notes.signer(visit, command) is None:
        return
    session = visit.session
    if not in_emergency and (session.patient is None or session.patient != command.patient):
        say(visit, "beside-other-patient")
        return
    patient = visit.chart.patient(command.patient, now)
    if patient is None:
        say(visit, "out-of-date")
        return
    good, wrong = read(command.values)
    if wrong:
        say(visit, "beside-value-wrong", codes=",".join(f"{code}:{why}" for code, why in wrong.items()))
        return
    if not good:
        say(visit, "beside-nothing-entered")
        return
    adult = usual.is_adult(patient.birth_date, visit.chart.today(now, "UTC"))
    doubtful = [code for code, value in good.items() if usual.asks_again(code, value, adult=adult) and code not in command.sure]
    if doubtful:
        say(visit, "beside-value-sure", codes=",".join(doubtful))
        return
    place = visit.here.place()
    for code, value in good.items():
        record_id = str(uuid.uuid5(uuid.UUID(command.form), code))
        if notes.again(visit, record_id):
            continue
        told = ObservationRecorded(
            record_id=record_id,
            facility=place.facility,
            ward=place.ward,
            cart=place.cart,
            patient=command.patient,
            code=code,
            value=value,
            at=now,
            nurse=command.nurse,
            seq=1,
            epoch="",
        )
        visit.journal.append_observation(told, message_id=visit.new_id())
    visit.here.journal_fault = ""
    visit.dues.stale()
    visit.wake()
    if session.patient == command.patient and events.Measured in workflow.TRANSITIONS[session.state]:
        # A question on the main screen is asked again with the new values; a dose in somebody's hand is looked at when it is confirmed.
        advance(visit, events.Measured(at=now), now)
        if visit.session.state is State.DRUG:
            dose.judge(visit, now)
    elif session.patient == command.patient and session.state is State.GIVING:
        dose.still_holds(visit, now)
