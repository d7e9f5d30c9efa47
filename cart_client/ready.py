"""A verified dose made ready to be recorded while it is in the nurse's hand, so that the tap costs little more than the disk.

What is made ready is judged at both ends of the next few seconds, by all the facts and by the narrow ones that are kept with the record.
It counts only for a tap between the two, and only while nothing else is other than it was: the session, the tables, what this cart
recorded, the line to the server, the lease. In every other case nothing here is ready, and the dose is judged at the tap.

It must never be the reason that a dose is recorded: a verdict that is not the one on the screen, or that changes in those seconds, is
never ready. It writes nothing and says nothing.
"""

from __future__ import annotations

import logging
from dataclasses import fields, replace
from datetime import datetime, timedelta
from operator import attrgetter

from cart_client import visit as at_visit
from cart_client.prepared import Made, Ready
from cart_client.visit import Visit
from pointofcare.administration import session as workflow
from pointofcare.administration.session import Session, State
from pointofcare.errors import PointOfCareError
from pointofcare.verdict import engine
from pointofcare.verdict.facts import Cart, Facts
from pointofcare.verdict.finding import Verdict
from pointofcare.wire import snapshot

log = logging.getLogger(__name__)
# What was made ready counts for so long, and is made anew while so much of it is left.
LASTS = timedelta(seconds=4)
RENEWED_BEFORE = timedelta(seconds=2)
# The wall clock and the steady one are not read in the same instant, and drift.
OFFSET_LEEWAY_S = 0.05


def is_as_verified(before: Verdict | None, verdict: Verdict) -> bool:
    return is_same_dose(before, verdict) and workflow.answered(verdict)


def is_same_dose(before: Verdict | None, verdict: Verdict) -> bool:
    return before is not None and (verdict.order, verdict.order_version, verdict.due) == (before.order, before.order_version, before.due)


def prepare(visit: Visit, now: datetime) -> Ready | None:
    """For the dose in the nurse's hand; None without one, and where it would not be the same throughout."""
    session = visit.session
    if session.state is not State.GIVING or session.record_id is None or visit.chart.missing(now + LASTS):
        return None
    try:
        return _prepared(visit, session, session.record_id, now)
    except PointOfCareError as exc:
        log.warning("a dose is not made ready: %s", exc)
        return None


def _prepared(visit: Visit, session: Session, record_id: str, now: datetime) -> Ready | None:
    tables, changes = visit.chart.tables, visit.journal.changes
    asked = at_visit.facts(visit, now)
    first, last = _at_the_ends(asked, now)
    verdict = visit.evaluate(first)
    if not is_as_verified(session.verdict, verdict) or snapshot.said(visit.evaluate(last)) != snapshot.said(verdict):
        return None
    narrow = snapshot.narrowed(first, verdict=verdict)
    if snapshot.said(engine.evaluate(_at_the_ends(replace(narrow, cart=_with_clocks(narrow.cart, asked.cart)), now)[1])) != snapshot.said(
        verdict
    ):
        return None
    record = at_visit.concluded(visit, session, verdict, now)
    kept = snapshot.prepare(narrow)
    if kept is None:
        return None
    row = visit.journal.prepare(record, facts=snapshot.pack(narrow, prepared=kept))
    if row is None or record.record_id != record_id:
        return None
    return Ready(
        first=now,
        last=now + LASTS,
        session=session,
        tables=tables,
        changes=changes,
        asked=asked,
        verdict=verdict,
        record=record,
        kept=kept,
        row=row,
    )


def is_good(ready: Ready | None, visit: Visit, now: datetime) -> bool:
    """Whether it still counts, and will for a while."""
    if ready is None or ready.last - now <= RENEWED_BEFORE or _holds(ready, visit, now) is None:
        return False
    return at_visit.drawer_evidence(visit, ready.record.record_id) == (ready.record.drawer, ready.record.drawer_evidence)


def made(ready: Ready | None, visit: Visit, session: Session, now: datetime) -> Made | None:
    """The record of `session` at `now`, and what is kept with it; None when it must be judged now."""
    if ready is None or session is not ready.session:
        return None
    cart = _holds(ready, visit, now)
    if cart is None:
        return None
    facts = snapshot.packed(ready.kept, at=now, chart_age_s=cart.chart_age_s, clock_offset_s=cart.clock_offset_s)
    place = visit.here.place()
    before = ready.record
    if at_visit.drawer_evidence(visit, before.record_id) != (before.drawer, before.drawer_evidence):
        return None
    if facts is None or (place.chart_version, place.online, place.lease_fence) != (before.chart_version, before.online, before.lease_fence):
        return None
    record = replace(
        before,
        effective_at=now if before.effective_at == before.recorded_at else before.effective_at,
        recorded_at=now,
        clock_offset_s=place.clock_offset_s,
        clock_age_s=place.clock_age_s,
        clock_wall_at=place.clock_wall_at,
    )
    return Made(verdict=ready.verdict, record=record, facts=facts, row=ready.row)


def _holds(ready: Ready, visit: Visit, now: datetime) -> Cart | None:
    """The cart as the verdict sees it now, when nothing but the time is other than it was; else None."""
    if not ready.first <= now <= ready.last or visit.session is not ready.session:
        return None
    if visit.chart.tables is not ready.tables or visit.journal.changes != ready.changes:
        return None
    cart, before = visit.here.facts(now), ready.asked.cart
    if _but_clocks(cart) != _but_clocks(before):
        return None
    age, offset = (cart.chart_age_s, before.chart_age_s), (cart.clock_offset_s, before.clock_offset_s)
    return cart if _within(age, 0.0, LASTS.total_seconds()) and _within(offset, -OFFSET_LEEWAY_S, OFFSET_LEEWAY_S) else None


def _within(pair: tuple[float | None, float | None], low_s: float, high_s: float) -> bool:
    now_s, before_s = pair
    if now_s is None or before_s is None:
        return now_s is before_s
    return low_s <= now_s - before_s <= high_s


_but_clocks = attrgetter(*(each.name for each in fields(Cart) if each.name not in ("chart_age_s", "clock_offset_s")))


def _with_clocks(cart: Cart, other: Cart) -> Cart:
    """`cart` with what only the time changes of `other`."""
    return replace(cart, chart_age_s=other.chart_age_s, clock_offset_s=other.clock_offset_s)


def _at_the_ends(facts: Facts, now: datetime) -> tuple[Facts, Facts]:
    """The facts at the first and at the last moment of a tap, each with the clocks as far off as they may be by then."""

    def at(moment: datetime, older_s: float, leeway_s: float) -> Facts:
        age_s, offset_s = facts.cart.chart_age_s, facts.cart.clock_offset_s
        cart = replace(
            facts.cart,
            chart_age_s=age_s + older_s if age_s is not None else None,
            clock_offset_s=offset_s + leeway_s if offset_s is not None else None,
        )
        return replace(facts, at=moment, cart=cart)

    return at(now, 0.0, -OFFSET_LEEWAY_S), at(now + LASTS, LASTS.total_seconds(), OFFSET_LEEWAY_S)
