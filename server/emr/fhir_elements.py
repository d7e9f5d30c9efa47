"""The small parts of FHIR R4 that the mapping is made of: codings, references by identifier, quantities, moments.

Pure. Nothing here knows what an administration is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from pointofcare.errors import QuantityError
from pointofcare.quantity import Quantity

Json = dict[str, Any]

UCUM = "http://unitsofmeasure.org"
GTIN = "https://www.gs1.org/gtin"
# HL7 v2 table 0162: the codes that our orders use and that mean the same there.
ROUTES = "http://terminology.hl7.org/CodeSystem/v2-0162"
ROUTE_CODES = frozenset({"PO", "IV", "IM", "SC", "SL", "ID", "IH", "IN", "NG", "PR", "TP", "TD", "OP", "OT", "VA"})


def coding(system: str, code: str, display: str | None = None) -> Json:
    found: Json = {"system": system}
    plain = " ".join(text(code).split())  # a FHIR code has single blanks inside and none around
    if plain:
        found["code"] = plain
    if display:
        found["display"] = display
    return found


def concept(*codings: Json, text: str | None = None) -> Json:
    found: Json = {}
    if codings:
        found["coding"] = list(codings)
    if text:
        found["text"] = text
    return found


def reference(kind: str, system: str, value: str, literal: str | None = None) -> Json:
    """A logical reference, which a peer that never saw our ids can still resolve; `literal` adds its own id where known."""
    found: Json = {"type": kind, "identifier": {"system": system, "value": value}}
    if literal:
        found["reference"] = literal
    return found


def number(value: Decimal) -> int | float:
    """A JSON number that reads back as the same decimal. Raises: QuantityError when there is none."""
    if value == value.to_integral_value():
        return int(value)
    near = float(value)
    if Decimal(repr(near)) != value:
        raise QuantityError(f"{value} has too many digits for a FHIR decimal here", value=str(value))
    return near


def quantity(amount: Quantity) -> Json:
    return {"value": number(Decimal(amount.number)), "unit": amount.unit, "system": UCUM, "code": amount.unit}


def rate(amount: Quantity) -> Json | None:
    """A `rateRatio` for an amount per time ("80 mL/h"); None when it is a plain amount."""
    over, slash, under = amount.unit.partition("/")
    if not slash or "/" in under or under not in ("h", "min", "d", "s"):
        return None
    return {
        "numerator": quantity(Quantity(value=amount.value, unit=over)),
        "denominator": {"value": 1, "unit": under, "system": UCUM, "code": under},
    }


def moment(at: datetime) -> str:
    """With milliseconds and zone: servers differ in which other spellings they refuse."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def text(raw: str) -> str:
    """Fit for a FHIR string, which holds no control characters and no blanks but the plain ones: GS and its like become their visible
    picture (U+241D), a no-break space and its like a space."""
    plain = (" " if c.isspace() and c not in "\t\r\n" and ord(c) > 0x1F else c for c in raw)
    return "".join(chr(0x2400 + ord(c)) if ord(c) < 0x20 and c not in "\t\r\n" else c for c in plain)


def search(system: str, value: str) -> str:
    """`system|value` for a query string; "+", "&" and blanks inside are encoded, or they would change what is searched."""
    return quote(f"{system}|{value}", safe=":/|")
