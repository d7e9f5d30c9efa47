"""The omission radar: minutes to the end of a window, beds nobody was at, carts that cannot tell, and no forecast out of nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.verdict.facts import HistoryEntry
from pointofcare.verdict.policy import Policy
from server.store.bedside import Look
from server.store.views_fleet import CartLine
from server.store.views_radar import OpenBed, Seen
from server.usecases import radar
from server.usecases.radar import Radar
from tests.support.builders import ZONE, a_neighbour, a_patient, an_entry, an_order, local

# Due at 08:00, twice a day: the window is 07:00 to 09:00.
ORDER = an_order(times=(time(8), time(20)), start=local("05:00:00"))
SECOND = replace(ORDER, id="O2", patient="P2")


def cart(now: datetime, **changes: object) -> CartLine:
    names = (*CartLine.__dataclass_fields__,)
    plain: dict[str, object] = dict.fromkeys(names) | {"id": "c1", "ward": "W", "phase": "ready", "last_seen_at": now}
    made = CartLine(**plain)  # type: ignore[arg-type]
    return replace(made, **changes)  # type: ignore[arg-type]


def swept(at: str, *, orders: tuple[Order, ...] = (ORDER,), history: tuple[HistoryEntry, ...] = (), **others: object) -> Radar:
    now = local(at)
    look = Look(patients=(a_patient(), a_neighbour()), orders=orders, history=history)
    carts = others.pop("carts", (cart(now),))
    return radar.sweep(look, ward="W", policy=Policy(), zone=ZONE, now=now, carts=carts, **others)  # type: ignore[arg-type]


def states(found: Radar) -> list[tuple[str, int]]:
    return [(dose.state, int(dose.left.total_seconds() // 60)) for dose in found.doses]


def test_a_dose_is_upcoming_due_pressing_and_overdue_by_the_minutes_left() -> None:
    assert states(swept("05:50:00")) == []
    assert states(swept("06:30:00")) == [("upcoming", 150)]
    assert states(swept("07:00:00")) == [("due", 120)]
    assert states(swept("08:45:00")) == [("pressing", 15)]
    assert states(swept("08:59:59")) == [("pressing", 0)]
    # At the window's end it is late, and "0 minutes left" is never said of it.
    assert states(swept("09:00:00")) == [("overdue", 0)]
    assert states(swept("09:00:01")) == [("overdue", -1)]


def test_what_was_given_or_said_to_be_not_given_is_gone() -> None:
    due = local("08:00:00")
    assert states(swept("08:30:00", history=(an_entry(due=due),))) == []
    assert states(swept("08:30:00", history=(an_entry("not-done", due=due),))) == []


def test_those_that_close_first_come_first_and_their_bed_with_them() -> None:
    early = replace(ORDER, id="O3", patient="P2", time_critical=True)  # until 08:30
    found = swept("08:05:00", orders=(ORDER, early))
    assert [dose.order.id for dose in found.doses] == ["O3", "O1"]
    assert [bed.patient.id for bed in found.beds] == ["P2", "P1"]


def test_a_bed_is_unvisited_until_somebody_was_there_since_its_dose_opened() -> None:
    def one(at: str, nurse: str = "N1") -> Seen:
        return Seen(patient="P1", nurse=nurse, cart="c1", at=local(at), is_dose=False)

    assert [bed.unvisited for bed in swept("07:30:00").beds] == [True]
    assert [bed.unvisited for bed in swept("07:30:00", seen=(one("06:40:00"),)).beds] == [True]
    assert [bed.unvisited for bed in swept("07:30:00", seen=(one("07:10:00"),)).beds] == [False]
    # A cart that has the patient open is there now.
    opened = OpenBed(patient="P1", cart="c1", nurse="N1", until=local("07:35:00"))
    bed = swept("07:30:00", open_beds=(opened,)).beds[0]
    assert (bed.unvisited, bed.open_at) == (False, "c1")
    # What only comes is nobody's omission yet.
    assert [bed.unvisited for bed in swept("06:30:00").beds] == [False]


def test_a_visit_of_the_round_before_does_not_count_for_this_one() -> None:
    seen = Seen(patient="P1", nurse="N1", cart="c1", at=local("09:20:00"), is_dose=True)
    assert [bed.unvisited for bed in swept("13:00:00", seen=(seen,)).beds] == [True]


def test_carts_that_are_away_are_said_and_none_at_all_is_deaf() -> None:
    now = local("08:30:00")
    silent = cart(now, id="c2", last_seen_at=now - timedelta(minutes=5), unsent=3)
    gone = cart(now, id="c9", last_seen_at=now - timedelta(days=3))
    found = swept("08:30:00", carts=(cart(now), silent, gone))
    assert [one.id for one in found.carts] == ["c1", "c2"]
    assert [one.id for one in found.away] == ["c2"]
    assert not found.is_deaf
    assert swept("08:30:00", carts=(silent,)).is_deaf
    assert swept("08:30:00", carts=()).is_deaf


def test_the_forecast_goes_by_the_pace_of_the_last_half_hour_and_says_when_there_is_none() -> None:
    two = (ORDER, SECOND)
    # Nobody recorded anything: nobody knows.
    assert swept("08:45:00", orders=two).forecast is None
    seen = tuple(Seen(patient="P9", nurse="N1", cart="c1", at=local("08:30:00"), is_dose=True) for _ in range(3))
    found = swept("08:45:00", orders=two, seen=seen)  # one in ten minutes, 15 left: the second comes too late
    assert (found.pace, found.forecast) == (3, 1)
    assert swept("08:20:00", orders=two, seen=tuple(replace(one, at=local("08:10:00")) for one in seen)).forecast == 0
    assert swept("05:00:00", orders=two).forecast == 0


def test_people_at_work_are_listed_by_cart_with_nothing_counted() -> None:
    now = local("08:30:00")
    seen = (
        Seen(patient="P1", nurse="N2", cart="c2", at=now - timedelta(minutes=4), is_dose=True),
        Seen(patient="P1", nurse="N2", cart="c2", at=now - timedelta(minutes=6), is_dose=True),
        Seen(patient="P1", nurse="N3", cart="c1", at=now - timedelta(minutes=50), is_dose=True),
    )
    opened = OpenBed(patient="P2", cart="c1", nurse="N1", until=now + timedelta(minutes=2))
    found = swept("08:30:00", seen=seen, open_beds=(opened,)).people
    assert [(one.nurse, one.cart, one.patient.id if one.patient else None) for one in found] == [("N1", "c1", "P2"), ("N2", "c2", None)]
    assert {field for one in found for field in type(one).__slots__} == {"nurse", "cart", "at", "patient"}


def test_an_order_that_cannot_be_computed_and_one_overdue_for_days_are_not_left_out_in_silence() -> None:
    broken = replace(ORDER, id="O5", times=(), every=None)
    found = swept("08:30:00", orders=(ORDER, broken, replace(ORDER, id="O6", status=OrderStatus.DRAFT)))
    assert sorted(order.id for _, order in found.unknown) == ["O5", "O6"]
    old = replace(ORDER, id="O7", category=OrderCategory.ONCE, times=(), start=local("08:00:00", "2026-02-20"))
    assert swept("08:30:00", orders=(old,)).old == 1
    assert swept("08:30:00", orders=(replace(ORDER, status=OrderStatus.STOPPED),)).doses == ()
