"""Code 128's characters (ISO/IEC 15417): their patterns, and what a row of them says.

Only for checking what a reader claims: the readers decode. Must never guess: an unknown function or a wrong check character
gives None.
"""

from __future__ import annotations

from dataclasses import dataclass

_WIDTHS = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 123122 123221 "
    "223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 232121 111323 131123 131321 "
    "112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 313121 211331 231131 213113 213311 213131 "
    "311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 111422 121124 121421 141122 141221 112214 112412 122114 "
    "122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 "
    "214121 412121 111143 111341 131141 114113 114311 411113 411311 113141 114131 311141 411131 211412 211214 211232"
)
WIDTH_MODULES = 11
STOP_MODULES = 13
GS = 0x1D
_START_A, _START_C = 103, 105
_SHIFT, _TO_C, _TO_B, _TO_A, _FNC1 = 98, 99, 100, 101, 102
_SETS = "ABC"


def modules(widths: str) -> str:
    """Bar and space widths as modules, the first dark: "212222" -> "11011001100"."""
    return "".join(("1" if place % 2 == 0 else "0") * int(width) for place, width in enumerate(widths))


STOP_VALUE = 106
STARTS = slice(_START_A, _START_C + 1)
# The stop has two modules more; its first eleven are enough to know it.
PATTERNS = (*(modules(widths) for widths in _WIDTHS.split()), modules("233111"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    content: bytes
    gs1: bool


def says(codewords: list[int]) -> Row | None:
    """What the characters from the start to the check character (without the stop) say; None when they say nothing sure."""
    if len(codewords) < 3 or not _START_A <= codewords[0] <= _START_C:
        return None
    *data, check = codewords[1:]
    if (codewords[0] + sum(place * value for place, value in enumerate(data, start=1))) % 103 != check:
        return None
    code_set = _SETS[codewords[0] - _START_A]
    content = bytearray()
    gs1 = False
    shifted = False
    for place, value in enumerate(data):
        now = ("B" if code_set == "A" else "A") if shifted else code_set
        shifted = False
        if value == _FNC1:
            if place == 0:
                gs1 = True
            elif place == len(data) - 1 or place == 1:
                return None
            else:
                content.append(GS)
        elif code_set == "C" and value < 100:
            content += b"%02d" % value
        elif value == _TO_A and code_set != "A":
            code_set = "A"
        elif value == _TO_B and code_set != "B":
            code_set = "B"
        elif value == _TO_C and code_set != "C":
            code_set = "C"
        elif value == _SHIFT and code_set != "C":
            shifted = True
        elif value < 96:
            content.append(value + 32 if now == "B" or value < 64 else value - 64)
        else:
            return None
    return Row(content=bytes(content), gs1=gs1)
