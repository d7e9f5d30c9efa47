"""The course of a measured value as a small line that a page draws: numbers for an SVG, and the words beside it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pointofcare.administration.observation import KINDS
from pointofcare.errors import QuantityError
from pointofcare.people import Observation
from pointofcare.quantity import Quantity
from server.store.observations import ChartedValue

SHOWN = timedelta(hours=72)
WIDTH, HEIGHT, EDGE = 240, 48, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """`points` are "x,y" of an SVG of WIDTH x HEIGHT, time from left to right; () where there is nothing to draw. `values` are
    newest first."""

    code: str
    latest: Quantity
    latest_at: datetime
    low: Quantity | None
    high: Quantity | None
    points: tuple[tuple[float, float], ...]
    values: tuple[ChartedValue, ...]

    @property
    def path(self) -> str:
        return " ".join(f"{x:g},{y:g}" for x, y in self.points)


def trends(values: Iterable[ChartedValue], newest: Sequence[Observation], now: datetime) -> tuple[Trend, ...]:
    """One a kind, in the order of the kinds; `newest` are the newest values whatever their age."""
    found = []
    listed = tuple(values)
    for code in sorted({one.code for one in newest}, key=_place):
        last = max((one for one in newest if one.code == code), key=lambda one: one.at)
        mine = tuple(sorted((one for one in listed if one.code == code), key=lambda one: one.at, reverse=True))
        numbers = [(one.at, number) for one in reversed(mine) if (number := _number(one)) is not None]
        amounts = [one.value for one in mine if _number(one) is not None]
        low = min(amounts, key=lambda value: value.exact(), default=None)
        high = max(amounts, key=lambda value: value.exact(), default=None)
        found.append(
            Trend(
                code=code,
                latest=last.value,
                latest_at=last.at,
                low=low if len(amounts) > 1 else None,
                high=high if len(amounts) > 1 else None,
                points=_points(numbers, now),
                values=mine,
            )
        )
    return tuple(found)


def _place(code: str) -> tuple[int, str]:
    known = list(KINDS)
    return (known.index(code) if code in known else len(known), code)


def _number(value: ChartedValue) -> float | None:
    """In the unit of its kind, so that one line holds one unit."""
    kind = KINDS.get(value.code)
    if kind is None:
        return None
    try:
        return float(value.value.to(kind.unit).value)
    except QuantityError:
        return None


def _points(numbers: Sequence[tuple[datetime, float]], now: datetime) -> tuple[tuple[float, float], ...]:
    if not numbers:
        return ()
    least, most = min(number for _, number in numbers), max(number for _, number in numbers)
    span = most - least or 1.0
    begin = now - SHOWN
    found = []
    for at, number in numbers:
        x = EDGE + (WIDTH - 2 * EDGE) * min(max((at - begin) / SHOWN, 0.0), 1.0)
        y = HEIGHT / 2 if most == least else HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (number - least) / span
        found.append((round(x, 1), round(y, 1)))
    return tuple(found)
