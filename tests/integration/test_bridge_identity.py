"""The bridge is a machine of its own at the broker, and goes on past the end of its first certificate."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devices.broker import Arrival, Broker, BrokerConfig, Connected
from devices.brokers.account import Account
from devices.brokers.listener import Listener
from devices.renewal import Renewal
from firmware_bridge import config
from firmware_bridge.app import Bridge
from pointofcare.errors import ConfigError
from pointofcare.wire import routes
from pointofcare.wire.messages import Telemetry, TelemetryKind
from server.security import authority as authorities
from server.security.broker_files import Keeper
from tests.integration.test_cart_identity import RELOADS, Server
from tests.integration.test_cart_identity import server as server
from tests.support.bridge import a_microcontroller, eventually
from tests.support.brokers import FACILITY, KINDS, STARTS, Inbox


def _settings(port: int, serial: str, identity: str) -> dict[str, object]:
    broker = {"host": "127.0.0.1", "port": port}
    where = {"cart": "c1", "facility": FACILITY, "serial_port": serial, "identity_dir": identity}
    return {**where, "poll_s": 0.05, "report_s": 1.0, "broker": broker}


def _days_left(inbox: Inbox, sid: str) -> object:
    def right(arrival: Arrival) -> bool:
        body = arrival.message.body
        return isinstance(body, Telemetry) and body.kind is TelemetryKind.MCU and arrival.message.sid == sid

    body = inbox.expect(Arrival, right).message.body
    assert isinstance(body, Telemetry)
    return body.values.get("certificate_days_left")


@pytest.mark.parametrize("kind", KINDS)
def test_a_bridge_renews_its_certificate_and_drawers_are_told_of_all_the_while(server: Server, tmp_path: Path, kind: str) -> None:
    machine, gateway = server.enrolled(tmp_path / "identity", "c1-mcu"), server.enrolled(tmp_path / "gateway", "gateway")
    keeper = Keeper(server.config(broker_files=str(tmp_path / "files")), server.root, scope=server.app.app_context)
    issued, key = authorities.issue_server(server.root, hosts=["127.0.0.1"], at=datetime.now(UTC))
    for name, text in (("broker.pem", issued.pem), ("broker.key", key)):
        (tmp_path / name).write_text(text, encoding="ascii")

    def accounts() -> list[Account]:
        made = keeper.once().accounts
        return [Account(name=one.name, kind="server", subjects=one.subjects) if one.name == "gateway" else one for one in made]

    known = accounts()
    listener = Listener(
        cert_file=tmp_path / "broker.pem", key_file=tmp_path / "broker.key", client_ca_file=tmp_path / "files" / "ca.pem",
        by_certificate=True, crl_file=tmp_path / "files" / "crl.pem",
    )  # fmt: skip
    inbox = Inbox()
    with (
        tempfile.TemporaryDirectory(prefix="br-", ignore_cleanup_errors=True) as short,
        a_microcontroller(Path(short) / "mcu") as microcontroller,
        STARTS[kind](tmp_path / "broker", known, facility=FACILITY, listener=listener) as running,
    ):
        reader = BrokerConfig(
            host="127.0.0.1", port=running.port, client_id="gateway", ca_file=gateway.ca_file, cert_file=gateway.in_use
        )  # fmt: skip
        host = Broker(reader, inbox)
        host.on(routes.TELEMETRY, facility=FACILITY)
        host.start()
        inbox.expect(Connected)
        bridge = Bridge(config.read(_settings(running.port, microcontroller.port, str(machine.directory)), {}, beside=Path(short)))
        bridge.start()
        try:
            eventually(lambda: bridge.relay.sid != "", "the bridge is at the broker")
            assert _days_left(inbox, bridge.relay.sid) == 59
            old = machine.certificate()
            renewal = Renewal(
                machine, bridge.relay, now=lambda: datetime.now(UTC) + timedelta(days=41), try_s=1.0 if kind == "nats" else 15
            )
            if kind == "nats":  # the broker does not know the new one yet: the bridge goes back to what works
                assert not renewal.once()
                assert machine.certificate() == old
                RELOADS[kind](running, accounts(), facility=FACILITY, listener=listener)
                renewal = Renewal(machine, bridge.relay, now=lambda: datetime.now(UTC) + timedelta(days=41), try_s=15)
            assert renewal.once()
            assert machine.certificate() != old
            assert _days_left(inbox, bridge.relay.sid) == 59
        finally:
            bridge.stop()
            host.stop()


def test_an_identity_that_is_not_there_yet_is_named_with_what_gets_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--name c1-mcu"):
        config.read(_settings(1, "/dev/null", "identity"), {}, beside=tmp_path)


def test_certificates_come_from_one_place(server: Server, tmp_path: Path) -> None:
    server.enrolled(tmp_path / "identity", "c1-mcu")
    given = _settings(1, "/dev/null", "identity")
    given["broker"] = {"host": "127.0.0.1", "ca_file": "other.pem"}
    with pytest.raises(ConfigError, match="identity_dir brings its own"):
        config.read(given, {}, beside=tmp_path)
