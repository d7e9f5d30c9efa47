"""What the benchmarks share: how a row of times is told, on which machine it was, and where results lie. Measures nothing itself."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def spread(values: Sequence[float]) -> dict[str, float]:
    """{"count", "p50", "p95", "max"} of some times, in their own unit."""
    if not values:
        return {"count": 0}
    ordered = sorted(values)
    return {
        "count": len(ordered),
        "p50": round(statistics.median(ordered), 3),
        "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 3),
        "max": round(ordered[-1], 3),
    }


def ratio(ours: Sequence[float], floor: Sequence[float]) -> float:
    """Median over median: how many times the floor ours costs."""
    return round(statistics.median(ours) / statistics.median(floor), 2)


def machine() -> dict[str, Any]:
    memory_kb = next(
        (line.split()[1] for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines() if "MemTotal" in line), "0"
    )
    return {
        "cpus": os.cpu_count(),
        "cpu": _processor(),
        "memory_mb": int(memory_kb) // 1024,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "load_1m": round(os.getloadavg()[0], 2),
    }


def save(name: str, result: Mapping[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
