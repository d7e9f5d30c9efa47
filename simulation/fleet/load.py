"""`make fleet-load`: hundreds of carts against a real server and a real broker of their own, and what that costs.

Ends within a bounded time, leaves no process behind, and ends with another code than 0 when not every cart came online.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pointofcare.errors import PointOfCareError
from simulation.fleet import costs, machine, probes, roster, scenario, stage
from simulation.fleet.cart import Play
from simulation.fleet.costs import Costs
from simulation.fleet.crowd import Crowd, verifier
from simulation.fleet.line import Door, tls_context
from simulation.fleet.reader import Reader
from simulation.fleet.stage import Stage

SMOOTH_S = 30.0  # the longest pause for the server to take what came at once
SHOWN_S = 90.0  # so long the list may take to show a cart, on a machine that does much else
_STORM_S = 90.0
_STOP_S = 20.0
_CALM = 0.5  # of one processor


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    carts: int
    seconds: float
    probe_s: float
    broker: str
    database: str
    seed: int
    storm: bool = False
    telemetry_s: float = 60.0

    @property
    def arrive_s(self) -> float:
        """They come as a ward's power comes back: quickly, not all in one moment."""
        return self.carts / 100

    @property
    def connect_limit_s(self) -> float:
        return 30.0 + self.carts * 0.2

    @property
    def limit_s(self) -> float:
        """After so long everything is stopped, whatever it is doing."""
        storm_s = 2 * _STORM_S + SMOOTH_S + _STOP_S if self.storm else 0.0
        return self.connect_limit_s + SHOWN_S + 2 * SMOOTH_S + self.seconds + 2 * self.probe_s + 60.0 + storm_s + _STOP_S


@dataclass(slots=True)
class Marks:
    """Costs of the three programs at one moment."""

    at_s: float = field(default_factory=time.monotonic)
    server: Costs = field(default_factory=lambda: Costs(cpu_s=0.0, rss_mb=0.0))
    broker: Costs = field(default_factory=lambda: Costs(cpu_s=0.0, rss_mb=0.0))
    fleet: Costs = field(default_factory=lambda: Costs(cpu_s=0.0, rss_mb=0.0))


