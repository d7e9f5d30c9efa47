"""An amount as a person reads it (rule Q8): no trailing zero, a zero before the decimal sign, no bare "U", no symbol that is taken for
another.

Source: ISMP list of error-prone abbreviations, symbols and dose designations. Must never round, and never change a number.
"""

from __future__ import annotations

import re

from pointofcare.errors import QuantityError
from pointofcare.quantity import Quantity
from pointofcare.texts import written

# UCUM codes that a person misreads, and their words; "U" and "[IU]" are read as zero, four or "IV" when they are written so.
_SYMBOLS = {"ug": "mcg", "mm[Hg]": "mmHg", "Cel": "°C", "{score}": "", "1": ""}
_WORDS = {
    "vi": _SYMBOLS | {"U": "đơn vị", "[IU]": "đơn vị quốc tế", "[drp]": "giọt"},
    "en": _SYMBOLS | {"U": "units", "[IU]": "international units", "[drp]": "drops"},
    "fr": _SYMBOLS | {"U": "unités", "[IU]": "unités internationales", "[drp]": "gouttes"},
}
_COUNTED = re.compile(r"\{([a-z]+)\}")
_JOINED = re.compile(r"( - | / )")


def display(language: str, amount: Quantity) -> str:
    """ "0.50 U" -> "0.5 units", "0,5 đơn vị"."""
    return f"{written.number(language, amount.value)} {unit(language, amount.unit)}".rstrip()


def unit(language: str, code: str) -> str:
    """A UCUM code in words, as far as it would be misread."""
    words = _WORDS.get(language, _WORDS["en"])
    return "/".join(_COUNTED.sub(r"\1", words.get(atom, atom)) for atom in code.split("/"))


def displayed(language: str, text: str) -> str | None:
    """The same of a text that is an amount, a range ("2 mg - 4 mg") or an amount in an amount ("20 mmol / 500 mL"); None of any
    other text."""
    pieces = _JOINED.split(text)
    try:
        return "".join(piece if place % 2 else display(language, _parse(piece)) for place, piece in enumerate(pieces))
    except QuantityError:
        return None


def _parse(text: str) -> Quantity:
    below_zero = text.startswith("-")
    amount = Quantity.parse(text.removeprefix("-"))
    return Quantity(value=-amount.value, unit=amount.unit) if below_zero else amount
