"""The identity of an infusion bag: a random serial with a check character, never a hash of a patient or a drug.

Source of the check: ISO/IEC 7064, MOD 37,36, which finds every single wrong character and all but about one in a thousand swaps of
two neighbours; what slips through would still have to name a bag that exists. Two bags never share an id: 54 bits are drawn, and the
store refuses a second one.
"""

from __future__ import annotations

import secrets

_ALL = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Without those that people read as one another; the check character may be any.
_DRAWN = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_PREFIX = "BAG"
_LENGTH = 11


def new_id() -> str:
    """ "BAG" + 11 random characters + the check character."""
    body = _PREFIX + "".join(secrets.choice(_DRAWN) for _ in range(_LENGTH))
    return body + check_character(body)


def check_character(body: str) -> str:
    """Of a body in upper case letters and digits. Raises: ValueError for any other character."""
    product = 36
    for character in body:
        product = (product + _ALL.index(character)) % 36 or 36
        product = product * 2 % 37
    return _ALL[(37 - product) % 36]


def is_valid(bag: str) -> bool:
    """Is it an id that `new_id` could have drawn, typed without a slip?"""
    body, check = bag[:-1], bag[-1:]
    if not body.startswith(_PREFIX) or len(body) != len(_PREFIX) + _LENGTH or not set(bag) <= set(_ALL):
        return False
    return check_character(body) == check
