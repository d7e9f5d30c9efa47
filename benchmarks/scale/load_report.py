"""The figures of `benchmarks.scale.load` as tables and plots (SVG), for docs/performance.md. Must never measure anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.scale.report import DOCS, PAGE

BEGIN, END = "<!-- load: begin -->", "<!-- load: end -->"
CARTS_PLOT, DAY_PLOT = DOCS / "performance-carts.svg", DOCS / "performance-day.svg"
# What was asked for.
MOST_TIMES_IDLE, CHART_P99_S = 3.0, 2.0
_WIDE, _TALL, _LEFT, _RIGHT, _TOP, _BOTTOM = 900, 300, 70, 20, 40, 50
_COLOURS = ("#0b5394", "#b45f06", "#38761d", "#741b47")
_TIMES = ("receipt_p50_ms", "receipt_p95_ms", "receipt_p99_ms", "chart_p50_ms", "chart_p99_ms")
_HEAD = "receipt p50 / p95 / p99 (ms) | in another cart's chart p50 / p99 (ms)"


def text(result: Mapping[str, Any]) -> str:
    """Markdown; what was not measured is left out."""
    parts = []
    if "carts" in result:
        parts.append(_carts(result["carts"]))
    if "shift" in result:
        parts.append(_shift(result["shift"]))
    if "day" in result:
        parts.append(_day(result["day"]))
    return "\n\n".join(parts)


def _carts(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        f"| carts | doses a minute | doses | {_HEAD} | server CPU a minute (s) | server memory (MB) |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        lines.append(
            f"| {row['carts']} | {row['doses_a_minute']} | {row['doses']} | {_times(row)} | {row['server_cpu_s_a_minute']} "
            f"| {row['server_rss_mb']:.0f} |"
        )
    return "\n".join([*lines, "", f"![Doses beside a growing fleet]({CARTS_PLOT.name})"])


def _shift(found: Mapping[str, Any]) -> str:
    lines = [f"| shift change | doses | {_HEAD} | sign-in p50 / max (s) | all signed in after (s) |", "|---|---:|---:|---:|---:|---:|"]
    lines.append(f"| idle | {found['idle']['doses']} | {_times(found['idle'])} | | |")
    busy = found["busy"]
    each = busy["sign_in_s"]
    lines.append(
        f"| {found['changes']} times {found['sign_ins']} people at {found['desks']} desks | {busy['doses']} | {_times(busy)} "
        f"| {each['p50']:.2f} / {each['max']:.2f} | {busy['all_s']} |"
    )
    met = "yes" if found["times_idle"] <= MOST_TIMES_IDLE else "**no**"
    asked = f"Asked: the 99th percentile of a dose's receipt at most {MOST_TIMES_IDLE:.0f} times the idle one."
    worst = f"The worst change alone: {found['worst_receipt_p99_ms']:.0f} ms."
    return "\n".join([*lines, "", f"{asked} Measured: {found['times_idle']} times. Met: {met}. {worst}"])


def _day(found: Mapping[str, Any]) -> str:
    worst = max(found["hours"], key=lambda hour: hour["receipt_p99_ms"])
    busiest = max(found["hours"], key=lambda hour: hour["doses_a_minute"])
    lines = [
        f"| a day at {found['speed']:g} times its speed | doses a minute (of the day) | doses | {_HEAD} |",
        "|---|---:|---:|---:|---:|",
        f"| whole day | {found['doses_a_minute_mean']} | {found['doses']} | {_times(found)} |",
        f"| busiest hour ({busiest['hour']}:00) | {busiest['doses_a_minute']} | {busiest['doses']} | {_times(busiest)} |",
        f"| slowest hour ({worst['hour']}:00) | {worst['doses_a_minute']} | {worst['doses']} | {_times(worst)} |",
    ]
    chart_s = found["chart_p99_ms"] / 1000
    said = (
        f"{found['server_cpu_ms_a_dose']} ms of the server's processor time a dose, charts and all; {found['took_s']} s in all. In another "
        f"cart's chart within {chart_s:.2f} s at the 99th percentile, asked: {CHART_P99_S:.0f} s at the day's own pace."
    )
    return "\n".join([*lines, "", said, "", f"![A day of doses by the hour]({DAY_PLOT.name})"])


def _times(row: Mapping[str, Any]) -> str:
    told = [f"{row[name]:.0f}" if row[name] is not None else "–" for name in _TIMES]
    return f"{' / '.join(told[:3])} | {' / '.join(told[3:])}"


def plots(result: Mapping[str, Any]) -> dict[Path, str]:
    """Those of what was measured."""
    found = {}
    if "carts" in result:
        rows = result["carts"]
        found[CARTS_PLOT] = _lines(
            "Milliseconds until a dose is committed, and until it is in another cart's chart, by number of carts",
            [str(row["carts"]) for row in rows],
            {
                "receipt, p50": [row["receipt_p50_ms"] for row in rows],
                "receipt, p99": [row["receipt_p99_ms"] for row in rows],
                "chart, p50": [row["chart_p50_ms"] for row in rows],
                "chart, p99": [row["chart_p99_ms"] for row in rows],
            },
            "carts",
        )
    if "day" in result:
        hours = result["day"]["hours"]
        found[DAY_PLOT] = _lines(
            f"Milliseconds until a dose is committed, through a day at {result['day']['speed']:g} times its speed",
            [str(hour["hour"]) for hour in hours],
            {
                "receipt, p50": [hour["receipt_p50_ms"] for hour in hours],
                "receipt, p99": [hour["receipt_p99_ms"] for hour in hours],
                "doses a minute": [float(hour["doses_a_minute"]) for hour in hours],
            },
            "hour of the day",
        )
    return found


def _lines(title: str, places: Sequence[str], series: Mapping[str, Sequence[float | None]], below: str) -> str:
    """One line for each of `series` over `places`, as SVG with its numbers as text."""
    most = max((value for values in series.values() for value in values if value is not None), default=1.0) * 1.1 or 1.0
    wide, tall = _WIDE - _LEFT - _RIGHT, _TALL - _TOP - _BOTTOM
    step = wide / max(1, len(places) - 1)

    def x(place: int) -> float:
        return _LEFT + (place * step if len(places) > 1 else wide / 2)

    def y(value: float) -> float:
        return _TOP + tall * (1 - value / most)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {_TALL}" font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDE}" height="{_TALL}" fill="#ffffff"/>',
    ]
    for part in range(5):
        value = most * part / 4
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDE - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.0f}</text>')
    for place, name in enumerate(places):
        parts.append(f'<text x="{x(place):.1f}" y="{_TALL - _BOTTOM + 18}" text-anchor="middle">{escape(name)}</text>')
    parts.append(f'<text x="{_LEFT + wide / 2:.1f}" y="{_TALL - 10}" text-anchor="middle">{escape(below)}</text>')
    for number, (name, values) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        dots = [(x(place), y(value)) for place, value in enumerate(values) if value is not None]
        points = " ".join(f"{left:.1f},{top:.1f}" for left, top in dots)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{left:.1f}" cy="{top:.1f}" r="3" fill="{colour}"/>' for left, top in dots]
        at = 10 + number * 170
        parts.append(f'<rect x="{at}" y="10" width="12" height="12" fill="{colour}"/><text x="{at + 18}" y="20">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def write(result: Mapping[str, Any]) -> list[Path]:
    """Puts the figures between the marks of the page, and the plots beside it. Raises: ValueError: the page has no marks."""
    page = PAGE.read_text(encoding="utf-8")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} lacks {BEGIN} or {END}")
    machine = result["machine"]
    said = (
        f"Measured {result['at'][:10]} with {result['people']:,} people on {machine['cpus']} cores ({machine['cpu']}), "
        f"Python {machine['python']}, load {machine['load_1m']} at the start{', short (`--quick`)' if result['quick'] else ''}."
    )
    PAGE.write_text(f"{before}{BEGIN}\n{said}\n\n{text(result)}\n{END}{after}", encoding="utf-8")
    made = plots(result)
    for path, drawn in made.items():
        path.write_text(drawn, encoding="utf-8")
    return [PAGE, *made]
