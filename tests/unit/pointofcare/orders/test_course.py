"""The day of treatment: first day, gaps, new orders of the same drug, what does not count, and what is not known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pytest

from pointofcare.errors import ZoneUnknownError
from pointofcare.orders import course
from pointofcare.orders.course import NEW_COURSE_AFTER, CourseDay
from pointofcare.orders.order import Order
from tests.unit.pointofcare.orders.an_order import DAY, HANOI, HOUR, an_order, at


@dataclass(frozen=True, kw_only=True)
class Given:
    at: datetime
    status: str = "completed"
    order: str = "O1"
    due: datetime | None = None


CEFTRIAXONE = an_order(ingredient="ceftriaxone", counts_days=True)
NOW = at("2026-03-05T10:00:00+07:00")


def gave(*moments: str, status: str = "completed", order: str = "O1") -> list[Given]:
    return [Given(at=at(f"2026-{moment}:00+07:00"), status=status, order=order) for moment in moments]


def day(order: Order, history: list[Given], **changes: object) -> tuple[int, int, bool] | None:
    found = course.day_number(order, history, HANOI, NOW, **changes)  # type: ignore[arg-type]
    return None if found is None else (found.number, found.calendar_number, found.given_today)


def test_the_day_of_the_first_dose_is_day_one() -> None:
    assert day(CEFTRIAXONE, []) == (1, 1, False)
    assert day(CEFTRIAXONE, gave("03-05T08:00")) == (1, 1, True)
    assert course.day_number(CEFTRIAXONE, [], HANOI, NOW) == CourseDay(number=1, calendar_number=1, given_today=False)


def test_each_day_with_a_dose_adds_one() -> None:
    assert day(CEFTRIAXONE, gave("03-03T08:00", "03-03T20:00", "03-04T08:00")) == (3, 3, False)
    assert day(CEFTRIAXONE, gave("03-03T08:00", "03-04T08:00", "03-05T08:00", "03-05T09:00")) == (3, 3, True)


def test_a_day_without_a_dose_is_not_counted_but_the_calendar_is() -> None:
    assert day(CEFTRIAXONE, gave("03-01T08:00", "03-03T08:00")) == (3, 5, False)


def test_days_are_the_wards_days() -> None:
    assert day(CEFTRIAXONE, gave("03-04T23:59", "03-05T00:00")) == (2, 2, True)  # both on the fourth in UTC
    assert day(CEFTRIAXONE, gave("03-04T00:00", "03-04T23:59")) == (2, 2, False)


def test_only_what_the_patient_got_counts() -> None:
    for status, counted in (
        ("completed", True), ("in-progress", True), ("stopped", True), ("on-hold", True),
        ("not-done", False), ("entered-in-error", False), ("unknown", False),
    ):  # fmt: skip
        assert day(CEFTRIAXONE, gave("03-04T08:00", status=status)) == ((2, 2, False) if counted else (1, 1, False))


def test_what_lies_after_the_moment_asked_for_does_not_count() -> None:
    assert day(CEFTRIAXONE, gave("03-05T10:00")) == (1, 1, True)
    assert day(CEFTRIAXONE, gave("03-05T10:01", "03-06T08:00")) == (1, 1, False)


def test_an_order_written_anew_goes_on_with_the_course() -> None:
    before = an_order(id="O0", ingredient="Ceftriaxone ", counts_days=True)
    assert day(CEFTRIAXONE, gave("03-03T08:00", order="O0") + gave("03-04T08:00"), others=[before]) == (3, 3, False)
    assert day(CEFTRIAXONE, gave("03-03T08:00", order="O0") + gave("03-04T08:00")) == (2, 2, False)


@pytest.mark.parametrize("changes", [{"patient": "P2"}, {"ingredient": "cefuroxime"}, {"ingredient": "ceftriaxone/sulbactam"}])
def test_another_patient_or_drug_is_another_course(changes: dict[str, object]) -> None:
    other = an_order(**{"id": "O0", "ingredient": "ceftriaxone", **changes})
    assert day(CEFTRIAXONE, gave("03-03T08:00", order="O0"), others=[other]) == (1, 1, False)


def test_a_combination_is_the_same_however_it_was_written() -> None:
    one = an_order(ingredient="ampicillin/sulbactam", counts_days=True)
    other = an_order(id="O0", ingredient=" Sulbactam / ampicillin/")
    assert course.ingredients(one) == course.ingredients(other) == frozenset({"ampicillin", "sulbactam"})
    assert day(one, gave("03-04T08:00", order="O0"), others=[other]) == (2, 2, False)


def test_a_long_break_begins_a_new_course() -> None:
    assert 14 * DAY == NEW_COURSE_AFTER
    assert day(CEFTRIAXONE, [Given(at=NOW - NEW_COURSE_AFTER)]) == (2, 15, False)
    assert day(CEFTRIAXONE, [Given(at=NOW - NEW_COURSE_AFTER - HOUR)]) == (1, 1, False)
    old = [Given(at=NOW - 40 * DAY), Given(at=NOW - 39 * DAY)]
    assert day(CEFTRIAXONE, [*old, *gave("03-04T08:00")]) == (2, 2, False)
    assert day(CEFTRIAXONE, [*gave("03-04T08:00"), *old]) == (2, 2, False)
    joined = [*old, Given(at=NOW - 39 * DAY + NEW_COURSE_AFTER), Given(at=NOW - 39 * DAY + 2 * NEW_COURSE_AFTER)]
    assert day(CEFTRIAXONE, joined) == (5, 41, False)


def test_an_order_whose_days_nobody_counts_has_no_day() -> None:
    assert day(an_order(), gave("03-04T08:00")) is None


def test_where_the_beginning_is_not_on_record_no_day_is_named() -> None:
    first = at("2026-03-03T08:00:00+07:00")
    history = gave("03-03T08:00")
    assert day(CEFTRIAXONE, history, complete_from=first - NEW_COURSE_AFTER) is None
    assert day(CEFTRIAXONE, history, complete_from=first - NEW_COURSE_AFTER - HOUR) == (2, 3, False)
    assert day(CEFTRIAXONE, [], complete_from=NOW - NEW_COURSE_AFTER) is None
    assert day(CEFTRIAXONE, [], complete_from=NOW - NEW_COURSE_AFTER - HOUR) == (1, 1, False)


def test_without_the_wards_zone_no_day_is_named() -> None:
    with pytest.raises(ZoneUnknownError):
        course.day_number(CEFTRIAXONE, [], None, NOW)
