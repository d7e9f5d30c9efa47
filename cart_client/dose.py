"""One dose from its verdict to its record: judged, answered, permitted, confirmed.

Nothing is permitted before the journal has it as open, and nothing is called recorded before the journal has its record.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from cart_client import change, doubt, evidence, ready, screen
from cart_client import inbox as asked
from cart_client.visit import Visit, advance, ask, attempt, become, concluded, due_list, facts, packed, recorded, say, unread, write
from pointofcare.administration import events
from pointofcare.administration import session as workflow
from pointofcare.administration.record import AdministrationRecord
from pointofcare.administration.session import Session, State
from pointofcare.errors import IllegalTransitionError, QuantityError
from pointofcare.orders import dosage
from pointofcare.orders.order import Order
from pointofcare.verdict import matching
from pointofcare.verdict.facts import Action
from pointofcare.verdict.finding import Level, Verdict
from pointofcare.verdict.policy import ListedEmergency
from pointofcare.wire.messages import AttemptOutcome

# Why a dose that was verified is told as not taken when the same is verified with another witness, amount or reason.
VERIFIED_ANEW = "verified-anew"


def amount(visit: Visit, command: asked.GiveAmount, now: datetime) -> None:
    try:
        dose, waste, returned = command.all_quantities()
    except QuantityError as exc:
        unread(visit, exc, "amount-unreadable", "dose", text=f"{command.dose} {command.waste} {command.returned}".strip()[:40])
        return
    site = command.site.strip() or None
    advance(visit, events.AmountGiven(dose=dose, waste=waste, returned=returned, site=site, at=now), now)
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


def set_rate(visit: Visit, command: asked.SetRate, now: datetime) -> None:
    try:
        rate, drop_factor = command.setting()
    except QuantityError as exc:
        unread(visit, exc, "rate-unreadable", "rate", text=(command.rate or command.drops)[:40])
        return
    advance(visit, events.RateGiven(rate=rate, drop_factor=drop_factor, at=now), now)
    judge(visit, now)


def emergency(visit: Visit, command: asked.DeclareEmergency, now: datetime) -> None:
    """A listed emergency drug without an order: what is given and how; the engine says whether it keeps to the list."""
    if not listed_emergency(visit, now):
        say(visit, "not-now", state=visit.session.state.value)
        return
    try:
        amount = command.quantity()
    except QuantityError as exc:
        unread(visit, exc, "amount-unreadable", "dose", text=command.dose[:40])
        return
    if not command.route.strip():
        say(visit, "route-missing")
        return
    text = command.reason_text.strip() or None
    advance(visit, events.EmergencyDeclared(dose=amount, route=command.route.strip(), reason_text=text, at=now), now)
    judge(visit, now)


def listed_emergency(visit: Visit, now: datetime) -> tuple[ListedEmergency, ...]:
    """The policy's lines for what was scanned, where it is stopped only because nobody ordered it; () for none."""
    session = visit.session
    if session.state is not State.STOPPED or session.record_id is not None or session.verdict is None:
        return ()
    if not any(f.rule == "D1" and not f.satisfied for f in session.verdict.findings):
        return ()
    found = matching.look(facts(visit, now)).emergency
    return found.lines if found is not None else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict, what follows from it on the screen, and the open dose that stands in its way."""

    verdict: Verdict
    event: events.Event
    opened: AdministrationRecord | None = None


def judgement(visit: Visit, now: datetime) -> Judgement:
    """The verdict on what was scanned and said, by what is known now. Changes nothing."""
    verdict = ask(visit, facts(visit, now))
    session = visit.session
    given = screen.given_now(due_list(visit, now), verdict.order, now) if session.intent.due is None and _is_dose(session) else None
    if given is not None:
        named = replace(session, intent=replace(session.intent, order=verdict.order, due=given))
        verdict = ask(visit, facts(visit, now, named))
    if _is_dose(session):
        opened = doubt.open_dose(visit.journal.open_doses(), verdict, session, visit.chart.products(now), now)
        if opened is not None:
            verdict = doubt.stopped_by(verdict, opened, now)
            return Judgement(verdict=verdict, event=events.Stopped(verdict=verdict, at=now), opened=opened)
    if wants_rate(visit, verdict, now):
        return Judgement(verdict=verdict, event=events.RateWanted(verdict=verdict, at=now))
    return Judgement(verdict=verdict, event=workflow.judged(verdict, now, visit.new_id()))


def judge(visit: Visit, now: datetime) -> None:
    """The verdict on what was scanned and said, and the screen that follows from it."""
    found = judgement(visit, now)
    if found.opened is not None:
        say(visit, "open-dose-first")
    if isinstance(found.event, events.Permitted):
        permit(visit, found.event, found.verdict, now)
        return
    if isinstance(found.event, events.Stopped) and visit.session.record_id is None:
        attempt(visit, AttemptOutcome.STOPPED, found.verdict, now)
    advance(visit, found.event, now)


def lease_came(visit: Visit, now: datetime) -> None:
    """Where nothing but a lease that was on its way was asked about, the question is gone with its coming."""
    session = visit.session
    if session.state is not State.AWAITING_REASON or session.verdict is None or visit.here.lease_pending:
        return
    asked_about = [f.facts.get("lease") if f.rule == "O2" else f.rule for f in session.verdict.findings if f.level is Level.REASON]
    if asked_about == ["pending"]:
        advance(visit, events.Changed(at=now), now)
        judge(visit, now)


def _is_dose(session: Session) -> bool:
    """Something of a drug is to go into the patient: not an act on what is there, and not a paused infusion that runs again."""
    return session.intent.action in (Action.GIVE, Action.START) and session.intent.of_record is None


def wants_rate(visit: Visit, verdict: Verdict, now: datetime) -> bool:
    """Is an infusion to run, at a rate that was not said, and does nothing else stop it?"""
    intent = visit.session.intent
    if intent.rate is not None or intent.action not in (Action.START, Action.RATE):
        return False
    stops = {f.rule for f in verdict.findings if f.level is Level.STOP and not f.satisfied}
    if stops - {"I5"}:
        return False
    order = ordered(visit, verdict.order, now)
    return intent.action is Action.RATE or (order is not None and (order.rate is not None or order.rate_range is not None))


def ordered(visit: Visit, order_id: str | None, now: datetime, due: datetime | None = None) -> Order | None:
    """The order as it holds for that dose, or now."""
    order = visit.chart.order(order_id, now)
    return dosage.effective(order, due or now, visit.chart.zone()) if order is not None else None


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
    """Into `GIVING`, but only after it is durable that this may now be in somebody's hand. What is only said is recorded at once,
    save an undo, which is asked once more."""
    giving = workflow.advance(visit.session, event)
    said = giving.intent.action in workflow.SAID_ONLY
    if not said:
        record = concluded(visit, giving, verdict, now)
        earlier = next((each for each in visit.journal.open_doses() if each.record_id == record.record_id), None)
        if earlier is not None and _told(earlier) != _told(record):
            # What is kept as open is never changed: told after a power failure it would be the dose or the witness from before.
            giving = replace(giving, record_id=visit.new_id())
            record = concluded(visit, giving, verdict, now)
        visit.journal.open_dose(record, at=now, facts=packed(visit, verdict))
        if earlier is not None and earlier.record_id != record.record_id:
            ended = evidence.left_open(earlier, told_by=record.nurse, reason=VERIFIED_ANEW, now=now)
            visit.journal.append_attempt(ended, message_id=visit.new_id())
            visit.wake()
        visit.here.journal_fault = ""
        visit.dues.stale(giving.patient)
    become(visit, giving, now)
    if giving.intent.action is Action.ASSESS:
        confirm(visit, giving.record_id or "", now)
    elif _is_dose(giving):
        drawer = visit.chart.drawer_of(giving.patient, now, cart=visit.here.cart) if giving.patient is not None else None
        visit.unlocker.unlock(drawer, giving.record_id)


def _told(record: AdministrationRecord) -> tuple[object, ...]:
    """What a record says was done, by whom and why, apart from when, and from what the rules found."""
    ordered = (record.order, record.order_version, record.due, record.route, record.site)
    what = (record.product, record.lot, record.serial, record.bag)
    amounts = (record.dose, record.waste, record.returned, record.rate, record.drop_factor, record.blind_value)
    why = (record.status_reason, record.reason_text, record.prn_reason)
    return ordered, what, amounts, why, record.nurse, record.witness, len(record.scans)


def confirm(visit: Visit, record_id: str, now: datetime, *, site: str = "") -> None:
    """It was done: judged once more, unless that was done for this moment already, then journalled, then said. `site` is where it was
    injected or put on."""
    session = visit.session
    if site:
        session = replace(session, intent=replace(session.intent, site=site))
    if session.state is not State.GIVING or session.record_id != record_id:
        taken_back = bool(visit.changes) and session.record_id == record_id
        say(visit, change.notice_of(visit.changes) if taken_back else "out-of-date")
        return
    made = ready.made(visit.ready, visit, session, now)
    if made is not None:
        visit.journal.append(made.record, message_id=visit.new_id(), facts=made.facts, prepared=made.row)
        recorded(visit, made.record.record_id, made.record.patient)
        advance(visit, events.Confirmed(verdict=made.verdict, at=now), now)
        visit.just_recorded = made.record
        return
    held = visit.journal.entry(record_id)
    if held is not None and held.kind == "administration" and session.verdict is not None:
        # The disk had taken it before the fault that was told; judged again, the dose would stand in its own way.
        recorded(visit, record_id, session.patient)
        advance(visit, events.Confirmed(verdict=session.verdict, at=now), now)
        return
    verdict = ask(visit, facts(visit, now, session))
    if not ready.is_as_verified(session.verdict, verdict):
        _take_back(visit, verdict, now)
        return
    write(visit, concluded(visit, session, verdict, now), verdict)
    advance(visit, events.Confirmed(verdict=verdict, at=now), now)


def still_holds(visit: Visit, now: datetime) -> None:
    """A dose in somebody's hand, looked at again because the tables changed: what does not hold any more is said now, not at the end."""
    kept = visit.judged
    verdict = ask(visit, facts(visit, now))
    if ready.is_as_verified(visit.session.verdict, verdict):
        visit.judged = kept  # the facts of the verdict on the screen are those that it was made from
    else:
        _take_back(visit, verdict, now)


def _take_back(visit: Visit, verdict: Verdict, now: datetime) -> None:
    """What was verified is not so any more. Nothing is recorded; that it is in somebody's hand stays on the disk."""
    session = visit.session
    is_same = ready.is_same_dose(session.verdict, verdict)
    advance(visit, events.Changed(at=now), now)
    stopped = events.Stopped(verdict=verdict, at=now)
    advance(visit, workflow.judged(verdict, now, session.record_id or visit.new_id()) if is_same else stopped, now)
    of_order = not is_same or any(f.rule in ("D2", "D4", "D5") for f in verdict.findings)
    say(visit, "order-changed" if of_order else "facts-changed" if visit.changes else "verdict-changed")