def run(arguments: Sequence[str]) -> int:
    """The exit code: 0 when every cart came online, 1 when not or when something did not start."""
    chosen = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(highlight=False)
    counts = [int(each) for each in chosen.compare.split(",")] if chosen.compare else [chosen.carts]
    results: list[dict[str, Any]] = []
    try:
        for carts in counts:
            wanted = Wanted(
                carts=carts,
                seconds=chosen.seconds,
                probe_s=chosen.probe_seconds,
                broker=chosen.broker,
                database=chosen.database,
                seed=chosen.seed,
                storm=chosen.storm,
                telemetry_s=chosen.telemetry_every,
            )
            results.append(measured(wanted, directory=chosen.directory, progress=lambda text: console.print(f"  {text}")))
            console.print(table(results[-1]))
    except PointOfCareError as error:
        console.print(f"[bold]The load could not be measured.[/bold] {error}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130
    told: dict[str, Any] = results[-1]
    if len(results) > 1:
        told = {**told, "compared": results, **_flat(results)}
        console.print(
            f"server CPU of a cart in a minute, {results[-1]['carts']} carts against {results[0]['carts']}: "
            f"{told['server_cpu_flat']} times; with what the server costs without any: {told['server_cpu_flat_whole']} times"
        )
    if chosen.json:
        chosen.json.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    short = [one for one in results if one["online"] < one["carts"]]
    for one in short:
        console.print(f"[bold]{one['online']} of {one['carts']} carts came online:[/bold] {one['why'] or 'see the logs'}", soft_wrap=True)
    return 1 if short else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fleet-load", description=__doc__)
    parser.add_argument("--carts", type=_count, default=500, metavar="N", help="how many (default: 500)")
    parser.add_argument("--seconds", type=_positive, default=30.0, metavar="S", help="how long the quiet fleet is measured (default: 30)")
    parser.add_argument("--probe-seconds", type=_positive, default=15.0, metavar="S", help="how long each of page and commands is measured")
    parser.add_argument("--telemetry-every", type=_positive, default=60.0, metavar="S", help="each kind of telemetry of each cart")
    parser.add_argument("--broker", choices=tuple(stage.BROKERS), default="mosquitto")
    parser.add_argument("--database", default="sqlite", help='"sqlite", "postgresql" (a cluster of its own) or a database URL')
    parser.add_argument("--seed", type=int, default=1, help="which fleet")
    parser.add_argument("--storm", action="store_true", help="then the broker is killed and started again: how long until all are back")
    parser.add_argument(
        "--compare", metavar="50,500", default="", help="several sizes, one after the other, and whether a cart costs the same"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--directory", type=Path, help="keep server, logs and database there")
    return parser


def measured(wanted: Wanted, *, directory: Path | None = None, progress: stage.Progress = print) -> dict[str, Any]:
    """One run in a folder of its own. Raises: PointOfCareError."""
    with tempfile.TemporaryDirectory(prefix="poc-fleet-") as temporary:
        place = Path(temporary) if directory is None else directory / f"{wanted.broker}-{wanted.carts}"
        stage.forget(place)
        builds = roster.fleet(wanted.seed, wanted.carts)
        began_s = time.monotonic()
        with stage.open_stage(
            place, builds, broker=wanted.broker, database=wanted.database, wards=roster.WARDS, progress=progress
        ) as opened:
            prepared_s = time.monotonic() - began_s
            try:
                result = asyncio.run(_within(wanted, opened, builds, progress))
            except TimeoutError as exc:
                raise PointOfCareError(
                    f"not done within {wanted.limit_s:.0f} s", remedy="look at the server's log, or take fewer carts"
                ) from exc
        return {**result, "prepare_s": round(prepared_s, 1)}


async def _within(wanted: Wanted, opened: Stage, builds: Sequence[roster.Build], progress: stage.Progress) -> dict[str, Any]:
    async with asyncio.timeout(wanted.limit_s):
        return await _measured(wanted, opened, builds, progress)


async def _measured(wanted: Wanted, opened: Stage, builds: Sequence[roster.Build], progress: stage.Progress) -> dict[str, Any]:
    reader = Reader(opened.server_url)
    await asyncio.to_thread(reader.sign_in, opened.manager.username, opened.manager.password)
    progress("an empty server, for what it costs without carts")
    empty = await _stretch(opened, 5.0)
    play = Play(
        facility=opened.facility,
        scenario=scenario.ORDINARY,
        wards=roster.WARDS,
        verify=verifier(opened.server_key),
        run=f"load{wanted.seed}",
        telemetry_s=wanted.telemetry_s,
        calm=True,
        first=False,
    )
    doors = {
        build.id: Door(
            host=opened.broker.host,
            port=opened.broker.port,
            client_id=build.id,
            tls=tls_context(opened.ca, opened.certificate(build.id)),
        )
        for build in builds
    }
    progress(f"{len(builds)} carts connect")
    before = _marks(opened)
    crowd = Crowd(builds, play, lambda build: doors[build.id], arrive_s=wanted.arrive_s)
    try:
        connect_s = await crowd.all_online(timeout_s=wanted.connect_limit_s)
        online, shown_s = await _shown_online(crowd, reader, timeout_s=SHOWN_S)
        await _settled(crowd, opened, timeout_s=SMOOTH_S)
        after = _marks(opened)
        progress(f"{online} of {len(builds)} are online; {wanted.seconds:.0f} s of a quiet fleet")
        published, received = crowd.published, crowd.received
        quiet = await _stretch(opened, wanted.seconds)
        published, received = crowd.published - published, crowd.received - received
        progress("the fleet page: changes until they are seen")
        begins = _marks(opened)
        fresh = await probes.freshness(crowd, reader, seconds=wanted.probe_s, seed=wanted.seed)
        busy = _since(begins, _marks(opened))
        progress("commands, there and back")
        commands = await probes.commands(crowd, reader, seconds=wanted.probe_s, seed=wanted.seed)
        storm = await _storm(crowd, opened, reader, progress) if wanted.storm else {}
        crowd.check()
        ends, count = _marks(opened), replace(crowd.count)
        health = json.loads(await asyncio.to_thread(reader.get, "/healthz"))
    finally:
        await crowd.stop()
    minutes = quiet["window_s"] / 60
    per_cart = quiet["server_cpu_s"] / minutes / wanted.carts
    marginal = max(0.0, quiet["server_cpu_s"] / minutes - empty["server_cpu_s"] / empty["window_s"] * 60) / wanted.carts
    return {
        "carts": wanted.carts,
        "online": online,
        "messages": published + received,
        **quiet,
        "rss_mb": ends.server.rss_mb,
        "page_fresh_p99_s": _rounded(costs.quantile(fresh.seen_s, 0.99)),
        "page_fresh_p50_s": _rounded(costs.quantile(fresh.seen_s, 0.5)),
        "page_fresh_samples": len(fresh.seen_s),
        "page_fresh_unseen": fresh.unseen,
        "page_answer_p50_ms": _rounded(costs.quantile([1000 * one for one in fresh.answer_s], 0.5), 1),
        "page_answer_p99_ms": _rounded(costs.quantile([1000 * one for one in fresh.answer_s], 0.99), 1),
        "page_window": busy,
        "command_p50_ms": _rounded(costs.quantile([1000 * one for one in commands.done_s], 0.5), 1),
        "command_p99_ms": _rounded(costs.quantile([1000 * one for one in commands.done_s], 0.99), 1),
        "command_samples": len(commands.done_s),
        "command_failed": commands.failed,
        "connect_s": None if connect_s is None else round(connect_s, 2),
        "shown_online_s": _rounded(shown_s, 2),
        "connect_server_cpu_s": round(after.server.cpu_s - before.server.cpu_s, 2),
        "connect_broker_cpu_s": round(after.broker.cpu_s - before.broker.cpu_s, 2),
        "messages_up": published,
        "messages_down": received,
        "messages_hz": round((published + received) / quiet["window_s"], 1),
        "messages_whole_run": crowd.published + crowd.received,
        "server_cpu_s_a_minute": round(quiet["server_cpu_s"] / minutes, 3),
        "broker_cpu_s_a_minute": round(quiet["broker_cpu_s"] / minutes, 3),
        "empty_server_cpu_s_a_minute": round(empty["server_cpu_s"] / empty["window_s"] * 60, 3),
        "server_cpu_ms_a_cart_minute": round(per_cart * 1000, 3),
        "server_cpu_ms_a_cart_minute_marginal": round(marginal * 1000, 3),
        "broker_rss_mb": ends.broker.rss_mb,
        "fleet_rss_mb": ends.fleet.rss_mb,
        "connects": count.connects,
        "drops": count.drops,
        "failed_connects": count.failed,
        "why": ", ".join(f"{why} ({number})" for why, number in sorted(count.why.items())),
        "events": count.events,
        "events_acknowledged": count.acknowledged,
        "tables": count.tables,
        "server_messages": health.get("messages", {}),
        **storm,
        "seed": wanted.seed,
        "broker": wanted.broker,
        "database": wanted.database if "://" not in wanted.database else "url",
        "telemetry_s": wanted.telemetry_s,
        "machine": machine.facts(),
    }


async def _stretch(opened: Stage, seconds: float) -> dict[str, float]:
    """What a stretch of time costs in which nothing is asked."""
    begins = _marks(opened)
    await asyncio.sleep(seconds)
    return _since(begins, _marks(opened))


async def _settled(crowd: Crowd, opened: Stage, *, timeout_s: float) -> None:
    """Until the server has dealt with what came at once: two seconds in which it sends nothing and hardly works."""
    ends_s, calm = time.monotonic() + timeout_s, 0
    while calm < 2 and time.monotonic() < ends_s:
        before, received = costs.of(opened.server.process.pid), crowd.received
        await asyncio.sleep(1.0)
        calm = calm + 1 if costs.of(opened.server.process.pid).cpu_s - before.cpu_s < _CALM and crowd.received == received else 0


def _marks(opened: Stage) -> Marks:
    return Marks(server=costs.of(opened.server.process.pid), broker=costs.of(opened.broker.pid), fleet=costs.of(os.getpid()))


def _since(before: Marks, after: Marks) -> dict[str, float]:
    return {
        "window_s": round(after.at_s - before.at_s, 2),
        "server_cpu_s": round(after.server.cpu_s - before.server.cpu_s, 3),
        "broker_cpu_s": round(after.broker.cpu_s - before.broker.cpu_s, 3),
        "fleet_cpu_s": round(after.fleet.cpu_s - before.fleet.cpu_s, 3),
    }


async def _shown_online(crowd: Crowd, reader: Reader, *, timeout_s: float) -> tuple[int, float]:
    """How many carts the server itself says are online, and after how long it said so of all."""
    began_s = time.monotonic()
    shown: set[str] = set()
    while True:
        told = json.loads(await asyncio.to_thread(reader.get, "/fleet/carts.json"))
        shown |= {one["id"] for one in told["carts"] if one["online"] and one["id"] in crowd.by_id}
        passed_s = time.monotonic() - began_s
        if len(shown) == len(crowd.carts) or passed_s > timeout_s:
            return len(shown), passed_s
        await asyncio.sleep(0.5)


async def _storm(crowd: Crowd, opened: Stage, reader: Reader, progress: stage.Progress) -> dict[str, Any]:
    """The broker is killed, and all carts come back at once."""
    progress("the broker is killed, and every cart comes back at once")
    begins = _marks(opened)
    connects, failed = crowd.count.connects, crowd.count.failed
    await asyncio.to_thread(opened.broker.kill)
    while crowd.online:  # every cart notices
        await asyncio.sleep(0.05)
    await asyncio.to_thread(opened.broker.start_again)
    up_s = time.monotonic()
    back_s = await crowd.all_online(timeout_s=_STORM_S)
    online = crowd.online
    server_s = await _server_back(reader, since_s=up_s)
    await _settled(crowd, opened, timeout_s=SMOOTH_S)
    after = _marks(opened)
    return {
        "storm_all_back_s": _rounded(back_s, 2),
        "storm_online": online,
        "storm_server_back_s": _rounded(server_s, 2),
        "storm_settled_s": round(time.monotonic() - up_s, 2),
        "storm_connects": crowd.count.connects - connects,
        "storm_failed_connects": crowd.count.failed - failed,
        "storm_server_cpu_s": round(after.server.cpu_s - begins.server.cpu_s, 2),
        "storm_broker_cpu_s": round(after.broker.cpu_s, 2),
    }


async def _server_back(reader: Reader, *, since_s: float) -> float | None:
    """Until the server itself is at the broker again; None: not in time."""
    while time.monotonic() - since_s < _STORM_S:
        told = json.loads(await asyncio.to_thread(reader.get, "/healthz"))
        if told.get("broker") == "connected":
            return time.monotonic() - since_s
        await asyncio.sleep(0.1)
    return None


def _flat(results: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """How many times what one cart costs in the smallest fleet it costs in the largest: 1 is flat."""
    small, large = min(results, key=lambda one: one["carts"]), max(results, key=lambda one: one["carts"])

    def times(key: str) -> float | None:
        return round(large[key] / small[key], 2) if small[key] else None

    return {
        "server_cpu_flat": times("server_cpu_ms_a_cart_minute_marginal"),
        "server_cpu_flat_whole": times("server_cpu_ms_a_cart_minute"),
    }


def table(result: dict[str, Any]) -> Table:
    """For people."""
    made = Table(title=f"{result['carts']} carts, {result['broker']}, {result['database']}", title_justify="left", show_header=False)
    lines = (
        ("online", f"{result['online']} of {result['carts']}, connected in {result['connect_s']} s"),
        ("messages", f"{result['messages']} in {result['window_s']} s ({result['messages_hz']} a second)"),
        ("server CPU", f"{result['server_cpu_s_a_minute']} s a minute; {result['server_cpu_ms_a_cart_minute']} ms a cart"),
        ("server CPU without carts", f"{result['empty_server_cpu_s_a_minute']} s a minute"),
        ("broker CPU", f"{result['broker_cpu_s_a_minute']} s a minute"),
        ("memory", f"server {result['rss_mb']} MB, broker {result['broker_rss_mb']} MB, all carts {result['fleet_rss_mb']} MB"),
        ("the page shows a change", f"after {result['page_fresh_p50_s']} s (p50), {result['page_fresh_p99_s']} s (p99)"),
        ("a command and its answer", f"after {result['command_p50_ms']} ms (p50), {result['command_p99_ms']} ms (p99)"),
    )
    for what, figure in lines:
        made.add_row(what, figure)
    if "storm_all_back_s" in result:
        made.add_row(
            "after the broker's restart", f"all back after {result['storm_all_back_s']} s, settled after {result['storm_settled_s']} s"
        )
    return made


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 5000:
        raise argparse.ArgumentTypeError("1 to 5000")
    return number


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number <= 3600:
        raise argparse.ArgumentTypeError("more than 0, at most 3600")
    return number


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
