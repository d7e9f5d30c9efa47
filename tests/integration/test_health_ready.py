"""/health says whether this process is worth keeping, /ready whether people may be sent to it, each without a name; /metrics tells both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event

from pointofcare.wire.messages import CartState
from pointofcare.wire.messages.state import CartPhase
from server.app import create_app
from server.export_settings import MetricsConfig
from server.security import authority, expiries
from server.store import audit_log, fleet, migrate, outbox, pace, steps, watching
from server.store.database import db
from server.store.tables import CartRow
from server.store.transaction import Actor, reading, transaction
from server.usecases import readiness
from server.web import health
from tests.support import web
from tests.support.databases import config_for, migrated_app
from tests.support.server_ward import WARD

LONG_AGO = timedelta(minutes=20)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("health")) as made:
        config = made.config["POINTOFCARE_CONFIG"]
        made.config["POINTOFCARE_CONFIG"] = replace(config, metrics=MetricsConfig(loopback=True))
        yield made


def told(app: Flask, address: str) -> tuple[int, dict[str, dict[str, str]]]:
    app.extensions.pop(health._LOOKOUT, None)
    answer = app.test_client().get(address)
    assert answer.json is not None
    return answer.status_code, answer.json["checks"]


def figures(app: Flask) -> dict[str, dict[str, float]]:
    """Figure -> value of its only label, "" where it has none -> value."""
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(app.test_client().get("/metrics").text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[next(iter(sample.labels.values()), "")] = sample.value
    return found


def test_a_server_that_is_well_is_alive_and_ready_for_anybody_who_asks(app: Flask) -> None:
    assert told(app, "/health") == (200, {"process": {"state": "ok"}})
    status, checks = told(app, "/ready")
    assert status == 200
    assert {"database", "outbox", "disk-data", "disk-database", "disk-emr"} <= checks.keys()
    assert app.test_client().get("/ready").headers["Cache-Control"] == "no-store"


def test_to_be_alive_nothing_is_asked_of_the_database(app: Flask) -> None:
    statements: list[str] = []
    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", lambda _c, _u, text, *_: statements.append(text))
    assert app.test_client().get("/health").status_code == 200
    assert statements == []


def test_a_database_that_is_away_is_not_ready_and_yet_alive(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://app@/nothing?host={tmp_path}"
    app = create_app(config_for(url, tmp_path, metrics={"loopback": True}))
    assert told(app, "/health")[0] == 200
    status, checks = told(app, "/ready")
    assert (status, checks["database"]["state"]) == (503, "failed")
    assert str(tmp_path) not in json.dumps(checks)
    found = figures(app)
    assert found["pointofcare_database_up"] == {"": 0}
    assert "pointofcare_disk_free_bytes" in found


def test_an_empty_database_is_not_ready_and_says_what_to_do(tmp_path: Path) -> None:
    status, checks = told(create_app(config_for(f"sqlite:///{tmp_path / 'new.sqlite'}", tmp_path)), "/ready")
    assert status == 503
    assert "migrate" in checks["database"]["reason"]


def test_a_server_of_before_stays_ready_while_the_schema_is_already_the_next_releases(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_current", lambda: "9999")
    assert told(app, "/ready")[0] == 503  # nothing says that this release may run on it
    with app.app_context(), db.engine.begin() as connection:
        expanded = replace(migrate.all_steps()[-1], revision="9999")
        steps.note(connection, expanded, datetime.now(UTC))
    status, checks = told(app, "/ready")
    assert (status, checks["database"]["state"]) == (200, "degraded")
    assert figures(app)["pointofcare_database_schema_current"] == {"": 0}


def test_what_fails_for_every_server_at_once_is_told_and_takes_none_out_of_service(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = SimpleNamespace(
        is_alive=lambda: True, state=SimpleNamespace(connected=False, fault="", recorded=0, duplicates=0, rejected=0, failed=0)
    )
    monkeypatch.setattr(app.extensions["pointofcare"], "gateway", gateway)
    late = outbox.Waiting(parked=3, pending=1, oldest_pending_at=datetime.now(UTC) - LONG_AGO, is_late=True)
    monkeypatch.setattr(outbox, "waiting", lambda _tx: late)
    status, checks = told(app, "/ready")
    assert status == 200
    assert {part for part, found in checks.items() if found["state"] == "degraded"} >= {"broker", "outbox", "parked"}
    assert figures(app)["pointofcare_outbox_oldest_age_seconds"][""] == pytest.approx(LONG_AGO.total_seconds(), abs=30)
    gateway.is_alive = lambda: False
    assert told(app, "/health")[0] == 503


def test_a_clock_of_this_machine_that_is_off_is_told_and_takes_no_server_out_of_service(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which of the two is wrong nobody here knows; carts measure theirs against this machine's."""
    for ahead_s, state in ((4.0, None), (-40.0, "degraded"), (86_400.0, "degraded")):
        monkeypatch.setattr(watching, "database_ahead_s", lambda told=ahead_s: told)
        app.extensions.pop("lookout", None)
        status, checks = told(app, "/ready")
        assert (status, checks.get("clock", {}).get("state")) == (200, state)
        assert figures(app)["pointofcare_database_clock_ahead_seconds"] == {"": ahead_s}


def test_a_disk_that_is_full_sends_people_to_another_server(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness.shutil, "disk_usage", lambda _path: SimpleNamespace(free=1, total=2))
    assert told(app, "/ready")[0] == 503
    assert set(figures(app)["pointofcare_disk_free_bytes"].values()) == {1}


