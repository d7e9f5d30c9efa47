"""The server's gateway over real brokers: receipts, tables, leases, clocks, events, and rubbish on every topic."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from flask import Flask
from joserfc import jws
from paho.mqtt.enums import CallbackAPIVersion

from devices.broker import Arrival, Broker
from pointofcare.verdict.facts import Lease
from pointofcare.wire import codec, routes, snapshot
from pointofcare.wire import tables as wire_tables
from pointofcare.wire.messages import (
    TELLS_EMR_WAITING,
    AdministrationRecorded,
    AttemptOutcome,
    AttemptStopped,
    Body,
    CartBirth,
    CartPhase,
    CartState,
    ClockAsked,
    ClockTold,
    EmrSettled,
    EmrState,
    EventsAcknowledged,
    FleetEvent,
    HeldTable,
    HostState,
    LeaseAction,
    LeaseAnswered,
    LeaseAsked,
    RecordReceived,
    TableIssued,
    TableKind,
    TablesHeld,
    Telemetry,
    TelemetryKind,
)
from pointofcare.wire.recompute import StoredVerdict
from pointofcare.wire.routes import Route
from pointofcare.wire.tables import PatientChartBody
from server.config import MqttConfig
from server.mqtt.gateway import Gateway
from server.security import signing
from server.store import administrations, discrepancies, fleet, outbox, tasks, verdicts, views_log
from server.store.tables import CartRow
from server.store.transaction import Actor, reading, transaction
from server.store.views_log import Wanted
from server.usecases import orders, task_kinds
from server.usecases.facts import Site
from simulation.fault_proxy import FaultProxy
from tests.support import work
from tests.support.brokers import KINDS, Clients, Inbox, a_message, running_clients
from tests.support.builders import facts
from tests.support.databases import migrated_app
from tests.support.hospital_day import wait_until
from tests.support.server_ward import PHARMACIST, WARD, a_record, open_ward

FACILITY = "h1"


@dataclass
class Ground:
    """A broker, a server with a ward, and one cart that listens to everything it may."""

    app: Flask
    clients: Clients
    directory: Path
    cart: Broker
    inbox: Inbox

    @contextmanager
    def gateway(self, *, port: int | None = None) -> Iterator[Gateway]:
        made = Gateway(
            MqttConfig(
                host="127.0.0.1", port=port or self.clients.running.port, username="server", password=self.clients.passwords["server"]
            ),
            facility=FACILITY,
            key=signing.load_or_generate(self.directory / "key.json"),
            site=Site(),
            lifetime=timedelta(hours=24),
            version="test",
            scope=self.app.app_context,
        )
        made.start()
        try:
            self.inbox.expect(Arrival, lambda one: isinstance(one.message.body, HostState) and one.message.body.online)
            yield made
        finally:
            made.stop()

    def send(self, route: Route, body: Body, **levels: str) -> str:
        message = a_message("c1", body)
        assert self.cart.publish(route, message, facility=FACILITY, cart="c1", **levels).wait(10)
        return message.id

    def expect(self, kind: type[Body], where: Callable[[Body], bool] = lambda _: True) -> Body:
        arrival = self.inbox.expect(Arrival, lambda one: isinstance(one.message.body, kind) and where(one.message.body))
        arrival.ack()
        return arrival.message.body

    def dose(self, **changes: object) -> tuple[str, RecordReceived]:
        made = a_record(**changes)
        self.send(routes.ADMINISTRATION, AdministrationRecorded(record=made, seq=1, epoch="e1"))
        return made.record_id, self.receipt(made.record_id)

    def told(self, record_id: str) -> None:
        settled = self.expect(EmrSettled, lambda body: isinstance(body, EmrSettled) and body.record_id == record_id)
        assert isinstance(settled, EmrSettled)
        assert settled.state is EmrState.SETTLED

    def receipt(self, record_id: str) -> RecordReceived:
        received = self.expect(RecordReceived, lambda body: isinstance(body, RecordReceived) and body.record_id == record_id)
        assert isinstance(received, RecordReceived)
        return received

    def table(self, kind: TableKind, where: Callable[[TableIssued], bool] = lambda _: True) -> wire_tables.Table:
        issued = self.expect(TableIssued, lambda body: isinstance(body, TableIssued) and body.kind is kind and where(body))
        assert isinstance(issued, TableIssued)
        key = signing.load(self.directory / "key.json")
        return wire_tables.read_claims(jws.deserialize_compact(issued.jws, key.key, algorithms=["Ed25519"]).payload or b"")


@pytest.fixture(params=KINDS)
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    with migrated_app("sqlite", tmp_path) as app, running_clients(request.param, ("c1",)) as clients:
        open_ward(patient_count=2)
        cart, inbox = clients.make("c1")
        for route in (routes.RECEIPT, routes.EMR, routes.TABLE, routes.LEASE, routes.CLOCK, routes.WITNESS_TOLD, routes.ACK):
            cart.on(route, facility=FACILITY, cart="c1")
        cart.on(routes.HOST, facility=FACILITY)
        clients.connect(cart, inbox)
        yield Ground(app, clients, tmp_path, cart, inbox)


def test_a_record_gets_its_receipt_after_the_commit_and_the_same_one_again(ground: Ground) -> None:
    with ground.gateway() as gateway:
        made = a_record()
        for duplicate in (False, True, True):
            ground.send(routes.ADMINISTRATION, AdministrationRecorded(record=made, seq=1, epoch="e1"))
            received = ground.receipt(made.record_id)
            assert received.duplicate is duplicate
        assert (gateway.state.recorded, gateway.state.duplicates, gateway.state.failed) == (1, 2, 0)
        with reading() as tx:
            assert views_log.lines(tx, Wanted(action="administration.record"), limit=1)[0].place == "cart/c1"
            assert administrations.get(tx, made.record_id) is not None


def test_a_server_that_dies_between_commit_and_receipt_says_duplicate_afterwards(ground: Ground) -> None:
    made = a_record()
    recorded = AdministrationRecorded(record=made, seq=1, epoch="e1")
    with ground.gateway() as gateway:
        died = threading.Event()

        def die(*_: object, **__: object) -> None:
            died.set()
            raise SystemError("killed after the commit")

        gateway._receipt = die  # type: ignore[method-assign]
        ground.send(routes.ADMINISTRATION, recorded)
        assert died.wait(10)
    with ground.gateway():
        ground.send(routes.ADMINISTRATION, recorded)
        assert ground.receipt(made.record_id).duplicate is True
        with reading() as tx:
            assert outbox.counts(tx).pending == 1


def test_a_second_look_that_fails_keeps_no_dose_out(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)

    def broken(_facts: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("pointofcare.verdict.engine.evaluate", broken)
    with ground.gateway():
        record_id, received = ground.dose()
        assert [note.code for note in received.discrepancies] == ["not-evaluated"]
        with reading() as tx:
            assert [one.record_id for one in discrepancies.listed(tx)] == [record_id]


def test_tasks_that_cannot_be_raised_keep_neither_attempt_nor_event_out(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    for name in ("after_attempt", "after_event"):
        monkeypatch.setattr(f"server.usecases.tasks_raised.{name}", broken)
    made = work.stopped_by()
    count = FleetEvent(seq=1, epoch="e1", kind="controlled-count", at=made.at, details={"product": "M", "drawer": 1, "counted": 3})
    with ground.gateway():
        ground.send(routes.ATTEMPT, made)
        assert ground.receipt(made.record_id).duplicate is False
        ground.send(routes.EVENT, count)
        ground.expect(EventsAcknowledged)
    with reading() as tx:
        assert [one.record_id for one in administrations.attempts(tx)] == [made.record_id]


def test_an_unknown_barcode_a_missing_dose_and_a_count_become_tasks_on_their_way_in(ground: Ground) -> None:
    made = work.stopped_by()
    count = FleetEvent(
        seq=1, epoch="e1", kind="controlled-count", at=made.at, details={"product": "M", "drawer": 1, "counted": 3, "nurse": "N1"}
    )
    with ground.gateway():
        for _ in range(2):
            ground.send(routes.ATTEMPT, made)
            ground.receipt(made.record_id)
            ground.send(routes.EVENT, count)
            ground.expect(EventsAcknowledged)
        ground.dose(action="not-given", status="not-done", status_reason="unavailable", dose=None, scans=())
    with reading() as tx:
        found = tasks.listed(tx, kinds=tuple(task_kinds.KINDS))
    assert sorted((task.kind, task.repeats) for task in found) == [("controlled-count", 0), ("dose-request", 0), ("unknown-barcode", 0)]


def test_rubbish_on_every_topic_is_shown_and_stops_nothing(ground: Ground) -> None:
    rubbish = [b"", b"\x00\xff\xfe", b"{", b"[]", b'{"v":"9.0"}', b'{"v":"1.0","type":"CartState"}', b"x" * 200_000, b"[" * 50_000]
    good = codec.encode(dataclasses.replace(a_message("c1", AdministrationRecorded(record=a_record(), seq=1, epoch="e1")), sid="s1"))
    rubbish += [good.replace(b'"from":"c1"', b'"from":"c2"'), good.replace(b'"1.0"', b'"2.0"'), good[:-1]]
    topics = []
    for route in routes.ROUTES:
        if route.direction is routes.Direction.UP:
            topics.append(route.topic(facility=FACILITY, cart="c1", **dict.fromkeys(route.levels[2:], "power")))
    with ground.gateway() as gateway:
        sent = send_raw(ground, [(topic, payload) for topic in topics for payload in rubbish])
        assert sent == len(topics) * len(rubbish)
        _, received = ground.dose()
        assert received.discrepancies == ()
        assert gateway.state.rejected > 50
        assert gateway.state.failed == 0
    with reading() as tx:
        assert fleet.rejected_count(tx) == gateway.state.rejected


def send_raw(ground: Ground, payloads: list[tuple[str, bytes]]) -> int:
    """Publishes bytes as the cart's second connection, each acknowledged by the broker; how many were."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="rubbish", protocol=mqtt.MQTTv311)
    client.username_pw_set("c1", ground.clients.passwords["c1"])
    ready = threading.Event()
    client.on_connect = lambda *_: ready.set()
    client.connect("127.0.0.1", ground.clients.running.port)
    client.loop_start()
    try:
        assert ready.wait(10)
        sent = 0
        for topic, payload in payloads:
            info = client.publish(topic, payload, qos=1)
            info.wait_for_publish(10)
            sent += info.is_published()
        return sent
    finally:
        client.disconnect()
        client.loop_stop()


