"""Codes of places, people and prescriptions: facility, ward, bed, licence to practise, kind of stay, national prescription code.

Each function gives the code as it goes into a message, or says why it is none. That a code has the right shape does not say that it was
ever issued.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from pointofcare.vietnam import lists
from pointofcare.vietnam.fault import CodeError

_PRESCRIPTION = re.compile(r"([0-9A-Za-z]{5})([0-9a-z]{7})-([NHCTnhct])", re.ASCII)
_BED = re.compile(r"[HTCK][0-9]{3}", re.ASCII)
# One licence, or several joined by ";". No fixed form is established, so only what cannot be one is refused.
_LICENCE = re.compile(r"[0-9A-ZĐ][0-9A-ZĐ./-]{3,49}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prescription:
    """`facility` is the prescription system's code of the place, `kind` a word of the list "prescription-kinds"."""

    code: str
    facility: str
    kind: str


def prescription(text: str, day: date) -> Prescription:
    """A code of the national prescription system (mã đơn thuốc), such as 01CXUpzrizjk-c. Raises: CodeError: empty, length, shape."""
    plain = "".join(text.split())
    if not plain:
        raise CodeError("empty")
    found = _PRESCRIPTION.fullmatch(plain)
    if found is None:
        raise CodeError("shape" if len(plain) == 14 else "length", length=len(plain))
    letter = found[3].upper()
    kind = next(str(row["name"]) for row in lists.on("prescription-kinds", day).rows if row["code"] == letter)
    return Prescription(code=plain, facility=found[1], kind=kind)


def facility(text: str, day: date) -> str:
    """MA_CSKCB as claims write it. Raises: CodeError."""
    return _shaped("facility-shape", text, day)


def ward(text: str, day: date) -> str:
    """MA_KHOA by the list of that day. Raises: CodeError."""
    return _shaped("ward-shape", text, day)


def bed(text: str) -> str:
    """MA_GIUONG: H, T, C or K and three digits. Raises: CodeError."""
    plain = _plain(text)
    if not _BED.fullmatch(plain):
        raise CodeError("shape", example="H001")
    return plain


def licence(text: str) -> str:
    """The number of a licence to practise (CCHN, GPHN). Raises: CodeError."""
    plain = _plain(text)
    if not _LICENCE.fullmatch(plain) or not any(sign.isdigit() for sign in plain):
        raise CodeError("shape", example="000123/QNI-CCHN")
    return plain


def stay_kind(text: str, day: date) -> str:
    """MA_LOAI_KCB; a zero that a spreadsheet ate is a fault, not put back. Raises: CodeError."""
    plain = _plain(text)
    known = [str(row["code"]) for row in lists.on("stay-kinds", day).rows]
    if plain not in known:
        raise CodeError("not-listed", example=", ".join(known))
    return plain


def _shaped(name: str, text: str, day: date) -> str:
    plain = _plain(text)
    rows = lists.on(name, day).rows
    if not any(re.fullmatch(row["shape"], plain, re.ASCII) for row in rows):
        raise CodeError("shape" if plain else "empty", example=str(rows[0]["example"]))
    return plain


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", text).split()).upper()
