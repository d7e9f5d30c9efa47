"""How the fleet looks on a terminal: tables by `rich`, plain words beside every colour. JSON is the server's own answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_STYLES = {
    "done": "green",
    "refused": "red",
    "failed": "red",
    "expired": "yellow",
    "outcome-unknown": "bold yellow",
    "withdrawn": "dim",
    "critical": "bold red",
    "warning": "yellow",
    "online": "green",
    "offline": "red",
}


def as_json(console: Console, value: object) -> None:
    """For programs: nothing else on standard output, no colour, no wrapping."""
    console.file.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    made = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    return made


def carts(found: Mapping[str, Any]) -> Table:
    items = found["items"]
    rows = (
        (
            one["id"],
            one["ward"],
            "online" if one["online"] else "offline",
            one["phase"],
            _percent(one["battery_percent"]) + (" +" if one["charging"] else ""),
            _hours(one["hours_left"]),
            one["app_version"] or "?",
            one["mcu_version"] or "?",
            one["unsent"] if one["unsent"] is not None else "?",
            f"{one['critical']} critical" if one["critical"] else one["alerts"] or "-",
            {True: "drift", False: "-", None: "?"}[one["drift"]],
            (one["last_seen_at"] or "never")[:19],
        )
        for one in items
    )
    columns = ("cart", "ward", "is", "phase", "battery", "left", "app", "mcu", "unsent", "alerts", "config", "last seen (UTC)")
    return table(f"{len(items)} of {found['number']} carts", columns, rows)


def batteries(found: Mapping[str, Any]) -> Table:
    rows = (
        (
            one["id"],
            one["ward"],
            _percent(one["battery_percent"]),
            {True: "charging", False: "on battery", None: "?"}[one["charging"]],
            _percent(one["health_percent"]),
            one["battery_cycles"] if one["battery_cycles"] is not None else "?",
            _hours(one["hours_left"]),
            one["replace_on"] or "-",
        )
        for one in found["items"]
    )
    columns = ("cart", "ward", "charge", "is", "health", "cycles", "left at its own load", "replace on")
    return table("batteries, the emptiest first", columns, rows)


def commands(items: Iterable[Mapping[str, Any]]) -> Table:
    rows = (
        (
            one["cart"],
            one["name"],
            one["state"],
            one["why"] or "-",
            one["asked_by"],
            one["second_by"] or "-",
            one["issued_at"][:19],
            one["id"],
        )
        for one in items
    )
    return table("commands", ("cart", "command", "state", "why", "asked by", "second", "at (UTC)", "id"), rows)


def alerts(items: Iterable[Mapping[str, Any]]) -> Table:
    rows = (
        (one["severity"], one["cart"], one["code"], one["since"][:19], (one["snoozed_until"] or "-")[:19], one["acknowledged_by"] or "-")
        for one in items
    )
    return table("alerts", ("severity", "cart", "alert", "since (UTC)", "snoozed until", "seen by"), rows)


def facts(title: str, values: Mapping[str, Any]) -> Table:
    return table(title, ("what", "value"), ((name, plain(value)) for name, value in values.items()))


def plain(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _cell(value: object) -> Text:
    """As text, never as markup: what a cart says of itself must not draw on this terminal."""
    shown = "?" if value is None else str(value)
    shown = "".join(sign if sign.isprintable() else "\ufffd" for sign in shown)
    return Text(shown, style=_STYLES.get(shown.split(" ")[-1] if shown.endswith("critical") else shown, ""))


def _percent(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f} %"


def _hours(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f} h"
