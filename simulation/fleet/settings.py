"""What a virtual cart takes of the configuration that the hospital wants, and what it says that it runs with. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from pointofcare.wire import settings as table
from simulation.fleet.roster import Build

# Somebody stands at these carts and changes something by hand: what a fleet manager finds as a difference.
_BY_HAND = (0.88, 0.94)
BY_HAND_AFTER_MIN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """`wanted` is of the newest signed version that was taken; `document` what the cart runs with."""

    document: Mapping[str, object]
    version: int = 0
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        return sha256(json.dumps(self.document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()

    @property
    def telemetry_s(self) -> float | None:
        """How often the hospital wants to hear, where it said so."""
        value = self.document.get("telemetry_interval_s")
        return float(value) if self.version and isinstance(value, int) else None

    def told(self) -> dict[str, object]:
        return {"version": self.version, "document": self.document, "hash": self.hash, "refused": self.refused}


def factory() -> Held:
    """As it was delivered."""
    return Held(document=dict(table.whole({})))


def by_hand(held: Held, build: Build, minutes: int) -> Held:
    """After so many minutes (of the story) with these settings: changed at the cart, where somebody does that."""
    changed = {**held.document, "sound_volume": "loud"}
    is_one = _BY_HAND[0] <= build.drawn < _BY_HAND[1] and minutes >= BY_HAND_AFTER_MIN
    return replace(held, document=changed) if is_one and held.document != changed else held


def taken(held: Held, order: Mapping[str, Any]) -> Held | None:
    """After an order whose signature held. None: it says nothing new, or is none."""
    version, wanted = order.get("version"), order.get("document")
    if not isinstance(version, int) or isinstance(version, bool) or not isinstance(wanted, dict) or version < held.version:
        return None
    fits, refused = table.sifted(wanted)
    return Held(document={**table.whole({}), **fits}, version=version, refused=refused)
