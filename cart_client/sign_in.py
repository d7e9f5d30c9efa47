"""Who is at the cart: badges, PINs and the second person. A badge alone proves nobody; the chart's roster and the PIN do."""

from __future__ import annotations

from datetime import datetime

from cart_client import dose
from cart_client.visit import Visit, advance, note, say
from pointofcare.administration import events
from pointofcare.administration.session import State
from pointofcare.errors import NotPermittedError


def badge(visit: Visit, number: str, now: datetime) -> None:
    """A badge was read or typed: the nurse's, or that of the second person who is asked for."""
    session = visit.session
    if session.state is State.AWAITING_WITNESS:
        if not visit.chart.knows_badge(number, now):
            say(visit, "badge-unknown")
        elif number == session.badge:
            say(visit, "witness-same")
        elif number != visit.witness_badge:
            visit.witness_badge = number
            visit.moment += 1
    elif session.state in (State.IDLE, State.BADGE):
        if visit.chart.missing(now) and "staff-roster" in visit.chart.missing(now):
            say(visit, "roster-missing")
        elif not visit.chart.knows_badge(number, now):
            say(visit, "badge-unknown")
        else:
            advance(visit, events.BadgeRead(badge=number, at=now), now)
    elif number != session.badge:
        say(visit, "sign-out-first")


def pin(visit: Visit, typed: str, now: datetime) -> None:
    """The PIN of the badge that was read."""
    session = visit.session
    witness = session.state is State.AWAITING_WITNESS
    number = visit.witness_badge if witness else (session.badge or "")
    if not number or (not witness and session.state is not State.BADGE):
        say(visit, "not-now", state=session.state.value)
        return
    if visit.pins.paused(number):
        say(visit, "pin-paused", seconds=int(visit.pins.pause_s))
        return
    try:
        nurse, second = visit.chart.person(number, typed, now)
    except NotPermittedError as exc:
        why = str(exc.fields.get("why", "not-permitted"))
        if why == "pin-wrong":
            visit.pins.missed(number)
            note(visit, "pin-wrong", now, {})
        say(visit, why)
        return
    visit.pins.passed(number)
    if not witness:
        advance(visit, events.SignedIn(nurse=nurse, at=now), now)
        visit.dues.stale()
    elif session.nurse is not None and second.id == session.nurse.id:
        say(visit, "witness-same")
    else:
        visit.witness_badge = ""
        advance(visit, events.WitnessGiven(witness=second, at=now), now)
        dose.judge(visit, now)
