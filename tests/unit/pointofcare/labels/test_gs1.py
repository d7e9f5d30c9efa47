"""The strict GS1 parser: what it accepts, what it refuses and why, one line a case."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from pointofcare.errors import LabelError
from pointofcare.labels import gs1
from pointofcare.labels.application_identifiers import IDENTIFIERS, starting
from tests.support.gs1_labels import GS, GSRN, GTIN, TODAY

ITEM = "01" + GTIN


def _values(text: str | bytes, today: date = TODAY) -> list[tuple[str, str]]:
    return [(element.ai, element.value) for element in gs1.parse(text, today).elements]


def _refused(text: str | bytes) -> tuple[object, object]:
    with pytest.raises(LabelError) as caught:
        gs1.parse(text, TODAY)
    return caught.value.fields["reason"], caught.value.fields["element"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ITEM, [("01", GTIN)]),
        (ITEM + "10A1" + GS + "17270131", [("01", GTIN), ("10", "A1"), ("17", "270131")]),
        (ITEM + "1728013110K3", [("01", GTIN), ("17", "280131"), ("10", "K3")]),
        (GS + ITEM, [("01", GTIN)]),
        (ITEM + GS, [("01", GTIN)]),
        (ITEM + GS + "17280131" + GS + "10K3" + GS, [("01", GTIN), ("17", "280131"), ("10", "K3")]),
        ("8018" + GSRN + GS + "80191", [("8018", GSRN), ("8019", "1")]),
        ("80191" + GS + "8018" + GSRN, [("8019", "1"), ("8018", GSRN)]),
        (ITEM + "10" + "A" * 20, [("01", GTIN), ("10", "A" * 20)]),
        (ITEM + "10a-b/c_d.e'f\"", [("01", GTIN), ("10", "a-b/c_d.e'f\"")]),
        (ITEM + "3103001500", [("01", GTIN), ("3103", "001500")]),
        (ITEM + "7142000001" + GS + "8008260301" + "12", [("01", GTIN), ("714", "2000001"), ("8008", "26030112")]),
        ("8006" + GTIN + "0102", [("8006", GTIN + "0102")]),
    ],
)
def test_valid_labels_read_as_written(text: str, expected: list[tuple[str, str]]) -> None:
    assert _values(text) == expected
    assert _values(text.encode("ascii")) == expected


@pytest.mark.parametrize(
    ("text", "reason", "ai"),
    [
        ("8018893600000000000126", "check-digit", "8018"),
        ("8017893600000000000126", "check-digit", "8017"),
        ("0108936000000012", "check-digit", "01"),
        ("00" + "1" * 18, "check-digit", "00"),
        ("4148936000000012", "check-digit", "414"),
        ("8018" + GSRN + "80191", "too-long", "8018"),
        ("8018" + GSRN + GS + "8019A", "charset", "8019"),
        ("8018" + GSRN + GS + "8019" + "1" * 11, "too-long", "8019"),
        ("8017" + GSRN + GS + "8018" + GSRN, "exclusive", "8017"),
        ("80191", "missing-requisite", "8019"),
        (ITEM + "01" + GTIN, "duplicate-ai", "01"),
        (ITEM + "0108936123000011", "duplicate-ai", "01"),
        (ITEM + "10A1" + GS + "10A2", "duplicate-ai", "10"),
        (ITEM + "02" + GTIN + "371", "exclusive", "01"),
        ("21SER", "missing-requisite", "21"),
        ("17270131", "missing-requisite", "17"),
        ("10A1", "missing-requisite", "10"),
        (ITEM + "250X", "missing-requisite", "250"),
        (ITEM + "05123", "unknown-ai", None),
        (ITEM + "17270131ZZ", "unknown-ai", None),
        ("(01)" + GTIN + "(17)270131", "brackets", None),
        ("]d2" + ITEM, "unknown-ai", None),
        (ITEM[:-1], "too-short", "01"),
        (ITEM + "172701", "too-short", "17"),
        (ITEM + "1727" + GS + "10A1", "too-short", "17"),
        (ITEM + "10A1" + GS + GS + "17270131", "separator", None),
        ("", "empty", None),
        (GS + GS, "empty", None),
        ("01" + "0" * 14, "all-zero", "01"),
        ("٠١٠٨٩٣٦٠٠٠٠٠٠٠١١", "not-ascii", None),
        ("01" + "٠٨٩٣٦٠٠٠٠٠٠٠١١", "not-ascii", None),
        (b"\xff\xfe01", "not-ascii", None),
        (b"\x00" * 8000, "too-long", None),
        ("8006" + GTIN + "0302", "piece", "8006"),
    ],
)
def test_broken_labels_are_refused_whole(text: str | bytes, reason: str, ai: str | None) -> None:
    assert _refused(text) == (reason, ai)


@pytest.mark.parametrize(
    ("tail", "ai", "reason"),
    [
        ("17270231", "17", "date"),
        ("17271301", "17", "date"),
        ("17000000", "17", "date"),
        ("17270132", "17", "date"),
        ("172701 1", "17", "charset"),
        ("17260229", "17", "date"),
        ("10", "10", "empty"),
        ("10A 1", "10", "charset"),
        ("10A\x001", "10", "charset"),
        ("10" + "A" * 21, "10", "too-long"),
        ("21#", "21", "charset"),
        ("70032703000000", "7003", "date"),
        ("70032703012460", "7003", "time"),
        ("30A", "30", "charset"),
    ],
)
def test_bad_optional_element_keeps_the_pack_and_names_the_element(tail: str, ai: str, reason: str) -> None:
    label = gs1.parse(ITEM + tail, TODAY)
    assert label.get("01") == GTIN
    assert label.get(ai) is None
    assert [(fault.ai, fault.reason) for fault in label.faults] == [(ai, reason)]


def test_bad_check_digit_beside_bad_expiry_names_the_pack_number() -> None:
    assert _refused("17270231" + "0108936000000012") == ("check-digit", "01")


@pytest.mark.parametrize(
    ("yymmdd", "today", "expected"),
    [
        ("260200", date(2026, 3, 2), date(2026, 2, 28)),
        ("280200", date(2026, 3, 2), date(2028, 2, 29)),
        ("280229", date(2026, 3, 2), date(2028, 2, 29)),
        ("270229", date(2026, 3, 2), None),
        ("270431", date(2026, 3, 2), None),
        ("760101", date(2026, 3, 2), date(2076, 1, 1)),
        ("770101", date(2026, 3, 2), date(1977, 1, 1)),
        ("000229", date(2026, 3, 2), date(2000, 2, 29)),
        ("000229", date(2060, 1, 1), None),  # 2100 has no leap day
        ("480101", date(1998, 1, 1), date(2048, 1, 1)),
        ("490101", date(1998, 1, 1), date(1949, 1, 1)),
        ("010101", date(1951, 1, 1), date(2001, 1, 1)),
        ("27013", date(2026, 3, 2), None),
        ("27O131", date(2026, 3, 2), None),
    ],
)
def test_two_digit_years_follow_the_sliding_window_of_the_given_day(yymmdd: str, today: date, expected: date | None) -> None:
    assert gs1.day_of(yymmdd, today, month_allowed=True) == expected


def test_day_zero_is_no_day_where_the_standard_wants_a_date() -> None:
    assert gs1.day_of("270300", TODAY, month_allowed=False) is None


def test_expiry_with_time_reads_as_wall_clock() -> None:
    assert gs1.parse(ITEM + "70032603021830", TODAY).moment("7003") == datetime(2026, 3, 2, 18, 30)  # noqa: DTZ001


@pytest.mark.parametrize(
    "tail",
    [
        "10A117270131",  # lot A1, expiry hidden
        "10A117270100",
        "10A117270131" + GS + "21SER7",
        "10A11727013121SER7",
        "10A121SER717270131",  # two separators lost
        "21SER717270131" + GS + "10A1",
        "10A111250301",  # production date hidden
        "10A115270131",
        "10A170032703011200",
        "240X17270131",
        "30117270131",
    ],
)
def test_lost_separator_that_hides_a_date_is_refused(tail: str) -> None:
    reason, _ = _refused(ITEM + tail)
    assert reason in ("ambiguous", "separator-lost")


@pytest.mark.parametrize("tail", ["10LOT921SER7", "1727013110A121S9"])
def test_lost_separator_between_lot_and_serial_is_refused(tail: str) -> None:
    """Two valid readings: "LOT921SER7" is a lot, and lot LOT9 with serial SER7."""
    assert _refused(ITEM + tail)[0] == "ambiguous"


def test_lot_that_looks_like_two_elements_passes_beside_its_own_serial() -> None:
    assert gs1.parse(ITEM + "10LOT921SER7" + GS + "21X9", TODAY).get("10") == "LOT921SER7"


def test_over_long_lot_that_reads_as_more_elements_is_refused() -> None:
    assert _refused(ITEM + "10ABCDEFGHIJKLM21SERIAL12") == ("separator-lost", "10")
    assert _refused(ITEM + "10" + "A" * 63) == ("separator-lost", "10")


@pytest.mark.parametrize(
    "tail",
    [
        "10K3",
        "10A1",
        "10LOT92107",  # "21" before a digit stands in many honest lots
        "10L2104A",
        "1017270131",  # nothing is left of the lot
        "10A117270231",  # no such day
        "10A117770131",  # 1977: nobody keeps that
        "10A111300101",  # produced in the future
        "1727013110A117270131",  # the label has its own expiry
        "1727013110A121S",
        "17270131" + "11250301" + "21A10B1527013111250301",
    ],
)
def test_honest_lots_are_not_refused(tail: str) -> None:
    assert gs1.parse(ITEM + tail, TODAY).faults == ()


def test_weaker_readings_are_kept_for_recalls() -> None:
    assert gs1.other_lots(gs1.parse(ITEM + "10B772107", TODAY)) == ("B77",)
    assert gs1.other_lots(gs1.parse(ITEM + "10B772107" + GS + "21X", TODAY)) == ()
    assert gs1.other_lots(gs1.parse(ITEM, TODAY)) == ()


def test_check_digit_of_published_keys() -> None:
    # The examples of the EPC Tag Data Standard, and a pencil's EAN-13.
    assert gs1.check_digit("8061414112345") == "8"
    assert gs1.check_digit("10614141123456789") == "7"
    assert gs1.check_digit("06141411234567890") == "2"
    assert gs1.check_digit("400638133393") == "1"
    assert gs1.with_check_digit("0893600000001") == GTIN
    assert gs1.is_valid_key(GSRN)
    assert not gs1.is_valid_key("0")
    assert not gs1.is_valid_key("٣٣")
    with pytest.raises(LabelError):
        gs1.check_digit("12a")


def test_element_string_puts_separators_only_where_needed() -> None:
    assert gs1.element_string([("01", GTIN), ("10", "A1"), ("17", "270131")]) == ITEM + "10A1" + GS + "17270131"
    assert gs1.element_string([("01", GTIN), ("17", "270131"), ("10", "A1")]) == ITEM + "1727013110A1"
    assert gs1.element_string([("8018", GSRN), ("8019", "1")]) == "8018" + GSRN + GS + "80191"


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [("01", "08936000000012")],
        [("01", GTIN), ("10", "")],
        [("01", GTIN), ("10", "A" + GS + "1")],
        [("01", GTIN), ("10", "A" + GS + "17270131")],
        [("01", GTIN), ("10", "A117270131")],
        [("01", GTIN), ("17", "270231")],
        [("05", "1")],
        [("17", "270131")],
        [("01", GTIN), ("10", "Lô-1")],
    ],
)
def test_labels_that_would_be_refused_are_not_printed(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(LabelError):
        gs1.element_string(pairs)


def test_no_identifier_begins_another() -> None:
    for code in IDENTIFIERS:
        assert starting(code + "0000") is IDENTIFIERS[code]
        assert [other for other in IDENTIFIERS if other != code and other.startswith(code)] == []


def test_predefined_lengths_are_those_of_the_standard() -> None:
    lengths = {
        "00": 18,
        "01": 14,
        "02": 14,
        "03": 14,
        "11": 6,
        "12": 6,
        "13": 6,
        "15": 6,
        "16": 6,
        "17": 6,
        "20": 2,
        "3103": 6,
        "3922": 0,
        "410": 13,
    }
    for code, length in lengths.items():
        if code in IDENTIFIERS:
            assert (IDENTIFIERS[code].predefined_length, IDENTIFIERS[code].longest) == (True, length)
    for code in ("10", "21", "8018", "8019", "7003", "422", "402", "8005", "90"):
        assert not IDENTIFIERS[code].predefined_length


def test_error_says_what_a_person_can_do() -> None:
    with pytest.raises(LabelError) as caught:
        gs1.parse("0108936000000012", TODAY)
    assert caught.value.remedy
    assert caught.value.fields["position"] == 0
