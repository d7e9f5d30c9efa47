"""Who is at the cart: badges, PINs and the second person. A badge alone proves nobody; the chart's roster and the PIN do."""

from __future__ import annotations

import math
from datetime import datetime

from cart_client import dose, rights
from cart_client import inbox as asked
from cart_client.visit import Visit, advance, note, say, unread
from pointofcare.administration import events
from pointofcare.administration.session import Session, State
from pointofcare.errors import NotPermittedError, QuantityError
from pointofcare.people import Nurse, Witness
from pointofcare.verdict import dosing
from pointofcare.verdict.facts import Action
from pointofcare.verdict.finding import Level

# Why somebody of another ward works here: asked with the PIN, one tap.
WHY_HERE = ("helping", "emergency", "other")


def badge(visit: Visit, number: str, now: datetime) -> None:
    """A badge was read or typed: the nurse's, or that of the second person who is asked for."""
    session = visit.session
    if witness_asked(session):
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


def pin(visit: Visit, typed: str, now: datetime, *, why: str = "") -> None:
    """The PIN of the badge that was read; somebody of another ward says with it why she is here. Nobody is kept out by it."""
    session = visit.session
    witness = witness_asked(session)
    number = visit.witness_badge if witness else (session.badge or "")
    if not number or (not witness and session.state is not State.BADGE):
        say(visit, "not-now", state=session.state.value)
        return
    if (left_s := paused_s(visit, number, now)) > 0:
        say(visit, "pin-paused", seconds=math.ceil(left_s))
        return
    if not witness and why not in WHY_HERE and visit.chart.is_of_other_ward(number, now):
        say(visit, "why-here")  # no PIN was looked at
        return
    entry = visit.chart.staff_of(number, now)
    found = proven(visit, number, typed, now)
    if found is None:
        return
    nurse, second = found
    if not witness:
        advance(visit, events.SignedIn(nurse=nurse, at=now), now)
        rights.remember(visit, entry)
        visit.dues.stale()
        if visit.chart.is_of_other_ward(number, now):
            note(visit, "other-ward", now, {"nurse": nurse.id, "why": why})
            say(visit, "other-ward")
        elif entry is not None and entry.competences_due:
            say(visit, "competence-due", n=entry.competences_due)
    elif session.nurse is not None and second.id == session.nurse.id:
        say(visit, "witness-same")
    else:
        visit.witness_badge = ""
        rights.remember(visit, entry, second=True)
        if works_it_out(visit, now):
            advance(visit, events.WitnessKnown(witness=second, at=now), now)
        else:
            advance(visit, events.WitnessGiven(witness=second, at=now), now)
            dose.judge(visit, now)


def paused_s(visit: Visit, number: str, now: datetime) -> float:
    """How long the next PIN of the badge still waits, unless a manager ended that; 0 when it may be tried."""
    held = visit.chart.staff_of(number, now)
    if held is not None and held.pin_cleared_at is not None:
        visit.pins.cleared(number, held.pin_cleared_at, now)
    return visit.pins.paused_s(number)


def proven(visit: Visit, number: str, typed: str, now: datetime) -> tuple[Nurse, Witness] | None:
    """The person of the badge, where this is the PIN; otherwise counts the try and says why nobody is."""
    wrong, pause_s = visit.pins.tried(number, now)
    try:
        found = visit.chart.person(number, typed, now)
    except NotPermittedError as exc:
        refused = str(exc.fields.get("why", "not-permitted"))
        if refused == "pin-wrong":
            _missed(visit, number, wrong, pause_s, now)
        else:
            visit.pins.passed(number, now)  # no PIN was looked at
        say(visit, refused)
        return None
    visit.pins.passed(number, now)
    return found


def _missed(visit: Visit, number: str, wrong: int, pause_s: float, now: datetime) -> None:
    """The server is told of each wrong PIN, and of each pause whose badge it was: staff by id, never the PIN."""
    note(visit, "pin-wrong", now, {})
    if pause_s:
        entry = visit.chart.staff_of(number, now)
        note(visit, "pin-locked", now, {"staff": entry.id if entry is not None else "", "wrong": wrong, "pause_s": int(pause_s)})


def witness_asked(session: Session) -> bool:
    """A second person is needed, or would do instead of a reason (rule H2, level 2)."""
    if session.state is State.AWAITING_WITNESS:
        return True
    findings = session.verdict.findings if session.verdict is not None else ()
    recommended = any(f.rule == "H2" and f.level is Level.REASON and not f.satisfied for f in findings)
    return session.state is State.AWAITING_REASON and recommended


def works_it_out(visit: Visit, now: datetime) -> bool:
    """Rule H5: of a dose by weight, and of a rate, the second person gives their own figure, where the policy asks for it."""
    session = visit.session
    verdict = session.verdict
    order = dose.ordered(visit, verdict.order, now, verdict.due) if verdict is not None else None
    if order is None or not visit.chart.policy().blind_for_calculated:
        return False
    by_weight = any(amount is not None and dosing.by_weight(amount) for amount in (order.dose, *(order.dose_range or ())))
    return by_weight or session.intent.rate is not None or (session.intent.action is Action.START and order.rate is not None)


def blind(visit: Visit, command: asked.EnterBlind, now: datetime) -> None:
    """The second person's own figure: only now is it compared."""
    try:
        value = command.quantity()
    except QuantityError as exc:
        unread(visit, exc, "amount-unreadable", "blind", text=command.value[:40])
        return
    advance(visit, events.BlindGiven(value=value, at=now), now)
    dose.judge(visit, now)


def calculate_again(visit: Visit, now: datetime) -> None:
    """The two figures differ: the second look is asked for anew."""
    verdict = visit.session.verdict
    if verdict is None or not any(f.rule == "H5" and not f.satisfied for f in verdict.findings):
        say(visit, "not-now", state=visit.session.state.value)
        return
    advance(visit, events.CalculatedAgain(at=now), now)
    dose.judge(visit, now)
