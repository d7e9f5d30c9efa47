"""docs/install.md on two machines whose first process is Debian's own systemd: each unit holds as it is written, and comes back after
its death and after a power cut. Minutes, and `systemd-container`: `make test-long`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scenarios.test_installed_packages import built as built
from tests.support.installed import ROOT
from tests.support.installed_machine import ALONE

pytestmark = pytest.mark.timeout(900)


@pytest.mark.skipif(shutil.which("systemd-nspawn") is None, reason="systemd-nspawn is not installed")
def test_the_install_guide_holds_under_systemd_after_deaths_and_a_power_cut(built: Path, tmp_path: Path) -> None:
    if subprocess.run([*ALONE, "true"], capture_output=True, timeout=30, check=False).returncode != 0:
        pytest.skip("two machines need root and namespaces")
    result = tmp_path / "result.json"
    (tmp_path / "day").mkdir()
    command = [sys.executable, "-m", "tests.support.installed_day", str(built.parent), str(tmp_path / "day"), str(result), "--booted"]
    done = subprocess.run([*ALONE, *command], cwd=ROOT, capture_output=True, text=True, timeout=850, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(result.read_text(encoding="utf-8"))
    assert "failed" not in seen, seen["failed"]
    assert seen["failed_units"] == ""
    assert seen["healthz"]["broker"] == "connected"
    assert seen["stopped"] == {"pointofcare-cart": True, "pointofcare-server": True, "pointofcare-nats": True}
    assert seen["journalled"] == seen["held"]
    assert (seen["differences"], seen["in_emr"], seen["in_postgresql"]) == ([], 1, "1")
    assert seen["in_postgresql_afterwards"] == "1"
