"""Bags, containers, patches and measurements in the store: what records make of them, in whatever order they come. On both databases."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.administration.record import AdministrationRecord, FindingEvidence
from pointofcare.orders.order import OrderCategory
from pointofcare.products import Bag, BagState, Container, PrintedFor
from pointofcare.quantity import Quantity
from pointofcare.wire.messages import ObservationRecorded, TableKind
from server.store import bags, bedside, containers, discrepancies, observations, outbox, products, versions
from server.store.infusions import RunState
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, orders, tables
from server.usecases import observations as measuring
from server.usecases.administrations import Recorded
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import AMOXICILLIN, NOW, PHARMACIST, PRESCRIBER, WARD, a_record, an_order, open_ward

GATEWAY = Actor(id="gateway")
INSULIN = replace(AMOXICILLIN, id="INS", gtin="08936000000226", name="Insulin 100 [IU]/mL", form="vial", multi_dose=True)


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        open_ward(patient_count=2)
        with transaction(PRESCRIBER, at=NOW) as tx:
            for number in (7, 8):
                infusion = an_order(
                    number,
                    ingredient="sodium chloride",
                    form="infusion",
                    route="IV",
                    category=OrderCategory.INFUSION,
                    dose=Quantity.parse("500 mL"),
                    rate=Quantity.parse("83 mL/h"),
                    times=(),
                )
                orders.place(tx, PRESCRIBER, infusion)
            products.put(tx, INSULIN)
        with transaction(PHARMACIST, at=NOW) as tx:
            for number in (7, 8):
                orders.verify(tx, PHARMACIST, f"O{number}", 1)
                a_bag(tx, f"BAG{number}", order=f"O{number}")
        yield made


def a_bag(tx: object, bag: str, *, order: str) -> None:
    printed = PrintedFor(volume=Quantity.parse("500 mL"), rate=Quantity.parse("83 mL/h"))
    bags.add(tx, Bag(id=bag, order=order, order_version=1, patient="P1", printed_for=printed), label={})  # type: ignore[arg-type]


def record(made: AdministrationRecord, *, minutes: int = 60) -> Recorded:
    with transaction(GATEWAY, at=NOW + timedelta(minutes=minutes)) as tx:
        return administrations.record(tx, made, reevaluate=False)


def an_act(record_id: str, action: str, status: str, *, after_min: int, **changes: object) -> AdministrationRecord:
    """An act on bag BAG7, `after_min` minutes after the start."""
    at = NOW + timedelta(minutes=after_min)
    plain = {
        "record_id": record_id,
        "action": action,
        "status": status,
        "order": "O7",
        "bag": "BAG7",
        "continues": None if action == "start" else "start",
        "effective_at": at,
        "recorded_at": at,
        "due": None,
        "dose": None,
        "product": None,
        "gtin": None,
        "lot": None,
        "scans": (),
    }
    return a_record(**{**plain, **changes})


START = an_act("start", "start", "in-progress", after_min=0, rate=Quantity.parse("83 mL/h"))
RATE = an_act("rate", "rate", "in-progress", after_min=10, rate=Quantity.parse("120 mL/h"))
HOLD = an_act("hold", "hold", "on-hold", after_min=20)
RESUME = an_act("resume", "start", "in-progress", after_min=25, rate=Quantity.parse("60 mL/h"), bag=None, continues="start")
RATE_IN_PAUSE = an_act("unheard", "rate", "in-progress", after_min=22, rate=Quantity.parse("999 mL/h"))
STOP = an_act("stop", "stop", "stopped", after_min=40)
UNDO_STOP = an_act("undo", "undo", "entered-in-error", after_min=45, amends="stop", continues=None, bag=None)
FINISH = an_act("finish", "stop", "completed", after_min=50)


def the_bag(bag: str = "BAG7") -> bags.BagView:
    with reading(at=NOW + timedelta(hours=1)) as tx:
        return bags.get(tx, bag)


def test_a_started_bag_infuses_at_its_rate(app: Flask) -> None:
    record(START)
    bag = the_bag()
    assert (bag.state, bag.started_at, str(bag.rate), bag.record_id) == (RunState.INFUSING, NOW, "83 mL/h", "start")
    assert the_bag("BAG8").state is RunState.PREPARED


@pytest.mark.parametrize(
    ("acts", "state", "rate"),
    [
        ([START, RATE], RunState.INFUSING, "120 mL/h"),
        ([START, RATE, HOLD], RunState.PAUSED, "120 mL/h"),
        ([START, RATE, HOLD, RESUME], RunState.INFUSING, "60 mL/h"),
        ([START, HOLD, RATE_IN_PAUSE], RunState.PAUSED, "83 mL/h"),
        ([START, RATE, STOP], RunState.STOPPED, "120 mL/h"),
        ([START, STOP, UNDO_STOP], RunState.INFUSING, "83 mL/h"),
        ([START, HOLD, FINISH], RunState.COMPLETED, "83 mL/h"),
    ],
)
def test_the_acts_on_a_bag_give_its_state_in_whatever_order_they_come(
    app: Flask, acts: Sequence[AdministrationRecord], state: RunState, rate: str
) -> None:
    orders_of_arrival = list(itertools.permutations(acts))
    for place, arrival in enumerate(orders_of_arrival):
        bag = f"B{place}"
        with transaction(PHARMACIST, at=NOW) as tx:
            a_bag(tx, bag, order="O8" if place % 2 else "O7")
        names = {act.record_id: f"{act.record_id}-{place}" for act in acts}
        for act in (*arrival, arrival[0]):  # the first comes twice
            record(
                replace(
                    act,
                    record_id=names[act.record_id],
                    bag=bag if act.bag else None,
                    order="O8" if place % 2 else "O7",
                    continues=names.get(act.continues or ""),
                    amends=names.get(act.amends or ""),
                )
            )
        found = the_bag(bag)
        assert (found.state, str(found.rate), found.record_id, found.started_at) == (state, rate, names["start"], NOW), arrival


def test_a_withdrawn_start_leaves_the_bag_as_it_was_prepared(app: Flask) -> None:
    record(START)
    record(RATE)
    record(an_act("undo", "undo", "entered-in-error", after_min=45, amends="start", continues=None))
    bag = the_bag()
    assert (bag.state, bag.started_at, bag.rate, bag.record_id) == (RunState.PREPARED, None, None, None)
    with reading(at=NOW + timedelta(hours=1)) as tx:
        assert bedside.of_patient(tx, "P1").history == ()


def test_a_rate_set_after_the_end_does_not_make_it_run_again(app: Flask) -> None:
    for act in (START, STOP, an_act("late", "rate", "in-progress", after_min=55, rate=Quantity.parse("10 mL/h"))):
        record(act)
    assert the_bag().state is RunState.STOPPED


def test_a_bag_for_another_order_or_of_nobody_is_recorded_and_shown(app: Flask) -> None:
    assert "unknown-bag" in {note.code for note in record(replace(START, bag="NO-SUCH-BAG")).discrepancies}
    other = record(an_act("other", "start", "in-progress", after_min=0, bag="BAG8"))
    assert "bag-of-another" in {note.code for note in other.discrepancies}
    assert the_bag("BAG8").state is RunState.INFUSING, "it hangs, whatever it was meant for"


def test_the_chart_carries_the_bags_and_the_acts_on_them(app: Flask) -> None:
    record(START)
    record(RATE)
    with reading(at=NOW + timedelta(hours=1)) as tx:
        chart = tables.chart(tx, WARD, timezone="Asia/Ho_Chi_Minh")
    running = next(bag for bag in chart.bags if bag.id == "BAG7")
    assert (running.state, str(running.rate), running.record_id, running.patient) == (BagState.INFUSING, "120 mL/h", "start", "P1")
    assert running.printed_for.volume == Quantity.parse("500 mL")
    acts = [(entry.action, entry.continues, entry.bag, str(entry.rate), entry.nurse) for entry in chart.history]
    assert acts == [("start", None, "BAG7", "83 mL/h", "N1"), ("rate", "start", "BAG7", "120 mL/h", "N1")]


def test_a_real_start_is_judged_alike_at_the_cart_and_at_the_server(app: Flask) -> None:
    """Band and bag were scanned: the server's own facts hold the bag, so its verdict is the cart's and nothing is raised."""
    band, _ = a_record().scans
    bag = replace(band, identifier="]Q1", text="BAG7", at=NOW - timedelta(seconds=10))
    made = replace(START, scans=(band, bag), order_version=1, dose=Quantity.parse("500 mL"), route="IV")
    with transaction(GATEWAY, at=NOW + timedelta(minutes=1)) as tx:
        recorded = administrations.record(tx, made)
    assert recorded.discrepancies == ()
    foreign = replace(made, record_id="foreign", scans=(band, replace(bag, text="NOBODYS-BAG")), bag=None)
    with transaction(GATEWAY, at=NOW + timedelta(minutes=1)) as tx:
        (note,) = administrations.record(tx, foreign).discrepancies
    assert (note.code, note.server_level) == ("verdict-differs", "STOP")
    with reading() as tx:
        assert "I1" in note.facts["server_rules"]  # type: ignore[operator]


def test_an_early_stop_is_judged_alike_at_the_cart_and_at_the_server(app: Flask) -> None:
    """What had run in and why was said at the cart; the server's second look knows both."""
    band, _ = a_record().scans
    record(START)
    part = FindingEvidence(rule="Q5", level="REASON", satisfied=True, unknown=False, facts={}, remedy="decide-rest", params={})
    made = replace(
        STOP,
        scans=(replace(band, at=STOP.effective_at - timedelta(minutes=1)),),
        order_version=1,
        route="IV",
        dose=Quantity.parse("5 mL"),
        status_reason="prescriber-confirmed",
        level="REASON",
        findings=(part,),
    )
    with transaction(GATEWAY, at=NOW + timedelta(minutes=41)) as tx:
        recorded = administrations.record(tx, made)
    assert recorded.discrepancies == ()


