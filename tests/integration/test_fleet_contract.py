"""The rules of the fleet's part of the contract at the server: alerts, settings, late wills, gaps, over real brokers and by the clock."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from joserfc import jws
from joserfc.jwk import OKPKey
from sqlalchemy import func, select

from devices.broker import Arrival, Broker, Cleared, Connected
from pointofcare.wire import routes, settings
from pointofcare.wire.messages import (
    AlertRaised,
    AlertSeverity,
    Body,
    CartPhase,
    CartState,
    Command,
    ConfigDesired,
    ConfigReported,
    EventsAcknowledged,
    FleetEvent,
    JobState,
    JobTold,
    Telemetry,
    TelemetryKind,
)
from pointofcare.wire.routes import Route
from server.mqtt import fleet_end
from server.mqtt.fleet_end import FleetEnd, Hooks, Posted
from server.security.signing import SigningKey
from server.store import cart_alerts, cart_config, fleet, telemetry_points
from server.store.tables import CartAlertRow, CartRow, CartTelemetryPointRow
from server.store.transaction import Actor, reading, transaction
from tests.integration.test_server_gateway import FACILITY, Ground
from tests.support.brokers import KINDS, a_message, running_clients
from tests.support.databases import migrated_app
from tests.support.hospital_day import wait_until
from tests.support.server_ward import WARD, open_ward

KEY = SigningKey(key=OKPKey.generate_key("Ed25519"))
ACTOR = Actor(id="gateway")
AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
LOW = AlertRaised(code="battery-low", severity=AlertSeverity.WARNING, at=AT, details={"value": 18})


class End:
    """The fleet's end with a clock of its own and what it would publish."""

    def __init__(self, hooks: Hooks | None = None) -> None:
        self.posted: list[Posted] = []
        self.rejected: list[str] = []
        self.mono_s = 1000.0
        self.hooks = hooks or Hooks()
        self.end = FleetEnd(actor=ACTOR, facility="h1", key=KEY, publish=self._publish, reject=self._reject, hooks=self.hooks)

    def _publish(self, posted: Posted) -> bool:
        self.posted.append(posted)
        return True

    def _reject(self, _arrival: Arrival, why: str) -> None:
        self.rejected.append(why)

    def tell(self, route: Route, body: Body, *, cart: str = "c1", sid: str = "s1", retained: bool = False, **levels: str) -> None:
        made = a_message(cart, body)
        message = type(made)(id=made.id, sent_at=made.sent_at, sender=cart, body=body, sid=sid)
        levels = {"facility": "h1", "cart": cart, **levels}
        arrival = Arrival(route=route, levels=levels, message=message, retained=retained, received_mono_s=self.mono_s, ack=lambda: None)
        self.end.take[type(body)](arrival, self.mono_s)

    def alert(self, body: AlertRaised = LOW, *, alert: str = "battery-low", cart: str = "c1", retained: bool = False) -> None:
        self.tell(routes.ALERT, body, cart=cart, retained=retained, alert=alert)

    def clear(self, alert: str = "battery-low", *, route: Route = routes.ALERT, cart: str = "c1") -> None:
        levels = {"facility": "h1", "cart": cart, **({"alert": alert} if route is routes.ALERT else {})}
        self.end.cleared(Cleared(route=route, levels=levels, ack=lambda: None))

    def look(self, after_s: float = 0.0, *, connected: bool = True) -> list[Posted]:
        self.mono_s += after_s
        before = len(self.posted)
        self.end.look(self.mono_s, connected=connected)
        return self.posted[before:]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path) as made:
        open_ward()
        with transaction(ACTOR) as tx:
            for cart in ("c1", "c2"):
                fleet.put_state(tx, cart, CartState(phase=CartPhase.READY, ward=WARD, at=tx.at), sid="s1", sent_at=tx.at)
        yield made


@pytest.fixture
def end(app: Flask) -> End:
    return End()


def open_alerts(cart: str = "c1") -> list[str]:
    with reading() as tx:
        return [one.alert for one in cart_alerts.open_of(tx, cart)]


def occurrences() -> int:
    with reading() as tx:
        return tx.session.scalar(select(func.count()).select_from(CartAlertRow)) or 0


def row(cart: str = "c1") -> CartRow:
    with reading() as tx:
        found = tx.session.get(CartRow, ("h1", cart))
        assert found is not None
        tx.session.expunge(found)
        return found


