"""Exact amounts: what is read, what converts, what never does."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal, localcontext
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.errors import QuantityError
from pointofcare.quantity import Quantity

UNITS = [
    "mg",
    "ug",
    "g",
    "kg",
    "ng",
    "mg/kg",
    "mL",
    "L",
    "[IU]",
    "U",
    "mmol",
    "meq",
    "mmol/L",
    "mg/mL",
    "mL/h",
    "/min",
    "mm[Hg]",
    "%",
    "{tablet}",
    "{puff}",
    "min",
    "h",
    "d",
    "ug/kg/min",
    "mL/kg/h",
    "[IU]/kg",
    "mL/min",
]


def _q(text: str) -> Quantity:
    return Quantity.parse(text)


@pytest.mark.parametrize("unit", UNITS)
def test_units_of_the_scenario_format_are_understood(unit: str) -> None:
    assert str(_q(f"12.5 {unit}")) == f"12.5 {unit}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "500",
        "500mg",
        "500  mg",
        " 500 mg",
        "500 mg ",
        "500\u00a0mg",
        ".5 mg",
        "5. mg",
        "05 mg",
        "+5 mg",
        "-5 mg",
        "-0 mg",
        "1e3 mg",
        "1,5 mg",
        "1 000 mg",
        "NaN mg",
        "Infinity mg",
        "٥ mg",
        "½ mg",
        "5 MG",
        "5 mcg",
        "5 IU",
        "5 mg/",
        "5 /",
        "5 mg//kg",
        "5 mg/kg/min/h/d",
        "5 tablet",
        "5 mg\n",
        "1234567890123 mg",
        "0.1234567891 mg",
    ],
)
def test_anything_else_is_an_error(text: str) -> None:
    with pytest.raises(QuantityError) as caught:
        _q(text)
    assert caught.value.remedy


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), Decimal("1E+100"), 5, 0.5, None])
def test_only_finite_decimals_of_human_size_are_values(value: object) -> None:
    with pytest.raises(QuantityError):
        Quantity(value=value, unit="mg")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1 g", "1000 mg"),
        ("1 mg", "1000 ug"),
        ("1 kg", "1000 g"),
        ("1 L", "1000 mL"),
        ("1 h", "60 min"),
        ("1 d", "24 h"),
        ("1 mL/min", "60 mL/h"),
        ("0.5 mL/h", "12 mL/d"),
        ("1 mg/mL", "1 g/L"),
        ("1 ug/kg/min", "60 ug/kg/h"),
        ("1 mg/kg", "1000 ug/kg"),
        ("0.10 mg", "0.1 mg"),
    ],
)
def test_same_amount_in_two_units(one: str, other: str) -> None:
    assert _q(one).same_as(_q(other))
    assert _q(other).same_as(_q(one))
    assert not _q(one) < _q(other)
    assert _q(one) <= _q(other)
    assert _q(one).to(other.split(" ")[1]) == _q(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mg", "mL"),
        ("mg", "[IU]"),
        ("mg", "mmol"),
        ("mg", "meq"),
        ("mmol", "meq"),
        ("[IU]", "U"),
        ("U", "mL"),
        ("{tablet}", "{capsule}"),
        ("{tablet}", "mg"),
        ("{unit}", "U"),
        ("mg/kg", "mg"),
        ("mg/kg", "%"),
        ("mg/kg", "mL/L"),
        ("mg/kg", "1"),
        ("ug/kg/min", "/min"),
        ("mg/mL", "%"),
        ("mL/h", "mL"),
        ("/min", "min"),
        ("1", "%"),
        ("mL/kg/h", "/h"),
    ],
)
def test_what_must_never_convert(one: str, other: str) -> None:
    first, second = _q(f"5 {one}"), _q(f"5 {other}")
    assert not first.converts_to(other)
    assert not first.same_as(second)
    for act in (lambda: first < second, lambda: first >= second, lambda: first + second, lambda: first - second, lambda: first.to(other)):
        with pytest.raises(QuantityError):
            act()
    with pytest.raises(QuantityError):
        first.per(second)


def test_unknown_unit_raises_even_in_a_question() -> None:
    with pytest.raises(QuantityError):
        _q("5 mg").converts_to("MG")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        ("5.0", "mg", "5 mg"),
        ("0.50", "mg", "0.5 mg"),
        ("1E+3", "mg", "1000 mg"),
        ("1E-7", "g", "0.0000001 g"),
        ("-0.0", "mg", "0 mg"),
        ("100", "mg", "100 mg"),
        ("0", "mg", "0 mg"),
        ("-2.50", "mg", "-2.5 mg"),
    ],
)
def test_written_without_trailing_zero_or_exponent(value: str, unit: str, text: str) -> None:
    assert str(Quantity(value=Decimal(value), unit=unit)) == text


def test_rates_compare_exactly_though_an_hour_has_no_end_in_decimal() -> None:
    per_minute = _q("1 mL/h").to("mL/min")
    assert str(per_minute).startswith("0.016666")
    assert _q("0.1 mL/min").same_as(_q("6 mL/h"))
    assert _q("83 mL/h") < _q("1.3834 mL/min")
    assert _q("7 mL/min").to("mL/h") == _q("420 mL/h")


def test_how_many_go_into_an_amount() -> None:
    assert _q("1 g").per(_q("250 mg")) == 4
    assert _q("10 mg").per(_q("3 mg")) > Decimal("3.33")
    with pytest.raises(QuantityError):
        _q("1 g").per(_q("0 mg"))


def test_difference_may_be_below_zero_but_is_never_read_from_outside() -> None:
    rest = _q("5 mg") - _q("8 mg")
    assert rest.value == -3
    with pytest.raises(QuantityError):
        _q(str(rest))


@pytest.mark.parametrize("number", [Decimal("NaN"), Decimal("Infinity")])
def test_multiplying_by_no_number_is_an_error(number: Decimal) -> None:
    with pytest.raises(QuantityError):
        _q("5 mg").times(number)


_NUMBERS = st.decimals(min_value=0, max_value=Decimal("999999999999"), places=9, allow_nan=False, allow_infinity=False)
_SIMILAR = [
    pair for group in (("g", "mg", "ug", "kg", "ng"), ("mL", "L", "dL", "uL"), ("mmol", "mol", "umol")) for pair in combinations(group, 2)
]


@given(_NUMBERS, st.sampled_from(UNITS))
def test_written_and_read_again_is_the_same(number: Decimal, unit: str) -> None:
    quantity = Quantity(value=number, unit=unit)
    again = _q(str(quantity))
    assert again == quantity
    assert hash(again) == hash(quantity)
    assert again.same_as(quantity)
    assert pickle.loads(pickle.dumps(quantity)) == copy.deepcopy(quantity) == quantity


@given(_NUMBERS, st.sampled_from(_SIMILAR))
def test_conversion_and_back_loses_nothing(number: Decimal, units: tuple[str, str]) -> None:
    quantity = Quantity(value=number, unit=units[0])
    assert quantity.to(units[1]).to(units[0]) == quantity
    assert quantity.to(units[1]).same_as(quantity)


@given(_NUMBERS.filter(bool), st.integers(2, 10_000), st.sampled_from(UNITS))
def test_ten_times_the_dose_is_never_the_same_dose(number: Decimal, factor: int, unit: str) -> None:
    quantity = Quantity(value=number, unit=unit)
    many = quantity.times(factor)
    assert many > quantity
    assert not many.same_as(quantity)
    assert many.per(quantity) == factor


@given(_NUMBERS, _NUMBERS, st.sampled_from(_SIMILAR))
def test_sums_are_exact_in_any_unit_and_context(one: Decimal, other: Decimal, units: tuple[str, str]) -> None:
    first, second = Quantity(value=one, unit=units[0]), Quantity(value=other, unit=units[1])
    with localcontext() as context:
        context.prec = 3  # what somebody else set must not change a dose
        total = first + second
        assert (total - second) == first
    assert total.same_as(second + first)
