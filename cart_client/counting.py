"""The blind count of a controlled drug (rule C3): its drawer opened, and what lies in it, this dose with it, is told before the dose
is confirmed.

The number that should be there is not on this cart, so that nobody can copy it. Must never hold up an emergency: not to count
takes one tap and its reason.
"""

from __future__ import annotations

from datetime import datetime

from cart_client import inbox as asked
from cart_client.screen import DrawerTold
from cart_client.visit import Visit, advance, facts, note, say
from pointofcare.administration import events
from pointofcare.administration import session as workflow
from pointofcare.administration.session import State
from pointofcare.errors import IllegalTransitionError
from pointofcare.labels.scan import DrugScan
from pointofcare.products import Controlled, Product
from pointofcare.verdict import lists

COUNTED, REFUSED = "controlled-count", "controlled-count-refused"
_OPENED = frozenset({"unlocked", "outcome-unknown"})
_MOST = 9999


def opened(visit: Visit, told: DrawerTold, now: datetime) -> None:
    """A drawer opened, or may have: ask for the count when it holds what is controlled."""
    session = visit.session
    if session.state is not State.GIVING or session.record_id != told.record_id or session.counted or told.outcome not in _OPENED:
        return
    if product(visit, now) is not None:
        advance(visit, events.CountWanted(at=now), now)


def product(visit: Visit, now: datetime) -> Product | None:
    """The controlled drug that was scanned for this dose, by the formulary or by the policy's list."""
    gtins = {fact.scan.gtin for fact in workflow.drugs(visit.session) if isinstance(fact.scan, DrugScan)}
    known = lists.applied(facts(visit, now)).products
    return next((each for each in known if each.gtin in gtins and each.controlled is not Controlled.NONE), None)


def count(visit: Visit, command: asked.Count, now: datetime) -> None:
    """Raises: JournalError when a count is not on disk."""
    session = visit.session
    told = visit.unlocker.told
    counted = product(visit, now)
    if session.state is not State.COUNTING or session.nurse is None or counted is None or told is None:
        raise IllegalTransitionError("session", session.state.value, "Counted")
    details: dict[str, object] = {
        "product": counted.id,
        "drawer": told.drawer,
        "record_id": session.record_id,
        "nurse": session.nurse.id,
    }
    left = command.left.strip()
    if left.isascii() and left.isdigit() and int(left[:9]) <= _MOST:
        visit.journal.note(COUNTED, at=now, details={**details, "counted": int(left[:9])})
        visit.wake()
    elif not left and command.reason:
        note(visit, REFUSED, now, {**details, "reason": command.reason})
    else:
        say(visit, "count-unreadable" if left else "reason-missing")
        return
    advance(visit, events.Counted(at=now), now)