# Alerts.


def test_an_alert_is_open_until_its_topic_is_emptied(end: End) -> None:
    end.alert()
    assert open_alerts() == ["battery-low"]
    end.clear()
    assert open_alerts() == []


def test_a_repeated_alert_and_a_late_copy_of_a_resolved_one_change_nothing(end: End) -> None:
    end.alert()
    end.alert()
    end.alert(retained=True)
    end.clear()
    end.clear()
    end.alert()  # what a slow line still had
    assert (open_alerts(), occurrences()) == ([], 1)


def test_another_beginning_is_another_occurrence_and_ends_the_one_whose_end_was_not_heard(end: End) -> None:
    end.alert()
    later = AlertRaised(code=LOW.code, severity=AlertSeverity.CRITICAL, at=AT + timedelta(hours=1), details={})
    end.alert(later)
    end.alert()  # the older one, late
    assert (open_alerts(), occurrences()) == (["battery-low"], 2)
    with reading() as tx:
        assert cart_alerts.open_of(tx, "c1")[0].since == later.at


def test_the_same_occurrence_said_again_as_worse_is_worse(end: End) -> None:
    end.alert()
    end.alert(AlertRaised(code=LOW.code, severity=AlertSeverity.CRITICAL, at=AT, details={"value": 7}))
    with reading() as tx:
        (one,) = cart_alerts.open_of(tx, "c1")
    assert (one.severity, one.details, occurrences()) == ("critical", {"value": 7}, 1)


def test_what_was_resolved_while_the_server_was_away_is_resolved_once_everything_kept_was_read(app: Flask) -> None:
    before = End()
    before.alert()
    before.alert(alert="disk-low")
    before.alert(cart="c2")
    after = End()
    after.end.connected(datetime.now(UTC), after.mono_s)
    after.alert(retained=True)  # the broker keeps this one alone
    assert after.look(fleet_end.KEPT_READ_S - 1) == []
    assert (open_alerts(), open_alerts("c2")) == (["battery-low", "disk-low"], ["battery-low"])
    after.look(2)
    assert (open_alerts(), open_alerts("c2")) == (["battery-low"], [])
    after.alert(cart="c2")  # its broker was slow: the cart says it still
    assert (open_alerts("c2"), occurrences()) == (["battery-low"], 3)


def test_a_connection_that_ends_while_reading_resolves_nothing(end: End) -> None:
    end.alert()
    end.end.connected(datetime.now(UTC), end.mono_s)
    end.end.disconnected()
    end.look(3600, connected=False)
    assert open_alerts() == ["battery-low"]


def test_a_cart_can_neither_raise_nor_clear_what_a_rule_found_nor_flood_the_list(end: End) -> None:
    with transaction(ACTOR) as tx:
        cart_alerts.begin(
            tx, "c1", "rule-1", code="offline", severity=AlertSeverity.WARNING, since=AT, details={}, source=cart_alerts.RULE, rule=1
        )
    end.clear("rule-1")
    end.alert(alert="rule-2")
    assert open_alerts() == ["rule-1"]
    for number in range(cart_alerts.MOST_OPEN + 10):
        end.alert(alert=f"made-up-{number}")
    assert len(open_alerts()) == cart_alerts.MOST_OPEN
    assert len(end.rejected) == 12
    end.alert(AlertRaised(code="no code at all", severity=AlertSeverity.WARNING, at=AT))
    assert len(end.rejected) == 13


def test_a_rules_alert_outlives_a_new_connection(end: End) -> None:
    with transaction(ACTOR) as tx:
        cart_alerts.begin(
            tx, "c1", "rule-1", code="offline", severity=AlertSeverity.WARNING, since=AT, details={}, source=cart_alerts.RULE, rule=1
        )
    end.end.connected(datetime.now(UTC), end.mono_s)
    end.look(60)
    assert open_alerts() == ["rule-1"]


# States.


def state(end: End, phase: CartPhase, sid: str, *, retained: bool = False) -> None:
    end.tell(routes.STATE, CartState(phase=phase, ward=WARD), sid=sid, retained=retained)


