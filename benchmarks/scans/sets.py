"""What is measured: the scenes of a seed, first frame and all five; pictures without a code; GS1-128 at every angle.

Frames are drawn as they are needed and not kept. The readers take turns on each one, so that what else the machine does falls on all.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from benchmarks.measure import spread
from benchmarks.scans.readers import FLOOR, OURS, Reader
from simulation.scan_set import levels, negative, oracle, scene, shot

ANGLES_DEG = tuple(range(0, 360, 15))
EASY = ("L1", "L2")
APART = (
    16  # between the numbers of two scenes: further than pictures of one stream are, so that each scene is a new one, as in `read FOLDER`
)


@dataclass(slots=True, kw_only=True)
class Count:
    """Of one reader on one group of frames."""

    frames: int = 0
    read: int = 0
    wrong: int = 0
    ms: list[float] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        times = spread(self.ms)
        rate = round(self.read / self.frames, 4) if self.frames else None
        return {
            "frames": self.frames,
            "read": self.read,
            "wrong": self.wrong,
            "rate": rate,
            "p50_ms": times.get("p50"),
            "p95_ms": times.get("p95"),
        }


Table = dict[str, dict[str, Count]]  # by group, then by reader


def scenes(readers: Mapping[str, Reader], *, seed: int, count: int, frames: int, with_oracle: bool) -> dict[str, Any]:
    """First frames by level, symbology and size; `oracle` by level. `five`: a scene is read when any of its `frames` is, for ours and
    the floor alone."""
    table: Table = defaultdict(lambda: defaultdict(Count))
    five: dict[str, Count] = defaultdict(Count)
    known: dict[str, Count] = defaultdict(Count)
    misreads: list[dict[str, Any]] = []
    broken: list[dict[str, Any]] = []
    for number in range(count):
        of = scene.draw(seed, number)
        printed = of.label.printed
        ever: dict[str, set[str]] = defaultdict(set)
        for moment in range(frames):
            taken = shot.taken(of, moment)
            image = taken.image
            groups = ("all", of.level.name, printed.symbology, f"{of.size[1]}p", *(("easy",) if of.level.name in EASY else ()))
            for name, read in _turn(readers if moment == 0 else {name: readers[name] for name in (OURS, FLOOR)}, number + moment):
                outcome = read(image, number * (frames + APART) + moment + 1)
                right, wrong = printed.content in outcome.found, outcome.found - {printed.content}
                ever[name] |= {"right"} if right else set()
                if outcome.broke:
                    broken.append({"reader": name, "scene": number, "frame": moment, "how": outcome.broke})
                if wrong:
                    ever[name].add("wrong")
                    misreads.append({"reader": name, "scene": number, "frame": moment, "said": [text.hex() for text in sorted(wrong)]})
                if moment == 0:
                    for group in groups:
                        _add(table[group][name], right, bool(wrong), outcome.ms)
            if moment == 0 and with_oracle:
                _add(known[of.level.name], oracle.reads(taken), False, 0.0)
                _add(known["all"], oracle.reads(taken), False, 0.0)
        for name, said in ever.items():
            if frames > 1 and name not in (OURS, FLOOR):
                continue
            _add(five[name], "right" in said, "wrong" in said, 0.0)
        _progress("scenes", number + 1, count)
    return {
        "groups": rows(table),
        "five": {name: one.row() for name, one in five.items()} if frames > 1 else {},
        "oracle": {level: {"frames": one.frames, "read": one.read} for level, one in sorted(known.items())},
        "misreads": misreads,
        "broken": broken,
    }


def without_code(readers: Mapping[str, Reader], *, seed: int, count: int) -> dict[str, Any]:
    """By kind; `wrong` counts pictures in which something was found."""
    table: Table = defaultdict(lambda: defaultdict(Count))
    for number in range(count):
        image = cv2.imdecode(np.frombuffer(negative.taken(seed, number), np.uint8), cv2.IMREAD_COLOR)
        for name, read in _turn(readers, number):
            outcome = read(image, number + 1)
            for group in ("all", negative.kind_of(number)):
                _add(table[group][name], not outcome.found, bool(outcome.found), outcome.ms)
        _progress("without code", number + 1, count)
    return rows(table)


def angles(readers: Mapping[str, Reader], *, seed: int, bands: int) -> dict[str, Any]:
    """GS1-128 around a wrist at every roll angle, second level: {"deg": {reader: read of `bands`}}."""
    level = levels.LEVELS[1]
    keys = _gs1_128_keys(seed, bands)
    read_at: dict[str, dict[str, int]] = {}
    wrong: dict[str, int] = dict.fromkeys(readers, 0)
    for degrees in ANGLES_DEG:
        row = dict.fromkeys(readers, 0)
        for place, key in enumerate(keys):
            taken = shot.taken(scene.of_kind(key, place, level, "c128-band", roll_deg=degrees))
            content = taken.scene.label.printed.content
            for name, read in readers.items():
                found = read(taken.image, place + 1).found
                row[name] += content in found
                wrong[name] += bool(found - {content})
        read_at[str(degrees)] = row
    every = {name: sum(row[name] == bands for row in read_at.values()) for name in readers}
    return {"bands": bands, "angles": len(ANGLES_DEG), "whole_angles": every, "wrong": wrong, "read": read_at}


def _gs1_128_keys(seed: int, bands: int) -> list[str]:
    keys: list[str] = []
    number = 0
    while len(keys) < bands:
        key = f"angle {seed} {number}"
        if scene.of_kind(key, 0, levels.LEVELS[1], "c128-band", roll_deg=0).label.printed.identifier == "]C1":
            keys.append(key)
        number += 1
    return keys


def rows(table: Table) -> dict[str, Any]:
    return {group: {name: one.row() for name, one in counts.items()} for group, counts in table.items()}


def ratios(groups: dict[str, Any], empty: dict[str, Any], floor: str) -> dict[str, float]:
    """Ours against the floor, in the same run: what the limits of docs/scanning.md are about."""

    def of(rows_of: dict[str, Any], part: str) -> float:
        return round(rows_of[OURS][part] / rows_of[floor][part], 2) if rows_of[floor][part] else 0.0

    return {
        "easy_p50": of(groups["easy"], "p50_ms"),
        "all_p50": of(groups["all"], "p50_ms"),
        "all_p95": of(groups["all"], "p95_ms"),
        "without_code_p50": of(empty["all"], "p50_ms"),
        "ground_p50": of(empty["ground"], "p50_ms"),
    }


def _turn(readers: Mapping[str, Reader], number: int) -> list[tuple[str, Reader]]:
    """Another one begins each time, so that none always finds the caches warm."""
    listed = list(readers.items())
    start = number % len(listed)
    return listed[start:] + listed[:start]


def _add(count: Count, right: bool, wrong: bool, ms: float) -> None:
    count.frames += 1
    count.read += right
    count.wrong += wrong
    count.ms.append(ms)


def _progress(what: str, done: int, of: int) -> None:
    if done % 50 == 0:
        print(f"  {what}: {done} of {of}", file=sys.stderr, flush=True)
