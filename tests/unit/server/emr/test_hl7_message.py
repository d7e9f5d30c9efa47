"""A message as it came: its letters, its escapes, its moments, or an error that names the place; and the answer to it."""

from __future__ import annotations

from datetime import UTC, datetime
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.emr import hl7_answer, hl7_message, hl7_text
from server.emr.hl7_answer import Fault, Outcome
from server.emr.hl7_message import Hl7Error
from tests.support.hl7_in import PID, ZONE, message, msh

AT = datetime(2026, 3, 2, 1, 5, tzinfo=UTC)


def read(*segments: str, charset: str = "UNICODE UTF-8") -> hl7_message.Message:
    return hl7_message.read(message(msh("ADT^A08", "1"), *segments), charset=charset)


@given(st.lists(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12), min_size=1, max_size=4))
def test_what_is_escaped_component_by_component_comes_back_as_it_was(parts: list[str]) -> None:
    segment = read(PID, f"ZXX|{hl7_text.composite(*parts)}").segments[-1]
    assert [segment.text(1, place) for place in range(1, len(parts) + 1)] == [normalize("NFC", part) for part in parts]


def test_a_field_has_repetitions_components_and_subcomponents() -> None:
    segment = read("PID|||A^^^X&1.2&ISO^MR~B^^^^NI|||").segments[-1]
    assert list(segment.repeats(3)) == [1, 2]
    assert (segment.text(3), segment.text(3, 4), segment.text(3, 4, 2), segment.text(3, 5, repeat=2)) == ("A", "X", "1.2", "NI")
    assert (segment.text(9), segment.text(3, 9), segment.text(3, 1, 7), list(segment.repeats(5))) == ("", "", "", [])


def test_null_is_nothing_and_a_newline_in_a_field_is_an_escape() -> None:
    segment = read('NTE|""|x|first\\.br\\second').segments[-1]
    assert (segment.text(1), segment.has(1)) == ("", False)
    assert segment.text(3) == "first\nsecond"


@pytest.mark.parametrize("text", ["a\\Q\\b", "a\\", "\\Xzz\\", "\\X4\\", "\\C2842\\", "\\\\"])
def test_an_escape_that_is_not_understood_is_an_error_and_loses_no_letter(text: str) -> None:
    segment = read(f"NTE|1|L|{text}").segments[-1]
    with pytest.raises(Hl7Error) as told:
        segment.text(3)
    assert (told.value.fault, told.value.where) == ("hl7-escape", "NTE-3")


def test_hexadecimal_is_of_the_messages_own_letters() -> None:
    assert read("NTE|1|L|\\XC3A2\\").segments[-1].text(3) == "â"
    with pytest.raises(Hl7Error):
        read("NTE|1|L|\\XE2\\").segments[-1].text(3)


def test_other_separators_are_taken_from_the_message() -> None:
    found = hl7_message.read(b"MSH#*+!%#HIS#BV1###20260302080000##ADT*A08#1#P#2.5.1\rPID###26-1***A%B*MR+27#\r")
    segment = found.segments[1]
    assert (found.header.type, segment.text(3), segment.text(3, 4, 2), segment.text(3, repeat=2)) == (
        "ADT*A08".replace("*", "^"),
        "26-1",
        "B",
        "27",
    )


@pytest.mark.parametrize("raw", [b"MSH|^^\\&|", b"MSH|^~\\|", b"MSH|A~\\&|", b"MSH", b"", b"\x00MSH|^~\\&|", b"PID|1", b"MSHMSHMSHMSH"])
def test_what_has_no_usable_head_is_no_message(raw: bytes) -> None:
    with pytest.raises(Hl7Error, match="MSH"):
        hl7_message.peek(raw)


@pytest.mark.parametrize(
    ("named", "letters", "codec"),
    [
        ("UNICODE UTF-8", "Nguyễn Thị Ánh", "utf-8"),
        ("8859/1", "Müller", "latin-1"),
        ("8859/15", "Œuvre €", "iso8859-15"),
        ("ASCII", "Tran", "ascii"),
    ],
)
def test_letters_are_those_that_msh_18_names(named: str, letters: str, codec: str) -> None:
    payload = f"{msh('ADT^A08', '1', charset=named)}\rPID|||||{letters}\r".encode(codec)
    assert hl7_message.read(payload).segments[1].text(5) == letters


def test_windows_1258_comes_together_to_whole_letters() -> None:
    payload = f"{msh('ADT^A08', '1', charset='WINDOWS-1258')}\rPID|||||Nguyê\u0303n\r".encode("cp1258")
    assert hl7_message.read(payload).segments[1].text(5) == "Nguyễn"


