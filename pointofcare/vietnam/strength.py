"""HAM_LUONG as hospitals write it ("500mg", "1g/100ml", "40mg/0,4ml", "250mg + 31,25mg") as amounts of each ingredient in one unit.

Computes only what stands there. A strength per mL without the volume of the unit, a percentage, a number that can be read in two ways
and a count of amounts that is not that of the ingredients are left to a person, by name.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from pointofcare.errors import QuantityError
from pointofcare.quantity import Quantity, typed
from pointofcare.vietnam.fault import CodeError

_UNITS = {
    "kg": "kg", "g": "g", "gam": "g", "gram": "g", "mg": "mg", "mcg": "ug", "µg": "ug", "μg": "ug", "ug": "ug", "ng": "ng",
    "iu": "[IU]", "ui": "[IU]", "đvqt": "[IU]", "mmol": "mmol", "meq": "meq", "ml": "mL", "l": "L", "lít": "L",
}  # fmt: skip
_NUMBER = r"([0-9][0-9.,]*)"
_AMOUNT = re.compile(rf"{_NUMBER}\s*([a-zµμđít]+)", re.IGNORECASE)
_PER = re.compile(rf"(?:{_NUMBER}\s*)?(ml|l|lít)", re.IGNORECASE)
# "250mg/5ml; 60ml" and "250mg/5ml x 60ml": a strength, and how much the unit holds.
_HOLDS = re.compile(rf"^(?P<what>.+?)\s*(?:;|,\s(?=[0-9])|\bx\b|×)\s*(?P<volume>{_NUMBER}\s*(?:ml|l|lít))$", re.IGNORECASE)
# What is given whole: the volume that stands there is the unit's.
_WHOLE = frozenset(
    {"ống", "bơm tiêm", "bút tiêm", "gói", "túi", "chai", "lọ", "lọ/ống", "ống/lọ", "bịch", "bơm tiêm đóng sẵn", "bơm tiêm đóng sẵn thuốc"}
)
_ORAL_BOTTLE = frozenset({"chai", "lọ", "bình", "bịch"})
_COUNTED = frozenset({"viên", "gói", "miếng", "miếng dán", "viên nang", "viên nén", "viên đạn"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """`amounts` as many as there are ingredients, each in one unit (tablet, ampoule, bottle). `volume` of the unit, None: it has none."""

    amounts: tuple[Quantity, ...]
    volume: Quantity | None = None


def ingredients(text: str) -> tuple[str, ...]:
    """The names of TEN_HOAT_CHAT: parted by "+", ";" or a comma that no number follows."""
    plain = unicodedata.normalize("NFC", text)
    return tuple(name for name in (" ".join(part.split()) for part in re.split(r"\+|;|,(?!\s*[0-9])", plain)) if name)


def parse(text: str, *, names: int, unit: str, injected: bool) -> Strength:
    """`names`: how many ingredients there are; `unit`: DON_VI_TINH; `injected`: into a body, where a bottle is given from whole.

    Raises: CodeError: empty, percent, two-readings, unit, per-volume, whole-bottle, unit-of-use, number-of-parts,
    not-understood, zero."""
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    if not plain:
        raise CodeError("empty")
    if "%" in plain:
        raise CodeError("percent")
    holds = _HOLDS.match(plain)
    total = None
    if holds is not None and "/" in holds["what"]:
        plain, total = holds["what"].strip(), _quantity(*_parts(holds["volume"]))
    pieces = _pieces(plain, names)
    amounts, volume = [], None
    for place, piece in enumerate(pieces):
        over, slash, under = piece.partition("/")
        amounts.append(_quantity(*_parts(over)))
        if not slash:
            continue
        per = _PER.fullmatch(under.strip())
        if per is None:
            raise CodeError("not-understood")
        if place != len(pieces) - 1 and "/" not in pieces[-1]:
            raise CodeError("not-understood")
        of = _quantity(per[1] or "1", per[2])
        if volume is not None and not volume.same_as(of):
            raise CodeError("not-understood")
        volume = of
        if total is None and per[1] is None:
            raise CodeError("per-volume")
    if any(not amount.converts_to("g") and amount.unit not in ("[IU]", "mmol", "meq") for amount in amounts):
        raise CodeError("not-understood")
    kind = unicodedata.normalize("NFC", unit).strip().lower()
    if kind not in _WHOLE | _COUNTED:
        # "5 g" of a tube is the tube and not what is in it.
        raise CodeError("unit-of-use", unit=unit[:20])
    if volume is None:
        if kind in _ORAL_BOTTLE and not injected:
            raise CodeError("whole-bottle")
        return Strength(amounts=tuple(amounts))
    if total is not None:
        share = Fraction(total.exact()) / volume.exact()
        return Strength(amounts=tuple(_scaled(amount, share) for amount in amounts), volume=total)
    if kind not in _WHOLE or (not injected and kind in _ORAL_BOTTLE):
        raise CodeError("whole-bottle")
    return Strength(amounts=tuple(amounts), volume=volume)


def is_counted(unit: str) -> bool:
    """A tablet or its like, of which one is one."""
    return unicodedata.normalize("NFC", unit).strip().lower() in _COUNTED


def _pieces(text: str, names: int) -> list[str]:
    """One piece for each ingredient; "(250mg + 31,25mg)/5ml" gives each the volume."""
    shared = re.fullmatch(r"\((.+)\)\s*/\s*(.+)", text)
    tail = f"/{shared[2]}" if shared is not None else ""
    inner = shared[1] if shared is not None else text
    pieces = [piece.strip() for piece in re.split(r"\+|;", inner)]
    if len(pieces) == 1 and names > 1:
        # "500mg/125mg": two amounts of mass, and as many ingredients.
        parts = [part.strip() for part in inner.split("/")]
        if len(parts) == names and not any(_PER.fullmatch(part) for part in parts):
            pieces = parts
    if len(pieces) != names:
        raise CodeError("number-of-parts", parts=len(pieces), names=names)
    if shared is None and len(pieces) > 1 and "/" in pieces[-1] and not any("/" in piece for piece in pieces[:-1]):
        # "250mg + 62,5mg/5ml" may mean both or the last one alone.
        raise CodeError("two-readings")
    return [piece + tail for piece in pieces]


def _parts(text: str) -> tuple[str, str]:
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise CodeError("not-understood")
    return found[1], found[2]


def _quantity(number: str, unit: str) -> Quantity:
    known = _UNITS.get(unit.lower())
    if known is None:
        raise CodeError("unit", unit=unit[:20])
    try:
        amount = Quantity(value=Decimal(typed(number)), unit=known)
    except QuantityError as exc:
        raise CodeError("two-readings" if exc.fields.get("why") == "ambiguous" else "not-understood") from None
    if amount.value <= 0:
        raise CodeError("zero")
    return amount


def _scaled(amount: Quantity, share: Fraction) -> Quantity:
    whole = Fraction(amount.value) * share
    value = Decimal(whole.numerator) / Decimal(whole.denominator)
    if Fraction(value) != whole:
        raise CodeError("not-understood")
    return Quantity(value=value, unit=amount.unit)
