"""The figures of `benchmarks.scale` as a table and as a plot (SVG), for docs/performance.md. Must never measure anything."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
PAGE, PLOT = DOCS / "performance.md", DOCS / "performance-scale.svg"
BEGIN, END = "<!-- scale: begin -->", "<!-- scale: end -->"
NAMES: Mapping[str, str] = {
    "bare_insert": "floor: bare Flask, one INSERT",
    "record_dose": "recording a dose",
    "record_next_dose": "recording a dose after three days of doses",
    "chart": "a patient's chart",
    "medication_record": "medication record, 40 doses",
    "ward_chart": "a ward's chart for its carts, 40 patients",
    "patient_page": "page of a patient",
    "ward_board_page": "page of the ward board, 40 patients",
    "search_page_here": "page: search by name, who is here",
    "search_page_all": "page: search by name and number, everybody",
    "sign_in": "signing in with a password",
}
# What was asked for: statements, million instructions.
BARS: Mapping[str, tuple[int, float | None]] = {
    "record_dose": (5, 10.0),
    "chart": (3, 12.0),
    "medication_record": (3, 15.0),
    "ward_board_page": (5, None),
}
GROWTH = 1.1
_COLOURS = ("#0b5394", "#38761d", "#b45f06", "#741b47")


def table(result: Mapping[str, Any]) -> str:
    """Markdown, one row a work and size."""
    lines = [
        "| request | people | SQL | instructions (M) | CPU (ms) | of PostgreSQL (ms) | times the floor | times the smallest |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    sizes = result["sizes"]
    for work, name in NAMES.items():
        for row in [row for row in sizes if work in row["works"]]:
            one, floor = row["works"][work], row["works"]["bare_insert"]
            number = f"{one['instructions'] / 1e6:.2f}" if "instructions" in one else ""
            lines.append(
                f"| {name} | {row['people']:,} | {one['sql_max']} | {number} | {one['cpu_ms']:.2f} | {one['database_cpu_ms']:.2f} "
                f"| {_times(floor, one):.1f} | {growth(sizes, work, row):.2f} |"
            )
    return "\n".join(lines)


def growth(sizes: Any, work: str, row: Mapping[str, Any]) -> float:
    """How many times the smallest size's cost: by instructions where they were counted, else by processor time."""
    return _times(sizes[0]["works"][work], row["works"][work])


def _times(first: Mapping[str, Any], here: Mapping[str, Any]) -> float:
    measured = "instructions" if "instructions" in first and "instructions" in here else "cpu_ms"
    return float(here[measured] / first[measured])


def verdicts(result: Mapping[str, Any]) -> str:
    """What was asked for and what came out, at the largest size."""
    last = result["sizes"][-1]
    lines = [f"| at {last['people']:,} people | asked | measured | met |", "|---|---|---|---|"]
    for work, (statements, millions) in BARS.items():
        if work not in last["works"]:
            continue
        one = last["works"][work]
        lines.append(_met(f"{NAMES[work]}: SQL", f"at most {statements}", str(one["sql_max"]), one["sql_max"] <= statements))
        if millions is not None and "instructions" in one:
            counted = one["instructions"] / 1e6
            lines.append(_met(f"{NAMES[work]}: instructions", f"at most {millions:.0f} M", f"{counted:.2f} M", counted <= millions))
        if len(result["sizes"]) > 1:
            times = growth(result["sizes"], work, last)
            lines.append(_met(f"{NAMES[work]}: growth", f"at most {GROWTH} times", f"{times:.2f} times", times <= GROWTH))
    return "\n".join(lines)


def _met(what: str, asked: str, measured: str, is_met: bool) -> str:
    return f"| {what} | {asked} | {measured} | {'yes' if is_met else '**no**'} |"


def plot(result: Mapping[str, Any]) -> str:
    """Bars: each work at each size, as times its cost at the smallest. As SVG, with its numbers as text."""
    sizes = result["sizes"]
    wide, tall, left, row_tall = 900, 14, 300, 14 * len(sizes) + 14
    most = max(GROWTH * 1.2, *(growth(sizes, work, row) for work in NAMES for row in sizes))
    scale = (wide - left - 70) / most
    height = row_tall * len(NAMES) + 70
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {height}" font-family="sans-serif" font-size="12" role="img">',
        "<title>Cost of a request by number of people, as times its cost in the smallest hospital</title>",
        f'<rect width="{wide}" height="{height}" fill="#ffffff"/>',
    ]
    for place, row in enumerate(sizes):
        x = 10 + place * 170
        parts.append(f'<rect x="{x}" y="10" width="12" height="12" fill="{_COLOURS[place % len(_COLOURS)]}"/>')
        parts.append(f'<text x="{x + 18}" y="20">{row["people"]:,} people</text>')
    y = 40
    for work, name in NAMES.items():
        parts.append(f'<text x="{left - 8}" y="{y + tall}" text-anchor="end">{escape(name)}</text>')
        for place, row in enumerate(sizes):
            times = growth(sizes, work, row)
            parts.append(
                f'<rect x="{left}" y="{y}" width="{times * scale:.1f}" height="{tall - 3}" fill="{_COLOURS[place % len(_COLOURS)]}"/>'
                f'<text x="{left + times * scale + 5:.1f}" y="{y + tall - 4}">{times:.2f}</text>'
            )
            y += tall
        y += 14
    bar = left + GROWTH * scale
    parts.append(f'<line x1="{bar:.1f}" x2="{bar:.1f}" y1="34" y2="{y}" stroke="#990000" stroke-dasharray="4 3"/>')
    parts.append(f'<text x="{bar:.1f}" y="{y + 14}" text-anchor="middle" fill="#990000">{GROWTH} times</text></svg>')
    return "\n".join(parts) + "\n"


def write(result: Mapping[str, Any]) -> tuple[Path, Path]:
    """Puts the figures between the marks of the page, and the plot beside it. Raises: ValueError: the page has no marks."""
    page = PAGE.read_text(encoding="utf-8")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} lacks {BEGIN} or {END}")
    machine = result["machine"]
    filled = "; ".join(
        f"{row['people']:,} people, {row['facilities']} x {row['people'] // row['facilities']:,}, with {row['orders']:,} orders: "
        f"{'before' if row['filled_s'] is None else format(row['filled_s'], '.0f') + ' s'}, {row['database_mb']:,} MB"
        for row in result["sizes"]
    )
    said = (
        f"Measured {result['at'][:10]} on {machine['cpus']} cores ({machine['cpu']}), {machine['memory_mb']:,} MB, "
        f"Python {machine['python']}, "
        f"load {machine['load_1m']} at the start{', with few rounds (`--quick`)' if result['quick'] else ''}. Filled: {filled}."
    )
    body = "\n\n".join((said, table(result), verdicts(result), f"![Cost of a request by number of people]({PLOT.name})"))
    PAGE.write_text(f"{before}{BEGIN}\n{body}\n{END}{after}", encoding="utf-8")
    PLOT.write_text(plot(result), encoding="utf-8")
    return PAGE, PLOT
