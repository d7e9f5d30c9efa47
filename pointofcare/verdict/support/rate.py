"""I5: the rate that is set is the ordered one, when an infusion starts and at each change.

Source: HL7 EHR-S FM CP.6.1 criterion 35 (record start, stop, each change of rate). Hazard: a rate ten times too fast; drops
counted for the wrong set.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.quantity import Quantity
from pointofcare.verdict import concentration, infusing
from pointofcare.verdict.facts import Action
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="I5",
    title="The set rate is the ordered one",
    levels=(Level.REASON, Level.STOP),
    looks_at="the stated rate and drop factor, the order's rate or range of rates",
    passes_when="it is the ordered rate or in the ordered range; in drops to the nearest whole drop; a mass through what the bag holds",
    source="HL7 EHR-S FM CP.6.1#35; local choice of the levels after Q2",
    hazard="infusion at a wrong rate",
    remedies={
        "set-rate": ("rate",),
        "name-rate": (),
        "name-drop-factor": (),
        "ask-prescriber": (),
        "ask-pharmacist": (),
        "weigh-patient": (),
    },
    facts=("cause", "set", "ordered"),
    origin="intent",
    origins={"ordered": "order"},
)
_FAR = 10


def check(moment: Moment) -> Iterator[Finding]:
    order, rate = moment.order, moment.facts.intent.rate
    if order is None or not (moment.action is Action.RATE or (moment.giving and infusing.is_infusion(moment))):
        return
    allowed = infusing.bounds(order)
    facts: dict[str, object] = {"cause": "missing", "set": str(rate) if rate is not None else "", "ordered": _ordered(allowed)}
    if rate is None:
        # Of a single ordered rate a start without words is at that rate; of a range, or at a change, nothing follows.
        if moment.action is Action.RATE:
            yield RULE.finding(Level.STOP, "name-rate", facts=facts, unknown=True)
        elif order.rate_range is not None:
            yield RULE.finding(Level.REASON, "name-rate", facts=facts, unknown=True)
        return
    if allowed is None:
        yield RULE.finding(Level.REASON, "ask-prescriber", facts=facts | {"cause": "not-ordered"}, unknown=True)
        return
    if not rate.converts_to(allowed[0].unit) and _is_volume(rate) and not _is_volume(allowed[0]):
        # Ordered by mass, or by mass and body weight, and set as a volume: through what the bag holds.
        low, high = (concentration.volume_rate(each, moment) for each in allowed)
        if isinstance(low, str) or isinstance(high, str):
            yield _not_converted(low if isinstance(low, str) else str(high), facts)
            return
        allowed = (low, high)
    yield from _compared(rate, allowed, moment.facts.intent.drop_factor, facts)


def _is_volume(rate: Quantity) -> bool:
    return rate.converts_to("mL/h") or infusing.is_drops(rate)


def _not_converted(cause: str, facts: dict[str, object]) -> Finding:
    if cause == "units":
        return RULE.finding(Level.STOP, "ask-prescriber", facts=facts | {"cause": cause})
    return RULE.finding(
        Level.REASON, "weigh-patient" if cause == "weight" else "ask-pharmacist", facts=facts | {"cause": cause}, unknown=True
    )


def _ordered(allowed: tuple[Quantity, Quantity] | None) -> str:
    if allowed is None:
        return ""
    low, high = allowed
    return str(low) if low.same_as(high) else f"{low} - {high}"


def _compared(rate: Quantity, allowed: tuple[Quantity, Quantity], drop_factor: int | None, facts: dict[str, object]) -> Iterator[Finding]:
    low, high = allowed
    params = {"rate": _ordered(allowed)}
    if rate.converts_to(low.unit):
        value, lowest, highest = rate.exact(), low.exact(), high.exact()
    elif not infusing.is_drops(rate) and not infusing.is_drops(low):
        yield RULE.finding(Level.STOP, "ask-prescriber", facts=facts | {"cause": "units"})
        return
    elif drop_factor is None or not infusing.is_drop_factor(drop_factor):
        yield RULE.finding(Level.REASON, "name-drop-factor", facts=facts | {"cause": "drop-factor"}, unknown=True)
        return
    else:
        drops = [infusing.whole_drops(each, drop_factor) for each in (rate, low, high)]
        if any(each is None for each in drops):
            yield RULE.finding(Level.STOP, "ask-prescriber", facts=facts | {"cause": "units"})
            return
        value, lowest, highest = (each for each in drops if each is not None)
        if lowest == highest:
            params = {"rate": f"{lowest} [drp]/min"}
    if lowest <= value <= highest:
        return
    far = value >= _FAR * highest or value * _FAR <= lowest
    level = Level.STOP if far or value > highest else Level.REASON
    cause = "tenfold" if far else ("above" if value > highest else "below")
    yield RULE.finding(level, "set-rate", facts=facts | {"cause": cause}, params=params)
