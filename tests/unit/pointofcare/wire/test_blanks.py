"""What was written while there was time is, filled in, the very bytes that would be written now; and nothing else is ever filled in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import MessageError
from pointofcare.verdict.engine import evaluate
from pointofcare.verdict.facts import Facts
from pointofcare.wire import blanks, codec, fields, snapshot
from pointofcare.wire.messages import AdministrationRecorded, Message
from tests.support.builders import NOW, facts
from tests.support.moments import moments
from tests.support.wire_bodies import BODIES, RECORD, golden_message
from tests.unit.pointofcare.wire.strategies import REAL, TEXT, any_of

MOMENTS = st.datetimes(timezones=st.just(UTC))
NUMBERS = st.integers(1, 2**53 - 1)


def message_of(record: AdministrationRecord, facts: str | None = "abc", seq: int = 1) -> Message:
    return golden_message(AdministrationRecorded(record=record, seq=seq, epoch="e", facts=facts))


def later(message: Message, draw: Any) -> Message:
    """The same message as it is at the tap."""
    body = message.body
    assert isinstance(body, AdministrationRecorded)
    record = replace(
        body.record,
        effective_at=draw(MOMENTS),
        recorded_at=draw(MOMENTS),
        clock_wall_at=draw(st.none() | MOMENTS),
        clock_offset_s=draw(st.none() | REAL),
        clock_age_s=draw(st.none() | REAL | st.integers(0, 10**6)),
    )
    body = replace(body, record=record, seq=draw(NUMBERS), facts=draw(st.none() | TEXT))
    return replace(message, id=draw(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)), sent_at=draw(MOMENTS), body=body)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_prepared_message_has_the_bytes_of_any_final_one(data: st.DataObject) -> None:
    record = data.draw(any_of(AdministrationRecord))
    before = message_of(record, data.draw(st.none() | TEXT))
    final = later(before, data.draw)
    assert codec.encode(final, codec.prepare(before)) == codec.encode(final)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_whatever_else_changed_is_written_anew(data: st.DataObject) -> None:
    before, other = message_of(data.draw(any_of(AdministrationRecord))), message_of(data.draw(any_of(AdministrationRecord)))
    form = codec.prepare(before)
    assert codec.encode(other, form) == codec.encode(other)
    name = data.draw(st.sampled_from(list(RECORD.__dataclass_fields__)))
    body, from_other = before.body, other.body
    assert isinstance(body, AdministrationRecorded)
    assert isinstance(from_other, AdministrationRecorded)
    changed = message_of(replace(body.record, **{name: getattr(from_other.record, name)}))
    assert codec.encode(changed, form) == codec.encode(changed)


def test_equal_values_that_are_written_differently_are_not_taken_for_the_same() -> None:
    first, second = (replace(RECORD, findings=(replace(RECORD.findings[0], facts={"doses": each}),)) for each in (1, True))
    assert first == second
    final = codec.encode(message_of(second), codec.prepare(message_of(first)))
    assert b'{"doses":true}' in final
    assert final == codec.encode(message_of(second))


@pytest.mark.parametrize(
    "more",
    [{"sender": "c2"}, {"sid": "other"}, {"ttl_s": 3.0}, {"v": "1.1"}, {"body": BODIES["CartState"]}, {"body": BODIES["AttemptStopped"]}],
    ids=lambda more: next(iter(more)),
)
def test_another_envelope_or_body_is_written_anew(more: dict[str, Any]) -> None:
    before = message_of(RECORD)
    final = replace(before, **more)
    assert codec.encode(final, codec.prepare(before)) == codec.encode(final)


def test_a_form_is_filled_where_only_the_blanks_changed() -> None:
    """Or this would be right, and never any faster."""
    before = message_of(RECORD)
    form = codec.prepare(before)
    assert form is not None
    record = replace(RECORD, recorded_at=RECORD.recorded_at + timedelta(seconds=3), clock_offset_s=1.5)
    body = before.body
    assert isinstance(body, AdministrationRecorded)
    final = replace(before, body=replace(body, record=record, seq=7, facts="other"))
    pieces = blanks.filled(form, final)
    assert pieces is not None
    assert b"".join(pieces) == codec.encode(final)


@pytest.mark.parametrize("wrong", [{"id": "not an id"}, {"sent_at": NOW.replace(tzinfo=None)}], ids=["id", "naive"])
def test_what_the_wire_cannot_carry_is_refused_with_a_form_too(wrong: dict[str, Any]) -> None:
    before = message_of(RECORD)
    with pytest.raises(MessageError):
        codec.encode(replace(before, **wrong), codec.prepare(before))


def test_a_text_that_looks_like_a_blank_makes_no_form() -> None:
    record = replace(RECORD, reason_text="\x010\x02id\x01")
    assert codec.prepare(message_of(record)) is None
    assert blanks.form(RECORD, {"cart": "c1"}, {}) is not None
    assert blanks.form(RECORD, {"cart": "c1", "ward": "\x010\x02cart\x01"}, {"cart": fields.Text()}) is None


def test_only_a_record_is_prepared() -> None:
    assert codec.prepare(golden_message(BODIES["CartState"])) is None


@settings(max_examples=50, deadline=None)
@given(moments(), MOMENTS, st.none() | REAL, st.none() | REAL)
def test_prepared_facts_are_packed_to_the_letter(moment: Facts, at: Any, age_s: float | None, offset_s: float | None) -> None:
    try:
        narrow = snapshot.narrowed(moment)
        prepared = snapshot.prepare(narrow)
    except MessageError:
        return  # facts that contradict their own types
    assert prepared is not None
    final = replace(narrow, at=at, cart=replace(narrow.cart, chart_age_s=age_s, clock_offset_s=offset_s))
    text = snapshot.packed(prepared, at=at, chart_age_s=age_s, clock_offset_s=offset_s)
    if text is None:
        assert (age_s is None) != (narrow.cart.chart_age_s is None) or (offset_s is None) != (narrow.cart.clock_offset_s is None)
        return
    again = snapshot.prepare(final)
    assert again is not None
    assert text == snapshot.packed(again, at=at, chart_age_s=age_s, clock_offset_s=offset_s)
    assert snapshot.unpack(text) == final


def test_what_is_packed_at_once_is_what_was_prepared() -> None:
    narrow = snapshot.narrowed(facts())
    prepared, cart = snapshot.prepare(narrow), narrow.cart
    assert prepared is not None
    text = snapshot.packed(prepared, at=narrow.at, chart_age_s=cart.chart_age_s, clock_offset_s=cart.clock_offset_s)
    assert text == snapshot.pack(facts())
    assert evaluate(narrow) == evaluate(facts())
