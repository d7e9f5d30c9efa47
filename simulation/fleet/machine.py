"""On what machine something was measured."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def facts() -> dict[str, object]:
    """Processors, memory, system, and how busy the machine was beside it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    memory_kb = next(
        (line.split()[1] for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines() if "MemTotal" in line), "0"
    )
    return {
        "cpus": os.cpu_count(),
        "cpu": next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine()),
        "memory_mb": int(memory_kb) // 1024,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "load_1m": round(os.getloadavg()[0], 2),
    }
