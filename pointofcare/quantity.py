"""Exact amounts with UCUM units.

Decimal arithmetic only. Units convert within one dimension; international units, U, mmol, meq and counted things ("{tablet}")
never convert to mass, and mass converts to volume only through a product's own concentration, which is not done here (rule Q1).
Source of the unit codes: UCUM, case sensitive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from pointofcare.errors import QuantityError

# UCUM atom -> (base atom of its dimension, factor to it). Each base is its own dimension, so nothing crosses by accident.
_ATOMS: dict[str, tuple[str, Decimal]] = {
    "kg": ("g", Decimal("1000")),
    "g": ("g", Decimal("1")),
    "mg": ("g", Decimal("0.001")),
    "ug": ("g", Decimal("0.000001")),
    "ng": ("g", Decimal("0.000000001")),
    "L": ("L", Decimal("1")),
    "dL": ("L", Decimal("0.1")),
    "mL": ("L", Decimal("0.001")),
    "uL": ("L", Decimal("0.000001")),
    "mol": ("mol", Decimal("1")),
    "mmol": ("mol", Decimal("0.001")),
    "umol": ("mol", Decimal("0.000001")),
    "eq": ("eq", Decimal("1")),
    "meq": ("eq", Decimal("0.001")),
    "[IU]": ("[IU]", Decimal("1")),
    "U": ("U", Decimal("1")),
    "d": ("s", Decimal("86400")),
    "h": ("s", Decimal("3600")),
    "min": ("s", Decimal("60")),
    "s": ("s", Decimal("1")),
    "m2": ("m2", Decimal("1")),
    "cm": ("m", Decimal("0.01")),
    "mm[Hg]": ("mm[Hg]", Decimal("1")),
    "Cel": ("Cel", Decimal("1")),
    "%": ("%", Decimal("1")),
    "1": ("1", Decimal("1")),
    "{score}": ("1", Decimal("1")),
    "[drp]": ("[drp]", Decimal("1")),
}
_COUNTED = ("tablet", "capsule", "puff", "ampoule", "vial", "patch", "sachet", "suppository", "drop", "dose", "spray", "bag", "unit")
_ATOMS |= {f"{{{name}}}": (f"{{{name}}}", Decimal("1")) for name in _COUNTED}

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,9})?", re.ASCII)

Dimension = tuple[tuple[str, int], ...]


@lru_cache(maxsize=1024)
def _dimension(unit: str) -> tuple[Dimension, Decimal]:
    """`unit` as (sorted base atoms with exponents, factor to them). Raises: QuantityError."""
    exponents: dict[str, int] = {}
    factor = Decimal(1)
    for place, atom in enumerate(unit.split("/")):
        if atom == "" and place == 0 and "/" in unit:  # "/min": one per minute
            continue
        if atom not in _ATOMS:
            raise QuantityError(
                f"unit {unit!r} is not understood", remedy="use a UCUM unit such as mg, mL, [IU], mmol, mL/h", unit=unit
            )
        base, scale = _ATOMS[atom]
        sign = 1 if place == 0 else -1
        exponents[base] = exponents.get(base, 0) + sign
        factor = factor * scale if sign > 0 else factor / scale
    return tuple(sorted((base, power) for base, power in exponents.items() if power)), factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A decimal and a UCUM unit: `Quantity.parse("500 mg")`. Equality is of the same number and the same unit as written;
    `same_as` compares amounts. Ordering needs units of one dimension. Raises: QuantityError."""

    value: Decimal
    unit: str

    def __post_init__(self) -> None:
        if not isinstance(self.value, Decimal) or not self.value.is_finite():
            raise QuantityError(f"{self.value!r} is not a finite decimal", remedy="write a plain decimal number", value=self.value)
        _dimension(self.unit)

    @classmethod
    def parse(cls, text: str) -> Quantity:
        """"0.5 mg" -> Quantity. One space; no thousands separator, no exponent, no leading plus. Raises: QuantityError."""
        number, space, unit = text.partition(" ")
        if not space or not _NUMBER.fullmatch(number):
            raise QuantityError(
                f"{text!r} is not an amount", remedy='write a decimal number, one space and a unit, such as "500 mg"', text=text
            )
        try:
            return cls(value=Decimal(number), unit=unit)
        except InvalidOperation as exc:  # pragma: no cover - the pattern admits only decimals
            raise QuantityError(f"{text!r} is not an amount", text=text) from exc

    def __str__(self) -> str:
        """As ISMP asks: no trailing zero, a leading zero, never an exponent."""
        return f"{self.number} {self.unit}"

    @property
    def number(self) -> str:
        text = format(self.value, "f")
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        return "0" if text in ("-0", "") else text

    @property
    def dimension(self) -> Dimension:
        return _dimension(self.unit)[0]

    def converts_to(self, unit: str) -> bool:
        """Raises QuantityError when `unit` is not understood at all."""
        return self.dimension == _dimension(unit)[0]

    def to(self, unit: str) -> Quantity:
        """The same amount in `unit`, exact. Raises: QuantityError when the dimensions differ."""
        mine, my_factor = _dimension(self.unit)
        theirs, their_factor = _dimension(unit)
        if mine != theirs:
            raise QuantityError(
                f"{self.unit} does not convert to {unit}", remedy="use units of one kind", unit=self.unit, wanted=unit
            )
        if self.unit == unit:
            return self
        return Quantity(value=self.value * my_factor / their_factor, unit=unit)

    def same_as(self, other: Quantity) -> bool:
        return self.converts_to(other.unit) and self._base() == other._base()

    def _base(self) -> Decimal:
        return self.value * _dimension(self.unit)[1]

    def _compared(self, other: Quantity) -> tuple[Decimal, Decimal]:
        if not self.converts_to(other.unit):
            raise QuantityError(
                f"{self.unit} and {other.unit} do not compare", remedy="use units of one kind", unit=self.unit, other=other.unit
            )
        return self._base(), other._base()

    def __lt__(self, other: Quantity) -> bool:
        mine, theirs = self._compared(other)
        return mine < theirs

    def __le__(self, other: Quantity) -> bool:
        mine, theirs = self._compared(other)
        return mine <= theirs

    def __gt__(self, other: Quantity) -> bool:
        mine, theirs = self._compared(other)
        return mine > theirs

    def __ge__(self, other: Quantity) -> bool:
        mine, theirs = self._compared(other)
        return mine >= theirs

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(value=self.value + other.to(self.unit).value, unit=self.unit)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(value=self.value - other.to(self.unit).value, unit=self.unit)

    def times(self, number: Decimal | int) -> Quantity:
        return Quantity(value=self.value * number, unit=self.unit)

    def per(self, other: Quantity) -> Decimal:
        """How many `other` go into this amount. Raises: QuantityError when `other` is zero or of another dimension."""
        mine, theirs = self._compared(other)
        if theirs == 0:
            raise QuantityError("an amount cannot be divided by zero", remedy="give an amount above zero")
        return mine / theirs
