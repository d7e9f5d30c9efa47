"""When the same symbol before the camera is one scan, and when it is another unit. Pure.

A symbol that stays in the picture is one scan. It must be out of the picture for a while before the same content counts again, so that one
pack held for long is never two units; a pack with a serial number differs by its content. Only pictures that show what is there now are
counted: a covered lens, or a picture that hangs, does not say that a pack went away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from pointofcare.labels.symbol import Symbol

# Out of the picture for this long, over at least so many decoded pictures, before the same symbol counts again: a hand that shakes
# loses a symbol for some frames, a second unit takes longer than that to be fetched. Local choice.
GONE_AFTER = timedelta(seconds=1.2)
GONE_FRAMES = 4

# What passes between two pictures counts for at most this long: of a longer time nobody saw whether the symbol was away.
MOST_BETWEEN = timedelta(seconds=0.4)

_Key = tuple[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is in the picture: for each symbol's key how many pictures in a row came without it, and how long it was seen to be away.
    `at` is when the newest picture was taken."""

    symbols: Mapping[_Key, tuple[int, timedelta]] = field(default_factory=lambda: MappingProxyType({}))
    at: datetime | None = None


def step(held: Held, found: list[Symbol], at: datetime) -> tuple[Held, tuple[Symbol, ...]]:
    """The next `Held` after a picture taken at `at` that showed `found`, and the symbols that are new in it."""
    seen = {(symbol.identifier, symbol.content): symbol for symbol in found}
    fresh = tuple(symbol for key, symbol in seen.items() if key not in held.symbols)
    passed = max(timedelta(0), min(at - held.at, MOST_BETWEEN)) if held.at is not None else timedelta(0)
    kept: dict[_Key, tuple[int, timedelta]] = dict.fromkeys(seen, (0, timedelta(0)))
    for key, (missed, away) in held.symbols.items():
        missed, away = missed + 1, away + passed
        if key not in seen and not (missed >= GONE_FRAMES and away >= GONE_AFTER):
            kept[key] = (missed, away)
    return Held(symbols=MappingProxyType(kept), at=at), fresh
