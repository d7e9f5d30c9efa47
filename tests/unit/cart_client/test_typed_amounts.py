"""What a nurse types as an amount: as the screen and the label write it, never another amount than she meant."""

from __future__ import annotations

import pytest

from cart_client import inbox
from pointofcare.errors import QuantityError
from pointofcare.quantity import Quantity


def typed(text: str) -> Quantity | None:
    return inbox.GiveAmount(moment=1, dose=text).all_quantities()[0]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("6 IU", "6 [IU]"),
        ("6IU", "6 [IU]"),
        ("6 iu", "6 [IU]"),
        ("6 UI", "6 [IU]"),
        ("6 đv", "6 [IU]"),
        ("6 [IU]", "6 [IU]"),
        ("2,5 mL", "2.5 mL"),
        ("2,5ml", "2.5 mL"),
        ("100 mcg", "100 ug"),
        ("100 µg", "100 ug"),
        ("100 μg", "100 ug"),
    ],
)
def test_an_amount_is_understood_as_the_screen_writes_it(text: str, meant: str) -> None:
    assert typed(text) == Quantity.parse(meant)


def test_a_rate_is_understood_as_the_screen_writes_it() -> None:
    rate, _ = inbox.SetRate(moment=1, rate="12,5 mcg/h").setting()
    assert rate == Quantity.parse("12.5 ug/h")


@pytest.mark.parametrize(
    "text",
    ["6", "6 u", "IU 6", "6 IU IU", "-6 IU", "6 MG", "1e3 mg", "1.000,5 mg", "6 g/", "1.000 mg", "1,000 mg", "25.000 IU", "1.125 mL"],
)
def test_what_could_mean_another_amount_is_not_guessed(text: str) -> None:
    with pytest.raises(QuantityError):
        typed(text)


@pytest.mark.parametrize(
    ("field", "command"),
    [
        ("dose", {"dose": "1.000 mg"}),
        ("waste", {"dose": "2 mg", "waste": "1,000 mg"}),
        ("returned", {"dose": "2 mg", "returned": "1.000 mg"}),
    ],
)
def test_a_number_that_reads_in_two_ways_is_named_with_its_field(field: str, command: dict[str, str]) -> None:
    with pytest.raises(QuantityError) as fault:
        inbox.GiveAmount(moment=1, **command).all_quantities()
    assert (fault.value.fields["why"], fault.value.fields["field"]) == ("ambiguous", field)


def test_a_fraction_of_three_digits_can_be_written_with_one_more() -> None:
    assert typed("1.1250 mL") == Quantity.parse("1.125 mL")
    assert typed("0,125 mg") == Quantity.parse("0.125 mg")
