"""The day of treatment: "antibiotic, day n", as Vietnamese treatment sheets number the days on which a drug is used.

Numbered are antibiotics, opioids, psychotropics, tuberculosis drugs, corticosteroids and what else an order marks
(`counts_days`; Circular 23/2011). The choice made here: day 1 is the ward's calendar day of the first dose, and each later day on
which at least one dose was given adds one; so a day without any dose is not counted, and calendar days are given beside it.
Orders are written anew every day or two, so all orders of one patient with the same ingredients are one course.
Must never count what was entered in error or not given, and never name a day where the beginning is not on the record at hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pointofcare.orders import timing
from pointofcare.orders.order import Order
from pointofcare.orders.schedule import Administration

# A dose so long after the last one begins a new course (local choice).
NEW_COURSE_AFTER = timedelta(days=14)
_GIVEN = frozenset({"completed", "in-progress", "stopped", "on-hold"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseDay:
    """`number` is the day of use, `calendar_number` the days since the first dose, both counting today and that day as 1.
    `given_today`: today's dose is among them already; otherwise `number` is what today's dose will make it."""

    number: int
    calendar_number: int
    given_today: bool


def day_number(
    order: Order,
    history: Iterable[Administration],
    zone: str | None,
    at: datetime,
    *,
    others: Iterable[Order] = (),
    complete_from: datetime | None = None,
) -> CourseDay | None:
    """Which day of treatment it is at `at`; None for an order whose days are not counted, or when that cannot be told.

    `others` are further orders, ended ones too; those of the same patient and ingredients belong to the course.
    `complete_from`: the record at hand holds nothing from before it, None: it is whole. Raises: ZoneUnknownError.
    """
    if not order.counts_days:
        return None
    course = {order.id, *(other.id for other in others if _same_course(order, other))}
    given = sorted(entry.at for entry in history if entry.order in course and entry.status in _GIVEN and entry.at <= at)
    first = 0
    for place in range(1, len(given)):
        if given[place] - given[place - 1] > NEW_COURSE_AFTER:
            first = place
    given = given[first:]
    if given and at - given[-1] > NEW_COURSE_AFTER:
        given = []
    today = timing.ward_date(at, zone)
    if complete_from is not None and (given[0] if given else at) - complete_from <= NEW_COURSE_AFTER:
        return None  # a dose before the record at hand may belong to this course
    days = {timing.ward_date(moment, zone) for moment in given}
    earlier = days - {today}
    since = (today - min(days)).days + 1 if days else 1
    return CourseDay(number=len(earlier) + 1, calendar_number=since, given_today=today in days)


def _same_course(one: Order, other: Order) -> bool:
    return one.patient == other.patient and ingredients(one) == ingredients(other)


def ingredients(order: Order) -> frozenset[str]:
    """The ingredients of an order, however a combination was written."""
    return frozenset(" ".join(name.split()).casefold() for name in order.ingredient.split("/") if name.strip())