def test_an_opened_vial_past_its_time_is_stopped_by_the_servers_second_look(app: Flask) -> None:
    vial = replace(INSULIN, discard_after_opening=timedelta(days=28), ingredients=AMOXICILLIN.ingredients, form="capsule")
    with transaction(GATEWAY) as tx:
        products.put(tx, vial)
    record(a_draw("first", after_h=-24 * 40))
    band, pack = a_record().scans
    scans = (band, replace(pack, text=f"01{vial.gtin}10A1\x1d17270131\x1d21V1"))
    made = a_record(record_id="late", scans=scans, product=vial.id, gtin=vial.gtin, serial="V1")
    with transaction(GATEWAY, at=NOW + timedelta(minutes=1)) as tx:
        notes = administrations.record(tx, made).discrepancies
    differs = next(note for note in notes if note.code == "verdict-differs")
    assert "G3" in differs.facts["server_rules"]  # type: ignore[operator]


def test_an_ended_bag_leaves_the_chart_after_a_day_and_a_stopped_one_stays(app: Flask) -> None:
    record(START)
    record(FINISH)
    record(an_act("other", "start", "in-progress", after_min=1, bag="BAG8", order="O8"))
    record(an_act("end", "stop", "stopped", after_min=2, bag="BAG8", order="O8", continues="other"))

    def charted(after: timedelta) -> list[str]:
        with reading(at=NOW + after) as tx:
            return [bag.id for bag in tables.chart(tx, WARD, timezone="Asia/Ho_Chi_Minh").bags]

    assert charted(timedelta(hours=2)) == ["BAG7", "BAG8"]
    assert charted(timedelta(days=3)) == ["BAG8"]


