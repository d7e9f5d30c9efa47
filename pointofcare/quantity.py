"""Exact amounts with UCUM units.

Decimal arithmetic only. Units convert within one dimension; international units, U, mmol, meq and counted things ("{tablet}")
never convert to mass, and mass converts to volume only through a product's own concentration, which is not done here (rule Q1).
Nothing cancels: "mg/kg" is an amount per body weight, not a number, and never compares with "mL/L" or "%". Comparing, adding and
scaling are exact whatever the decimal context; only a result without an end ("1 mL/h" in mL/min) is rounded, to 28 digits.
Source of the unit codes: UCUM, case sensitive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
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

_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,9})?", re.ASCII)

# As a person types a number: a comma or a point, either of which some languages read as thousands.
_TYPED = re.compile(r"([0-9]+)(?:[.,]([0-9]+))?", re.ASCII)
_TWO_WAYS = re.compile(r"[1-9][0-9]{0,2}(?:[.,][0-9]{3})+|[0-9]+(?:[.,][0-9]+){2,}", re.ASCII)

_MOST_ATOMS = 4
_ROUNDING = Context(prec=28)
_MOST_DIGITS = 60

Dimension = tuple[tuple[str, int], ...]


@lru_cache(maxsize=1024)
def _dimension(unit: str) -> tuple[Dimension, Fraction]:
    """`unit` as (sorted base atoms, each with 1 above or -1 below the line, factor to them). Raises: QuantityError."""
    atoms = unit.split("/", _MOST_ATOMS - 1)
    dimension: list[tuple[str, int]] = []
    factor = Fraction(1)
    for place, atom in enumerate(atoms):
        if atom == "" and place == 0 and len(atoms) > 1:  # "/min": one per minute
            continue
        if atom not in _ATOMS:
            raise QuantityError(
                f"unit {unit[:40]!r} is not understood", remedy="use a UCUM unit such as mg, mL, [IU], mmol, mL/h", unit=unit
            )
        base, scale = _ATOMS[atom]
        dimension.append((base, 1 if place == 0 else -1))
        factor = factor * Fraction(scale) if place == 0 else factor / Fraction(scale)
    return tuple(sorted(dimension)), factor


def _decimal(number: Fraction) -> Decimal:
    """The same number if it has an end in decimal, otherwise rounded to 28 digits."""
    rest, places = number.denominator, 0
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest //= prime
            count += 1
        places = max(places, count)
    if rest != 1:
        return _ROUNDING.divide(Decimal(number.numerator), Decimal(number.denominator))
    sign, digits, _ = Decimal(number.numerator * 10**places // number.denominator).as_tuple()
    return Decimal((sign, digits, -places))


def typed(text: str) -> str:
    """A number as a person types it, with a comma or a point, in the form that `Quantity.parse` reads: "2,5" -> "2.5".

    What could be thousands or a fraction ("1.000", "1,000", "1.000,5") is never guessed.
    Raises: QuantityError with `why`, "ambiguous" or "number"."""
    number = text.strip()
    if _TWO_WAYS.fullmatch(number):
        raise QuantityError(
            f"{number[:40]!r} can be read in two ways", remedy="write a thousand without a sign, a fraction with other than three digits",
            why="ambiguous", text=number[:40],
        )  # fmt: skip
    found = _TYPED.fullmatch(number)
    if found is None:
        raise QuantityError(f"{text[:40]!r} is no number", remedy="write the number alone", why="number", text=number[:40])
    return found[1] if found[2] is None else f"{found[1]}.{found[2]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A decimal and a UCUM unit: `Quantity.parse("500 mg")`. Equality is of the same number and the same unit as written;
    `same_as` compares amounts. Ordering needs units of one dimension. Raises: QuantityError."""

    value: Decimal
    unit: str

    def __post_init__(self) -> None:
        if not isinstance(self.value, Decimal) or not self.value.is_finite() or abs(self.value.adjusted()) > _MOST_DIGITS:
            raise QuantityError(f"{self.value!r} is not a finite decimal", remedy="write a plain decimal number", value=self.value)
        _dimension(self.unit)

    @classmethod
    def parse(cls, text: str) -> Quantity:
        """ "0.5 mg" -> Quantity. One space; no thousands separator, no exponent, no sign: an amount from outside is never below
        zero, only a difference of two amounts may be. Raises: QuantityError."""
        number, space, unit = text.partition(" ")
        if not space or not _NUMBER.fullmatch(number):
            raise QuantityError(
                f"{text[:40]!r} is not an amount", remedy='write a decimal number, one space and a unit, such as "500 mg"', text=text
            )
        return cls(value=Decimal(number), unit=unit)

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
        """The same amount in `unit`. Raises: QuantityError when the dimensions differ."""
        mine, my_factor = _dimension(self.unit)
        theirs, their_factor = _dimension(unit)
        if mine != theirs:
            raise QuantityError(f"{self.unit} does not convert to {unit}", remedy="use units of one kind", unit=self.unit, wanted=unit)
        if self.unit == unit:
            return self
        return Quantity(value=_decimal(Fraction(self.value) * my_factor / their_factor), unit=unit)

    def same_as(self, other: Quantity) -> bool:
        return self.converts_to(other.unit) and self._base() == other._base()

    def exact(self) -> Fraction:
        """The amount as an exact fraction, in the base unit of its dimension (g, L, mol, s ...). For dose arithmetic, where
        a drawn volume times a strength must compare without rounding."""
        return Fraction(self.value) * Fraction(_dimension(self.unit)[1])

    def _base(self) -> Fraction:
        return Fraction(self.value) * _dimension(self.unit)[1]

    def _in_base(self, base: Fraction) -> Quantity:
        return Quantity(value=_decimal(base / _dimension(self.unit)[1]), unit=self.unit)

    def _compared(self, other: Quantity) -> tuple[Fraction, Fraction]:
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
        mine, theirs = self._compared(other)
        return self._in_base(mine + theirs)

    def __sub__(self, other: Quantity) -> Quantity:
        """May be below zero. Raises: QuantityError."""
        mine, theirs = self._compared(other)
        return self._in_base(mine - theirs)

    def times(self, number: Decimal | int) -> Quantity:
        """Raises: QuantityError when `number` is not finite."""
        if not Decimal(number).is_finite():
            raise QuantityError(f"an amount cannot be multiplied by {number}", remedy="give a plain decimal number")
        return Quantity(value=_decimal(Fraction(self.value) * Fraction(number)), unit=self.unit)

    def per(self, other: Quantity) -> Decimal:
        """How many `other` go into this amount. Raises: QuantityError when `other` is zero or of another dimension."""
        mine, theirs = self._compared(other)
        if theirs == 0:
            raise QuantityError("an amount cannot be divided by zero", remedy="give an amount above zero")
        return _decimal(mine / theirs)
