"""The last values of one kind as a line: points of an SVG, with the usual range behind them. The figures always stand beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from pointofcare.administration import observation, usual
from pointofcare.administration.usual import Standing
from pointofcare.people import Observation
from pointofcare.quantity import Quantity

WIDTH, HEIGHT, MARGIN = 320, 72, 6
SHOWN = 8
BACK = timedelta(hours=48)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    x: int
    y: int
    value: Quantity
    at: datetime
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """`band` (y, height) is the usual range as far as it lies in the picture; None where there is none for this age."""

    code: str
    points: tuple[Point, ...]
    band: tuple[int, int] | None

    @property
    def line(self) -> str:
        return " ".join(f"{point.x},{point.y}" for point in self.points)


def trends(values: Iterable[Observation], now: datetime, *, born: date | None, today: date) -> tuple[Trend, ...]:
    """Of every kind measured in the last two days, in the order of the form; each its last eight values, oldest first."""
    adult = usual.is_adult(born, today)
    by_code: dict[str, list[Observation]] = {}
    for value in sorted(values, key=lambda each: each.at):
        if now - BACK <= value.at <= now:
            by_code.setdefault(value.code, []).append(value)
    return tuple(_trend(code, by_code[code][-SHOWN:], adult) for code in observation.KINDS if code in by_code)


def _trend(code: str, values: list[Observation], adult: bool | None) -> Trend:
    bounds = usual.BOUNDS.get(code)
    judged = bounds if bounds is not None and usual.standing(code, values[0].value, adult=adult) is not Standing.UNJUDGED else None
    numbers = [value.value.value for value in values]
    low, high = min(numbers), max(numbers)
    if judged is not None:
        low, high = min(low, judged.low), max(high, judged.high)
    room = high - low or Decimal(1)

    def height(number: Decimal) -> int:
        return round(MARGIN + (HEIGHT - 2 * MARGIN) * float((high - number) / room))

    first, last = values[0].at, values[-1].at
    span = (last - first).total_seconds() or 1.0
    points = tuple(
        Point(
            x=round(MARGIN + (WIDTH - 2 * MARGIN) * (value.at - first).total_seconds() / span) if len(values) > 1 else WIDTH // 2,
            y=height(value.value.value),
            value=value.value,
            at=value.at,
            standing=usual.standing(code, value.value, adult=adult),
        )
        for value in values
    )
    band = (height(judged.high), max(1, height(judged.low) - height(judged.high))) if judged is not None else None
    return Trend(code=code, points=points, band=band)