def test_the_servers_second_look_sees_the_bag_as_it_was_then(app: Flask) -> None:
    """A start that comes after its own end is judged by the prepared bag."""
    from server.usecases import facts

    record(STOP)
    with reading(at=NOW + timedelta(hours=1)) as tx:
        look = facts.look(tx, START, ())
        then = facts.for_record(START, look, (), facts.Site(), named=True)
    assert {bag.id: bag.state for bag in then.bags} == {"BAG7": BagState.PREPARED, "BAG8": BagState.PREPARED}


# Patches and doses as needed.


def test_a_removal_takes_off_the_patch_that_it_names_and_its_withdrawal_puts_it_on_again(app: Flask) -> None:
    record(a_record(record_id="first", order="O1", due=None, effective_at=NOW))
    record(a_record(record_id="second", order="O1", due=None, effective_at=NOW + timedelta(minutes=1)))
    removed = a_record(
        record_id="off", order="O1", action="remove", continues="first", due=None, dose=None, effective_at=NOW + timedelta(minutes=9)
    )
    record(removed)

    def on() -> dict[str, bool]:
        with reading(at=NOW + timedelta(hours=1)) as tx:
            return {entry.record_id or "": entry.removed_at is None for entry in bedside.of_patient(tx, "P1").history}

    assert on() == {"first": False, "second": True}
    record(a_record(record_id="undo", amends="off", action="undo", status="entered-in-error", dose=None))
    assert on() == {"first": True, "second": True}


