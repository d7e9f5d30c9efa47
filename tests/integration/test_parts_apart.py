"""Pages know of a gateway and a dispatcher in other programs, say so when one falls silent, and never take old words for new ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from server.app import create_app
from server.bare import CONFIG
from server.export_settings import MetricsConfig
from server.store import migrate, steps
from server.store.database import db
from server.store.steps import Program
from server.usecases import parts
from server.usecases.parts import Told
from server.usecases.presence import Presence
from server.web import health
from tests.support.bridge import eventually
from tests.support.databases import FACILITY, config_for

WORKS = Told(broker=True, sends=True, messages={"recorded": 3, "duplicates": 1, "rejected": 0, "failed": 0})


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The pages alone."""
    folder = tmp_path_factory.mktemp("pages")
    made = create_app(config_for(f"sqlite:///{folder / 'p.sqlite'}", folder))
    with made.app_context():
        migrate.upgrade()
        yield made
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(autouse=True)
def nobody_else(app: Flask) -> Iterator[None]:
    yield
    for each in steps.running():
        steps.ended(each.id)


def healthz(app: Flask) -> dict[str, Any]:
    answer = app.test_client().get("/healthz")
    assert answer.status_code == 200
    assert answer.json is not None
    return dict(answer.json)


def ready(app: Flask) -> dict[str, str]:
    app.extensions.pop(health._LOOKOUT, None)
    answer = app.test_client().get("/ready")
    assert answer.status_code == 200
    assert answer.json is not None
    return {part: found["state"] for part, found in answer.json["checks"].items() if part in ("broker", "gateway", "dispatcher")}


def a_program(told: Told | dict[str, Any], *, age_s: float = 0.0, facility: str = FACILITY, name: str = "other") -> None:
    at = steps.clock()
    document = parts.document(told) if isinstance(told, Told) else told
    seen_at = at - timedelta(seconds=age_s)
    steps.beat(Program(id=name, part="run", host="a", release="0.1.0", started_at=at, seen_at=seen_at, facility=facility, told=document))


def test_pages_tell_what_becomes_of_the_work_of_another_program_as_it_changes(app: Flask) -> None:
    now = [WORKS]
    other = Presence("run", scope=app.app_context, facility=FACILITY, tells=lambda: now[0], every_s=600)
    other.start()
    try:
        found = healthz(app)
        assert (found["status"], found["broker"], found["faults"]) == ("ok", "connected", [])
        assert found["messages"]["recorded"] == 3
        assert ready(app) == {"broker": "ok"}
        now[0] = replace(WORKS, broker=False, sending_fails=True)
        eventually(lambda: healthz(app)["broker"] == "not connected", "a broker that is lost is told at once, not at the next time")
        assert ready(app) == {"broker": "degraded", "dispatcher": "degraded"}
        now[0] = WORKS
        eventually(lambda: healthz(app)["status"] == "ok", "and so is that it is back")
    finally:
        other.stop()
    assert "broker" not in healthz(app), "one that ended tells nothing"
    assert ready(app) == {"gateway": "degraded", "dispatcher": "degraded"}


def test_a_gateway_that_fell_silent_is_told_as_such_and_not_what_it_said_last(app: Flask) -> None:
    a_program(WORKS, age_s=60)
    found = healthz(app)
    assert "broker" not in found
    assert any(fault.startswith("gateway: nothing is heard of it for 6") for fault in found["faults"])
    assert ready(app)["gateway"] == "degraded"


def test_of_a_gateway_that_was_killed_and_its_successor_the_newer_one_is_believed(app: Flask) -> None:
    a_program(WORKS, age_s=5, name="killed")
    a_program(replace(WORKS, broker=False), name="began anew")
    assert healthz(app)["broker"] == "not connected"


def test_the_gateway_of_another_hospital_in_the_same_database_is_none_of_ours(app: Flask) -> None:
    a_program(WORKS, facility="h2")
    assert any(fault.startswith("gateway: none runs") for fault in healthz(app)["faults"])


def test_what_a_newer_release_tells_beside_is_passed_over_and_what_an_older_one_does_not_tell_is_not_made_up(app: Flask) -> None:
    a_program({**parts.document(WORKS), "newer": [1]})
    assert healthz(app)["broker"] == "connected"
    at = steps.clock()
    steps.beat(Program(id="other", part="run", host="a", release="0.0.9", started_at=at, seen_at=at))
    assert any(fault.startswith("gateway: none runs") for fault in healthz(app)["faults"])


def test_figures_of_doses_that_nobody_can_read_are_a_warning(app: Flask) -> None:
    a_program(WORKS)
    config = app.config[CONFIG]
    for metrics, warned in ((MetricsConfig(), 0), (MetricsConfig(loopback=True), 1), (MetricsConfig(loopback=True, gateway_port=9464), 0)):
        app.config[CONFIG] = replace(config, metrics=metrics)
        assert len([one for one in healthz(app)["warnings"] if "metrics.gateway_port" in one]) == warned
