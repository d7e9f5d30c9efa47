"""A dose that was verified and never confirmed: what became of it, told by who verified it, or by a charge nurse."""

from __future__ import annotations

from datetime import datetime

from cart_client import evidence
from cart_client import inbox as asked
from cart_client.visit import Visit, advance, recorded, say
from pointofcare.administration import events
from pointofcare.administration.session import IN_HAND, QUESTIONS, State
from pointofcare.people import StaffRole


def resolve(visit: Visit, command: asked.ResolveOpen, now: datetime) -> None:
    nurse = visit.session.nurse
    opened = next((r for r in visit.journal.open_doses() if r.record_id == command.record_id), None)
    if nurse is None or opened is None:
        say(visit, "out-of-date")
    elif opened.record_id == visit.session.record_id and visit.session.state in IN_HAND:
        say(visit, "finish-this-dose")  # it is on the screen: confirmed there, or said not to be given
    elif opened.nurse != nurse.id and nurse.role is not StaffRole.CHARGE_NURSE:
        say(visit, "only-the-giver")
    elif not command.reason:
        say(visit, "reason-missing")
    else:
        if command.given:
            record = evidence.told_late(opened, told_by=nurse.id, reason=command.reason, text=command.reason_text.strip(), now=now)
            visit.journal.append(record, message_id=visit.new_id())
            recorded(visit, record.record_id)
        else:
            told = evidence.left_open(opened, told_by=nurse.id, reason=command.reason, now=now)
            visit.journal.append_attempt(told, message_id=visit.new_id())
            visit.wake()
        visit.here.journal_fault = ""
        visit.dues.stale()
        if visit.session.patient == opened.patient and visit.session.state in (State.STOPPED, *QUESTIONS):
            advance(visit, events.DrugsCleared(at=now), now)
        else:
            visit.moment += 1
