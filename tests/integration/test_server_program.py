"""`pointofcare-server` as a person runs it: made, migrated, started, asked for its health, and stopped."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from devices.brokers.process import RunningBroker
from tests.support.bridge import eventually
from tests.support.brokers import running_broker

PASSWORD = "a long enough password"


def server(directory: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "server", *arguments, "--config", str(directory / "server.toml")]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, env=_environment(), check=False)


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **more}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    assert server(tmp_path, "init", "--facility", "h1").returncode == 0
    return tmp_path


@contextmanager
def running(directory: Path, *command: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with (directory / "log").open("w") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "server", *command, "--config", str(directory / "server.toml")],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=_environment(POINTOFCARE_HTTP_PORT="0", **environment),
        )
        assert child.stdout is not None
        try:
            yield child, child.stdout.readline()
        finally:
            child.kill()
            child.wait(10)
            child.stdout.close()


def test_init_writes_secrets_that_only_the_owner_reads_and_never_overwrites(directory: Path) -> None:
    for name in ("server.toml", "signing-key.json"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600
    before = (directory / "server.toml").read_text()
    again = server(directory, "init")
    assert again.returncode == 2
    assert "exists" in again.stderr
    assert (directory / "server.toml").read_text() == before


def test_only_the_public_key_is_exported(directory: Path) -> None:
    assert server(directory, "export-key", "--output", str(directory / "public.json")).returncode == 0
    public = json.loads((directory / "public.json").read_text())
    assert (public["kty"], public["crv"]) == ("OKP", "Ed25519")
    assert "d" not in public


def test_every_fault_of_the_configuration_is_said_at_once(directory: Path) -> None:
    text = (directory / "server.toml").read_text()
    (directory / "server.toml").write_text(text.replace('"h1"', '"h 1"').replace("Asia/Ho_Chi_Minh", "Mars") + "speling = 1\n")
    answer = server(directory, "migrate")
    assert answer.returncode == 2
    for name in ("facility", "timezone", "emr.speling"):
        assert name in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_server_on_an_old_schema_says_what_to_do(directory: Path) -> None:
    answer = server(directory, "run")
    assert answer.returncode == 2
    assert "pointofcare-server migrate" in answer.stderr


def test_a_person_is_added_once_and_needs_a_long_password(directory: Path) -> None:
    assert server(directory, "migrate").returncode == 0
    assert server(directory, "user", "add", "lan", "--role", "pharmacist", text="short\n").returncode == 2
    assert server(directory, "user", "add", "lan", "--role", "pharmacist", text=PASSWORD + "\n").returncode == 0
    assert server(directory, "user", "add", "lan", "--role", "pharmacist", text=PASSWORD + "\n").returncode == 1
    assert server(directory, "user", "set-password", "lan", text=PASSWORD + "!\n").returncode == 0
    assert server(directory, "user", "set-password", "nobody", text=PASSWORD + "!\n").returncode == 1


def test_the_whole_server_runs_tells_its_health_and_stops_cleanly(directory: Path) -> None:
    assert server(directory, "migrate").returncode == 0
    with running_broker("nats") as (broker, passwords), running(directory, "run", **_at(broker, passwords)) as (child, line):
        assert line.startswith("pointofcare-server ready on http://127.0.0.1:"), (directory / "log").read_text()
        health = _health(line.split()[-1])
        assert health["database"] == "ok"
        assert health["outbox"] == {"pending": 0, "parked": 0, "sent": 0}
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
        assert child.stdout is not None
        assert "stopped" in child.stdout.read()
    assert "Traceback" not in (directory / "log").read_text()


def _at(broker: RunningBroker, passwords: dict[str, str]) -> dict[str, str]:
    return {
        "POINTOFCARE_MQTT_PORT": str(broker.port),
        "POINTOFCARE_MQTT_USERNAME": "server",
        "POINTOFCARE_MQTT_PASSWORD": passwords["server"],
    }


def _health(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{address}/healthz", timeout=10) as answer:
        return dict(json.load(answer))


def _ended(process: psutil.Process) -> bool:
    return bool(psutil.wait_procs([process], timeout=20)[0])


def _address(child: subprocess.Popen[str], line: str) -> str:
    """Of the pages, whichever of the two processes says first that it is ready."""
    assert child.stdout is not None
    lines = [line, child.stdout.readline()]
    assert "pointofcare-server doses ready\n" in lines
    return next(each.split()[-1] for each in lines if "ready on http" in each)


@pytest.mark.slow
@pytest.mark.parametrize("end", ["asked", "pages killed", "doses killed", "broker killed"])
def test_pages_and_doses_in_two_processes_live_and_end_together(directory: Path, end: str) -> None:
    assert server(directory, "migrate").returncode == 0
    with (
        running_broker("nats") as (broker, passwords),
        running(directory, "run", "--pages-apart", **_at(broker, passwords)) as (child, line),
    ):
        address = _address(child, line)
        eventually(lambda: _health(address)["status"] == "ok", "the pages know that the doses' process is at the broker", within_s=60)
        assert _health(address)["broker"] == "connected"
        if end == "broker killed":
            broker.kill()
            eventually(lambda: _health(address)["broker"] == "not connected", "and that it is there no more", within_s=60)
            return
        (pages,) = psutil.Process(child.pid).children()
        if end == "pages killed":
            pages.kill()
        else:
            child.send_signal(signal.SIGTERM if end == "asked" else signal.SIGKILL)
        assert child.wait(30) == {"asked": 0, "pages killed": 1, "doses killed": -signal.SIGKILL}[end], (directory / "log").read_text()
        assert _ended(pages)
    log = (directory / "log").read_text()
    assert ("the process of the pages (exit code -9) ended by itself" in log) == (end == "pages killed")
    assert "Traceback" not in log


@pytest.mark.parametrize("part", ["gateway", "dispatcher"])
def test_a_part_runs_alone_without_its_broker_and_stops_cleanly(directory: Path, part: str) -> None:
    assert server(directory, "migrate").returncode == 0
    with running(directory, part, POINTOFCARE_MQTT_PORT="9") as (child, line):
        assert line == f"pointofcare-server {part} ready\n"
        child.send_signal(signal.SIGINT)
        assert child.wait(20) == 0