def test_a_record_of_another_facility_is_not_taken(ground: Ground) -> None:
    with ground.gateway() as gateway:
        stranger = a_record(facility="h2")
        ground.send(routes.ADMINISTRATION, AdministrationRecorded(record=stranger, seq=1, epoch="e1"))
        ground.dose()
        assert gateway.state.rejected == 1
        with reading() as tx:
            assert administrations.get(tx, stranger.record_id) is None


def test_a_stopped_attempt_is_kept_as_evidence_and_gets_its_receipt(ground: Ground) -> None:
    record = a_record()
    shared = {field.name for field in dataclasses.fields(AttemptStopped)} & {field.name for field in dataclasses.fields(record)}
    attempt = AttemptStopped(
        **{name: getattr(record, name) for name in shared},
        at=record.recorded_at,
        outcome=AttemptOutcome.STOPPED,
        seq=2,
        epoch="e1",
        products=("AMOX500",),
    )
    with ground.gateway():
        for duplicate in (False, True):
            ground.send(routes.ATTEMPT, attempt)
            assert ground.receipt(record.record_id).duplicate is duplicate
    with reading() as tx:
        kept = administrations.attempts(tx)
        assert [(one.record_id, one.product) for one in kept] == [(record.record_id, "AMOX500")]
        assert administrations.get(tx, record.record_id) is None
        assert outbox.counts(tx).pending == 0


