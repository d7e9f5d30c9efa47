"""Whether the people who signed in may still be here: looked at with every staff roster, and with the clock.

A badge that was blocked, a PIN or a role that changed and a right that ended close the session; a second person's right closes what
they witnessed. The dose that is open stays open, for whoever may tell what became of it. Must never keep a PIN or its hash elsewhere
than in memory.
"""

from __future__ import annotations

from datetime import datetime

from cart_client import dose
from cart_client.visit import Visit, advance, leave, note, say
from pointofcare.administration import events
from pointofcare.administration import session as workflow
from pointofcare.administration.session import State
from pointofcare.wire.tables import StaffEntry


def remember(visit: Visit, entry: StaffEntry | None, *, second: bool = False) -> None:
    """Whose badge and PIN were proven, as the roster had them before: one that came meanwhile is looked at like any later one."""
    if second:
        visit.second_signed = entry
    else:
        visit.signed = entry


def ended(visit: Visit, then: StaffEntry, now: datetime) -> str:
    """Why the right that was proven is no longer there: roster-missing, not-active, badge-changed, pin-changed, rights-changed;
    "" while it is."""
    if "staff-roster" in visit.chart.missing(now):
        return "roster-missing"
    entry = visit.chart.staff_of(then.badge or "", now)
    if entry is None or entry.id != then.id:
        return "badge-changed"
    if not entry.active or (entry.expires_at is not None and entry.expires_at <= now):
        return "not-active"
    if entry.pin_hash != then.pin_hash:
        return "pin-changed"
    return "" if (entry.roles, entry.licensed) == (then.roles, then.licensed) else "rights-changed"


def look(visit: Visit, now: datetime) -> None:
    """End what is no longer allowed, and say why on the screen."""
    nurse = visit.session.nurse
    if nurse is not None:
        why = ended(visit, visit.signed, now) if visit.signed is not None else "badge-changed"
        if why:
            note(visit, "session-ended", now, {"why": why, "staff": nurse.id})
            leave(visit, events.SignedOut(at=now), now)
            visit.moment += 1
            say(visit, f"ended-{why}")
            return
    _second(visit, now)


def _second(visit: Visit, now: datetime) -> None:
    session = visit.session
    who = session.intent.witness or session.second
    if who is None or visit.second_signed is None or visit.second_signed.id != who.id:
        return
    if ended(visit, visit.second_signed, now) and events.WitnessWithdrawn in workflow.TRANSITIONS[session.state]:
        visit.second_signed = None
        note(visit, "witness-ended", now, {"staff": who.id})
        advance(visit, events.WitnessWithdrawn(at=now), now)
        if visit.session.state is State.DRUG:
            dose.judge(visit, now)
        say(visit, "witness-ended")
