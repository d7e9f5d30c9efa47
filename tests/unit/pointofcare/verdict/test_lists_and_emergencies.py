"""The policy's lists over the formulary, and rule D1's emergency drugs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.people import Allergy, Observation
from pointofcare.products import Controlled, HighAlert, HoldRule, Product
from pointofcare.verdict import lists, matching
from pointofcare.verdict.engine import evaluate
from pointofcare.verdict.facts import Facts
from pointofcare.verdict.finding import Level, Verdict
from pointofcare.verdict.policy import (
    Listed,
    ListedBy,
    ListedControlled,
    ListedEmergency,
    ListedHighAlert,
    ListedHold,
    LookAlike,
    Policy,
)
from tests.support.builders import (
    NOW,
    a_band_scan,
    a_drug_scan,
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
    local,
    scanned,
)

HOLD = HoldRule(code="heart-rate", below=amount("50 /min"), level="WITNESS")


def _product(policy: Policy, product: Product | None = None) -> Product:
    (found,) = lists.applied(facts(policy=policy, products=(product or a_product(),))).products
    return found


def test_without_lists_the_facts_stay_the_same_object() -> None:
    right = facts()
    assert lists.applied(right) is right


@pytest.mark.parametrize(
    ("name", "by", "meant"),
    [
        ("amoxicillin", ListedBy.INGREDIENT, True),
        (" AMOXICILLIN ", ListedBy.INGREDIENT, True),
        ("penicillin", ListedBy.CLASS, True),
        ("Penicillin", ListedBy.CLASS, True),
        ("penicillin", ListedBy.INGREDIENT, False),
        ("amoxicillin", ListedBy.CLASS, False),
        ("amox", ListedBy.INGREDIENT, False),
        ("", ListedBy.INGREDIENT, False),
        ("", ListedBy.CLASS, False),
    ],
)
def test_line_means_an_ingredient_or_a_class(name: str, by: ListedBy, meant: bool) -> None:
    listed = _product(Policy(high_alert=(ListedHighAlert(name=name, by=by, level=HighAlert.WITNESS_REQUIRED),)))
    assert listed.high_alert is (HighAlert.WITNESS_REQUIRED if meant else HighAlert.NO)
    assert lists.means(Listed(name=name, by=by), a_product()) is meant


@pytest.mark.parametrize("own", HighAlert)
@pytest.mark.parametrize("listed", HighAlert)
def test_stricter_of_product_and_list_counts(own: HighAlert, listed: HighAlert) -> None:
    policy = Policy(high_alert=(ListedHighAlert(name="amoxicillin", level=listed),))
    assert _product(policy, a_product(high_alert=own)).high_alert is max(own, listed)


def test_list_controls_what_is_not_controlled_yet() -> None:
    policy = Policy(controlled=(ListedControlled(name="amoxicillin", schedule=Controlled.NARCOTIC),))
    assert _product(policy).controlled is Controlled.NARCOTIC
    assert _product(policy, a_product(controlled=Controlled.PRECURSOR)).controlled is Controlled.PRECURSOR
    none = Policy(controlled=(ListedControlled(name="amoxicillin", schedule=Controlled.NONE),))
    assert _product(none, a_product(controlled=Controlled.NARCOTIC)).controlled is Controlled.NARCOTIC


def test_listed_hold_parameter_counts_beside_the_products_own() -> None:
    policy = Policy(hold=(ListedHold(name="penicillin", by=ListedBy.CLASS, rule=HOLD),))
    other = HoldRule(code="potassium", above=amount("5.5 mmol/L"))
    assert _product(policy, a_product(hold=(other,))).hold == (other, HOLD)
    assert _product(policy, a_product(hold=(HOLD,))).hold == (HOLD,)
    low = Observation(code="heart-rate", value=amount("40 /min"), at=NOW)
    assert level_of(evaluate(facts(policy=policy, patients=(a_patient(observations=(low,)),))), "H1") is Level.WITNESS


@pytest.mark.parametrize(
    ("one", "other", "twins"),
    [
        ("amoxicillin", "amoxapine", ("amoxapine",)),
        ("amoxapine", "Amoxicillin", ("amoxapine",)),
        ("amoxicillin 500 mg", "amoxapine", ("amoxapine",)),
        ("500", "600", ("600",)),
        ("amoxi", "amoxapine", ()),
        ("", "amoxapine", ()),
    ],
)
def test_pair_of_alike_names_is_found_by_ingredient_or_by_a_word_of_the_name(one: str, other: str, twins: tuple[str, ...]) -> None:
    assert _product(Policy(look_alike=(LookAlike(one=one, other=other),))).lasa == twins


def test_pair_that_the_product_names_already_is_not_said_twice() -> None:
    policy = Policy(look_alike=(LookAlike(one="amoxicillin", other="AMOXAPINE"), LookAlike(one="amoxicillin", other="ampicillin")))
    assert _product(policy, a_product(lasa=("amoxapine",))).lasa == ("amoxapine", "ampicillin")


@pytest.mark.parametrize(
    ("line", "level"),
    [
        (Listed(name="amoxicillin"), Level.WARN),
        (Listed(name="penicillin", by=ListedBy.CLASS), Level.WARN),
        (Listed(name="insulin"), Level.PASS),
    ],
)
def test_listed_drug_is_time_critical(line: Listed, level: Level) -> None:
    late = facts(at=local("08:31:00"), policy=Policy(time_critical=(line,)))
    assert level_of(evaluate(late), "T1") is level
    already = replace(late, orders=(an_order(time_critical=True),))
    assert level_of(evaluate(already), "T1") is Level.WARN


ADRENALINE = a_product(
    id="ADREN",
    name="Adrenaline 1 mg",
    form="injection",
    routes=("IM", "IV"),
    ingredients=(an_ingredient("adrenaline", "1 mg", "catecholamine"),),
    volume=amount("1 mL"),
)
LINE = ListedEmergency(name="adrenaline", max_dose=amount("1 mg"), routes=("IM", "IV"))


def _emergency(*lines: ListedEmergency, product: Product = ADRENALINE, orders: tuple[Order, ...] = (), **changes: object) -> Facts:
    asked = {"dose": amount("0.5 mg"), "route": "IM", "reason": "emergency", "satisfies": ("D1",)} | changes
    return facts(policy=Policy(emergency=lines or (LINE,)), products=(product,), orders=orders, intent=an_intent(**asked))


def _d1(verdict: Verdict) -> tuple[Level, str, object]:
    finding = finding_of(verdict, "D1")
    assert finding is not None
    return finding.level, finding.remedy, finding.params.get("missing", finding.params.get("hours"))


def test_listed_drug_is_given_in_an_emergency_without_an_order() -> None:
    verdict = evaluate(_emergency())
    assert (verdict.level, verdict.order, verdict.patient) == (Level.PASS, None, "P1")
    assert _d1(verdict) == (Level.REASON, "acknowledge", 24)
    finding = finding_of(verdict, "D1")
    assert finding is not None
    assert (finding.satisfied, finding.facts["cause"]) == (True, "emergency")
    assert verdict.record is not None
    assert (verdict.record.status, verdict.record.dose, verdict.record.route, verdict.record.reason) == (
        "completed",
        amount("0.5 mg"),
        "IM",
        "emergency",
    )
    short = evaluate(replace(_emergency(), policy=Policy(emergency=(LINE,), acknowledge_within=timedelta(hours=2))))
    assert _d1(short) == (Level.REASON, "acknowledge", 2)


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"reason": None}, "reason"),
        ({"reason": "prescriber-confirmed"}, "reason"),
        ({"satisfies": ("T1",)}, "reason"),
        ({"dose": None}, "dose"),
        ({"dose": amount("0 mg")}, "dose"),
        ({"route": None}, "route"),
        ({"route": " "}, "route"),
        ({"route": "SC"}, "route"),
        ({"dose": amount("1.01 mg")}, "over"),
        ({"dose": amount("1.01 mL")}, "over"),
        ({"dose": amount("5 [IU]")}, "units"),
    ],
)
def test_emergency_that_lacks_something_stops_and_says_what(changes: dict[str, object], missing: str) -> None:
    verdict = evaluate(_emergency(**changes))
    assert verdict.level is Level.STOP
    assert _d1(verdict) == (Level.STOP, "state-emergency", missing)


def test_named_reason_may_be_the_only_one_or_say_what_it_answers() -> None:
    assert evaluate(_emergency(satisfies=None)).level is Level.PASS
    assert evaluate(_emergency(dose=amount("1 mg"))).level is Level.PASS
    assert evaluate(_emergency(dose=amount("1 mL"))).level is Level.PASS
    assert evaluate(_emergency(route="im")).level is Level.PASS


@pytest.mark.parametrize(
    ("line", "level"),
    [
        (ListedEmergency(name="adrenaline"), Level.PASS),
        (ListedEmergency(name="catecholamine", by=ListedBy.CLASS), Level.PASS),
        (ListedEmergency(name="adrenaline", max_dose=amount("1 [IU]")), Level.STOP),
        (ListedEmergency(name="atropine"), Level.STOP),
        (ListedEmergency(name="adrenaline", routes=("PO",)), Level.STOP),
    ],
)
def test_line_of_the_list(line: ListedEmergency, level: Level) -> None:
    assert level_of(evaluate(_emergency(line)), "D1") >= Level.REASON
    assert evaluate(_emergency(line)).level is level


def test_strictest_line_counts() -> None:
    assert evaluate(_emergency(LINE, replace(LINE, max_dose=amount("0.3 mg")))).level is Level.STOP
    assert evaluate(_emergency(LINE, replace(LINE, routes=("IV",)))).level is Level.STOP
    assert evaluate(_emergency(LINE, replace(LINE, name="atropine", max_dose=amount("0.1 mg")))).level is Level.PASS


def test_combination_is_listed_in_all_its_ingredients() -> None:
    both = replace(ADRENALINE, ingredients=(*ADRENALINE.ingredients, an_ingredient("lidocaine", "20 mg")))
    assert evaluate(_emergency(product=both)).level is Level.STOP
    lidocaine = ListedEmergency(name="lidocaine", max_dose=amount("20 mg"))
    assert level_of(evaluate(_emergency(LINE, lidocaine, product=both, dose=amount("0.5 mL"))), "D1") is Level.REASON


def test_default_policy_has_no_emergency_drugs() -> None:
    asked = replace(_emergency(), policy=Policy())
    assert _d1(evaluate(asked)) == (Level.STOP, "ask-prescriber", None)


def test_emergency_is_one_scanned_product_and_nothing_else() -> None:
    asked = _emergency()
    other = a_product(id="OTHER", gtin="08936000000028")
    two = scanned(a_band_scan(), a_drug_scan(), a_drug_scan(gtin="08936000000028"))
    assert level_of(evaluate(replace(asked, products=(ADRENALINE, other), scans=two)), "D1") is Level.STOP
    unknown = scanned(a_band_scan(), a_drug_scan(), a_drug_scan(gtin="08936000000035"))
    assert evaluate(replace(asked, scans=unknown)).level is Level.STOP
    assert evaluate(replace(asked, scans=scanned(a_band_scan()))).level is Level.STOP


def test_everything_else_is_checked_in_an_emergency_too() -> None:
    asked = _emergency()
    allergic = a_patient(allergies=(Allergy(substance="adrenaline"),))
    assert level_of(evaluate(replace(asked, patients=(allergic,))), "D10") is Level.STOP
    expired = scanned(a_band_scan(), a_drug_scan(expiry=date(2026, 1, 1)))
    assert level_of(evaluate(replace(asked, scans=expired)), "G1") is Level.STOP
    recalled = replace(ADRENALINE, recalled_lots=("A1",))
    assert level_of(evaluate(replace(asked, products=(recalled,))), "G2") is Level.STOP
    assert level_of(evaluate(replace(asked, products=(replace(ADRENALINE, routes=("IV",)),))), "D9") is Level.STOP
    more = _emergency(ListedEmergency(name="adrenaline"), dose=amount("2 mg"))
    assert level_of(evaluate(more), "Q2") is Level.REASON
    assert level_of(evaluate(more), "Q3") is Level.REASON
    given = an_entry(order="", product="ADREN", at=local("08:00:00"), dose=amount("1 mg"))
    assert level_of(evaluate(replace(asked, history=(given,))), "T3") is Level.WARN
    unread = a_patient(allergies=None)
    assert evaluate(replace(asked, patients=(unread,))).level is Level.REASON
    both = replace(asked, intent=replace(asked.intent, satisfies=("D1", "D10")))
    assert evaluate(replace(both, patients=(unread,))).level is Level.PASS


@pytest.mark.parametrize(
    ("status", "end", "level"),
    [
        (OrderStatus.ACTIVE, None, Level.STOP),
        (OrderStatus.COMPLETED, None, Level.PASS),
        (OrderStatus.ACTIVE, local("07:00:00"), Level.PASS),
        (OrderStatus.ON_HOLD, None, Level.STOP),
        (OrderStatus.STOPPED, None, Level.STOP),
        (OrderStatus.DRAFT, None, Level.STOP),
        (None, None, Level.STOP),
    ],
)
def test_order_that_was_held_or_stopped_forbids_the_emergency(status: OrderStatus | None, end: object, level: Level) -> None:
    order = an_order(
        "0.1 mg", ingredient="adrenaline", form="injection", route="IM", category=OrderCategory.ONCE, times=(), status=status, end=end
    )
    assert evaluate(_emergency(orders=(order,))).level is level


def test_order_that_is_over_is_shown_as_such_without_an_emergency() -> None:
    order = an_order("0.5 mg", ingredient="adrenaline", form="injection", route="IM", status=OrderStatus.COMPLETED)
    assert level_of(evaluate(_emergency(orders=(order,), reason="prescriber-confirmed")), "D2") is Level.STOP
    named = _emergency(orders=(order,))
    assert level_of(evaluate(replace(named, intent=replace(named.intent, order="O1"))), "D2") is Level.STOP


def test_moment_names_the_emergency_only_without_an_order() -> None:
    found = matching.look(_emergency()).emergency
    assert found is not None
    assert (found.product, found.lines, found.fault) == (ADRENALINE, (LINE,), "")
    ordered = an_order("0.5 mg", ingredient="adrenaline", form="injection", route="IM")
    assert matching.look(_emergency(orders=(ordered,))).emergency is None
