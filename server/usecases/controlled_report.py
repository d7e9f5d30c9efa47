"""C4: controlled drugs by ward and by nurse over a period: waste, late waste, overrides, withdrawn records, counts that differed.

Numbers to look at, never an accusation: what stands out is a reason to ask. Pure but for the rows that are handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from pointofcare.errors import QuantityError
from pointofcare.products import Product
from pointofcare.quantity import Quantity
from pointofcare.verdict.dosing import amount_of
from pointofcare.verdict.moment import plain
from server.store.views_controlled import Act, Differing
from server.usecases.task_kinds import CONTROLLED_COUNT

_TAKING = frozenset({"give", "start"})


@dataclass(slots=True, kw_only=True)
class Line:
    """One ward or one nurse. `given` and `wasted` are in units of the products (one ampoule, one tablet); `uncountable` are acts whose
    amounts could not be computed and are in neither."""

    key: str
    doses: int = 0
    given: Fraction = Fraction(0)
    wasted: Fraction = Fraction(0)
    uncountable: int = 0
    late_waste: int = 0
    overrides: int = 0
    withdrawn: int = 0
    counts: int = 0
    balances: int = 0

    @property
    def waste_ratio(self) -> float | None:
        """Of what was taken, how much was wasted; None where nothing was."""
        taken = self.given + self.wasted
        return float(self.wasted / taken) if taken else None


def by(
    key: Callable[[Act | Differing], str],
    acts: Iterable[Act],
    differing: Iterable[Differing],
    products: Mapping[str, Product],
    *,
    settle_within: timedelta,
) -> tuple[Line, ...]:
    """A line for each ward or nurse, most waste first."""
    found = list(acts)
    of = {act.record_id: act for act in found}
    amended = {act.amends for act in found if act.amends is not None}
    lines: dict[str, Line] = {}

    def line(of_whom: Act | Differing) -> Line:
        name = key(of_whom)
        return lines.setdefault(name, Line(key=name))

    for act in found:
        if act.status == "entered-in-error":
            line(of.get(act.amends or "", act)).withdrawn += 1
            continue
        if act.record_id in amended:
            continue
        mine = line(act)
        mine.overrides += act.is_overridden
        product = products.get(act.product)
        if act.action in _TAKING and act.status != "not-done":
            mine.doses += 1
            _add(mine, "given", act.dose, product)
            _add(mine, "wasted", act.waste, product)
        elif act.action == "waste":
            _add(mine, "wasted", act.waste or act.dose, product)
            taken = of.get(act.continues or "")
            mine.late_waste += taken is not None and act.at > taken.at + settle_within
    for one in differing:
        if one.kind == CONTROLLED_COUNT:
            line(one).counts += 1
        else:
            line(one).balances += 1
    return tuple(sorted(lines.values(), key=lambda one: (-(one.waste_ratio or 0), one.key)))


def _add(line: Line, what: str, text: str | None, product: Product | None) -> None:
    if text is None:
        return
    units = _units(text, product)
    if units is None:
        line.uncountable += 1
    else:
        setattr(line, what, getattr(line, what) + units)


def _units(text: str, product: Product | None) -> Fraction | None:
    content = product.ingredients[0] if product is not None and product.ingredients else None
    if product is None or content is None or content.amount is None or content.amount.value <= 0:
        return None
    try:
        amount = amount_of(plain(content.name), product, Quantity.parse(text))
    except QuantityError:
        return None
    return None if amount is None else amount / content.amount.exact()
