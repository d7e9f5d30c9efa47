"""The two commands that a newcomer types: the demo starts, tells, stops and leaves nothing; one dose is proven unattended."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest


def _start_demo(directory: Path, output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "simulation", "demo", "--directory", str(directory)], stdout=out, stderr=subprocess.STDOUT
        )


def _wait_until_up(demo: subprocess.Popen[bytes], output: Path) -> str:
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        text = output.read_text(encoding="utf-8", errors="replace")
        if "Ctrl-C stops everything" in text:
            return text
        assert demo.poll() is None, text
        psutil.cpu_percent(interval=0.1)
    raise AssertionError(output.read_text(encoding="utf-8", errors="replace"))


def _addresses(text: str) -> list[str]:
    return sorted(set(re.findall(r"http://127\.0\.0\.1:\d+", text)))


@pytest.mark.timeout(300)
def test_demo_starts_tells_and_leaves_nothing_running_and_goes_on_where_it_was(tmp_path: Path) -> None:
    told = []
    for round_number in (1, 2):
        output = tmp_path / f"out-{round_number}.txt"
        demo = _start_demo(tmp_path / "state", output)
        try:
            text = _wait_until_up(demo, output)
            children = psutil.Process(demo.pid).children(recursive=True)
            assert len(children) >= 6  # broker, server, microcontroller, bridge, two carts
            for address in _addresses(text):
                assert httpx.get(address, follow_redirects=True, trust_env=False, timeout=10).status_code == 200, address
            told.append((_addresses(text), re.findall(r"\S+@ward\.test\s+│\s+(\S+)", text)))
        finally:
            demo.send_signal(signal.SIGINT)
            assert demo.wait(timeout=60) == 0
        _gone, alive = psutil.wait_procs(children, timeout=10)
        assert not alive, alive
    assert len(told[0][0]) == 4
    assert told[0] == told[1], "a second start goes on with the same addresses and sign-ins"


@pytest.mark.timeout(300)
def test_one_dose_is_proven_from_the_frame_to_the_emr_and_four_are_stopped(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    seed = int(time.time()) % 100_000
    done = subprocess.run(
        [sys.executable, "-m", "simulation", "once", "--seed", str(seed), "--json", str(result)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    proof = json.loads(result.read_text(encoding="utf-8"))
    assert proof["ok"] is True
    assert proof["seed"] == seed
    assert proof["record_id"]
    assert proof["emr_resource"].startswith("MedicationAdministration/")
    assert [hop["name"] for hop in proof["hops"]] == ["frame", "decode", "verdict", "journal", "server receipt", "EMR"]
    assert all(hop["ms"] >= 0 for hop in proof["hops"])
    assert [stop["case"] for stop in proof["stops"]] == ["wrong-patient", "wrong-route", "expired-lot", "already-given"]
    assert all(stop["level"] == "STOP" and stop["rules"] for stop in proof["stops"])
