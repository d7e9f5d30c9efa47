"""The cart's own side of its certificate: got from a real server over HTTPS, renewed at real brokers while records flow."""

from __future__ import annotations

import ssl
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.serving import make_server

from cart_client.__main__ import main
from cart_client.chart import Chart
from cart_client.journal import Journal
from cart_client.uplink import Uplink
from devices import identity as identities
from devices.broker import Arrival, BrokerConfig, Connected
from devices.brokers import mosquitto, nats
from devices.brokers.account import Account
from devices.brokers.listener import Listener
from devices.identity import Identity
from devices.renewal import Renewal
from pointofcare.errors import ConfigError, DeviceUnavailableError, NotPermittedError
from pointofcare.wire import routes
from pointofcare.wire.messages import AdministrationRecorded, RecordReceived
from server.app import create_app
from server.config import ServerConfig, read
from server.security import authority as authorities
from server.security import sign_in
from server.security.authority import Authority
from server.security.broker_files import Keeper
from server.store import migrate
from server.store.database import db
from server.store.transaction import transaction
from server.usecases import machines as verbs
from tests.integration.test_cart_journal import a_record
from tests.support.brokers import FACILITY, KINDS, STARTS, Inbox, a_message
from tests.support.cart_ward import FACILITY as TABLES_OF
from tests.support.cart_ward import PUBLIC, WARD
from tests.support.web import FLEET

SECRETS = {"secret_key": "k" * 40, "password_salt": "s" * 40, "facility": FACILITY}


@dataclass(kw_only=True)
class Server:
    """The server's pages over HTTPS with a certificate of its own authority."""

    app: Flask
    root: Authority
    url: str
    directory: Path
    context: ssl.SSLContext

    def token(self, cart: str = "c1") -> str:
        with self.app.app_context(), transaction(FLEET) as tx:
            return verbs.claim(tx, FLEET, cart).token

    def enrolled(self, directory: Path, cart: str = "c1") -> Identity:
        machine = Identity(directory=directory, cart=cart)
        identities.enrol(machine, server=self.url, token=self.token(cart), ca_sha256=self.root.fingerprint)
        return machine

    def config(self, **machines: str) -> ServerConfig:
        return read({"database_url": "sqlite:///h.sqlite", **SECRETS, "machines": machines}, anchor=self.directory)