def test_a_cart_gets_the_tables_it_lacks_and_then_what_changes(ground: Ground) -> None:
    with ground.gateway():
        ground.send(routes.STATE, CartState(phase=CartPhase.READY, ward=WARD))
        ground.send(routes.TABLES, TablesHeld(ward=WARD))
        tables = {kind: ground.table(kind) for kind in TableKind}
        chart = tables[TableKind.PATIENT_CHART]
        assert isinstance(chart.body, PatientChartBody)
        assert chart.body.timezone == "Asia/Ho_Chi_Minh"
        with transaction(PHARMACIST) as tx:
            orders.reject(tx, PHARMACIST, "O1", 1, reason="interaction")
        newer = ground.table(TableKind.PATIENT_CHART, lambda issued: issued.version > chart.version)
        assert isinstance(newer.body, PatientChartBody)
        assert [order.verified for order in newer.body.orders] == [False, True]


def test_a_cart_that_holds_everything_is_sent_nothing_and_one_ahead_of_us_is_overtaken(ground: Ground) -> None:
    with ground.gateway():
        ground.send(routes.TABLES, TablesHeld(ward=WARD))
        held = []
        for kind in TableKind:
            table = ground.table(kind)
            held.append(HeldTable(kind=kind, ward=WARD, version=table.version, expires_at=table.expires_at))
        ahead = [*held[1:], dataclasses.replace(held[0], version=held[0].version + 40)]
        ground.send(routes.TABLES, TablesHeld(ward=WARD, held=tuple(ahead)))
        assert ground.table(held[0].kind, lambda issued: issued.version > held[0].version + 40)


