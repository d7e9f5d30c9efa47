"""Who gets a release in which wave, and how careful a rollout is. Pure.

Waves are computed once, when the rollout is made: the same seed and carts give the same waves. Must never put a cart in two waves, or
one in that the plan does not name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MOST_WAVES = 20
MOST_AT_ONCE = 100


class Newcomers(StrEnum):
    """What happens to a cart that comes after the waves were computed."""

    LEFT_OUT = "left-out"
    LAST_WAVE = "last-wave"
    BY_RULE = "by-rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """When a cart may begin. That no dose is in progress and no drawer open is no choice: it always counts."""

    docked: bool = True
    idle_min: int = 10
    charge_percent: int = 40

    def document(self) -> dict[str, object]:
        """As a job carries them."""
        return {"docked": self.docked, "idle_min": self.idle_min, "charge_percent": self.charge_percent, "no_dose": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """Exactly one of the three says who is in it. `upto_percent` counts all carts up to and with this wave."""

    wards: tuple[str, ...] = ()
    carts: tuple[str, ...] = ()
    upto_percent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`wards` limits waves of a percentage to these wards, () for all. `at_once`: so many carts may be at it at the same moment.
    `pause_at_failures`: so many carts failed since a person last looked. `attempts`: so often one cart may fail. `job_min`: so long a
    job may wait at a cart's gates; `update_min`: so long one update may take; `offline_min`: so long a cart may be silent while
    its new release proves itself (`bake_min`). `success_percent`: a wave of which so many carts succeeded is done, though others
    are away. `goes_on`: the next wave begins without a person, when nothing failed."""

    waves: tuple[Wave, ...]
    wards: tuple[str, ...] = ()
    newcomers: Newcomers = Newcomers.LAST_WAVE
    at_once: int = 10
    bake_min: int = 30
    pause_at_failures: int = 2
    attempts: int = 3
    penalty_min: int = 60
    update_min: int = 30
    job_min: int = 120
    offline_min: int = 10
    success_percent: int = 100
    goes_on: bool = False
    gates: Gates = field(default_factory=Gates)


# Field, least, most: whole numbers that a person may write.
BOUNDS: tuple[tuple[str, int, int], ...] = (
    ("at_once", 1, MOST_AT_ONCE),
    ("bake_min", 0, 7 * 24 * 60),
    ("pause_at_failures", 1, 1000),
    ("attempts", 1, 20),
    ("penalty_min", 0, 7 * 24 * 60),
    ("update_min", 1, 24 * 60),
    ("job_min", 1, 24 * 60),
    ("offline_min", 3, 24 * 60),
    ("success_percent", 1, 100),
)
GATE_BOUNDS: tuple[tuple[str, int, int], ...] = (("idle_min", 0, 24 * 60), ("charge_percent", 0, 100))


def problems(plan: Plan) -> tuple[tuple[str, str], ...]:
    """(field, stable code) of everything that makes no plan of it, () when it is one."""
    found = [(name, "out-of-range") for name, least, most in BOUNDS if not least <= getattr(plan, name) <= most]
    found += [(name, "out-of-range") for name, least, most in GATE_BOUNDS if not least <= getattr(plan.gates, name) <= most]
    if not plan.waves:
        found.append(("waves", "no-wave"))
    if len(plan.waves) > MOST_WAVES:
        found.append(("waves", "too-many-waves"))
    kinds = {_kind(wave) for wave in plan.waves}
    if None in kinds:
        found.append(("waves", "wave-empty"))
    elif len(kinds) > 1:
        found.append(("waves", "wave-kinds-mixed"))
    named = [name for wave in plan.waves for name in (*wave.wards, *wave.carts)]
    if len(named) != len(set(named)):
        found.append(("waves", "named-twice"))
    shares = [wave.upto_percent for wave in plan.waves if wave.upto_percent is not None]
    if shares and (any(not 1 <= share <= 100 for share in shares) or sorted(set(shares)) != shares or shares[-1] != 100):
        found.append(("waves", "shares-do-not-rise"))
    return tuple(found)


def waves(plan: Plan, seed: str, wards_of: Mapping[str, str]) -> dict[str, int]:
    """Cart -> wave, from 0. `wards_of`: cart -> ward, "" where it is not known. Who is not in it gets nothing."""
    found = {cart: wave for cart, ward in wards_of.items() if (wave := _named(plan, cart, ward)) is not None}
    shares = [wave.upto_percent for wave in plan.waves]
    if all(share is None for share in shares):
        return found
    drawn = sorted((cart for cart, ward in wards_of.items() if _in_scope(plan, ward)), key=lambda cart: (_drawn(seed, cart), cart))
    for place, cart in enumerate(drawn):
        found[cart] = next(wave for wave, share in enumerate(shares) if share is not None and place < _upto(len(drawn), share))
    return found


def newcomer(plan: Plan, seed: str, cart: str, ward: str) -> int | None:
    """The wave of a cart that came later; None: the rollout is not for it. A list of carts has no newcomers."""
    if plan.newcomers is Newcomers.LEFT_OUT or any(wave.carts for wave in plan.waves):
        return None
    last = len(plan.waves) - 1
    if any(wave.upto_percent is not None for wave in plan.waves):
        if not _in_scope(plan, ward):
            return None
        share = int(_drawn(seed, cart)[:8], 16) * 100 // 0x1_0000_0000
        by_rule = next((wave for wave, each in enumerate(plan.waves) if each.upto_percent is not None and share < each.upto_percent), last)
    else:
        named = _named(plan, cart, ward)
        if named is None:
            return None
        by_rule = named
    return by_rule if plan.newcomers is Newcomers.BY_RULE else last


def _kind(wave: Wave) -> str | None:
    given = [
        name for name, there in (("wards", wave.wards), ("carts", wave.carts), ("upto_percent", wave.upto_percent is not None)) if there
    ]
    return given[0] if len(given) == 1 else None


def _named(plan: Plan, cart: str, ward: str) -> int | None:
    return next((place for place, wave in enumerate(plan.waves) if cart in wave.carts or (ward and ward in wave.wards)), None)


def _in_scope(plan: Plan, ward: str) -> bool:
    return not plan.wards or ward in plan.wards


def _drawn(seed: str, cart: str) -> str:
    """Another order of carts for each rollout, so that it is not always the same ones that go first."""
    return hashlib.sha256(f"{seed}\n{cart}".encode()).hexdigest()


def _upto(carts: int, percent: int) -> int:
    """At least one."""
    return max(1, -(-carts * percent // 100)) if carts else 0


def sizes(placed: Iterable[int], number: int) -> tuple[int, ...]:
    """How many carts each of `number` waves has."""
    found = [0] * number
    for wave in placed:
        found[wave] += 1
    return tuple(found)
