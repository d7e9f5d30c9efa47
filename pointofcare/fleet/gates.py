"""When an update may begin, or go on: what holds it now. Pure. What is not known holds it, always."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

IDLE_MIN = 10.0
DOCKED_IDLE_MIN = 1.0  # who has just put the cart back may come again for what was forgotten
CHARGE_PERCENT = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What is known now; None: not known. `busy`: the cart program says that a dose, a sign-in or another act is going on.
    `idle_s`: for how long it has said that none is. `open_drawers` are the numbers of those that stand open or unlocked."""

    connected: bool
    charge_percent: float | None
    on_mains: bool | None
    open_drawers: tuple[int, ...] | None
    busy: bool | None
    idle_s: float | None


def holding(gates: Mapping[str, object], now: Hardware) -> str | None:
    """The stable code of the first gate that is closed, None when all are open. The job's gates may ask for more than the least that
    is asked here, and for less only where they name a number that they may (`idle_min`, `charge_percent`)."""
    hard = unsafe(now)
    if hard is not None:
        return hard
    charge = _number(gates.get("charge_percent"), CHARGE_PERCENT)
    if charge is None:
        return "gate-unreadable"
    if now.on_mains is not True and (now.charge_percent is None or now.charge_percent < charge):
        return "charge-low" if now.charge_percent is not None else "charge-unknown"
    docked = now.on_mains is True
    idle_min = _number(gates.get("idle_min"), DOCKED_IDLE_MIN if docked else IDLE_MIN)
    if idle_min is None:
        return "gate-unreadable"
    if gates.get("docked") is True and not docked:
        return "not-docked"
    if now.idle_s is None or now.idle_s < idle_min * 60:
        return "not-idle"
    return None


def unsafe(now: Hardware) -> str | None:
    """What no job may overrule."""
    if not now.connected:
        return "mcu-silent"
    if now.busy is None:
        return "use-unknown"
    if now.busy:
        return "in-use"
    if now.open_drawers is None:
        return "drawers-unknown"
    if now.open_drawers:
        return "drawer-open"
    return None


def _number(value: object, default: float) -> float | None:
    """None for what is no number from 0 on: a gate that cannot be read stays closed."""
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100_000:
        return None
    return float(value)
