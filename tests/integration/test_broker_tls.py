"""Carts on the ward's network: TLS both ways, and nothing readable without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from devices.broker import Arrival, Broker, BrokerConfig, Connected, ConnectFailed
from devices.brokers.account import Account
from devices.brokers.listener import Listener
from devices.brokers.process import RunningBroker
from pointofcare.errors import ConfigError
from pointofcare.wire import routes
from tests.support.brokers import FACILITY, STARTS, Inbox, a_message
from tests.support.wire_bodies import a_body

PASSWORD = "password of the server"


@dataclass(frozen=True)
class Authority:
    """A throw-away CA; every file lies in `directory`."""

    directory: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, directory: Path) -> Authority:
        directory.mkdir()
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        certificate = (
            _dated(x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        (directory / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return cls(directory=directory, key=key, certificate=certificate)

    @property
    def ca(self) -> Path:
        return self.directory / "ca.pem"

    def issue(self, name: str, usage: x509.ObjectIdentifier, *, lasts: timedelta = timedelta(days=1)) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _dated(
                x509.CertificateBuilder().subject_name(subject).issuer_name(self.certificate.subject).public_key(key.public_key()), lasts
            )
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        cert_file, key_file = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return cert_file, key_file


def _dated(builder: x509.CertificateBuilder, lasts: timedelta = timedelta(days=1)) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + lasts)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path / "ours")


@pytest.fixture(params=STARTS)
def running(request: pytest.FixtureRequest, authority: Authority, tmp_path: Path) -> Iterator[RunningBroker]:
    cert_file, key_file = authority.issue("broker", ExtendedKeyUsageOID.SERVER_AUTH)
    listener = Listener(cert_file=cert_file, key_file=key_file, client_ca_file=authority.ca)
    accounts = [Account(name="server", password=PASSWORD, kind="server")]
    with STARTS[request.param](tmp_path / "broker", accounts, facility=FACILITY, listener=listener) as made:
        yield made


@pytest.fixture
def made() -> Iterator[list[Broker]]:
    brokers: list[Broker] = []
    yield brokers
    for broker in brokers:
        broker.stop()


def a_client(made: list[Broker], running: RunningBroker, *, ca: Path | None, certificate: tuple[Path, Path] | None) -> tuple[Broker, Inbox]:
    inbox = Inbox()
    cert_file, key_file = certificate or (None, None)
    config = BrokerConfig(
        host="127.0.0.1",
        port=running.port,
        client_id="server",
        username="server",
        password=PASSWORD,
        ca_file=ca,
        cert_file=cert_file,
        key_file=key_file,
        connect_timeout_s=2,
    )
    broker = Broker(config, inbox)
    made.append(broker)
    return broker, inbox


def test_message_passes_over_tls_with_certificates_on_both_sides(running: RunningBroker, authority: Authority, made: list[Broker]) -> None:
    client, inbox = a_client(made, running, ca=authority.ca, certificate=authority.issue("cart", ExtendedKeyUsageOID.CLIENT_AUTH))
    client.on(routes.HOST, facility=FACILITY)
    client.start()
    inbox.expect(Connected)
    client.publish(routes.HOST, a_message("server", a_body("HostState")), facility=FACILITY)
    assert inbox.expect(Arrival).message.body == a_body("HostState")
    assert "TLS" in client.describe()


def test_broker_of_a_stranger_is_not_trusted(running: RunningBroker, authority: Authority, made: list[Broker], tmp_path: Path) -> None:
    stranger = Authority.make(tmp_path / "stranger")
    client, inbox = a_client(made, running, ca=stranger.ca, certificate=authority.issue("cart", ExtendedKeyUsageOID.CLIENT_AUTH))
    client.start()
    assert "certificate" in str(inbox.expect(ConnectFailed).error).lower()


@pytest.mark.parametrize("kind", STARTS)
def test_a_broker_whose_certificate_is_over_is_not_trusted_until_it_has_a_new_one(
    kind: str, authority: Authority, made: list[Broker], tmp_path: Path
) -> None:
    accounts = [Account(name="server", password=PASSWORD, kind="server")]
    cart = authority.issue("cart", ExtendedKeyUsageOID.CLIENT_AUTH)
    for name, lasts in (("over", timedelta(seconds=-5)), ("anew", timedelta(days=1))):
        cert_file, key_file = authority.issue(name, ExtendedKeyUsageOID.SERVER_AUTH, lasts=lasts)
        listener = Listener(cert_file=cert_file, key_file=key_file, client_ca_file=authority.ca)
        with STARTS[kind](tmp_path / name, accounts, facility=FACILITY, listener=listener) as running:
            client, inbox = a_client(made, running, ca=authority.ca, certificate=cart)
            client.start()
            if name == "over":
                assert "expired" in str(inbox.expect(ConnectFailed).error).lower()
                assert not inbox.seen(Connected)
            else:
                inbox.expect(Connected)
            client.stop()


def test_client_without_a_certificate_or_with_a_strangers_does_not_get_in(
    running: RunningBroker, authority: Authority, made: list[Broker], tmp_path: Path
) -> None:
    stranger = Authority.make(tmp_path / "stranger")
    for certificate in (None, stranger.issue("cart", ExtendedKeyUsageOID.CLIENT_AUTH)):
        client, inbox = a_client(made, running, ca=authority.ca, certificate=certificate)
        client.start()
        inbox.expect(ConnectFailed)
        inbox.expect(ConnectFailed)
        assert not inbox.seen(Connected)


def test_plain_client_does_not_get_in(running: RunningBroker, made: list[Broker]) -> None:
    client, inbox = a_client(made, running, ca=None, certificate=None)
    client.start()
    inbox.expect(ConnectFailed)
    assert not inbox.seen(Connected)


def test_listener_on_an_open_network_needs_tls(tmp_path: Path) -> None:
    for faulty in (
        {"host": "0.0.0.0"},
        {"host": "localhost"},
        {"cert_file": tmp_path / "none.pem", "key_file": tmp_path / "none.key"},
        {"cert_file": Path(__file__)},
        {"client_ca_file": Path(__file__)},
    ):
        with pytest.raises(ConfigError):
            Listener(**faulty)  # type: ignore[arg-type]
    assert Listener(host="0.0.0.0", cert_file=Path(__file__), key_file=Path(__file__)).local_host == "127.0.0.1"
