"""`make province`: a small province on one machine, engines and programs killed under load, and the proof that no dose got lost or doubled.

Ends what it started. Exit code 0: everything held; 1: something did not; 2: it could not be run.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pointofcare.errors import PointOfCareError
from simulation.fleet import costs, machine
from simulation.province import engines as machines
from simulation.province import faults as drills
from simulation.province import proof
from simulation.province.carts import Wards
from simulation.province.faults import FAULTS
from simulation.province.opening import Province, opened, until

_SETTLE_S = 120.0


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="pointofcare-demo province", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--facilities", type=int, default=3, choices=range(1, 6), metavar="1-5")
    parser.add_argument("--carts", type=int, default=2, choices=range(1, 11), metavar="1-10", help="of each facility")
    parser.add_argument("--seconds", type=float, default=10.0, help="of quiet load before, between and after the faults")
    parser.add_argument("--every", type=float, default=0.5, help="each cart gives a dose so often, in seconds")
    parser.add_argument("--faults", type=_faults, default=FAULTS, metavar="A,B", help=f"in this order, of {','.join(FAULTS)}")
    parser.add_argument("--no-faults", action="store_const", const=(), dest="faults", help="kill nothing")
    parser.add_argument("--stay", action="store_true", help="then stay up until Ctrl-C")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--directory", type=Path, help="keep logs and databases there; it must not exist")
    chosen = parser.parse_args(arguments)
    lacking = machines.missing()
    if lacking:
        print(f"not installed: {lacking}\nrun: deploy/setup.sh province", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _end)
    console = Console()
    try:
        with opened(chosen.facilities, carts=chosen.carts, directory=chosen.directory, say=console.print) as province:
            result = played(province, seconds=chosen.seconds, every_s=chosen.every, faults=chosen.faults, say=console.print)
            tell(console, result)
            if chosen.json is not None:
                chosen.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
            if chosen.stay:
                console.print(f"it stays up, in {province.directory}; Ctrl-C ends it")
                threading.Event().wait()
    except KeyboardInterrupt:
        return 130
    except PointOfCareError as exc:
        print(f"{exc}\n{exc.remedy}", file=sys.stderr)
        return 2
    return 0 if result["held"] else 1


def _faults(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    strange = [name for name in chosen if name not in FAULTS]
    if strange:
        raise argparse.ArgumentTypeError(f"{', '.join(strange)}: choose of {', '.join(FAULTS)}")
    return chosen


def _end(_number: int, _frame: object) -> None:
    raise SystemExit(143)


def played(
    province: Province, *, seconds: float, every_s: float, faults: Sequence[str] = FAULTS, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Load, then each fault with load after it; then everything settles, and is compared."""
    halt = threading.Event()
    giving = threading.Thread(target=_give, args=(province.wards, every_s, halt), name="doses", daemon=True)
    giving.start()
    figures: dict[str, Any] = {}
    try:
        time.sleep(seconds)
        for fault in faults:
            figures |= drills.play(fault, province, say)
            time.sleep(seconds)
    finally:
        halt.set()
        giving.join(10.0)
    began = time.monotonic()
    until(lambda: province.wards.unsettled == 0, "the journals of the carts", _SETTLE_S, fails=False)
    found = proof.compared(province.engines.direct("postgres"), province.wards, province.directory, wait_s=_SETTLE_S)
    pids = [child.process.pid for child in province.children if child.process.poll() is None]
    missed = drills.missed(figures)
    kept = not any(found[key] for key in ("lost", "doubled", "strange", "unsettled"))
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "facilities": len(province.facilities),
        "carts": len(province.wards.givers),
        "programs": len(province.children),
        "faults": list(faults),
        **figures,
        "settled_after_s": round(time.monotonic() - began, 1),
        **found,
        "programs_rss_mb": round(sum(costs.of(pid).rss_mb for pid in pids)),
        "machine": machine.facts(),
        "missed": missed,
        "kept": kept,
        "held": kept and not missed,
    }


def tell(console: Console, result: dict[str, Any]) -> None:
    table = Table(title="A province on one machine")
    table.add_column("what")
    table.add_column("asked")
    table.add_column("found", justify="right")
    for what, asked, key in (
        ("doses given", "", "given"),
        ("lost", "0", "lost"),
        ("doubled", "0", "doubled"),
        ("in the EMR's folders", "all", "in_emr"),
        ("a broker killed: gateways that were at it", "", "broker_had_gateways"),
        ("every cart has receipts again, s", "", "carts_back_s"),
        ("longest wait for a receipt, s", "", "broker_longest_receipt_s"),
        ("the primary killed: every hospital writes again, s", "", "writes_again_s"),
        ("it follows the other one, s", "", "follows_again_s"),
        ("a working gateway killed: taken over, s", "", "gateway_taken_over_s"),
        ("the replica lags: every cart has receipts, s", "", "lagging_receipts_s"),
        ("reports that did not tell of it", "", "lag_read_unmarked"),
        ("it caught up and is read again, s", "", "replica_caught_up_s"),
        ("etcd away: nobody leads, s", "", "read_only_s"),
        ("doses written meanwhile", "", "leaderless_written"),
        ("receipts meanwhile", "", "leaderless_receipts"),
        ("records kept by the carts", "", "leaderless_kept_by_carts"),
        ("etcd again: every hospital writes, s", "", "leader_writes_s"),
        ("places in which the databases forked", "", "forked"),
        ("memory of the programs, MB", "", "programs_rss_mb"),
    ):
        if key in result:
            bound = f"{drills.ASKED[key]:.0f}" if key in drills.ASKED else asked
            table.add_row(what, bound, str(result[key]))
    console.print(table)
    console.print("everything held" if result["held"] else f"NOT everything held: {', '.join(result['missed']) or 'doses'}")


def _give(wards: Wards, every_s: float, halt: threading.Event) -> None:
    while not halt.wait(every_s):
        wards.give_one_each()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
