"""Edges at which a small fault of the orders was once not noticed: each is what the rule says at that very place."""

from __future__ import annotations

from pointofcare.orders import clarify, timing
from pointofcare.orders.order import OrderCategory, Prn
from pointofcare.verdict.engine import evaluate
from pointofcare.verdict.finding import Level
from tests.support import builders
from tests.unit.pointofcare.orders.an_order import HOUR, a_step, amount, an_order


def test_interval_of_an_as_needed_step_is_to_be_clarified() -> None:
    order = an_order(category=OrderCategory.PRN, prn=Prn(reasons=("pain",)), dosages=(a_step(1, "5 mg", every=8 * HOUR),))
    assert clarify.problems(order) == (clarify.Problem(code=clarify.PRN_WITH_TIMES, field="dosages[0].times"),)


def test_clash_is_seen_between_steps_that_are_neither_neighbours_nor_last() -> None:
    order = an_order(dosages=tuple(a_step(1, dose, clock) for dose, clock in (
        ("5 mg", "08:00"), ("5 mg", "12:00"), ("10 mg", "08:00"), ("5 mg", "20:00"),
    )))  # fmt: skip
    assert timing.problem(order) == timing.CLASH


def test_ordered_doses_of_an_inhaler_weigh_what_a_puff_of_it_holds() -> None:
    product = builders.a_product(form="inhaler", routes=("INH",), ingredients=(builders.an_ingredient("amoxicillin", "100 ug"),))
    order = builders.an_order("2 {dose}", form="inhaler", route="INH")
    for stated, level in (("200 ug", Level.PASS), ("2000 ug", Level.STOP)):
        verdict = evaluate(builders.facts(products=(product,), orders=(order,), intent=builders.an_intent(dose=amount(stated))))
        assert (builders.level_of(verdict, "Q1"), builders.level_of(verdict, "Q2")) == (Level.PASS, level)