def test_a_cart_that_is_back_within_fifteen_seconds_was_never_lost(end: End) -> None:
    state(end, CartPhase.LOST, "s1")
    assert row().phase == "ready"
    end.look(fleet_end.WILL_WAIT_S - 1)
    state(end, CartPhase.READY, "s2")
    end.look(60)
    assert (row().phase, row().sid) == ("ready", "s2")


def test_a_cart_that_stays_away_is_lost_after_fifteen_seconds(end: End) -> None:
    state(end, CartPhase.LOST, "s1")
    end.look(fleet_end.WILL_WAIT_S - 0.1)
    assert row().phase == "ready"
    end.look(0.2)
    assert row().phase == "lost"


def test_a_late_will_of_an_older_session_after_online_changes_nothing(end: End) -> None:
    state(end, CartPhase.READY, "s2")
    state(end, CartPhase.LOST, "s1")
    end.look(60)
    assert (row().phase, row().sid) == ("ready", "s2")


def test_what_a_broker_kept_says_nothing_of_when_the_cart_was_there(app: Flask) -> None:
    seen = row().last_seen_at
    end = End()
    state(end, CartPhase.READY, "s1", retained=True)
    assert row().last_seen_at == seen


def test_an_emptied_state_takes_the_cart_out_of_service_until_it_speaks_again(end: End) -> None:
    end.alert()
    end.clear(route=routes.STATE)
    assert (row().phase, open_alerts()) == ("removed", [])
    state(end, CartPhase.READY, "s2")
    assert row().phase == "ready"


def test_a_cart_is_silent_after_three_of_its_own_intervals(app: Flask) -> None:
    with transaction(ACTOR) as tx:
        fleet.put_telemetry(tx, "c1", Telemetry(kind=TelemetryKind.APP, at=tx.at, values={"interval_s": 10}))
        fleet.put_telemetry(tx, "c2", Telemetry(kind=TelemetryKind.APP, at=tx.at, values={"interval_s": 1e9}))
    for cart, seconds in (("c1", 30), ("c2", 120)):
        found = row(cart)
        assert found.silent_at is not None
        assert found.last_seen_at is not None
        assert found.silent_at - found.last_seen_at == timedelta(seconds=seconds)


# Settings.


def want(document: Mapping[str, object], cart: str = "c1") -> int:
    with transaction(ACTOR) as tx:
        return cart_config.want(tx, cart, document, by="m-1")


def test_a_cart_gets_the_settings_that_it_lacks_signed_for_it_alone_and_once(end: End) -> None:
    assert want({"language": "en"}) == 1
    (sent,) = end.look(3)
    assert isinstance(sent.body, ConfigDesired)
    signed = jws.deserialize_compact(sent.body.signed, KEY.key, algorithms=["Ed25519"])
    order = settings.read_claims(signed.payload or b"")
    assert (sent.cart, sent.route, signed.headers()["typ"]) == ("c1", routes.CONFIG, "cart-config")
    assert (order.cart, order.facility, order.version, order.document) == ("c1", "h1", 1, {"language": "en"})
    assert end.look(3) == []
    assert len(end.look(fleet_end.CONFIG_AGAIN_S)) == 1  # it said nothing of it
    end.tell(routes.CONFIG_TOLD, ConfigReported(version=1, document={"language": "en"}, hash="x"))
    assert end.look(fleet_end.CONFIG_AGAIN_S) == []
    assert want({"language": "en"}) == 1  # wanted already
    want({"language": "fr"})
    assert [one.body.version for one in end.look(3) if isinstance(one.body, ConfigDesired)] == [2]


def test_a_cart_that_is_away_gets_its_settings_when_it_connects(end: End) -> None:
    with transaction(ACTOR) as tx:
        fleet.put_state(tx, "c1", CartState(phase=CartPhase.LOST, ward=WARD), sid="s1", sent_at=tx.at)
    want({"language": "en"})
    assert end.look(3) == []
    state(end, CartPhase.READY, "s2")
    assert len(end.look(3)) == 1


def test_a_cart_with_newer_settings_than_this_server_ever_wanted_is_overtaken(end: End) -> None:
    """The server was restored from a backup."""
    want({"language": "en"})
    end.look(3)
    end.tell(routes.CONFIG_TOLD, ConfigReported(version=7, document={"language": "vi"}, hash="x"))
    assert [one.body.version for one in end.look(3) if isinstance(one.body, ConfigDesired)] == [8]
    end.tell(routes.CONFIG_TOLD, ConfigReported(version=2**50, document={}, hash="x"))  # no honest one
    with reading() as tx:
        assert cart_config.one(tx, "c1").desired_version == 8


