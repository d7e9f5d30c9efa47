"""A vital sign or score entered at the bedside: journalled first, then used at once by the next verdict, online or not."""

from __future__ import annotations

from datetime import datetime

from cart_client import dose
from cart_client import inbox as asked
from cart_client.visit import Visit, advance, say
from pointofcare.administration import events, observation
from pointofcare.administration import session as workflow
from pointofcare.administration.session import State
from pointofcare.errors import IllegalTransitionError, QuantityError
from pointofcare.quantity import Quantity
from pointofcare.wire.messages import ObservationRecorded


def measure(visit: Visit, command: asked.Measure, now: datetime) -> None:
    """Raises: JournalError when it is not on disk; it then counts for nothing."""
    session = visit.session
    if session.nurse is None or session.patient is None or events.Measured not in workflow.TRANSITIONS[session.state]:
        raise IllegalTransitionError("session", session.state.value, "Measured")
    values: dict[str, Quantity] = {}
    for code, text in observation.pressures(command.code, command.value):
        try:
            values[code] = observation.read(code, text)
        except QuantityError as exc:
            if exc.fields.get("why") == "range":
                kind = observation.KINDS[code]
                say(visit, "value-range", low=str(kind.low), high=str(kind.high), unit=kind.unit)
            else:
                say(visit, "value-unreadable")
            return
    if observation.is_turned(values):
        say(visit, "pressure-turned")
        return
    place = visit.here.place()
    for code, value in values.items():
        told = ObservationRecorded(
            record_id=visit.new_id(),
            facility=place.facility,
            ward=place.ward,
            cart=place.cart,
            patient=session.patient,
            code=code,
            value=value,
            at=now,
            nurse=session.nurse.id,
            seq=1,
            epoch="",
        )
        visit.journal.append_observation(told, message_id=visit.new_id())
    visit.here.journal_fault = ""
    visit.dues.stale()
    visit.wake()
    advance(visit, events.Measured(at=now), now)
    if visit.session.state is State.DRUG:
        dose.judge(visit, now)
