"""An administration in words of HL7 version 2: valid by an independent checker, the same each time, and honest."""

from __future__ import annotations

from dataclasses import replace

import hl7
import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import EmrRejectedError
from pointofcare.quantity import Quantity
from server.emr import hl7_ras
from server.emr.fhir_mapping import MappingContext
from server.emr.hl7_ras import Receiver
from server.emr.port import StartMissingError
from tests.support.emr import CASES, CONTEXT, an_administration, context_for

RECEIVER = Receiver(facility="bv1", receiving_facility="HIS")


def chain_of(record: AdministrationRecord) -> MappingContext:
    context = context_for(record)
    return replace(context, chain=(context.amended,) if context.amended is not None else ())


def said(record: AdministrationRecord, context: MappingContext | None = None) -> hl7.Message:
    return hl7.parse(hl7_ras.to_message(record, context or chain_of(record), RECEIVER).decode())


def all_of(message: hl7.Message, name: str, field: int) -> list[str]:
    return [str(one[field]) if field < len(one) else "" for one in message if str(one[0]) == name]


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_record_is_valid_by_an_independent_checker_and_by_our_own_gate(name: str) -> None:
    payload = hl7_ras.to_message(CASES[name], chain_of(CASES[name]), RECEIVER)
    parse_message(payload.decode(), validation_level=VALIDATION_LEVEL.STRICT, find_groups=True).validate()
    assert hl7_ras.problems(payload) == ()
    assert payload == hl7_ras.to_message(CASES[name], chain_of(CASES[name]), RECEIVER)


def test_what_was_done_stands_in_the_codes_that_an_emr_reads() -> None:
    codes = {name: (all_of(said(record), "RXA", 20)[-1], all_of(said(record), "RXA", 21)[-1]) for name, record in CASES.items()}
    assert codes["given"] == ("CP", "A")
    assert codes["refused"] == ("RE", "A")
    assert codes["held"] == ("NA", "A")
    assert codes["infusion-started"] == ("PA", "A")
    assert codes["infusion-stopped"] == ("PA", "A")
    assert codes["withdrawal"] == ("CP", "D")
    given = said(CASES["given"])
    assert all_of(given, "RXA", 6) == ["500"]
    assert all_of(given, "RXA", 15) == ["A1+b"]
    assert all_of(given, "ORC", 3) == [f"{CASES['given'].record_id}^POINTOFCARE"]
    assert all_of(said(CASES["refused"]), "RXA", 6) == ["0"]
    assert all_of(said(CASES["refused"]), "RXA", 18) == ["refused^refused^99POC"]
    assert "WASTE^WASTE^99POC" in all_of(said(CASES["with-waste"]), "OBX", 3)


def test_a_correction_withdraws_and_adds_in_one_message_that_nothing_can_part() -> None:
    message = said(CASES["correction"])
    assert all_of(message, "RXA", 21) == ["D", "A"]
    assert all_of(message, "ORC", 3) == [f"{CASES['given'].record_id}^POINTOFCARE", f"{CASES['correction'].record_id}^POINTOFCARE"]
    with pytest.raises(StartMissingError, match="has not arrived"):
        hl7_ras.to_message(CASES["correction"], CONTEXT, RECEIVER)


def test_the_acts_of_an_infusion_are_of_the_one_that_began_it() -> None:
    start = CASES["infusion-started"]
    rate = an_administration(
        7, action="rate", status="in-progress", rate=Quantity.parse("60 mL/h"), dose=None, continues=start.record_id, route=None
    )
    stop = an_administration(8, action="stop", status="completed", dose=Quantity.parse("480 mL"), continues=rate.record_id, route=None)
    message = said(stop, replace(CONTEXT, chain=(start, rate)))
    assert all_of(message, "ORC", 3) == [f"{start.record_id}^POINTOFCARE"]
    assert (all_of(message, "RXA", 21), all_of(message, "RXA", 6)) == (["U"], ["480"])
    assert all_of(message, "RXR", 1) == ["IV^IV^99POC"]
    with pytest.raises(StartMissingError):
        said(stop, replace(CONTEXT, chain=(rate,)))


def test_what_hl7_has_no_form_for_is_refused_and_never_one_more_dose() -> None:
    for action in ("remove", "assess", "waste"):
        with pytest.raises(EmrRejectedError, match="by hand"):
            said(an_administration(9, action=action, dose=None))
    with pytest.raises(EmrRejectedError):
        said(an_administration(9, status="entered-in-error"))


@given(st.text(min_size=1, max_size=60))
def test_no_text_of_a_person_makes_another_segment_or_field(text: str) -> None:
    record = an_administration(5, reason_text=text, status_reason="other", product_name=text, lot=text, serial=text)
    plain = an_administration(5, reason_text="x", status_reason="other", product_name="x", lot="x", serial="x")
    payload = hl7_ras.to_message(record, CONTEXT, RECEIVER)
    assert [str(one[0]) for one in hl7.parse(payload.decode())] == [str(one[0]) for one in said(plain)]
    assert b"\x0b" not in payload
    assert b"\x1c" not in payload
    assert hl7_ras.problems(payload) == ()


def test_vietnamese_and_separators_come_through_as_they_are() -> None:
    record = an_administration(5, reason_text="đã hỏi BS. Nguyễn | 5^6 & 7~8 \\ ổn", status_reason="other")
    told = said(record).segment("RXA")[9]
    words = [str(part) for one in told for part in one][-1]
    assert words == "đã hỏi BS. Nguyễn \\F\\ 5\\S\\6 \\T\\ 7\\R\\8 \\E\\ ổn"


def test_a_message_that_lacks_something_is_found_by_our_own_gate() -> None:
    good = hl7_ras.to_message(CASES["given"], CONTEXT, RECEIVER)
    assert hl7_ras.problems(good.replace(b"|CP|A|", b"|XX|A|"))
    assert hl7_ras.problems(good.replace(b"RXR|PO^PO^99POC", b"RXR|"))
    assert hl7_ras.problems(b"\xff")
    assert hl7_ras.problems(b"hello")
