"""The serial numbers of the hospital's own labels: a prefix, eleven drawn characters, a check character.

Source of the check: ISO/IEC 7064, MOD 37,36, which finds every single wrong character and nearly every swap of two neighbours. It
guards against slips alone: whoever knows the rule can write a serial with a right check character, so that only the table of issued
labels says whether one exists. Must never be drawn here, and never be made of a patient, a drug or a counter.
"""

from __future__ import annotations

_ALL = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# To draw from: without those that people read as one another. The check character may be any.
DRAWN = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
DRAWN_LENGTH = 11
# Of the label of one unit dose, in AI 21. No maker's serial is likely to begin so and be as long.
UNIT_DOSE = "UDL"
_LENGTH = len(UNIT_DOSE) + DRAWN_LENGTH + 1


def check_character(body: str) -> str:
    """Of a body in upper case letters and digits. Raises: ValueError for any other character."""
    product = 36
    for character in body:
        product = (product + _ALL.index(character)) % 36 or 36
        product = product * 2 % 37
    return _ALL[(37 - product) % 36]


def with_check(body: str) -> str:
    return body + check_character(body)


def is_unit_dose(serial: str) -> bool:
    """Does it claim to be a label of ours? Its check character is not looked at."""
    return serial.startswith(UNIT_DOSE) and len(serial) == _LENGTH


def is_sound(serial: str) -> bool:
    """Is its check character right?"""
    return len(serial) > 1 and set(serial) <= set(_ALL) and check_character(serial[:-1]) == serial[-1]