def test_a_dose_lease_is_answered_with_its_fence(ground: Ground) -> None:
    with ground.gateway():
        with transaction(Actor(id="gateway")) as tx:
            from server.usecases import leases

            leases.acquire(tx, patient="P2", cart="c9")
        asked = ground.send(routes.LEASE_ASK, LeaseAsked(action=LeaseAction.ACQUIRE, patient="P1"))
        held = ground.expect(LeaseAnswered, lambda body: isinstance(body, LeaseAnswered) and body.asked == asked)
        assert isinstance(held, LeaseAnswered)
        assert (held.state, held.fence, held.holder) == (Lease.HELD, 1, "c1")
        assert held.lasts_s == pytest.approx(300)
        asked = ground.send(routes.LEASE_ASK, LeaseAsked(action=LeaseAction.ACQUIRE, patient="P2"))
        other = ground.expect(LeaseAnswered, lambda body: isinstance(body, LeaseAnswered) and body.asked == asked)
        assert isinstance(other, LeaseAnswered)
        assert (other.state, other.holder) == (Lease.OTHER_CART, "c9")


def test_the_clock_is_told_and_events_are_acknowledged_after_the_commit(ground: Ground) -> None:
    with ground.gateway():
        at = datetime(2020, 1, 1, tzinfo=UTC)
        ground.send(routes.CLOCK_ASK, ClockAsked(asked_at=at))
        told = ground.expect(ClockTold)
        assert isinstance(told, ClockTold)
        assert told.asked_at == at
        assert abs((told.server_at - datetime.now(UTC)).total_seconds()) < 30
        for seq in (1, 2, 3):
            ground.send(routes.EVENT, FleetEvent(seq=seq, epoch="e1", kind="boot", at=at))
        assert ground.expect(EventsAcknowledged, lambda body: isinstance(body, EventsAcknowledged) and body.upto == 3)


