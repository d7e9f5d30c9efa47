"""What is made ready before the tap is what the tap would have made, and is not used where anything could be otherwise."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cart_client import inbox, ready, visit
from cart_client.inbox import ClockMeasured, LeaseTold, Link, LinkTold, TablesChanged
from cart_client.journal import Journal
from cart_client.prepared import Made
from cart_client.screen import View
from pointofcare.errors import JournalError
from pointofcare.orders.order import Order
from pointofcare.verdict import engine
from pointofcare.verdict.facts import Facts, Lease
from pointofcare.verdict.finding import Verdict
from pointofcare.wire import codec, recompute, snapshot
from pointofcare.wire.messages import AdministrationRecorded, TableKind
from tests.support.cart_ward import AMOX, PARACETAMOL, Stand, a_table, an_order, band, chart_body, issued, orders, pack
from tests.support.suite import every_scenario

ALL = every_scenario()


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    made = Stand(tmp_path)
    made.sign_in()
    made.hold(band("P1"))
    made.lease("P1")
    made.hold(pack(AMOX))
    assert made.state == "giving"
    return made


@pytest.fixture
def evaluated(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> list[Facts]:
    """What the loop has judged since the dose came into the hand."""
    asked: list[Facts] = []

    def evaluate(facts: Facts) -> Verdict:
        asked.append(facts)
        return engine.evaluate(facts)

    monkeypatch.setattr(stand.bedside.visit, "evaluate", evaluate)
    return asked


def made_now(stand: Stand) -> Made | None:
    v = stand.bedside.visit
    return ready.made(v.ready, v, v.session, stand.clock.at)


def tap(stand: Stand, **more: object) -> None:
    stand.press(inbox.Confirm, record_id=stand.view.session.record_id, **more)


def rows(stand: Stand) -> list[AdministrationRecorded]:
    bodies = [entry.message.body for entry in stand.journal.unsent(limit=100)]
    return [body for body in bodies if isinstance(body, AdministrationRecorded)]


def charted(stand: Stand, order_list: tuple[Order, ...]) -> None:
    table = a_table(TableKind.PATIENT_CHART, chart_body(order_list), version=2, issued_at=stand.clock.at)
    stand.chart.take(issued(table), stand.clock.at)


def test_the_tap_records_what_it_would_have_made_and_judges_nothing_again(stand: Stand, evaluated: list[Facts]) -> None:
    v, before = stand.bedside.visit, stand.clock.at
    stand.clock.pass_by(timedelta(seconds=1.5))
    now = stand.clock.at
    verdict = engine.evaluate(visit.facts(v, now))
    wanted = visit.concluded(v, v.session, verdict, now)
    packed = snapshot.pack(visit.facts(v, now), verdict=verdict)
    assert before < now
    tap(stand)
    (row,) = rows(stand)
    assert (row.record, row.facts, evaluated) == (wanted, packed, [])
    assert recompute.replay(recompute.of_administration(row.record, row.facts)).is_same


def test_the_row_has_the_bytes_of_its_message(stand: Stand) -> None:
    tap(stand)
    (entry,) = stand.journal.unsent()
    (payload,) = stand.journal._db.execute("SELECT payload FROM entry").fetchone()
    assert codec.encode(entry.message) == payload


def test_it_is_made_anew_while_the_dose_is_held(stand: Stand, evaluated: list[Facts]) -> None:
    for _ in range(60):
        stand.clock.pass_by(timedelta(seconds=1))
        stand.put(inbox.Tick())
        assert made_now(stand) is not None
    judged = len(evaluated)
    tap(stand)
    assert (len(rows(stand)), len(evaluated)) == (1, judged)


def test_it_is_judged_at_the_tap_when_that_comes_later_than_what_is_ready(stand: Stand, evaluated: list[Facts]) -> None:
    stand.clock.pass_by(ready.LASTS + timedelta(seconds=1))
    tap(stand)
    assert [each.at for each in evaluated] == [stand.clock.at]
    assert len(rows(stand)) == 1


def test_a_changed_order_that_the_loop_has_not_heard_of_yet_is_refused(stand: Stand) -> None:
    charted(stand, (an_order("O1", "P1", "amoxicillin", "250 mg", version=2), *orders()[1:]))
    assert made_now(stand) is None
    tap(stand)
    assert (rows(stand), stand.state == "giving") == ([], False)


def test_a_chart_that_runs_out_in_these_seconds_is_never_ready(stand: Stand) -> None:
    table = stand.chart.tables.patient_chart
    assert table is not None
    stand.clock.pass_by(table.expires_at - stand.clock.at - timedelta(seconds=1))
    stand.put(inbox.Tick())
    assert stand.bedside.visit.ready is None or made_now(stand) is None
    stand.clock.pass_by(timedelta(seconds=2))
    tap(stand)
    assert rows(stand) == []


def test_a_window_that_closes_between_is_judged_at_the_tap(stand: Stand) -> None:
    v = stand.bedside.visit
    closes = next(line.closes_at for line in stand.view.dues if line.order.id == "O1" and line.closes_at is not None)
    session = v.session
    assert closes is not None
    for before_s in (1.0, 3.0):
        at = closes - timedelta(seconds=before_s)
        one = engine.evaluate(replace(visit.facts(v, at), at=at))
        other = engine.evaluate(replace(visit.facts(v, at), at=at + ready.LASTS))
        assert snapshot.said(one) != snapshot.said(other)
        assert ready.prepare(v, at) is None
    assert v.session is session


@pytest.mark.parametrize(
    "told",
    [
        LinkTold(link=Link.OFFLINE),
        LeaseTold(patient="P1", lease=Lease.OTHER_CART, holder="cart-2"),
        LeaseTold(patient="P1", lease=Lease.HELD, fence=8, until_mono_s=5000.0),
        LeaseTold(patient="P1", lease=Lease.NONE),
        ClockMeasured(offset_s=400.0),
    ],
    ids=["offline", "other-cart", "other-fence", "no-lease", "clock-set"],
)
def test_what_the_cart_hears_makes_what_was_ready_worth_nothing(stand: Stand, told: Any) -> None:
    before = stand.bedside.visit.ready
    stand.bedside.handle(told)
    v = stand.bedside.visit
    assert ready.made(before, v, v.session, v.here.clock.now()) is None


def test_a_lease_that_runs_out_makes_it_worth_nothing(stand: Stand) -> None:
    stand.put(LeaseTold(patient="P1", lease=Lease.HELD, fence=7, until_mono_s=stand.clock.mono + 1))
    stand.clock.pass_by(timedelta(seconds=1.5))
    assert made_now(stand) is None


def test_a_value_that_was_measured_at_this_cart_makes_it_worth_nothing(stand: Stand) -> None:
    stand.bedside.handle(TablesChanged(kind="patient-chart"))
    assert made_now(stand) is not None
    before = stand.journal.changes
    stand.press(inbox.Measure, code="heart-rate", value="70")
    assert stand.journal.changes != before or made_now(stand) is not None


def test_where_the_dose_went_is_judged_with_it(stand: Stand, evaluated: list[Facts]) -> None:
    tap(stand, site="left-arm")
    assert [each.intent.site for each in evaluated] == ["left-arm"]
    assert rows(stand)[0].record.site == "left-arm"


def test_another_dose_is_never_recorded_from_what_was_ready(stand: Stand) -> None:
    before = stand.bedside.visit.ready
    assert before is not None
    tap(stand)
    stand.hold(pack(PARACETAMOL))
    v = stand.bedside.visit
    assert ready.made(before, v, v.session, stand.clock.at) is None


def test_tapped_twice_it_is_one_record(stand: Stand) -> None:
    moment, record_id = stand.view.moment, stand.view.session.record_id
    stand.press(inbox.Confirm, record_id=record_id)
    stand.press(inbox.Confirm, record_id=record_id, moment=moment)
    assert len(rows(stand)) == 1


def test_a_fault_after_the_row_is_on_the_disk_makes_one_record(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([None, JournalError("taken away", remedy="call support", why="damaged")])

    def look(_self: Journal) -> None:
        fault = next(looks, None)
        if fault is not None:
            raise fault

    monkeypatch.setattr(Journal, "_still_there", look)
    record_id = stand.view.session.record_id
    answer = stand.press(inbox.Confirm, record_id=record_id)
    assert (answer.notice, stand.state) == ("journal-damaged", "giving")
    assert stand.press(inbox.Confirm, record_id=record_id).done
    assert (len(rows(stand)), stand.state) == (1, "concluded")


def test_nothing_is_said_that_the_disk_did_not_take(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise JournalError("full", remedy="not recorded", why="disk-full")

    monkeypatch.setattr(Journal, "append", full)
    answer = stand.press(inbox.Confirm, record_id=stand.view.session.record_id)
    assert (answer.notice, stand.state, stand.view.recorded, rows(stand)) == ("journal-disk-full", "giving", (), [])


def test_the_first_picture_after_the_tap_says_what_the_whole_one_says(stand: Stand) -> None:
    view = stand.view
    asked = inbox.Asked(command=inbox.Confirm(moment=view.moment, record_id=view.session.record_id), answer=inbox.Future())
    stand.bedside.handle(asked)
    first = stand.view
    assert asked.answer.result(0).done
    assert (first.session.state.value, first.recorded[0].standing.here) == ("concluded", True)
    assert stand.journal.entry(first.recorded[0].record.record_id) is not None
    stand.bedside.rest()
    whole = stand.view
    behind = {"care", "ward"}  # what goes on with the patient, and what the lines are made of
    assert first is not whole
    assert {each.name for each in fields(View) if getattr(first, each.name) != getattr(whole, each.name)} <= behind


def test_of_a_dose_as_needed_the_first_picture_offers_nothing_that_the_whole_one_does_not(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.sign_in()
    stand.hold(band("P1"))
    stand.lease("P1")
    stand.hold(pack(PARACETAMOL), pack(PARACETAMOL))
    if stand.state == "awaiting-reason":
        stand.press(inbox.GiveReason, prn_reason="pain")
    assert stand.state == "giving"
    view = stand.view
    asked = inbox.Asked(command=inbox.Confirm(moment=view.moment, record_id=view.session.record_id), answer=inbox.Future())
    stand.bedside.handle(asked)
    first = {(line.order.id, line.due): line.status for line in stand.view.dues}
    stand.bedside.rest()
    whole = {(line.order.id, line.due): line.status for line in stand.view.dues}
    assert first == whole


def test_the_uplink_is_told_of_the_record(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[int] = []
    monkeypatch.setattr(stand.bedside, "_wake", lambda: woken.append(stand.journal.last_seq()))
    tap(stand)
    assert woken == [1]


def test_a_verdict_that_is_the_same_at_both_ends_is_the_same_between() -> None:
    """What is made ready stands on this. For each moment of the open suite, and the two seconds around every time that it names."""
    span, differing = ready.LASTS, []
    for number, scenario in enumerate(ALL):
        for facts in _around(scenario.facts)[: 6 if number % 8 == 0 else 1]:
            ends = [snapshot.said(engine.evaluate(replace(facts, at=at))) for at in (facts.at, facts.at + span)]
            if ends[0] == ends[1]:
                between = [snapshot.said(engine.evaluate(replace(facts, at=facts.at + span * part))) for part in (0.25, 0.5, 0.75)]
                differing += [scenario.id] if any(each != ends[0] for each in between) else []
    assert differing == []


def _around(facts: Facts) -> list[Facts]:
    """The moment itself, and those just before something of it could turn."""
    verdict = engine.evaluate(facts)
    turns = [facts.at]
    if verdict.due is not None:
        turns += [verdict.due + timedelta(minutes=minutes) for minutes in (-60, -30, 0, 30, 60)]
    return [replace(facts, at=at - ready.LASTS / 2) for at in turns]
