"""Which dose is due, and what became of it: due times, their windows, and the record of what was done.

"Missed" and "overdue" are computed here from the order, the history and the moment, and never stored. Must never count a
record that was entered in error, and never close a dose because its time has passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from pointofcare.errors import ScheduleUnknownError
from pointofcare.orders import timing
from pointofcare.orders.order import Order, OrderCategory
from pointofcare.quantity import Quantity


class Administration(Protocol):
    """What a history entry must have; `status` is a FHIR MedicationAdministration code, `due` the dose that it names."""

    @property
    def order(self) -> str: ...
    @property
    def due(self) -> datetime | None: ...
    @property
    def status(self) -> str: ...
    @property
    def at(self) -> datetime: ...


class DueStatus(StrEnum):
    UPCOMING = "upcoming"
    DUE = "due"
    OVERDUE = "overdue"
    GIVEN = "given"
    NOT_GIVEN = "not-given"
    IN_PROGRESS = "in-progress"


# `stopped` gave a part of the dose: it must not be offered again, so it counts as given here.
_OUTCOMES = {
    "completed": DueStatus.GIVEN,
    "stopped": DueStatus.GIVEN,
    "not-done": DueStatus.NOT_GIVEN,
    "in-progress": DueStatus.IN_PROGRESS,
    "on-hold": DueStatus.IN_PROGRESS,
}
_STRENGTH = {DueStatus.IN_PROGRESS: 0, DueStatus.NOT_GIVEN: 1, DueStatus.GIVEN: 2}
CLOSED = frozenset({DueStatus.GIVEN, DueStatus.NOT_GIVEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Time on each side of a scheduled dose (rule T1), and after its start for a single dose. The caller fills it from the
    hospital's policy; the defaults are those of the rule table, the last two are a local choice."""

    time_critical: timedelta = timedelta(minutes=30)
    frequent: timedelta = timedelta(minutes=60)
    daily_or_less: timedelta = timedelta(minutes=120)
    stat_deadline: timedelta = timedelta(minutes=30)
    once_deadline: timedelta = timedelta(minutes=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDose:
    """One dose of an order. It may be given from `opens_at` (included) to `closes_at` (excluded).

    `outcome` is what the record says, None: nothing yet; `outcome_at` when that happened. `dose` and `dose_range` are those of
    the order, or of the dosage instruction that is due then; both None when that is not known.
    """

    order: str
    order_version: int
    patient: str
    due: datetime
    opens_at: datetime
    closes_at: datetime
    outcome: DueStatus | None = None
    outcome_at: datetime | None = None
    dose: Quantity | None = None
    dose_range: tuple[Quantity, Quantity] | None = None

    @property
    def is_open(self) -> bool:
        return self.outcome not in CLOSED


def window(order: Order, windows: Windows, due: datetime | None = None) -> tuple[timedelta, timedelta]:
    """How long before and after a due time the dose may be given. (0, 0) for orders without due times.

    Time-critical is what the order says and whatever is due more often than every 4 hours, counted per day; then more often
    than daily; then daily or less. A single dose opens at its time and has its own deadline (CMS 2011, ISMP). Of dosage
    instructions those that hold at `due` count, together; without it the first ones. Raises: ScheduleUnknownError.
    """
    if order.category in timing.WITHOUT_TIMES:
        return timedelta(0), timedelta(0)
    if order.category is OrderCategory.STAT:
        return timedelta(0), windows.stat_deadline
    if order.category is OrderCategory.ONCE:
        return timedelta(0), windows.once_deadline
    spacing = timing.often(order, due)
    if order.time_critical or (spacing is not None and spacing < timedelta(hours=4)):
        side = windows.time_critical
    elif spacing is not None and spacing < timing.DAY:
        side = windows.frequent
    else:
        side = windows.daily_or_less
    return side, side


def due_doses(
    order: Order,
    history: Iterable[Administration],
    windows: Windows,
    zone: str | None,
    after: datetime,
    until: datetime,
) -> list[DueDose]:
    """The doses of `order` due at `after <= due < until`, rising, each with what the record says of it.

    An entry belongs to the dose whose due time it names. One that names none belongs to the dose nearest to it, in or out of
    its window, so that a late dose charted without its time is not offered again; every entry of a single-dose order belongs
    to its one dose. A dose that the record names and that was due before this version came to hold stays in the list as the
    record says, its amount not known: an earlier version said it. The order's status is not looked at.
    Raises: ZoneUnknownError, ScheduleUnknownError.
    """
    entries = [entry for entry in history if entry.order == order.id and entry.status in _OUTCOMES]
    usual = window(order, windows)
    doses = [
        _due_dose(order, step, due, window(order, windows, due) if order.dosages else usual)
        for due, step in timing.due_steps(order, zone, after, until)
    ]
    if order.category in timing.SINGLE:
        return [_with_outcome(dose, entries) for dose in doses]
    doses = [*_of_earlier_versions(order, entries, usual, after, until), *doses]
    belongs_to = [(entry, entry.due or _nearest_due(order, zone, entry.at)) for entry in entries]
    return [_with_outcome(dose, [entry for entry, due in belongs_to if due == dose.due]) for dose in doses]


def across(
    versions: Iterable[tuple[Order, datetime]],
    history: Iterable[Administration],
    windows: Windows,
    zone: str | None,
    after: datetime,
    until: datetime,
) -> list[DueDose]:
    """The doses of an order over its changes: `versions` with the moment at which each was written. Each dose is due by the
    version that held at its time, so that a change neither hides a dose that was missed before nor makes one up; what the newest
    version says of such a dose, its amount for one, goes. A former version that cannot be computed has none.
    Raises: as `due_doses`, for the newest version."""
    entries = list(history)
    held = sorted(versions, key=lambda each: each[0].version)
    found: dict[datetime, DueDose] = {}
    for place, (order, since) in enumerate(held):
        begin = after if place == 0 else max(after, since)
        end = min([until, *(later for _, later in held[place + 1 :])])
        try:
            doses = due_doses(replace(order, holds_from=None), entries, windows, zone, begin, end)
        except ScheduleUnknownError:
            if place + 1 == len(held):
                raise
            continue
        found |= {dose.due: dose for dose in doses}
    if held:
        newest = due_doses(replace(held[-1][0], holds_from=None), entries, windows, zone, after, until)
        found |= {dose.due: dose for dose in newest if dose.due in found}
    return [found[due] for due in sorted(found)]


def status(due_dose: DueDose, now: datetime) -> DueStatus:
    """What the dose is at `now`: its outcome if the record has one, else upcoming, due or overdue by its window."""
    if due_dose.outcome is not None:
        return due_dose.outcome
    if now < due_dose.opens_at:
        return DueStatus.UPCOMING
    return DueStatus.DUE if now < due_dose.closes_at else DueStatus.OVERDUE


def nearest_dose(doses: Iterable[DueDose], now: datetime) -> DueDose | None:
    """The dose whose due time is nearest to `now`, given or not; of two equally near the earlier."""
    return min(doses, key=lambda dose: (abs(dose.due - now), dose.due), default=None)


def open_dose(doses: Iterable[DueDose], now: datetime) -> DueDose | None:
    """The dose that an administration at `now` belongs to when the nurse names none: the nearest one that is still open.

    So after a dose was given, a second scan belongs to the *next* dose, and shows as far too early (rule T1).
    """
    return nearest_dose((dose for dose in doses if dose.is_open), now)


def dose_due_at(doses: Iterable[DueDose], due: datetime) -> DueDose | None:
    """The dose with exactly this due time, None when the order has none then."""
    return next((dose for dose in doses if dose.due == due), None)


def early_by(due_dose: DueDose, now: datetime) -> timedelta:
    """How long before the window `now` is; zero inside it and after it."""
    return max(due_dose.opens_at - now, timedelta(0))


def late_by(due_dose: DueDose, now: datetime) -> timedelta | None:
    """How long after the window's end `now` is; None inside and before it (at the excluded end itself it is zero)."""
    return now - due_dose.closes_at if now >= due_dose.closes_at else None


def _due_dose(order: Order, step: Order | None, due: datetime, sides: tuple[timedelta, timedelta]) -> DueDose:
    before, behind = sides
    return DueDose(
        order=order.id,
        order_version=order.version,
        patient=order.patient,
        due=due,
        opens_at=due - before,
        closes_at=due + behind,
        dose=step.dose if step is not None else None,
        dose_range=step.dose_range if step is not None else None,
    )


def _of_earlier_versions(
    order: Order, entries: Sequence[Administration], sides: tuple[timedelta, timedelta], after: datetime, until: datetime
) -> list[DueDose]:
    if order.holds_from is None:
        return []
    named = {entry.due for entry in entries if entry.due is not None and after <= entry.due < min(until, order.holds_from)}
    return [_due_dose(order, None, due, sides) for due in sorted(named)]


def _with_outcome(dose: DueDose, entries: Sequence[Administration]) -> DueDose:
    """Given outweighs not given, which outweighs in progress; of equals the latest is shown."""
    if not entries:
        return dose
    strongest = max(entries, key=lambda entry: (_STRENGTH[_OUTCOMES[entry.status]], entry.at))
    return replace(dose, outcome=_OUTCOMES[strongest.status], outcome_at=strongest.at)


def _nearest_due(order: Order, zone: str | None, at: datetime) -> datetime | None:
    found = [due for due in (timing.previous_due(order, zone, at), timing.next_due(order, zone, at)) if due is not None]
    return min(found, key=lambda due: (abs(due - at), due), default=None)
