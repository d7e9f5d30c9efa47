"""The arithmetic of the quality page: intervals, medians of counted times, signals of a run chart, and which small groups are not shown.

Pure. Nothing here knows what is counted.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Standard normal quantile of a two-sided 95 % interval.
Z95 = 1.959963984540054
# Upper ends, in seconds, of the classes into which times are counted; what takes longer is in one class after the last.
TIME_CLASSES_S = (1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800)
# Run charts: so many points in a row on one side of the median are a shift, so many that only rise or fall a trend (Perla, Provost and
# Murray, BMJ Qual Saf 2011).
SHIFT, TREND = 6, 5
FEWEST_POINTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """How many events are behind a figure, and which people (as tokens)."""

    events: int
    people: frozenset[str]


def wilson(n: int, of: int, z: float = Z95) -> tuple[float, float] | None:
    """Wilson's score interval of `n` in `of`, as shares from 0 to 1; None where there is nothing (Wilson 1927)."""
    if of <= 0:
        return None
    share = n / of
    divisor = 1 + z * z / of
    middle = (share + z * z / (2 * of)) / divisor
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / divisor
    # At the ends the interval touches them exactly; rounding must not go past.
    low = 0.0 if n == 0 else max(0.0, middle - half)
    high = 1.0 if n == of else min(1.0, middle + half)
    return low, high


def time_class(seconds: float) -> int:
    """The place in `TIME_CLASSES_S` of a time, its length for one that is longer than all."""
    for place, end in enumerate(TIME_CLASSES_S):
        if seconds < end:
            return place
    return len(TIME_CLASSES_S)


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """The time in seconds below which `share` of all lie, from counts by class: exact to the class, even within it. None: nothing, or
    it lies in the last, open class."""
    total = sum(counts.values())
    if total <= 0:
        return None
    wanted = share * total
    before = 0
    for place in sorted(counts):
        here = counts[place]
        if here and before + here >= wanted:
            if place >= len(TIME_CLASSES_S):
                return None
            begin = TIME_CLASSES_S[place - 1] if place else 0
            return begin + (TIME_CLASSES_S[place] - begin) * (wanted - before) / here
        before += here
    return None


def median(values: Sequence[float]) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def signals(values: Sequence[float | None]) -> tuple[str, ...]:
    """What a run chart says at its end: "shift-up", "shift-down", "trend-up", "trend-down". () with fewer than `FEWEST_POINTS` points,
    which prove nothing. Points on the median belong to no side and end no run; equal neighbours end no trend."""
    shown = [value for value in values if value is not None]
    middle = median(shown)
    if middle is None or len(shown) < FEWEST_POINTS:
        return ()
    found = []
    sides = [value > middle for value in shown if value != middle]
    run = 0
    for side in reversed(sides):
        if side != sides[-1]:
            break
        run += 1
    if run >= SHIFT:
        found.append("shift-up" if sides[-1] else "shift-down")
    steps = [later > earlier for earlier, later in itertools.pairwise(shown) if later != earlier]
    run = 0
    for step in reversed(steps):
        if step != steps[-1]:
            break
        run += 1
    if run >= TREND - 1:
        found.append("trend-up" if steps[-1] else "trend-down")
    return tuple(found)


def withheld(groups: Sequence[Group], *, fewest_people: int, fewest_events: int) -> frozenset[int]:
    """The places of the groups that are not shown. A group is too small with fewer people or fewer events; an empty one says nothing
    and is shown. What is not shown must not follow from the total less what is shown: while the hidden ones together are too small,
    the smallest of the others is hidden with them."""
    hidden = {place for place, group in enumerate(groups) if group.events > 0 and _small(group, fewest_people, fewest_events)}
    while hidden:
        together = Group(
            events=sum(groups[place].events for place in hidden), people=frozenset().union(*(groups[place].people for place in hidden))
        )
        others = [place for place, group in enumerate(groups) if place not in hidden and group.events > 0]
        if not others or not _small(together, fewest_people, fewest_events):
            break
        hidden.add(min(others, key=lambda place: (groups[place].events, place)))
    return frozenset(hidden)


def _small(group: Group, fewest_people: int, fewest_events: int) -> bool:
    return len(group.people) < fewest_people or group.events < fewest_events
