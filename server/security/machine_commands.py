"""`pointofcare-server ca ...`: the authority of the machines from the command line."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from devices.brokers import mosquitto, nats
from devices.brokers.listener import Listener
from pointofcare.errors import ConfigError
from server.config import ServerConfig
from server.security import authority as authorities
from server.security import broker_files, enrolment
from server.store import machines
from server.store.transaction import Actor, reading, transaction
from server.usecases import machines as verbs


def initialise(config: ServerConfig) -> int:
    """Needs no database."""
    made = authorities.create(config.machines.ca_dir, facility=config.facility, at=datetime.now(UTC))
    _say(f"authority written to {config.machines.ca_dir}; keep ca.key like a password, and back it up apart from the database")
    _say(f"SHA-256 {made.fingerprint}")
    return 0


def status(config: ServerConfig) -> int:
    """1 when something wants a person: the list ends soon or is missing, or a certificate that is used ends within two weeks."""
    root = authorities.load(config.machines.ca_dir)
    now = datetime.now(UTC)
    _say(f"authority {config.machines.ca_dir}, until {root.certificate.not_valid_after_utc:%Y-%m-%d}, SHA-256 {root.fingerprint}")
    wrong = 0
    directory = config.machines.broker_files
    if directory is not None:
        found = broker_files.list_state(directory)
        if found is None or found.alert(now):
            wrong = 1
            _say("ALERT: the broker's revocation list " + ("is missing" if found is None else f"ends at {found.ends_at:%Y-%m-%d %H:%M}Z"))
        else:
            _say(f"revocation list until {found.ends_at:%Y-%m-%d}")
    with reading() as tx:
        for one in machines.listed(tx):
            what = "revoked" if one.revoked_at else "expired" if now >= one.not_after else "in force"
            _say(f"{one.machine}\t{what}\tuntil {one.not_after:%Y-%m-%d}\t{one.serial}\t{one.reason or ''}")
    return wrong


def issue_server(config: ServerConfig, *, hosts: list[str], output: Path) -> int:
    """A certificate for the broker (and for HTTPS) and one with which the gateway comes to the broker. Needs no database."""
    root = authorities.load(config.machines.ca_dir)
    now = datetime.now(UTC)
    output.mkdir(parents=True, exist_ok=True)
    (output / "ca.pem").write_text(root.pem, encoding="ascii")
    for stem, (issued, key) in (
        ("broker", authorities.issue_server(root, hosts=hosts, at=now)),
        (enrolment.SERVER_NAME, authorities.issue_client(root, name=enrolment.SERVER_NAME, at=now)),
    ):
        (output / f"{stem}.pem").write_text(issued.pem, encoding="ascii")
        descriptor = os.open(output / f"{stem}.key", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.fchmod(descriptor, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key)
        _say(f"{output / stem}.pem and .key, until {issued.not_after:%Y-%m-%d}")
    return 0


def claim(config: ServerConfig, actor: Actor, cart: str) -> int:
    root = authorities.load(config.machines.ca_dir)
    with transaction(actor) as tx:
        made = verbs.claim(tx, actor, cart)
    server = config.machines.address or "https://THIS-SERVER"
    _say(f"on the cart, before {made.expires_at:%H:%M}Z:")
    _say(f"pointofcare-cart enrol --server {server} --token {made.token} --ca-sha256 {root.fingerprint}")
    return 0


def revoke(config: ServerConfig, actor: Actor, cart: str, *, reason: str) -> int:
    with transaction(actor) as tx:
        serials = verbs.revoke(tx, actor, cart, reason=reason)
    _say(f"{cart}: {len(serials)} certificates revoked")
    if config.machines.broker_files is not None:
        _say("a running server writes the broker's files within seconds; without one: pointofcare-server ca accounts")
    return 0


def crl(config: ServerConfig, *, output: Path | None) -> int:
    root = authorities.load(config.machines.ca_dir)
    with reading() as tx:
        text = enrolment.crl(root, tx)
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="ascii")
    return 0


def accounts(config: ServerConfig, *, output: Path | None) -> int:
    """Writes the accounts of NATS and Mosquitto, the root and the list."""
    directory = output or config.machines.broker_files
    if directory is None:
        raise ConfigError("no folder for the broker's files", problems=(("machines.broker_files", "set it, or name one with --output"),))
    root = authorities.load(config.machines.ca_dir)
    certificate = broker_files.server_certificate(config)
    written = broker_files.write(directory, root, facility=config.facility, server_certificate=certificate)
    if not certificate:
        _say("warning: mqtt.certificate_file is not set, so the server itself has no account")
    _say(f"{len(written.accounts)} accounts in {directory}; tell the broker with SIGHUP")
    return 0


def broker(config: ServerConfig, *, host: str, port: int, tls: Path | None) -> int:
    """Writes the configuration of the broker that `machines.broker` names, beside its accounts, which come from the table of routes."""
    directory = config.machines.broker_files
    missing = [name for name in ("broker_files", "broker_pid_file") if getattr(config.machines, name) is None]
    if directory is None or missing:
        problems = tuple((f"machines.{name}", "set it: the server writes there, or tells the broker by it") for name in missing)
        raise ConfigError("the broker's place is not set", problems=problems)
    accounts(config, output=None)
    folder = tls or config.data_dir / "broker-tls"
    listener = Listener(
        host=host,
        cert_file=folder / "broker.pem",
        key_file=folder / "broker.key",
        client_ca_file=directory / broker_files.ROOT_FILE,
        by_certificate=True,
        crl_file=directory / broker_files.LIST_FILE,
    )
    store, told = directory / "store", config.machines.broker_pid_file
    if config.machines.broker == "mosquitto":
        store.mkdir(mode=0o700, exist_ok=True)
        acl = directory / broker_files.MOSQUITTO_FILE
        text = mosquitto.config(directory, port=port, as_root=os.geteuid() == 0, listener=listener, acl_file=acl, pid_file=told)
        path = directory / "mosquitto.conf"
    else:
        text = nats.frame(store=store, port=port, listener=listener, pid_file=told) + f'include "{broker_files.NATS_FILE}"\n'
        path = directory / "nats.conf"
    broker_files.replace(path, text)
    _say(f"{path} written; start it: systemctl enable --now pointofcare-{config.machines.broker}")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
