"""What people type into the forms of orders and admissions, brought into the one form that imports read: amounts with a decimal comma
or point, clock times as "8h", "8h30" or "sáng", intervals as "mỗi 8 giờ" or "every 8 h".

Must never guess: what could be read in two ways stays as it was typed, or is a fault that says so. What was understood is shown to the
person as times of day before anything is placed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from pointofcare.errors import QuantityError
from pointofcare.quantity import typed
from server.usecases.import_rows import FieldError

# The hours at which a ward gives what is ordered by the time of day; the preview names them.
TIMES_OF_DAY: Mapping[str, str] = MappingProxyType(
    {
        "sang": "08:00", "buoi sang": "08:00", "trua": "12:00", "buoi trua": "12:00", "chieu": "16:00", "buoi chieu": "16:00",
        "toi": "20:00", "buoi toi": "20:00", "truoc ngu": "21:00", "truoc khi ngu": "21:00",
        "morning": "08:00", "noon": "12:00", "afternoon": "16:00", "evening": "20:00", "bedtime": "21:00",
        "matin": "08:00", "midi": "12:00", "apres-midi": "16:00", "soir": "20:00", "coucher": "21:00", "au coucher": "21:00",
    }
)  # fmt: skip
_CLOCK = re.compile(r"([0-9]{1,2})(?:\s*(?:h|g|gio|:|\.|heures?|heure)\s*([0-9]{2})?)?\s*(?:phut|min)?", re.ASCII)
_EVERY = re.compile(
    r"(?:moi|cu moi|cu|every|q|toutes les|tous les|chaque|/)?\s*([0-9]{1,3})\s*([a-z]+)?(?:\s*(?:mot lan|1 lan|once|une fois))?", re.ASCII
)
_UNITS = {
    "h": "h", "gio": "h", "tieng": "h", "g": "h", "hour": "h", "hours": "h", "hr": "h", "hrs": "h", "heure": "h", "heures": "h",
    "ngay": "d", "d": "d", "day": "d", "days": "d", "jour": "d", "jours": "d", "j": "d",
    "min": "min", "phut": "min", "minute": "min", "minutes": "min",
}  # fmt: skip
# As people write units; a unit that stands for two things ("U") is left alone and refused by the reader.
_WRITTEN_UNITS = {
    "ml": "mL", "dl": "dL", "l": "L", "mcg": "ug", "µg": "ug", "μg": "ug", "iu": "[IU]", "ui": "[IU]", "đv": "[IU]", "giọt": "[drp]",
    "viên": "{tablet}", "ống": "{ampoule}", "lọ": "{vial}", "gói": "{sachet}", "nhát": "{puff}", "miếng": "{patch}",
    "tablet": "{tablet}", "tablets": "{tablet}", "capsule": "{capsule}", "capsules": "{capsule}", "puff": "{puff}", "puffs": "{puff}",
    "drops": "[drp]", "gouttes": "[drp]", "comprimé": "{tablet}", "comprimés": "{tablet}", "gélule": "{capsule}",
    "giờ": "h", "phút": "min", "ngày": "d", "kg": "kg",
}  # fmt: skip


def amount(text: str) -> str:
    """ "0,5mg" or "0.5 mg" -> "0.5 mg", "40 ml/giờ" -> "40 mL/h", in whatever language. Raises: FieldError `amount-ambiguous`
    ("1.500 mg", "1,500 mg": one and a half, or fifteen hundred?)."""
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    found = re.match(r"^([0-9][0-9.,]*)\s*(.*)$", plain)
    if found is None:
        return plain
    number, unit = found[1], found[2]
    try:
        number = typed(number)
    except QuantityError as exc:
        if exc.fields["why"] == "ambiguous":
            raise FieldError("amount-ambiguous", value=number) from exc
    return f"{number} {_unit(unit)}".strip()


def times(text: str) -> str:
    """ "8h, 14h30; tối" -> "08:00|14:30|20:00". Anything that is no time of day stays, and the reader names it."""
    pieces = [piece.strip() for piece in re.split(r"[|,;\n]|\s[-–]\s|\bvà\b|\band\b|\bet\b", text) if piece.strip()]
    if len(pieces) == 1 and pieces[0].count(" ") and all(_clock(part) for part in pieces[0].split()):
        pieces = pieces[0].split()
    return "|".join(_clock(piece) or piece for piece in pieces)


def every(text: str) -> str:
    """ "mỗi 8 giờ", "q8h", "every 8 hours", "toutes les 8 h" -> "8 h". Anything else stays."""
    found = _EVERY.fullmatch(_folded(text))
    if found is None:
        return text.strip()
    unit = _UNITS.get(found[2] or "")
    return text.strip() if unit is None else f"{int(found[1])} {unit}"


def _clock(piece: str) -> str | None:
    plain = _folded(piece)
    for word in ("luc ", "at ", "a "):
        plain = plain.removeprefix(word)
    named = TIMES_OF_DAY.get(plain)
    if named is not None:
        return named
    found = _CLOCK.fullmatch(plain)
    # A bare number is a time only where something says so: "8" may be a number of doses.
    if found is None or plain.isdigit():
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    return f"{hour:02d}:{minute:02d}" if hour < 24 and minute < 60 else None


def _unit(text: str) -> str:
    parts = [part.strip() for part in text.split("/")]
    return "/".join(_WRITTEN_UNITS.get(part.casefold(), part) for part in parts)


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.strip().casefold())
    return " ".join("".join(sign for sign in plain if not unicodedata.combining(sign)).replace("đ", "d").split())
