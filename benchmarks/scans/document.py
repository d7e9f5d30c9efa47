"""Writes the figures of the last run into docs/scanning.md, between its two marks. Must never write a figure that was not measured."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.scans.readers import FLOOR, OURS

PAGE = Path(__file__).parents[2] / "docs" / "scanning.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
READERS = (OURS, "zxing-cpp", FLOOR, "pyzbar")
_GROUPS = ("all", "L1", "L2", "L3", "L4", "L5", "DataMatrix", "Code128", "EAN13", "QRCode")
_LIMITS = {
    "easy_p50": "easy frames (L1, L2), median",
    "all_p50": "all frames, median",
    "all_p95": "all frames, 95th percentile",
    "without_code_p50": "pictures without a code, median",
}


def write(page: Path = PAGE) -> Path:
    """Raises: FileNotFoundError before a first run, ValueError for a page without the marks."""
    result = json.loads((measure.RESULTS / "scanning.json").read_text(encoding="utf-8"))
    text = page.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{page} has not one {BEGIN} and one {END}")
    before, rest = text.split(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{figures(result)}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    return page


def figures(result: dict[str, Any]) -> str:
    machine = result["machine"]
    about = (
        f"{datetime.now(UTC):%Y-%m-%d}, seed {result['seed']}, {result['scenes']} scenes, {result['frames_a_scene']} frame"
        f"{'s' if result['frames_a_scene'] > 1 else ''} a scene, {machine['cpus']} cores ({machine['cpu']}), load {machine['load_1m']}. "
        "Read of all, first frames alone; in brackets pictures with a misread, where there are any."
    )
    lines = [
        about,
        "",
        f"| | {' | '.join(READERS)} | every module's place known |",
        f"|---|{'---|' * (len(READERS) + 1)}",
    ]
    for group in _GROUPS:
        if group in result["groups"]:
            cells = [_read(result["groups"][group][name]) for name in READERS]
            known = result["oracle"].get(group)
            told = f"{known['read']} of {known['frames']}" if known else ""
            lines.append(f"| {group} | {' | '.join(cells)} | {told} |")
    empty = result["without_code"]["all"]
    lines.append(f"| without a code, rightly nothing | {' | '.join(_read(empty[name]) for name in READERS)} | |")
    if result["five"]:
        any_ = [_read(result["five"][name]) if name in result["five"] else "" for name in READERS]
        lines.append(f"| any of {result['frames_a_scene']} frames | {' | '.join(any_)} | |")
    for suite in ("pyzbar", "libdmtx", "own"):
        if suite in result["photos"]["groups"]:
            rows = result["photos"]["groups"][suite]
            lines.append(f"| photographs: {suite} | {' | '.join(_read(rows[name]) for name in READERS)} | |")
    lines.append(f"| ms, median; 95 % | {' | '.join(_times(result['groups']['all'][name]) for name in READERS)} | |")
    lines.append(f"| ms without a code | {' | '.join(_times(empty[name]) for name in READERS)} | |")
    turned = result["angles"]
    whole = turned["whole_angles"]
    angles = f"all {turned['bands']} bands read at {whole[OURS]} of {turned['angles']} angles ({FLOOR}: {whole[FLOOR]})."
    lines += [
        "",
        f"GS1-128 around a wrist, every 15 degrees: {angles}",
        "",
        f"| processor time, times {FLOOR} | measured | limit | |",
        "|---|---|---|---|",
    ]
    for name, about in _LIMITS.items():
        value, limit = result["ratios"][name], result["limits"][name]
        lines.append(f"| {about} | {value} | {limit} | {'met' if value <= limit else 'not met'} |")
    return "\n".join(lines)


def _read(row: dict[str, Any]) -> str:
    wrong = f" ({row['wrong']} misread)" if row["wrong"] else ""
    return f"{row['read']} of {row['frames']}, {100 * row['read'] / row['frames']:.0f} %{wrong}"


def _times(row: dict[str, Any]) -> str:
    return f"{row['p50_ms']:.0f}; {row['p95_ms']:.0f}"
