"""EAN-13's characters (ISO/IEC 15420): their patterns, and what twelve of them say.

Must never guess: a parity that stands for no first digit, or a wrong check digit, gives None.
"""

from __future__ import annotations

LEFT = ("0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111", "0111011", "0110111", "0001011")
PARITY = ("LLLLLL", "LLGLGG", "LLGGLG", "LLGGGL", "LGLLGG", "LGGLLG", "LGGGLL", "LGLGLG", "LGLGGL", "LGGLGL")


def left_and_right() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The twenty patterns of the left half (ten odd, ten even) and the ten of the right half."""
    right = tuple(code.translate(str.maketrans("01", "10")) for code in LEFT)
    return (*LEFT, *(code[::-1] for code in right)), right


def says(values: list[int]) -> str | None:
    """The thirteen digits behind six left values (0 to 19) and six right ones (0 to 9)."""
    if len(values) != 12:
        return None
    parity = "".join("G" if value >= 10 else "L" for value in values[:6])
    if parity not in PARITY:
        return None
    digits = [PARITY.index(parity), *(value % 10 for value in values)]
    return (
        "".join(str(digit) for digit in digits)
        if sum(digit * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10 == 0
        else None
    )
