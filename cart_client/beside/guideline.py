"""What the guideline says about adrenaline into the muscle, as its text: shown to whoever gives it, never applied by the program.

Source: Circular 51/2017/TT-BYT (Ministry of Health of Vietnam), annex III, for ampoules of 1 mg in 1 ml. A hospital compares these rows
with the circular that is in force and with its own protocol before it relies on them.
"""

from __future__ import annotations

from dataclasses import dataclass

from pointofcare.products import Product
from pointofcare.quantity import Quantity

SOURCE = "TT 51/2017/TT-BYT, phụ lục III"
EVERY_MINUTES = (3, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`who` is a code of the page's words. `doses` are what the row names, as typed: "0.5 mL"."""

    who: str
    doses: tuple[str, ...]


ADULT = "adult"
ADRENALINE_IM = (
    Row(who=ADULT, doses=("0.5 mL", "1 mL")),
    Row(who="child-over-30", doses=("0.5 mL",)),
    Row(who="child-20", doses=("0.3 mL",)),
    Row(who="child-10", doses=("0.25 mL",)),
    Row(who="child-under-10", doses=("0.2 mL",)),
)


def of_age(adult: bool | None) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """(rows of this age, rows of others): all are shown, those of the patient's age first. An age that is not known has them all."""
    if adult is None:
        return ADRENALINE_IM, ()
    own = tuple(row for row in ADRENALINE_IM if (row.who == ADULT) is adult)
    return own, tuple(row for row in ADRENALINE_IM if row not in own)


def speaks_of(product: Product) -> bool:
    """Is it the ampoule that the rows are about? Another strength has other volumes."""
    if product.volume is None or len(product.ingredients) != 1:
        return False
    amount = product.ingredients[0].amount
    if amount is None or not amount.converts_to("mg") or not product.volume.converts_to("mL"):
        return False
    return amount.to("mg").value == product.volume.to("mL").value == Quantity.parse("1 mg").value
