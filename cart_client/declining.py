"""A dose that is not given: refused, held or not possible, with its reason, for what was scanned or for a line of the list."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from cart_client import inbox as asked
from cart_client.visit import Visit, ask, become, concluded, due_list, facts, say, write
from pointofcare.administration import events
from pointofcare.administration import session as workflow
from pointofcare.administration.session import UNSETTLED
from pointofcare.verdict.facts import Action, Intent


def decline(visit: Visit, command: asked.Decline, now: datetime) -> None:
    session = visit.session
    if not command.order and session.intent.of_record is not None:
        say(visit, "not-now", state=session.state.value)
        return
    action = Action(command.action)
    if action not in (Action.REFUSE, Action.HOLD, Action.NOT_GIVEN) or not command.reason:
        say(visit, "reason-missing")
        return
    held = session.verdict
    if command.order:
        listed = any((line.order.id, line.due) == (command.order, command.due) for line in due_list(visit, now))
        if session.state in UNSETTLED or not listed:
            say(visit, "finish-this-dose" if session.state in UNSETTLED else "out-of-date")
            return
        session = workflow.without_drugs(session)  # what was scanned for the last dose is no part of this one
    order = command.order or (held.order if held is not None else None)
    due = command.due if command.order else (held.due if held is not None else None)
    if order is None:
        say(visit, "order-needed")
        return
    intent = Intent(action=action, order=order, due=due, reason=command.reason, reason_text=command.reason_text.strip() or None)
    bands = replace(workflow.without_drugs(session), intent=intent)
    verdict = ask(visit, facts(visit, now, bands))
    if not workflow.answered(verdict) or verdict.record is None:
        rules = ", ".join(f.rule for f in verdict.findings if not f.satisfied)
        say(visit, "decline-refused", rules=rules)
        return
    event = events.Declined(
        action=action,
        reason=command.reason,
        reason_text=intent.reason_text,
        verdict=verdict,
        record_id=session.record_id or visit.new_id(),
        at=now,
    )
    declined = workflow.advance(session, event)
    record = concluded(visit, replace(declined, intent=intent), verdict, now)
    write(visit, record, verdict)
    become(visit, declined, now)