@pytest.mark.parametrize(
    ("named", "data", "fault"),
    [
        ("UNICODE UTF-8", "Müller".encode("latin-1"), "hl7-charset"),
        ("8859/1", "Nguyễn".encode(), "hl7-charset-is-utf8"),
        ("ASCII", "Müller".encode("latin-1"), "hl7-charset"),
        ("8859/1", b"M\x92ller", "hl7-charset"),
        ("UNICODE UTF-8", "Nguy\ufffdn".encode(), "hl7-letters-lost"),
        ("EBCDIC", b"x", "hl7-charset-unknown"),
        ("UNICODE UTF-8", b"a\x00b", "hl7-not-a-message"),
    ],
)
def test_wrong_letters_are_an_error_and_never_replaced(named: str, data: bytes, fault: str) -> None:
    payload = f"{msh('ADT^A08', '1', charset=named)}\rPID|||||".encode() + data + b"\r"
    with pytest.raises(Hl7Error) as told:
        hl7_message.read(payload)
    assert told.value.fault == fault


def test_lines_may_end_in_any_way_and_a_second_message_in_one_frame_is_refused() -> None:
    for end in ("\r", "\n", "\r\n"):
        found = hl7_message.read(end.join([msh("ADT^A08", "1"), PID, ""]).encode())
        assert [one.name for one in found.segments] == ["MSH", "PID"]
    with pytest.raises(Hl7Error, match="several"):
        read(PID, msh("ADT^A08", "2"), PID)
    with pytest.raises(Hl7Error, match="segment"):
        read("a line of a field that was broken")


def test_a_file_is_cut_at_each_message() -> None:
    first, second = message(msh("ADT^A08", "1"), PID), message(msh("ADT^A08", "2"), PID)
    batch = b"FHS|^~\\&|\rBHS|^~\\&|\r" + first + b"\x0b" + second.replace(b"\r", b"\r\n") + b"\x1c\rBTS|2\rFTS|1\r"
    assert list(hl7_message.each(batch)) == [first, second]
    assert list(hl7_message.each(b"")) == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("20260302080500", "2026-03-02T01:05:00+00:00"),
        ("202603020805", "2026-03-02T01:05:00+00:00"),
        ("20260302080500.1234+0000", "2026-03-02T08:05:00.123400+00:00"),
        ("20260302080500-0330", "2026-03-02T11:35:00+00:00"),
        ("20260302", "2026-03-01T17:00:00+00:00"),
    ],
)
def test_a_moment_without_an_offset_is_by_the_hospitals_clock(text: str, wanted: str) -> None:
    found, is_exact = hl7_message.moment(text, ZONE, where="X")
    assert found == datetime.fromisoformat(wanted)
    assert is_exact == (len(text) > 8)


@pytest.mark.parametrize(
    "text", ["2026", "202603", "20260230", "20260302250000", "20260302080061", "x", "00010101", "20260302080500+9999", "٢٠٢٦٠٣٠٢"]
)
def test_what_is_no_moment_is_told_with_its_place(text: str) -> None:
    with pytest.raises(Hl7Error, match="ORC-9"):
        hl7_message.moment(text, ZONE, where="ORC-9")


def answered(outcome: Outcome, *, version: str = "2.5.1") -> str:
    header = hl7_message.peek(message(msh("RDE^O11^RDE_O11", "X71", version=version)))
    fault = Fault(where="RXE-5", code="103", words="no | unit", remedy="write ^ mg")
    made = hl7_answer.answer(header, outcome, words="w", faults=[fault], control="c", at=AT, facility="bv1")
    return made.decode() if made is not None else ""


def test_an_answer_names_the_message_the_place_and_the_remedy() -> None:
    text = answered(Outcome.FAILED)
    assert text.startswith("MSH|^~\\&|POINTOFCARE|bv1|HIS|BV1|20260302010500.000+0000||ACK^O11^ACK|c|P|2.5.1|")
    assert "\rMSA|AE|X71|w\r" in text
    assert "\rERR||RXE^1^5|103^Table value not found^HL70357|E|||no \\F\\ unit|no \\F\\ unit write \\S\\ mg\r" in text


def test_an_answer_is_of_the_version_that_asks() -> None:
    assert "ACK^O11|" in answered(Outcome.FAILED, version="2.3")
    assert "\rERR|RXE^1^5^103&Table value not found\r" in answered(Outcome.FAILED, version="2.3")


def test_control_characters_and_foreign_separators_never_break_an_answer() -> None:
    header = hl7_message.peek(b"MSH#*+!%#H|S#BV1###2026##ADT*A08#1|2#P#2.5.1\r")
    text = hl7_answer.answer(header, Outcome.TAKEN, control="c", at=AT, facility="b|v", codec="utf-8")
    assert text is not None
    assert b"|H\\F\\S|" in text
    assert b"MSA|AA|1\\F\\2|" in text
