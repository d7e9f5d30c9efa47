"""EAN and UPC numbers as the trade item's number of fourteen digits, by the format that the reader told and never by their length.

Eight digits may be a right EAN-8 and a right UPC-E at once, of two different things: only the symbology says which. Source: GS1 General
Specifications 3.3.2 and 5.2.2. Must never make up a check digit, nor drop one.
"""

from __future__ import annotations

from pointofcare.errors import LabelError
from pointofcare.labels import gs1

LENGTHS = {"EAN13": 13, "UPCA": 12, "EAN8": 8, "UPCE": 8, "ITF14": 14}

OTHER = "other"  # a symbology or a length that carries no such number


def gtin14(digits: str, format_: str) -> str:
    """`format_` as a reader tells it: "EAN13", "UPCA", "EAN8", "UPCE" (its eight printed digits) or "ITF14".

    Raises: LabelError with `reason`: length (of no such format too), charset, check-digit."""
    if len(digits) != LENGTHS.get(format_):
        raise _refused("length")
    if not (digits.isascii() and digits.isdigit()):
        raise _refused("charset")
    whole = (_expanded(digits) if format_ == "UPCE" else digits).zfill(14)
    if not gs1.is_valid_key(whole):
        raise _refused("check-digit")
    return whole


def _expanded(digits: str) -> str:
    """The twelve digits of the UPC-A that eight of a UPC-E stand for: number system, six digits, check digit."""
    system, body, check = digits[0], digits[1:7], digits[7]
    if system not in "01":
        raise _refused("check-digit")
    last = body[5]
    if last in "012":
        middle = body[:2] + last + "0000" + body[2:5]
    elif last == "3":
        middle = body[:3] + "00000" + body[3:5]
    elif last == "4":
        middle = body[:4] + "00000" + body[4]
    else:
        middle = body[:5] + "0000" + last
    return system + middle + check


def _refused(reason: str) -> LabelError:
    return LabelError("this is no trade item's number", remedy="scan another code of the pack", reason=reason)
