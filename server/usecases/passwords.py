"""Which passwords are given away, and which names are no person's.

Passwords are judged offline with zxcvbn (lists of common passwords and names, keyboard walks, dates, repeats). A name that stands for
a ward, a role or a shift is refused: whoever signs in must be one person.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from zxcvbn import zxcvbn  # type: ignore[import-untyped]

# Of 0 to 4; 3 takes more than 10^8 guesses against a slow hash.
LEAST_SCORE = 3
# What it looks at: its cost grows with the length, and nobody guesses what comes after so much.
_LOOKED_AT = 72
_WORDS = (
    "ward|unit|room|floor|station|nurse|nurses|nursing|doctor|doctors|physician|pharmacy|pharmacist|charge|shift|night|day|team|staff|"
    "shared|common|generic|guest|temp|test|user|admin|administrator|root|kiosk|cart|agency|student|icu|er|dieuduong|yta|bacsi|"
    "duocsi|catruc|dungchung|sinhvien|quantri|khoaduoc|phongkham|service|salle|infirmier|infirmiere|medecin|pharmacien|equipe|invite|stagiaire"
)
# Khoa, Phong, Trúc and Chung are people's names, so they are not among these words.
_SHARED = re.compile(rf"(?:(?:{_WORDS})\d{{0,4}}){{1,4}}")


def is_easy(password: str, about: Iterable[str] = ()) -> bool:
    """Would it be guessed? `about` is what a stranger knows of the person: names, user name."""
    known = [part for text in about for part in (text, *text.split()) if part]
    return int(zxcvbn(password[:_LOOKED_AT], user_inputs=known)["score"]) < LEAST_SCORE


def names_nobody(name: str) -> bool:
    """Does this user name, or this address before its @, stand for a ward, a role or a shift instead of a person?"""
    plain = unicodedata.normalize("NFD", name.strip().split("@", 1)[0].lower()).replace("đ", "d")
    bare = "".join(sign for sign in plain if sign.isascii() and sign.isalnum())
    return _SHARED.fullmatch(bare) is not None
