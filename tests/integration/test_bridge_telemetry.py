"""Battery, drawers and events of the microcontroller reach a real broker, and nothing is told twice as two things."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from devices.broker import Arrival, Broker
from devices.ports import DrawerOutcome
from pointofcare.wire import routes
from pointofcare.wire.messages import EventsAcknowledged, FleetEvent, HostState, Telemetry, TelemetryKind
from tests.support.bridge import RunningBridge, a_bridge, eventually
from tests.support.brokers import FACILITY, KINDS, SERVER, Clients, Inbox, a_message, running_clients

LEVELS = {"facility": FACILITY, "cart": "c1"}


@contextmanager
def _server(clients: Clients) -> Iterator[tuple[Broker, Inbox]]:
    broker, inbox = clients.make(SERVER)
    broker.on(routes.TELEMETRY, facility=FACILITY)
    broker.on(routes.EVENT, facility=FACILITY)
    clients.connect(broker, inbox)
    yield broker, inbox


def _bridge(clients: Clients, **options: float) -> object:
    return a_bridge(broker_port=clients.running.port, password=clients.passwords["c1"], **options)  # type: ignore[arg-type]


def _telemetry(inbox: Inbox, kind: TelemetryKind, **wanted: object) -> Telemetry:
    def right(arrival: Arrival) -> bool:
        body = arrival.message.body
        return isinstance(body, Telemetry) and body.kind is kind and all(body.values.get(name) == value for name, value in wanted.items())

    body = inbox.expect(Arrival, right).message.body
    assert isinstance(body, Telemetry)
    return body


def _event(inbox: Inbox, kind: str) -> FleetEvent:
    def right(arrival: Arrival) -> bool:
        return isinstance(arrival.message.body, FleetEvent) and arrival.message.body.kind == kind

    body = inbox.expect(Arrival, right).message.body
    assert isinstance(body, FleetEvent)
    return body


@pytest.mark.parametrize("kind", KINDS)
def test_power_drawers_and_events_reach_the_broker(kind: str) -> None:
    with running_clients(kind) as clients, _server(clients) as (_, inbox), _bridge(clients) as running:
        power = _telemetry(inbox, TelemetryKind.POWER)
        assert (power.values["battery_percent"], power.values["charging"]) == (87, False)
        assert _telemetry(inbox, TelemetryKind.MCU, connected=True).values["hardware"] == "simulated-r1"
        assert running.drawers.unlock(4, command_id="a", ttl_s=20.0) is DrawerOutcome.UNLOCKED
        assert _telemetry(inbox, TelemetryKind.DRAWERS, unlocked="4").values["count"] == 8
        event = _event(inbox, "drawer-unlocked")
        assert (event.details["drawer"], event.boot_id) == (4, running.bridge.relay.condition.boot_id)
        assert abs((datetime.now(UTC) - event.at).total_seconds()) < 10
        running.microcontroller.pull(4)
        assert _event(inbox, "drawer-opened").seq > event.seq
        assert _telemetry(inbox, TelemetryKind.DRAWERS, open="4")


def test_mains_coming_back_is_told_at_once_not_after_a_minute() -> None:
    with running_clients("nats") as clients, _server(clients) as (_, inbox), _bridge(clients) as running:
        _telemetry(inbox, TelemetryKind.POWER, on_mains=False)
        running.microcontroller.on_mains = True
        _telemetry(inbox, TelemetryKind.POWER, on_mains=True, charging=True)


def test_events_wait_for_a_server_that_is_away_and_go_only_when_acknowledged() -> None:
    with running_clients("nats") as clients, _bridge(clients) as running:
        ledger = running.bridge.ledger
        running.drawers.unlock(1, command_id="a", ttl_s=20.0)
        eventually(lambda: ledger.count() >= 2, "the events were not written down")
        with _server(clients) as (server, inbox):
            event, again = (_told_again(server, inbox) for _ in range(2))
            assert (again.seq, again.epoch) == (event.seq, event.epoch), "the same event comes again under the same number"
            _acknowledge(server, "another-epoch", event.seq)
            _acknowledge(server, event.epoch, event.seq)
            eventually(lambda: ledger.count() == 0, "acknowledged events were kept")


def _told_again(server: Broker, inbox: Inbox) -> FleetEvent:
    server.publish(routes.HOST, a_message(SERVER, HostState(online=True, at=datetime.now(UTC))), facility=FACILITY)
    return _event(inbox, "drawer-unlocked")


def _acknowledge(server: Broker, epoch: str, upto: int) -> None:
    server.publish(routes.ACK, a_message(SERVER, EventsAcknowledged(epoch=epoch, upto=upto)), **LEVELS)


def test_a_reset_of_the_microcontroller_loses_no_event_and_doubles_none() -> None:
    with a_bridge() as running:
        mcu, ledger = running.microcontroller, running.bridge.ledger
        first_boot = _settled_boot(running, "")
        running.drawers.unlock(1, command_id="a", ttl_s=20.0)
        eventually(lambda: "drawer-unlocked" in _kinds(running), "the first event was not written down")
        mcu.reset()
        second_boot = _settled_boot(running, first_boot)
        running.drawers.unlock(2, command_id="b", ttl_s=20.0)
        eventually(lambda: _kinds(running).count("drawer-unlocked") == 2, "the second event was not written down")
        assert _kinds(running) == ["boot", "drawer-unlocked", "boot", "drawer-unlocked"]
        assert [event.boot_id for event in ledger.waiting() if event.boot_id is not None] == [first_boot] * 2 + [second_boot] * 2
        assert [event.seq for event in ledger.waiting()] == list(range(1, 9))


def test_a_lossy_line_doubles_no_event() -> None:
    with a_bridge() as running:
        running.microcontroller.knobs.lose = 0.3
        for number in range(12):
            running.drawers.unlock(1 + number % 8, command_id=f"c{number}", ttl_s=30.0)
        running.microcontroller.knobs.lose = 0.0
        eventually(lambda: _kinds(running).count("drawer-unlocked") == 12, "events are missing")
        numbers = [event.mono_ms for event in running.bridge.ledger.waiting() if event.mono_ms is not None]
        assert _kinds(running).count("drawer-unlocked") == 12
        assert numbers == sorted(numbers)


def test_a_pulled_cable_is_an_event_and_so_is_its_return(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware_bridge.relay._LOST_AFTER_S", 0.2)
    with a_bridge() as running:
        _settled_boot(running, "")
        running.microcontroller.unplug()
        eventually(lambda: "mcu-lost" in _kinds(running), "the pulled cable is no event")
        running.microcontroller.plug()
        eventually(lambda: "mcu-back" in _kinds(running), "its return is no event")
        assert _kinds(running).count("mcu-lost") == 1


def _kinds(running: RunningBridge) -> list[str]:
    """But the bridge's own: which unlocks it was asked for."""
    return [event.kind for event in running.bridge.ledger.waiting() if not event.kind.startswith("unlock-")]


def _settled_boot(running: RunningBridge, before: str) -> str:
    eventually(lambda: running.bridge.relay.condition.boot_id not in ("", before), "the new boot was not seen")
    return running.bridge.relay.condition.boot_id
