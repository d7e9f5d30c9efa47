"""What people type into an order form, and what it is taken for."""

from __future__ import annotations

import pytest

from server.usecases import handwriting
from server.usecases.import_rows import FieldError


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("0,5 mg", "0.5 mg"),
        ("0.5 mg", "0.5 mg"),
        ("0,125mg", "0.125 mg"),
        ("2,5 ml", "2.5 mL"),
        ("500 mg", "500 mg"),
        ("1500 mg", "1500 mg"),
        ("0.5 mcg", "0.5 ug"),
        ("2 viên", "2 {tablet}"),
        ("40 ml/giờ", "40 mL/h"),
        ("10 iu", "10 [IU]"),
        ("nonsense", "nonsense"),
    ],
)
def test_amounts_with_either_decimal_sign(text: str, taken: str) -> None:
    assert handwriting.amount(text) == taken


@pytest.mark.parametrize("text", ["1.500 mg", "1,500 mg", "1.234,5 mg", "1,234.5 mg", "1.000", "25,000 iu"])
def test_what_reads_in_two_ways_is_asked_about(text: str) -> None:
    with pytest.raises(FieldError) as refused:
        handwriting.amount(text)
    assert refused.value.reason == "amount-ambiguous"


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("08:00", "08:00"),
        ("8h, 14h30; 20:00", "08:00|14:30|20:00"),
        ("sáng và tối", "08:00|20:00"),
        ("8h 20h", "08:00|20:00"),
        ("matin, soir", "08:00|20:00"),
        ("trước khi ngủ", "21:00"),
        ("8 giờ 30", "08:30"),
        ("06:00|14:00", "06:00|14:00"),
        ("25h", "25h"),
        ("8", "8"),
        ("2 lần/ngày", "2 lần/ngày"),
    ],
)
def test_times_of_day(text: str, taken: str) -> None:
    assert handwriting.times(text) == taken


@pytest.mark.parametrize(
    ("text", "taken"),
    [("mỗi 8 giờ", "8 h"), ("q8h", "8 h"), ("every 12 hours", "12 h"), ("toutes les 6 heures", "6 h"), ("2 ngày", "2 d"), ("8 h", "8 h"),
     ("8", "8"), ("khi cần", "khi cần")],
)  # fmt: skip
def test_intervals(text: str, taken: str) -> None:
    assert handwriting.every(text) == taken
