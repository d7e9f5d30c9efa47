"""Doses into an EMR that speaks HL7 version 2, over a real MLLP connection: once each, in order, and never a yes that nobody said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import EmrOutcomeUnknownError, EmrRejectedError, EmrUnavailableError
from server.config import EmrConfig
from server.emr import form_of, hl7_ras, open_emr, retry
from server.emr.dispatcher import ACTOR, Dispatcher
from server.emr.forms import FHIR
from server.emr.hl7_ras import Receiver
from server.emr.mllp import Hl7Emr, Line
from server.emr.port import EmrUnclearError
from server.store import mapping_record, outbox
from server.store.tables import OutboxRow
from server.store.transaction import Transaction, reading, transaction
from tests.support.emr import CASES, CONTEXT, a_store, an_administration
from tests.support.hl7_peer import Hl7Peer, control_of, hl7_peer

RECEIVER = Receiver(facility="bv1")


@pytest.fixture
def peer() -> Iterator[Hl7Peer]:
    with hl7_peer() as running:
        yield running


@pytest.fixture
def emr(peer: Hl7Peer) -> Iterator[Hl7Emr]:
    opened = Hl7Emr(Line(host="127.0.0.1", port=peer.port, connect_s=5.0, answer_s=5.0))
    yield opened
    opened.close()


def a_message(number: int = 1) -> tuple[bytes, str]:
    record = an_administration(number)
    return hl7_ras.to_message(record, CONTEXT, RECEIVER), record.record_id


def test_a_dose_is_taken_and_the_connection_serves_the_next(peer: Hl7Peer, emr: Hl7Emr) -> None:
    for number in (1, 2, 3):
        payload, record_id = a_message(number)
        assert emr.submit(payload, record_id).emr_id == hl7_ras.control_id(record_id)
    assert [message.split("|")[9] for message in peer.received] == [hl7_ras.control_id(a_message(n)[1]) for n in (1, 2, 3)]
    assert "Amoxicillin" in peer.received[0]


def test_an_answer_belongs_to_a_message_by_its_number_alone(peer: Hl7Peer, emr: Hl7Emr) -> None:
    peer.before = [("AR", "SOMEBODY-ELSES", "of before")]
    assert emr.submit(*a_message())
    peer.before = []
    peer.answer = lambda _message: ("AA", "SOMEBODY-ELSES", "")
    emr._line = Line(host="127.0.0.1", port=peer.port, answer_s=0.3)
    with pytest.raises(EmrOutcomeUnknownError):
        emr.submit(*a_message(2))


def test_what_an_emr_says_no_to_is_left_to_a_person_and_what_failed_there_is_tried_a_few_times(peer: Hl7Peer, emr: Hl7Emr) -> None:
    peer.answer = lambda message: ("AR", control_of(message), "PID-3 unknown")
    with pytest.raises(EmrRejectedError, match="PID-3 unknown"):
        emr.submit(*a_message())
    peer.answer = lambda message: ("AE", control_of(message), "table locked")
    with pytest.raises(EmrUnclearError, match="table locked"):
        emr.submit(*a_message())
    peer.answer = lambda message: ("YES", control_of(message), "")
    with pytest.raises(EmrUnclearError):
        emr.submit(*a_message())


def test_a_message_without_an_answer_is_a_persons_unless_the_emr_drops_repeats(peer: Hl7Peer, emr: Hl7Emr) -> None:
    peer.answer = lambda _message: None
    with pytest.raises(EmrOutcomeUnknownError) as told:
        emr.submit(*a_message())
    assert isinstance(retry.decide(told.value, 1, idempotent=emr.idempotent, chance=0.5), retry.Park)
    assert isinstance(retry.decide(told.value, 1, idempotent=True, chance=0.5), retry.Again)
    peer.answer = lambda message: ("AA", control_of(message), "")
    assert emr.submit(*a_message(2))  # on a new connection


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x0bhello\x1c\r",
        b"\x0b\x1c\r",
        b"hello\x1c\r",
        b"\x0bMSH\x1c\r",
        b"\x0bMSH|^~\\&|EMR\rMSA\x1c\r",
        b"\x0bMSH|^~\\&|EMR\rMSA|AA\x1c\r",
        b"\x0b\xff\xfe\x1c\r",
        b"\x0bMSH|^~\\&|" + b"x" * 200_000 + b"\x1c\r",
    ],
    ids=["word", "empty", "unframed", "short", "no-code", "no-number", "no-text", "endless"],
)
def test_an_answer_that_is_none_leaves_the_dose_to_a_person_and_is_never_a_reason_to_send_again(
    peer: Hl7Peer, emr: Hl7Emr, rubbish: bytes
) -> None:
    peer.rubbish = rubbish
    emr._line = Line(host="127.0.0.1", port=peer.port, answer_s=0.5)
    with pytest.raises(EmrOutcomeUnknownError) as told:
        emr.submit(*a_message())
    assert isinstance(retry.decide(told.value, 1, idempotent=emr.idempotent, chance=0.5), retry.Park)
    peer.rubbish = None
    assert emr.submit(*a_message(2))


def test_a_server_that_dies_before_it_notes_the_answer_asks_a_person_and_sends_nothing_twice(
    peer: Hl7Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = EmrConfig(target="hl7v2", host="127.0.0.1", port=peer.port)
    record = CASES["given"]
    with a_store(f"sqlite:///{tmp_path / 'store.sqlite'}") as scope:
        with scope(), transaction(ACTOR) as tx:
            outbox.put(
                tx, record_id=record.record_id, cart="c01", ordering_key=record.record_id, document=mapping_record.to_document(record)
            )

        def dies(*_: object, **__: object) -> None:
            raise MemoryError("the power failed")

        with monkeypatch.context() as patched:
            patched.setattr(outbox, "mark_sent", dies)
            first = Dispatcher(open_emr(config, facility="bv1"), CONTEXT, scope=scope, form=form_of(config, facility="bv1"))
            with pytest.raises(MemoryError):
                first.drain_once()
            first.stop()
        later = datetime.now(UTC) + timedelta(hours=1)
        with scope(), transaction(ACTOR, at=later) as tx:
            assert [item.record_id for item in outbox.claim(tx, limit=5, lease_s=-7200.0)] == [record.record_id]  # its lease has run out
        second = Dispatcher(open_emr(config, facility="bv1"), CONTEXT, scope=scope, form=form_of(config, facility="bv1"))
        second.drain_once()
        with scope(), reading() as tx:
            assert [(item.state, item.last_error_code) for item in outbox.worklist(tx)] == [(outbox.PARKED, "emr-outcome-unknown")]
        assert len(peer.received) == 1
        with scope(), transaction(ACTOR) as tx:
            outbox.requeue(tx, outbox.worklist(tx)[0].id)  # a person has looked
        second.drain_once()
        second.stop()
        assert len(peer.received) == 2


def test_an_emr_that_is_away_is_waited_for_and_nothing_counts_as_sent(peer: Hl7Peer, emr: Hl7Emr) -> None:
    assert emr.submit(*a_message(9))  # it has really taken the connection that it will end
    peer.stop()
    with pytest.raises(EmrUnavailableError) as told:
        emr.submit(*a_message())
    assert not isinstance(told.value, EmrOutcomeUnknownError)
    back = Hl7Peer()
    back.port = peer.port
    back.start()
    assert emr.submit(*a_message())
    back.stop()


def test_the_outbox_goes_over_hl7_and_never_sends_the_words_of_another_emr(peer: Hl7Peer, tmp_path: Path) -> None:
    config = EmrConfig(target="hl7v2", host="127.0.0.1", port=peer.port)
    given, other = CASES["given"], an_administration(6)
    with a_store(f"sqlite:///{tmp_path / 'store.sqlite'}") as scope:
        with scope(), transaction(ACTOR) as tx:
            for record, chain in ((given, given), (CASES["correction"], given), (other, other)):
                document = mapping_record.to_document(record)
                outbox.put(tx, record_id=record.record_id, cart="c01", ordering_key=chain.record_id, document=document)
            bundle = FHIR.build(other, CONTEXT)
            outbox.keep_payload(tx, next(item.id for item in outbox.worklist(tx) if item.record_id == other.record_id), bundle)
        dispatcher = Dispatcher(open_emr(config, facility="bv1"), CONTEXT, scope=scope, form=form_of(config, facility="bv1"))
        while dispatcher.drain_once():
            pass
        dispatcher.stop()
        with scope(), reading() as tx:
            found = {item.record_id: (item.state, item.last_error_code) for item in outbox.worklist(tx)}
        assert found[other.record_id] == (outbox.PARKED, "emr-other-form")
        assert found[given.record_id][0] == found[CASES["correction"].record_id][0] == outbox.SENT
        assert [("|D|" in message, "|A|" in message) for message in peer.received] == [(False, True), (True, True)]


def test_a_withdrawal_that_came_before_its_dose_waits_for_it_and_goes_after_it(peer: Hl7Peer, tmp_path: Path) -> None:
    config = EmrConfig(target="hl7v2", host="127.0.0.1", port=peer.port)
    dose, undo = CASES["given"], CASES["withdrawal"]
    with a_store(f"sqlite:///{tmp_path / 'store.sqlite'}") as scope:

        def put(record: AdministrationRecord) -> None:
            with scope(), transaction(ACTOR) as tx:
                document = mapping_record.to_document(record)
                outbox.put(tx, record_id=record.record_id, cart="c01", ordering_key=dose.record_id, document=document)
                tx.session.execute(update(OutboxRow).values(next_attempt_at=tx.at))  # its next attempt is now

        dispatcher = Dispatcher(open_emr(config, facility="bv1"), CONTEXT, scope=scope, form=form_of(config, facility="bv1"))
        put(undo)
        dispatcher.drain_once()
        with scope(), reading() as tx:
            assert [(item.state, item.last_error_code) for item in outbox.worklist(tx)] == [(outbox.PENDING, "emr-start-missing")]
        put(dose)
        while dispatcher.drain_once():
            pass
        dispatcher.stop()
        assert [("|A|" in message, "|D|" in message) for message in peer.received] == [(True, False), (False, True)]


def test_a_dose_that_comes_while_its_withdrawal_is_in_hand_goes_before_it(
    peer: Hl7Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = EmrConfig(target="hl7v2", host="127.0.0.1", port=peer.port)
    dose, undo = CASES["given"], CASES["withdrawal"]
    with a_store(f"sqlite:///{tmp_path / 'store.sqlite'}") as scope:

        def put(record: AdministrationRecord) -> None:
            with scope(), transaction(ACTOR) as tx:
                document = mapping_record.to_document(record)
                outbox.put(tx, record_id=record.record_id, cart="c01", ordering_key=dose.record_id, document=document)

        dispatcher = Dispatcher(open_emr(config, facility="bv1"), CONTEXT, scope=scope, form=form_of(config, facility="bv1"))
        put(undo)
        claim = outbox.claim

        def claims_and_then_it_comes(tx: Transaction, *, limit: int, lease_s: float) -> tuple[outbox.OutboxItem, ...]:
            found = claim(tx, limit=limit, lease_s=lease_s)
            document = mapping_record.to_document(dose)
            outbox.put(tx, record_id=dose.record_id, cart="c01", ordering_key=dose.record_id, document=document)
            return found

        with monkeypatch.context() as patched:
            patched.setattr(outbox, "claim", claims_and_then_it_comes)
            dispatcher.drain_once()
        assert peer.received == [], "what it withdraws has not been sent"
        with scope(), transaction(ACTOR) as tx:
            tx.session.execute(update(OutboxRow).values(next_attempt_at=tx.at))
        while dispatcher.drain_once():
            pass
        dispatcher.stop()
        assert [("|A|" in message, "|D|" in message) for message in peer.received] == [(True, False), (False, True)]
