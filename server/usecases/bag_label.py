"""The identity of an infusion bag: a random serial with a check character, never a hash of a patient or a drug.

Source of the check: ISO/IEC 7064, MOD 37,36, which finds every single wrong character and all but about one in a thousand swaps of
two neighbours; what slips through would still have to name a bag that exists. Two bags never share an id: 54 bits are drawn, and the
store refuses a second one.
"""

from __future__ import annotations

import secrets

from pointofcare.labels.serial import DRAWN, DRAWN_LENGTH, check_character, is_sound, with_check

__all__ = ["check_character", "is_valid", "new_id"]

_PREFIX = "BAG"


def new_id() -> str:
    """ "BAG" + 11 random characters + the check character."""
    return with_check(_PREFIX + "".join(secrets.choice(DRAWN) for _ in range(DRAWN_LENGTH)))


def is_valid(bag: str) -> bool:
    """Is it an id that `new_id` could have drawn, typed without a slip?"""
    return bag.startswith(_PREFIX) and len(bag) == len(_PREFIX) + DRAWN_LENGTH + 1 and is_sound(bag)
