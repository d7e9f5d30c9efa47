"""Exactly once, with everything going wrong at the same time: answers lost, the EMR killed, two workers, one dying, poison."""

from __future__ import annotations

import json
import random
import threading
from pathlib import Path

from pointofcare.errors import EmrRejectedError
from server.emr.dispatcher import ACTOR, Dispatcher
from server.emr.fhir import FhirEmr
from server.store import mapping_record, outbox
from server.store.tables import OutboxRow
from server.store.transaction import reading, transaction
from simulation import emr_peer
from tests.support.emr import ADMINISTRATION, CONTEXT, LossyProxy, a_store, an_administration
from tests.support.sekmet import restarted, stored

RECORDS = 60
POISON = {"resourceType": "OperationOutcome", "issue": [{"code": "value", "expression": ["Bundle.entry[0]"], "diagnostics": "poison"}]}
SICK = {"resourceType": "OperationOutcome", "issue": [{"code": "invalid", "diagnostics": "connect ECONNREFUSED"}]}


class _DiedError(BaseException):
    """As by kill -9: nothing catches it."""


def test_every_dose_reaches_the_emr_exactly_once_through_a_storm(tmp_path: Path) -> None:
    dice = random.Random(7)
    records = [an_administration(1000 + number, mrn=f"24-{number:06d}") for number in range(RECORDS)]
    running = emr_peer.start(tmp_path / "emr")
    proxy = LossyProxy(running.base_url)
    with a_store(f"sqlite:///{tmp_path / 'store.sqlite'}") as scope:
        with scope(), transaction(ACTOR) as tx:
            for record in records:
                document = mapping_record.to_document(record)
                outbox.put(tx, record_id=record.record_id, cart="c01", ordering_key=record.record_id, document=document)
        targets = [FhirEmr(proxy.base_url, identifier_system=ADMINISTRATION, timeout_s=5.0) for _ in range(2)]
        workers = [Dispatcher(target, CONTEXT, scope=scope, chance=lambda: 0.0) for target in targets]
        proxy.refused[records[5].record_id.encode()] = json.dumps(POISON).encode()

        def one_round(worker: Dispatcher) -> None:
            try:
                worker.drain_once()
            except _DiedError:
                return

        for turn in range(40):
            faults: list[object] = [
                dice.choice([None, None, None, "lose-answer", "busy", ("answer", 400, json.dumps(SICK).encode())]) for _ in range(16)
            ]
            proxy.faults.extend(faults)
            if turn == 3:
                running.kill()
            if turn == 5:
                running = restarted(running)
            threads = [threading.Thread(target=one_round, args=(worker,)) for worker in workers]
            for thread in threads:
                thread.start()
            if turn == 2:
                _die_between_answer_and_commit(workers[0])
            for thread in threads:
                thread.join(60)
            proxy.faults.clear()
            with scope(), transaction(ACTOR) as tx:
                left = 0
                for row in tx.session.query(OutboxRow).filter(OutboxRow.state == outbox.PENDING):
                    row.next_attempt_at, row.claimed_until = tx.at, None
                    left += 1
            if not left:
                break
        with scope(), reading() as tx:
            items = outbox.worklist(tx, limit=RECORDS)
        for target in targets:
            target.close()
    parked = [item for item in items if item.state == outbox.PARKED]
    told = [(item.record_id, item.last_error_code) for item in parked]
    assert told == [(records[5].record_id, EmrRejectedError.code)], "only the poison may be left to a person"
    held = stored(running, "MedicationAdministration", "status=completed")
    found = sorted(identifier["value"] for resource in held for identifier in resource["identifier"])
    assert found == sorted(item.record_id for item in items if item.state == outbox.SENT)
    assert len(found) == RECORDS - 1
    assert len(stored(running, "Provenance", "")) == RECORDS - 1
    proxy.close()
    running.stop()


def _die_between_answer_and_commit(worker: Dispatcher) -> None:
    """The next row that this worker sends is taken by the EMR and never marked here."""
    submit = worker._emr.submit

    def once(payload: bytes, record_id: str) -> object:
        worker._emr.submit = submit  # type: ignore[method-assign]
        submit(payload, record_id)
        raise _DiedError

    worker._emr.submit = once  # type: ignore[method-assign, assignment]
