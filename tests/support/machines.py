"""Machines with certificates at real brokers: an authority, what it gave, and a broker that knows each by its certificate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devices.broker import Broker, BrokerConfig
from devices.brokers import mosquitto, nats
from devices.brokers.account import Account, AccountKind
from devices.brokers.listener import Listener
from devices.brokers.process import RunningBroker
from server.security import authority as authorities
from server.security.authority import Authority, Issued
from tests.support.brokers import FACILITY, STARTS, Inbox

SERVER = "server"
_RELOADS = {"nats": nats.reload, "mosquitto": mosquitto.reload}


class Machines:
    """An authority with its files in `directory`; every certificate it gave by (name)."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self.directory = directory
        self.root: Authority = authorities.create(directory / "ca", facility=FACILITY, at=datetime.now(UTC))
        self.ca = directory / "ca" / "ca.pem"
        self.crl = directory / "crl.pem"
        self.issued: dict[str, Issued] = {}
        self.revoke()

    def cart(self, name: str, *, lifetime: timedelta = authorities.CART_LIFETIME) -> Path:
        """Certificate and key in one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
        pem = csr.public_bytes(serialization.Encoding.PEM).decode()
        issued = authorities.issue_cart(self.root, pem, cart=name, at=datetime.now(UTC), lifetime=lifetime)
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
        return self._kept(issued, private)

    def server(self) -> Path:
        return self._kept(*authorities.issue_client(self.root, name=SERVER, at=datetime.now(UTC)))

    def revoke(self, *serials: str, lifetime: timedelta = authorities.CRL_LIFETIME) -> None:
        now = datetime.now(UTC)
        self.crl.write_text(authorities.crl(self.root, [(serial, now) for serial in serials], at=now, lifetime=lifetime), encoding="ascii")

    def account(self, *files: Path) -> Account:
        pem = [file.read_text(encoding="ascii") for file in files]
        name = authorities.broker_names(pem[0])[0]
        kind = AccountKind.SERVER if name == SERVER else AccountKind.CART
        return Account(name=name, kind=kind, subjects=tuple(authorities.broker_names(one)[1] for one in pem))

    def listener(self) -> Listener:
        issued, key = authorities.issue_server(self.root, hosts=["127.0.0.1"], at=datetime.now(UTC))
        cert_file, key_file = self.directory / "broker.pem", self.directory / "broker.key"
        cert_file.write_text(issued.pem, encoding="ascii")
        key_file.write_text(key, encoding="ascii")
        return Listener(cert_file=cert_file, key_file=key_file, client_ca_file=self.ca, by_certificate=True, crl_file=self.crl)

    def _kept(self, issued: Issued, key: str) -> Path:
        path = self.directory / f"{issued.name}-{issued.serial[:8]}.pem"
        path.write_text(key + issued.pem, encoding="ascii")
        self.issued[issued.name] = issued
        return path


class Hospital:
    """A broker and the clients at it."""

    def __init__(self, kind: str, machines: Machines, running: RunningBroker, listener: Listener) -> None:
        self.kind, self.machines, self.running, self._listener = kind, machines, running, listener
        self._made: list[Broker] = []

    def reload(self, *accounts: Account) -> None:
        _RELOADS[self.kind](self.running, accounts, facility=FACILITY, listener=self._listener)

    def client(self, certificate: Path | None, *, client_id: str, ca: Path | None = None, port: int | None = None) -> tuple[Broker, Inbox]:
        inbox = Inbox()
        config = BrokerConfig(
            host="127.0.0.1", port=port or self.running.port, client_id=client_id, ca_file=ca or self.machines.ca, cert_file=certificate,
            connect_timeout_s=4, backoff_min_s=0.05, backoff_max_s=0.3,
        )  # fmt: skip
        broker = Broker(config, inbox)
        self._made.append(broker)
        return broker, inbox

    def stop(self) -> None:
        for broker in self._made:
            broker.stop()


@contextmanager
def hospital(kind: str, directory: Path, machines: Machines, accounts: Sequence[Account]) -> Iterator[Hospital]:
    listener = machines.listener()
    with STARTS[kind](directory, accounts, facility=FACILITY, listener=listener) as running:
        made = Hospital(kind, machines, running, listener)
        try:
            yield made
        finally:
            made.stop()
