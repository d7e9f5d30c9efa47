"""The FHIR target against a real server: answers lost, the server killed, the sender killed, replays."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import EmrOutcomeUnknownError, EmrRejectedError, EmrUnavailableError
from server.emr import retry
from server.emr.dispatcher import ACTOR, Dispatcher
from server.emr.fhir import FhirEmr
from server.emr.fhir_mapping import to_bundle, to_bytes
from server.emr.port import Accepted, EmrUnclearError
from server.store import mapping_record, outbox
from server.store.tables import OutboxRow
from server.store.transaction import Transaction, reading, transaction
from simulation.emr_peer import RunningEmr
from tests.support.emr import ADMINISTRATION, CONTEXT, LossyProxy, a_store, an_administration
from tests.support.sekmet import restarted, sekmet, stored

__all__ = ["sekmet"]

Scope = Callable[[], AbstractContextManager[object]]


@pytest.fixture
def proxy(sekmet: RunningEmr) -> Iterator[LossyProxy]:
    running = LossyProxy(sekmet.base_url)
    yield running
    running.close()


@pytest.fixture
def scope(tmp_path: Path) -> Iterator[Scope]:
    with a_store(f"sqlite:///{tmp_path / 'store.sqlite'}") as opened:
        yield opened


@pytest.fixture
def emr_at() -> Iterator[Callable[[str], FhirEmr]]:
    """Opens targets, and closes them after the test."""
    opened: list[FhirEmr] = []

    def at(base_url: str) -> FhirEmr:
        opened.append(FhirEmr(base_url, identifier_system=ADMINISTRATION, timeout_s=5.0))
        return opened[-1]

    yield at
    for emr in opened:
        emr.close()


@pytest.fixture
def dispatcher_to(scope: Scope, emr_at: Callable[[str], FhirEmr]) -> Callable[[str], Dispatcher]:
    return lambda base_url: Dispatcher(emr_at(base_url), CONTEXT, scope=scope, chance=lambda: 0.0)


def _put(scope: Scope, *records: AdministrationRecord) -> None:
    with scope(), transaction(ACTOR) as tx:
        for record in records:
            key = outbox.chain_of(tx, record.amends) if record.amends else record.record_id
            outbox.put(tx, record_id=record.record_id, cart=record.cart, ordering_key=key, document=mapping_record.to_document(record))


def _row(scope: Scope, record: AdministrationRecord) -> outbox.OutboxItem:
    with scope(), reading() as tx:
        item = outbox.of_record(tx, record.record_id)
    assert item is not None
    return item


def _all_due(scope: Scope) -> None:
    """The waiting time of every row is over, and a dead worker's claim has lapsed."""
    with scope(), transaction(ACTOR) as tx:
        for row in tx.session.query(OutboxRow):
            row.next_attempt_at = tx.at
            row.claimed_until = None


def _held(sekmet: RunningEmr, record: AdministrationRecord) -> list[dict]:
    return stored(sekmet, "MedicationAdministration", f"identifier={ADMINISTRATION}|{record.record_id}")


def test_a_dose_lands_once_with_its_provenance_and_is_settled(
    sekmet: RunningEmr, scope: Scope, dispatcher_to: Callable[[str], Dispatcher]
) -> None:
    record = an_administration(201)
    _put(scope, record)
    dispatcher = dispatcher_to(sekmet.base_url)
    assert dispatcher.drain_once() == 1
    (resource,) = _held(sekmet, record)
    row = _row(scope, record)
    assert (row.state, row.emr_id, row.emr_version) == ("sent", f"MedicationAdministration/{resource['id']}", "1")
    provenances = stored(sekmet, "Provenance", f"target=MedicationAdministration/{resource['id']}")
    assert len(provenances) == 1
    assert dispatcher.state.sent == 1