def answer_with(context: ssl.SSLContext, root: Authority, file: Path, *, at: datetime) -> None:
    """Every new connection then sees a certificate of that age."""
    issued, key = authorities.issue_server(root, hosts=["127.0.0.1"], at=at)
    file.write_text(key + issued.pem, encoding="ascii")
    context.load_cert_chain(file)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    directory = tmp_path / "server"
    directory.mkdir()
    root = authorities.create(directory / "ca", facility=FACILITY, at=datetime.now(UTC))
    app = create_app(read({"database_url": "sqlite:///h.sqlite", **SECRETS}, anchor=directory))
    with app.app_context():
        migrate.upgrade()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    answer_with(context, root, directory / "web.pem", at=datetime.now(UTC))
    sign_in.limiter.reset()
    http = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=context)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield Server(app=app, root=root, url=f"https://127.0.0.1:{http.server_port}", directory=directory, context=context)
    finally:
        http.shutdown()
        thread.join(5.0)
        http.server_close()
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def test_a_cart_enrols_from_the_command_line_and_keeps_its_key_to_itself(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:  # type: ignore[type-arg]
    (tmp_path / "cart.toml").write_text(f'cart = "c1"\nfacility = "{FACILITY}"\nward = "W1"\nidentity_dir = "identity"\n', encoding="utf-8")
    asked = ["--server", server.url, "--token", server.token(), "--ca-sha256", server.root.fingerprint.upper()]
    assert main(["--config", str(tmp_path / "cart.toml")]) == 2  # it says: enrol first
    assert "pointofcare-cart enrol" in capsys.readouterr().err
    assert main(["enrol", "--config", str(tmp_path / "cart.toml"), *asked]) == 0
    machine = Identity(directory=tmp_path / "identity", cart="c1")
    assert machine.complete
    assert stat.S_IMODE(machine.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(machine.in_use.stat().st_mode) == 0o600
    assert not machine.pending.exists()
    assert machine.expires_at() > datetime.now(UTC) + timedelta(days=59)
    assert main(["enrol", "--config", str(tmp_path / "cart.toml"), *asked]) == 1  # once
    assert "does not hold" in capsys.readouterr().err


def test_the_token_never_goes_to_a_server_with_another_root(server: Server, tmp_path: Path) -> None:
    token, machine = server.token(), Identity(directory=tmp_path / "i", cart="c1")
    with pytest.raises(ConfigError, match="fingerprint"):
        identities.enrol(machine, server=server.url, token=token, ca_sha256="0" * 64)
    for address in ("http://10.0.0.5", "ftp://127.0.0.1", "nonsense"):
        with pytest.raises(ConfigError):
            identities.enrol(machine, server=address, token=token, ca_sha256=server.root.fingerprint)
    identities.enrol(machine, server=server.url, token=token, ca_sha256=server.root.fingerprint)  # it was not used up


def test_a_server_whose_web_certificate_is_over_is_not_trusted_until_it_has_a_new_one(server: Server, tmp_path: Path) -> None:
    token, machine, now = server.token(), Identity(directory=tmp_path / "i", cart="c1"), datetime.now(UTC)
    over = now - authorities.SERVER_LIFETIME - timedelta(minutes=10)
    answer_with(server.context, server.root, tmp_path / "over.pem", at=over)
    with pytest.raises(ConfigError, match="not trusted"):
        identities.enrol(machine, server=server.url, token=token, ca_sha256=server.root.fingerprint)
    answer_with(server.context, server.root, tmp_path / "anew.pem", at=now)
    identities.enrol(machine, server=server.url, token=token, ca_sha256=server.root.fingerprint)  # the claim was not used up


def test_a_server_whose_web_certificate_is_of_another_root_is_not_trusted(server: Server, tmp_path: Path) -> None:
    """The root is what the claim says, but whoever answers has no certificate of it."""
    stranger = authorities.create(tmp_path / "stranger", facility="x", at=datetime.now(UTC))
    (tmp_path / "stranger.pem").write_text(stranger.pem, encoding="ascii")
    machine = Identity(directory=tmp_path / "i", cart="c1")
    with pytest.raises(ConfigError, match="not trusted"):
        identities.enrol(
            machine, server=server.url, token=server.token(), ca_sha256=server.root.fingerprint, web_ca=tmp_path / "stranger.pem"
        )


def test_power_lost_after_the_server_answered_gives_the_same_certificate_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, token = Identity(directory=tmp_path / "i", cart="c1"), server.token()
    with monkeypatch.context() as patched:
        patched.setattr(identities, "_checked", _power_lost)
        with pytest.raises(OSError, match="power"):
            identities.enrol(machine, server=server.url, token=token, ca_sha256=server.root.fingerprint)
    assert not machine.complete
    assert machine.pending.is_file()
    identities.enrol(machine, server=server.url, token=token, ca_sha256=server.root.fingerprint)
    first = machine.certificate()
    with monkeypatch.context() as patched:  # and the same in a renewal
        patched.setattr(identities, "_checked", _power_lost)
        with pytest.raises(OSError, match="power"):
            identities.renew(machine)
    assert machine.certificate() == first
    identities.renew(machine)
    assert machine.certificate() == first  # until the new one has worked
    machine.promote()
    assert machine.certificate() != first


def _power_lost(*_: object) -> None:
    raise OSError("power lost")


def test_a_cart_renews_at_two_thirds_and_not_before(server: Server, tmp_path: Path) -> None:
    machine = server.enrolled(tmp_path / "i")
    now = datetime.now(UTC)
    assert not machine.renewal_due(now + timedelta(days=39))
    assert machine.renewal_due(now + timedelta(days=40, hours=1))


def test_a_server_that_is_away_or_refuses_leaves_the_certificate_in_use(server: Server, tmp_path: Path) -> None:
    machine = server.enrolled(tmp_path / "i")
    before = machine.certificate()
    (machine.server_file).write_text('{"server": "https://127.0.0.1:9"}', encoding="utf-8")
    with pytest.raises(DeviceUnavailableError):
        identities.renew(machine)
    (machine.server_file).write_text(f'{{"server": "{server.url}"}}', encoding="utf-8")
    with server.app.app_context(), transaction(FLEET) as tx:
        verbs.revoke(tx, FLEET, "c1", reason="lost")
    with pytest.raises(NotPermittedError):
        identities.renew(machine)
    assert machine.certificate() == before
    assert not machine.renewed.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_renewed_certificate_goes_on_without_losing_a_record_and_a_refused_one_goes_back(
    server: Server, tmp_path: Path, kind: str
) -> None:
    machine, gateway = server.enrolled(tmp_path / "cart"), server.enrolled(tmp_path / "gateway", "gateway")
    files = server.directory / "broker"
    keeper = Keeper(server.config(broker_files=str(files)), server.root, scope=server.app.app_context)
    issued, key = authorities.issue_server(server.root, hosts=["127.0.0.1"], at=datetime.now(UTC))
    for name, text in (("broker.pem", issued.pem), ("broker.key", key)):
        (server.directory / name).write_text(text, encoding="ascii")
    accounts = [*keeper.once().accounts]
    listener = Listener(
        cert_file=server.directory / "broker.pem", key_file=server.directory / "broker.key", client_ca_file=files / "ca.pem",
        by_certificate=True, crl_file=files / "crl.pem",
    )  # fmt: skip
    journal = Journal(tmp_path / "journal.sqlite", cart="c1")
    with STARTS[kind](tmp_path / "broker", _with_server(accounts), facility=FACILITY, listener=listener) as running:
        from devices.broker import Broker

        inbox = Inbox()
        host = Broker(
            BrokerConfig(host="127.0.0.1", port=running.port, client_id="gateway", ca_file=gateway.ca_file, cert_file=gateway.in_use), inbox
        )
        host.on(routes.ADMINISTRATION, facility=FACILITY)
        host.start()
        inbox.expect(Connected)
        uplink = Uplink(
            BrokerConfig(
                host="127.0.0.1", port=running.port, client_id="c1", ca_file=machine.ca_file, cert_file=machine.in_use,
                connect_timeout_s=4, backoff_min_s=0.05, backoff_max_s=0.3,
            ),
            cart="c1", facility=FACILITY, ward=WARD, journal=journal, tell=lambda _told: None, versions={"app": "0"}, backoff_first_s=0.2,
            chart=Chart(tmp_path / "chart.sqlite", facility=TABLES_OF, ward=WARD, key=PUBLIC),
        )  # fmt: skip
        try:
            uplink.start()
            _settled(journal, uplink, host, inbox, "r-before")
            old = machine.certificate()
            renewal = Renewal(machine, uplink, now=lambda: datetime.now(UTC) + timedelta(days=41), try_s=1.5)
            if kind == "nats":  # the broker does not know the new one yet: the cart goes back to what works
                assert not renewal.once()
                assert machine.certificate() == old
                _settled(journal, uplink, host, inbox, "r-between")
            RELOADS[kind](running, _with_server([*keeper.once().accounts]), facility=FACILITY, listener=listener)
            journal.append(a_record("r-under-way"), message_id="m-under-way")
            renewal_slow = Renewal(machine, uplink, now=lambda: datetime.now(UTC) + timedelta(days=41), try_s=10)
            assert renewal_slow.once()
            assert machine.certificate() != old
            assert not machine.renewed.exists()
            _settled(journal, uplink, host, inbox, "r-after")
            _settle(uplink, host, inbox, "r-under-way")
            _until_empty(journal)
            assert renewal_slow.numbers()["certificate_days_left"] in (18, 19)
        finally:
            uplink.stop()
            host.stop()
            journal.close()


RELOADS = {"nats": nats.reload, "mosquitto": mosquitto.reload}


def _with_server(accounts: list[Account]) -> list[Account]:
    """The gateway of the test is a machine that may do what the server does."""
    return [Account(name=one.name, kind="server" if one.name == "gateway" else "cart", subjects=one.subjects) for one in accounts]


def _settled(journal: Journal, uplink: Uplink, host: object, inbox: Inbox, record_id: str) -> None:
    journal.append(a_record(record_id), message_id=f"m-{record_id}")
    uplink.wake()
    _settle(uplink, host, inbox, record_id)


def _settle(uplink: Uplink, host: object, inbox: Inbox, record_id: str) -> None:
    def is_it(arrival: Arrival) -> bool:
        body = arrival.message.body
        return isinstance(body, AdministrationRecorded) and body.record.record_id == record_id

    inbox.expect(Arrival, is_it)
    receipt = RecordReceived(record_id=record_id, duplicate=False, received_at=datetime.now(UTC))
    host.publish(routes.RECEIPT, a_message("server", receipt), facility=FACILITY, cart="c1").wait(5.0)  # type: ignore[attr-defined]


def _until_empty(journal: Journal) -> None:
    waited = threading.Event()
    for _ in range(200):
        if journal.unsent_count() == 0:
            return
        waited.wait(0.05)
    raise AssertionError(f"{journal.unsent_count()} records are not settled")
