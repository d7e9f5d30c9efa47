"""H1: the vital sign or laboratory value that this drug asks for was measured, is fresh and is in range.

Source: EHR-S FM CP.6.1 criterion 38; Leapfrog. Hazard: a beta blocker on a slow heart, insulin on a low glucose.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.people import Observation
from pointofcare.products import HoldRule
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="H1",
    title="Hold values are measured, fresh and in range",
    levels=(Level.NOTE, Level.WARN, Level.REASON, Level.WITNESS, Level.STOP),
    looks_at="the product's hold rules, the latest observation of each code and its age",
    passes_when="each value is at most as old as allowed and inside its limits",
    source="EHR-S FM CP.6.1#38; Leapfrog",
    hazard="drug given against a vital sign",
    remedies={"measure-now": ("observation",), "ask-prescriber": ()},
    facts=("cause", "observation", "value", "limit", "minutes"),
    origin="observation",
    origins={"limit": "product"},
)


def check(moment: Moment) -> Iterator[Finding]:
    if not moment.giving:
        return
    for rule in dict.fromkeys(rule for product in moment.drugs for rule in product.hold):
        finding = _judge(rule, moment)
        if finding is not None:
            yield finding


def _latest(rule: HoldRule, moment: Moment) -> list[Observation]:
    observations = moment.patient.observations if moment.patient is not None else ()
    own = [each for each in observations if each.code == rule.code and each.at <= moment.at]
    last = max((each.at for each in own), default=None)
    return [each for each in own if each.at == last]


def _judge(rule: HoldRule, moment: Moment) -> Finding | None:
    facts: dict[str, object] = {"cause": "missing", "observation": rule.code, "value": "", "limit": "", "minutes": 0}
    measure = {"observation": rule.code}
    latest = _latest(rule, moment)
    if not latest:
        return RULE.finding(Level.REASON, "measure-now", facts=facts, params=measure, unknown=True)
    age = moment.when - latest[0].at
    facts |= {"value": str(latest[0].value), "minutes": max(int(age.total_seconds() // 60), 0)}
    limits = [limit for limit in (rule.below, rule.above) if limit is not None]
    if any(not each.value.converts_to(limit.unit) for each in latest for limit in limits):
        return RULE.finding(Level.REASON, "measure-now", facts=facts | {"cause": "unit"}, params=measure, unknown=True)
    below = rule.below is not None and any(each.value < rule.below for each in latest)
    above = rule.above is not None and any(each.value > rule.above for each in latest)
    stale = age > (rule.max_age if rule.max_age is not None else moment.policy.observation_max_age)
    level = Level.__members__.get(rule.level.upper(), Level.STOP)
    if (below or above) and not (stale and level < Level.REASON):
        # Old or not, a value out of range is said; being old as well never makes it milder.
        limit = rule.below if below else rule.above
        facts |= {"cause": "below" if below else "above", "limit": str(limit)}
        if not stale:
            return RULE.finding(level, "ask-prescriber", facts=facts) if level > Level.PASS else None
    if stale:
        return RULE.finding(Level.REASON, "measure-now", facts=facts | {"cause": "stale"}, params=measure, unknown=True)
    return None
