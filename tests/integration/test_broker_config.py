"""`pointofcare-server ca broker`: the file with which a hospital's broker starts, in the real brokers."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from devices.broker import Broker, BrokerConfig, Connected, ConnectFailed
from server.__main__ import main
from tests.support.brokers import KINDS, Inbox
from tests.support.databases import sqlite_template

PROGRAMS = {"nats": Path(sys.executable).parent / "nats-server", "mosquitto": Path("/usr/sbin/mosquitto")}
SETTINGS = """
[machines]
broker = "{kind}"
broker_files = "broker"
broker_pid_file = "broker.pid"
"""


def prepared(tmp_path: Path, kind: str) -> tuple[Path, list[str]]:
    """A server as `docs/install.md` sets it up: settings in one folder, everything else in another."""
    settings, data = tmp_path / "etc" / "server.toml", tmp_path / "var"
    data.mkdir()
    named = ["--config", str(settings)]
    assert main(["init", "--facility", "h1", "--data-dir", str(data), *named]) == 0
    shutil.copyfile(sqlite_template(), data / "pointofcare.sqlite")
    text = settings.read_text(encoding="utf-8")
    own = '[mqtt]\nca_file = "broker-tls/ca.pem"\ncertificate_file = "broker-tls/server.pem"\nkey_file = "broker-tls/server.key"\n'
    settings.write_text(text.replace("[mqtt]\n", own) + SETTINGS.format(kind=kind), encoding="utf-8")
    assert main(["ca", "init", *named]) == 0
    assert main(["ca", "issue-server", "--host", "127.0.0.1", "--output", str(data / "broker-tls"), *named]) == 0
    return data, named


@pytest.mark.parametrize("kind", KINDS)
def test_the_written_file_starts_the_real_broker_which_lets_the_server_in_and_nobody_without_a_certificate(
    tmp_path: Path, kind: str
) -> None:
    data, named = prepared(tmp_path, kind)
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port = made.getsockname()[1]
    for _ in range(2):  # again does no harm
        assert main(["ca", "broker", "--host", "127.0.0.1", "--port", str(port), *named]) == 0
    name = "nats.conf" if kind == "nats" else "mosquitto.conf"
    assert sorted(path.name for path in (tmp_path / "etc").iterdir()) == ["server.toml"]
    child = subprocess.Popen([PROGRAMS[kind], "-c", data / "broker" / name], stderr=subprocess.DEVNULL, cwd=data)
    try:
        server, stranger = Inbox(), Inbox()
        tls = data / "broker-tls"
        known = BrokerConfig(
            host="127.0.0.1", port=port, client_id="server", ca_file=tls / "ca.pem", cert_file=tls / "server.pem",
            key_file=tls / "server.key", backoff_min_s=0.05, backoff_max_s=0.3,
        )  # fmt: skip
        unknown = BrokerConfig(
            host="127.0.0.1", port=port, client_id="stranger", ca_file=tls / "ca.pem", backoff_min_s=0.05, backoff_max_s=0.3
        )
        clients = [Broker(known, server), Broker(unknown, stranger)]
        for client in clients:
            client.start()
        try:
            server.expect(Connected)
            stranger.expect(ConnectFailed)
            assert not stranger.seen(Connected)
            assert int((data / "broker.pid").read_text(encoding="ascii")) == child.pid
            os.kill(child.pid, 0)
        finally:
            for client in clients:
                client.stop()
    finally:
        child.terminate()
        child.wait(20)


def test_a_place_that_is_not_set_is_named_and_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, named = prepared(tmp_path, "nats")
    settings = tmp_path / "etc" / "server.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace('broker_pid_file = "broker.pid"\n', ""), encoding="utf-8")
    assert main(["ca", "broker", *named]) == 2
    assert "machines.broker_pid_file" in capsys.readouterr().err
    assert not (data / "broker").exists()


def test_without_certificates_of_the_broker_no_file_opens_it_to_the_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, named = prepared(tmp_path, "nats")
    (data / "broker-tls" / "broker.key").unlink()
    assert main(["ca", "broker", *named]) == 2
    assert "broker.key" in capsys.readouterr().err
    assert not (data / "broker" / "nats.conf").exists()


def test_data_lies_where_the_settings_say_and_relative_to_the_file_without_them(tmp_path: Path) -> None:
    assert main(["init", "--config", str(tmp_path / "beside" / "server.toml")]) == 0
    assert (tmp_path / "beside" / "signing-key.json").exists()
    (tmp_path / "kept").mkdir()
    assert main(["init", "--data-dir", str(tmp_path / "kept"), "--config", str(tmp_path / "apart" / "server.toml")]) == 0
    assert (tmp_path / "kept" / "signing-key.json").exists()
    assert not (tmp_path / "apart" / "signing-key.json").exists()
