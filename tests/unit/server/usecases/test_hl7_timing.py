"""HL7's words for when: every pattern says the same each time, names no time that nobody wrote, and never raises."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.emr import hl7_message
from server.usecases import hl7_timing
from server.usecases.hl7_timing import NO_TIMES, NOT_UNDERSTOOD, Pattern, Timing, pattern
from tests.support.hl7_in import GENERAL, PID, ZONE, message, msh

BARE: dict[str, str] = {}


def tq1(text: str, table: dict[str, str] | None = None) -> Timing:
    """Of one TQ1 segment, "TQ1|1||BID" and so on."""
    read = hl7_message.read(message(msh("RDE^O11", "1"), PID, text))
    segment = read.first("TQ1")
    assert segment is not None
    return hl7_timing.of_tq1(segment, replace(GENERAL, frequencies=table or {}), ZONE)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("Q6H", {"every": "6 h"}),
        ("q6h", {"every": "6 h"}),
        ("Q30M", {"every": "30 min"}),
        ("Q90S", {"every": "90 s"}),
        ("C", {}),
        ("ONCE", {}),
        ("U 0 8,20 * * *", {"times": "08:00|20:00"}),
        ("U 30 6 * * 1,7", {"times": "06:30", "days_of_week": "mon|sun"}),
    ],
)
def test_a_pattern_that_says_when_is_computed(code: str, wanted: dict[str, str]) -> None:
    found = tq1(f"TQ1|1||{code}")
    assert (found.cells, found.faults) == (wanted, [])


@pytest.mark.parametrize("code", ["BID", "TID", "QID", "QD", "QAM", "QHS", "QOD", "Q2D", "Q1W", "QJ135", "Q2J1", "5ID", "3XD", "QSHIFT"])
def test_so_many_times_a_day_names_no_times(code: str) -> None:
    found = tq1(f"TQ1|1||{code}")
    assert found.faults == [(NO_TIMES, code)]
    assert "times" not in found.cells


@pytest.mark.parametrize(
    "code", ["Q0H", "Q6L", "XYZ", "6H", "QQ", "Q6H Q8H", "U 0 8 1 * *", "U 99 8 * * *", "QJ8", "QJ0", "Q", "P", "Q99999H"]
)
def test_what_is_no_pattern_is_named_and_never_guessed(code: str) -> None:
    found = tq1(f"TQ1|1||{code}")
    assert found.cells == {}
    assert [fault for fault, _ in found.faults] == [NOT_UNDERSTOOD]


def test_explicit_times_fill_a_pattern_of_as_many() -> None:
    assert tq1("TQ1|1||BID|0800~2000").cells == {"times": "08:00|20:00"}
    assert tq1("TQ1|1||BID|0800~2000", {"BID": "06:00 18:00"}).cells == {"times": "08:00|20:00"}
    assert tq1("TQ1|1||Q8H|0600~1400~2200").cells == {"times": "06:00|14:00|22:00"}
    assert tq1("TQ1|1||QOD|0800").cells == {"times": "08:00", "every": "2 d"}
    assert tq1("TQ1|1||Q1W|0800").cells == {"times": "08:00", "every": "7 d"}
    assert tq1("TQ1|1||QJ135|0800").cells == {"times": "08:00", "days_of_week": "mon|wed|fri"}
    assert tq1("TQ1|1||Q2J1|0800").cells == {"times": "08:00", "days_of_week": "mon", "every": "14 d"}


def test_explicit_times_of_another_number_are_a_contradiction() -> None:
    assert tq1("TQ1|1||BID|0800~1400~2000").faults == [(NOT_UNDERSTOOD, "BID + 08:00|14:00|20:00")]
    assert tq1("TQ1|1||Q6H|0800~2000").faults == [("clarify-times-and-interval", "Q6H")]
    assert tq1("TQ1|1||BID|0800~0800").faults
    assert tq1("TQ1|1||BID|0800~2500").faults


def test_times_without_a_pattern_do_not_say_on_which_days() -> None:
    assert tq1("TQ1|1|||0800~2000").faults == [(NOT_UNDERSTOOD, "08:00|20:00 (TQ1)")]
    assert "times" not in tq1("TQ1|1|||0800~2000").cells
    assert tq1("TQ1|1").cells == {}


def test_the_hospitals_own_table_comes_before_the_standard() -> None:
    table = {"BID": "07:00 19:00", "2L": "08:00 20:00", "SANG": "08:00", "CN": "08:00 every 2 d", "6G": "Q6H", "KHI": "PRN"}
    assert tq1("TQ1|1||BID", table).cells == {"times": "07:00|19:00"}
    assert tq1("TQ1|1||2l", table).cells == {"times": "08:00|20:00"}
    assert tq1("TQ1|1||CN", table).cells == {"times": "08:00", "every": "2 d"}
    assert tq1("TQ1|1||6G", table).cells == {"every": "6 h"}
    assert tq1("TQ1|1||KHI", table).as_needed


@pytest.mark.parametrize(
    ("code", "cells"), [("PRN", {}), ("PRNQ6H", {"every": "6 h"}), ("Q6HPRN", {"every": "6 h"}), ("Q6H PRN", {"every": "6 h"})]
)
def test_as_needed_is_read_before_and_behind_a_pattern(code: str, cells: dict[str, str]) -> None:
    found = tq1(f"TQ1|1||{code}")
    assert found.as_needed
    assert (found.cells, found.faults) == (cells, [])
    assert tq1("TQ1|1||Q6H~PRN").as_needed
    assert tq1("TQ1|1||Q6H~PRN").cells == {"every": "6 h"}
    assert tq1("TQ1|1||Q6H~BID").faults  # two patterns are two things


def test_a_period_in_components_is_a_pattern() -> None:
    assert tq1("TQ1|1||^^^^6^h").cells == {"every": "6 h"}
    assert tq1("TQ1|1||^^^^2^mo").faults
    assert tq1("TQ1|1||Q6H^A").faults == [(NOT_UNDERSTOOD, "TQ1-3.2")]


def test_bounds_are_by_the_hospitals_clock_and_a_last_day_counts_whole() -> None:
    found = tq1("TQ1|1||Q6H||||20260302080000|20260305")
    assert found.cells["start"] == "2026-03-02T01:00:00+00:00"
    assert found.cells["end"] == "2026-03-05T17:00:00+00:00"  # midnight of the 6th in the ward
    assert tq1("TQ1|1||Q6H||||nonsense").faults == [("clarify-start-unreadable", "nonsense")]


@pytest.mark.parametrize(
    ("text", "days"), [("TQ1|1||Q6H|||7^d", 7), ("TQ1|1||Q6H|||1^wk", 7), ("TQ1|1||Q6H|||12^h", 0.5), ("TQ1|1||Q6H|||90^min", 0.0625)]
)
def test_what_lasts_so_long_ends_then(text: str, days: float) -> None:
    found = tq1(text)
    hl7_timing.until(found, "2026-03-02T01:00:00+00:00", ZONE)
    assert datetime.fromisoformat(found.cells["end"]) == datetime.fromisoformat("2026-03-02T01:00:00+00:00") + timedelta(days=days)
    bare = tq1(text)
    hl7_timing.until(bare, "", ZONE)
    assert bare.faults  # from when?


def test_a_priority_a_condition_and_a_count_are_read_or_named() -> None:
    assert tq1("TQ1|1|||||||| S".replace(" ", "")).stat
    assert tq1("TQ1|1||BID||||||T").critical
    assert tq1("TQ1|1||||||||P").faults == [(NOT_UNDERSTOOD, "TQ1-9 P")]
    assert tq1("TQ1|1||PRN|||||||đau đầu").condition == "đau đầu"
    assert tq1("TQ1|1||Q6H|||||||||||10").faults == [(NOT_UNDERSTOOD, "TQ1-14 10")]
    assert tq1("TQ1|1||Q6H||5^min").faults == [(NOT_UNDERSTOOD, "TQ1-5")]


def older(text: str, place: int = 1) -> tuple[Timing, ...]:
    read = hl7_message.read(message(msh("RDE^O01", "1", version="2.3"), PID, text))
    return hl7_timing.of_older(read.segments[-1], place, GENERAL, ZONE)


def test_an_older_quantity_and_timing_says_the_same() -> None:
    (found,) = older("RXE|1^Q6H^D10^20260302080000^^R")
    assert found.cells["every"] == "6 h"
    assert found.lasts == (10, "D")
    (found,) = older("RXE|1&TAB^BID&0800,2000^^20260302")
    assert (found.cells["times"], found.quantity, found.unit) == ("08:00|20:00", "1", "TAB")
    (found,) = older("ORC|NW|1|||||^PRN&&^^^^^đau", 7)
    assert (found.as_needed, found.condition) == (True, "đau")
    assert older("RXE|") == ()
    assert older("RXE|1^Q6H^X5")[0].faults == [(NOT_UNDERSTOOD, "RXE-1.3 X5")]
    assert older("RXE|1^Q6H^INDEF")[0].faults == []


def test_steps_follow_or_stand_beside_each_other_as_the_conjunction_says() -> None:
    one, other, third = tq1("TQ1|1||Q6H|||2^d||||||S"), tq1("TQ1|1||Q8H|||2^d||||||A"), tq1("TQ1|1||Q12H")
    numbers, faults = hl7_timing.sequences((one, other, third), ZONE, "2026-03-02T01:00:00+00:00")
    assert (numbers, faults) == ([1, 2, 2], [])
    assert one.cells["end"] == "2026-03-04T01:00:00+00:00"
    assert other.cells["end"] == "2026-03-06T01:00:00+00:00"
    _, faults = hl7_timing.sequences((tq1("TQ1|1||Q6H"), third), ZONE, "")
    assert faults == [(NOT_UNDERSTOOD, "TQ1 conjunction ?")]


WORDS = st.text(alphabet="QJXUPRNBITDHSMWLC0123456789 ,*-", max_size=14) | st.text(max_size=12)


@given(WORDS, st.sampled_from([BARE, {"BID": "08:00 20:00", "PRN": "PRN"}]))
def test_any_word_is_read_or_named_and_says_no_time_that_is_not_in_it(word: str, table: dict[str, str]) -> None:
    found = pattern(word, table)
    assert found == pattern(f"  {word}  ", table)
    if found.times and not table:
        assert word.strip().upper().startswith(("U", "PRNU")) or word.strip().upper().endswith("PRN")
    if found.every:
        number, unit = found.every.split()
        assert int(number) > 0
        assert unit in ("s", "min", "h")
    assert found.fault is None or (not found.times and not found.every and not found.days)
    assert not word.strip() or found.code


@given(st.integers(1, 9999), st.sampled_from("SMHDW"))
def test_every_so_often_is_exact(number: int, unit: str) -> None:
    found = pattern(f"Q{number}{unit}", BARE)
    if unit in "DW":
        assert found == Pattern(code=f"Q{number}{unit}", count=1, cycle=number * (7 if unit == "W" else 1))
    else:
        written = {"S": "s", "M": "min", "H": "h"}[unit]
        assert found.every == f"{number} {written}"


@given(st.sets(st.integers(1, 7), min_size=1), st.integers(1, 4))
def test_days_of_the_week_are_those_that_are_numbered(days: set[int], weeks: int) -> None:
    code = f"Q{weeks}J{''.join(map(str, sorted(days)))}"
    found = pattern(code, BARE)
    assert found.days == tuple(day for place, day in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), start=1) if place in days)
    assert found.cycle == (7 * weeks if weeks > 1 else 1)


@given(st.lists(st.times().map(lambda at: time(at.hour, at.minute)), min_size=1, max_size=4, unique=True))
def test_times_of_the_hospital_come_out_as_they_were_written(clocks: list[time]) -> None:
    table = {"X": " ".join(f"{at:%H:%M}" for at in clocks)}
    assert pattern("X", table).times == tuple(sorted(clocks))
    assert tq1("TQ1|1||X", table).cells == {"times": "|".join(f"{at:%H:%M}" for at in sorted(clocks))}
