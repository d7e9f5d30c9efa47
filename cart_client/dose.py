"""One dose from its verdict to its record: judged, answered, permitted, confirmed.

Nothing is permitted before the journal has it as open, and nothing is called recorded before the journal has its record.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from cart_client import doubt, evidence, screen
from cart_client import inbox as asked
from cart_client.visit import Visit, advance, attempt, become, concluded, due_list, facts, recorded, say
from pointofcare.administration import events
from pointofcare.administration import session as workflow
from pointofcare.administration.session import State
from pointofcare.errors import IllegalTransitionError, QuantityError
from pointofcare.verdict.finding import Verdict
from pointofcare.wire.messages import AttemptOutcome


def amount(visit: Visit, command: asked.GiveAmount, now: datetime) -> None:
    try:
        dose, waste = command.quantities()
    except QuantityError:
        say(visit, "amount-unreadable", text=f"{command.dose} {command.waste}".strip()[:40])
        return
    advance(visit, events.AmountGiven(dose=dose, waste=waste, site=command.site.strip() or None, at=now), now)
    judge(visit, now)


def reason(visit: Visit, command: asked.GiveReason, now: datetime) -> None:
    if command.reason == "clinical-judgement" and not command.reason_text.strip():
        say(visit, "reason-needs-text")
        return
    if not command.reason and not command.prn_reason:
        say(visit, "reason-missing")
        return
    event = events.ReasonGiven(
        at=now,
        reason=command.reason or None,
        reason_text=command.reason_text.strip() or None,
        satisfies=command.satisfies or None,
        prn_reason=command.prn_reason or None,
    )
    advance(visit, event, now)
    judge(visit, now)


def judge(visit: Visit, now: datetime) -> None:
    """The verdict on what was scanned and said, and the screen that follows from it."""
    verdict = visit.evaluate(facts(visit, now))
    session = visit.session
    given = screen.given_now(due_list(visit, now), verdict.order, now) if session.intent.due is None else None
    if given is not None:
        named = replace(session, intent=replace(session.intent, order=verdict.order, due=given))
        verdict = visit.evaluate(facts(visit, now, named))
    event = workflow.judged(verdict, now, visit.new_id())
    opened = doubt.open_dose(visit.journal.open_doses(), verdict, session, visit.chart.products(now), now)
    if opened is not None:
        verdict = doubt.stopped_by(verdict, opened, now)
        event = events.Stopped(verdict=verdict, at=now)
        say(visit, "open-dose-first")
    if isinstance(event, events.Permitted):
        permit(visit, event, verdict, now)
        return
    if isinstance(event, events.Stopped) and visit.session.record_id is None:
        attempt(visit, AttemptOutcome.STOPPED, verdict, now)
    advance(visit, event, now)


def acknowledge(visit: Visit, now: datetime) -> None:
    """A tap answers the warning that was read: if by now there is another, that one is shown."""
    before = visit.session.verdict
    if visit.session.state is not State.WARNED or before is None:
        raise IllegalTransitionError("session", visit.session.state.value, "Acknowledged")
    advance(visit, events.Changed(at=now), now)
    judge(visit, now)
    verdict = visit.session.verdict
    if visit.session.state is not State.WARNED or verdict is None:
        return  # its own screen says what is so now
    if evidence.asked_for(verdict) == evidence.asked_for(before):
        permit(visit, events.Acknowledged(record_id=visit.new_id(), at=now), verdict, now)
    else:
        say(visit, "verdict-changed")


def permit(visit: Visit, event: events.Permitted | events.Acknowledged, verdict: Verdict, now: datetime) -> None:
    """Into `GIVING`, but only after it is durable that this dose may now be in the patient's hand."""
    giving = workflow.advance(visit.session, event)
    visit.journal.open_dose(concluded(visit, giving, verdict, now), at=now)
    visit.here.journal_fault = ""
    become(visit, giving, now)
    drawer = visit.chart.drawer_of(giving.patient, now) if giving.patient is not None else None
    visit.unlocker.unlock(drawer, giving.record_id)


def confirm(visit: Visit, record_id: str, now: datetime) -> None:
    """It was done: judged once more, then journalled, then said."""
    session = visit.session
    if session.state is not State.GIVING or session.record_id != record_id:
        say(visit, "out-of-date")
        return
    before = session.verdict
    verdict = visit.evaluate(facts(visit, now))
    same = before is not None and (verdict.order, verdict.order_version, verdict.due) == (
        before.order,
        before.order_version,
        before.due,
    )
    if not (same and workflow.answered(verdict)):
        advance(visit, events.Changed(at=now), now)
        stopped = events.Stopped(verdict=verdict, at=now)
        advance(visit, stopped if not same else workflow.judged(verdict, now, record_id), now)
        changed = not same or any(f.rule in ("D2", "D4", "D5") for f in verdict.findings)
        say(visit, "order-changed" if changed else "verdict-changed")
        return
    record = concluded(visit, session, verdict, now)
    if visit.journal.entry(record_id) is None:  # pressed again after a fault that came after the write
        visit.journal.append(record, message_id=visit.new_id())
    visit.here.journal_fault = ""
    advance(visit, events.Confirmed(verdict=verdict, at=now), now)
    recorded(visit, record_id)
