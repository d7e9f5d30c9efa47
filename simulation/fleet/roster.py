"""Who is in a virtual fleet: what each cart was built from, where it belongs, and what it was unlucky with. Pure, by seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from simulation.fleet.battery import Battery

WARDS = ("mo-phong-a", "mo-phong-b", "mo-phong-c", "mo-phong-d", "mo-phong-e")
# Nobody mistakes these for carts that stand in a ward.
PREFIX = "sim"
HARDWARE = ("cart-r1", "cart-r2")
FIRMWARE = ("1.0.0.5", "1.1.0.7")
_SOFTWARE = ("0.1.0", "0.1.0", "0.1.0", "0.0.9")
_CHEMISTRIES = ("LiFePO4", "LiFePO4", "Li-ion", "SLA")
_CAPACITY_WH = {"LiFePO4": 480.0, "Li-ion": 400.0, "SLA": 430.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What of a cart stays. `drift_ppm` and `clock_offset_s` are its clock's, `idle_w` and `busy_w` what it draws, `drawn` (0..1) orders
    the fleet for what strikes a share of it."""

    id: str
    seed: int
    ward: str
    dock: str
    hardware: str
    serial: str
    app: str
    system: str
    firmware: str
    drawers: int
    idle_w: float
    busy_w: float
    clock_offset_s: float
    drift_ppm: float
    drawn: float
    battery: Battery


def fleet(seed: int, count: int, *, wards: Sequence[str] = WARDS, prefix: str = PREFIX) -> tuple[Build, ...]:
    """`count` carts over `wards`, the same for the same seed; a larger fleet begins with the smaller one."""
    digits = max(3, len(str(count)))
    return tuple(_built(seed, number, f"{prefix}-{number:0{digits}d}", wards[(number - 1) % len(wards)]) for number in range(1, count + 1))


def _built(seed: int, number: int, name: str, ward: str) -> Build:
    dice = random.Random(f"build-{seed}-{number}")
    hardware = HARDWARE[0] if dice.random() < 0.3 else HARDWARE[1]
    chemistry = "SLA" if hardware == HARDWARE[0] and dice.random() < 0.6 else dice.choice(_CHEMISTRIES[:3])
    worn = dice.random() < 0.08
    health = dice.uniform(0.35, 0.6) if worn else dice.uniform(0.78, 1.0)
    return Build(
        id=name,
        seed=seed,
        ward=ward,
        dock=f"{ward}-{(number - 1) % 4 + 1}",
        hardware=hardware,
        serial=f"SIM{seed % 1000:03d}{number:05d}",
        app=dice.choice(_SOFTWARE),
        system=dice.choice(("debian-12.8", "debian-12.9")),
        firmware=FIRMWARE[0] if dice.random() < 0.25 else FIRMWARE[1],
        drawers=dice.choice((12, 24)),
        idle_w=round(dice.uniform(11, 17), 1),
        busy_w=round(dice.uniform(26, 44), 1),
        clock_offset_s=round(dice.gauss(0, 0.12), 3),
        drift_ppm=round(dice.gauss(0, 12), 2),
        drawn=dice.random(),
        battery=Battery(
            chemistry=chemistry,
            capacity_wh=_CAPACITY_WH[chemistry],
            charge=dice.uniform(0.35, 1.0),
            health=health,
            cycles=round(dice.uniform(20, 300) + (1 - health) * 1200, 1),
        ),
    )