def test_the_effect_stands_with_the_dose_as_needed_and_the_last_word_counts(app: Flask) -> None:
    later = a_record(record_id="e2", action="assess", continues="dose", effect="none", dose=None, effective_at=NOW + timedelta(minutes=40))
    earlier = replace(later, record_id="e1", effect="relieved", effective_at=NOW + timedelta(minutes=30))
    for made in (later, earlier, a_record(record_id="dose", prn_reason="pain", due=None, site="left arm")):
        record(made)
    with reading(at=NOW + timedelta(hours=1)) as tx:
        (entry,) = bedside.of_patient(tx, "P1").history
    assert (entry.record_id, entry.effect, entry.effect_at) == ("dose", "none", NOW + timedelta(minutes=40))
    assert (entry.prn_reason, entry.site, entry.action, entry.nurse) == ("pain", "left arm", "give", "N1")


# Multi-dose containers.


def a_draw(record_id: str, *, after_h: int, **changes: object) -> AdministrationRecord:
    at = NOW + timedelta(hours=after_h)
    drawn = {"product": INSULIN.id, "gtin": INSULIN.gtin, "serial": "V1", "scans": (), "due": None, "effective_at": at, "recorded_at": at}
    return a_record(**{"record_id": record_id, **drawn, **changes})


def opened() -> tuple[Container, ...]:
    with reading(at=NOW + timedelta(days=1)) as tx:
        return containers.listed(tx)


def test_the_earliest_use_opens_a_container_in_whatever_order_it_comes(app: Flask) -> None:
    for made in (a_draw("b", after_h=5), a_draw("a", after_h=1), a_draw("c", after_h=9), a_draw("a", after_h=1)):
        record(made)
    assert opened() == (Container(gtin=INSULIN.gtin, serial="V1", opened_at=NOW + timedelta(hours=1)),)


def test_a_withdrawn_first_use_gives_the_opening_to_the_next_one(app: Flask) -> None:
    record(a_draw("a", after_h=1))
    record(a_draw("b", after_h=5))
    undo = {"action": "undo", "status": "entered-in-error", "dose": None}
    record(a_draw("u1", after_h=6, amends="a", **undo))
    assert [one.opened_at for one in opened()] == [NOW + timedelta(hours=5)]
    record(a_draw("u2", after_h=7, amends="b", **undo))
    assert opened() == ()


def test_a_use_that_comes_after_its_withdrawal_opens_nothing(app: Flask) -> None:
    record(a_draw("u1", after_h=6, amends="a", action="undo", status="entered-in-error", dose=None))
    record(a_draw("a", after_h=1))
    assert opened() == ()


def test_a_refused_dose_or_a_pack_of_one_dose_opens_nothing(app: Flask) -> None:
    record(a_draw("refused", after_h=1, action="refuse", status="not-done", dose=None))
    record(a_record(serial="S1", scans=()))
    assert opened() == ()


