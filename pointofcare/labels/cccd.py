"""The QR code on a Vietnamese citizen identity card (CCCD) or căn cước, as text: fields parted by "|".

Keeps the number, the name, the birth date and the sex and nothing else: the rest of the card is none of a ward's business. Must never
be the band of a patient at the bedside, and never decides who somebody is: a person compares the card with the one who holds it.
Field order: chip card of 2021 (number, old number, name, ddMMyyyy, sex, address, issued); the card of 2024 adds fields behind them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from pointofcare.errors import LabelError
from pointofcare.vietnam import insurance

_NUMBER = re.compile(r"[0-9]{12}", re.ASCII)
_DAY = re.compile(r"([0-9]{2})/?([0-9]{2})/?([0-9]{4})", re.ASCII)
_SEXES = {"nam": "male", "nu": "female", "male": "male", "female": "female"}
_LONGEST = 2000
_FEWEST, _MOST = 5, 16
# Signs that a reader leaves when it types UTF-8 as Windows-1252: the first bytes of Vietnamese letters.
_GARBLED = ("Ã", "á»", "áº", "Ä", "Æ°", "Å")


@dataclass(frozen=True, slots=True, kw_only=True)
class IdCard:
    """`birth_date` and `sex` ("male", "female") None: not readable on the card. `doubts` name what contradicts the number itself:
    "sex", "birth-year"; they are for the person to look at, and never a refusal."""

    number: str
    name: str
    birth_date: date | None = None
    sex: str | None = None
    doubts: tuple[str, ...] = ()


def looks_like(text: str) -> bool:
    """Is it worth reading as a card? For a field that takes anything that a reader types."""
    return text.count("|") >= _FEWEST - 1 and _NUMBER.search(text.split("|")[0]) is not None


# What stands in evidence, facts and logs instead of a card that somebody held before a reader at the bedside.
WITHHELD = "(identity or insurance card, not kept)"


def withheld(text: str) -> str:
    """`text`, or the words that stand for it where it is the code of somebody's identity or insurance card: no address, no parent and no
    number of it belongs to what is kept of a dose."""
    return WITHHELD if looks_like(text) or insurance.looks_like_code(text) else text


def parse(text: str) -> IdCard:
    """Raises: LabelError with `reason`: too-long, number, name, date, fields."""
    if len(text) > _LONGEST:
        raise _unreadable("too-long")
    plain = _mended(text.strip().lstrip("\ufeff").replace("\r", "").replace("\n", ""))
    fields = [_unlabelled(field) for field in plain.split("|")]
    if not _FEWEST <= len(fields) <= _MOST:
        raise _unreadable("fields")
    number = fields[0]
    if not _NUMBER.fullmatch(number):
        raise _unreadable("number")
    # Without an old number some cards leave its field out, others leave it empty.
    begin = 2 if fields[1] == "" or fields[1].isdigit() else 1
    name = _name(fields[begin])
    born = _day(fields[begin + 1]) if len(fields) > begin + 1 else None
    if born is None:
        raise _unreadable("date")
    sex = _SEXES.get(_folded(fields[begin + 2])) if len(fields) > begin + 2 else None
    return IdCard(number=number, name=name, birth_date=born, sex=sex, doubts=_doubts(number, born, sex))


def is_number(text: str) -> bool:
    """Twelve digits: there is no check digit on the card."""
    return _NUMBER.fullmatch(text) is not None


def _doubts(number: str, born: date, sex: str | None) -> tuple[str, ...]:
    """The fourth digit says century and sex, the next two the year of birth."""
    code = int(number[3])
    found = []
    if sex is not None and sex != ("male", "female")[code % 2]:
        found.append("sex")
    if born.year != 1900 + 100 * (code // 2) + int(number[4:6]):
        found.append("birth-year")
    return tuple(found)


def _unlabelled(field: str) -> str:
    """Some printers write "Họ tên: ..." before each field."""
    label, colon, value = field.partition(":")
    return value.strip() if colon and label.strip() and not any(sign.isdigit() for sign in label) else field.strip()


def _name(field: str) -> str:
    name = " ".join(field.split()).upper()
    letters = [sign for sign in name if sign.isalpha()]
    if not letters or len(name) > 100 or any(not (sign.isalpha() or sign in " .'-" or unicodedata.combining(sign)) for sign in name):
        raise _unreadable("name")
    return unicodedata.normalize("NFC", name)


def _day(field: str) -> date | None:
    found = _DAY.fullmatch(field)
    if found is None:
        return None
    try:
        return date(int(found[3]), int(found[2]), int(found[1]))
    except ValueError:
        return None


def _mended(text: str) -> str:
    """UTF-8 that a reader typed byte by byte as Windows-1252 is put together again; anything else stays as it is."""
    if not any(sign in text for sign in _GARBLED):
        return text
    for encoding in ("cp1252", "latin-1"):
        try:
            mended = text.encode(encoding).decode("utf-8")
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
        return mended
    return text


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).strip()


def _unreadable(reason: str) -> LabelError:
    return LabelError(
        "this is not the code of an identity card", remedy="scan the card again, or type the name and the birth date", reason=reason
    )
