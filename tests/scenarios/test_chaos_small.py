"""A small chaos run: real programs, nurses, eight faults of a fixed seed, and the history checker's verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from simulation.chaos import schedule
from simulation.chaos.crash_points import POINTS

# Draws a killed cart and broker, a full disk, a clock's jump, a blackhole, a slow EMR and two crash points of a cart.
SEED, DOSES, FAULTS = 40, 40, 8


@pytest.mark.timeout(420)
def test_no_dose_is_lost_or_doubled_while_programs_are_killed_and_lines_are_cut(tmp_path: Path) -> None:
    result_file = tmp_path / "result.json"
    numbers = ["--doses", str(DOSES), "--faults", str(FAULTS), "--carts", "2", "--seed", str(SEED)]
    command = [sys.executable, "-m", "simulation.chaos", *numbers, "--json", str(result_file), "--keep", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    result = json.loads(result_file.read_text(encoding="utf-8"))
    assert (result["lost"], result["doubled"], result["wrong_order"], result["stuck"]) == (0, 0, 0, 0)
    assert result["doses"] >= DOSES
    assert result["seed"] == SEED
    assert {"kill-cart", "kill-broker", "full-disk-cart"} <= set(result["faults"])


def test_the_small_run_meets_what_its_seed_draws() -> None:
    points = {name: point.program for name, point in POINTS.items()}
    drawn = schedule.draw(SEED, doses=DOSES, faults=FAULTS, carts=("cart-01", "cart-02"), points=points)
    assert {"kill-cart", "kill-broker", "full-disk-cart"} <= {fault.kind for fault in drawn}
    assert any(fault.kind == "crash" for fault in drawn)
