"""Whether a linear code that was read once may be believed.

A check digit is no proof: every reader misreads some EAN and Code 128 into another valid number. The second look cuts the
code out anew, at another scale, and asks both readers again. One that reads something else is a veto; none that reads the
same is no proof. Must never be used to find codes, only to refuse them.
"""

from __future__ import annotations

from typing import Any

from devices.decoders import regions, zbar, zxing
from pointofcare.labels.symbol import Symbol

LINEAR_PREFIXES = ("]C", "]E")
SCALES = (1.5, 2.5)


def is_linear(symbol: Symbol) -> bool:
    """Also true without an identifier: what is not known to be a matrix code gets the second look."""
    return symbol.identifier == "" or symbol.identifier.startswith(LINEAR_PREFIXES)


def confirms(grey: Any, symbol: Symbol) -> bool:
    """`symbol` was read in `grey` (height x width, uint8), its outline in the pixels of `grey`."""
    if len(symbol.outline) != 4:
        return False
    region = regions.around(symbol.outline, grey.shape)
    if region.width < regions.MIN_SIDE_PX or region.height < 1:
        return False
    answers: list[bytes] = []
    first, second = (regions.upright(grey, region, enlarge=scale).image for scale in SCALES)
    answers += [other.content for other in zxing.linear_symbols(first) if is_linear(other)]
    answers += [other.content for other in zbar.symbols(second, wanted=zbar.LINEAR)]
    return len(answers) > 0 and all(answer == symbol.content for answer in answers)
