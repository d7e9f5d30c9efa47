"""A small fleet of strangers against the real server and a real broker, each cart with a certificate of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from devices.brokers.account import Account
from server.usecases import firmware
from simulation.fleet import load, releases, roster, stage, training


def ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_twenty_carts_come_are_seen_obey_and_come_back_after_the_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pids: list[int] = []
    opening = load._measured

    async def remembered(wanted, opened, builds, progress):  # type: ignore[no-untyped-def]
        result = await opening(wanted, opened, builds, progress)
        pids.extend((opened.server.process.pid, opened.broker.pid))
        return result

    monkeypatch.setattr(load, "_measured", remembered)
    monkeypatch.setattr(load, "SMOOTH_S", 6.0)
    wanted = load.Wanted(carts=20, seconds=3, probe_s=3, broker="mosquitto", database="sqlite", seed=1, storm=True, telemetry_s=2)
    told = load.measured(wanted, directory=tmp_path, progress=lambda _: None)
    assert (told["online"], told["storm_online"]) == (20, 20)
    assert told["storm_all_back_s"] is not None
    assert told["server_messages"] == {"recorded": 0, "duplicates": 0, "rejected": 0, "failed": 0}
    assert told["page_fresh_samples"] > 0
    assert told["page_fresh_unseen"] == 0
    assert told["command_samples"] > 0
    assert told["command_failed"] == {}
    assert told["messages_up"] >= 20
    assert {"messages", "server_cpu_s", "broker_cpu_s", "rss_mb", "page_fresh_p99_s", "command_p50_ms", "seed", "machine"} <= set(told)
    assert all(ended(pid) for pid in pids)
    assert len(pids) == 2


def test_the_run_fails_when_the_server_does_not_see_every_cart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that lets a cart in and hears nothing of it: the cart thinks that it is online."""
    known = stage._account

    def account(path: Path, kind: str) -> Account:
        found = known(path, kind)  # type: ignore[arg-type]
        return Account(name="sim-other", kind=found.kind, subjects=found.subjects) if found.name == "sim-002" else found

    monkeypatch.setattr(stage, "_account", account)
    monkeypatch.setattr(load, "SMOOTH_S", 2.0)
    monkeypatch.setattr(load, "SHOWN_S", 4.0)
    out = tmp_path / "told.json"
    arguments = ["--carts", "3", "--seconds", "1", "--probe-seconds", "1", "--directory", str(tmp_path), "--json", str(out)]
    assert load.run(arguments) == 1
    assert json.loads(out.read_text(encoding="utf-8"))["online"] == 2


def test_the_training_fleet_has_firmware_to_roll_out_and_ends_by_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "fleet"
    assert training.run(["--carts", "3", "--scenario", "bad-wave", "--seconds", "2", "--directory", str(place)]) == 0
    told = capsys.readouterr().out
    assert "3 simulated carts" in told
    assert "TRAINING" in told
    found = {(one.hardware, one.version) for one in firmware.releases(place / "firmware")}
    assert found == {(hardware, version) for hardware in roster.HARDWARE for version, _ in releases.VERSIONS}
    assert "pointofcare-server stopped" in (place / "log" / "server.log").read_text(encoding="utf-8")


def test_the_training_fleet_says_its_scenarios_and_what_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert training.run(["--list"]) == 0
    assert "bad-wave" in capsys.readouterr().out
    assert training.run(["--scenario", "no-such-day"]) == 1
    assert "bad-wave" in capsys.readouterr().out
