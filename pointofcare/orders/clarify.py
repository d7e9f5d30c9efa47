"""What a prescriber must clarify before an order can be given by scan: every way in which an order does not say enough, or says
two things. An order with a problem is "not administrable by scan until clarified".

Looks at one order version and nothing else, so that the server says it when the order is written and the cart again at the bedside.
Must never repair anything: a problem names what is unclear, a person clears it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pointofcare.orders import steps, timing
from pointofcare.orders.order import Order, OrderCategory
from pointofcare.quantity import Quantity

ASKED = "clarification"
NO_INGREDIENT = "no-ingredient"
TEXT_ONLY = "text-only"
NO_DOSE = "no-dose"
DOSE_AND_RANGE = "dose-and-range"
DOSE_ZERO = "dose-not-above-zero"
DOSE_UNIT = "dose-unit"
DOSE_IS_RATE = "dose-is-rate"
RANGE_REVERSED = "dose-range-reversed"
RANGE_UNITS = "dose-range-units"
NO_RATE = "no-rate"
RATE_ZERO = "rate-not-above-zero"
RATE_UNIT = "rate-unit"
RATE_RANGE = "rate-range"
ENDS_FIRST = "ends-before-start"
PRN_WITH_TIMES = "prn-with-times"
TIMES_UNUSED = "times-not-used"
PRN_INTERVAL = "prn-interval"
PRN_MAXIMUM = "prn-maximum"
PATCH_DURATION = "patch-without-duration"

# Every code there is, each with a text in three languages.
CODES = (
    ASKED, NO_INGREDIENT, TEXT_ONLY, NO_DOSE, DOSE_AND_RANGE, DOSE_ZERO, DOSE_UNIT, DOSE_IS_RATE, RANGE_REVERSED, RANGE_UNITS, NO_RATE,
    RATE_ZERO, RATE_UNIT, RATE_RANGE, ENDS_FIRST, PRN_WITH_TIMES, TIMES_UNUSED, PRN_INTERVAL, PRN_MAXIMUM, PATCH_DURATION,
    steps.OWN, steps.OVERLAP, steps.WITHOUT_END, steps.ENDS_FIRST, steps.SINGLE_SEVERAL,
    timing.NO_START, timing.TOO_OFTEN, timing.TOO_SELDOM, timing.NO_TIMES, timing.TIMES_AND_EVERY, timing.DAYS_AND_EVERY,
    timing.DAYS_WITHOUT_TIMES, timing.CLASH,
)  # fmt: skip
_FIELD_OF_TIMING = {
    timing.NO_START: "start",
    timing.TOO_OFTEN: "every",
    timing.TOO_SELDOM: "every",
    timing.NO_TIMES: "times",
    timing.TIMES_AND_EVERY: "every",
    timing.DAYS_AND_EVERY: "days_of_week",
    timing.DAYS_WITHOUT_TIMES: "days_of_week",
    steps.ENDS_FIRST: "dosages",
    steps.OVERLAP: "dosages",
    steps.OWN: "dosages",
    steps.SINGLE_SEVERAL: "dosages",
    steps.WITHOUT_END: "dosages",
    timing.CLASH: "dosages",
}
# The base units of what is given: a time, a length, a pressure or a bare number is no dose.
_AMOUNTS = frozenset({"g", "L", "mol", "eq", "[IU]", "U", "[drp]"})
_PER_BODY = frozenset({"g", "m2"})
_INFUSED = OrderCategory.INFUSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`code` is one of `CODES`, `field` the field of `Order` (or "dosages[1].dose") that is to be clarified."""

    code: str
    field: str


def problems(order: Order) -> tuple[Problem, ...]:
    """All that must be clarified, each once; empty for an order that can be computed. Never raises."""
    return tuple(dict.fromkeys(_problems(order)))


def codes(order: Order) -> tuple[str, ...]:
    """The codes of `problems`, each once."""
    return tuple(dict.fromkeys(problem.code for problem in problems(order)))


def _problems(order: Order) -> Iterator[Problem]:
    if order.clarification:
        yield Problem(code=ASKED, field="clarification")
    if not any(name.strip() for name in order.ingredient.split("/")):
        yield Problem(code=NO_INGREDIENT, field="ingredient")
    if order.start is not None and order.end is not None and order.end <= order.start:
        yield Problem(code=ENDS_FIRST, field="end")
    if order.prn is not None:
        yield from _prn_problems(order)
    if not order.dosages and _says_nothing(order):
        if order.display.strip():
            yield Problem(code=TEXT_ONLY, field="display")
        else:
            yield Problem(code=NO_RATE, field="rate") if order.category is _INFUSED else Problem(code=NO_DOSE, field="dose")
        return
    yield from _timing_problems(order)
    yield from _rate_range_problems(order)
    if not order.dosages:
        yield from _step_problems(order, "")
        return
    for place, dosage in enumerate(order.dosages):
        step = replace(
            order,
            dose=dosage.dose,
            dose_range=dosage.dose_range,
            rate=dosage.rate if dosage.rate is not None else order.rate,
            times=dosage.times,
            every=dosage.every,
            days_of_week=dosage.days_of_week,
        )
        yield from _step_problems(step, f"dosages[{place}].")


