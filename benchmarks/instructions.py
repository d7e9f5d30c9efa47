"""How many instructions the server spends to record one dose, beside a bare Flask insert: a figure that no busy machine changes.

Run `python -m benchmarks.instructions [--quick]`. Valgrind's callgrind counts what this process executes in user space (SQLite and the
interpreter included), from the message's bytes to the commit; it is as slow as fifty of us, and its times mean nothing.
"""

from __future__ import annotations

import gc
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import save
from benchmarks.record_dose import PATIENTS, _counted, _floor, _payload, _record
from tests.support.databases import migrated_app
from tests.support.server_ward import open_ward

BUDGET = 10_000_000
_WARM = 30
_LONGEST_S = 900


def run(quick: bool = False) -> dict[str, Any]:
    """{"record_dose", "bare_insert": instructions of one, "ratio", "sql_max"}. Raises: RuntimeError without valgrind."""
    if shutil.which("valgrind") is None:
        raise RuntimeError("valgrind is not installed: apt-get install valgrind")
    doses = 10 if quick else 40
    with tempfile.TemporaryDirectory() as name:
        found = {work: _counted_run(Path(name), work, doses) for work in ("record_dose", "bare_insert")}
    result = {
        "doses": doses,
        "database": "sqlite",
        "patients": PATIENTS,
        "record_dose": found["record_dose"]["instructions"],
        "bare_insert": found["bare_insert"]["instructions"],
        "sql_max": found["record_dose"]["sql_max"],
        "ratio": round(found["record_dose"]["instructions"] / found["bare_insert"]["instructions"], 2),
        "budget": BUDGET,
        "quick": quick,
    }
    save("instructions", result)
    return result


def _counted_run(folder: Path, work: str, doses: int) -> dict[str, int]:
    """One process of its own under callgrind, which counts only between the two words that the process gives it."""
    out = folder / f"{work}.callgrind"
    tool = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}", "--quiet"]
    command = [*tool, sys.executable, "-m", "benchmarks.instructions", "--count", work, str(doses)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S, check=True, env=environment)
    said = json.loads(done.stdout.splitlines()[-1])
    totals = [
        int(line.split()[1]) for path in folder.glob(f"{out.name}*") for line in _lines(path) if re.match(r"(totals|summary): ", line)
    ]
    return {"instructions": max(totals) // doses, "sql_max": said["sql_max"]}


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def _count(work: str, doses: int) -> None:
    with tempfile.TemporaryDirectory() as name, migrated_app("sqlite", Path(name)):
        open_ward(patient_count=PATIENTS)
        floor = _floor(Path(name))
        do = _record if work == "record_dose" else floor
        payloads = [_payload(number) for number in range(_WARM + doses)]
        for payload in payloads[:_WARM]:
            do(payload)
        most = 0
        gc.collect()
        with _counted() as statements:
            _tell("on")
            for payload in payloads[_WARM:]:
                statements.clear()
                do(payload)
                most = max(most, len(statements))
            _tell("off")
    print(json.dumps({"sql_max": most}))


def _tell(word: str) -> None:
    subprocess.run(["callgrind_control", "-i", word, str(os.getpid())], capture_output=True, check=True, timeout=120)


def table(result: dict[str, Any]) -> str:
    share = result["record_dose"] / result["budget"]
    return (
        f"one dose: {result['record_dose'] / 1e6:.2f} M instructions ({share:.0%} of {result['budget'] / 1e6:.0f} M), "
        f"{result['sql_max']} SQL statements; a bare Flask insert: {result['bare_insert'] / 1e6:.2f} M; ratio {result['ratio']}"
    )


if __name__ == "__main__":
    if "--count" in sys.argv:
        at = sys.argv.index("--count")
        _count(sys.argv[at + 1], int(sys.argv[at + 2]))
    else:
        print(table(run("--quick" in sys.argv)))