def test_what_the_emr_did_reaches_the_cart(ground: Ground) -> None:
    with ground.gateway() as gateway:
        record_id, _ = ground.dose()
        with transaction(Actor(id="dispatcher")) as tx:
            item = outbox.of_record(tx, record_id)
            assert item is not None
            outbox.mark_sent(tx, item.id, emr_id="MedicationAdministration/17", emr_version="1")
        gateway.wake()
        settled = ground.expect(EmrSettled)
        assert settled == EmrSettled(record_id=record_id, state=EmrState.SETTLED, emr_id="MedicationAdministration/17")


def test_state_and_telemetry_are_seen_by_the_fleet(ground: Ground) -> None:
    with ground.gateway() as gateway:
        ground.send(routes.STATE, CartState(phase=CartPhase.DEGRADED, why="camera-unavailable", ward=WARD))
        numbers = Telemetry(kind=TelemetryKind.POWER, at=datetime.now(UTC), values={"battery_percent": 64, "charging": False})
        ground.cart.publish(routes.TELEMETRY, a_message("c1", numbers), facility=FACILITY, cart="c1", kind="power")
        ground.send(routes.TABLES, TablesHeld(ward=WARD))
        ground.table(TableKind.POLICY)
        gateway.wake()
        ground.send(routes.CLOCK_ASK, ClockAsked(asked_at=datetime.now(UTC)))
        ground.expect(ClockTold)
    with reading() as tx:
        row = fleet.cart_row(tx, "c1")
    assert row is not None
    assert (row["phase"], row["ward"], row["battery_percent"]) == ("degraded", WARD, 64)


def test_a_late_last_will_of_an_older_gateway_is_answered_with_life(ground: Ground) -> None:
    with ground.gateway():
        other, _ = other_server = ground.clients.make("server", client_id="older-gateway")
        ground.clients.connect(*other_server)
        late = a_message("server", HostState(online=False, at=datetime.now(UTC)))
        assert other.publish(routes.HOST, late, facility=FACILITY).wait(10)
        ground.expect(HostState, lambda body: isinstance(body, HostState) and not body.online)
        assert ground.expect(HostState, lambda body: isinstance(body, HostState) and body.online)


def test_what_a_verdict_was_a_function_of_is_kept_with_the_record(ground: Ground) -> None:
    text = snapshot.pack(facts())
    with ground.gateway():
        made = a_record()
        ground.send(routes.ADMINISTRATION, AdministrationRecorded(record=made, seq=1, epoch="e1", facts=text))
        ground.receipt(made.record_id)
        with reading() as tx:
            kept = verdicts.get(tx, made.record_id)
            assert isinstance(kept, StoredVerdict)
            assert kept.facts == text


def test_a_word_of_the_emr_that_the_broker_never_got_is_told_again(ground: Ground) -> None:
    with FaultProxy(ground.clients.running.port) as line, ground.gateway(port=line.port) as gateway:
        record_id, _ = ground.dose()
        line.blackhole_up = True
        with transaction(PHARMACIST) as tx:
            (item,) = outbox.claim(tx, limit=1, lease_s=60)
            outbox.mark_sent(tx, item.id, emr_id="MedicationAdministration/1")
        before = gateway._broker.status().published
        wait_until(lambda: gateway._broker.status().published > before, "the word on its way")
        line.reset()
        line.heal()
        ground.told(record_id)


def settled_dose(ground: Ground) -> str:
    """A dose of which the cart was told that the EMR has it."""
    record_id, _ = ground.dose()
    with transaction(PHARMACIST) as tx:
        (item,) = outbox.claim(tx, limit=1, lease_s=60)
        outbox.mark_sent(tx, item.id, emr_id="MedicationAdministration/1")
    ground.told(record_id)
    return record_id


BIRTH = CartBirth(boot_id="b1", versions={}, hardware="cart", epoch="e1", ward=WARD)