def _says_nothing(order: Order) -> bool:
    amounts = (order.dose, order.dose_range, order.rate, order.every)
    return all(amount is None for amount in amounts) and not order.times


def _timing_problems(order: Order) -> Iterator[Problem]:
    code = timing.problem(order)
    if not code:
        return
    if code == timing.NO_TIMES and order.category is OrderCategory.PATCH:
        code = PATCH_DURATION
    yield Problem(code=code, field=_FIELD_OF_TIMING.get(code, "times"))


def _step_problems(step: Order, prefix: str) -> Iterator[Problem]:
    """What one dosage instruction, or an order without any, says of amounts and times."""
    if step.category in timing.WITHOUT_TIMES and (step.times or step.days_of_week or (step.every is not None)):
        yield Problem(code=PRN_WITH_TIMES if step.category is OrderCategory.PRN else TIMES_UNUSED, field=f"{prefix}times")
    if step.dose is not None and step.dose_range is not None:
        yield Problem(code=DOSE_AND_RANGE, field=f"{prefix}dose_range")
    for dose in (step.dose, *(step.dose_range or ())):
        if dose is not None:
            yield from _dose_problems(dose, f"{prefix}dose")
    if step.dose_range is not None:
        yield from _range_problems(step.dose_range, f"{prefix}dose_range")
    if step.rate is not None:
        yield from _rate_problems(step.rate, f"{prefix}rate")
    if step.category is _INFUSED:
        if step.rate is None:
            yield Problem(code=NO_RATE, field=f"{prefix}rate")
    elif step.dose is None and step.dose_range is None:
        yield Problem(code=NO_DOSE, field=f"{prefix}dose")


def _dose_problems(dose: Quantity, field: str) -> Iterator[Problem]:
    if dose.value <= 0:
        yield Problem(code=DOSE_ZERO, field=field)
    if ("s", -1) in dose.dimension:
        yield Problem(code=DOSE_IS_RATE, field=field)
    elif not _is_amount(dose) or any(power < 0 and base not in _PER_BODY for base, power in dose.dimension):
        yield Problem(code=DOSE_UNIT, field=field)


def _range_problems(ends: tuple[Quantity, Quantity], field: str) -> Iterator[Problem]:
    low, high = ends
    if not low.converts_to(high.unit):
        yield Problem(code=RANGE_UNITS, field=field)
    elif low > high:
        yield Problem(code=RANGE_REVERSED, field=field)


def _rate_problems(rate: Quantity, field: str) -> Iterator[Problem]:
    if rate.value <= 0:
        yield Problem(code=RATE_ZERO, field=field)
    if ("s", -1) not in rate.dimension or not _is_amount(rate):
        yield Problem(code=RATE_UNIT, field=field)


def _rate_range_problems(order: Order) -> Iterator[Problem]:
    if order.rate_range is None:
        return
    low, high = order.rate_range
    rates = [order.rate, *(dosage.rate for dosage in order.dosages)]
    if any(("s", -1) not in end.dimension or not _is_amount(end) for end in (low, high)) or not low.converts_to(high.unit):
        yield Problem(code=RATE_UNIT, field="rate_range")
    elif low > high or any(rate is not None and not (rate.converts_to(low.unit) and low <= rate <= high) for rate in rates):
        yield Problem(code=RATE_RANGE, field="rate_range")


def _prn_problems(order: Order) -> Iterator[Problem]:
    prn = order.prn
    if prn is None:
        return
    if prn.min_interval is not None and prn.min_interval < timing.SHORTEST_INTERVAL:
        yield Problem(code=PRN_INTERVAL, field="prn.min_interval")
    if prn.max_per_24h is not None and (prn.max_per_24h.value <= 0 or not _is_amount(prn.max_per_24h)):
        yield Problem(code=PRN_MAXIMUM, field="prn.max_per_24h")


def _is_amount(amount: Quantity) -> bool:
    """Does it say how much of something? Above the line stands a mass, a volume, a substance, units or counted things."""
    above = [base for base, power in amount.dimension if power > 0]
    return bool(above) and all(base in _AMOUNTS or (base.startswith("{") and base != "{score}") for base in above)
