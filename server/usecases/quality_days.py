"""Counts days anew that something new is about: a job of its own, beside the recording of doses and never in its way.

It reads, counts outside of any transaction that writes, and writes one small row a ward and day. A day is always counted anew as a
whole, so that nothing is counted twice, whatever comes again, late or in another order, and a rebuild gives the same figures.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from server.store import bedside, orders, patients, products, quality
from server.store.quality import HOSPITAL, Day, Unfilled
from server.store.transaction import Actor, DatabaseFault, Transaction, reading, transaction
from server.usecases import overdue, quality_dose
from server.usecases.facts import Site
from server.usecases.quality_count import COUNTING, Cells, count
from server.usecases.workarounds import Material

_log = logging.getLogger(__name__)
ACTOR = Actor(id="quality-counter", name="Quality counter")
EVERY_S = 180.0
# A record's moment of arrival is that of its transaction's begin, and transactions end in any order.
OVERLAP = timedelta(minutes=10)
# Before this a dose that nobody charted is overdue, and on the radar; after it, it counts as omitted.
OMITTED_AFTER = timedelta(hours=12)
# What happened just before midnight explains what comes after it.
BEFORE = timedelta(minutes=10)
EARLIER = timedelta(days=4)
# No clock of a bedside is believed about days further away.
OLDEST, YOUNGEST = timedelta(days=800), timedelta(days=1)
_LONGEST_WARD = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the hospital's settings say about counting."""

    site: Site
    without_code: frozenset[str] = frozenset()


def catch_up(rules: Rules, *, at: datetime | None = None) -> int:
    """Counts what came since the last time, and what turned from overdue to omitted; how many ward-days that were. Needs an application
    context."""
    now = at or datetime.now(UTC)
    with reading(ACTOR, at=now) as tx:
        mark = quality.mark(tx)
        since = mark[0] - OVERLAP if mark is not None and mark[1] == COUNTING else None
        zones = _zones(tx, rules.site)
        wards = quality.active_wards(tx)
    fresh = _notice(wards, zones, rules, now)
    with reading(ACTOR, at=now) as tx:
        dirty = _dirty(tx, since, zones, rules, now)
        dirty |= {(ward, _day(due, zones.get(ward, rules.site.timezone))) for ward, due in fresh}
        # Some of what was overdue is omitted by now.
        begin = (since or now - OLDEST) - OMITTED_AFTER
        turned = quality.unfilled_between(tx, begin, now - OMITTED_AFTER)
        dirty |= {(ward, _day(due, zones.get(ward, rules.site.timezone))) for ward, due in turned}
        dirty -= quality.made_up(tx)
    for ward, day in sorted(dirty):
        _count_one(ward, day, zones.get(ward, rules.site.timezone), rules, now)
    for day in sorted({day for _, day in dirty}):
        _sum(day, now)
    weeks = {(where, day - timedelta(days=day.weekday())) for ward, day in dirty for where in (ward, HOSPITAL)}
    for where, monday in sorted(weeks):
        _sum_week(where, monday, now)
    with transaction(ACTOR, at=now) as tx:
        quality.put_mark(tx, now, counting=COUNTING)
    return len(dirty)


def rebuild(rules: Rules, *, at: datetime | None = None) -> int:
    """Throws every count away and counts all records anew."""
    with transaction(ACTOR, at=at) as tx:
        quality.drop_days(tx)
        tx.audit("quality.rebuild", "quality/days")
    return catch_up(rules, at=at)


def counted(tx: Transaction, ward: str, day: date, zone: str, rules: Rules) -> Cells:
    """The counts of one ward's day, from its records. Bounded by what one ward does in a day."""
    begin, end = bounds(day, zone)
    stored = quality.doses(tx, ward, begin - BEFORE, end)
    gone = quality.withdrawn(tx, [one.record_id for one in stored])
    doses = [dose for one in stored if (dose := quality_dose.of_stored(one, site=rules.site, withdrawn=gone)) is not None]
    declined = {dose.patient for dose in doses if dose.is_declined}
    earlier = quality.of_orders(tx, declined, begin - EARLIER, end) if declined else {}
    material = Material(
        since=begin,
        doses=doses,
        attempts=[quality_dose.of_attempt(one) for one in quality.attempts(tx, ward, begin, end)],
        earlier=earlier,
    )
    omitted = quality.unfilled(tx, ward, begin, min(end, tx.at - OMITTED_AFTER))
    return count(material, unfilled=omitted, facility=tx.facility, zone=zone, without_code=rules.without_code)


def bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """The first moment of a ward's day and that of the next one."""
    place = ZoneInfo(zone)
    begin, end = (datetime.combine(one, time(), tzinfo=place).astimezone(UTC) for one in (day, day + timedelta(days=1)))
    return begin, end


def _zones(tx: Transaction, site: Site) -> dict[str, str]:
    return {ward.id: _zone(ward.timezone, site) for ward in patients.wards(tx)}


