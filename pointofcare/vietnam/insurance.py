"""The health insurance card (thẻ BHYT) in its three forms: 15 characters, the 10-digit insurance number, the identity card's 12 digits.

Read from what was typed or from the card's QR code; the address on it is dropped. Whether somebody is insured is not decided here: a
card says what is printed on it, and only the insurer knows what holds.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pointofcare.vietnam.fault import CodeError

_OLD = re.compile(r"[A-Z]{2}[1-5][0-9]{2}[0-9]{10}", re.ASCII)
_DAY = re.compile(r"([0-9]{2})/?([0-9]{2})/?([0-9]{4})", re.ASCII)
_FACILITY = re.compile(r"[0-9]{2}-?[0-9A-Z]{3}", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+", re.ASCII)
_SEXES = {"1": "male", "2": "female"}
_LONGEST = 2000
_FEWEST = 7


class Form(StrEnum):
    CARD = "card"  # two letters, level, province, insurance number
    NUMBER = "number"  # the insurance number alone, cards since 01/04/2021
    NATIONAL_ID = "national-id"  # the identity card in place of it, since 15/08/2025


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """`number` as it goes into a claim. The rest None: not on what was read. `facility` is the first place of care (MA_DKBD)."""

    number: str
    form: Form
    name: str | None = None
    birth_date: date | None = None
    sex: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    facility: str | None = None

    @property
    def insurance_number(self) -> str | None:
        """The ten digits that a person keeps for life; None: the identity card's number does not say them."""
        return None if self.form is Form.NATIONAL_ID else self.number[-10:]

    @property
    def holder_kind(self) -> str | None:
        """The two letters of the kind of holder, such as DN."""
        return self.number[:2] if self.form is Form.CARD else None

    @property
    def benefit_level(self) -> int | None:
        return int(self.number[2]) if self.form is Form.CARD else None

    @property
    def province(self) -> str | None:
        return self.number[3:5] if self.form is Form.CARD else None


def number(text: str) -> tuple[str, Form]:
    """The number of a card as typed, blanks and hyphens dropped. Raises: CodeError: empty, characters, letters, level, length."""
    plain = "".join(unicodedata.normalize("NFKC", text).split()).replace("-", "").replace(".", "").upper()
    if not plain:
        raise CodeError("empty")
    if not plain.isascii() or not plain.isalnum():
        raise CodeError("characters")
    if plain.isdigit() and len(plain) in (10, 12):
        return plain, Form.NUMBER if len(plain) == 10 else Form.NATIONAL_ID
    if _OLD.fullmatch(plain):
        return plain, Form.CARD
    if len(plain) != 15:
        raise CodeError("length", length=len(plain))
    if not plain[:2].isalpha() or not plain[2:].isdigit():
        raise CodeError("letters")
    raise CodeError("level", level=plain[2])


def looks_like_code(text: str) -> bool:
    """Is it the QR code of an insurance card rather than that of an identity card? It begins with a card's number and a name in hex."""
    fields = text.strip().lstrip("\ufeff").split("|")
    return len(fields) >= _FEWEST and len(fields[0].strip()) in (10, 15) and _HEX.fullmatch(fields[1].strip() or "-") is not None


def parse(text: str) -> Card:
    """A typed number, or the card's QR code. Raises: CodeError: as `number`, and too-long, fields, name, day, validity."""
    if len(text) > _LONGEST:
        raise CodeError("too-long")
    plain = text.strip().lstrip("\ufeff").replace("\r", "").replace("\n", "")
    if "|" not in plain:
        value, form = number(plain)
        return Card(number=value, form=form)
    fields = [field.strip() for field in plain.split("|")]
    if len(fields) < _FEWEST:
        raise CodeError("fields")
    value, form = number(fields[0])
    # fields[4] is the address: it is not looked at.
    begins, ends = _day(fields[6]), _day(fields[7]) if len(fields) > 7 else None
    if begins is not None and ends is not None and ends < begins:
        raise CodeError("validity")
    return Card(
        number=value,
        form=form,
        name=_name(fields[1]),
        birth_date=_day(fields[2], needed=True),
        sex=_SEXES.get(fields[3]),
        valid_from=begins,
        valid_to=ends,
        facility=_facility(fields[5]),
    )


def facility(text: str) -> str:
    """Five characters, with or without the hyphen of the card. Raises: CodeError "facility"."""
    found = _facility(text.strip().upper())
    if found is None:
        raise CodeError("facility")
    return found


def _facility(text: str) -> str | None:
    return text.replace("-", "") if _FACILITY.fullmatch(text) else None


def _name(field: str) -> str:
    if not _HEX.fullmatch(field):
        raise CodeError("name")
    try:
        name = " ".join(bytes.fromhex(field).decode("utf-8").split())
    except (UnicodeDecodeError, ValueError):
        raise CodeError("name") from None
    letters = [sign for sign in name if sign.isalpha()]
    if not letters or len(name) > 100 or any(not (sign.isalpha() or sign in " .'-" or unicodedata.combining(sign)) for sign in name):
        raise CodeError("name")
    return unicodedata.normalize("NFC", name).upper()


def _day(field: str, *, needed: bool = False) -> date | None:
    """A year alone, or an empty field, is a day that is not known."""
    found = _DAY.fullmatch(field)
    if found is None:
        if needed and not (field == "" or (len(field) == 4 and field.isascii() and field.isdigit())):
            raise CodeError("day")
        return None
    try:
        return date(int(found[3]), int(found[2]), int(found[1]))
    except ValueError:
        raise CodeError("day") from None
