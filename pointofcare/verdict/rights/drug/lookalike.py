"""D7: a drug whose name looks or sounds like another's is shown beside it.

Source: WHO 2023, ISMP list of confused drug names. Hazard: the twin is taken from the drawer.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="D7",
    title="Look-alike, sound-alike names are shown together",
    levels=(Level.WARN,),
    looks_at="the product's list of confusable names",
    passes_when="the list is empty",
    source="WHO 2023; ISMP",
    hazard="look-alike drug",
    remedies={"compare-names": ("name", "others")},
    facts=("name", "others"),
    origin="product",
)


def check(moment: Moment) -> Iterator[Finding]:
    if not moment.giving:
        return
    for product in moment.products:
        if product.lasa:
            facts = {"name": product.name, "others": ", ".join(product.lasa)}
            yield RULE.finding(Level.WARN, "compare-names", facts=facts, params=facts)
