"""HIBC labels of suppliers (ANSI/HIBC 2): what a code that begins with "+" says about a product and its lot, read strictly.

A primary code is "+", the labeler (LIC, a letter and three characters), the product (1 to 18), the unit of measure (a digit) and the check
character (modulo 43 over all before it). A secondary code holds date, lot, quantity and serial number, either behind a "/" in the same
symbol or in a symbol of its own, which ends with the primary's check character as its link. It never repairs and never guesses: a code
that breaks the grammar anywhere is refused whole. It names a product, never a trade item's GTIN, and never a patient.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date, time, timedelta

from pointofcare.errors import LabelError
from pointofcare.labels import gs1

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"
FLAG = "+"
LONGEST = 120  # of a primary and secondary with all supplements

_PRIMARY = re.compile(r"([A-Z][A-Z0-9]{3})([A-Z0-9]{1,18})([0-9])", re.ASCII)
_LOT = re.compile(r"[A-Z0-9]{0,18}", re.ASCII)
_SERIAL = re.compile(r"[A-Z0-9]{1,18}", re.ASCII)
_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_LENGTHS = {"2": 6, "3": 6, "4": 8, "5": 5, "6": 7}  # of the date behind its flag
_QUANTITIES = {"8": 2, "9": 5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Secondary:
    """Date, lot, quantity and serial number. `expiry` is the last day on which it may be used, and `expiry_time` the wall clock time on
    that day from which it may not; None: the whole day. `quantity` in units of measure."""

    lot: str | None = None
    expiry: date | None = None
    expiry_time: time | None = None
    quantity: int | None = None
    serial: str | None = None
    manufactured: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hibc:
    """One symbol. `labeler`, `product` and `unit` ("0": each) are "" in a secondary symbol alone, which has a `link` instead: the check
    character of the primary that it belongs to. `check` is the symbol's own."""

    labeler: str = ""
    product: str = ""
    unit: str = ""
    secondary: Secondary | None = None
    link: str = ""
    check: str

    @property
    def code(self) -> str:
        """Names the product at its level of packing; "" for a secondary symbol alone."""
        return f"{self.labeler}{self.product}{self.unit}"


def looks_like(text: str) -> bool:
    """Is it worth reading as HIBC? It may still be anything else that begins with the flag, such as a telephone number."""
    return len(text) > 1 and text.startswith(FLAG) and (text[1].isalpha() or text[1] == "$" or text[1].isdigit())


def check_character(body: str) -> str:
    """Of all before it, the flag included. Raises: ValueError for a character that Code 39 has not."""
    return CHARACTERS[sum(CHARACTERS.index(character) for character in body) % 43]


def is_sound(text: str) -> bool:
    """Does it begin with the flag and end with its own check character?"""
    return len(text) >= 4 and text.startswith(FLAG) and set(text) <= set(CHARACTERS) and check_character(text[:-1]) == text[-1]


def parse(data: bytes | str, today: date) -> Hibc:
    """`today` (ward date) settles two-digit years as it does for GS1.

    Raises: LabelError with `reason`: charset, too-long, flag, check-character, labeler, date, lot, quantity, serial, supplement, link,
    structure."""
    try:
        text = data if isinstance(data, str) else data.decode("ascii")
    except UnicodeDecodeError as exc:
        raise _refused("charset") from exc
    if len(text) > LONGEST:
        raise _refused("too-long")
    # Code 39 prints a star at both ends, which is no content; a reader that sends it is set up wrongly.
    if not text.startswith(FLAG):
        raise _refused("flag")
    if not set(text) <= set(CHARACTERS):
        raise _refused("charset")
    if not is_sound(text):
        raise _refused("check-character")
    body, check = text[1:-1], text[-1]
    if body[:1] == "$" or body[:1].isdigit():
        # The link is before the check character, and says nothing of its own.
        if len(body) < 2:
            raise _refused("structure")
        return Hibc(secondary=_secondary(body[:-1].split("/"), today), link=body[-1], check=check)
    first, *rest = body.split("/")
    found = _PRIMARY.fullmatch(first)
    if found is None:
        raise _refused("labeler")
    return Hibc(
        labeler=found[1], product=found[2], unit=found[3], secondary=_secondary(rest, today) if rest else None, link="", check=check
    )


def joined(primary: Hibc, secondary: Hibc) -> Hibc:
    """One statement of two symbols of one pack. Raises: LabelError (`link`, `structure`) when they are not of one."""
    if not primary.code or primary.secondary is not None or secondary.code or secondary.secondary is None:
        raise _refused("structure")
    if secondary.link != primary.check:
        raise _refused("link")
    return replace(primary, secondary=secondary.secondary)


