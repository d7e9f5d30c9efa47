"""Which dose is due and what became of it: windows, history, the nearest open dose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.orders import schedule
from pointofcare.orders.order import Order, OrderCategory
from pointofcare.orders.schedule import DueDose, DueStatus, Windows

HANOI, MADRID = "Asia/Ho_Chi_Minh", "Europe/Madrid"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the scheduler needs of a history entry."""

    status: str
    at: datetime
    due: datetime | None = None
    order: str = "O1"


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _order(**changes: object) -> Order:
    values: dict[str, object] = {
        "id": "O1",
        "version": 3,
        "patient": "P1",
        "ingredient": "amoxicillin",
        "form": "capsule",
        "route": "PO",
        "category": OrderCategory.SCHEDULED,
        "times": (time(8), time(20)),
        "start": _at("2026-03-01T08:00:00+07:00"),
    }
    return Order(**(values | changes))  # type: ignore[arg-type]


def _doses(order: Order, *history: Entry, zone: str = HANOI, day: str = "2026-03-02", offset: str = "+07:00") -> list[DueDose]:
    after = _at(f"{day}T00:00:00{offset}")
    return schedule.due_doses(order, history, Windows(), zone, after, after + timedelta(days=1))


EIGHT = _at("2026-03-02T08:00:00+07:00")
TWENTY = _at("2026-03-02T20:00:00+07:00")


@pytest.mark.parametrize(
    ("changes", "minutes"),
    [
        ({"times": (time(8),)}, (120, 120)),
        ({"times": (time(8), time(20))}, (60, 60)),
        ({"times": tuple(time(h) for h in (2, 6, 10, 14, 18, 22))}, (60, 60)),  # q4h is not more often than q4h
        ({"times": tuple(time(h) for h in range(0, 24, 3))}, (30, 30)),
        ({"times": (time(8),), "time_critical": True}, (30, 30)),
        ({"times": (), "every": timedelta(hours=3, minutes=59)}, (30, 30)),
        ({"times": (), "every": timedelta(hours=4)}, (60, 60)),
        ({"times": (), "every": timedelta(hours=23)}, (60, 60)),
        ({"times": (), "every": timedelta(hours=24)}, (120, 120)),
        ({"times": (), "every": timedelta(days=7)}, (120, 120)),
        ({"times": (time(8), time(20)), "every": timedelta(days=2)}, (60, 60)),
        ({"category": OrderCategory.STAT}, (0, 30)),
        ({"category": OrderCategory.ONCE}, (0, 60)),
        ({"category": OrderCategory.PRN}, (0, 0)),
        ({"category": OrderCategory.INFUSION}, (0, 0)),
        ({"category": OrderCategory.ON_CALL}, (0, 0)),
    ],
)
def test_window_follows_how_often_and_how_critical(changes: dict[str, object], minutes: tuple[int, int]) -> None:
    before, behind = schedule.window(_order(**changes), Windows())
    assert (before, behind) == (timedelta(minutes=minutes[0]), timedelta(minutes=minutes[1]))


def test_windows_come_from_the_hospitals_policy() -> None:
    assert schedule.window(_order(), Windows(frequent=timedelta(minutes=45)))[0] == timedelta(minutes=45)


def test_due_dose_names_order_version_and_patient() -> None:
    first, second = _doses(_order())
    assert (first.order, first.order_version, first.patient, first.due) == ("O1", 3, "P1", EIGHT)
    assert (first.opens_at, first.closes_at) == (_at("2026-03-02T07:00:00+07:00"), _at("2026-03-02T09:00:00+07:00"))
    assert second.due == TWENTY


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ("06:59:59.999999", DueStatus.UPCOMING),
        ("07:00:00", DueStatus.DUE),
        ("08:59:59.999999", DueStatus.DUE),
        ("09:00:00", DueStatus.OVERDUE),
        ("23:59:00", DueStatus.OVERDUE),
    ],
)
def test_window_includes_its_first_instant_and_excludes_its_last(clock: str, expected: DueStatus) -> None:
    assert schedule.status(_doses(_order())[0], _at(f"2026-03-02T{clock}+07:00")) is expected


def test_late_begins_at_the_excluded_end() -> None:
    dose = _doses(_order())[0]
    assert schedule.late_by(dose, _at("2026-03-02T08:59:59+07:00")) is None
    assert schedule.late_by(dose, _at("2026-03-02T09:00:00+07:00")) == timedelta(0)
    assert schedule.late_by(dose, _at("2026-03-02T09:20:00+07:00")) == timedelta(minutes=20)
    assert schedule.early_by(dose, _at("2026-03-02T06:30:00+07:00")) == timedelta(minutes=30)
    assert schedule.early_by(dose, _at("2026-03-02T07:00:00+07:00")) == timedelta(0)


@pytest.mark.parametrize(
    ("status", "expected", "is_open"),
    [
        ("completed", DueStatus.GIVEN, False),
        ("stopped", DueStatus.GIVEN, False),
        ("not-done", DueStatus.NOT_GIVEN, False),
        ("in-progress", DueStatus.IN_PROGRESS, True),
        ("on-hold", DueStatus.IN_PROGRESS, True),
        ("entered-in-error", DueStatus.DUE, True),
        ("something-new", DueStatus.DUE, True),
    ],
)
def test_history_closes_a_dose_or_keeps_it_open(status: str, expected: DueStatus, is_open: bool) -> None:
    first, second = _doses(_order(), Entry(status=status, at=_at("2026-03-02T07:40:00+07:00"), due=EIGHT))
    assert schedule.status(first, EIGHT) is expected
    assert first.is_open is is_open
    assert second.is_open