def test_an_audit_that_nobody_seals_is_told_with_its_age(app: Flask) -> None:
    with app.app_context():
        with reading() as tx:
            before = audit_log.unsealed(tx, limit=1)
        assert before
        with reading(at=before[0].at + LONG_AGO) as tx:
            assert watching.delays(tx).seal_age_s == LONG_AGO.total_seconds()


def test_carts_tell_by_ward_their_oldest_chart_their_worst_clock_and_what_is_on_them_alone(app: Flask) -> None:
    with app.app_context(), transaction(Actor(id="gateway")) as tx:
        for cart, ward, phase, age, offset, unsent in (
            ("c1", WARD, CartPhase.READY, 60.0, -3.5, 1),
            ("c2", WARD, CartPhase.READY, 7200.0, 1.0, 0),
            ("c3", "W2", CartPhase.LOST, 90000.0, 900.0, 4),
        ):
            fleet.put_state(tx, cart, CartState(phase=CartPhase.READY, ward=ward), sid="s", sent_at=tx.at)
            fleet.put_state(tx, cart, CartState(phase=phase, ward=ward), sid="s", sent_at=tx.at)
            row = tx.session.get(CartRow, (tx.facility, cart))
            assert row is not None
            row.chart_age_s, row.clock_offset_s, row.unsent = age, offset, unsent
    found = figures(app)
    assert found["pointofcare_ward_carts_online"] == {WARD: 2, "W2": 0}
    assert found["pointofcare_ward_chart_age_seconds"] == {WARD: 7200}  # a cart that is away has an old chart, and no nurse before it
    assert found["pointofcare_ward_clock_offset_seconds"] == {WARD: 3.5}
    assert found["pointofcare_ward_unsent_records"] == {WARD: 1, "W2": 4}
    assert found["pointofcare_ward_unsent_records_away"] == {WARD: 0, "W2": 4}


def test_certificates_tell_when_they_end_and_one_that_cannot_be_read_has_ended(tmp_path: Path) -> None:
    at = datetime.now(UTC)
    authority.create(tmp_path / "ca", facility="h1", at=at)
    (tmp_path / "broken.pem").write_text("nothing")
    (tmp_path / "broker").mkdir()
    config = config_for(
        f"sqlite:///{tmp_path / 'x.sqlite'}",
        tmp_path,
        machines={"broker_files": "broker"},
        mqtt={"ca_file": "ca/ca.pem", "certificate_file": "broken.pem", "key_file": "none.key"},
    )
    found = {each.of: each.ends_at for each in expiries.certificates(config)}
    assert found["broker-client"] is None
    assert found["revocation-list"] is None
    assert found["authority"] == found["broker-root"]
    assert found["authority"] is not None
    assert found["authority"] > at
    text = (tmp_path / "ca" / "ca.pem").read_text()
    (tmp_path / "broken.pem").write_text(text)  # put right: it is read anew
    assert {each.of: each.ends_at for each in expiries.certificates(config)}["broker-client"] == found["authority"]


def test_how_long_doses_took_is_counted_in_buckets() -> None:
    measured = pace.Pace()
    for seconds in (0.001, 0.3, 99.0):
        measured.took(seconds)
    with pytest.raises(ValueError, match="broken"), measured.measured():
        raise ValueError("broken")
    told = measured.told()
    assert sum(told.counts) == 4
    assert told.counts[-1] == 1
    assert told.counts[0] == 2


def test_the_histogram_of_a_look_adds_up(app: Flask) -> None:
    before = figures(app)["pointofcare_recording_seconds_count"][""]
    pace.RECORDING.took(0.02)
    found = figures(app)
    assert found["pointofcare_recording_seconds_count"][""] == before + 1
    assert found["pointofcare_recording_seconds_bucket"]["+Inf"] == before + 1


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_watching_asks_indexes_alone_and_never_more_than_there_are_carts(kind: str, tmp_path: Path) -> None:
    with migrated_app(kind, tmp_path) as app, app.app_context():
        statements: list[tuple[str, Any]] = []
        event.listen(db.engine, "before_cursor_execute", lambda _c, _u, text, values, *_: statements.append((text, values)))
        with reading() as tx:
            assert watching.delays(tx).newest_order_at is None
            assert watching.carts_by_ward(tx, limit=5) == {}
        asked = [(text, values) for text, values in statements if text.lstrip().upper().startswith("SELECT") and "carts" not in text]
        assert len(asked) == 4
        with db.engine.connect() as connection:
            if kind == "postgresql":
                connection.exec_driver_sql("set enable_seqscan = off")
            for text, values in asked:
                prefix = "EXPLAIN QUERY PLAN " if kind == "sqlite" else "EXPLAIN "
                plan = "\n".join(str(row) for row in connection.exec_driver_sql(prefix + text, values))
                assert "Seq Scan" not in plan, (text, plan)
                assert "SCAN" not in plan.replace("SCAN CONSTANT", ""), (text, plan)
        assert watching.schema() == watching.Schema(found=migrate.current(), wanted=migrate.head())
        assert watching.schema().is_current
        ahead_s = watching.database_ahead_s()
        assert (ahead_s is None) == (kind == "sqlite")
        assert abs(ahead_s or 0.0) < 5


def test_no_name_stands_in_what_is_told(app: Flask) -> None:
    for address in ("/health", "/ready", "/metrics"):
        text = app.test_client().get(address).text
        assert not any(word in text for word in ("NGUYỄN", "24-0000", "Nurse", "correct horse"))
