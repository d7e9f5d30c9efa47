"""How fast and how truly a frame is read: our cascade beside zxing-cpp alone (the floor and the peer) and zbar alone.

Run `python -m benchmarks.decode [--quick]`. Every frame is drawn from a seed; a reading that differs from what was printed is
a misread. Times are CPU milliseconds of one core.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import cv2
import zxingcpp

from benchmarks.measure import save
from devices.decoders import cascade, zbar, zxing
from devices.ports import Frame
from simulation import corpus, frames

LEVELS = {"easy": 0.1, "ward": 0.4, "hard": 0.7, "dark": 1.0}
SIZES = {"720p": (1280, 720), "1080p": (1920, 1080)}
_FORMATS = zxingcpp.BarcodeFormats([getattr(zxingcpp.BarcodeFormat, name) for name in ("DataMatrix", "QRCode", "Code128", "EAN13", "UPCA")])
Read = Callable[[Frame], set[bytes]]


def _single_pass(frame: Frame) -> set[bytes]:
    """zxing-cpp as its manual shows it: one call, its own defaults."""
    return {bytes(found.bytes) for found in zxingcpp.read_barcodes(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY), formats=_FORMATS)}


def _of(decoder: Any) -> Read:
    return lambda frame: {symbol.content for symbol in decoder.decode(frame)}


def readers() -> dict[str, Read]:
    return {
        "zxing single pass": _single_pass,
        "zxing split": _of(zxing.open_decoder()),
        "zbar": _of(zbar.open_decoder()),
        "cascade": _of(cascade.open_decoder()),
    }


def run(quick: bool = False) -> dict[str, Any]:
    """{"rows": [...], "machine": ...}: a row a reader, size and level, with hits, misreads and times. Writes RESULTS."""
    cv2.setNumThreads(1)
    per_kind = 1 if quick else 5
    table = readers()
    rows = []
    for size_name, size in SIZES.items():
        for level, difficulty in (*LEVELS.items(), ("empty", None)):
            tally: dict[str, dict[str, Any]] = {name: {"hits": 0, "misreads": 0, "ms": []} for name in table}
            shots = [(kind, seed) for kind in corpus.KINDS for seed in range(per_kind)]
            for number, (kind, seed) in enumerate(shots, start=1):
                sample = corpus.draw(kind, seed)
                place = f"{kind} {seed} {size_name} {level}"
                image = (
                    frames.empty_frame(number, size=size)
                    if difficulty is None
                    else frames.frame_with(sample.image, _seed(place), size=size, difficulty=difficulty)
                )
                frame = Frame(image=image, number=number, taken_at=datetime.now(UTC))
                for name, read in table.items():
                    started = time.thread_time()
                    found = read(frame)
                    tally[name]["ms"].append((time.thread_time() - started) * 1000)
                    tally[name]["hits"] += sample.content in found and difficulty is not None
                    tally[name]["misreads"] += bool(found - ({sample.content} if difficulty is not None else set()))
            for name, counts in tally.items():
                rows.append(
                    {
                        "reader": name,
                        "size": size_name,
                        "level": level,
                        "frames": len(shots),
                        "hits": counts["hits"],
                        "misreads": counts["misreads"],
                        "p50_ms": round(statistics.median(counts["ms"]), 1),
                        "p95_ms": round(sorted(counts["ms"])[int(len(counts["ms"]) * 0.95)], 1),
                    }
                )
    result = {"rows": rows, "machine": {"cpus": os.cpu_count(), "python": platform.python_version()}, "quick": quick}
    save("decode", result)
    return result


def _seed(place: str) -> int:
    return zlib.crc32(place.encode())


def table(result: dict[str, Any]) -> str:
    lines = [f"{'reader':<20}{'size':<7}{'level':<7}{'frames':>7}{'read':>7}{'wrong':>7}{'p50 ms':>9}{'p95 ms':>9}"]
    lines += [
        f"{row['reader']:<20}{row['size']:<7}{row['level']:<7}{row['frames']:>7}{row['hits']:>7}{row['misreads']:>7}"
        f"{row['p50_ms']:>9}{row['p95_ms']:>9}"
        for row in result["rows"]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(run(quick="--quick" in sys.argv)))
