"""Rule Q8: no amount on a screen can be misread for another."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.quantity import Quantity
from pointofcare.texts import LANGUAGES, written
from pointofcare.texts.quantity import display, displayed, unit


@pytest.mark.parametrize(
    ("amount", "vi", "en", "fr"),
    [
        ("5.0 mg", "5 mg", "5 mg", "5 mg"),
        ("0.50 mg", "0,5 mg", "0.5 mg", "0,5 mg"),
        ("10 U", "10 đơn vị", "10 units", "10 unités"),
        ("4 [IU]", "4 đơn vị quốc tế", "4 international units", "4 unités internationales"),
        ("25 ug", "25 mcg", "25 mcg", "25 mcg"),
        ("28 [drp]/min", "28 giọt/min", "28 drops/min", "28 gouttes/min"),
        ("2 {tablet}", "2 tablet", "2 tablet", "2 tablet"),
        ("120 mm[Hg]", "120 mmHg", "120 mmHg", "120 mmHg"),
        ("37.5 Cel", "37,5 °C", "37.5 °C", "37,5 °C"),
        ("3 {score}", "3", "3", "3"),
        ("100 mg", "100 mg", "100 mg", "100 mg"),
        ("1000 mL", "1000 mL", "1000 mL", "1000 mL"),
    ],
)
def test_amount_as_a_person_reads_it(amount: str, vi: str, en: str, fr: str) -> None:
    assert [display(language, Quantity.parse(amount)) for language in ("vi", "en", "fr")] == [vi, en, fr]


@given(
    st.decimals(0, 10**6, places=4, allow_nan=False),
    st.sampled_from(["mg", "U", "[IU]", "ug", "mL/h", "{tablet}"]),
    st.sampled_from(LANGUAGES),
)
def test_no_trailing_zero_a_leading_zero_and_no_bare_unit(value: Decimal, code: str, language: str) -> None:
    number, words = display(language, Quantity(value=value, unit=code)).split(" ", 1)
    assert not number.startswith((".", ","))
    sign = written.decimal_sign(language)
    assert not (sign in number and number.endswith("0"))
    assert Decimal("".join(each for each in number if each.isdigit() or each == sign).replace(sign, ".")) == value
    assert words not in ("U", "IU", "[IU]", "ug", "µg")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2.50 mg - 5 mg", "2,5 mg - 5 mg"),
        ("20 mmol / 500 mL", "20 mmol / 500 mL"),
        ("-1.5 mg", "-1,5 mg"),
        ("Digoxin 0.25 mg", None),
        ("5 mg - ", None),
        ("5", None),
        ("", None),
        ("2026-03-02", None),
    ],
)
def test_only_what_is_an_amount_is_shown_as_one(text: str, said: str | None) -> None:
    assert displayed("vi", text) == said


def test_unknown_language_reads_english_words() -> None:
    assert unit("de", "U") == "units"
