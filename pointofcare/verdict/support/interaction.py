"""D12: a severe interaction that was overridden when the order was written is shown with the prescriber's reason.

Source: HL7 EHR-S FM CPS.6.1 criterion 6; VA PSB*3*58. Hazard: the nurse alone does not know of a risk that was accepted.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="D12",
    title="An interaction overridden at ordering is known at the bedside",
    levels=(Level.NOTE,),
    looks_at="the interactions that the order carries, with the prescriber's reason",
    passes_when="the order carries none",
    source="HL7 EHR-S FM CPS.6.1#06; VA PSB*3*58",
    hazard="an accepted risk that nobody watches",
    remedies={"watch-for": ("other",)},
    facts=("other", "severity", "reason", "prescriber"),
    origin="order",
    on_trial=True,
)


def check(moment: Moment) -> Iterator[Finding]:
    order = moment.order
    if order is None or not moment.giving:
        return
    for each in order.interactions:
        prescriber = each.prescriber if each.prescriber is not None else order.prescriber or ""
        facts = {"other": each.other, "severity": each.severity, "reason": each.reason, "prescriber": prescriber}
        yield RULE.finding(Level.NOTE, "watch-for", facts=facts, params={"other": each.other})
