"""Rules I2, I3, I5, I6, I7, and what of an order runs: bags, rates, pumps, hang times."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest

from pointofcare.labels.scan import TextScan
from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.people import Weight
from pointofcare.products import Bag, BagState, HighAlert, PrintedFor, PumpReading
from pointofcare.verdict import infusing, matching
from pointofcare.verdict.engine import evaluate
from pointofcare.verdict.facts import Action, Facts, HistoryEntry
from pointofcare.verdict.finding import Level
from pointofcare.verdict.policy import Policy
from pointofcare.verdict.support import hang
from tests.support.builders import (
    NOW,
    OTHER_GSRN,
    a_band_scan,
    a_patient,
    a_product,
    amount,
    an_entry,
    an_ingredient,
    an_intent,
    an_order,
    facts,
    finding_of,
    level_of,
    scanned,
)

STARTED = NOW - timedelta(hours=2)
SALINE = a_product(
    id="NACL",
    gtin="08936000000028",
    name="Saline",
    form="infusion",
    routes=("IV",),
    ingredients=(an_ingredient("sodium chloride", "4.5 g"),),
    volume=amount("500 mL"),
)
BAG = Bag(
    id="BAG1", order="O1", order_version=1, state=BagState.PREPARED, printed_for=PrintedFor(volume=amount("500 mL"), rate=amount("83 mL/h"))
)
RUNNING = replace(BAG, state=BagState.INFUSING, started_at=STARTED, rate=amount("83 mL/h"), record_id="R1", patient="P1")


def infusion(**changes: object) -> Order:
    order = an_order("500 mL", ingredient="sodium chloride", form="infusion", route="IV", times=(), rate=amount("83 mL/h"))
    return replace(order, category=OrderCategory.INFUSION, **changes)  # type: ignore[arg-type]


def moment(action: Action = Action.START, *bags: Bag, order: Order | None = None, **changes: object) -> Facts:
    intent = {name: changes.pop(name) for name in ("rate", "drop_factor", "of_record", "dose", "blind_value", "reason") if name in changes}
    whole = facts(
        orders=(order or infusion(),),
        bags=bags or (BAG,),
        scans=scanned(a_band_scan(), TextScan(text="BAG1")),
        intent=an_intent(action, **intent),
        products=(SALINE,),
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def start(**changes: object) -> HistoryEntry:
    entry = an_entry("in-progress", STARTED, product=None, dose=None, record_id="R1", action="start", bag="BAG1", rate=amount("83 mL/h"))
    return replace(entry, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rate", "factor", "level", "cause"),
    [
        ("83 mL/h", None, Level.PASS, ""),
        ("0.083 L/h", None, Level.PASS, ""),
        ("82 mL/h", None, Level.REASON, "below"),
        ("84 mL/h", None, Level.STOP, "above"),
        ("829 mL/h", None, Level.STOP, "above"),
        ("830 mL/h", None, Level.STOP, "tenfold"),
        ("8.3 mL/h", None, Level.STOP, "tenfold"),
        ("8.4 mL/h", None, Level.REASON, "below"),
        ("28 [drp]/min", 20, Level.PASS, ""),
        ("27 [drp]/min", 20, Level.REASON, "below"),
        ("29 [drp]/min", 20, Level.STOP, "above"),
        ("280 [drp]/min", 20, Level.STOP, "tenfold"),
        ("83 [drp]/min", 60, Level.PASS, ""),
        ("28 [drp]/min", None, Level.REASON, "drop-factor"),
        ("28 [drp]/min", 4, Level.REASON, "drop-factor"),
        ("28 [drp]/min", 101, Level.REASON, "drop-factor"),
        ("83 mg/h", None, Level.STOP, "units"),
        ("83 mg/h", 20, Level.STOP, "units"),
    ],
)
def test_set_rate_is_the_ordered_one(rate: str, factor: int | None, level: Level, cause: str) -> None:
    finding = finding_of(evaluate(moment(rate=amount(rate), drop_factor=factor)), "I5")
    assert (finding.level if finding else Level.PASS) is level
    if finding is not None:
        assert finding.facts == {"cause": cause, "set": rate, "ordered": "83 mL/h"}
        assert finding.unknown == (cause == "drop-factor")
        assert finding.remedy == {"drop-factor": "name-drop-factor", "units": "ask-prescriber"}.get(cause, "set-rate")


def test_less_than_a_drop_a_minute_is_nothing_to_count() -> None:
    finding = finding_of(evaluate(moment(order=infusion(rate=amount("1 mL/h")), rate=amount("1 [drp]/min"), drop_factor=20)), "I5")
    assert finding is not None
    assert (finding.level, finding.remedy) == (Level.STOP, "ask-prescriber")
    assert finding.facts == {"cause": "units", "set": "1 [drp]/min", "ordered": "1 mL/h"}


def test_remedy_of_a_wrong_rate_is_in_the_unit_that_is_set() -> None:
    in_drops = finding_of(evaluate(moment(rate=amount("29 [drp]/min"), drop_factor=20)), "I5")
    in_volume = finding_of(evaluate(moment(rate=amount("84 mL/h"))), "I5")
    assert in_drops is not None
    assert in_volume is not None
    assert (in_drops.params, in_volume.params) == ({"rate": "28 [drp]/min"}, {"rate": "83 mL/h"})


def test_order_in_drops_against_a_pump() -> None:
    order = infusion(rate=amount("20 [drp]/min"))
    bag = replace(BAG, printed_for=PrintedFor(volume=amount("500 mL"), rate=amount("20 [drp]/min")))
    assert level_of(evaluate(moment(Action.START, bag, order=order, rate=amount("60 mL/h"), drop_factor=20)), "I5") is Level.PASS
    assert level_of(evaluate(moment(Action.START, bag, order=order, rate=amount("66 mL/h"), drop_factor=20)), "I5") is Level.STOP
    assert level_of(evaluate(moment(Action.START, bag, order=order, rate=amount("60 mL/h"))), "I5") is Level.REASON


@pytest.mark.parametrize(
    ("rate", "level"),
    [("50 mL/h", Level.PASS), ("100 mL/h", Level.PASS), ("49 mL/h", Level.REASON), ("101 mL/h", Level.STOP), (None, Level.REASON),
     ("5 mL/h", Level.STOP), ("1000 mL/h", Level.STOP)],
)  # fmt: skip
def test_range_of_rates_holds_both_its_ends(rate: str | None, level: Level) -> None:
    order = infusion(rate=None, rate_range=(amount("50 mL/h"), amount("100 mL/h")))
    verdict = evaluate(moment(order=order, rate=amount(rate) if rate else None))
    assert level_of(verdict, "I5") is level
    finding = finding_of(verdict, "I5")
    if finding is not None:
        assert finding.facts["ordered"] == "50 mL/h - 100 mL/h"


def test_rate_without_an_ordered_one_is_unknown() -> None:
    finding = finding_of(evaluate(moment(order=infusion(rate=None), rate=amount("83 mL/h"))), "I5")
    assert finding is not None
    assert (finding.level, finding.unknown, finding.facts["cause"], finding.facts["ordered"]) == (Level.REASON, True, "not-ordered", "")


def test_change_of_rate_says_the_rate() -> None:
    finding = finding_of(evaluate(moment(Action.RATE, RUNNING)), "I5")
    assert finding is not None
    assert (finding.level, finding.unknown, finding.remedy) == (Level.STOP, True, "name-rate")
    assert finding.facts == {"cause": "missing", "set": "", "ordered": "83 mL/h"}


def test_tablet_has_no_rate() -> None:
    assert evaluate(facts(intent=an_intent(rate=amount("83 mL/h")))).level is Level.PASS


def test_change_of_rate_goes_on_with_the_start() -> None:
    verdict = evaluate(moment(Action.RATE, RUNNING, rate=amount("83 mL/h"), drop_factor=None))
    assert verdict.level is Level.PASS
    assert verdict.record is not None
    assert (verdict.record.status, verdict.record.rate, verdict.record.bag, verdict.record.continues, verdict.record.dose) == (
        "in-progress", amount("83 mL/h"), "BAG1", "R1", None,
    )  # fmt: skip
    assert verdict.record.lot is None


def test_start_writes_bag_rate_and_drop_factor() -> None:
    record = evaluate(moment(rate=amount("28 [drp]/min"), drop_factor=20)).record
    assert record is not None
    assert (record.rate, record.drop_factor, record.bag, record.continues) == (amount("28 [drp]/min"), 20, "BAG1", None)
    silent = evaluate(moment()).record
    assert silent is not None
    assert (silent.rate, silent.drop_factor, silent.dose) == (amount("83 mL/h"), None, amount("500 mL"))


def test_end_of_an_infusion_says_what_ran_in() -> None:
    record = evaluate(moment(Action.STOP, RUNNING, dose=amount("166 mL"), reason="procedure")).record
    assert record is not None
    assert (record.status, record.dose, record.bag, record.continues, record.rate, record.drop_factor, record.route) == (
        "stopped", amount("166 mL"), "BAG1", "R1", None, None, None,
    )  # fmt: skip


def test_pause_goes_on_with_the_start() -> None:
    record = evaluate(moment(Action.HOLD, RUNNING, reason="procedure")).record
    assert record is not None
    assert (record.status, record.continues, record.bag) == ("on-hold", "R1", "BAG1")


@pytest.mark.parametrize("state", [BagState.PREPARED, BagState.STOPPED, BagState.COMPLETED, BagState.MISSING])
def test_only_a_running_bag_has_a_rate_to_change(state: BagState) -> None:
    assert level_of(evaluate(moment(Action.RATE, replace(RUNNING, state=state), rate=amount("83 mL/h"))), "I2") is Level.STOP


def test_without_a_bag_the_record_says_what_runs() -> None:
    def ask(*history: HistoryEntry, of_record: str | None = "R1", action: Action = Action.RATE, bags: tuple[Bag, ...] = ()) -> Level:
        asked = moment(
            action, rate=amount("83 mL/h") if action is Action.RATE else None, of_record=of_record, bags=bags, scans=scanned(a_band_scan()),
            history=history,
        )  # fmt: skip
        return level_of(evaluate(replace(asked, intent=replace(asked.intent, order="O1"))), "I2")

    assert ask(start()) is Level.PASS
    assert ask(start(), of_record=None) is Level.PASS
    assert ask(start(), of_record="R9") is Level.STOP
    assert ask() is Level.STOP
    assert ask(of_record=None) is Level.STOP
    assert ask(start(), start(record_id="R2", bag="BAG2"), of_record=None) is Level.STOP
    assert ask(start(), start(record_id="R2", bag="BAG2")) is Level.PASS
    assert ask(start(order="O2")) is Level.STOP
    ended = start(record_id="R3", continues="R1", status="stopped", action="stop", at=NOW - timedelta(hours=1))
    assert ask(start(), ended) is Level.STOP
    changed = start(record_id="R3", continues="R1", action="rate", at=NOW - timedelta(hours=1), rate=amount("60 mL/h"))
    assert ask(start(), changed) is Level.PASS
    assert ask(start(), changed, of_record="R3") is Level.PASS
    assert ask(start(), action=Action.STOP) is Level.PASS
    assert ask(start(), action=Action.STOP, of_record="R9") is Level.STOP
    assert ask(action=Action.STOP, of_record=None) is Level.PASS  # a stop that names nothing stops what the order has
    assert ask(start(), bags=(RUNNING,)) is Level.PASS


def test_change_of_rate_needs_the_band() -> None:
    verdict = evaluate(moment(Action.RATE, RUNNING, rate=amount("83 mL/h"), scans=()))
    assert level_of(verdict, "P1") is Level.STOP
    neighbour = moment(Action.RATE, RUNNING, rate=amount("83 mL/h"), scans=scanned(a_band_scan(gsrn=OTHER_GSRN), TextScan(text="BAG1")))
    assert level_of(evaluate(neighbour), "P4") is Level.STOP


@pytest.mark.parametrize(
    ("change", "rule"),
    [({"status": OrderStatus.STOPPED}, "D2"), ({"status": OrderStatus.ON_HOLD}, "D4"), ({"needs_double_check": True}, "H2")],
)
def test_change_of_rate_asks_what_a_start_asks(change: dict[str, object], rule: str) -> None:
    assert level_of(evaluate(moment(Action.RATE, RUNNING, order=infusion(**change), rate=amount("83 mL/h"))), rule) >= Level.WITNESS
    assert evaluate(moment(Action.STOP, RUNNING, order=infusion(**change))).level is Level.PASS


def test_change_of_rate_of_a_high_alert_bag_asks_for_a_second_person() -> None:
    alert = replace(SALINE, high_alert=HighAlert.WITNESS_REQUIRED)
    assert level_of(evaluate(moment(Action.RATE, RUNNING, rate=amount("83 mL/h"), products=(alert,))), "H2") is Level.WITNESS


def test_foreign_bag_has_no_rate() -> None:
    assert level_of(evaluate(moment(Action.RATE, replace(RUNNING, id="BAG7"), rate=amount("83 mL/h"))), "I1") is Level.STOP


PRINTED = replace(BAG, order_version=0, printed_for=PrintedFor(volume=amount("250 mL"), rate=amount("100 mL/h"), additives=("x 1 g",)))


@pytest.mark.parametrize(
    ("stops", "warns", "level", "cause"),
    [
        (("volume", "additives"), ("rate",), Level.STOP, "volume"),
        (("additives",), ("volume", "rate"), Level.STOP, "additives"),
        (("rate",), ("volume", "additives"), Level.STOP, "rate"),
        ((), ("volume", "additives", "rate"), Level.WARN, "volume"),
        ((), ("additives", "rate"), Level.WARN, "additives"),
        ((), ("rate",), Level.WARN, "rate"),
        ((), (), Level.NOTE, "version"),
        (("volume",), ("volume",), Level.STOP, "volume"),
    ],
)
def test_what_a_changed_order_does_to_a_printed_bag_is_policy(
    stops: tuple[str, ...], warns: tuple[str, ...], level: Level, cause: str
) -> None:
    finding = finding_of(evaluate(moment(Action.START, PRINTED, policy=Policy(bag_stops=stops, bag_warns=warns))), "I3")
    assert finding is not None
    assert (finding.level, finding.facts["cause"]) == (level, cause)
    if cause == "rate" and level is Level.WARN:
        assert (finding.remedy, finding.params) == ("set-rate", {"rate": "83 mL/h"})


def pump(**changes: object) -> PumpReading:
    reading = PumpReading(
        pump="PU1", channel="A", at=NOW, bag="BAG1", patient="P1", associated_at=NOW - timedelta(hours=1), drug="sodium chloride",
        rate=amount("83 mL/h"),
    )  # fmt: skip
    return replace(reading, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "level", "cause"),
    [
        ({}, Level.PASS, ""),
        ({"drug": "Sodium  Chloride"}, Level.PASS, ""),
        ({"drug": "Saline"}, Level.PASS, ""),
        ({"drug": None, "rate": None}, Level.PASS, ""),
        ({"drug": "heparin"}, Level.STOP, "drug"),
        ({"drug": ""}, Level.STOP, "drug"),
        ({"rate": amount("38 mL/h")}, Level.STOP, "rate"),
        ({"rate": amount("830 mL/h")}, Level.STOP, "rate"),
        ({"rate": amount("0 mL/h")}, Level.PASS, ""),
        ({"rate": amount("83 mg/h")}, Level.STOP, "rate"),
        ({"concentration": amount("9 mg/mL")}, Level.PASS, ""),
        ({"concentration": amount("0.009 g/mL")}, Level.PASS, ""),
        ({"concentration": amount("90 mg/mL")}, Level.STOP, "concentration"),
        ({"concentration": amount("9 mmol/L")}, Level.REASON, "concentration-unknown"),
        ({"associated_at": NOW - timedelta(hours=12)}, Level.PASS, ""),
        ({"associated_at": NOW - timedelta(hours=12, seconds=1)}, Level.REASON, "stale"),
        ({"associated_at": None}, Level.REASON, "stale"),
        ({"patient": "P2"}, Level.REASON, "patient"),
        ({"patient": None}, Level.PASS, ""),
        ({"bag": "BAG9"}, Level.PASS, ""),
        ({"bag": None}, Level.PASS, ""),
    ],
)
def test_pump_does_what_is_ordered(change: dict[str, object], level: Level, cause: str) -> None:
    for action, bag in ((Action.START, BAG), (Action.RATE, RUNNING)):
        finding = finding_of(evaluate(moment(action, bag, rate=amount("83 mL/h"), pumps=(pump(**change),))), "I6")
        assert (finding.level if finding else Level.PASS) is level
        if finding is not None:
            assert (finding.facts["cause"], finding.facts["pump"]) == (cause, "PU1 A")
            asks_again = cause in ("stale", "patient", "concentration-unknown")
            assert finding.remedy == ("associate-again" if asks_again else "set-pump")
            assert finding.params == ({"pump": "PU1 A"} if asks_again else {"ordered": finding.facts["ordered"]})
            assert finding.unknown == (cause in ("stale", "concentration-unknown"))


def test_only_the_last_report_of_a_channel_counts() -> None:
    wrong = pump(at=NOW - timedelta(minutes=1), rate=amount("38 mL/h"))
    assert level_of(evaluate(moment(pumps=(pump(), wrong))), "I6") is Level.PASS
    assert level_of(evaluate(moment(pumps=(wrong, pump()))), "I6") is Level.PASS
    assert level_of(evaluate(moment(pumps=(pump(), replace(wrong, channel="B")))), "I6") is Level.STOP


def test_pump_compares_with_the_rate_that_is_being_set() -> None:
    order = infusion(rate=None, rate_range=(amount("50 mL/h"), amount("100 mL/h")))
    asked = moment(Action.RATE, RUNNING, order=order, rate=amount("60 mL/h"))
    assert level_of(evaluate(replace(asked, pumps=(pump(rate=amount("60 mL/h")),))), "I6") is Level.PASS
    assert level_of(evaluate(replace(asked, pumps=(pump(rate=amount("83 mL/h")),))), "I6") is Level.STOP


def test_pump_in_drops_compares_through_the_set() -> None:
    asked = moment(rate=amount("28 [drp]/min"), drop_factor=20, pumps=(pump(),))
    assert level_of(evaluate(asked), "I6") is Level.PASS
    assert level_of(evaluate(replace(asked, intent=replace(asked.intent, drop_factor=None))), "I6") is Level.STOP


def test_channel_that_still_names_the_last_bag_of_the_order() -> None:
    old = replace(BAG, id="BAG0", state=BagState.COMPLETED)
    finding = finding_of(evaluate(moment(Action.START, BAG, old, pumps=(pump(bag="BAG0"),))), "I6")
    assert finding is not None
    assert (finding.level, finding.facts["cause"], finding.facts["reported"], finding.facts["ordered"]) == (
        Level.REASON,
        "bag",
        "BAG0",
        "BAG1",
    )
    other_order = replace(old, order="O2")
    assert level_of(evaluate(moment(Action.START, BAG, other_order, pumps=(pump(bag="BAG0"),))), "I6") is Level.PASS
    both = (pump(bag="BAG0", channel="B"), pump())
    assert level_of(evaluate(moment(Action.START, BAG, old, pumps=both)), "I6") is Level.PASS
    assert level_of(evaluate(moment(Action.START, BAG, old, pumps=(pump(bag="BAG0", patient="P2"),))), "I6") is Level.PASS


def test_concentration_of_an_additive_is_its_amount_in_the_bag() -> None:
    order = infusion(additives=("potassium chloride 20 mmol",))
    bag = replace(BAG, printed_for=replace(BAG.printed_for, additives=("potassium chloride 20 mmol",)))

    def ask(concentration: str, **changes: object) -> Level:
        reading = pump(drug="potassium chloride", concentration=amount(concentration))
        return level_of(evaluate(moment(Action.START, bag, order=replace(order, **changes), pumps=(reading,))), "I6")  # type: ignore[arg-type]

    assert ask("40 mmol/L") is Level.PASS
    assert ask("0.04 mmol/mL") is Level.PASS
    assert ask("80 mmol/L") is Level.STOP
    assert ask("40 mmol/L", additives=("potassium chloride",)) is Level.REASON


def test_pump_matters_to_what_is_given_only() -> None:
    assert evaluate(moment(Action.STOP, RUNNING, pumps=(pump(drug="heparin"),))).level is Level.PASS


LIPID = replace(SALINE, hang_time=timedelta(hours=12))


@pytest.mark.parametrize(
    ("action", "bag", "level"),
    [
        (Action.RATE, replace(RUNNING, started_at=NOW - timedelta(hours=12) + timedelta(seconds=1)), Level.PASS),
        (Action.RATE, replace(RUNNING, started_at=NOW - timedelta(hours=12)), Level.REASON),
        (Action.START, replace(BAG, state=BagState.STOPPED, started_at=NOW - timedelta(hours=13)), Level.REASON),
        (Action.START, replace(BAG, state=BagState.STOPPED), Level.REASON),
        (Action.START, BAG, Level.PASS),
        (Action.STOP, replace(RUNNING, started_at=NOW - timedelta(hours=13)), Level.PASS),
    ],
)
def test_bag_hangs_no_longer_than_its_product_may(action: Action, bag: Bag, level: Level) -> None:
    asked = moment(action, bag, rate=amount("83 mL/h"), products=(LIPID,))
    assert level_of(evaluate(asked), "I7") is level
    assert level_of(evaluate(replace(asked, products=(SALINE,))), "I7") is Level.PASS


def test_hang_time_counts_from_the_first_start_on_the_record() -> None:
    bag = replace(BAG, state=BagState.STOPPED)
    asked = moment(Action.START, bag, products=(LIPID, replace(LIPID, id="L2", hang_time=timedelta(hours=24))))
    first = start(at=NOW - timedelta(hours=12), status="stopped")
    assert level_of(evaluate(replace(asked, history=(first, start(status="stopped", record_id="R2")))), "I7") is Level.REASON
    assert level_of(evaluate(replace(asked, history=(replace(first, at=NOW - timedelta(hours=11)),))), "I7") is Level.PASS
    assert hang.until(matching.look(replace(asked, history=(first,)))) == NOW
    assert hang.until(matching.look(asked)) is None
    assert hang.until(matching.look(replace(asked, history=(first,), products=(SALINE,)))) is None


def test_hang_time_of_nothing_is_over_at_once() -> None:
    asked = moment(Action.RATE, RUNNING, rate=amount("83 mL/h"), products=(replace(SALINE, hang_time=timedelta(0)),))
    assert level_of(evaluate(asked), "I7") is Level.REASON


def test_what_runs_by_bag_and_by_record_is_said_once() -> None:
    changed = start(record_id="R3", continues="R1", action="rate", at=NOW - timedelta(hours=1), rate=amount("60 mL/h"))
    asked = moment(Action.RATE, RUNNING, rate=amount("83 mL/h"), history=(start(), changed))
    asked = replace(asked, intent=replace(asked.intent, order="O1"))
    (found,) = infusing.running(matching.look(asked))
    assert found == infusing.Running(bag="BAG1", record="R1", started_at=STARTED, rate=amount("60 mL/h"))
    unnamed = replace(asked, history=(start(bag=None),))
    (found,) = infusing.running(matching.look(unnamed))
    assert found.bag == "BAG1"
    (found,) = infusing.running(matching.look(replace(asked, bags=(), history=(start(), changed))))
    assert found == infusing.Running(bag="BAG1", record="R1", started_at=STARTED, rate=amount("60 mL/h"))
    bare = replace(RUNNING, started_at=None, record_id=None, rate=None)
    (found,) = infusing.running(matching.look(replace(asked, bags=(bare,), history=(start(),))))
    assert found == infusing.Running(bag="BAG1", record="R1", started_at=STARTED, rate=amount("83 mL/h"))
    assert infusing.running(matching.look(replace(asked, bags=(replace(RUNNING, patient="P2"),), history=()))) == []
    assert infusing.running(matching.look(replace(asked, history=(start(patient="P2"),), bags=()))) == []


def test_drops_are_counted_to_the_nearest() -> None:
    assert infusing.whole_drops(amount("83 mL/h"), 20) == 28
    assert infusing.whole_drops(amount("27.5 [drp]/min"), 20) == Fraction(55, 2)
    assert infusing.whole_drops(amount("1 mL/h"), 20) is None
    assert infusing.whole_drops(amount("5 mg/h"), 20) is None


DOPAMINE = replace(SALINE, ingredients=(an_ingredient("dopamine", "400 mg"),))
HEAVY = a_patient(weight=Weight(value=amount("60 kg"), at=NOW - timedelta(days=1)))


def by_mass(ordered: str = "5 ug/kg/min", /, **changes: object) -> Facts:
    bag = replace(BAG, printed_for=PrintedFor(volume=amount("500 mL"), rate=amount(ordered)))
    order = infusion(ingredient="dopamine", rate=amount(ordered))
    return moment(Action.START, bag, order=order, products=(DOPAMINE,), patients=(HEAVY,), **changes)


@pytest.mark.parametrize(
    ("ordered", "set_to", "level", "cause"),
    [
        ("5 ug/kg/min", "22.5 mL/h", Level.PASS, ""),
        ("5 ug/kg/min", "22.6 mL/h", Level.STOP, "above"),
        ("5 ug/kg/min", "22.4 mL/h", Level.REASON, "below"),
        ("5 ug/kg/min", "225 mL/h", Level.STOP, "tenfold"),
        ("5 ug/kg/min", "5 ug/kg/min", Level.PASS, ""),
        ("0.3 mg/kg/h", "22.5 mL/h", Level.PASS, ""),
        ("18 mg/h", "22.5 mL/h", Level.PASS, ""),
        ("18.1 mg/h", "22.6 mL/h", Level.PASS, ""),  # 22.625, to the tenth that a pump takes
        ("18.04 mg/h", "22.6 mL/h", Level.PASS, ""),  # 22.55, a half upwards
        ("0.01 mg/h", "0.1 mL/h", Level.STOP, "units"),
        ("5 [IU]/h", "22.5 mL/h", Level.REASON, "concentration"),
        ("5 ug/min/kg", "22.5 mL/h", Level.PASS, ""),
        ("5 mg/L/h", "22.5 mL/h", Level.STOP, "units"),
        ("5 /min", "22.5 mL/h", Level.STOP, "units"),
        ("5 mg/kg", "22.5 mL/h", Level.STOP, "units"),
    ],
)
def test_rate_ordered_by_mass_is_set_as_a_volume(ordered: str, set_to: str, level: Level, cause: str) -> None:
    finding = finding_of(evaluate(by_mass(ordered, rate=amount(set_to))), "I5")
    assert (finding.level if finding else Level.PASS) is level
    assert (finding.facts["cause"] if finding else "") == cause


def test_rate_by_mass_needs_the_weight_and_what_the_bag_holds() -> None:
    asked = by_mass(rate=amount("22.5 mL/h"))
    unweighed = finding_of(evaluate(replace(asked, patients=(a_patient(),))), "I5")
    assert unweighed is not None
    assert (unweighed.level, unweighed.unknown) == (Level.REASON, True)
    assert (unweighed.facts["cause"], unweighed.remedy) == ("weight", "weigh-patient")
    assert level_of(evaluate(replace(asked, patients=(a_patient(),))), "Q7") is Level.REASON
    old = a_patient(weight=Weight(value=amount("60 kg"), at=NOW - timedelta(days=8)))
    assert level_of(evaluate(replace(asked, patients=(old,))), "Q7") is Level.REASON
    assert level_of(evaluate(asked), "Q7") is Level.PASS
    unknown = finding_of(evaluate(replace(asked, products=(replace(DOPAMINE, volume=None),))), "I5")
    assert unknown is not None
    assert (unknown.unknown, unknown.facts["cause"], unknown.remedy) == (True, "concentration", "ask-pharmacist")
    two = (DOPAMINE, replace(DOPAMINE, id="D2", gtin="08936000000035", volume=amount("250 mL")))
    assert level_of(evaluate(replace(asked, products=two)), "I5") is Level.REASON


def test_rate_by_mass_is_set_in_drops_too() -> None:
    asked = by_mass(rate=amount("23 [drp]/min"), drop_factor=60)  # 22.5 mL/h, a half upwards
    assert level_of(evaluate(asked), "I5") is Level.PASS
    assert level_of(evaluate(replace(asked, intent=replace(asked.intent, rate=amount("24 [drp]/min")))), "I5") is Level.STOP
