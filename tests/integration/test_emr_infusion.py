"""Infusions, removals, effects and measurements in a real FHIR server: one resource, the right status, whatever comes when."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from pointofcare.administration.record import AdministrationRecord
from pointofcare.quantity import Quantity
from pointofcare.wire.messages import ObservationRecorded
from server.emr.dispatcher import ACTOR, Dispatcher
from server.emr.fhir import FhirEmr
from server.emr.folder import FolderEmr
from server.store import outbox
from server.store.tables import OutboxRow, PatientRow
from server.store.transaction import reading, transaction
from server.usecases import administrations, observations
from simulation.emr_peer import RunningEmr
from tests.support.emr import ADMINISTRATION, AT, CONTEXT, a_store, an_administration
from tests.support.sekmet import sekmet, stored

__all__ = ["sekmet"]

Scope = Callable[[], AbstractContextManager[object]]


@pytest.fixture
def scope(tmp_path: Path) -> Iterator[Scope]:
    with a_store(f"sqlite:///{tmp_path / 'store.sqlite'}") as opened:
        with opened(), transaction(ACTOR) as tx:
            tx.session.add(PatientRow(facility="bv1", id="P1", mrn="24-000123", name="N", status="admitted", ward="W3", updated_at=tx.at))
        yield opened


@pytest.fixture
def emr(sekmet: RunningEmr) -> Iterator[FhirEmr]:
    target = FhirEmr(sekmet.base_url, identifier_system=ADMINISTRATION, timeout_s=5.0)
    yield target
    target.close()


def record(scope: Scope, *made: AdministrationRecord) -> None:
    for one in made:
        with scope(), transaction(ACTOR) as tx:
            administrations.record(tx, one, reevaluate=False)


def deliver(scope: Scope, emr: FhirEmr | FolderEmr) -> None:
    """Until nothing more goes: what waited for another row is due at once."""
    dispatcher = Dispatcher(emr, CONTEXT, scope=scope, chance=lambda: 0.0)
    for _ in range(12):
        with scope(), transaction(ACTOR) as tx:
            for row in tx.session.query(OutboxRow):
                row.next_attempt_at = tx.at
                row.claimed_until = None
        dispatcher.drain_once()


def states(scope: Scope) -> set[str]:
    with scope(), reading() as tx:
        return {item.state for item in outbox.worklist(tx)}


def an_infusion(number: int) -> tuple[AdministrationRecord, ...]:
    start = an_administration(
        number,
        action="start",
        status="in-progress",
        dose=Quantity.parse("500 mL"),
        rate=Quantity.parse("83 mL/h"),
        route="IV",
        bag=f"BAG{number}",
    )

    def act(step: int, action: str, status: str, minutes: int, **changes: object) -> AdministrationRecord:
        at = AT + timedelta(minutes=minutes)
        plain = {"dose": None, "continues": start.record_id, "effective_at": at, "recorded_at": at, "gtin": None, "product": None}
        return an_administration(number + step, action=action, status=status, **{**plain, **changes})

    rate = act(1, "rate", "in-progress", 10, rate=Quantity.parse("120 mL/h"))
    hold = act(2, "hold", "on-hold", 20, status_reason="procedure")
    stop = act(3, "stop", "stopped", 40, status_reason="infiltrated", dose=Quantity.parse("70 mL"))
    return start, rate, hold, stop


def held(sekmet: RunningEmr, record_id: str, kind: str = "MedicationAdministration") -> list[dict]:
    return stored(sekmet, kind, f"identifier={ADMINISTRATION}|{record_id}")


def test_an_infusion_is_one_resource_that_ends_with_its_period_rate_and_volume(sekmet: RunningEmr, scope: Scope, emr: FhirEmr) -> None:
    acts = an_infusion(1000)
    seen = []
    for act in acts:
        record(scope, act)
        deliver(scope, emr)
        (resource,) = held(sekmet, acts[0].record_id)
        seen.append((resource["status"], resource["dosage"]["rateQuantity"]["value"]))
    assert seen == [("in-progress", 83), ("in-progress", 120), ("on-hold", 120), ("stopped", 120)]
    (resource,) = held(sekmet, acts[0].record_id)
    assert resource["effectivePeriod"] == {"start": "2026-03-02T01:02:03.456Z", "end": "2026-03-02T01:42:03.456Z"}
    assert resource["dosage"]["dose"]["value"] == 70
    assert {found["id"] for act in acts for found in held(sekmet, act.record_id)} == {resource["id"]}, "found by each record"
    assert states(scope) == {"sent"}
    with scope(), reading() as tx:
        assert {item.emr_id for item in outbox.worklist(tx)} == {f"MedicationAdministration/{resource['id']}"}
    assert len(stored(sekmet, "Provenance", f"target=MedicationAdministration/{resource['id']}")) == len(acts)


@pytest.mark.parametrize("place", range(6))
def test_acts_that_came_in_another_order_end_in_the_same_resource(sekmet: RunningEmr, scope: Scope, emr: FhirEmr, place: int) -> None:
    start, rate, hold, stop = an_infusion(1100 + 10 * place)
    arrival = list(itertools.permutations([start, rate, stop]))[place]
    for act in (*arrival, hold):
        record(scope, act)
        if place % 2:
            deliver(scope, emr)
    deliver(scope, emr)
    (resource,) = held(sekmet, start.record_id)
    assert (resource["status"], resource["dosage"]["rateQuantity"]["value"]) == ("stopped", 120)
    assert resource["effectivePeriod"]["end"] == "2026-03-02T01:42:03.456Z"
    assert states(scope) == {"sent"}


def test_an_act_without_its_start_waits_and_holds_nobody_back(sekmet: RunningEmr, scope: Scope, emr: FhirEmr) -> None:
    start, rate, *_ = an_infusion(1200)
    record(scope, rate, an_administration(1290, patient="P9", mrn="24-000999"))
    deliver(scope, emr)
    with scope(), reading() as tx:
        waiting = outbox.of_record(tx, rate.record_id)
        assert waiting is not None
        assert (waiting.state, waiting.last_error_code) == ("pending", "emr-start-missing")
        assert outbox.counts(tx).sent == 1
    record(scope, start)
    deliver(scope, emr)
    assert states(scope) == {"sent"}
    assert len(held(sekmet, start.record_id)) == 1


def test_a_withdrawn_infusion_is_entered_in_error(sekmet: RunningEmr, scope: Scope, emr: FhirEmr) -> None:
    start, rate, *_ = an_infusion(1300)
    undo = an_administration(
        1309, action="undo", status="entered-in-error", amends=start.record_id, dose=None, status_reason="wrong-patient-charted"
    )
    record(scope, start, rate, undo)
    deliver(scope, emr)
    (resource,) = held(sekmet, start.record_id)
    assert resource["status"] == "entered-in-error"
    assert states(scope) == {"sent"}


def test_a_removed_patch_an_effect_and_a_measurement_arrive_as_what_they_are(sekmet: RunningEmr, scope: Scope, emr: FhirEmr) -> None:
    patch = an_administration(1400, route="TD")
    off = an_administration(1401, action="remove", continues=patch.record_id, dose=None)
    effect = an_administration(1402, action="assess", continues=patch.record_id, dose=None, effect="relieved")
    record(scope, patch, off, effect)
    measured = ObservationRecorded(
        record_id=an_administration(1403).record_id,
        facility="bv1",
        ward="W3",
        cart="c01",
        patient="P1",
        code="heart-rate",
        value=Quantity.parse("58 /min"),
        at=AT,
        nurse="N1",
        seq=1,
        epoch="e",
    )
    with scope(), transaction(ACTOR, at=AT + timedelta(minutes=1)) as tx:
        assert observations.record(tx, measured).discrepancies == ()
    deliver(scope, emr)
    assert states(scope) == {"sent"}
    assert [one["status"] for one in held(sekmet, patch.record_id)] == ["completed"]
    assert [one["status"] for one in held(sekmet, off.record_id, "Procedure")] == ["completed"]
    assert [one["valueCodeableConcept"]["coding"][0]["code"] for one in held(sekmet, effect.record_id, "Observation")] == ["relieved"]
    (heart,) = held(sekmet, measured.record_id, "Observation")
    assert (heart["code"]["coding"][0]["code"], heart["valueQuantity"]["value"]) == ("8867-4", 58)
    assert emr.read_back(off.record_id) is not None
    undo = an_administration(1404, action="undo", status="entered-in-error", amends=off.record_id, dose=None, status_reason="mistake")
    record(scope, undo)
    deliver(scope, emr)
    assert [one["status"] for one in held(sekmet, off.record_id, "Procedure")] == ["entered-in-error"]


def test_a_folder_gets_one_file_a_record_each_with_the_whole_infusion(scope: Scope, tmp_path: Path) -> None:
    acts = an_infusion(1500)
    record(scope, *acts)
    folder = FolderEmr(tmp_path / "emr")
    deliver(scope, folder)
    assert states(scope) == {"sent"}
    last = folder.read_back(acts[-1].record_id)
    assert last is not None
    assert last["status"] == "stopped"
    assert [one["value"] for one in last["identifier"]] == [act.record_id for act in acts]


def test_a_resent_act_changes_nothing(sekmet: RunningEmr, scope: Scope, emr: FhirEmr) -> None:
    start, rate, *_ = an_infusion(1600)
    record(scope, start, rate, start, replace(rate))
    deliver(scope, emr)
    with scope(), transaction(ACTOR) as tx:
        for row in tx.session.query(OutboxRow):
            row.state = "pending"  # as if every answer had been lost
    deliver(scope, emr)
    (resource,) = held(sekmet, start.record_id)
    assert (resource["status"], resource["dosage"]["rateQuantity"]["value"]) == ("in-progress", 120)
    assert len(stored(sekmet, "Provenance", f"target=MedicationAdministration/{resource['id']}")) == 2


def test_a_change_goes_over_what_stands_there_now_and_keeps_what_somebody_added(sekmet: RunningEmr, scope: Scope, emr: FhirEmr) -> None:
    start, rate, *_ = an_infusion(1700)
    record(scope, start)
    deliver(scope, emr)
    (resource,) = held(sekmet, start.record_id)
    noted = {**resource, "note": [{"text": "watch the arm", "time": "2026-03-02T01:05:00Z"}]}
    httpx.put(f"{sekmet.base_url}/MedicationAdministration/{resource['id']}", json=noted, trust_env=False).raise_for_status()
    record(scope, rate)
    deliver(scope, emr)
    (changed,) = held(sekmet, start.record_id)
    assert changed["dosage"]["rateQuantity"]["value"] == 120
    assert [one["text"] for one in changed["note"]] == ["watch the arm"]
    assert changed["meta"]["versionId"] == "3"


def test_somebody_who_changes_it_between_our_look_and_our_change_loses_nothing(
    sekmet: RunningEmr, scope: Scope, emr: FhirEmr, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, rate, *_ = an_infusion(1800)
    record(scope, start)
    deliver(scope, emr)
    look, meddled = emr._read_back, []

    def looks_and_then_somebody_writes(kind: str, record_id: str) -> object:
        found = look(kind, record_id)
        if found is not None and not meddled:
            noted = {**found, "note": [{"text": "in between", "time": "2026-03-02T01:05:00Z"}]}
            httpx.put(f"{sekmet.base_url}/{kind}/{found['id']}", json=noted, trust_env=False).raise_for_status()
            meddled.append(True)
        return found

    monkeypatch.setattr(emr, "_read_back", looks_and_then_somebody_writes)
    record(scope, rate)
    Dispatcher(emr, CONTEXT, scope=scope).drain_once()
    with scope(), reading() as tx:
        waiting = outbox.of_record(tx, rate.record_id)
        assert waiting is not None
        assert (waiting.state, waiting.last_error_code) == ("pending", "emr-unavailable")
    deliver(scope, emr)
    (changed,) = held(sekmet, start.record_id)
    assert changed["dosage"]["rateQuantity"]["value"] == 120
    assert [one["text"] for one in changed["note"]] == ["in between"]