def test_an_answer_lost_after_the_work_was_done_leaves_one_resource(
    sekmet: RunningEmr, proxy: LossyProxy, scope: Scope, dispatcher_to: Callable[[str], Dispatcher]
) -> None:
    record = an_administration(202)
    _put(scope, record)
    proxy.faults.append("lose-answer")
    dispatcher = dispatcher_to(proxy.base_url)
    dispatcher.drain_once()
    waiting = _row(scope, record)
    assert (waiting.state, waiting.last_error_code) == ("pending", EmrOutcomeUnknownError.code)
    assert len(_held(sekmet, record)) == 1
    _all_due(scope)
    dispatcher.drain_once()
    sent = _row(scope, record)
    assert sent.state == "sent"
    assert sent.payload == waiting.payload
    assert len(_held(sekmet, record)) == 1


def test_the_sender_dies_between_the_answer_and_its_own_commit(
    sekmet: RunningEmr, scope: Scope, monkeypatch: pytest.MonkeyPatch, dispatcher_to: Callable[[str], Dispatcher]
) -> None:
    record = an_administration(203)
    _put(scope, record)

    class _PowerLostError(BaseException):
        """Not an Exception: nothing may catch it."""

    def die(*_: object, **__: object) -> None:
        raise _PowerLostError

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "mark_sent", die)
        with pytest.raises(_PowerLostError):
            dispatcher_to(sekmet.base_url).drain_once()
    assert len(_held(sekmet, record)) == 1
    assert _row(scope, record).state == "pending"
    assert dispatcher_to(sekmet.base_url).drain_once() == 0, "the dead worker's claim still stands"
    _all_due(scope)
    dispatcher_to(sekmet.base_url).drain_once()
    assert _row(scope, record).state == "sent"
    assert len(_held(sekmet, record)) == 1


def test_an_emr_killed_and_started_again_gets_every_dose_once(
    scope: Scope, tmp_path: Path, dispatcher_to: Callable[[str], Dispatcher]
) -> None:
    from simulation import emr_peer

    records = [an_administration(210 + n) for n in range(4)]
    running = emr_peer.start(tmp_path / "emr")
    try:
        _put(scope, *records[:2])
        dispatcher = dispatcher_to(running.base_url)
        dispatcher.drain_once()
        running.kill()
        _put(scope, *records[2:])
        dispatcher.drain_once()
        assert {_row(scope, record).last_error_code for record in records[2:]} == {EmrUnavailableError.code}
        running = restarted(running)
        _all_due(scope)
        dispatcher.drain_once()
        assert [_row(scope, record).state for record in records] == ["sent"] * 4
        assert [len(_held(running, record)) for record in records] == [1] * 4
    finally:
        running.stop()


def test_a_correction_waits_for_what_it_corrects_and_other_patients_do_not(
    sekmet: RunningEmr, proxy: LossyProxy, scope: Scope, dispatcher_to: Callable[[str], Dispatcher]
) -> None:
    first = an_administration(220)
    correction = an_administration(221, amends=first.record_id, status_reason="wrong-dose-charted")
    other = an_administration(222, mrn="24-000999", patient="P9")
    _put(scope, first, correction, other)
    proxy.faults.append("busy")
    dispatcher = dispatcher_to(proxy.base_url)
    dispatcher.drain_once()
    assert [_row(scope, r).state for r in (first, correction, other)] == ["pending", "pending", "sent"]
    _all_due(scope)
    dispatcher.drain_once()
    dispatcher.drain_once()
    assert _row(scope, correction).state == "sent"
    assert [r["status"] for r in _held(sekmet, first)] == ["entered-in-error"]
    assert [r["status"] for r in _held(sekmet, correction)] == ["completed"]


