"""The schedule of faults of a chaos run: which, at what, after how many doses, for how long. The same seed draws the same one.

A fault is due by progress, not by the clock, so that a slower machine meets the same faults at the same doses. Nothing here does
anything.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

# Server and EMR take seconds to come back, a reset costs nothing: what is cheap is drawn more often.
_WEIGHTS: Mapping[str, int] = {
    "kill-cart": 10,
    "kill-server": 2,
    "kill-broker": 4,
    "kill-emr": 4,
    "full-disk-cart": 8,
    "full-disk-server": 2,
    "write-error-cart": 4,
    "write-error-server": 2,
    "delay-cart": 7,
    "blackhole-cart": 8,
    "reset-cart": 10,
    "half-open-cart": 5,
    "duplicate-cart": 8,
    "reorder-cart": 8,
    "delay-server": 3,
    "blackhole-server": 2,
    "reset-server": 4,
    "duplicate-server": 4,
    "reorder-server": 4,
    "delay-emr": 4,
    "blackhole-emr": 3,
    "reset-emr": 5,
    "clock-jump-cart": 8,
}
# Seconds from the fault's begin to its end; what acts at once has no length, what is killed is started again after it.
_LENGTHS_S: Mapping[str, tuple[float, float]] = {
    "kill-cart": (0.2, 1.5),
    "kill-server": (0.2, 2.0),
    "kill-broker": (0.2, 2.0),
    "kill-emr": (0.2, 3.0),
    "full-disk-cart": (0.5, 3.0),
    "full-disk-server": (0.5, 2.0),
    "write-error-cart": (0.5, 3.0),
    "write-error-server": (0.5, 2.0),
    "delay-cart": (1.0, 6.0),
    "blackhole-cart": (1.0, 8.0),
    "duplicate-cart": (2.0, 10.0),
    "reorder-cart": (2.0, 10.0),
    "delay-server": (1.0, 4.0),
    "blackhole-server": (0.5, 4.0),
    "duplicate-server": (2.0, 8.0),
    "reorder-server": (2.0, 8.0),
    "delay-emr": (1.0, 6.0),
    "blackhole-emr": (0.5, 4.0),
    "clock-jump-cart": (1.0, 5.0),
}
# These crash points are hit often: of 500 faults each is armed 24 times, to be hit 20 times at least.
NAMED = ("journalled-unpublished", "committed-unreceipted", "emr-answered-unsettled", "lease-taken-unused", "table-half-received")
_AT_EACH_NAMED = 24 / 500
_OTHER_POINT_WEIGHTS: Mapping[str, int] = {"cart": 2, "server": 1}
_CLOCK_JUMPS_S = (-3600.0, -400.0, -45.0, 45.0, 400.0, 3600.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The `number`-th, from 1. Due when `after` doses are recorded. `kind` "crash" has a `point`; `amount` is seconds of delay or of a
    clock's jump, or n for "each nth message"."""

    number: int
    after: int
    kind: str
    target: str
    length_s: float = 0.0
    point: str | None = None
    amount: float = 0.0


def hits_wanted(faults: int) -> int:
    """How often each of `NAMED` must have been hit in a run of so many faults: 20 times in one of 500."""
    return faults * 20 // 500


def draw(seed: int, *, doses: int, faults: int, carts: tuple[str, ...], points: Mapping[str, str] | None = None) -> tuple[Fault, ...]:
    """`faults` of them over `doses` doses, in order. `points`: each crash point with whose it is, "cart" or "server"."""
    rng = random.Random(f"schedule-{seed}")
    known = points or {}
    named = [point for point in NAMED if point in known]
    each = max(1, round(faults * _AT_EACH_NAMED)) if faults >= 2 * len(named) else 0
    wanted: list[tuple[str, str | None, str]] = [("crash", point, known[point]) for point in named for _ in range(each)]
    kinds: list[tuple[str, str | None, str]] = [(kind, None, kind.rpartition("-")[2]) for kind in _WEIGHTS]
    kinds += [("crash", point, whose) for point, whose in known.items() if point not in NAMED]
    weights = [_WEIGHTS.get(kind) or _OTHER_POINT_WEIGHTS[whose] for kind, _, whose in kinds]
    # Each kind once before any comes by weight, so that a short run, too, meets as many kinds as it has room for.
    left = max(0, faults - len(wanted))
    once = rng.sample(kinds, k=min(len(kinds), left))
    wanted += [*once, *rng.choices(kinds, weights, k=left - len(once))]
    rng.shuffle(wanted)
    wanted = wanted[:faults]
    # The first and the last tenth of the doses are left quiet: everything has to start, and the last faults have to be met by doses.
    places = sorted(rng.uniform(0.04, 0.94) for _ in wanted)
    return tuple(
        _fault(number, int(place * doses), kind, point, whose, carts, rng)
        for number, (place, (kind, point, whose)) in enumerate(zip(places, wanted, strict=True), start=1)
    )


def _fault(number: int, after: int, kind: str, point: str | None, whose: str, carts: tuple[str, ...], rng: random.Random) -> Fault:
    low, high = _LENGTHS_S.get(kind, (0.0, 0.0)) if kind != "crash" else (0.1, 1.5)
    amount = 0.0
    if kind.startswith("delay"):
        amount = round(rng.uniform(0.05, 1.2), 3)
    elif kind.startswith(("duplicate", "reorder")):
        amount = float(rng.randrange(1, 5))
    elif kind.startswith("clock"):
        amount = rng.choice(_CLOCK_JUMPS_S)
    target = rng.choice(carts) if whose == "cart" else whose
    return Fault(
        number=number, after=after, kind=kind, target=target, length_s=round(rng.uniform(low, high), 3), point=point, amount=amount
    )
