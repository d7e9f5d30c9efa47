"""P4: the order belongs to the scanned patient.

Source: HL7 EHR-S FM CP.6.1 criterion 30. Hazard: the neighbour's drug.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="P4",
    title="The order is the scanned patient's",
    levels=(Level.STOP,),
    looks_at="the scanned patient, the order's patient",
    passes_when="they are the same",
    source="HL7 EHR-S FM CP.6.1#30",
    hazard="wrong patient",
    remedies={"scan-band-of": ("patient",)},
    facts=("scanned", "ordered"),
    origin="keyed",
    origins={"ordered": "order"},
)


def check(moment: Moment) -> Iterator[Finding]:
    patient, order = moment.identity.patient, moment.order
    if patient is not None and order is not None and order.patient != patient.id:
        yield RULE.finding(
            Level.STOP,
            "scan-band-of",
            facts={"scanned": patient.id, "ordered": order.patient},
            params={"patient": order.patient},
        )