def test_a_birth_that_the_server_failed_on_is_taken_at_its_next_look(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    with ground.gateway():
        record_id = settled_dose(ground)
        put, failed = fleet.put_birth, threading.Event()

        def full(*args: object, **named: object) -> object:
            if not failed.is_set():
                failed.set()
                raise OSError("the disk is full")
            return put(*args, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(fleet, "put_birth", full)
        ground.send(routes.BIRTH, BIRTH)
        ground.told(record_id)
        assert failed.is_set()


def test_a_birth_while_the_server_was_away_is_seen_by_the_copy_that_the_broker_kept(ground: Ground) -> None:
    with ground.gateway():
        record_id = settled_dose(ground)
    ground.send(routes.BIRTH, BIRTH)
    with ground.gateway():
        ground.told(record_id)
    with reading() as tx:
        birth = tx.session.get(CartRow, (FACILITY, "c1"))
        assert birth is not None
        sid = birth.hardware["sid"]
    with transaction(PHARMACIST) as tx:
        assert not fleet.put_birth(tx, "c1", BIRTH, sid=sid)
        assert fleet.put_birth(tx, "c1", BIRTH, sid="another")


def test_a_cart_that_names_what_it_waits_for_is_told_of_that_alone(ground: Ground) -> None:
    with ground.gateway():
        first, second = settled_dose(ground), settled_dose(ground)
        wait_until(lambda: _untold() == (), "the words at the cart")
        ground.send(routes.BIRTH, replace(BIRTH, capabilities=(TELLS_EMR_WAITING,)))
        wait_until(_is_born, "the birth taken")
        assert _untold() == ()
        ground.send(routes.TABLES, TablesHeld(ward=WARD, emr_waiting=(second, "not-ours")))
        ground.told(second)
        wait_until(lambda: _untold() == (), "the word at the cart")
        with transaction(PHARMACIST) as tx:
            outbox.tell_of(tx, "another-cart", [first])
        assert _untold() == ()


def test_what_a_cart_waits_to_hear_of_is_kept_while_the_server_cannot_note_it(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named once an hour; an answer about tables that the server could give meanwhile does not settle it."""
    with ground.gateway():
        record_id = settled_dose(ground)
        wait_until(lambda: _untold() == (), "the word at the cart")
        tell_of, broken = outbox.tell_of, threading.Event()

        def full(*args: object) -> None:
            if not broken.is_set():
                broken.set()
                raise OSError("the disk is full")
            tell_of(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(outbox, "tell_of", full)
        ground.send(routes.TABLES, TablesHeld(ward=WARD, emr_waiting=(record_id,)))
        ground.send(routes.TABLES, TablesHeld(ward=WARD))
        ground.told(record_id)
        assert broken.is_set()


def test_a_record_that_comes_again_is_told_again_what_the_emr_said(ground: Ground) -> None:
    """The cart died before it noted the receipt: it could not name this record among what it waits to hear of."""
    made = a_record()
    again = AdministrationRecorded(record=made, seq=1, epoch="e1")
    with ground.gateway():
        ground.send(routes.ADMINISTRATION, again)
        ground.receipt(made.record_id)
        with transaction(PHARMACIST) as tx:
            (item,) = outbox.claim(tx, limit=1, lease_s=60)
            outbox.mark_sent(tx, item.id, emr_id="MedicationAdministration/1")
        ground.told(made.record_id)
        wait_until(lambda: _untold() == (), "the word at the cart")
        ground.send(routes.ADMINISTRATION, again)
        assert ground.receipt(made.record_id).duplicate
        ground.told(made.record_id)


def _untold() -> tuple[outbox.OutboxItem, ...]:
    with reading() as tx:
        return outbox.untold(tx)


def _is_born() -> bool:
    with reading() as tx:
        row = tx.session.get(CartRow, (FACILITY, "c1"))
        return row is not None and row.boot_id == BIRTH.boot_id
