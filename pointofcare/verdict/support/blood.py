"""H6: a blood component has two persons at the bedside, or one and a machine that read both the band and the component.

Source: Joint Commission NPSG.01.03.01. Hazard: blood of another patient's group.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment, matches
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="H6",
    title="A blood component is checked by two, or by one and a machine",
    levels=(Level.NOTE, Level.WITNESS),
    looks_at="whether the band and the component were read by machine",
    passes_when="no blood component; both read by machine is a note, else a valid witness confirms",
    source="Joint Commission NPSG.01.03.01",
    hazard="incompatible transfusion",
    remedies={"compare-groups": (), "fetch-witness": ()},
    facts=("cause", "name"),
    origin="product",
    origins={"cause": "scan"},
)


def check(moment: Moment) -> Iterator[Finding]:
    if not moment.giving:
        return
    order = moment.order
    names = [product.name for product in moment.drugs if product.blood_component]
    if not names and order is not None:
        names = [product.name for product in moment.facts.products if product.blood_component and matches(product, order)]
    if not names:
        return
    name = " + ".join(dict.fromkeys(names))
    session = moment.session
    read = any(pack.product is not None and pack.product.blood_component for pack in session.packs) or bool(session.bags)
    if session.band is not None and read:
        yield RULE.finding(Level.NOTE, "compare-groups", facts={"cause": "machine", "name": name})
    else:
        yield RULE.finding(Level.WITNESS, "fetch-witness", facts={"cause": "by-eye", "name": name})
