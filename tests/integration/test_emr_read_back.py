"""Looking back: what the EMR said that it took is really there, exactly once; and what is told beside doses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import EmrError, EmrRejectedError
from server.emr import fhir_mapping
from server.emr.dispatcher import ACTOR, Dispatcher
from server.emr.fhir import FhirEmr
from server.emr.mllp import Hl7Emr, Line
from server.emr.port import EmrUnclearError
from server.emr.read_back import ReadBack
from server.store import beside, mapping_record, outbox
from server.store.tables import OutboxRow
from server.store.transaction import reading, transaction
from simulation.emr_peer import RunningEmr
from tests.support.emr import ADMINISTRATION, CONTEXT, SITE, a_store, an_administration
from tests.support.emr_bundles import a_blocked
from tests.support.sekmet import sekmet, stored

__all__ = ["sekmet"]

Scope = Callable[[], AbstractContextManager[object]]


def later() -> datetime:
    """Five minutes from now, whenever that is: a suite may take longer than that."""
    return datetime.now(UTC) + timedelta(minutes=5)


@pytest.fixture
def scope(tmp_path: Path) -> Iterator[Scope]:
    with a_store(f"sqlite:///{tmp_path / 'store.sqlite'}") as opened:
        yield opened


@pytest.fixture
def emr(sekmet: RunningEmr) -> Iterator[FhirEmr]:
    opened = FhirEmr(sekmet.base_url, identifier_system=ADMINISTRATION, timeout_s=5.0)
    yield opened
    opened.close()


def _put(scope: Scope, *records: AdministrationRecord) -> None:
    with scope(), transaction(ACTOR) as tx:
        for record in records:
            key = outbox.chain_of(tx, record.amends) if record.amends else record.record_id
            outbox.put(tx, record_id=record.record_id, cart=record.cart, ordering_key=key, document=mapping_record.to_document(record))


def _deliver(scope: Scope, emr: FhirEmr) -> None:
    dispatcher = Dispatcher(emr, CONTEXT, scope=scope)
    while dispatcher.drain_once():
        pass


def _row(scope: Scope, record: AdministrationRecord) -> outbox.OutboxItem:
    with scope(), reading() as tx:
        item = outbox.of_record(tx, record.record_id)
    assert item is not None
    return item


def _look(scope: Scope, looks: ReadBack) -> bool:
    with scope():
        return looks.once()


def _looking(emr: FhirEmr | Hl7Emr, **changes: object) -> ReadBack:
    """Five minutes later, and without a pace."""
    return ReadBack(emr, **{"per_minute": 60_000_000, "now": later, **changes})  # type: ignore[arg-type]


def _removed(sekmet: RunningEmr, record: AdministrationRecord) -> None:
    (held,) = stored(sekmet, "MedicationAdministration", f"identifier={ADMINISTRATION}|{record.record_id}")
    httpx.delete(f"{sekmet.base_url}/MedicationAdministration/{held['id']}", trust_env=False).raise_for_status()


def test_what_is_there_once_is_asked_about_once(sekmet: RunningEmr, scope: Scope, emr: FhirEmr) -> None:
    record = an_administration(2001)
    _put(scope, record)
    _deliver(scope, emr)
    looks = _looking(emr)
    assert [_look(scope, looks) for _ in range(3)] == [False, False, False]
    assert (looks.looked, looks.missing, looks.several) == (1, 0, 0)
    assert _row(scope, record).state == outbox.SENT


def test_what_the_emr_lost_is_sent_again_with_everything_after_it(sekmet: RunningEmr, scope: Scope, emr: FhirEmr) -> None:
    first = an_administration(2010)
    correction = an_administration(2011, amends=first.record_id, status_reason="wrong-dose-charted")
    _put(scope, first, correction)
    _deliver(scope, emr)
    _removed(sekmet, first)
    looks = _looking(emr)
    assert _look(scope, looks), "there is something to send"
    assert [_row(scope, one).state for one in (first, correction)] == ["pending", "pending"]
    _deliver(scope, emr)
    held = [stored(sekmet, "MedicationAdministration", f"identifier={ADMINISTRATION}|{one.record_id}") for one in (first, correction)]
    assert [[one["status"] for one in found] for found in held] == [["entered-in-error"], ["completed"]]
    assert not _look(scope, looks)
    assert looks.missing == 1


def test_what_is_lost_again_is_left_to_a_person_and_the_dose_stands(sekmet: RunningEmr, scope: Scope, emr: FhirEmr) -> None:
    record = an_administration(2020)
    _put(scope, record)
    looks = _looking(emr)
    for _ in range(2):
        _deliver(scope, emr)
        _removed(sekmet, record)
        _look(scope, looks)
    row = _row(scope, record)
    assert (row.state, row.last_error_code) == (outbox.PARKED, outbox.MISSING)
    with scope(), transaction(ACTOR) as tx:
        outbox.requeue(tx, row.id)
    _deliver(scope, emr)
    assert _row(scope, record).state == outbox.SENT


def test_what_is_there_twice_is_an_alarm(sekmet: RunningEmr, scope: Scope, emr: FhirEmr) -> None:
    record = an_administration(2030)
    _put(scope, record)
    _deliver(scope, emr)
    second = fhir_mapping.administration(record, CONTEXT)
    httpx.post(f"{sekmet.base_url}/MedicationAdministration", json=second, trust_env=False).raise_for_status()
    looks = _looking(emr)
    _look(scope, looks)
    row = _row(scope, record)
    assert (row.state, row.last_error_code, looks.several) == (outbox.PARKED, outbox.SEVERAL, 1)
    with scope(), reading() as tx:
        assert outbox.untold(tx) == () or all(item.record_id != record.record_id or item.state == "sent" for item in outbox.untold(tx))


def test_it_asks_at_its_pace_however_much_was_sent(sekmet: RunningEmr, scope: Scope, emr: FhirEmr) -> None:
    _put(scope, *(an_administration(2040 + number) for number in range(6)))
    _deliver(scope, emr)
    now = [100.0]
    looks = _looking(emr, per_minute=30, clock=lambda: now[0])
    for _ in range(100):  # ten seconds, ten looks a second
        _look(scope, looks)
        now[0] += 0.1
    assert looks.looked == 5
    never = _looking(emr, per_minute=0)
    _look(scope, never)
    assert never.looked == 0


def test_what_was_sent_a_moment_ago_or_long_ago_is_not_asked_about(sekmet: RunningEmr, scope: Scope, emr: FhirEmr) -> None:
    _put(scope, an_administration(2050))
    _deliver(scope, emr)
    for when in (datetime.now(UTC), datetime.now(UTC) + timedelta(days=2)):
        looks = _looking(emr, now=lambda when=when: when)
        _look(scope, looks)
        assert looks.looked == 0


def test_an_emr_that_is_away_changes_nothing_and_is_asked_again_later(scope: Scope, sekmet: RunningEmr, emr: FhirEmr) -> None:
    record = an_administration(2060)
    _put(scope, record)
    _deliver(scope, emr)
    away = FhirEmr("http://127.0.0.1:9/fhir", identifier_system=ADMINISTRATION, timeout_s=1.0)
    now = [0.0]
    looks = _looking(away, clock=lambda: now[0])
    _look(scope, looks)
    _look(scope, looks)
    assert looks.looked == 0
    assert _row(scope, record).state == outbox.SENT
    away.close()


def test_one_without_an_answer_keeps_no_other_from_being_asked_about(
    scope: Scope, sekmet: RunningEmr, emr: FhirEmr, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = an_administration(2065), an_administration(2066)
    _put(scope, first, second)
    _deliver(scope, emr)
    read_back = emr.read_back

    def refuses_the_first(record_id: str) -> object:
        if record_id == first.record_id:
            raise EmrRejectedError("no")
        return read_back(record_id)

    monkeypatch.setattr(emr, "read_back", refuses_the_first)
    now = [0.0]
    looks = _looking(emr, clock=lambda: now[0])
    for _ in range(4):
        _look(scope, looks)
        now[0] += 100.0
    assert looks.looked == 1
    assert {_row(scope, one).state for one in (first, second)} == {outbox.SENT}


def test_an_answer_that_breaks_this_program_keeps_no_other_from_being_asked_about(scope: Scope) -> None:
    first, second = an_administration(2067), an_administration(2068)
    _put(scope, first, second)
    with scope(), transaction(ACTOR) as tx:
        for item in outbox.claim(tx, limit=2, lease_s=60):
            outbox.mark_sent(tx, item.id, emr_id="MedicationAdministration/1")
    asked: list[str] = []

    class Odd:
        name, idempotent = "odd", True

        def read_back(self, record_id: str) -> object:
            asked.append(record_id)
            if record_id == first.record_id:
                raise TypeError("'int' object is not subscriptable")
            return {"id": "1"}

    now = [0.0]
    looks = _looking(Odd(), clock=lambda: now[0])  # type: ignore[arg-type]
    for _ in range(4):
        _look(scope, looks)
        now[0] += 100.0
    assert set(asked) == {first.record_id, second.record_id}
    assert looks.looked == 1
    assert {_row(scope, one).state for one in (first, second)} == {outbox.SENT}


class _Lists(Protocol):
    def __call__(self, *kinds: str, held: str = "", trouble: int = 404) -> FhirEmr: ...


@pytest.fixture
def listing(emr: FhirEmr, monkeypatch: pytest.MonkeyPatch) -> _Lists:
    """An EMR that lists `kinds` and answers the search of any other with `trouble`; `held` is the kind that it holds something of."""

    def made(*kinds: str, held: str = "", trouble: int = 404) -> FhirEmr:
        statement = {
            "fhirVersion": "4.0.1",
            "rest": [{"mode": "server", "interaction": [{"code": "transaction"}], "resource": [{"type": kind} for kind in kinds]}],
        }

        def answer(request: httpx.Request) -> httpx.Response:
            kind = request.url.path.rpartition("/")[2]
            if kind == "metadata":
                return httpx.Response(200, json=statement)
            if kind == held:
                value = request.url.params["identifier"].rpartition("|")[2]
                resource = {"resourceType": kind, "id": "1", "identifier": [{"system": ADMINISTRATION, "value": value}]}
                return httpx.Response(200, json={"resourceType": "Bundle", "entry": [{"resource": resource}]})
            return httpx.Response(200 if kind in kinds else trouble, json={"resourceType": "Bundle"})

        monkeypatch.setattr(emr, "_http", httpx.Client(transport=httpx.MockTransport(answer)))
        emr.check()
        return emr

    return made


def test_a_dose_is_missed_in_an_emr_that_knows_neither_procedures_nor_observations(listing: _Lists) -> None:
    for trouble in (404, 403, 400):
        assert listing("MedicationAdministration", trouble=trouble).read_back("r1") is None


def test_what_an_emr_holds_of_a_kind_that_it_does_not_list_is_found_all_the_same(listing: _Lists) -> None:
    found = listing("MedicationAdministration", held="Observation").read_back("r1")
    assert found is not None
    assert found["resourceType"] == "Observation"


def test_an_emr_that_is_away_or_says_no_to_a_kind_that_it_lists_has_lost_nothing(listing: _Lists) -> None:
    for trouble in (503, 401, 500):
        with pytest.raises(EmrError):
            listing("MedicationAdministration", trouble=trouble).read_back("r1")
    emr = listing("MedicationAdministration")
    emr._kinds = frozenset({"MedicationAdministration", "Procedure"})
    with pytest.raises(EmrUnclearError):
        emr.read_back("r1")


def test_an_emr_that_cannot_be_asked_is_never_taken_for_one_that_lost_it(scope: Scope, sekmet: RunningEmr, emr: FhirEmr) -> None:
    record = an_administration(2070)
    _put(scope, record)
    _deliver(scope, emr)
    deaf = Hl7Emr(Line(host="127.0.0.1", port=9))
    looks = _looking(deaf)
    _look(scope, looks)
    _look(scope, looks)
    assert (looks.looked, looks.missing) == (0, 0)
    assert _row(scope, record).state == outbox.SENT
    deaf.close()


def test_each_cart_is_made_known_once_and_found_by_its_identifier(sekmet: RunningEmr, scope: Scope, emr: FhirEmr) -> None:
    for number in (2080, 2081):
        _put(scope, an_administration(number, cart="c-2080"))
        dispatcher = Dispatcher(emr, CONTEXT, scope=scope, tells_carts=True)
        while dispatcher.drain_once():
            pass
    (device,) = stored(sekmet, "Device", f"identifier={SITE}/sid/cart|c-2080")
    (dose,) = stored(sekmet, "MedicationAdministration", f"identifier={ADMINISTRATION}|{an_administration(2080).record_id}")
    assert dose["device"][0]["identifier"] in device["identifier"]
    with scope(), reading() as tx:
        assert {item.state for item in outbox.worklist(tx)} == {"sent"}
        assert {item.kind for item in outbox.untold(tx)} == {"administration"}, "no cart waits to hear of itself"


def _blocked(number: int, **changes: object) -> beside.Blocked:
    return a_blocked(record_id=an_administration(number).record_id, **changes)


def _put_blocked(scope: Scope, *several: beside.Blocked) -> None:
    with scope(), transaction(ACTOR) as tx:
        for one in several:
            document = beside.blocked_document(one)
            outbox.put(tx, kind=outbox.BLOCKED, record_id=one.record_id, cart=one.cart, ordering_key=one.record_id, document=document)


def test_a_stopped_dose_is_an_event_and_an_issue_and_never_a_dose(sekmet: RunningEmr, scope: Scope, emr: FhirEmr) -> None:
    known, nobody = _blocked(2090), _blocked(2091, patient="", mrn="", order=None, nurse="")
    before = len(stored(sekmet, "MedicationAdministration", ""))
    _put_blocked(scope, known, nobody)
    _deliver(scope, emr)
    with scope(), transaction(ACTOR) as tx:
        for row in tx.session.query(OutboxRow):
            row.state = outbox.PENDING  # as if every answer had been lost
    _deliver(scope, emr)
    events = [stored(sekmet, "AuditEvent", f"_tag={SITE}/sid/event|{one.record_id}.au") for one in (known, nobody)]
    assert [[(event["action"], event["outcome"]) for event in found] for found in events] == [[("E", "8")], [("E", "8")]]
    issues = [stored(sekmet, "DetectedIssue", f"_tag={SITE}/sid/event|{one.record_id}.bl") for one in (known, nobody)]
    assert [len(found) for found in issues] == [1, 0]
    assert issues[0][0]["severity"] == "high"
    assert len(stored(sekmet, "MedicationAdministration", "")) == before
    with scope(), reading() as tx:
        assert {item.state for item in outbox.worklist(tx)} == {"sent"}
        assert outbox.untold(tx) == ()


def test_an_emr_that_takes_no_events_is_shown_to_a_person_and_holds_no_dose_back(sekmet: RunningEmr, scope: Scope, emr: FhirEmr) -> None:
    emr.check()
    emr._kinds = emr._kinds - {"AuditEvent"}
    emr.check = lambda: None  # type: ignore[method-assign]
    record = an_administration(2095)
    _put_blocked(scope, _blocked(2094))
    _put(scope, record)
    _deliver(scope, emr)
    assert _row(scope, record).state == outbox.SENT
    with scope(), reading() as tx:
        found = outbox.of_record(tx, _blocked(2094).record_id, kind=outbox.BLOCKED)
    assert found is not None
    assert (found.state, found.last_error_code) == (outbox.PARKED, "emr-not-taken")
