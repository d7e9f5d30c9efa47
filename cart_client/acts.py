"""What is done to a record that is there: a running infusion is changed, paused or ended, a patch comes off, the effect of a dose is
told, an entry by mistake is withdrawn.

Each is judged like a dose and becomes a record of its own, which names the one it goes on with or withdraws. Must never change
an older record.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from cart_client import dose, evidence
from cart_client import inbox as asked
from cart_client.visit import Visit, advance, say, unread
from pointofcare.administration import events
from pointofcare.administration.session import State
from pointofcare.errors import IllegalTransitionError, QuantityError
from pointofcare.people import StaffRole
from pointofcare.quantity import Quantity
from pointofcare.verdict.facts import Action, HistoryEntry, Intent

_ACTIONS = {
    "rate": Action.RATE,
    "pause": Action.HOLD,
    "stop": Action.STOP,
    "complete": Action.STOP,
    "remove": Action.REMOVE,
    "assess": Action.ASSESS,
    "undo": Action.UNDO,
}
# Bags are filled a little over what they say (local choice).
_OVERFILL = Decimal("1.1")
_NEEDS_REASON = frozenset({"pause", "stop", "undo"})


def begin(visit: Visit, command: asked.BeginAct, now: datetime) -> None:
    action = _ACTIONS.get(command.act)
    about = _about(visit, command, now)
    if action is None or about is None:
        say(visit, "out-of-date")
        return
    nurse = visit.session.nurse
    reason, text = command.reason.strip(), command.reason_text.strip()
    if command.act == "undo" and reason in asked.MISTAKES:
        reason, text = "clinical-judgement", f"{reason}: {text}".removesuffix(": ")  # the coded reasons know no slip of the pen
    if command.act == "undo" and (nurse is None or (about.nurse != nurse.id and nurse.role is not StaffRole.CHARGE_NURSE)):
        say(visit, "only-the-giver")
    elif command.act in _NEEDS_REASON and not reason:
        say(visit, "reason-missing")
    elif reason == "clinical-judgement" and not text:
        say(visit, "reason-needs-text")
    elif command.act == "assess" and command.effect not in asked.EFFECTS:
        say(visit, "effect-missing")
    else:
        try:
            amount = command.quantity()
        except QuantityError as exc:
            unread(visit, exc, "amount-unreadable", "infused", text=command.amount[:40])
            return
        volume = _more_than_the_bag(visit, command, amount, now)
        if volume is not None:
            say(visit, "amount-over-bag", volume=str(volume))
            return
        intent = Intent(
            action=action,
            order=about.order or None,
            of_record=command.record_id,
            dose=amount,
            reason=reason or None,
            reason_text=text or None,
            site=command.site.strip() or None,
            effect=command.effect or None if command.act == "assess" else None,
        )
        advance(visit, events.ActBegun(intent=intent, at=now), now)
        dose.judge(visit, now)


def drop(visit: Visit, now: datetime) -> None:
    """It was verified and not done: told so, it is not left open. A dose has its own ways (not given, and why).

    Raises: IllegalTransitionError, JournalError."""
    session = visit.session
    if session.state is not State.GIVING or session.intent.of_record is None or session.nurse is None:
        raise IllegalTransitionError("session", session.state.value, "ActDropped")
    opened = next((record for record in visit.journal.open_doses() if record.record_id == session.record_id), None)
    if opened is not None:
        told = evidence.left_open(opened, told_by=session.nurse.id, reason=None, now=now)
        visit.journal.append_attempt(told, message_id=visit.new_id())
        visit.here.journal_fault = ""
        visit.wake()
    visit.dues.stale()
    advance(visit, events.ActDropped(at=now), now)


def _more_than_the_bag(visit: Visit, command: asked.BeginAct, amount: Quantity | None, now: datetime) -> Quantity | None:
    """What the bag held, where more than that, with what a maker fills over, is said to have run in; None when it may be so."""
    if amount is None or command.act not in ("stop", "complete"):
        return None
    care = visit.dues.care(visit.session.patient, now)
    volume = next((each.volume for each in care.infusions if each.run.record_id == command.record_id), None)
    if volume is None or not amount.converts_to(volume.unit):
        return None
    return volume if amount.per(volume) > _OVERFILL else None


def _about(visit: Visit, command: asked.BeginAct, now: datetime) -> HistoryEntry | None:
    """The record that the act is about, as far as the screen offers that act on it."""
    care = visit.dues.care(visit.session.patient, now)
    offered: tuple[HistoryEntry | None, ...]
    match command.act:
        case "rate" | "pause" | "stop" | "complete":
            runs = {infusion.run.record_id: infusion.run for infusion in care.infusions}
            run = runs.get(command.record_id)
            if run is None or (run.paused and command.act in ("rate", "pause")):
                return None
            return visit.dues.entry(command.record_id, now)
        case "remove":
            offered = care.patches
        case "assess":
            offered = tuple(owed.entry for owed in care.owed)
        case "undo":
            offered = care.undoable
        case _:
            offered = ()
    return next((entry for entry in offered if entry is not None and entry.record_id == command.record_id), None)
