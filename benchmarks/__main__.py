"""`make bench`: runs the benchmarks of one table, prints what each measured and writes benchmarks/results/*.json and all.json.

`python -m benchmarks [--quick] [NAME ...]`. Ends with 0 when all were measured; one that fails is told, and the others still run.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks import measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A module with `run(quick) -> result` and `table(result) -> text`; `keys` are in every result."""

    module: str
    about: str
    keys: tuple[str, ...]


BENCHMARKS: Mapping[str, Benchmark] = {
    "decode": Benchmark(module="benchmarks.decode", about="reading a camera frame: time, and what was read", keys=("rows",)),
    "scanning": Benchmark(
        module="benchmarks.scanning",
        about="wristbands, packs and labels in five levels: read, misread, time",
        keys=("groups", "without_code", "angles", "photos", "ratios", "misreads"),
    ),
    "camera": Benchmark(
        module="benchmarks.camera",
        about="a code in view to the kiosk; viewers; an idle cart",
        keys=("reading_ms", "screen_ms", "viewers", "idle"),
    ),
    "verdicts": Benchmark(module="benchmarks.verdicts", about="verdicts a second", keys=("rows",)),
    "bedside": Benchmark(
        module="benchmarks.bedside",
        about="scan to verdict, confirm to journalled",
        keys=("scan_to_verdict_ms", "confirm_to_journalled_ms", "bare_insert_ms", "ratio"),
    ),
    "receipt": Benchmark(module="benchmarks.receipt", about="confirm to the server's receipt over MQTT", keys=("doses", "brokers")),
    "commands": Benchmark(
        module="benchmarks.commands", about="a command to a cart until its answer is committed", keys=("rounds", "brokers", "within")
    ),
    "bedside_change": Benchmark(
        module="benchmarks.bedside_change", about="a changed order until the nurse's screen has it", keys=("changes", "brokers")
    ),
    "record_dose": Benchmark(
        module="benchmarks.record_dose", about="what recording one dose costs the server", keys=("rounds", "databases")
    ),
    "instructions": Benchmark(
        module="benchmarks.instructions", about="instructions of recording one dose", keys=("record_dose", "bare_insert", "ratio")
    ),
    "drain": Benchmark(module="benchmarks.drain", about="live doses while another cart's journal drains", keys=("queued", "brokers")),
    "emr": Benchmark(
        module="benchmarks.emr",
        about="doses into a real EMR: how many a minute, and how soon after they were recorded",
        keys=("workers", "lag"),
    ),
    "hl7_in": Benchmark(
        module="benchmarks.hl7_in", about="orders that come in over HL7: a minute, and to the answer", keys=("orders", "rows", "ratio")
    ),
    "fhir_in": Benchmark(
        module="benchmarks.fhir_in",
        about="orders from a real FHIR server: how many a minute, and one alone",
        keys=("orders", "per_minute", "peer_share", "single_s", "repeat_s"),
    ),
    "firmware": Benchmark(
        module="benchmarks.firmware",
        about="firmware into Zephyr and MCUboot in QEMU: upload, whole update, and the line",
        keys=("echo_ms", "messages", "uploads", "lossy", "update_s", "revert_s"),
    ),
    "chart": Benchmark(module="benchmarks.chart", about="making a ward's signed chart", keys=("chart_ms", "floor_ms", "ratio")),
    "at_rest": Benchmark(module="benchmarks.at_rest", about="what the encryption of the cart's journal costs", keys=("append_ratio",)),
    "screens": Benchmark(module="benchmarks.screens", about="first view and a tap, in a browser on a slow processor", keys=("rows",)),
    "memory": Benchmark(module="benchmarks.memory", about="memory of cart, server and broker", keys=("floor_mb", "rows")),
}


def main(arguments: Sequence[str] | None = None) -> int:
    listed = "\n".join(f"  {name:<12} {one.about}" for name, one in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure.", epilog=listed, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which (default: all): {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="under a minute for all; the figures are rough")
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    return measured(chosen.names or list(BENCHMARKS), quick=chosen.quick)


def measured(names: Sequence[str], *, quick: bool) -> int:
    everything: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "quick": quick, "machine": measure.machine()}
    everything["results"] = results = {}
    failed: list[str] = []
    for name in names:
        print(f"\n{name}: {BENCHMARKS[name].about}", flush=True)
        started = time.monotonic()
        try:
            module = importlib.import_module(BENCHMARKS[name].module)
            results[name] = module.run(quick=quick)
            print(module.table(results[name]))
        except Exception:  # noqa: BLE001 - the others are still measured
            traceback.print_exc()
            failed.append(name)
        print(f"({time.monotonic() - started:.0f} s)", flush=True)
    measure.save("all", everything)
    print(f"\nwritten: {measure.RESULTS}/all.json" + (f"; not measured: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