def test_settings_of_which_nothing_was_ever_wanted_are_left_alone(end: End) -> None:
    end.tell(routes.CONFIG_TOLD, ConfigReported(version=4, document={"language": "vi"}, hash="x", refused={"theme": "no"}))
    assert end.look(3) == []
    with reading() as tx:
        found = cart_config.one(tx, "c1")
    assert (found.desired_version, found.reported, found.refused) == (0, {"language": "vi"}, {"theme": "no"})
    end.tell(routes.CONFIG_TOLD, ConfigReported(version=9, document={}, hash="y"), retained=True)
    assert len(end.rejected) == 1


# Events.


def event(end: End, seq: int, *, epoch: str = "e1", first: int | None = None) -> tuple[int, list[str]]:
    """How far it was acknowledged, and the commands that it brought."""
    before = len(end.posted)
    end.tell(routes.EVENT, FleetEvent(seq=seq, epoch=epoch, kind="drawer-opened", at=AT, first=first))
    sent = end.posted[before:]
    (ack,) = [one.body for one in sent if isinstance(one.body, EventsAcknowledged)]
    return ack.upto, [one.body.name for one in sent if isinstance(one.body, Command)]


def test_a_gap_in_a_carts_events_asks_it_to_begin_anew_once_a_minute(end: End) -> None:
    assert event(end, 1, first=1) == (1, [])
    assert event(end, 3, first=1) == (1, ["rebirth"])
    assert event(end, 4, first=1) == (1, [])
    (command,) = [one for one in end.posted if isinstance(one.body, Command)]
    assert isinstance(command.body, Command)
    assert (command.body.for_sid, command.levels, command.ttl_s) == ("s1", {"name": "rebirth"}, 10.0)
    end.mono_s += fleet_end.REBIRTH_AGAIN_S
    assert event(end, 5, first=1) == (1, ["rebirth"])
    assert event(end, 2, first=1) == (5, [])


def test_what_a_cart_has_no_more_is_waited_for_no_longer(end: End) -> None:
    """The server was restored from a backup, and the cart forgot what had been acknowledged."""
    assert event(end, 1, first=1)[0] == 1
    assert event(end, 40, first=40) == (40, [])
    assert event(end, 41, first=40) == (41, [])


def test_events_of_two_programs_of_a_cart_are_followed_each_by_itself(end: End) -> None:
    assert event(end, 1, epoch="cart", first=1)[0] == 1
    assert event(end, 1, epoch="bridge", first=1)[0] == 1
    assert event(end, 2, epoch="cart", first=1)[0] == 2
    assert event(end, 3, epoch="bridge", first=1)[0] == 1  # the second never came: it must not be forgotten
    assert event(end, 3, epoch="cart", first=1)[0] == 3
    assert event(end, 2, epoch="bridge", first=1)[0] == 3


# Points, and hooks.


def test_one_point_of_telemetry_is_kept_in_five_minutes_with_what_a_chart_can_show(end: End) -> None:
    values = {"battery_percent": 80, "long": "x" * 100, "list": [1], "charging": True}
    for _ in range(3):
        end.end.keep_telemetry({("c1", "power"): Telemetry(kind=TelemetryKind.POWER, at=AT, values=values)})
    with reading() as tx:
        points = telemetry_points.between(tx, "c1", TelemetryKind.POWER, tx.at - timedelta(hours=1), tx.at)
    assert [dict(point.values) for point in points] == [{"battery_percent": 80, "charging": True}]


def test_points_and_alerts_of_more_than_ninety_days_ago_go_in_steps(end: End, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry_points, "_FORGOTTEN_AT_ONCE", 300)
    end.alert()
    end.clear()
    with transaction(ACTOR) as tx:
        for number in range(700):
            at = tx.at - timedelta(days=91) - timedelta(minutes=5 * number)
            tx.session.add(CartTelemetryPointRow(facility="h1", cart="c1", kind="power", at=at, values={"x": 1}))
        for alert in tx.session.scalars(select(CartAlertRow)):
            alert.resolved_at = tx.at - timedelta(days=91)
    left = []
    for _ in range(4):
        end.look(fleet_end.TIDY_EVERY_S + 1)
        with reading() as tx:
            left.append(tx.session.scalar(select(func.count()).select_from(CartTelemetryPointRow)))
    assert left == [400, 100, 0, 0]
    assert occurrences() == 0


