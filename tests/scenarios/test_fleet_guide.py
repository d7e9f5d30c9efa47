"""The guide for fleet managers, as it is written: every command of it, in its order, in one shell, against the demo hospital."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "fleet.md"


def blocks() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.timeout(1500)
def test_every_command_of_the_guide_works_in_its_order(tmp_path: Path) -> None:
    script = "set -euo pipefail\nset -m\nPS4='+ '\nset -x\n" + "\n".join(blocks())
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    output = tmp_path / "told.txt"
    with output.open("wb") as out:
        shell = subprocess.Popen(
            ["bash", "-c", script], cwd=tmp_path, env=environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = shell.wait(timeout=1400)
        finally:
            _end_all(shell.pid, tmp_path)
    told = output.read_text(encoding="utf-8", errors="replace")
    demo = (tmp_path / "demo.log").read_text(encoding="utf-8", errors="replace") if (tmp_path / "demo.log").exists() else ""
    assert code == 0, f"{told[-6000:]}\n--- demo.log\n{demo[-2000:]}"
    failed = json.loads((tmp_path / "failed.json").read_text(encoding="utf-8"))
    assert (failed["state"], failed["why"], failed["wave"]) == ("paused", "failures", 1)
    assert any(one["code"] in ("penalty", "failed") and "self-test" in one["why"] for one in failed["carts"]), failed["carts"]
    assert all(one["attempts"] == 0 for one in failed["carts"] if one["wave"] == 2)
    assert "pointofcare-cart enrol --server" in (tmp_path / "claim.txt").read_text(encoding="utf-8")


def _end_all(session: int, directory: Path) -> None:
    """What a guide that broke in the middle left running: the demo ends its own children when it is asked to."""
    import psutil

    mine = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        if os.getsid(process.pid) == session or str(directory) in " ".join(process.info["cmdline"] or ()):
            mine.append(process)
    for process in mine:
        if "demo" in " ".join(process.info["cmdline"] or ()):
            process.send_signal(signal.SIGINT)
    _gone, alive = psutil.wait_procs(mine, timeout=30)
    for process in alive:
        process.kill()


def test_every_page_of_the_fleet_is_linked_from_the_guide() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    pages = {*(path.name for path in GUIDE.parent.glob("fleet-*.md")), "firmware.md", "rollouts.md", "mqtt.md"}
    pages |= {path.name for path in GUIDE.parent.glob("devices.md")}
    assert [name for name in sorted(pages) if f"({name}" not in text] == []
