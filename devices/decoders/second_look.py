"""Whether a linear code that was read once may be believed.

A check digit is no proof: every reader misreads some EAN and Code 128 into another valid number, and two readers do so alike.
So the picture is asked, character by character (`linear_evidence`). Must never be used to find codes, only to refuse them.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from devices.decoders import linear_evidence
from pointofcare.labels.symbol import Symbol

LINEAR_PREFIXES = ("]C", "]E")
SHORTEST_PX = 40.0


def is_linear(symbol: Symbol) -> bool:
    """Also true without an identifier: what is not known to be a matrix code gets the second look."""
    return symbol.identifier == "" or symbol.identifier.startswith(LINEAR_PREFIXES)


def believed(grey: Any, symbols: list[Symbol]) -> list[Symbol]:
    """Those of `symbols`, read in `grey` (height x width, uint8), that are matrix codes or linear ones that the picture supports."""
    return [symbol for symbol in symbols if not is_linear(symbol) or confirms(grey, symbol)]


ANY_CORNER = (0, 2, 1, 3)


def confirms(grey: Any, symbol: Symbol, *, begins: tuple[int, ...] = ANY_CORNER) -> bool:
    """Whether the picture supports a linear `symbol`; `begins`: at which corners its outline may begin."""
    if len(symbol.outline) != 4:
        return False
    turns = (symbol.outline[turn:] + symbol.outline[:turn] for turn in begins)
    return any(_supported(grey, replace(symbol, outline=turned)) for turned in turns if math.dist(*turned[:2]) >= SHORTEST_PX)


def _supported(grey: Any, symbol: Symbol) -> bool:
    if symbol.identifier == "]E0":
        digits = symbol.content.decode("ascii", "replace")
        return digits.isdecimal() and len(digits) == 13 and linear_evidence.supports_ean13(grey, symbol.outline, digits)
    if symbol.identifier in {"]C0", "]C1"}:
        return linear_evidence.supports_code128(grey, symbol.outline, symbol.content, gs1=symbol.identifier == "]C1")
    return False
