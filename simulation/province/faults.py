"""The faults that a province is drilled with while doses are given. Each says what it found, and mends what it broke before the next one.

What is asked of each figure stands in `ASKED`; doses that got lost or doubled are looked for once, after the last fault.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

import psycopg

from devices.brokers import nats_cluster
from simulation import processes
from simulation.processes import Child
from simulation.province import engines as machines
from simulation.province import lineage
from simulation.province.carts import Dose, Giver
from simulation.province.engines import Database
from simulation.province.opening import Province, report, until

FAULTS = ("broker", "primary", "gateway", "replica-lag", "split-brain")
# The most that each figure may be, in seconds where it ends with _s.
ASKED: Mapping[str, float] = {
    "carts_back_s": 15.0,
    "writes_again_s": 30.0,
    "follows_again_s": 60.0,
    "gateway_taken_over_s": 15.0,
    "lagging_receipts_s": 5.0,
    "lag_read_unmarked": 0,
    "replica_caught_up_s": 15.0,
    "read_only_s": 20.0,  # the lease: after it another one could lead
    "leaderless_written": 0,
    "leaderless_receipts": 0,
    "leader_writes_s": 45.0,
    "forked": 0,
}
_LONGEST_S, _LEADERLESS_S, _MOST_LAG_S = 90.0, 5.0, 5
Found = dict[str, Any]
Say = Callable[[str], None]


def play(name: str, province: Province, say: Say) -> Found:
    """One of `FAULTS`, and what it found. Raises: DeviceUnavailableError, when what was broken does not come again."""
    return {"broker": broker, "primary": primary, "gateway": gateway, "replica-lag": replica_lag, "split-brain": split_brain}[name](
        province, say
    )


def missed(found: Mapping[str, Any]) -> list[str]:
    """The figures that are more than was asked, or that never came."""
    return [key for key, most in ASKED.items() if key in found and (found[key] is None or found[key] > most)]


def busiest(users: Sequence[Sequence[str]], servers: frozenset[str]) -> int:
    """Which broker's death is felt most: the one with a hospital's gateway, then the one with more of everybody."""
    return max(range(len(users)), key=lambda number: (sum(user in servers for user in users[number]), len(users[number])))


def broker(province: Province, say: Say) -> Found:
    engines = province.engines
    users = [engines.users_at(number) for number in range(len(engines.brokers))]
    servers = frozenset(nats_cluster.user(facility.id, "server") for facility in province.facilities)
    number = busiest(users, servers)
    lost, gateways = engines.brokers[number], sum(user in servers for user in users[number])
    began = time.monotonic()
    lost.kill()
    say(f"killed: the broker n{number + 1}, at which {gateways} gateways and {len(users[number]) - gateways} carts were")
    back_s = again(province, began)
    longest_s = longest(province, began)
    lost.start_again()
    return {
        "broker_killed": f"n{number + 1}",
        "broker_had_gateways": gateways,
        "broker_had_carts": len(users[number]) - gateways,
        "carts_back_s": back_s,
        "broker_longest_receipt_s": longest_s,
    }


def primary(province: Province, say: Say) -> Found:
    engines = province.engines
    lost = engines.primary()
    began = time.monotonic()
    lost.kill()
    say(f"killed: {lost.name}, which led")
    writes_s = again(province, began)
    began = time.monotonic()
    machines.start_database(engines, lost)
    follows = until(engines.both, "the databases", _LONGEST_S, fails=False)
    return {"writes_again_s": writes_s, "follows_again_s": round(time.monotonic() - began, 1) if follows else None}


def gateway(province: Province, say: Say) -> Found:
    holder = next(child for child in province.children if child.name.startswith("gateway") and works(child))
    began = time.monotonic()
    os.killpg(holder.process.pid, signal.SIGKILL)
    say(f"killed: {holder.name}, which worked")
    taken_s = again(province, began)
    command = [str(word) for word in cast(Sequence[str], holder.process.args)]
    anew = processes.start(holder.name, command, log=holder.log)
    province.children[province.children.index(holder)] = anew
    processes.wait_for_line(anew, "pointofcare-server", timeout_s=60.0)
    return {"gateway_taken_over_s": taken_s}


def replica_lag(province: Province, say: Say) -> Found:
    """Doses go on; the report is refused while the replica is behind more than was said, and right again when it caught up."""
    engines = province.engines
    lagging = engines.replica()
    engines.maintain(on=True)
    try:
        _in(province, lagging, "SELECT pg_wal_replay_pause()")
        until(lambda: _in(province, lagging, "SELECT pg_get_wal_replay_pause_state()") == "paused", "the replica", 10.0)
        began = time.monotonic()
        say(f"paused: {lagging.name} replays nothing any more")
        receipts_s = again(province, began)
        time.sleep(max(0.0, began + _MOST_LAG_S + 2.0 - time.monotonic()))
        told = report(province, "--most-lag", str(_MOST_LAG_S), "--json")
        refused = told.returncode != 0 and "behind" in told.stderr + told.stdout
        written = _in(province, engines.primary(), "SELECT pg_current_wal_lsn()")
        counted = _in(province, engines.primary(), "SELECT count(*) FROM administrations")
        resumed = time.monotonic()
        _in(province, lagging, "SELECT pg_wal_replay_resume()")
        reached = f"SELECT pg_last_wal_replay_lsn() >= '{written}'"
        caught_up = until(lambda: bool(_in(province, lagging, reached)), "the replica", 30.0, fails=False)
        caught_up_s = round(time.monotonic() - resumed, 1) if caught_up else None
    finally:
        engines.maintain(on=False)  # and with it Patroni resumes what is still paused
    after = report(province, "--most-lag", "30", "--hours", "744", "--json")
    shown = json.loads(after.stdout) if after.returncode == 0 else {"lag_s": None, "facilities": []}
    right = shown["lag_s"] is not None and sum(each["doses"] for each in shown["facilities"]) >= counted
    return {
        "lagging_receipts_s": receipts_s,
        "lag_read_unmarked": 0 if refused else 1,
        "replica_caught_up_s": caught_up_s if right else None,
    }


def split_brain(province: Province, say: Say) -> Found:
    """etcd's majority is gone: nobody may lead, nothing is written, carts keep what they record. Then it comes again."""
    engines = province.engines
    began = time.monotonic()
    engines.kill_etcd()
    say("killed: etcd; nobody can know who leads")
    try:
        read_only = until(lambda: not any(_takes_writes(province, each) for each in engines.databases), "the primary", 60.0, fails=False)
        demoted = time.monotonic()
        before = _most_doses(province)
        held = time.monotonic() + _LEADERLESS_S
        while read_only and time.monotonic() < held:
            read_only = not any(_takes_writes(province, each) for each in engines.databases)
            time.sleep(0.2)
        written = _most_doses(province) - before
        receipts = sum(dose.given_s >= demoted and dose.receipt_s is not None for dose in _doses(province))
        kept = province.wards.unsettled
        say(f"nobody leads after {demoted - began:.1f} s; {written} doses written and {kept} kept by the carts in {_LEADERLESS_S:.0f} s")
    finally:
        back = time.monotonic()
        machines.start_etcd(engines)
    writes_s = again(province, back)
    until(engines.both, "the databases", _LONGEST_S)
    forks = ["no database could be asked"]

    def one_line() -> bool:
        with suppress(psycopg.Error):
            forks[:] = lineage.forks({each.name: lineage.of(engines.direct("postgres", each)) for each in engines.databases})
        return not forks

    until(one_line, "the timelines", 30.0, fails=False)  # one that just began to follow is on none yet
    for fork in forks:
        say(f"FORKED: {fork}")
    return {
        "read_only_s": round(demoted - began, 1) if read_only else None,
        "leaderless_written": written,
        "leaderless_receipts": receipts,
        "leaderless_kept_by_carts": kept,
        "leader_writes_s": writes_s,
        "forked": len(forks),
    }