def _secondary(parts: list[str], today: date) -> Secondary:
    first, *supplements = parts
    if first.startswith("$$+"):
        found = _dated(first[3:], today, is_serial=True)
    elif first.startswith("$$"):
        found = _dated(first[2:], today, is_serial=False)
    elif first.startswith("$+"):
        found = Secondary(serial=_serial(first[2:]))
    elif first.startswith("$"):
        found = Secondary(lot=_lot(first[1:], needed=True))
    elif first[:1].isdigit():
        found = Secondary(expiry=_julian(first[:5], today), lot=_lot(first[5:]))
    else:
        raise _refused("structure")
    for one in supplements:
        found = _supplemented(found, one)
    return found


def _dated(text: str, today: date, *, is_serial: bool) -> Secondary:
    """What follows "$$": a quantity or none, a date by its flag or none, then the lot (or the serial number) to the end."""
    quantity = None
    if not is_serial and text[:1] in _QUANTITIES:
        length = _QUANTITIES[text[0]]
        digits = text[1 : 1 + length]
        if len(digits) != length or not _DIGITS.fullmatch(digits):
            raise _refused("quantity")
        quantity, text = int(digits), text[1 + length :]
        if not text:
            return Secondary(quantity=quantity)
    day, moment, rest = _date_by_flag(text, today)
    if is_serial:
        return Secondary(expiry=day, expiry_time=moment, serial=_serial(rest))
    return Secondary(expiry=day, expiry_time=moment, lot=_lot(rest, needed=day is None), quantity=quantity)


def _date_by_flag(text: str, today: date) -> tuple[date | None, time | None, str]:
    """(day, hour, rest). 0 and 1 are the first digit of MMYY; 2 MMDDYY, 3 YYMMDD, 4 YYMMDDHH, 5 YYJJJ, 6 YYJJJHH, 7 no date."""
    flag = text[:1]
    if flag in {"0", "1"} and flag:
        digits = text[:4]
        return _day(digits[2:] + digits[:2] + "00", len(digits) == 4, today, month=True), None, text[4:]
    if flag == "7":
        return None, None, text[1:]
    length = _LENGTHS.get(flag)
    if length is None:
        raise _refused("date")
    digits, rest = text[1 : 1 + length], text[1 + length :]
    if len(digits) != length or not _DIGITS.fullmatch(digits):
        raise _refused("date")
    if flag in {"5", "6"}:
        day = _julian(digits[:5], today)
    else:
        day = _day(digits[4:] + digits[:4] if flag == "2" else digits[:6], True, today)
    hours = digits[6:] if flag == "4" else digits[5:] if flag == "6" else ""
    if hours and int(hours) > 23:
        raise _refused("date")
    return day, time(int(hours)) if hours else None, rest


def _day(yymmdd: str, whole: bool, today: date, *, month: bool = False) -> date:
    day = gs1.day_of(yymmdd, today, month_allowed=month) if whole else None
    if day is None:
        raise _refused("date")
    return day


def _julian(yyjjj: str, today: date) -> date:
    """The day of the year, 001 to 365 or 366."""
    if len(yyjjj) != 5 or not _DIGITS.fullmatch(yyjjj):
        raise _refused("date")
    new_year = _day(f"{yyjjj[:2]}0101", True, today)
    number = int(yyjjj[2:])
    if not 1 <= number <= 365 + (monthrange(new_year.year, 2)[1] == 29):
        raise _refused("date")
    return new_year + timedelta(days=number - 1)


def _supplemented(found: Secondary, text: str) -> Secondary:
    """14D expiry and 16D production as YYYYMMDD, S serial number, Q quantity; none twice, and none against what was said before."""
    if text[:3] in {"14D", "16D"}:
        digits = text[3:]
        try:
            day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) if len(digits) == 8 and _DIGITS.fullmatch(digits) else None
        except ValueError:
            day = None
        if day is None:
            raise _refused("date")
        if text.startswith("16D"):
            return _once(found.manufactured, replace(found, manufactured=day))
        if found.expiry not in (None, day):
            raise _refused("date")
        return replace(found, expiry=day)
    if text[:1] == "S":
        return _once(found.serial, replace(found, serial=_serial(text[1:])))
    if text[:1] == "Q" and _DIGITS.fullmatch(text[1:]) and len(text) <= 6:
        return _once(found.quantity, replace(found, quantity=int(text[1:])))
    raise _refused("supplement")


def _once(before: object, after: Secondary) -> Secondary:
    if before is not None:
        raise _refused("supplement")
    return after


def _lot(text: str, *, needed: bool = False) -> str | None:
    if not _LOT.fullmatch(text) or (needed and not text):
        raise _refused("lot")
    return text or None


def _serial(text: str) -> str:
    if not _SERIAL.fullmatch(text):
        raise _refused("serial")
    return text


def _refused(reason: str) -> LabelError:
    return LabelError("this HIBC code cannot be believed", remedy="scan another code of the pack, or type what is printed", reason=reason)
