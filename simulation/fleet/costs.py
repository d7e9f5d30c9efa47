"""What a running program has cost so far: processor seconds and memory, read from /proc. Linux."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS_HZ = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """`cpu_s` is user and system time of all threads, `rss_mb` what lies in memory now."""

    cpu_s: float
    rss_mb: float


def of(pid: int) -> Costs:
    """Zeros for a process that has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        fields = stat[stat.rindex(")") + 2 :].split()
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return Costs(cpu_s=0.0, rss_mb=0.0)
    return Costs(
        cpu_s=(int(fields[11]) + int(fields[12])) / _TICKS_HZ,
        rss_mb=round(pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024, 1),
    )


def quantile(values: list[float], share: float) -> float | None:
    """The smallest of `values` that at least `share` of them do not exceed; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * len(ordered) * 1000) // 1000) - 1))]