def test_two_workers_send_everybody_else_while_one_answer_does_not_come(
    sekmet: RunningEmr, scope: Scope, emr_at: Callable[[str], FhirEmr], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, others = an_administration(2225, patient="P1"), [an_administration(2226 + n, patient=f"P{2 + n}") for n in range(5)]
    _put(scope, slow, *others)
    stuck, goes_on = emr_at(sekmet.base_url), threading.Event()
    is_stuck, submit = threading.Event(), stuck.submit

    def hangs(payload: bytes, record_id: str) -> Accepted:
        is_stuck.set()
        assert goes_on.wait(30)
        return submit(payload, record_id)

    monkeypatch.setattr(stuck, "submit", hangs)
    first, second = (Dispatcher(emr, CONTEXT, scope=scope, batch=1) for emr in (stuck, emr_at(sekmet.base_url)))
    worker = threading.Thread(target=first.drain_once)
    worker.start()
    assert is_stuck.wait(30)
    while second.drain_once():
        pass
    assert _row(scope, slow).state == "pending"
    assert [_row(scope, one).state for one in others] == ["sent"] * 5
    goes_on.set()
    worker.join(30)
    assert _row(scope, slow).state == "sent"


def test_a_yes_with_a_no_inside_is_no_yes(proxy: LossyProxy, emr_at: Callable[[str], FhirEmr]) -> None:
    record = an_administration(2235)
    payload = to_bytes(to_bundle(record, CONTEXT))
    issue = {"code": "required", "expression": ["Provenance.agent"], "diagnostics": "no agent"}
    refused = {"response": {"status": "400", "outcome": {"resourceType": "OperationOutcome", "issue": [issue]}}}
    taken = {"response": {"status": "201 Created", "location": "MedicationAdministration/1/_history/1"}}
    body = {"resourceType": "Bundle", "type": "transaction-response", "entry": [taken, refused]}
    proxy.faults.append(("answer", 200, json.dumps(body).encode()))
    with pytest.raises(EmrRejectedError, match="no agent"):
        emr_at(proxy.base_url).submit(payload, record.record_id)


def test_a_yes_about_another_record_is_an_alarm(proxy: LossyProxy, emr_at: Callable[[str], FhirEmr]) -> None:
    record = an_administration(2236)
    bundle = to_bundle(record, CONTEXT)
    other = {**json.loads(to_bytes(bundle))["entry"][0]["resource"], "id": "1"}
    other["identifier"] = [{"system": ADMINISTRATION, "value": an_administration(2237).record_id}]
    told = {"response": {"status": "200", "location": "MedicationAdministration/1"}, "resource": other}
    body = {"resourceType": "Bundle", "type": "transaction-response", "entry": [told, {"response": {"status": "201"}}]}
    proxy.faults.append(("answer", 200, json.dumps(body).encode()))
    with pytest.raises(EmrRejectedError, match="another identifier or patient"):
        emr_at(proxy.base_url).submit(to_bytes(bundle), record.record_id)


def test_a_withdrawn_dose_is_one_resource_found_by_both_records(
    sekmet: RunningEmr, scope: Scope, dispatcher_to: Callable[[str], Dispatcher]
) -> None:
    first = an_administration(225)
    withdrawal = an_administration(226, amends=first.record_id, status="entered-in-error", status_reason="wrong-patient-charted")
    _put(scope, first, withdrawal)
    dispatcher = dispatcher_to(sekmet.base_url)
    dispatcher.drain_once()
    dispatcher.drain_once()
    assert _row(scope, withdrawal).state == "sent"
    assert [r["id"] for r in _held(sekmet, first)] == [r["id"] for r in _held(sekmet, withdrawal)]
    assert _held(sekmet, first)[0]["status"] == "entered-in-error"


def test_transient_400s_of_a_sick_database_park_nothing(
    sekmet: RunningEmr, proxy: LossyProxy, scope: Scope, dispatcher_to: Callable[[str], Dispatcher]
) -> None:
    record = an_administration(230)
    _put(scope, record)
    sick = {"resourceType": "OperationOutcome", "issue": [{"code": "invalid", "diagnostics": "connect ECONNREFUSED"}]}
    proxy.faults.extend([("answer", 400, json.dumps(sick).encode())] * 5)
    dispatcher = dispatcher_to(proxy.base_url)
    for _ in range(6):
        _all_due(scope)
        dispatcher.drain_once()
    assert _row(scope, record).state == "sent"


def test_a_long_outage_does_not_use_up_the_patience_for_an_unclear_answer(
    proxy: LossyProxy, scope: Scope, dispatcher_to: Callable[[str], Dispatcher]
) -> None:
    record = an_administration(231)
    _put(scope, record)
    proxy.faults.extend(["busy"] * (retry.UNCLEAR_ATTEMPTS + 3))
    proxy.faults.append(("answer", 400, b""))
    dispatcher = dispatcher_to(proxy.base_url)
    for _ in range(retry.UNCLEAR_ATTEMPTS + 5):
        _all_due(scope)
        dispatcher.drain_once()
    assert _row(scope, record).state == "sent"


def test_an_emr_that_is_away_for_a_day_gets_everything_afterwards_in_order_and_once(
    sekmet: RunningEmr, proxy: LossyProxy, scope: Scope, monkeypatch: pytest.MonkeyPatch, dispatcher_to: Callable[[str], Dispatcher]
) -> None:
    """The day is made up: every waiting time is over at once, and the rows are given its age."""
    day = [an_administration(600 + number) for number in range(10)]
    corrected = replace(
        day[3],
        record_id=an_administration(620).record_id,
        amends=day[3].record_id,
        status="entered-in-error",
        status_reason="wrong-patient-charted",
    )
    _put(scope, *day, corrected)
    proxy.faults.extend(["busy"] * 10_000)
    dispatcher = dispatcher_to(proxy.base_url)
    for _ in range(12):
        _all_due(scope)
        dispatcher.drain_once()
    with scope(), transaction(ACTOR) as tx:
        for row in tx.session.query(OutboxRow):
            row.created_at -= timedelta(hours=25)
    with scope(), reading() as tx:
        left = outbox.waiting(tx)
        assert (left.pending, left.parked) == (11, 0)
        assert left.oldest_pending_at is not None
        assert tx.at - left.oldest_pending_at > timedelta(hours=24)
    sent: list[int] = []
    mark = outbox.mark_sent

    def marked(tx: Transaction, item: int, **how: object) -> None:
        sent.append(item)
        mark(tx, item, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(outbox, "mark_sent", marked)
    proxy.faults.clear()
    for _ in range(5):
        _all_due(scope)
        dispatcher.drain_once()
    assert [_row(scope, one).state for one in (*day, corrected)] == ["sent"] * 11
    assert sent == sorted(sent), "as they were recorded"
    assert [len(_held(sekmet, one)) for one in day] == [1] * 10


def test_poison_is_parked_with_its_reason_and_goes_after_requeue(
    sekmet: RunningEmr, proxy: LossyProxy, scope: Scope, dispatcher_to: Callable[[str], Dispatcher]
) -> None:
    record, other = an_administration(232), an_administration(233)
    _put(scope, record, other)
    outcome = {"resourceType": "OperationOutcome", "issue": [{"code": "required", "expression": ["Bundle.entry[0]"], "diagnostics": "no"}]}
    proxy.faults.append(("answer", 400, json.dumps(outcome).encode()))
    dispatcher = dispatcher_to(proxy.base_url)
    dispatcher.drain_once()
    parked = _row(scope, record)
    assert (parked.state, parked.last_error_code) == ("parked", EmrRejectedError.code)
    assert "no" in (parked.last_error or "")
    assert _row(scope, other).state == "sent"
    with scope(), transaction(ACTOR) as tx:
        outbox.requeue(tx, parked.id)
    dispatcher.drain_once()
    assert _row(scope, record).state == "sent"
    assert len(_held(sekmet, record)) == 1


def test_a_bundle_that_fails_our_gate_is_parked_and_never_sent(
    sekmet: RunningEmr, proxy: LossyProxy, scope: Scope, dispatcher_to: Callable[[str], Dispatcher]
) -> None:
    record = an_administration(234, mrn="")
    _put(scope, record)
    dispatcher_to(proxy.base_url).drain_once()
    row = _row(scope, record)
    assert (row.state, row.last_error_code, row.payload) == ("parked", "emr-bundle-invalid", None)
    assert proxy.posts == 0


def test_an_answer_about_another_patient_is_an_alarm_not_a_success(proxy: LossyProxy, emr_at: Callable[[str], FhirEmr]) -> None:
    record = an_administration(235)
    payload = to_bytes(to_bundle(record, CONTEXT))
    entries = [{"response": {"status": "200"}, "resource": entry["resource"]} for entry in json.loads(payload)["entry"]]
    entries[0]["resource"]["subject"]["identifier"]["value"] = "24-000666"
    proxy.faults.append(("answer", 200, json.dumps({"resourceType": "Bundle", "entry": entries}).encode()))
    with pytest.raises(EmrRejectedError):
        emr_at(proxy.base_url).submit(payload, record.record_id)


@pytest.mark.parametrize("body", [b"<html>sign in to the hotel network</html>", b"{}", b'{"entry": []}'])
def test_a_success_that_is_not_fhir_is_not_a_success(proxy: LossyProxy, body: bytes, emr_at: Callable[[str], FhirEmr]) -> None:
    proxy.faults.append(("answer", 200, body))
    with pytest.raises(EmrUnclearError):
        emr_at(proxy.base_url).submit(to_bytes(to_bundle(an_administration(236), CONTEXT)), an_administration(236).record_id)


def test_minimal_answers_with_relative_locations_are_read(proxy: LossyProxy, emr_at: Callable[[str], FhirEmr]) -> None:
    record = an_administration(237)
    payload = to_bytes(to_bundle(record, CONTEXT))
    entries = [{"response": {"status": "201", "location": "MedicationAdministration/77/_history/3"}} for _ in json.loads(payload)["entry"]]
    proxy.faults.append(("answer", 200, json.dumps({"resourceType": "Bundle", "entry": entries}).encode()))
    accepted = emr_at(proxy.base_url).submit(payload, record.record_id)
    assert (accepted.emr_id, accepted.version, accepted.replayed) == ("MedicationAdministration/77", "3", False)


def test_two_resources_with_one_identifier_are_an_alarm(sekmet: RunningEmr, emr_at: Callable[[str], FhirEmr]) -> None:
    record = an_administration(238)
    resource = to_bundle(record, CONTEXT)["entry"][0]["resource"]
    for _ in range(2):
        httpx.post(f"{sekmet.base_url}/MedicationAdministration", json=resource, trust_env=False).raise_for_status()
    emr = emr_at(sekmet.base_url)
    with pytest.raises(EmrRejectedError):
        emr.read_back(record.record_id)
    with pytest.raises(EmrRejectedError):
        emr.submit(to_bytes(to_bundle(record, CONTEXT)), record.record_id)


def test_nobody_listening_means_unavailable(emr_at: Callable[[str], FhirEmr]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}/fhir"
    emr = emr_at(address)
    with pytest.raises(EmrUnavailableError):
        emr.check()
    with pytest.raises(EmrUnavailableError):
        emr.submit(to_bytes(to_bundle(an_administration(), CONTEXT)), an_administration().record_id)


def test_a_server_of_another_kind_is_refused_before_anything_is_sent(
    proxy: LossyProxy, scope: Scope, monkeypatch: pytest.MonkeyPatch, emr_at: Callable[[str], FhirEmr]
) -> None:
    record = an_administration(239)
    _put(scope, record)
    emr = emr_at(proxy.base_url)
    monkeypatch.setattr(emr, "_get", lambda _url: {"resourceType": "CapabilityStatement", "fhirVersion": "5.0.0"})
    dispatcher = Dispatcher(emr, CONTEXT, scope=scope)
    assert dispatcher.drain_once() == 0
    assert "FHIR R4" in dispatcher.state.fault
    assert (_row(scope, record).state, proxy.posts) == ("pending", 0)


def test_the_dispatcher_thread_sends_when_woken_and_stops(sekmet: RunningEmr, scope: Scope, emr_at: Callable[[str], FhirEmr]) -> None:
    import threading

    settled = threading.Event()
    record = an_administration(240)
    dispatcher = Dispatcher(emr_at(sekmet.base_url), CONTEXT, scope=scope, settled=settled.set, idle_s=30.0)
    dispatcher.start()
    _put(scope, record)
    dispatcher.wake()
    assert settled.wait(10)
    dispatcher.stop()
    assert not dispatcher.state.running
    assert _row(scope, record).state == "sent"
