"""Edges of amounts, emergencies and records of the engine: each is what the rule says at that very place."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pointofcare.orders.order import Order
from pointofcare.products import MaxDaily
from pointofcare.verdict import infusing, matching
from pointofcare.verdict.engine import evaluate
from pointofcare.verdict.facts import Action
from pointofcare.verdict.finding import Level
from pointofcare.verdict.policy import ListedEmergency, Policy
from tests.support.builders import (
    NOW,
    a_band_scan,
    a_product,
    amount,
    an_entry,
    an_ingredient,
    an_intent,
    an_order,
    facts,
    finding_of,
    scanned,
)
from tests.unit.pointofcare.verdict.test_infusions import moment, start

BOTTLE = a_product(multi_dose=True, max_daily=(MaxDaily(ingredient="amoxicillin", hard=amount("900 mg"), soft=None),))


def test_daily_limit_takes_the_ordered_dose_of_a_bottle_for_the_stated_one() -> None:
    earlier = an_entry(at=NOW - timedelta(hours=9))
    said = finding_of(evaluate(facts(products=(BOTTLE,), history=(earlier,))), "Q6")
    assert said is not None
    assert (said.level, said.unknown, said.facts["cause"], said.facts["total"]) == (Level.STOP, False, "over", "1000 mg")
    assert finding_of(evaluate(facts(products=(BOTTLE,))), "Q6") is None


@pytest.mark.parametrize("orders", [(), (an_order(None, dose_range=(amount("250 mg"), amount("500 mg"))),)], ids=["no order", "a range"])
def test_daily_limit_of_a_bottle_is_unknown_when_no_one_dose_is_ordered_or_stated(orders: tuple[Order, ...]) -> None:
    said = finding_of(evaluate(facts(products=(BOTTLE,), orders=orders)), "Q6")
    assert said is not None
    assert (said.level, said.unknown, said.remedy, said.facts["cause"]) == (Level.REASON, True, "ask-prescriber", "unknown")


def test_limit_of_an_emergency_drug_holds_after_a_line_without_one() -> None:
    drug = a_product(form="injection", routes=("IM",), ingredients=(an_ingredient("adrenaline", "1 mg", "catecholamine"),))
    lines = (ListedEmergency(name="adrenaline"), ListedEmergency(name="adrenaline", max_dose=amount("0.3 mg")))
    intent = an_intent(dose=amount("0.5 mg"), route="IM", reason="emergency", satisfies=("D1",))
    said = finding_of(evaluate(facts(policy=Policy(emergency=lines), products=(drug,), orders=(), intent=intent)), "D1")
    assert said is not None
    assert (said.level, said.params) == (Level.STOP, {"missing": "over"})


def test_infusion_on_the_record_without_a_bag_runs() -> None:
    asked = moment(Action.RATE, rate=amount("83 mL/h"), history=(start(bag=None),))
    asked = replace(asked, bags=(), scans=scanned(a_band_scan()), intent=replace(asked.intent, order="O1"))
    assert [(each.bag, each.record) for each in infusing.running(matching.look(asked))] == [(None, "R1")]


def test_drug_scanned_for_a_record_whose_order_is_gone_is_not_ordered() -> None:
    gone = an_entry(order="O9", record_id="R1")
    said = finding_of(evaluate(facts(history=(gone,), intent=an_intent(of_record="R1"))), "D1")
    assert said is not None
    assert (said.level, said.facts["cause"]) == (Level.STOP, "not-ordered")