def _zone(wanted: str | None, site: Site) -> str:
    try:
        ZoneInfo(wanted or site.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return site.timezone
    return wanted or site.timezone


def _day(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def _dirty(tx: Transaction, since: datetime | None, zones: dict[str, str], rules: Rules, now: datetime) -> set[tuple[str, date]]:
    found: set[tuple[str, date]] = set()
    moments: set[datetime] = set()
    for one in quality.came(tx, since=since):
        moments |= {at for at in one.moments if now - OLDEST < at < now + YOUNGEST}
        if not one.ward or len(one.ward) > _LONGEST_WARD:
            continue
        zone = zones.get(one.ward, rules.site.timezone)
        found |= {(one.ward, _day(at, zone)) for at in one.moments if now - OLDEST < at < now + YOUNGEST}
    # A dose that one ward missed may be charted in another, where the patient is now.
    return found | {(ward, _day(due, zones.get(ward, rules.site.timezone))) for ward, due in quality.unfilled_at(tx, moments)}


def _notice(wards: Iterable[str], zones: dict[str, str], rules: Rules, now: datetime) -> tuple[tuple[str, datetime], ...]:
    """Writes down the doses whose window ended without a record, where their patients are now. A ward that cannot be computed keeps no
    other from being."""
    fresh: list[tuple[str, datetime]] = []
    for ward in wards:
        with reading(ACTOR, at=now) as tx:
            look = bedside.of_ward(tx, ward)
            policy = products.policy(tx, ward)
            found = overdue.doses(
                look, policy=policy, zone=zones.get(ward, rules.site.timezone), now=now, changed=orders.changed(tx, look.orders)
            )
            known = quality.noticed(tx, ward, now - OLDEST if any(_is_old(one.due, now) for one in found.doses) else now - overdue.BACK)
        new = [
            Unfilled(order=one.order.id, patient=one.patient.id, ward=ward, due=one.due)
            for one in found.doses
            if (one.order.id, one.due) not in known
        ]
        if new:
            with transaction(ACTOR, at=now) as tx:
                quality.notice(tx, new)
            fresh += [(ward, one.due) for one in new]
    return tuple(fresh)


def _is_old(due: datetime, now: datetime) -> bool:
    return due < now - overdue.BACK


def _count_one(ward: str, day: date, zone: str, rules: Rules, now: datetime) -> None:
    with reading(ACTOR, at=now) as tx:
        cells = counted(tx, ward, day, zone, rules)
    with transaction(ACTOR, at=now) as tx:
        quality.put_day(tx, row(ward, day, cells, now), counting=COUNTING)


def _sum(day: date, now: datetime) -> None:
    """All wards together, so that nobody who looks at the hospital waits for its wards."""
    with reading(ACTOR, at=now) as tx:
        parts = quality.of_day(tx, day)
    put = hospital_day(day, parts, now)
    with transaction(ACTOR, at=now) as tx:
        quality.put_day(tx, put, counting=COUNTING)


def _sum_week(ward: str, monday: date, now: datetime) -> None:
    """Pages show weeks, so that they read a seventh of what is kept."""
    with reading(ACTOR, at=now) as tx:
        parts = quality.days(tx, [ward], monday, monday + timedelta(days=7))
    put = week(ward, monday, parts, now)
    with transaction(ACTOR, at=now) as tx:
        quality.put_day(tx, put, counting=COUNTING, span=quality.WEEK)


def week(ward: str, monday: date, parts: Collection[Day], at: datetime) -> Day:
    """A week with a day that was made up is made up."""
    cells = Cells()
    for part in parts:
        cells.merge(part.cells)
    basis = next((part.basis for part in parts if part.basis != "records"), "records")
    return row(ward, monday, cells, at, basis=basis)


def hospital_day(day: date, parts: Collection[Day], at: datetime, *, basis: str = "records") -> Day:
    cells = Cells()
    for part in parts:
        cells.merge(part.cells)
    return row(HOSPITAL, day, cells, at, basis=basis)


def row(ward: str, day: date, cells: Cells, at: datetime, *, basis: str = "records") -> Day:
    """A counted day as it is kept."""
    return Day(ward=ward, day=day, cells=cells.plain(), headline=cells.headline(), basis=basis, counted_at=at)


class Counter:
    """One thread that catches up every few minutes; `counted` is told after each time. Two of them, in two processes, write the same."""

    def __init__(
        self,
        rules: Rules,
        *,
        scope: Callable[[], AbstractContextManager[object]],
        counted: Callable[[int], None] = lambda _days: None,
        every_s: float = EVERY_S,
    ) -> None:
        self._rules, self._scope, self._counted, self._every_s = rules, scope, counted, every_s
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="quality-counter", daemon=True)
        self._thread.start()

    def stop(self, *, timeout_s: float = 20.0) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        # Whoever starts the server has more urgent things to do first.
        wait_s = min(20.0, self._every_s)
        while not self._stopping.wait(wait_s):
            wait_s = self._every_s
            try:
                with self._scope():
                    days = catch_up(self._rules)
                self._counted(days)
            except DatabaseFault:
                _log.warning("the quality figures could not be counted now: the database does not answer")
            except Exception:  # noqa: BLE001 - figures must never end the program that records doses; the next look tries again
                _log.exception("the quality figures could not be counted")
