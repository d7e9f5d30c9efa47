"""How a cart's battery lives: charge, voltage, warmth and wear of three chemistries at the load that is on them. Pure.

Rough on purpose: what a fleet manager must tell apart (a worn pack, a dying one, a dock without power) shows as it would on hardware.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

# Of charge 0 % to 100 % in steps of 10 %: what one pack of 24 V nominal reads, in mV.
_CURVES: Mapping[str, tuple[int, ...]] = {
    "LiFePO4": (20_000, 24_600, 25_300, 25_600, 25_800, 26_000, 26_200, 26_300, 26_500, 26_700, 27_600),
    "Li-ion": (19_600, 22_800, 23_600, 24_200, 24_700, 25_200, 25_800, 26_500, 27_300, 28_200, 29_400),
    "SLA": (21_000, 22_600, 23_000, 23_400, 23_800, 24_200, 24_500, 24_800, 25_000, 25_300, 25_800),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chemistry:
    """`charge_share` is the highest charging power as a share of the capacity an hour, `taper_at` the charge (0..1) from which it falls,
    `fade_per_cycle` the share of its health that one full cycle costs, `efficiency` what of the charging power is kept."""

    name: str
    charge_share: float
    taper_at: float
    efficiency: float
    fade_per_cycle: float

    def voltage_mv(self, charge: float) -> int:
        """At rest, of a charge 0..1."""
        curve = _CURVES[self.name]
        place = max(0.0, min(1.0, charge)) * (len(curve) - 1)
        low = min(int(place), len(curve) - 2)
        return round(curve[low] + (curve[low + 1] - curve[low]) * (place - low))


CHEMISTRIES: Mapping[str, Chemistry] = {
    one.name: one
    for one in (
        Chemistry(name="LiFePO4", charge_share=0.5, taper_at=0.95, efficiency=0.96, fade_per_cycle=0.0001),
        Chemistry(name="Li-ion", charge_share=0.5, taper_at=0.80, efficiency=0.95, fade_per_cycle=0.0004),
        Chemistry(name="SLA", charge_share=0.2, taper_at=0.70, efficiency=0.85, fade_per_cycle=0.0012),
    )
}
ROOM_C = 26.0
_TAPERED = 0.15
_WARMS_C_PER_W = 0.06
_SETTLES_S = 1_800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """`charge` and `health` are 0..1; a pack holds `capacity_wh` times `health`. `current_ma` is negative while it gives."""

    chemistry: str
    capacity_wh: float
    charge: float
    health: float
    cycles: float
    temperature_c: float = ROOM_C
    current_ma: int = 0

    @property
    def holds_wh(self) -> float:
        return self.capacity_wh * self.health

    @property
    def empty(self) -> bool:
        return self.charge <= 0.0

    @property
    def voltage_mv(self) -> int:
        """Under its load: a worn pack sags."""
        sag_mv = -self.current_ma / 1000 * (40 + 160 * (1 - self.health))
        return round(CHEMISTRIES[self.chemistry].voltage_mv(self.charge) - sag_mv)


def drain(battery: Battery, *, load_w: float, seconds: float) -> Battery:
    """After giving `load_w` for so long, or until it is empty."""
    wanted_wh = load_w * seconds / 3600
    given_wh = min(wanted_wh, battery.charge * battery.holds_wh)
    return _after(battery, -given_wh, power_w=-load_w if given_wh else 0.0, seconds=seconds)


def charge(battery: Battery, *, seconds: float) -> Battery:
    """After so long on a charger, which carries the cart's load too; it tapers towards full."""
    kind = CHEMISTRIES[battery.chemistry]
    share = kind.charge_share
    if battery.charge >= kind.taper_at:
        share *= max(_TAPERED, (1 - battery.charge) / (1 - kind.taper_at))
    power_w = battery.capacity_wh * share if battery.charge < 1.0 else 0.0
    taken_wh = min(power_w * kind.efficiency * seconds / 3600, (1 - battery.charge) * battery.holds_wh)
    return _after(battery, taken_wh, power_w=power_w, seconds=seconds)


def hours_left(battery: Battery, *, load_w: float) -> float:
    """Until it is empty at this load. Infinite without one."""
    return battery.charge * battery.holds_wh / load_w if load_w > 0 else float("inf")


def _after(battery: Battery, energy_wh: float, *, power_w: float, seconds: float) -> Battery:
    kind = CHEMISTRIES[battery.chemistry]
    level = battery.charge + energy_wh / battery.holds_wh
    level = 0.0 if level < 1e-9 else min(1.0, level)
    turned = max(0.0, -energy_wh) / battery.holds_wh
    towards_c = ROOM_C + abs(power_w) * _WARMS_C_PER_W
    share = min(1.0, seconds / _SETTLES_S)
    return replace(
        battery,
        charge=level,
        cycles=battery.cycles + turned,
        health=max(0.05, battery.health - turned * kind.fade_per_cycle),
        temperature_c=battery.temperature_c + (towards_c - battery.temperature_c) * share,
        current_ma=round(power_w / kind.voltage_mv(level) * 1_000_000),
    )
