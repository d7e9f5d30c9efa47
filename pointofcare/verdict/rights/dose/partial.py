"""Q5: of a dose that was taken in part, the amount and the reason are charted, and somebody decides about the rest.

Source: MIMIC-IV emar (`complete_dose_not_given`, `will_remainder_of_dose_be_given`); FHIR MedicationAdministration (completed with
the actual dose, or stopped). Hazard: a half dose that stands on the record as a whole one.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.verdict.facts import Action
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment, shown
from pointofcare.verdict.reason import PARTLY_TAKEN, code_of, is_coded
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="Q5",
    title="The rest of a dose taken in part is decided about",
    levels=(Level.REASON,),
    looks_at="the amount that was taken against the ordered one, and why",
    passes_when="the whole dose was taken; the coded reason why it was not answers it, and the rest stays open for a decision",
    source="MIMIC-IV emar; FHIR MedicationAdministration",
    hazard="a part of a dose charted as the whole",
    remedies={"decide-rest": ("rest",), "give-reason": ()},
    facts=("given", "ordered"),
    origin="intent",
    origins={"ordered": "order"},
    on_trial=True,
)


def check(moment: Moment) -> Iterator[Finding]:
    intent, dosing, order = moment.facts.intent, moment.dosing, moment.order
    if moment.giving:
        if dosing is None or dosing.problem or dosing.stated is None or dosing.stated >= dosing.low:
            return
        if code_of(intent.reason or "") in PARTLY_TAKEN:
            facts = {"given": shown(dosing.stated, dosing.unit), "ordered": shown(dosing.low, dosing.unit)}
            yield RULE.finding(Level.REASON, "decide-rest", facts=facts, params={"rest": shown(dosing.low - dosing.stated, dosing.unit)})
    elif moment.action is Action.STOP and intent.dose is not None and order is not None and order.dose is not None:
        dose = order.dose
        if intent.dose.converts_to(dose.unit) and intent.dose < dose:
            facts = {"given": str(intent.dose), "ordered": str(dose)}
            if is_coded(intent.reason, intent.reason_text):
                yield RULE.finding(Level.REASON, "decide-rest", facts=facts, params={"rest": str(dose - intent.dose)})
            else:
                yield RULE.finding(Level.REASON, "give-reason", facts=facts)
