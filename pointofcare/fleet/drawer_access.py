"""Who may open a drawer when no patient was scanned: to restock, to count, to clean. Pure; the same on the server and on a cart offline.

A dose never asks here: its drawer opens by its verdict. What is not known is never a yes: without rules nobody opens a drawer this way,
and the mechanical key remains.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

ANY, CONTROLLED = "any", "controlled"
KINDS = (ANY, CONTROLLED)
# Why a drawer is opened without a patient.
PURPOSES = ("restock", "count", "clean", "return", "fault")
DEFAULT_OPEN_MIN = 5
MOST_DRAWERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerRule:
    """People with `role` may open drawer number `drawer` (0: every drawer of the `kind`); with `two_people` only together with a second
    one who may, too."""

    role: str
    drawer: int = 0
    kind: str = ANY
    two_people: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerPolicy:
    """Of one ward. `controlled`: cart -> its drawers that hold controlled drugs."""

    rules: tuple[DrawerRule, ...] = ()
    open_min: int = DEFAULT_OPEN_MIN
    controlled: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """`why` is a stable code where it is not allowed: no-rules, not-your-drawer, no-such-drawer."""

    allowed: bool
    two_people: bool = False
    why: str = ""


def may_open(policy: DrawerPolicy | None, roles: Collection[str], *, cart: str, drawer: int) -> Access:
    """A rule for the number goes before one for its kind, and one for every drawer opens none that holds controlled drugs. Where two
    rules fit, the stricter counts: two people."""
    if not 1 <= drawer <= MOST_DRAWERS:
        return Access(allowed=False, why="no-such-drawer")
    if policy is None or not policy.rules:
        return Access(allowed=False, why="no-rules")
    kind = CONTROLLED if drawer in policy.controlled.get(cart, ()) else ANY
    by_number = [rule for rule in policy.rules if rule.drawer == drawer]
    fitting = by_number or [rule for rule in policy.rules if rule.drawer == 0 and rule.kind == kind]
    mine = [rule for rule in fitting if rule.role in roles]
    if not mine:
        return Access(allowed=False, why="not-your-drawer")
    return Access(allowed=True, two_people=any(rule.two_people for rule in mine))
