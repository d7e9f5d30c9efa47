"""The telemetry of a virtual cart: what each subsystem would tell of itself on a day such as this. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from simulation.fleet import battery as batteries
from simulation.fleet import story
from simulation.fleet.firmware import Slots
from simulation.fleet.roster import Build
from simulation.fleet.story import Day, Trouble

KINDS = ("power", "net", "mcu", "app", "camera")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of a cart beside its day."""

    slots: Slots
    boot_id: str
    events_waiting: int = 0
    rtt_ms: float | None = None
    chart_age_s: float | None = None
    tables: Mapping[str, int] = field(default_factory=dict)
    epoch: str = ""


def of(kind: str, build: Build, day: Day, troubles: Collection[Trouble], standing: Standing) -> dict[str, object] | None:
    """The values of one kind of telemetry; None: it does not speak now."""
    if kind == "power":
        return None if Trouble.MCU_SILENT in troubles else _power(day, charging=day.docked and Trouble.DOCK_DEAD not in troubles)
    if kind == "net":
        return {
            "rssi_dbm": day.rssi_dbm,
            "ap": f"{day.ward}-ap{1 + day.minute // 20 % 3}",
            "reconnects": day.reconnects,
            "rtt_ms": standing.rtt_ms,
        }
    if kind == "mcu":
        return _microcontroller(build, day, standing, silent=Trouble.MCU_SILENT in troubles)
    if kind == "app":
        return {
            **{f"{name.replace('-', '_')}_version": version for name, version in standing.tables.items()},
            "chart_age_s": standing.chart_age_s,
            "unsent_records": 0,
            "journal_epoch": standing.epoch,
            "journal_last_seq": 0,
            "clock_offset_s": round(story.clock_offset_s(day, troubles), 3),
            "place": day.place.value,
            "idle_min": day.idle_min,
        }
    return camera(dark=Trouble.CAMERA_DARK in troubles)


def camera(*, dark: bool) -> dict[str, object]:
    return {
        "live": not dark,
        "fault": "black" if dark else "",
        "picture_rate_hz": 29.8,
        "searched_share": 0.97,
        "read_share": None if dark else 0.93,
        "light_percent": 1 if dark else 46,
        "width_px": 1280,
        "height_px": 720,
        "losses": 0,
    }


def _power(day: Day, *, charging: bool) -> dict[str, object]:
    pack = day.battery
    return {
        "battery_percent": round(pack.charge * 100),
        "charging": charging and pack.charge < 1.0,
        "on_mains": charging,
        "health_percent": round(pack.health * 100),
        "cycles": int(pack.cycles),
        "voltage_mv": pack.voltage_mv,
        "current_ma": pack.current_ma,
        "temperature_c": round(pack.temperature_c, 1),
        "load_w": round(day.load_w, 1),
        "hours_left": None if charging else round(batteries.hours_left(pack, load_w=day.load_w), 1),
        "chemistry": pack.chemistry,
        "capacity_wh": round(pack.capacity_wh),
    }


def _microcontroller(build: Build, day: Day, standing: Standing, *, silent: bool) -> dict[str, object]:
    running = standing.slots[0]
    return {
        "connected": not silent,
        "boot_id": standing.boot_id,
        "hardware": build.hardware,
        "firmware": running.version if running else None,
        "protocol": 1,
        "up_s": day.up_min * 60,
        "exchanges": day.up_min * 60,
        "retries": day.minute // 50,
        "failures": 0,
        "events_waiting": standing.events_waiting,
        "slots": [slot.told(number) for number, slot in enumerate(standing.slots) if slot is not None],
    }