def works(child: Child) -> bool:
    """By its own last word."""
    words = [line for line in child.log.read_text(encoding="utf-8").splitlines() if line.startswith("pointofcare-server gateway")]
    return child.process.poll() is None and bool(words) and words[-1].endswith("works")


def again(province: Province, began: float) -> float | None:
    """How long until every cart has a receipt for a dose that it gave after this moment; None: not in time."""

    def back(giver: Giver) -> float | None:
        found = [dose.receipt_s for dose in list(giver.doses.values()) if dose.given_s >= began and dose.receipt_s is not None]
        return min(found) if found else None

    deadline = began + _LONGEST_S
    while time.monotonic() < deadline:
        found = [back(giver) for giver in province.wards.givers]
        if all(each is not None for each in found):
            return round(max(each for each in found if each is not None) - began, 1)
        time.sleep(0.1)
    return None


def longest(province: Province, began: float) -> float | None:
    """The longest that a dose given just before this moment or after it has waited for its receipt; those that wait still count too."""
    now_s = time.monotonic()
    waits = [(dose.receipt_s or now_s) - dose.given_s for dose in _doses(province) if dose.given_s >= began - 1.0]
    return round(max(waits), 1) if waits else None


def _doses(province: Province) -> list[Dose]:
    return [dose for giver in province.wards.givers for dose in list(giver.doses.values())]


def _in(province: Province, database: Database, query: str) -> Any:
    with psycopg.connect(province.engines.direct("postgres", database), autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def _takes_writes(province: Province, database: Database) -> bool:
    """Also when it cannot be asked it is not one that takes writes: whoever wants to write asks in the same way."""
    with suppress(psycopg.OperationalError):
        return not _in(province, database, "SELECT pg_is_in_recovery()")
    return False


def _most_doses(province: Province) -> int:
    """What the one of the databases has that has most; waits until both can be read. Raises: DeviceUnavailableError."""
    counts: list[int] = []

    def read() -> bool:
        counts.clear()
        with suppress(psycopg.OperationalError):
            counts.extend(int(_in(province, each, "SELECT count(*) FROM administrations")) for each in province.engines.databases)
        return len(counts) == len(province.engines.databases)

    until(read, "the databases without a leader", 40.0)
    return max(counts)
