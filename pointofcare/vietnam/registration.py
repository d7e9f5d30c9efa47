"""The registration number of a drug (số đăng ký, SĐK): twelve digits since TT 08/2022, letters and hyphens before; and MA_THUOC.

Both are text: a leading zero and a last zero belong to the code ("40.10" is another drug than "40.1"). The class of control that the
sixth digit names is what the number says; an old number, or a digit that is not listed, says nothing, which is never "not controlled".
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pointofcare.products import Controlled
from pointofcare.vietnam import lists
from pointofcare.vietnam.fault import CodeError

VIETNAM = "893"
_NEW = re.compile(r"[0-9]{12}", re.ASCII)
_IMPORT_LICENCE = re.compile(r"[0-9]{1,6}/QLD-KD", re.ASCII)
# Substances and mixtures: "40.573", "40.17+40.33", "05C.12", blood "BT.KT"; blanks never.
_MEDICINE = re.compile(r"[0-9A-Z]{1,8}(?:\.[0-9A-Z]{1,8})*(?:\+[0-9A-Z]{1,8}(?:\.[0-9A-Z]{1,8})*)*", re.ASCII)
_KNOWN = {
    "none": Controlled.NONE,
    "narcotic": Controlled.NARCOTIC,
    "psychotropic": Controlled.PSYCHOTROPIC,
    "precursor": Controlled.PRECURSOR,
}


class Kind(StrEnum):
    NEW = "new"
    OLD = "old"
    IMPORT_LICENCE = "import-licence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """`control` is the word of the list ("none", "narcotic", "poison" ...), None: the number does not say. `year` is of two digits."""

    number: str
    kind: Kind
    country: str | None = None
    group: str | None = None
    needs_prescription: bool | None = None
    control: str | None = None
    year: int | None = None

    @property
    def controlled(self) -> Controlled | None:
        """As the formulary knows it; None: the number does not say, or names a class that the formulary has no word for."""
        return _KNOWN.get(self.control or "")


def parse(text: str, day: date) -> Registration:
    """Raises: CodeError: empty, digits (a number of a wrong length), prefix."""
    plain = "".join(unicodedata.normalize("NFC", text).split()).upper()
    if not plain:
        raise CodeError("empty")
    if _NEW.fullmatch(plain):
        return Registration(
            number=plain,
            kind=Kind.NEW,
            country=plain[:3],
            group=_word("registration-group", plain[3], day),
            needs_prescription={"0": False, "1": True}.get(plain[4]),
            control=_word("registration-control", plain[5], day),
            year=int(plain[10:]),
        )
    if plain.isdigit():
        raise CodeError("digits", length=len(plain))
    if _IMPORT_LICENCE.fullmatch(plain):
        return Registration(number=plain, kind=Kind.IMPORT_LICENCE)
    if not any(plain.startswith(row["prefix"]) for row in lists.on("registration-old", day).rows) or len(plain) > 30:
        raise CodeError("prefix")
    return Registration(number=plain, kind=Kind.OLD)


def medicine(text: str) -> str:
    """MA_THUOC as it was written, without blanks. Raises: CodeError: empty, characters."""
    plain = "".join(unicodedata.normalize("NFC", text).split()).upper()
    if not plain:
        raise CodeError("empty")
    if len(plain) > 255 or not _MEDICINE.fullmatch(plain):
        raise CodeError("characters")
    return plain


def _word(name: str, code: str, day: date) -> str | None:
    return next((str(row["name"]) for row in lists.on(name, day).rows if row["code"] == code), None)
