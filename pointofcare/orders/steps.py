"""The dosage instructions of an order as plain orders: one step each, with the bounds between which it holds.

FHIR Dosage.sequence: steps of one sequence hold together, a higher one follows. A step without a start of its own begins where
the sequence before it ended, one without an end lasts until the next sequence begins, the first and the last are bounded by the
order. Must never guess: steps that overlap, that do not follow one another, or that say two amounts for one moment raise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from pointofcare.errors import ScheduleUnknownError
from pointofcare.orders.order import Dosage, Order, OrderCategory
from pointofcare.quantity import Quantity

SINGLE = frozenset({OrderCategory.ONCE, OrderCategory.STAT})

# What stands in the way, as the words of the error and as the code of what to clarify.
OWN = "dosages-and-own"
OVERLAP = "dosages-overlap"
WITHOUT_END = "dosage-without-end"
ENDS_FIRST = "dosage-ends-before-start"
SINGLE_SEVERAL = "single-with-dosages"
_WORDS = {
    OWN: "has a dose or times of its own beside its dosage instructions",
    OVERLAP: "has a dosage instruction that begins before the one that it follows has ended",
    WITHOUT_END: "has a dosage instruction that follows one without an end",
    ENDS_FIRST: "has a dosage instruction that ends before it begins",
    SINGLE_SEVERAL: "is for a single dose but has several dosage instructions",
}


def problem(order: Order) -> str:
    """Why the steps of `order` cannot be told, as a code of this module; "" when they can."""
    return _resolved(order)[1]


def of(order: Order) -> tuple[Order, ...]:
    """One plain order a step, by sequence and as written; the order itself when it has no dosage instructions.

    `start` and `end` of a step are its own, so that intervals count from there; the order's bounds hold beside them.
    Raises: ScheduleUnknownError.
    """
    steps, code = _resolved(order)
    if code:
        raise unknown(order, code, _WORDS[code])
    return steps


def unknown(order: Order, code: str, words: str) -> ScheduleUnknownError:
    """The error that names what is unclear: `problem` is its code."""
    return ScheduleUnknownError(
        f"order {order.id} version {order.version} {words}",
        remedy="ask the prescriber or the pharmacist when it is due",
        order=order.id,
        version=order.version,
        problem=code,
    )


def holding(steps: Iterable[Order], at: datetime) -> tuple[Order, ...]:
    """Those whose bounds hold `at`: the start included, the end excluded."""
    return tuple(step for step in steps if (step.start is None or step.start <= at) and (step.end is None or at < step.end))


def amounts(step: Order) -> tuple[Quantity | tuple[Quantity, Quantity] | None, ...]:
    """What a step gives: two steps with equal amounts never contradict each other."""
    return step.dose, step.dose_range, step.rate


def laid_over(order: Order, step: Order) -> Order:
    """`order` with the amounts and times of `step`; bounds, version and everything else stay the order's. Ask about due times of
    the whole order, never of this one."""
    return replace(step, start=order.start, end=order.end)


def without_amounts(order: Order) -> Order:
    """`order` with nothing said of how much: for a moment at which no step, or more than one, can be meant."""
    return replace(order, dose=None, dose_range=None, rate=None, times=(), every=None, days_of_week=(), dosages=())


def _resolved(order: Order) -> tuple[tuple[Order, ...], str]:
    if not order.dosages:
        return (order,), ""
    if order.dose is not None or order.dose_range is not None or order.times or order.every is not None or order.days_of_week:
        return (), OWN
    if order.rate is not None and any(dosage.rate is not None for dosage in order.dosages):
        return (), OWN
    if order.category in SINGLE and len(order.dosages) > 1:
        return (), SINGLE_SEVERAL
    groups = _groups(order.dosages)
    found: list[Order] = []
    begins = order.start
    for place, group in enumerate(groups):
        following = groups[place + 1] if place + 1 < len(groups) else None
        ends: list[datetime] = []
        for dosage in group:
            start = dosage.start if dosage.start is not None else begins
            end = dosage.end if dosage.end is not None else _begin(following)
            if end is None:
                if following is not None:
                    return (), WITHOUT_END
                end = order.end
            elif start is not None and end <= start:
                return (), ENDS_FIRST
            else:
                ends.append(end)
            found.append(_step(order, dosage, start, end))
        if following is not None:
            begins = max(ends)
    return tuple(found), _out_of_order(groups, found)


def _groups(dosages: Iterable[Dosage]) -> list[list[Dosage]]:
    groups: dict[int, list[Dosage]] = {}
    for dosage in dosages:
        groups.setdefault(dosage.sequence, []).append(dosage)
    return [groups[sequence] for sequence in sorted(groups)]


def _begin(group: list[Dosage] | None) -> datetime | None:
    """When a sequence begins by its own word; None when one of its steps waits for the end of the sequence before it."""
    starts = [dosage.start for dosage in group or () if dosage.start is not None]
    return min(starts) if group is not None and len(starts) == len(group) else None


def _out_of_order(groups: list[list[Dosage]], steps: list[Order]) -> str:
    """`steps` are those of `groups`, in the same order."""
    taken = iter(steps)
    resolved = [[next(taken) for _ in group] for group in groups]
    for earlier, later in pairwise(resolved):
        ends = [step.end for step in earlier if step.end is not None]
        starts = [step.start for step in later if step.start is not None]
        if starts and min(starts) < max(ends):
            return OVERLAP
    return ""


def _step(order: Order, dosage: Dosage, start: datetime | None, end: datetime | None) -> Order:
    return replace(
        order,
        dose=dosage.dose,
        dose_range=dosage.dose_range,
        rate=dosage.rate if dosage.rate is not None else order.rate,
        times=dosage.times,
        every=dosage.every,
        days_of_week=dosage.days_of_week,
        start=start,
        end=end,
        dosages=(),
        display=_display(order, dosage),
    )


def _display(order: Order, dosage: Dosage) -> str:
    """The line of one step: the whole order's line would name the amounts of its other steps beside this one's. The drug is
    always in it."""
    if order.ingredient.casefold() in dosage.display.casefold():
        return dosage.display
    return f"{order.ingredient} · {dosage.display}" if dosage.display else order.ingredient
