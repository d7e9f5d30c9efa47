"""D16: before the first dose of a drug that the hospital tests the skin for, a test was read, is negative, and is fresh.

Source: Circular 51/2017/TT-BYT (Vietnam), annex VIII, on skin tests before drugs with a risk of anaphylaxis; which drugs, and for how
long a test counts, are the hospital's choice. Hazard: anaphylaxis. A negative test proves nothing alone: it takes no other finding away.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.people import SkinResult, SkinTest
from pointofcare.verdict import lists
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import TAKEN, Moment, ingredients, ordered_ingredients, plain
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="D16",
    title="A skin test before the first dose",
    levels=(Level.REASON, Level.STOP),
    looks_at="the policy's list of drugs to be tested, the patient's skin tests, earlier doses of the order",
    passes_when="not listed, or a test was read as negative and is fresh, or the order's first dose was given; and none was positive",
    source="TT 51/2017/TT-BYT, annex VIII; local choice",
    hazard="anaphylaxis",
    remedies={"test-skin": ("drug",), "ask-prescriber": ()},
    facts=("cause", "drug", "at", "hours"),
    origin="patient",
)


def check(moment: Moment) -> Iterator[Finding]:
    if not moment.giving or moment.patient is None or not moment.policy.skin_tested:
        return
    for drug in sorted(_tested(moment)):
        finding = _judge(drug, moment, moment.patient.skin_tests)
        if finding is not None:
            yield finding


def _tested(moment: Moment) -> frozenset[str]:
    """The ingredients of this dose that the policy's list means, by their own name or by a class."""
    names = frozenset(name for product in moment.drugs for name in ingredients(product))
    if moment.order is not None:
        names |= ordered_ingredients(moment.order) | frozenset(plain(each) for each in moment.order.additives)
    classes: dict[str, set[str]] = {}
    for product in (*moment.drugs, *moment.facts.products):
        for item in product.ingredients:
            classes.setdefault(plain(item.name), set()).update(item.classes)
    listed = moment.policy.skin_tested
    return frozenset(name for name in names if any(lists.names(line, name, classes.get(name, ())) for line in listed))


def _judge(drug: str, moment: Moment, known: tuple[SkinTest, ...] | None) -> Finding | None:
    own = [each for each in known or () if plain(each.drug) == drug and not moment.is_ahead(each.read_at)]
    last = max(own, key=lambda each: each.read_at, default=None)
    facts: dict[str, object] = {"cause": "missing", "drug": drug, "at": "", "hours": 0}
    if last is not None:
        hours = max(int((moment.when - last.read_at).total_seconds() // 3600), 0)
        facts |= {"at": moment.local(last.read_at), "hours": hours}
    positive = next((each for each in own if each.result is SkinResult.POSITIVE), None)
    if positive is not None:
        # It stays so: a later negative one is for whoever lifts it to weigh.
        return RULE.finding(Level.STOP, "ask-prescriber", facts=facts | {"cause": "positive", "at": moment.local(positive.read_at)})
    if any(entry.status in TAKEN for entry in moment.of_order):
        return None
    if last is None:
        return RULE.finding(Level.REASON, "test-skin", facts=facts, params={"drug": drug}, unknown=True)
    if last.result is not SkinResult.NEGATIVE:
        return RULE.finding(Level.REASON, "ask-prescriber", facts=facts | {"cause": "doubtful"}, unknown=True)
    if moment.when - last.read_at > moment.policy.skin_test_valid_for:
        return RULE.finding(Level.REASON, "test-skin", facts=facts | {"cause": "stale"}, params={"drug": drug}, unknown=True)
    return None
