"""Rules H, G, I, S, C and O: what supports the five rights."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from pointofcare.labels.scan import TextScan
from pointofcare.orders.order import OrderCategory
from pointofcare.people import Observation, StaffRole
from pointofcare.products import Bag, BagState, Container, Controlled, HighAlert, HoldRule, PrintedFor
from pointofcare.verdict.engine import evaluate
from pointofcare.verdict.facts import Action, Facts, Lease
from pointofcare.verdict.finding import Level
from tests.support.builders import (
    GTIN,
    NOW,
    a_band_scan,
    a_cart,
    a_drug_scan,
    a_patient,
    a_product,
    a_witness,
    amount,
    an_entry,
    an_ingredient,
    an_intent,
    an_order,
    facts,
    finding_of,
    level_of,
    local,
    scanned,
)

HOLD = HoldRule(code="heart-rate", below=amount("50 /min"), above=amount("120 /min"), max_age=timedelta(minutes=60), level="WITNESS")


@pytest.mark.parametrize(
    ("value", "age_min", "level"),
    [
        ("70 /min", 60, Level.PASS),
        ("50 /min", 5, Level.PASS),
        ("70 /min", 61, Level.REASON),
        ("49 /min", 5, Level.WITNESS),
        ("121 /min", 5, Level.WITNESS),
        ("70 %", 5, Level.REASON),
        (None, 0, Level.REASON),
    ],
)
def test_hold_value_missing_stale_or_out_of_range(value: str | None, age_min: int, level: Level) -> None:
    seen = (Observation(code="heart-rate", value=amount(value), at=NOW - timedelta(minutes=age_min)),) if value else ()
    assert evaluate(facts(products=(a_product(hold=(HOLD,)),), patients=(a_patient(observations=seen),))).level is level


@pytest.mark.parametrize(
    ("high_alert", "alone", "beside"),
    [
        (HighAlert.NO, Level.PASS, Level.PASS),
        (HighAlert.LABEL, Level.PASS, Level.PASS),
        (HighAlert.WITNESS_RECOMMENDED, Level.REASON, Level.PASS),
        (HighAlert.WITNESS_REQUIRED, Level.WITNESS, Level.PASS),
    ],
)
def test_high_alert_drug_asks_for_a_second_person(high_alert: HighAlert, alone: Level, beside: Level) -> None:
    product = a_product(high_alert=high_alert)
    assert evaluate(facts(products=(product,))).level is alone
    assert evaluate(facts(products=(product,), intent=an_intent(witness=a_witness()))).level is beside


def test_reason_never_stands_in_for_a_required_witness() -> None:
    product = a_product(high_alert=HighAlert.WITNESS_REQUIRED)
    assert evaluate(facts(products=(product,), intent=an_intent(reason="emergency", satisfies=("H2",)))).level is Level.WITNESS


def test_order_may_ask_for_a_double_check() -> None:
    assert evaluate(facts(orders=(an_order(needs_double_check=True),))).level is Level.WITNESS


@pytest.mark.parametrize(
    "witness",
    [
        a_witness(id="N1"),
        a_witness(id=" n1"),
        a_witness(role=StaffRole.STUDENT),
        a_witness(role=StaffRole.FLEET_MANAGER),
        a_witness(role=None),
        a_witness(licensed=False),
        a_witness(licensed=None),
        a_witness(on_shift=False),
        a_witness(on_shift=None),
    ],
)
def test_invalid_witness_satisfies_nothing(witness: object) -> None:
    product = a_product(high_alert=HighAlert.WITNESS_REQUIRED)
    verdict = evaluate(facts(products=(product,), intent=an_intent(witness=witness)))
    assert (verdict.level, level_of(verdict, "H3")) == (Level.WITNESS, Level.WITNESS)
    assert verdict.record is None


def test_blind_calculation_must_agree() -> None:
    assert level_of(evaluate(facts(intent=an_intent(blind_value=amount("5 g")))), "H5") is Level.STOP
    assert evaluate(facts(intent=an_intent(blind_value=amount("0.5 g")))).level is Level.PASS


@pytest.mark.parametrize(
    ("stated", "blind", "level"),
    [("1 mL", "1 mL", Level.PASS), ("1 mL", "50 ug", Level.PASS), ("1 mL", "2 mL", Level.STOP), ("2 mL", "50 ug", Level.STOP)],
)
def test_blind_calculation_agrees_with_what_was_drawn_in_any_unit_that_compares(stated: str, blind: str, level: Level) -> None:
    drawn = replace(AMPOULE, controlled=Controlled.NONE)
    order = an_order(None, dose_range=(amount("25 ug"), amount("100 ug")), ingredient="fentanyl", form="injection", route="IV")
    intent = an_intent(dose=amount(stated), blind_value=amount(blind))
    assert level_of(evaluate(facts(products=(drawn,), orders=(order,), intent=intent)), "H5") is level


@pytest.mark.parametrize(("blind", "level"), [("83 mL/h", Level.PASS), ("38 mL/h", Level.STOP)])
def test_blind_pump_rate_must_be_the_ordered_one(blind: str, level: Level) -> None:
    start = _infusion(BAG)
    assert level_of(evaluate(replace(start, intent=replace(start.intent, blind_value=amount(blind)))), "H5") is level


def _pack(**changes: object) -> Facts:
    return facts(scans=scanned(a_band_scan(), a_drug_scan(**changes)))


def test_pack_expires_at_the_end_of_its_day_in_the_ward() -> None:
    assert evaluate(_pack(expiry=date(2026, 3, 2))).level is Level.PASS
    assert level_of(evaluate(_pack(expiry=date(2026, 3, 1))), "G1") is Level.STOP
    # 23:30 in Hanoi is still the day before in UTC: the ward's day counts.
    late = local("00:30:00")
    scans = scanned(a_band_scan(), a_drug_scan(expiry=date(2026, 3, 1)), until=late)
    assert level_of(evaluate(facts(at=late, scans=scans)), "G1") is Level.STOP


def test_pack_with_an_hour_expires_at_that_hour() -> None:
    assert evaluate(_pack(expiry=date(2026, 3, 2), expiry_time=time(9), bad_elements=("7003",))).level is Level.PASS
    assert level_of(evaluate(_pack(expiry=date(2026, 3, 2), expiry_time=time(8), bad_elements=("7003",))), "G1") is Level.STOP


def test_expiry_that_cannot_be_read_asks_for_a_reason() -> None:
    assert level_of(evaluate(_pack(expiry=None, bad_elements=("17",))), "G1") is Level.REASON
    assert level_of(evaluate(_pack(expiry=None)), "G1") is Level.NOTE


def test_expiry_near_midnight_without_a_zone_is_unknown() -> None:
    verdict = evaluate(replace(_pack(expiry=date(2026, 3, 2)), timezone=None))
    assert finding_of(verdict, "G1").unknown  # type: ignore[union-attr]


def test_recalled_lot_stops_also_when_a_separator_was_lost() -> None:
    recalled = a_product(recalled_lots=("B77",))
    assert level_of(evaluate(replace(_pack(lot="b77"), products=(recalled,))), "G2") is Level.STOP
    assert level_of(evaluate(replace(_pack(lot="B7721X", other_lots=("B77",)), products=(recalled,))), "G2") is Level.STOP
    assert evaluate(replace(_pack(lot="B78"), products=(recalled,))).level is Level.PASS


def test_missing_lot_is_a_note_and_a_reason_when_a_recall_runs() -> None:
    assert evaluate(_pack(lot=None)).level is Level.NOTE
    assert evaluate(replace(_pack(lot=None), products=(a_product(recalled_lots=("B77",)),))).level is Level.REASON
    assert evaluate(_pack(lot=None, bad_elements=("10",))).level is Level.REASON


def test_opened_container_past_its_time_stops() -> None:
    product = a_product(discard_after_opening=timedelta(days=28))
    pack = replace(_pack(serial="S1"), products=(product,))
    opened = Container(gtin=GTIN, serial="S1", opened_at=NOW - timedelta(days=28))
    assert level_of(evaluate(replace(pack, containers=(opened,))), "G3") is Level.STOP
    fresh = replace(opened, opened_at=NOW - timedelta(days=27))
    assert evaluate(replace(pack, containers=(fresh,))).level is Level.PASS
    assert evaluate(replace(pack, containers=(replace(opened, serial="S2"),))).level is Level.PASS


def test_pack_charted_before_stops_unless_it_holds_several_doses() -> None:
    used = an_entry(patient="P2", order="X", serial="S1", at=local("06:00:00", "2026-03-01"))
    assert level_of(evaluate(replace(_pack(serial="S1"), history=(used,))), "G4") is Level.STOP
    assert level_of(evaluate(replace(_pack(serial="S2"), history=(used,))), "G4") is Level.PASS
    assert level_of(evaluate(replace(_pack(serial="S1"), history=(replace(used, product=None),))), "G4") is Level.STOP
    many = replace(_pack(serial="S1"), history=(used,), products=(a_product(multi_dose=True),))
    assert level_of(evaluate(many), "G4") is Level.PASS


BAG = Bag(
    id="BAG1", order="O1", order_version=1, state=BagState.PREPARED, printed_for=PrintedFor(volume=amount("500 mL"), rate=amount("83 mL/h"))
)


def _infusion(bag: Bag, *others: Bag, **changes: object) -> Facts:
    order = an_order(
        "500 mL",
        ingredient="sodium chloride",
        form="infusion",
        route="IV",
        category=OrderCategory.INFUSION,
        times=(),
        rate=amount("83 mL/h"),
    )
    intent = an_intent(Action.START)
    scans = scanned(a_band_scan(), TextScan(text="BAG1"))
    return facts(orders=(replace(order, **changes),), bags=(bag, *others), scans=scans, intent=intent, products=())  # type: ignore[arg-type]


def test_bag_as_ordered_starts() -> None:
    verdict = evaluate(_infusion(BAG))
    assert verdict.level is Level.PASS
    assert verdict.record is not None
    assert verdict.record.status == "in-progress"


@pytest.mark.parametrize(
    ("bag", "level"),
    [
        (replace(BAG, order_version=0), Level.NOTE),
        (replace(BAG, order_version=0, printed_for=replace(BAG.printed_for, rate=amount("100 mL/h"))), Level.WARN),
        (replace(BAG, order_version=0, printed_for=replace(BAG.printed_for, rate=None)), Level.WARN),
        (replace(BAG, order_version=0, printed_for=PrintedFor()), Level.REASON),
        (replace(BAG, order_version=0, printed_for=replace(BAG.printed_for, volume=amount("250 mL"))), Level.STOP),
        (replace(BAG, order_version=0, printed_for=replace(BAG.printed_for, additives=("potassium chloride",))), Level.STOP),
    ],
)
def test_bag_printed_for_an_older_order(bag: Bag, level: Level) -> None:
    assert level_of(evaluate(_infusion(bag)), "I3") is level


def test_bag_of_a_changed_order_without_a_volume_is_unknown() -> None:
    finding = finding_of(evaluate(_infusion(replace(BAG, order_version=0), dose=amount("2 g"))), "I3")
    assert finding is not None
    assert (finding.level, finding.unknown) == (Level.REASON, True)


@pytest.mark.parametrize(
    ("state", "level"),
    [
        (BagState.STOPPED, Level.PASS),
        (BagState.INFUSING, Level.STOP),
        (BagState.COMPLETED, Level.STOP),
        (BagState.MISSING, Level.STOP),
        (None, Level.REASON),
    ],
)
def test_bag_in_a_state_that_cannot_start(state: BagState | None, level: Level) -> None:
    assert level_of(evaluate(_infusion(replace(BAG, state=state))), "I2") is level


def test_foreign_bag_stops() -> None:
    assert level_of(evaluate(_infusion(replace(BAG, id="BAG2"))), "I1") is Level.STOP


def test_second_bag_while_one_runs_asks_for_a_reason() -> None:
    assert level_of(evaluate(_infusion(BAG, replace(BAG, id="BAG2", state=BagState.INFUSING))), "I4") is Level.REASON


def test_bag_warns_of_what_it_holds() -> None:
    potassium = a_product(id="KCL", ingredients=(an_ingredient("potassium chloride", "1 g"),), high_alert=HighAlert.WITNESS_REQUIRED)
    additives = ("potassium chloride 20 mmol",)
    moment = _infusion(replace(BAG, printed_for=replace(BAG.printed_for, additives=additives)), additives=additives)
    assert level_of(evaluate(replace(moment, products=(potassium,))), "H2") is Level.WITNESS


@pytest.mark.parametrize("action", [Action.HOLD, Action.REFUSE, Action.NOT_GIVEN])
def test_dose_that_is_not_given_needs_a_coded_reason(action: Action) -> None:
    def ask(reason: str | None) -> Level:
        return evaluate(facts(scans=(), intent=an_intent(action, order="O1", reason=reason))).level

    assert ask(None) is Level.REASON
    assert ask("other") is Level.REASON
    assert ask("clinical-judgement") is Level.REASON
    assert ask("clinical-judgement: ") is Level.REASON
    assert ask("clinical-judgement: systolic 84") is Level.PASS
    assert ask("clinical-judgement, systolic 84") is Level.PASS
    assert ask("npow") is Level.REASON
    record = evaluate(facts(scans=(), intent=an_intent(action, order="O1", reason="npo"))).record
    assert record is not None
    assert (record.status, record.reason, record.dose) == ("not-done", "npo", None)


def test_holding_back_is_never_stopped_by_what_would_stop_giving() -> None:
    expired = scanned(a_band_scan(), a_drug_scan(expiry=date(2020, 1, 1)))
    held = facts(scans=expired, intent=an_intent(Action.HOLD, reason="unavailable"), orders=(an_order(verified=False),))
    assert evaluate(held).level is Level.PASS


@pytest.mark.parametrize(("minutes", "level"), [(15, Level.PASS), (16, Level.REASON), (-1, Level.STOP)])
def test_charting_after_the_fact(minutes: int, level: Level) -> None:
    verdict = evaluate(facts(intent=an_intent(given_at=NOW - timedelta(minutes=minutes))))
    assert level_of(verdict, "S6") is level


def test_old_patch_comes_off_first() -> None:
    patch = a_product(form="patch", routes=("TD",))
    order = an_order(form="patch", route="TD", category=OrderCategory.PATCH)
    on = an_entry(due=local("20:00:00", "2026-03-01"), at=local("20:00:00", "2026-03-01"))
    worn = facts(products=(patch,), orders=(order,), history=(on,))
    assert level_of(evaluate(worn), "S4") is Level.STOP
    assert evaluate(replace(worn, history=(replace(on, removed_at=local("22:00:00", "2026-03-01")),))).level is Level.PASS
    assert level_of(evaluate(replace(worn, history=(replace(on, removed_at=NOW + timedelta(hours=1)),))), "S4") is Level.STOP
    assert level_of(evaluate(replace(worn, orders=(replace(order, category=OrderCategory.SCHEDULED),))), "S4") is Level.STOP
    removal = an_intent(Action.REMOVE, order="O1")
    assert level_of(evaluate(replace(worn, intent=removal)), "S4") is Level.PASS
    assert level_of(evaluate(replace(worn, intent=removal, history=())), "S4") is Level.STOP


AMPOULE = a_product(
    form="injection",
    routes=("IV",),
    ingredients=(an_ingredient("fentanyl", "100 ug", "opioid"),),
    volume=amount("2 mL"),
    controlled=Controlled.NARCOTIC,
)


@pytest.mark.parametrize(
    ("dose", "waste", "returned", "witnessed", "level"),
    [
        (None, None, None, False, Level.PASS),
        ("25 ug", "75 ug", None, False, Level.WITNESS),
        ("25 ug", "1.5 mL", None, True, Level.PASS),
        ("25 ug", None, "75 ug", False, Level.PASS),
        ("25 ug", None, None, False, Level.REASON),
        ("25 ug", "70 ug", None, True, Level.REASON),
        ("25 ug", "75 [IU]", None, True, Level.REASON),
    ],
)
def test_controlled_drug_is_accounted_for(dose: str | None, waste: str | None, returned: str | None, witnessed: bool, level: Level) -> None:
    order = an_order(dose or "100 ug", ingredient="fentanyl", form="injection", route="IV")
    intent = an_intent(
        dose=amount(dose) if dose else None,
        waste=amount(waste) if waste else None,
        returned=amount(returned) if returned else None,
        witness=a_witness() if witnessed else None,
    )
    assert evaluate(facts(products=(AMPOULE,), orders=(order,), intent=intent)).level is level


@pytest.mark.parametrize(
    ("online", "age_h", "level"),
    [(True, 100, Level.PASS), (False, 4, Level.PASS), (False, 4.01, Level.REASON), (False, 24.01, Level.STOP), (None, 5, Level.REASON)],
)
def test_old_chart_offline(online: bool | None, age_h: float, level: Level) -> None:
    assert level_of(evaluate(facts(cart=a_cart(online=online, chart_age_s=age_h * 3600))), "O1") is level


@pytest.mark.parametrize(
    ("online", "lease", "level"),
    [
        (True, Lease.HELD, Level.PASS),
        (True, Lease.NONE, Level.PASS),
        (True, Lease.OTHER_CART, Level.STOP),
        (False, Lease.HELD, Level.PASS),
        (False, Lease.NONE, Level.REASON),
        (False, Lease.OTHER_CART, Level.REASON),
    ],
)
def test_another_cart_may_have_given_it(online: bool, lease: Lease, level: Level) -> None:
    assert level_of(evaluate(facts(cart=a_cart(online=online, lease=lease))), "O2") is level


@pytest.mark.parametrize("change", [{"high_alert": HighAlert.WITNESS_REQUIRED}, {"controlled": Controlled.PSYCHOTROPIC}])
def test_dangerous_drug_offline_asks_for_a_witness(change: dict[str, object]) -> None:
    product = replace(a_product(), **change)  # type: ignore[arg-type]
    assert level_of(evaluate(facts(products=(product,), cart=a_cart(online=False))), "O3") is Level.WITNESS
    assert level_of(evaluate(facts(products=(product,))), "O3") is Level.PASS
    assert level_of(evaluate(facts(cart=a_cart(online=False))), "O3") is Level.PASS


def test_one_reason_answers_one_finding_or_those_it_names() -> None:
    two = facts(cart=a_cart(online=False, lease=Lease.NONE), patients=(a_patient(allergies=None),))
    assert evaluate(replace(two, intent=an_intent(reason="emergency"))).level is Level.REASON
    assert evaluate(replace(two, intent=an_intent(reason="emergency", satisfies=("O2",)))).level is Level.REASON
    assert evaluate(replace(two, intent=an_intent(reason="emergency", satisfies=("O2", "D10")))).level is Level.PASS
    assert evaluate(replace(two, intent=an_intent(reason="whatever", satisfies=("O2", "D10")))).level is Level.REASON