def test_a_hook_that_breaks_keeps_neither_the_message_nor_the_other_hooks_back(app: Flask) -> None:
    heard: list[str] = []

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    def job(_tx: object, cart: str, told: JobTold) -> None:
        heard.append(f"{cart} {told.state}")

    end = End(Hooks(jobs=[broken, job], changed=[broken], telemetry=[broken], looks=[broken]))
    told = JobTold(job="j1", attempt=1, state=JobState.WAITING, step="gates", at=AT, why="not-docked")
    end.tell(routes.JOB_TOLD, told, job="j1")
    end.tell(routes.JOB_TOLD, told, job="j2")  # another's topic
    end.tell(routes.JOB_TOLD, told, job="j1", retained=True)
    end.end.keep_telemetry({("c1", "power"): Telemetry(kind=TelemetryKind.POWER, at=AT, values={"battery_percent": 3})})
    end.look(3)
    assert heard == ["c1 waiting"]
    assert len(end.rejected) == 2
    assert row().battery_percent == 3


# Over a real broker.


@pytest.fixture(params=KINDS)
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    with migrated_app("sqlite", tmp_path) as app, running_clients(request.param, ("c1",)) as clients:
        open_ward(patient_count=2)
        cart, inbox = clients.make("c1")
        for route in (routes.CONFIG, routes.ACK, routes.COMMAND, routes.STATE):
            cart.on(route, facility=FACILITY, cart="c1")
        cart.on(routes.HOST, facility=FACILITY)
        clients.connect(cart, inbox)
        yield Ground(app, clients, tmp_path, cart, inbox)


def _clear(cart: Broker, route: Route, **levels: str) -> None:
    assert cart.clear(route, facility=FACILITY, cart="c1", **levels).wait(10)


def test_alerts_and_settings_travel_over_a_real_broker_and_survive_a_restart_of_the_server(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_end, "KEPT_READ_S", 1.5)
    with ground.gateway():
        ground.send(routes.STATE, CartState(phase=CartPhase.READY, ward=WARD))
        ground.send(routes.ALERT, LOW, alert="battery-low")
        ground.send(routes.ALERT, LOW, alert="disk-low")
        wait_until(lambda: sorted(open_alerts()) == ["battery-low", "disk-low"], "sorted(open_alerts()) == ['battery-low', 'disk-low")
        want({"language": "en"})
        desired = ground.expect(ConfigDesired)
        assert isinstance(desired, ConfigDesired)
        document = json.loads(jws.extract_compact(desired.signed.encode()).payload or b"{}")["document"]
        ground.send(routes.CONFIG_TOLD, ConfigReported(version=desired.version, document=document, hash=settings.hash_of(document)))
        wait_until(lambda: _config().confirmed, "_config().confirmed")
    _clear(ground.cart, routes.ALERT, alert="disk-low")  # while the server is away
    with ground.gateway():
        wait_until(lambda: open_alerts() == ["battery-low"], "open_alerts() == ['battery-low']")
        _clear(ground.cart, routes.ALERT, alert="battery-low")
        wait_until(lambda: open_alerts() == [], "open_alerts() == []")
    assert occurrences() == 2


def _config() -> cart_config.CartConfig:
    with reading() as tx:
        return cart_config.one(tx, "c1")


def test_a_cart_reads_its_own_state_and_nobody_elses(ground: Ground) -> None:
    ground.send(routes.STATE, CartState(phase=CartPhase.READY, ward=WARD))
    ground.inbox.expect(Arrival, lambda one: one.route is routes.STATE)
    spy, inbox = ground.clients.make("c1", client_id="spy")
    spy.on(routes.STATE, facility=FACILITY, cart="c2")
    spy.start()
    inbox.expect(Connected)
    server, heard = ground.clients.make("server")
    server.on(routes.STATE, facility=FACILITY, cart="c2")
    ground.clients.connect(server, heard)
    message = a_message("c2", CartState(phase=CartPhase.READY, ward=WARD))
    assert server.publish(routes.STATE, message, facility=FACILITY, cart="c2").wait(10)
    heard.expect(Arrival)
    assert inbox.within(Arrival, 0.5) == []
