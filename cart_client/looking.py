"""Looking at a patient before the wristband is scanned: what is due there, and nothing can be given or recorded.

Must never open a patient: only a wristband does (rules P1, P5).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from cart_client import looks
from cart_client.visit import Visit, become, say
from pointofcare.administration.session import State


def at(visit: Visit, patient: str, now: datetime) -> None:
    """Show this patient's lines; "" goes back to the round. What was looked at before counts as seen."""
    session = visit.session
    if session.state is not State.SIGNED_IN:
        say(visit, "not-now", state=session.state.value)
        return
    found = looks.look(visit.chart.body(now), patient) if patient else None
    if patient and found is None:
        say(visit, "out-of-date")
        return
    left(visit)
    visit.looking, visit.look = patient, found
    become(visit, replace(session, last_at=now), now)


def left(visit: Visit) -> None:
    """Whoever is signed in goes on by an own tap or scan: what the screen was made from is seen."""
    if visit.session.nurse is not None:
        visit.looks.done(visit.session.nurse.id, visit.look)
    visit.looking, visit.look = "", None
