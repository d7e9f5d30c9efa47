"""Waves: computed once, nobody in two, nobody that the plan does not name."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pointofcare.fleet import plan as plans
from pointofcare.fleet.plan import Gates, Newcomers, Plan, Wave
from tests.support.rollouts import a_plan

CARTS = {f"cart-{number:02}": ("icu" if number % 3 == 0 else "er") for number in range(1, 21)}


def test_a_ward_is_a_wave() -> None:
    plan = Plan(waves=(Wave(wards=("icu",)), Wave(wards=("er",))))
    assert plans.waves(plan, "s", CARTS) == {cart: 0 if ward == "icu" else 1 for cart, ward in CARTS.items()}
    assert plans.waves(plan, "s", {"cart-99": "surgery", "cart-98": ""}) == {}


def test_a_list_is_a_wave() -> None:
    plan = Plan(waves=(Wave(carts=("cart-02", "cart-77")), Wave(carts=("cart-01",))))
    assert plans.waves(plan, "s", CARTS) == {"cart-02": 0, "cart-01": 1}


def test_shares_count_up_and_begin_with_at_least_one() -> None:
    plan = Plan(waves=(Wave(upto_percent=1), Wave(upto_percent=25), Wave(upto_percent=100)))
    placed = plans.waves(plan, "s", CARTS)
    assert plans.sizes(placed.values(), 3) == (1, 4, 15)
    assert placed == plans.waves(plan, "s", dict(reversed(CARTS.items())))
    assert placed != plans.waves(plan, "another", CARTS)


def test_shares_of_wards_leave_the_others_out() -> None:
    placed = plans.waves(Plan(waves=(Wave(upto_percent=100),), wards=("icu",)), "s", CARTS)
    assert set(placed) == {cart for cart, ward in CARTS.items() if ward == "icu"}


def test_a_newcomer_goes_where_the_plan_says() -> None:
    by_ward = Plan(waves=(Wave(wards=("icu",)), Wave(wards=("er",))))
    assert plans.newcomer(by_ward, "s", "new", "icu") == 1
    assert plans.newcomer(replace(by_ward, newcomers=Newcomers.BY_RULE), "s", "new", "icu") == 0
    assert plans.newcomer(replace(by_ward, newcomers=Newcomers.LEFT_OUT), "s", "new", "icu") is None
    assert plans.newcomer(by_ward, "s", "new", "surgery") is None
    assert plans.newcomer(Plan(waves=(Wave(carts=("cart-01",)),)), "s", "new", "icu") is None
    shares = Plan(waves=(Wave(upto_percent=10), Wave(upto_percent=100)), wards=("icu",), newcomers=Newcomers.BY_RULE)
    assert plans.newcomer(shares, "s", "new", "er") is None
    assert {plans.newcomer(shares, "s", f"new-{number}", "icu") for number in range(60)} == {0, 1}


def test_what_makes_no_plan_is_named_at_its_field() -> None:
    assert plans.problems(a_plan()) == ()
    assert plans.problems(a_plan(at_once=0)) == (("at_once", "out-of-range"),)
    assert plans.problems(a_plan(gates=Gates(charge_percent=101))) == (("charge_percent", "out-of-range"),)
    wrong = {
        (): "no-wave",
        (Wave(),): "wave-empty",
        (Wave(wards=("icu",), carts=("cart-01",)),): "wave-empty",
        (Wave(wards=("icu",)), Wave(upto_percent=100)): "wave-kinds-mixed",
        (Wave(wards=("icu",)), Wave(wards=("icu",))): "named-twice",
        (Wave(upto_percent=50),): "shares-do-not-rise",
        (Wave(upto_percent=100), Wave(upto_percent=100)): "shares-do-not-rise",
        (Wave(upto_percent=0), Wave(upto_percent=100)): "shares-do-not-rise",
    }
    for waves, code in wrong.items():
        assert plans.problems(a_plan(waves=waves)) == (("waves", code),), waves


@given(st.lists(st.integers(1, 99), unique=True, max_size=5).map(sorted), st.integers(0, 60))
def test_everybody_is_in_exactly_one_wave(shares: list[int], number: int) -> None:
    plan = Plan(waves=tuple(Wave(upto_percent=share) for share in (*shares, 100)))
    carts = {f"c{each}": "icu" for each in range(number)}
    placed = plans.waves(plan, "seed", carts)
    assert set(placed) == set(carts)
    assert sum(plans.sizes(placed.values(), len(plan.waves))) == number