def test_history_of_another_order_does_not_count() -> None:
    assert _doses(_order(), Entry(status="completed", at=EIGHT, due=EIGHT, order="O2"))[0].is_open


def test_given_outweighs_what_was_recorded_before_and_after() -> None:
    later = EIGHT + timedelta(minutes=5)
    for others in (["not-done"], ["in-progress"], ["entered-in-error", "on-hold"]):
        history = [Entry(status="completed", at=EIGHT, due=EIGHT)] + [Entry(status=s, at=later, due=EIGHT) for s in others]
        for entries in (history, history[::-1]):
            assert _doses(_order(), *entries)[0].outcome is DueStatus.GIVEN


def test_entry_names_the_same_dose_in_any_offset() -> None:
    assert not _doses(_order(), Entry(status="completed", at=EIGHT, due=EIGHT.astimezone(UTC)))[0].is_open


@pytest.mark.parametrize(
    ("at", "still_open"),
    [
        ("2026-03-02T08:10:00+07:00", [TWENTY]),
        ("2026-03-02T13:00:00+07:00", [TWENTY]),
        ("2026-03-02T14:00:00+07:00", [TWENTY]),  # of two equally near the earlier
        ("2026-03-02T14:01:00+07:00", [EIGHT]),
        ("2026-03-01T20:00:00+07:00", [EIGHT, TWENTY]),  # yesterday's dose, outside what was asked for
    ],
)
def test_entry_that_names_no_dose_closes_the_nearest_one(at: str, still_open: list[datetime]) -> None:
    assert [dose.due for dose in _doses(_order(), Entry(status="completed", at=_at(at))) if dose.is_open] == still_open


def test_one_time_order_is_closed_by_any_record_of_it() -> None:
    order = _order(category=OrderCategory.ONCE, times=(), start=EIGHT)
    assert not _doses(order, Entry(status="completed", at=TWENTY))[0].is_open
    assert not _doses(order, Entry(status="completed", at=TWENTY, due=TWENTY))[0].is_open
    assert schedule.status(_doses(order)[0], EIGHT - timedelta(seconds=1)) is DueStatus.UPCOMING
    assert schedule.status(_doses(order)[0], EIGHT) is DueStatus.DUE
    assert schedule.status(_doses(order)[0], EIGHT + timedelta(hours=1)) is DueStatus.OVERDUE


def test_administration_belongs_to_the_nearest_open_dose() -> None:
    late = _at("2026-03-02T09:20:00+07:00")
    found = schedule.open_dose(_doses(_order()), late)
    assert found is not None
    assert found.due == EIGHT
    given_before = Entry(status="completed", at=_at("2026-03-02T07:40:00+07:00"), due=EIGHT)
    doses = _doses(_order(), given_before)
    found = schedule.open_dose(doses, _at("2026-03-02T08:05:00+07:00"))
    assert found is not None
    assert found.due == TWENTY
    named = schedule.dose_due_at(doses, EIGHT.astimezone(UTC))
    assert named is not None
    assert not named.is_open
    assert schedule.nearest_dose(doses, late) == named
    assert schedule.dose_due_at(doses, late) is None
    assert schedule.open_dose([], late) is None


def test_of_two_equally_near_doses_the_earlier_is_meant() -> None:
    found = schedule.open_dose(_doses(_order()), _at("2026-03-02T14:00:00+07:00"))
    assert found is not None
    assert found.due == EIGHT


def test_dose_after_the_spring_change_is_an_hour_earlier_in_utc() -> None:
    order = _order(times=(time(6), time(14), time(22)), start=_at("2026-06-17T06:00:00+07:00"))
    now = _at("2027-03-28T15:00:00+02:00")
    found = schedule.open_dose(_doses(order, zone=MADRID, day="2027-03-28", offset="+01:00"), now)
    assert found is not None
    assert found.due == _at("2027-03-28T14:00:00+02:00")
    assert schedule.late_by(found, now) == timedelta(0)
    assert schedule.status(found, now) is DueStatus.OVERDUE


_MOMENTS = st.integers(0, 24 * 60).map(lambda minutes: _at("2026-03-02T00:00:00+07:00") + timedelta(minutes=minutes))
_ENTRIES = st.lists(
    st.builds(
        Entry,
        status=st.sampled_from(["completed", "not-done", "stopped", "in-progress", "on-hold", "entered-in-error"]),
        at=_MOMENTS,
        due=st.sampled_from([EIGHT, TWENTY, None]),
    ),
    max_size=6,
)


@given(_ENTRIES, _MOMENTS, st.randoms(use_true_random=False))
def test_order_of_the_history_never_changes_what_is_due(entries: list[Entry], now: datetime, dice: object) -> None:
    shuffled = list(entries)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = _doses(_order(), *entries), _doses(_order(), *shuffled)
    assert [schedule.status(dose, now) for dose in one] == [schedule.status(dose, now) for dose in other]


@given(_ENTRIES, _MOMENTS)
def test_one_more_given_entry_never_opens_a_dose(entries: list[Entry], at: datetime) -> None:
    open_before = {dose.due for dose in _doses(_order(), *entries) if dose.is_open}
    for due in (EIGHT, TWENTY):
        more = {dose.due for dose in _doses(_order(), *entries, Entry(status="completed", at=at, due=due)) if dose.is_open}
        assert due not in more
        assert more - {EIGHT, TWENTY} == set()
        assert more <= open_before | {EIGHT, TWENTY} - {due}


@given(_ENTRIES, _MOMENTS, _MOMENTS)
def test_time_alone_never_closes_a_dose(entries: list[Entry], now: datetime, later: datetime) -> None:
    for dose in _doses(_order(), *entries):
        if dose.is_open:
            assert schedule.status(dose, max(now, later)) not in schedule.CLOSED
