"""What a virtual cart answers to a command. Pure: whoever calls it publishes, and does what is to be done.

The rules of every cart: never one that was retained, that was meant for another session or that is late; while an update moves the
hardware nothing else does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulation.fleet import numbers
from simulation.fleet.roster import Build
from simulation.fleet.story import Day, Trouble
from simulation.fleet.voice import Heard

_MOVES = frozenset({"lock", "unlock", "restart", "selftest"})
_HARDWARE = frozenset({"lock", "unlock", "locate", "selftest"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """`then` is what the cart does besides: "restart", "rebirth", "tables" or "event"."""

    outcome: str
    why: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    then: str = ""


def reply(
    name: str,
    asked: Heard,
    *,
    retained: bool,
    waited_s: float,
    sid: str,
    updating: bool,
    build: Build,
    day: Day,
    troubles: Collection[Trouble],
    epoch: str,
) -> Reply:
    """`waited_s` is how long it lay here since it came, on the monotonic clock."""
    if retained or asked.body.get("for_sid") != sid:
        return Reply(outcome="refused", why="other-session")
    if asked.ttl_s is not None and waited_s > asked.ttl_s:
        return Reply(outcome="refused", why="too-late")
    if updating and name in _MOVES:
        return Reply(outcome="refused", why="updating")
    if name in _HARDWARE and Trouble.MCU_SILENT in troubles:
        return Reply(outcome="failed", why="device-unavailable")
    params = asked.body.get("params")
    return _done(name, params if isinstance(params, dict) else {}, build, day, troubles, epoch)


def _done(name: str, params: Mapping[str, Any], build: Build, day: Day, troubles: Collection[Trouble], epoch: str) -> Reply:
    match name:
        case "locate":
            return Reply(outcome="done", then="event")
        case "lock" | "unlock":
            drawer, least = params.get("drawer"), 0 if name == "lock" else 1  # 0: every one
            if drawer is not None and not (isinstance(drawer, int) and least <= drawer <= build.drawers):
                return Reply(outcome="refused", why="no-such-drawer")
            return Reply(outcome="done", values={} if drawer is None else {"drawer": drawer})
        case "restart":
            return Reply(outcome="accepted", then="restart")
        case "diagnostics":
            return Reply(outcome="done", values=_diagnostics(build, day))
        case "camera-check":
            told = numbers.camera(dark=Trouble.CAMERA_DARK in troubles)
            values = {key: told[key] for key in ("live", "fault", "picture_rate_hz", "light_percent")}
            return Reply(outcome="done", values=values)
        case "selftest":
            return Reply(outcome="done", values={"locks": "ok", "gauge": "ok", "leds": "ok", "buttons": "ok"})
        case "rebirth":
            return Reply(outcome="done", then="rebirth")
        case "refresh-tables":
            return Reply(outcome="done", then="tables")
        case "resend-records":
            return Reply(outcome="done") if params.get("epoch") == epoch else Reply(outcome="refused", why="other-journal")
    return Reply(outcome="refused", why="unknown-command")


def _diagnostics(build: Build, day: Day) -> dict[str, object]:
    return {
        "battery_percent": round(day.battery.charge * 100),
        "health_percent": round(day.battery.health * 100),
        "rssi_dbm": day.rssi_dbm,
        "place": day.place.value,
        "app": build.app,
        "os": build.system,
    }
