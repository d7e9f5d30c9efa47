"""What /healthz says before it hurts: a revocation list that ends soon, files that nobody writes, an audit that nobody seals."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server import running
from server.app import create_app
from server.security import authority, broker_files, enrolment
from server.store import migrate
from server.store.database import db
from server.store.transaction import Actor, transaction
from tests.support.databases import config_for


def told(app) -> dict:  # type: ignore[no-untyped-def, type-arg]
    answer = app.test_client().get("/healthz")
    assert answer.status_code == 200
    found: dict = answer.json  # type: ignore[type-arg]
    return found


@pytest.fixture
def app(tmp_path: Path):  # type: ignore[no-untyped-def]
    authority.create(tmp_path / "ca", facility="h1", at=datetime.now(UTC))
    (tmp_path / "broker").mkdir()
    machines = {"ca_dir": str(tmp_path / "ca"), "broker_files": str(tmp_path / "broker"), "broker": "mosquitto"}
    made = create_app(config_for(f"sqlite:///{tmp_path / 'w.sqlite'}", tmp_path, machines=machines), pages=False)
    with made.app_context():
        migrate.upgrade()
        yield made
        db.session.remove()
        db.engine.dispose()


def test_an_unsealed_audit_and_missing_files_are_warnings_and_no_fault(app) -> None:  # type: ignore[no-untyped-def]
    with transaction(Actor(id="N1"), at=datetime.now(UTC) - timedelta(minutes=6)) as tx:
        tx.audit("patient.view", "patient/P1")
    found = told(app)
    assert [line.split(":")[0] for line in found["faults"]] == ["gateway", "dispatcher"], "the pages alone run here"
    assert [line.split(":")[0] for line in found["warnings"]] == ["audit", "broker files"]


def test_a_revocation_list_that_ends_within_a_week_is_a_warning(app, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    at = datetime.now(UTC)
    state = enrolment.ListState(made_at=at - timedelta(days=9), ends_at=at + timedelta(days=5))
    monkeypatch.setattr(broker_files, "list_state", lambda _directory: state)
    warnings = told(app)["warnings"]
    assert [line.split(":")[0] for line in warnings] == ["broker files", "revocation list"]
    assert state.ends_at.date().isoformat() in warnings[1]


def test_the_running_server_writes_the_brokers_files_and_writes_them_again(app, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    settings = app.config["POINTOFCARE_CONFIG"]
    running.start(app, settings, with_gateway=True, with_dispatcher=False)
    try:
        listed = tmp_path / "broker" / broker_files.LIST_FILE
        wait_for(listed.exists)
        assert told(app)["warnings"] == []
        listed.unlink()
        app.extensions["pointofcare"].keeper.wake()
        wait_for(listed.exists)
    finally:
        running.stop(app)


def wait_for(true) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + 20
    pause = threading.Event()
    while not true():
        assert time.monotonic() < deadline
        pause.wait(0.05)
