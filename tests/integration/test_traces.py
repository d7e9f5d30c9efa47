"""Traces in a collector that speaks OTLP: the way of a dose from cart to EMR, nothing about a person in it, and none where it is off."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from flask import Flask

from devices.broker import Arrival
from pointofcare.errors import ConfigError
from pointofcare.wire import routes
from pointofcare.wire.messages import AdministrationRecorded, HostState, RecordReceived
from server import running, traces
from server.bare import CONFIG
from server.config import EmrConfig, MqttConfig, ServerConfig, read
from server.export_settings import TelemetryConfig
from tests.support import web
from tests.support.brokers import a_message, running_clients
from tests.support.collector import Collector, collecting, values
from tests.support.server_ward import CHARGE, a_patient, a_record

FACILITY = "h1"
SAID = {
    *("pointofcare.record.id", "pointofcare.cart.id", "pointofcare.outcome", "pointofcare.emr.target", "pointofcare.emr.id"),
    *("error.type", "http.request.method", "http.route", "http.response.status_code", "db.system.name", "db.operation.name"),
}


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    yield
    traces.end()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path, verified=True) as made:
        yield made


def test_the_way_of_a_dose_is_one_trace_from_cart_to_emr_and_says_nothing_about_a_person(app: Flask, tmp_path: Path) -> None:
    made = replace(a_record(lot="LOT77", serial="SER77"), recorded_at=datetime.now(UTC) - timedelta(seconds=90))
    with collecting() as collector, running_clients("mosquitto", ("c1",)) as clients:
        settings = _settings(app, collector, tmp_path)
        mqtt = MqttConfig(host="127.0.0.1", port=clients.running.port, username="server", password=clients.passwords["server"])
        settings = replace(settings, mqtt=mqtt)
        cart, inbox = clients.make("c1")
        cart.on(routes.RECEIPT, facility=FACILITY, cart="c1")
        cart.on(routes.HOST, facility=FACILITY)
        clients.connect(cart, inbox)
        running.start(app, settings, with_gateway=True, with_dispatcher=True)
        try:
            inbox.expect(Arrival, lambda one: isinstance(one.message.body, HostState) and one.message.body.online)
            body = AdministrationRecorded(record=made, seq=1, epoch="e1")
            assert cart.publish(routes.ADMINISTRATION, a_message("c1", body), facility=FACILITY, cart="c1").wait(10)
            inbox.expect(Arrival, lambda one: isinstance(one.message.body, RecordReceived))
            browser = web.signed_in(app, CHARGE)
            patient = a_patient()
            for address in (f"/patients/{patient.id}", f"/patients/?q={patient.name}", f"/nothing/{patient.mrn}"):
                browser.get(address)
            collector.wait_for(lambda spans: {"dispatch", "GET /patients/<patient_id>", "GET unknown"} <= {span.name for span in spans})
        finally:
            running.stop(app)
        spans = collector.spans()
        _is_one_way([span for span in spans if UUID(bytes=span.trace_id) == UUID(made.record_id)], made.record_id)
        forbidden = ("NGUY", "VĂN", patient.mrn, "P1", "N1", "O1", "NOI-TH", "AMOX", "moxicillin", "LOT77", "SER77", "500")
        told = [collector.resource(), *(values(span.attributes) for span in spans)]
        assert all(set(said) <= SAID for said in told[1:])
        texts = [str(value) for said in told for value in said.values()] + [span.name for span in spans]
        assert not [text for text in texts for word in forbidden if word in text.replace(made.record_id, "") and text != "500"]
        assert not any(span.events or span.links or span.status.message for span in spans)
        assert told[0]["service.name"] == "pointofcare-run"
        assert told[0]["pointofcare.facility"] == FACILITY


def _settings(app: Flask, collector: Collector, tmp_path: Path) -> ServerConfig:
    settings = app.config[CONFIG]
    assert isinstance(settings, ServerConfig)
    emr = EmrConfig(target="folder", folder=tmp_path / "emr")
    return replace(settings, emr=emr, telemetry=TelemetryConfig(traces=True, endpoint=collector.endpoint))


def _is_one_way(spans: list, record: str) -> None:  # type: ignore[type-arg]
    (root,) = [span for span in spans if not span.parent_span_id]
    by_id = {span.span_id: span for span in spans}
    named = {span.name: span for span in spans}
    assert {"dose", "record", "transaction", "receipt", "dispatch", "submit", "INSERT", "SELECT"} <= set(named)
    assert root.name == "dose"
    # As long as the cart kept it and the way took.
    assert 85e9 < root.end_time_unix_nano - root.start_time_unix_nano < 600e9
    parents = {"record": root, "receipt": root, "dispatch": root, "transaction": named["record"], "submit": named["dispatch"]}
    assert all(by_id[named[name].parent_span_id] is by_id[parent.span_id] for name, parent in parents.items())
    assert all(span.parent_span_id in by_id for span in spans if span is not root)
    assert values(named["dispatch"].attributes)["pointofcare.outcome"] == "sent"
    assert {values(named[name].attributes)["pointofcare.record.id"] for name in ("dose", "record", "receipt", "dispatch")} == {record}


def test_a_fault_is_told_by_its_code_and_never_by_its_words() -> None:
    with collecting() as collector:
        traces.begin(TelemetryConfig(traces=True, endpoint=collector.endpoint), part="run", facility=FACILITY)
        secret = "Nguyễn Văn An took 500 mg"
        with pytest.raises(ValueError, match="took"), traces.step("record", record=str(uuid4()), cart="c1"):
            raise ValueError(secret)
        with traces.step("record", record="no uuid, but " + secret, cart=secret):
            traces.mark(emr_id=secret)
        for odd_clock in (datetime.min.replace(tzinfo=timezone(timedelta(hours=7))), datetime.max.replace(tzinfo=UTC)):
            traces.came(str(uuid4()), cart="c1", since=odd_clock)
        traces.end()
        failed, odd, early, ahead = collector.spans()
    assert early.start_time_unix_nano == 0
    assert ahead.start_time_unix_nano == ahead.end_time_unix_nano
    assert (failed.status.code, failed.status.message, values(failed.attributes)["error.type"]) == (2, "", "ValueError")
    assert not failed.events
    assert values(odd.attributes) == {}
    assert b"mg" not in odd.SerializeToString()


def test_a_collector_that_is_away_or_hangs_delays_no_dose_and_what_waits_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    from server import telemetry

    caplog.set_level(logging.CRITICAL)
    many = 3 * telemetry.MOST
    with collecting() as collector:
        collector.open.clear()
        traces.begin(TelemetryConfig(traces=True, endpoint=collector.endpoint), part="run", facility=FACILITY)
        longest = 0.0
        for _ in range(many):
            since = time.monotonic()
            with traces.step("record", record=str(uuid4()), kind="consumer", cart="c1"):
                pass
            longest = max(longest, time.monotonic() - since)
        began = time.monotonic()
        threading.Timer(0.5, collector.open.set).start()
        traces.end()
        ended_s = time.monotonic() - began
        # A request that hangs would have taken its five seconds, and each of them again.
        assert longest < 2
        assert ended_s < 4
        collector.wait_for(lambda spans: len(spans) > 0)
        assert len(collector.spans()) <= telemetry.MOST + 512
    traces.begin(TelemetryConfig(traces=True, endpoint="http://127.0.0.1:9"), part="run", facility=FACILITY)
    with traces.step("record", record=str(uuid4())):
        pass
    began = time.monotonic()
    traces.end()
    assert time.monotonic() - began < 4


def test_every_program_keeps_the_same_share_and_a_trace_whole_or_not_at_all() -> None:
    from server.telemetry import _Share, ids_of

    records = [str(uuid4()) for _ in range(2000)]
    kept = [_Share(30).should_sample(None, ids_of(record)[0], "x").decision.is_sampled() for record in records]
    assert kept == [_Share(30).should_sample(None, ids_of(record)[0], "y").decision.is_sampled() for record in records]
    assert 480 < sum(kept) < 720
    assert all(_Share(100).should_sample(None, ids_of(record)[0], "x").decision.is_sampled() for record in records)
    assert all(UUID(record).int == ids_of(record)[0] for record in records)
    assert len({ids_of(word) for word in ("", "a", "b", str(UUID(int=0)))}) == 4


def test_switched_off_nothing_of_opentelemetry_is_imported_and_nothing_is_asked_of_it() -> None:
    program = (
        "import sys; import server.__main__, server.app, server.running; from server import traces;"
        "step = traces.step('record', record='r'); step.__enter__(); step.__exit__(None, None, None);"
        "print([name for name in sys.modules if name.startswith('opentelemetry') or name == 'server.telemetry'], traces.is_on())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[] False"


def test_where_opentelemetry_is_not_installed_the_setting_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "server.telemetry", None)
    monkeypatch.delattr("server.telemetry", raising=False)
    with pytest.raises(ConfigError) as told:
        traces.begin(TelemetryConfig(traces=True), part="run", facility=FACILITY)
    assert told.value.problems[0][0] == "telemetry.traces"


@pytest.mark.parametrize("endpoint", ["127.0.0.1:4318", "file:///x", "http://"])
def test_an_address_that_is_none_is_refused(endpoint: str, tmp_path: Path) -> None:
    known = {"database_url": "sqlite:///x", "facility": FACILITY, "secret_key": "k" * 40, "password_salt": "s" * 40}
    with pytest.raises(ConfigError) as told:
        read({**known, "telemetry": {"traces": True, "endpoint": endpoint}}, anchor=tmp_path)
    assert told.value.problems[0][0] == "telemetry.endpoint"
