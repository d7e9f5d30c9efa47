"""Numbers over time as lines that a page draws: places in an SVG, broken where nothing was told. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WIDTH, HEIGHT = 900, 220
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 8, 22
TICKS = 6

Told = Sequence[tuple[datetime, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`lines` are the points of polylines as "x,y x,y", `dots` are points that stand alone; both with the number of their series.
    `away` are bands (x, width). `moments` (x, moment) and `values` (y, value) are the ticks. `number`: how many values there are."""

    lines: tuple[tuple[int, str], ...]
    dots: tuple[tuple[int, float, float], ...]
    away: tuple[tuple[float, float], ...]
    moments: tuple[tuple[float, datetime], ...]
    values: tuple[tuple[float, float], ...]
    number: int


def drawn(
    series: Sequence[Told],
    *,
    begin: datetime,
    end: datetime,
    low: float,
    high: float,
    gap: timedelta,
    away: Iterable[tuple[datetime, datetime]] = (),
) -> Chart:
    """Values outside `low`..`high` stand at the edge. Two values further apart than `gap` are not joined."""

    def x(at: datetime) -> float:
        share = min(max((at - begin) / (end - begin), 0.0), 1.0)
        return round(LEFT + (WIDTH - LEFT - RIGHT) * share, 1)

    def y(value: float) -> float:
        share = (min(max(value, low), high) - low) / ((high - low) or 1.0)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share, 1)

    lines: list[tuple[int, str]] = []
    dots: list[tuple[int, float, float]] = []
    for place, told in enumerate(series):
        for piece in _pieces(told, gap):
            if len(piece) == 1:
                dots.append((place, x(piece[0][0]), y(piece[0][1])))
            else:
                lines.append((place, " ".join(f"{x(at):g},{y(value):g}" for at, value in piece)))
    bands = [(x(since), x(until) - x(since)) for since, until in away if until > begin and since < end]
    step = (end - begin) / TICKS
    return Chart(
        lines=tuple(lines),
        dots=tuple(dots),
        away=tuple((at, max(width, 1.0)) for at, width in bands),
        moments=tuple((x(begin + step * place), begin + step * place) for place in range(TICKS)),
        values=tuple((y(low + (high - low) * part / 4), low + (high - low) * part / 4) for part in range(5)),
        number=sum(len(told) for told in series),
    )


def _pieces(told: Told, gap: timedelta) -> list[list[tuple[datetime, float]]]:
    found: list[list[tuple[datetime, float]]] = []
    for at, value in told:
        if found and at - found[-1][-1][0] <= gap:
            found[-1].append((at, value))
        else:
            found.append([(at, value)])
    return found
