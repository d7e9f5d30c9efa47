"""What the cart's reader reads, what it costs, and that it never misreads: beside zxing-cpp and pyzbar on the same frames.

`python -m benchmarks.scanning [--quick] [--seed N] [--scenes N]`: the five levels of `simulation.scan_set`, pictures without a code,
GS1-128 at every angle, other people's photographs. `--hunt N` looks for misreads instead. Times are processor time of one thread;
ratios hold on a busy machine, milliseconds do not. Ends with 1 after any misread of ours, and when ours broke on a picture.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import cv2

from benchmarks.measure import machine, save
from benchmarks.scans import document, hunt, photos, pictures, readers, sets
from benchmarks.scans.readers import FLOOR, OURS

LIMITS = {"easy_p50": 1.1, "all_p50": 1.8, "all_p95": 2.6, "without_code_p50": 1.4}
SEED = 1
ORDER = (OURS, "zxing-cpp", FLOOR, "pyzbar")


def run(
    quick: bool = False, *, seed: int = SEED, count: int | None = None, frames: int | None = None, photo_folder: Path | None = None
) -> dict[str, Any]:
    """Writes RESULTS. `count` scenes with `frames` pictures each; quick: 60 with one."""
    cv2.setNumThreads(1)
    every = readers.all_readers()
    count = count or (60 if quick else 300)
    frames = frames or (1 if quick else 5)
    seen = sets.scenes(every, seed=seed, count=count, frames=frames, with_oracle=True)
    empty = sets.without_code(every, seed=seed, count=30 if quick else max(30, count // 2))
    few = {name: every[name] for name in (OURS, FLOOR)}
    turned = sets.angles(few, seed=seed, bands=1 if quick else 3)
    result = {
        "seed": seed,
        "scenes": count,
        "frames_a_scene": frames,
        **seen,
        "without_code": empty,
        "angles": turned,
        "photos": photos.measured(every, photo_folder, fetch=not quick),
        "ratios": sets.ratios(seen["groups"], empty, FLOOR),
        "limits": LIMITS,
        "machine": machine(),
        "quick": quick,
    }
    save("scanning", result)
    return result


def table(result: dict[str, Any]) -> str:
    lines = [f"{'group':<24}{'reader':<17}{'frames':>8}{'read':>7}{'rate':>9}{'wrong':>7}{'p50 ms':>9}{'p95 ms':>9}"]
    order = ("all", "easy", "L1", "L2", "L3", "L4", "L5", "DataMatrix", "Code128", "EAN13", "QRCode", "720p", "1080p")
    groups = [(name, result["groups"][name]) for name in order if name in result["groups"]]
    groups += [("no code", result["without_code"]["all"]), ("bare ground", result["without_code"]["ground"])]
    groups += [("any frame", result["five"])] if result["five"] else []
    groups += [(f"photos {name}", rows) for name, rows in result["photos"]["groups"].items()]
    for group, rows in groups:
        for place, (name, row) in enumerate(sorted(rows.items(), key=lambda pair: ORDER.index(pair[0]))):
            times = f"{row['p50_ms']:>9}{row['p95_ms']:>9}" if row["p95_ms"] else ""
            rate = f"{100 * row['read'] / row['frames']:.1f} %" if row["frames"] else "-"
            lines.append(f"{group if place == 0 else '':<24}{name:<17}{row['frames']:>8}{row['read']:>7}{rate:>9}{row['wrong']:>7}{times}")
    known = ", ".join(f"{level} {row['read']}/{row['frames']}" for level, row in result["oracle"].items())
    lines += ["", f"with every module's place known: {known}"]
    turned = result["angles"]
    whole = ", ".join(f"{name} {count} of {turned['angles']}" for name, count in turned["whole_angles"].items())
    lines += [f"GS1-128 around a wrist, angles at which all {turned['bands']} are read: {whole}"]
    for name, value in result["ratios"].items():
        limit = result["limits"].get(name)
        told = "" if limit is None else f" (limit {limit}: {'met' if value <= limit else 'NOT met'})"
        lines.append(f"{name}: {value} times {FLOOR}{told}")
    lines += [f"misread by {one['reader']}: scene {one['scene']} frame {one['frame']}" for one in result["misreads"]]
    lines += [f"{one['reader']} broke: scene {one['scene']} frame {one['frame']}: {one['how']}" for one in result["broken"]]
    lines += [f"photographs: {line}" for line in result["photos"]["told"]]
    return "\n".join(lines)


def misread(result: dict[str, Any]) -> int:
    """How often ours said what is not there, over everything that was measured."""
    groups = [result["without_code"]["all"], *result["photos"]["groups"].values()]
    return (
        sum(one["reader"] == OURS for one in result["misreads"])
        + sum(rows[OURS]["wrong"] for rows in groups)
        + int(result["angles"]["wrong"][OURS])
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scanning", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="60 scenes, one frame each")
    parser.add_argument("--seed", type=int, default=SEED, help="the same seed gives the same frames (default: 1)")
    parser.add_argument("--scenes", type=int, help="default: 300, quick 60")
    parser.add_argument("--frames", type=int, help="frames a scene (default: 5, quick 1)")
    parser.add_argument(
        "--photos", type=Path, metavar="DIR", help="photographs of your own: with a manifest.csv, or NAME.txt beside NAME.png"
    )
    parser.add_argument("--hunt", type=int, metavar="N", help="read N frames and tell every misread; goes on where it was stopped")
    parser.add_argument("--decoder", default="cascade", help="for --hunt (default: cascade)")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="instead: draw what is read and what is not, for the documents")
    parser.add_argument("--document", action="store_true", help="instead: write the last run's figures into docs/scanning.md")
    chosen = parser.parse_args(arguments)
    if chosen.document:
        print(document.write())
        return 0
    if chosen.pictures:
        print("\n".join(str(file) for file in pictures.drawn(chosen.pictures, chosen.seed)))
        return 0
    if chosen.hunt:
        state = hunt.hunt(chosen.hunt, chosen.seed, decoder=chosen.decoder)
        told = f"{len(state.misreads)} misreads in {state.done} frames, {state.read} read, {state.negatives} without a code"
        print(told + (f"; the reader broke on {len(state.broken)}" if state.broken else ""))
        return 1 if state.misreads or state.broken else 0
    result = run(chosen.quick, seed=chosen.seed, count=chosen.scenes, frames=chosen.frames, photo_folder=chosen.photos)
    print(table(result))
    return 1 if misread(result) or any(one["reader"] == OURS for one in result["broken"]) else 0


if __name__ == "__main__":
    sys.exit(main())