def test_an_opening_goes_to_the_carts_of_its_ward_once(app: Flask) -> None:
    def version() -> int:
        with reading(at=NOW + timedelta(days=1)) as tx:
            body = tables.FormularyBody(products=products.listed(tx), containers=containers.listed(tx))
            assert len(body.containers) <= 1
            return versions.of_ward(tx, WARD)[TableKind.FORMULARY]

    before = version()
    record(a_draw("a", after_h=1))
    assert version() == before + 1
    record(a_draw("b", after_h=2))
    assert version() == before + 1


# Measurements.


def a_measurement(record_id: str = "m1", **changes: object) -> ObservationRecorded:
    plain = ObservationRecorded(
        record_id=record_id,
        facility="h1",
        ward=WARD,
        cart="c1",
        patient="P1",
        code="heart-rate",
        value=Quantity.parse("58 /min"),
        at=NOW,
        nurse="N1",
        seq=1,
        epoch="e1",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def measure(made: ObservationRecorded) -> Recorded:
    with transaction(GATEWAY, at=NOW + timedelta(minutes=1)) as tx:
        return measuring.record(tx, made, sender=made.cart)


def in_chart(code: str = "heart-rate") -> list[str]:
    with reading(at=NOW + timedelta(minutes=1)) as tx:
        (patient,) = bedside.of_patient(tx, "P1").patients
    return [str(value.value) for value in patient.observations if value.code == code]


def test_a_measurement_is_stored_once_charted_and_told_to_the_emr(app: Flask) -> None:
    with reading() as tx:
        before = versions.of_ward(tx, WARD)[TableKind.PATIENT_CHART]
    assert measure(a_measurement()) == Recorded(record_id="m1", duplicate=False, discrepancies=())
    assert measure(a_measurement()).duplicate
    assert in_chart() == ["58 /min"]
    with reading() as tx:
        assert versions.of_ward(tx, WARD)[TableKind.PATIENT_CHART] == before + 1
        item = outbox.of_record(tx, "m1", kind=outbox.OBSERVATION)
        assert item is not None
        assert isinstance(item.record, observations.Measurement)
        assert (item.record.mrn, item.record.value, item.record.at) == ("24-000001", Quantity.parse("58 /min"), NOW)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"at": NOW + timedelta(hours=3)}, "observation-future"),
        ({"at": NOW - timedelta(days=60)}, "observation-old"),
        ({"value": Quantity.parse("58 mm[Hg]")}, "observation-unit"),
        ({"value": Quantity.parse("580 /min")}, "observation-range"),
        ({"code": "mood"}, "observation-code"),
        ({"patient": "P-NOBODY"}, "unknown-patient"),
    ],
)
def test_a_value_that_cannot_be_is_kept_and_shown_and_never_charted(app: Flask, change: dict[str, object], code: str) -> None:
    measure(a_measurement("good"))
    recorded = measure(a_measurement("odd", **change))
    assert not recorded.duplicate
    assert {note.code for note in recorded.discrepancies} == {code}
    assert measure(a_measurement("odd", **change)).discrepancies == recorded.discrepancies
    assert in_chart() == ["58 /min"]
    with reading() as tx:
        assert [one.code for one in discrepancies.listed(tx)] == [code]
        assert outbox.of_record(tx, "odd", kind=outbox.OBSERVATION) is None


def test_a_second_value_of_the_same_instant_is_kept_and_shown(app: Flask) -> None:
    measure(a_measurement("one"))
    twice = measure(a_measurement("two", value=Quantity.parse("88 /min")))
    assert {note.code for note in twice.discrepancies} == {"observation-twice"}
    assert in_chart() == ["58 /min"]


def test_a_late_measurement_does_not_hide_a_newer_one(app: Flask) -> None:
    measure(a_measurement("new"))
    measure(a_measurement("old", at=NOW - timedelta(hours=1), value=Quantity.parse("99 /min")))
    assert in_chart() == ["58 /min"]
