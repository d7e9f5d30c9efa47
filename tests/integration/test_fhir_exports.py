"""Exports of everything: asked for, written in the background, taken, deleted; cut off at any line, cancelled, revoked, too many."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from server.app import exporter
from server.emr import mapping_context
from server.security import sign_in
from server.store import audit, fhir_exports
from server.store.tables.fhir import FhirExportRow
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations
from server.usecases import fhir_exports as verbs
from server.usecases.fhir_kinds import KINDS
from tests.support import fhir_reader, web
from tests.support.fhir_reader import Reader
from tests.support.server_ward import WARD, a_record

GATEWAY = Actor(id="gateway")
SIGNER = fhir_reader.key()
ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path, verified=True, patient_count=3) as made:
        with made.app_context():
            sign_in.limiter.enabled = False
            for number in (1, 2, 3):
                with transaction(GATEWAY) as tx:
                    administrations.record(tx, a_record(number, record_id=f"given-{number}"), cart_seq=number, epoch="e")
        fhir_reader.register(made, signer=SIGNER)
        yield made
        sign_in.limiter.enabled = True


def directory(app: Flask) -> Path:
    found: Path = app.config["POINTOFCARE_CONFIG"].data_dir
    return found


def work(app: Flask) -> bool:
    config = app.config["POINTOFCARE_CONFIG"]
    with app.app_context():
        return verbs.work(config.data_dir, mapping_context(config.emr, facility=config.facility))


def begun(reader: Reader, address: str = "$export") -> str:
    answer = reader.get(address, **ASYNC)
    assert answer.status_code == 202, answer.text
    return str(answer.headers["Content-Location"])


def taken(reader: Reader, manifest: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for one in manifest["output"]:
        answer = reader.get(one["url"])
        assert answer.content_type.startswith("application/fhir+ndjson")
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert len(lines) == one["count"]
        found.setdefault(one["type"], []).extend(lines)
    return found


def files(app: Flask) -> list[Path]:
    return [path for path in (directory(app) / "fhir-exports").rglob("*") if path.is_file()]


def test_an_export_is_made_in_the_background_and_holds_what_searches_find(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs, "PAGE", 1)
    monkeypatch.setattr(verbs, "MOST_LINES", 2)
    reader = fhir_reader.program(app, SIGNER)
    place = begun(reader)
    waits = reader.get(place)
    assert (waits.status_code, waits.headers["X-Progress"], waits.headers["Retry-After"]) == (202, "waiting", "5")
    assert work(app)
    done = reader.get(place)
    assert done.status_code == 200
    assert datetime.strptime(done.headers["Expires"], "%a, %d %b %Y %H:%M:%S %Z").replace(tzinfo=UTC) > datetime.now(UTC)
    manifest = done.json
    assert (manifest["requiresAccessToken"], manifest["error"]) == (True, [])
    assert manifest["request"].endswith("/$export")
    found = taken(reader, manifest)
    for kind in set(KINDS) - {"AuditEvent"}:
        assert sorted(one["id"] for one in found.get(kind, [])) == sorted(reader.ids(f"{kind}?_count=200")), kind
    assert sum(1 for one in manifest["output"] if one["type"] == "Patient") > 1, "several files of one type"
    assert datetime.fromisoformat(manifest["transactionTime"]) < datetime.now(UTC)
    with app.app_context(), reading() as tx:
        told = {line.action for line in audit.listed(tx, limit=200)}
    assert {"fhir.export", "fhir.export-done", "view.fhir-export"} <= told


def test_files_are_of_no_use_without_their_key_and_go_when_their_time_is_over(app: Flask) -> None:
    reader = fhir_reader.program(app, SIGNER)
    place = begun(reader, "$export?_type=Patient")
    work(app)
    manifest = reader.ok(place)
    assert files(app)
    for path in files(app):
        content = path.read_bytes()
        assert b"NGUY" not in content
        assert b"24-000001" not in content
        assert path.stat().st_mode & 0o077 == 0
    with app.app_context(), transaction(GATEWAY) as tx:
        tx.session.execute(update(FhirExportRow).values(expires_at=tx.at - timedelta(seconds=1)))
    assert reader.get(place).status_code == 404, "its time is over, whether or not somebody came to clean up"
    assert reader.get(manifest["output"][0]["url"]).status_code == 404
    assert not work(app)
    assert files(app) == []
    assert reader.get(place).status_code == 404
    assert reader.get(manifest["output"][0]["url"]).status_code == 404
    with app.app_context(), reading() as tx:
        row = tx.session.query(FhirExportRow).one()
        assert (row.state, row.key, row.files) == ("expired", "", [])


@pytest.mark.parametrize("line", range(1, 9))
def test_a_server_that_dies_while_it_writes_is_followed_by_one_that_ends_it(app: Flask, monkeypatch: pytest.MonkeyPatch, line: int) -> None:
    """Killed at each write of a file and at each note of how far it came."""
    monkeypatch.setattr(verbs, "PAGE", 1)
    monkeypatch.setattr(verbs, "MOST_LINES", 1)
    reader = fhir_reader.program(app, SIGNER)
    place = begun(reader, "$export?_type=Patient,MedicationAdministration")
    calls = iter(range(1, line))

    class Killed(BaseException):
        pass

    def dies(*_: object, **__: object) -> None:
        raise Killed

    real_store, real_note = verbs._store, fhir_exports.came_to
    with monkeypatch.context() as patched:
        patched.setattr(verbs, "_store", lambda *a: real_store(*a) if next(calls, 0) else dies())
        patched.setattr(fhir_exports, "came_to", lambda *a, **k: real_note(*a, **k) if next(calls, 0) else dies())
        with pytest.raises(Killed):
            work(app)
    assert not work(app), "the lease of the dead one still runs"
    with app.app_context(), transaction(GATEWAY) as tx:
        tx.session.execute(update(FhirExportRow).values(claimed_until=tx.at - timedelta(seconds=1)))
    assert work(app)
    found = taken(reader, reader.ok(place))
    assert sorted(one["id"] for one in found["Patient"]) == ["P1", "P2", "P3"]
    assert sorted(one["id"] for one in found["MedicationAdministration"]) == ["given-1", "given-2", "given-3"]


def test_a_worker_that_was_too_slow_changes_nothing_of_what_another_wrote(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs, "PAGE", 1)
    monkeypatch.setattr(verbs, "MOST_LINES", 1)
    reader = fhir_reader.program(app, SIGNER)
    place = begun(reader, "$export?_type=Patient")
    real, calls = verbs._store, []

    def slow(*arguments: Any) -> None:
        real(*arguments)
        calls.append(1)
        if len(calls) == 1:  # its lease runs out, and another does the whole
            with app.app_context(), transaction(GATEWAY) as tx:
                tx.session.execute(update(FhirExportRow).values(claimed_until=tx.at - timedelta(seconds=1)))
            assert work(app)

    monkeypatch.setattr(verbs, "_store", slow)
    work(app)
    assert sorted(one["id"] for one in taken(reader, reader.ok(place))["Patient"]) == ["P1", "P2", "P3"]
    head = app.test_client().head("/fhir/R4/$export", headers={**reader.headers, **ASYNC})
    assert head.status_code == 405, "and a look at the head begins none"


def test_only_the_program_that_asked_sees_its_export(app: Flask) -> None:
    reader = fhir_reader.program(app, SIGNER)
    place = begun(reader, "Patient/$export?_type=Patient")
    work(app)
    file = reader.ok(place)["output"][0]["url"]
    fhir_reader.register(app, "other", signer=SIGNER)
    other = fhir_reader.program(app, SIGNER, "other")
    assert [other.get(address).status_code for address in (place, file)] == [404, 404]
    less = fhir_reader.program(app, SIGNER, scope="system/Encounter.rs")
    assert less.get(file).status_code == 403, "a token for another type"
    assert other.app.test_client().delete(place.removeprefix("http://localhost"), headers=other.headers).status_code == 404
    assert reader.get(file).status_code == 200


def test_a_cancelled_export_and_that_of_a_revoked_program_are_gone(app: Flask) -> None:
    reader = fhir_reader.program(app, SIGNER)
    place = begun(reader, "$export?_type=Patient")
    work(app)
    assert app.test_client().delete(place.removeprefix("http://localhost"), headers=reader.headers).status_code == 202
    assert (files(app), reader.get(place).status_code) == ([], 404)
    begun(reader, "$export?_type=Patient")
    fhir_reader.revoke(app)
    work(app)
    assert files(app) == []
    with app.app_context(), reading() as tx:
        assert {row.state for row in tx.session.query(FhirExportRow)} <= {"cancelled", "expired"}


def test_one_that_is_cancelled_while_it_is_written_leaves_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = fhir_reader.program(app, SIGNER)
    place = begun(reader, "$export?_type=Patient,Encounter")
    real = verbs._store

    def store(*arguments: Any) -> None:
        real(*arguments)
        app.test_client().delete(place.removeprefix("http://localhost"), headers=reader.headers)

    monkeypatch.setattr(verbs, "_store", store)
    work(app)
    assert files(app) == []


def test_too_many_exports_at_once_are_refused_with_when_to_come_again(app: Flask) -> None:
    reader = fhir_reader.program(app, SIGNER)
    for _ in range(verbs.MOST_OPEN):
        begun(reader)
    answer = reader.get("$export", **ASYNC)
    assert (answer.status_code, answer.json["issue"][0]["code"]) == (429, "throttled")
    assert int(answer.headers["Retry-After"]) > 0


def test_what_changed_since_and_one_ward_alone_can_be_exported(app: Flask) -> None:
    reader = fhir_reader.program(app, SIGNER)
    since = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    with app.app_context(), transaction(GATEWAY) as tx:
        administrations.record(tx, a_record(1, record_id="new", order=None, due=None), cart_seq=9, epoch="e")
    changed = begun(reader, f"Patient/$export?_type=MedicationAdministration&_since={since}")
    ward = begun(reader, f"Group/{WARD}/$export?_type=Patient")
    while work(app):
        pass
    assert [one["id"] for one in taken(reader, reader.ok(changed))["MedicationAdministration"]] == ["new"]
    assert len(taken(reader, reader.ok(ward))["Patient"]) == 3
    assert reader.get("Group/NOWHERE/$export", **ASYNC).status_code == 404
    fhir_reader.register(app, "elsewhere", signer=SIGNER, wards=(WARD,))
    bound = fhir_reader.program(app, SIGNER, "elsewhere")
    place = begun(bound, "$export?_type=Patient")
    work(app)
    assert len(taken(bound, bound.ok(place))["Patient"]) == 3


def test_what_cannot_be_told_is_in_the_list_of_errors(app: Flask) -> None:
    with app.app_context(), transaction(GATEWAY) as tx:
        administrations.record(tx, a_record(1, record_id="y" * 90, order=None, due=None), cart_seq=10, epoch="e")
    reader = fhir_reader.program(app, SIGNER)
    place = begun(reader, "$export?_type=MedicationAdministration")
    work(app)
    manifest = reader.ok(place)
    assert [one["count"] for one in manifest["error"]] == [1]
    assert json.loads(reader.get(manifest["error"][0]["url"]).text)["resourceType"] == "OperationOutcome"


REFUSED = (
    ("$export", {}, 400, "Prefer"),
    ("$export?_outputFormat=csv", ASYNC, 400, "_outputFormat"),
    ("$export?_type=Nothing", ASYNC, 400, "_type"),
    ("$export?_since=never", ASYNC, 400, "_since"),
    ("$export?_typeFilter=Patient%3Fname=x", ASYNC, 400, "_typeFilter"),
    ("Patient/$export?_type=Location", ASYNC, 403, ""),
    ("_export/nothing", {}, 404, ""),
    ("_export/nothing/0.ndjson", {}, 404, ""),
)


@pytest.mark.parametrize(("address", "headers", "status", "parameter"), REFUSED)
def test_a_wish_that_is_not_understood_is_told_by_name(
    app: Flask, address: str, headers: dict[str, str], status: int, parameter: str
) -> None:
    answer = fhir_reader.program(app, SIGNER).get(address, **headers)
    assert (answer.status_code, answer.json["issue"][0].get("expression", [""])) == (status, [parameter])


def test_the_thread_of_the_server_makes_exports_and_ends(app: Flask) -> None:
    reader = fhir_reader.program(app, SIGNER)
    place = begun(reader, "$export?_type=Location")
    runs = exporter(app, app.config["POINTOFCARE_CONFIG"])
    runs.start()
    for _ in range(2_000):
        if reader.get(place).status_code == 200:
            break
    runs.stop()
    assert reader.ok(place)["output"][0]["type"] == "Location"
