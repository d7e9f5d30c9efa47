"""D14: an order that cannot be computed is not given by scan until the prescriber has clarified it.

Own rule. Hazard: a cart that guesses what an order means.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.orders import clarify, steps, timing
from pointofcare.orders.order import Order
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="D14",
    title="The order says all that giving needs",
    levels=(Level.STOP,),
    looks_at="what the order is marked to be clarified about, whether it says two things",
    passes_when="nothing is left to clarify",
    source="local choice",
    hazard="a guess in the place of an order",
    remedies={"clarify-order": ("unclear",)},
    facts=("unclear",),
    origin="order",
)

# What contradicts itself. What is only missing other rules say, each at its own level: Q1 a dose, T1 times, I3 and I5 a rate.
CONTRADICTIONS = frozenset(
    {
        clarify.NO_INGREDIENT,
        clarify.DOSE_AND_RANGE,
        clarify.DOSE_ZERO,
        clarify.DOSE_UNIT,
        clarify.DOSE_IS_RATE,
        clarify.RANGE_REVERSED,
        clarify.RANGE_UNITS,
        clarify.RATE_ZERO,
        clarify.RATE_UNIT,
        clarify.RATE_RANGE,
        clarify.ENDS_FIRST,
        clarify.PRN_INTERVAL,
        clarify.PRN_MAXIMUM,
        steps.OWN,
        steps.OVERLAP,
        steps.WITHOUT_END,
        steps.ENDS_FIRST,
        steps.SINGLE_SEVERAL,
        timing.TOO_OFTEN,
        timing.TOO_SELDOM,
        timing.TIMES_AND_EVERY,
        timing.DAYS_AND_EVERY,
        timing.DAYS_WITHOUT_TIMES,
        timing.CLASH,
    }
)


def check(moment: Moment) -> Iterator[Finding]:
    order = moment.order
    if order is None or not moment.delivering:
        return
    said = [order.clarification.strip()] if order.clarification.strip() else []
    codes = [code for code in clarify.codes(_as_written(order, moment)) if code in CONTRADICTIONS]
    if said or codes:
        unclear = {"unclear": "\n".join(said + codes)}
        yield RULE.finding(Level.STOP, "clarify-order", facts=unclear, params=unclear)


def _as_written(order: Order, moment: Moment) -> Order:
    """The order with all its dosage instructions, not just the one that is due."""
    return next((each for each in moment.facts.orders if each.id == order.id and each.version == order.version), order)
