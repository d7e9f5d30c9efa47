"""Whether the databases of a province share one past: each time that another one leads PostgreSQL begins a new timeline, and writes down
where it left the one before. Two that led at once have left it in two places."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import psycopg

Line = tuple[tuple[int, str], ...]
_FOLLOWS = "SELECT received_tli FROM pg_stat_wal_receiver"
_LEADS = "SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int"


def of(url: str) -> tuple[int, str]:
    """As superuser: the timeline that this database is on, and its history. Raises: psycopg.Error."""
    with psycopg.connect(url, autocommit=True) as connection:
        asked = connection.execute("SELECT pg_is_in_recovery()").fetchone()
        row = connection.execute(_FOLLOWS if asked and asked[0] else _LEADS).fetchone()
        timeline = int(row[0]) if row else 0
        found = connection.execute("SELECT pg_read_file(%s, 0, 1048576, true)", (f"pg_wal/{timeline:08X}.history",)).fetchone()
    return timeline, str(found[0]) if found and found[0] else ""


def parsed(history: str) -> Line:
    """Each timeline that was left, and where."""
    words = [line.split() for line in history.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return tuple((int(each[0]), each[1]) for each in words)


def forks(told: Mapping[str, tuple[int, str]]) -> list[str]:
    """What does not fit, in words; nothing: every database is on one line, which nobody left in two places."""
    found = []
    lines = {name: parsed(history) for name, (_timeline, history) in told.items()}
    for name, (timeline, _history) in told.items():
        left = [number for number, _where in lines[name]]
        if left != sorted(set(left)) or (left and left[-1] >= timeline) or (timeline > 1 and not left) or timeline < 1:
            found.append(f"{name} is on timeline {timeline} after {left}")
    names = sorted(told)
    for one, other in pairwise(names):
        if told[one][0] != told[other][0]:
            found.append(f"{one} is on timeline {told[one][0]}, {other} on {told[other][0]}")
        for mine, its in zip(lines[one], lines[other], strict=False):
            if mine != its:
                found.append(f"{one} left timeline {mine[0]} at {mine[1]}, {other} timeline {its[0]} at {its[1]}")
    return found
