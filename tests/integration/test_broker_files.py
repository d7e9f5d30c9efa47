"""The broker's files as the server keeps them: what a revocation on the page does at a real broker, and that the list never ends."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from flask import Flask

from devices.broker import Broker, BrokerConfig, Connected, ConnectFailed, Disconnected
from devices.brokers import mosquitto
from devices.brokers.listener import Listener
from server.__main__ import main
from server.security import authority as authorities
from server.security import broker_files, enrolment
from server.security.broker_files import Keeper
from server.store import machines
from server.store.transaction import reading, transaction
from server.usecases import machines as verbs
from tests.integration.test_enrolment import a_key, request_of
from tests.support.brokers import FACILITY, Inbox
from tests.support.databases import config_for, migrated_app
from tests.support.web import FLEET


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path) as made:
        yield made


@pytest.fixture
def root(tmp_path: Path) -> authorities.Authority:
    return authorities.create(tmp_path / "ca", facility=FACILITY, at=datetime.now(UTC))


def a_cart(root: authorities.Authority, name: str, directory: Path) -> Path:
    key = a_key()
    with transaction(FLEET) as tx:
        token = verbs.claim(tx, FLEET, name).token
    made = enrolment.enrol(root, cart=name, token=token, csr=request_of(key, name))
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = directory / f"{name}.pem"
    path.write_bytes(private + made.pem.encode())
    return path


def test_a_revocation_reaches_the_live_session_at_mosquitto_without_anybody_at_the_broker(
    app: Flask, root: authorities.Authority, tmp_path: Path
) -> None:
    files = {name: a_cart(root, name, tmp_path) for name in ("c1", "c2")}
    broker_dir, kept = tmp_path / "broker", tmp_path / "kept"
    broker_files.write(kept, root, facility=FACILITY)
    issued, key = authorities.issue_server(root, hosts=["127.0.0.1"], at=datetime.now(UTC))
    for name, text in (("broker.pem", issued.pem), ("broker.key", key)):
        (tmp_path / name).write_text(text, encoding="ascii")
    listener = Listener(
        cert_file=tmp_path / "broker.pem", key_file=tmp_path / "broker.key", client_ca_file=kept / "ca.pem", by_certificate=True,
        crl_file=kept / "crl.pem",
    )  # fmt: skip
    with mosquitto.start(broker_dir, [], facility=FACILITY, listener=listener) as running:
        (broker_dir / "permissions").unlink()
        (broker_dir / "permissions").symlink_to(kept / broker_files.MOSQUITTO_FILE)
        (tmp_path / "pid").write_text(str(running.pid), encoding="ascii")
        config = config_for(
            "sqlite:///x", tmp_path,
            mqtt={"host": "127.0.0.1", "port": running.port, "ca_file": "kept/ca.pem"},
            machines={"broker": "mosquitto", "broker_files": "kept", "broker_pid_file": "pid"},
        )  # fmt: skip
        keeper = Keeper(config, root, scope=app.app_context)
        keeper.once()
        brokers = []
        inboxes = {}
        for name, file in files.items():
            inboxes[name] = Inbox()
            settings = BrokerConfig(
                host="127.0.0.1", port=running.port, client_id=name, ca_file=kept / "ca.pem", cert_file=file,
                backoff_min_s=0.05, backoff_max_s=0.3,
            )  # fmt: skip
            brokers.append(Broker(settings, inboxes[name]))
            brokers[-1].start()
            inboxes[name].expect(Connected)
        try:
            with transaction(FLEET) as tx:
                verbs.revoke(tx, FLEET, "c1", reason="stolen")
            assert keeper.once().gone == ("c1",)
            inboxes["c1"].expect(Disconnected)
            inboxes["c1"].expect(ConnectFailed)
            inboxes["c1"].expect(ConnectFailed)
            assert not inboxes["c1"].seen(Connected)
            assert not inboxes["c2"].seen(Disconnected)
            # A server that was down meanwhile finds the revoked one by itself.
            assert "c1" in Keeper(config, root, scope=app.app_context).once().gone
        finally:
            for broker in brokers:
                broker.stop()


def test_who_got_the_number_of_a_broker_that_is_gone_is_not_ended(
    app: Flask, root: authorities.Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        (tmp_path / "pid").write_text(str(other.pid), encoding="ascii")
        machines = {"broker": "mosquitto", "broker_files": "kept", "broker_pid_file": "pid"}
        assert Keeper(config_for("sqlite:///x", tmp_path, machines=machines), root, scope=app.app_context).once().changed
        assert other.poll() is None
        assert f"process {other.pid} is sleep and no broker" in caplog.text
        other.kill()


def test_the_list_is_made_anew_each_day_and_the_files_are_quiet_otherwise(app: Flask, root: authorities.Authority, tmp_path: Path) -> None:
    a_cart(root, "c1", tmp_path)
    kept = tmp_path / "kept"
    first = broker_files.write(kept, root, facility=FACILITY)
    assert first.changed
    again = broker_files.write(kept, root, facility=FACILITY, before=first.accounts)
    assert not again.changed
    old = datetime.now(UTC) - enrolment.CRL_EVERY - timedelta(minutes=1)
    (kept / "crl.pem").write_text(authorities.crl(root, (), at=old), encoding="ascii")
    assert broker_files.write(kept, root, facility=FACILITY, before=first.accounts).changed
    state = broker_files.list_state(kept)
    assert state is not None
    assert not state.alert(datetime.now(UTC))
    (kept / "crl.pem").write_text("half a li", encoding="ascii")
    assert broker_files.write(kept, root, facility=FACILITY, before=first.accounts).changed


def test_a_machine_that_was_revoked_after_the_backup_stays_out_when_it_is_restored(
    app: Flask, root: authorities.Authority, tmp_path: Path
) -> None:
    for name in ("c1", "c2"):
        a_cart(root, name, tmp_path)
    lost, replaced = (x509.load_pem_x509_certificate((tmp_path / f"{name}.pem").read_bytes()) for name in ("c1", "c2"))
    kept, now = tmp_path / "kept", datetime.now(UTC)
    kept.mkdir()
    unseen = "abcd"  # it came and was revoked after the backup
    revoked = [(format(lost.serial_number, "x"), now), (unseen, now), ("ef", now - authorities.CART_LIFETIME)]
    listed = authorities.crl(root, revoked, at=now, replaced=[(format(replaced.serial_number, "x"), now)])
    (kept / "crl.pem").write_text(listed, encoding="ascii")

    assert [one.name for one in broker_files.write(kept, root, facility=FACILITY).accounts] == ["c2"]
    assert {serial for serial, _ in authorities.revoked_by_list(root, (kept / "crl.pem").read_bytes())} == {revoked[0][0], unseen}
    broker_files.write(kept, root, facility=FACILITY)
    with reading() as tx:
        (told,) = [one for one in machines.listed(tx) if one.machine == "c1"]
        assert told.reason == verbs.LIST_KNEW
    assert {serial for serial, _ in authorities.revoked_by_list(root, (kept / "crl.pem").read_bytes())} == {revoked[0][0], unseen}


def test_a_list_of_another_authority_revokes_nobody(app: Flask, root: authorities.Authority, tmp_path: Path) -> None:
    cart = x509.load_pem_x509_certificate(a_cart(root, "c1", tmp_path).read_bytes())
    other, kept, now = authorities.create(tmp_path / "other", facility=FACILITY, at=datetime.now(UTC)), tmp_path / "kept", datetime.now(UTC)
    kept.mkdir()
    (kept / "crl.pem").write_text(authorities.crl(other, [(format(cart.serial_number, "x"), now)], at=now), encoding="ascii")
    assert [one.name for one in broker_files.write(kept, root, facility=FACILITY).accounts] == ["c1"]


def test_the_commands_make_an_authority_claim_and_tell_when_the_list_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "server.toml"

    def run(*words: str) -> int:
        return main([*words, "--config", str(config)])

    assert run("init", "--facility", "h1") == 0
    config.write_text(config.read_text() + '\n[machines]\nbroker_files = "kept"\naddress = "https://h1.example"\n', encoding="utf-8")
    assert run("migrate") == 0
    assert run("ca", "claim", "c1") == 2  # no authority yet
    assert run("ca", "init") == 0
    assert run("ca", "init") == 2  # never over one that is there
    capsys.readouterr()
    assert run("ca", "claim", "c1") == 0
    assert "pointofcare-cart enrol --server https://h1.example --token " in capsys.readouterr().out
    assert run("ca", "status") == 1  # no list yet
    assert "ALERT" in capsys.readouterr().out
    assert run("ca", "issue-server", "--host", "127.0.0.1", "--output", str(tmp_path / "tls")) == 0
    assert (tmp_path / "tls" / "broker.key").stat().st_mode & 0o077 == 0
    config.write_text(config.read_text().replace("[mqtt]", '[mqtt]\ncertificate_file = "tls/server.pem"'), encoding="utf-8")
    assert run("ca", "accounts") == 0
    assert "user server" in (tmp_path / "kept" / "mosquitto.acl").read_text()
    assert "CN=server" in (tmp_path / "kept" / "nats-accounts.conf").read_text()
    assert run("ca", "status") == 0
    assert run("ca", "crl", "--output", str(tmp_path / "crl.pem")) == 0
    assert "BEGIN X509 CRL" in (tmp_path / "crl.pem").read_text()
    assert run("ca", "revoke", "c1", "--reason", "never used") == 0
    assert run("ca", "revoke", "c1", "--reason", "again") == 1
