"""Days, times and numbers as each language writes them: never another number, never a sign that ISMP warns of."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare import quantity
from pointofcare.errors import QuantityError
from pointofcare.quantity import Quantity
from pointofcare.texts import LANGUAGES, written
from pointofcare.texts import quantity as amounts

NUMBERS = st.decimals(min_value=-(10**11), max_value=10**11, allow_nan=False, allow_infinity=False, places=None).filter(
    lambda number: number.as_tuple().exponent >= -20  # type: ignore[operator]
)
LANGUAGE = st.sampled_from(LANGUAGES)
DECIMAL = {"vi": ",", "fr": ",", "en": "."}
THOUSANDS = {"vi": ".", "fr": "\u202f", "en": ","}


@pytest.mark.parametrize(("language", "said"), [("vi", "22/11/2026 14:05"), ("fr", "22/11/2026 14:05"), ("en", "22 Nov 2026 14:05")])
def test_a_moment_is_written_as_its_language_writes_it(language: str, said: str) -> None:
    assert written.moment(language, datetime(2026, 11, 22, 14, 5)) == said  # noqa: DTZ001
    assert written.moment(language, datetime(2026, 11, 22, 14, 5, 9), seconds=True) == f"{said}:09"  # noqa: DTZ001
    assert written.short_moment(language, datetime(2026, 11, 22, 14, 5)) == said.replace("/2026", "").replace(" 2026", "")  # noqa: DTZ001


@given(st.dates(), LANGUAGE)
def test_no_day_can_be_read_as_another_one(when: date, language: str) -> None:
    said = written.day(language, when)
    if language == "en":
        assert re.fullmatch(r"[0-9]{1,2} [A-Z][a-z]{2} [0-9]{1,4}", said)
        assert datetime.strptime(f"{said.rsplit(' ', 1)[0]} {when.year:04}", "%d %b %Y").date() == when  # noqa: DTZ007
    else:
        assert said == f"{when.day:02}/{when.month:02}/{when.year}"
    assert when.isoformat() not in said


@given(NUMBERS, LANGUAGE)
def test_a_written_number_is_the_number(number: Decimal, language: str) -> None:
    said = written.number(language, number)
    plain = said.replace(THOUSANDS[language], "").replace(DECIMAL[language], ".")
    assert Decimal(plain) == number
    whole, sign, fraction = said.partition(DECIMAL[language])
    assert re.fullmatch(r"-?[0-9]{1,3}|-?[0-9]+", whole.replace(THOUSANDS[language], ""))
    assert whole.lstrip("-")  # a zero before the sign
    assert not sign or not fraction.endswith("0")  # none after it
    assert (THOUSANDS[language] in whole) == (abs(number) >= 10_000)


@given(NUMBERS.filter(lambda number: number >= 0), LANGUAGE)
def test_an_amount_says_the_same_number_everywhere(number: Decimal, language: str) -> None:
    assert amounts.display(language, Quantity(value=number, unit="mg")) == f"{written.number(language, number)} mg"


@given(st.integers(0, 999_999), st.text("0123456789", min_size=1, max_size=6), st.sampled_from(".,"))
def test_what_is_typed_with_either_sign_is_the_same_or_refused(whole: int, fraction: str, sign: str) -> None:
    text = f"{whole}{sign}{fraction}"
    if 0 < whole < 1000 and len(fraction) == 3:
        with pytest.raises(QuantityError) as fault:
            quantity.typed(text)
        assert fault.value.fields["why"] == "ambiguous"
    else:
        assert quantity.typed(text) == f"{whole}.{fraction}"


@given(st.integers(1_000, 10**9), LANGUAGE)
def test_thousands_with_a_sign_are_never_taken_for_a_fraction(number: int, language: str) -> None:
    grouped = f"{number:,}".replace(",", THOUSANDS[language])
    with pytest.raises(QuantityError):
        quantity.typed(grouped)
    assert quantity.typed(str(number)) == str(number)


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "+1", "1e3", ".5", "5.", "1..5", "1,,5", "٣", "1 500", "1.5.2", "1.000,5", "1,000.5", "NaN", "Infinity"]
)
def test_what_is_no_plain_number_is_refused(text: str) -> None:
    with pytest.raises(QuantityError):
        quantity.typed(text)


def test_a_fraction_below_one_is_not_ambiguous() -> None:
    assert quantity.typed("0,125") == quantity.typed("0.125") == "0.125"


def test_a_number_with_more_digits_than_a_calculation_keeps_is_written_whole() -> None:
    long = Decimal("19048593808.555561151586473443")
    assert written.number("en", long).replace(",", "") == str(long)
