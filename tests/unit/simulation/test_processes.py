"""The child programs of a run end with it: all at once, within a bound, also when the run is asked to end a second time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from simulation import processes

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
RUN = """
import sys, time
from pathlib import Path
from simulation import processes
child = processes.start("deaf", [sys.executable, "-c", sys.argv[1]], log=Path(sys.argv[2]))
processes.wait_for_line(child, "ready", timeout_s=20.0)
with processes.undisturbed():
    print(child.process.pid, flush=True)
    assert processes.stop_together([child], timeout_s=1.5) == ["deaf"]
    print("ended", flush=True)
"""


def test_children_are_asked_at_once_and_those_that_do_not_end_are_killed(tmp_path: Path) -> None:
    deaf = [processes.start(f"deaf-{number}", [sys.executable, "-c", DEAF], log=tmp_path / f"{number}.log") for number in range(3)]
    meek = processes.start("meek", ["sleep", "60"], log=tmp_path / "meek.log")
    for child in deaf:
        processes.wait_for_line(child, "ready", timeout_s=20.0)
    began = time.monotonic()
    assert processes.stop_together([*deaf, meek], timeout_s=1.5) == ["deaf-0", "deaf-1", "deaf-2"]
    assert time.monotonic() - began < 4.0  # one after the other it would be three times 1.5 s
    assert all(child.process.poll() is not None for child in (*deaf, meek))


def test_a_run_that_is_asked_to_end_while_it_ends_leaves_nothing_running(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUN, DEAF, str(tmp_path / "deaf.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as program:
        assert program.stdout is not None
        child = int(program.stdout.readline())
        program.send_signal(signal.SIGTERM)
        assert program.stdout.readline() == "ended\n"
    assert program.returncode == 0
    assert not os.path.exists(f"/proc/{child}")
