"""HIBC: what a supplier's code says, to the letter, or nothing."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.errors import LabelError
from pointofcare.labels import hibc
from pointofcare.labels.hibc import Hibc, Secondary

TODAY = date(2026, 11, 22)
PRIMARY = "+A123BJC5D6E71"
CODES = st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=18)


def _with_check(body: str) -> str:
    return body + hibc.check_character(body)


def _secondary(text: str) -> Secondary:
    found = hibc.parse(_with_check(f"{PRIMARY}/{text}"), TODAY)
    assert (found.code, found.link) == ("A123BJC5D6E71", "")
    assert found.secondary is not None
    return found.secondary


def _reason(text: str) -> object:
    with pytest.raises(LabelError) as caught:
        hibc.parse(text, TODAY)
    return caught.value.fields["reason"]


def test_the_standards_own_examples_have_their_check_characters() -> None:
    assert hibc.check_character(PRIMARY) == "G"
    assert hibc.check_character("+A99912345/$$52001510X3") == "3"
    assert hibc.parse("+A123BJC5D6E71G", TODAY) == Hibc(labeler="A123", product="BJC5D6E7", unit="1", check="G")
    assert hibc.parse(b"+A99912345/$$52001510X33", TODAY).secondary == Secondary(lot="10X3", expiry=date(2020, 1, 15))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$LOT7", Secondary(lot="LOT7")),
        ("$+SER7", Secondary(serial="SER7")),
        ("28060LOT7", Secondary(expiry=date(2028, 2, 29), lot="LOT7")),
        ("28060", Secondary(expiry=date(2028, 2, 29))),
        ("$$0928LOT7", Secondary(expiry=date(2028, 9, 30), lot="LOT7")),
        ("$$0228", Secondary(expiry=date(2028, 2, 29))),
        ("$$1228X", Secondary(expiry=date(2028, 12, 31), lot="X")),
        ("$$2093028LOT7", Secondary(expiry=date(2028, 9, 30), lot="LOT7")),
        ("$$3280930LOT7", Secondary(expiry=date(2028, 9, 30), lot="LOT7")),
        ("$$428093016LOT7", Secondary(expiry=date(2028, 9, 30), expiry_time=time(16), lot="LOT7")),
        ("$$528274LOT7", Secondary(expiry=date(2028, 9, 30), lot="LOT7")),
        ("$$62827416LOT7", Secondary(expiry=date(2028, 9, 30), expiry_time=time(16), lot="LOT7")),
        ("$$7LOT7", Secondary(lot="LOT7")),
        ("$$8243280930LOT7", Secondary(quantity=24, expiry=date(2028, 9, 30), lot="LOT7")),
        ("$$9001000928LOT7", Secondary(quantity=100, expiry=date(2028, 9, 30), lot="LOT7")),
        ("$$824", Secondary(quantity=24)),
        ("$$+3280930SER7", Secondary(expiry=date(2028, 9, 30), serial="SER7")),
        ("$$+7SER7", Secondary(serial="SER7")),
        (
            "$$3280930LOT7/SSER7/16D20260102/Q24",
            Secondary(expiry=date(2028, 9, 30), lot="LOT7", serial="SER7", manufactured=date(2026, 1, 2), quantity=24),
        ),
        ("$LOT7/14D20280930", Secondary(lot="LOT7", expiry=date(2028, 9, 30))),
    ],
)
def test_each_form_of_the_secondary_says_what_it_says(text: str, said: Secondary) -> None:
    assert _secondary(text) == said


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$", "lot"),
        ("$$", "date"),
        ("$$7", "lot"),
        ("$$1328LOT7", "date"),
        ("$$0028LOT7", "date"),
        ("$$09", "date"),
        ("$$3280931LOT7", "date"),
        ("$$3280900LOT7", "date"),
        ("$$3280", "date"),
        ("$$2133028", "date"),
        ("$$428093024LOT7", "date"),
        ("$$527366LOT7", "date"),
        ("$$528000LOT7", "date"),
        ("$$8X4LOT7", "quantity"),
        ("$$90010", "quantity"),
        ("$$8248243280930LOT7", "date"),
        ("$$ALOT7", "date"),
        ("$$+3280930", "serial"),
        ("$$+824SER7", "date"),
        ("$+", "serial"),
        ("$LOT 7", "lot"),
        ("$LOT-7", "lot"),
        ("$" + "L" * 19, "lot"),
        ("2806", "date"),
        ("LOT7", "structure"),
        ("", "structure"),
        ("$LOT7/", "supplement"),
        ("$LOT7/X1", "supplement"),
        ("$LOT7/SA/SB", "supplement"),
        ("$$824/Q24", "supplement"),
        ("$LOT7/16D20260231", "date"),
        ("$LOT7/14D2028093", "date"),
        ("$$3280930LOT7/14D20281001", "date"),
    ],
)
def test_what_breaks_the_grammar_is_refused_whole(text: str, reason: str) -> None:
    assert _reason(_with_check(f"{PRIMARY}/{text}")) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "flag"),
        ("A123BJC5D6E71G", "flag"),
        ("*+A123BJC5D6E71G*", "flag"),
        ("+A123BJC5D6E71H", "check-character"),
        ("+A123BJC5D6E71", "check-character"),
        ("+", "check-character"),
        ("+a123BJC5D6E71G", "charset"),
        ("+A123BJC5D6E71\x1d", "charset"),
        ("+A123Đ", "charset"),
        ("+" + "A" * 200, "too-long"),
        (_with_check("+1A23BJC5D6E7"), "date"),
        (_with_check("+AB"), "labeler"),
        (_with_check("+A1230"), "labeler"),
        (_with_check("+A123BJC5D6EX"), "labeler"),
        (_with_check("+A123" + "X" * 19 + "1"), "labeler"),
        (_with_check("+A12-BJC5D6E71"), "labeler"),
        (_with_check("+$LOT7"), None),
    ],
)
def test_a_code_that_is_not_quite_hibc_says_nothing(text: str, reason: str | None) -> None:
    if reason is None:
        assert hibc.parse(text, TODAY).link == "7"
        return
    assert _reason(text) == reason


def test_bytes_that_are_no_ascii_are_refused() -> None:
    with pytest.raises(LabelError):
        hibc.parse(b"+A123\xff", TODAY)


def test_two_symbols_of_one_pack_are_joined_by_their_link_and_others_never() -> None:
    primary = hibc.parse("+A123BJC5D6E71G", TODAY)
    secondary = hibc.parse(_with_check("+$$3280930LOT7G"), TODAY)
    assert (secondary.code, secondary.link) == ("", "G")
    whole = hibc.joined(primary, secondary)
    assert (whole.code, whole.secondary) == ("A123BJC5D6E71", Secondary(expiry=date(2028, 9, 30), lot="LOT7"))
    with pytest.raises(LabelError) as caught:
        hibc.joined(primary, hibc.parse(_with_check("+$$3280930LOT7H"), TODAY))
    assert caught.value.fields["reason"] == "link"
    for one, other in ((secondary, primary), (primary, primary), (whole, secondary)):
        with pytest.raises(LabelError):
            hibc.joined(one, other)


@given(product=CODES, unit=st.integers(0, 9), lot=CODES)
def test_what_is_written_is_read_and_no_single_wrong_character_passes(product: str, unit: int, lot: str) -> None:
    text = _with_check(f"+H123{product}{unit}/$$3280930{lot}")
    said = hibc.parse(text, TODAY)
    assert (said.labeler, said.product, said.unit) == ("H123", product, str(unit))
    assert said.secondary == Secondary(expiry=date(2028, 9, 30), lot=lot)
    for place in range(1, len(text)):
        other = hibc.CHARACTERS[(hibc.CHARACTERS.index(text[place]) + 1) % 43]
        assert not hibc.is_sound(text[:place] + other + text[place + 1 :])


@given(st.text(max_size=60) | st.text(alphabet=hibc.CHARACTERS, max_size=40).map(lambda body: _with_check("+" + body)))
def test_nothing_but_a_label_error_comes_of_any_text(text: str) -> None:
    with suppress(LabelError):
        said = hibc.parse(text, TODAY)
        assert said.code or said.link
