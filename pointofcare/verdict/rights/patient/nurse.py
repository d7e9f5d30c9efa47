"""P8: the person who gives is known, and may give.

Source: HL7 EHR-S FM CP.6.1 criterion 30; VA BCMA (a student files only with an instructor). Hazard: nobody answers for a dose.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.people import StaffRole
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="P8",
    title="The person who gives is known and licensed",
    levels=(Level.WITNESS, Level.STOP),
    looks_at="the signed-in person: role and licence",
    passes_when="a licensed nurse, charge nurse, pharmacist or prescriber; a student needs a second person",
    source="HL7 EHR-S FM CP.6.1#30; VA BCMA",
    hazard="dose given by somebody who may not give it",
    remedies={"sign-in": (), "fetch-witness": ()},
    facts=("cause", "nurse"),
    origin="staff",
)
MAY_GIVE = frozenset({StaffRole.NURSE, StaffRole.CHARGE_NURSE, StaffRole.PHARMACIST, StaffRole.PRESCRIBER})


def check(moment: Moment) -> Iterator[Finding]:
    nurse = moment.facts.nurse
    if nurse is None or not nurse.id.strip():
        yield RULE.finding(Level.STOP, "sign-in", facts={"cause": "nobody", "nurse": ""}, unknown=True)
    elif nurse.role is StaffRole.STUDENT:
        yield RULE.finding(Level.WITNESS, "fetch-witness", facts={"cause": "student", "nurse": nurse.id})
    elif nurse.role is None or nurse.licensed is None:
        yield RULE.finding(Level.STOP, "sign-in", facts={"cause": "unknown", "nurse": nurse.id}, unknown=True)
    elif nurse.role not in MAY_GIVE or not nurse.licensed:
        cause = "role" if nurse.role not in MAY_GIVE else "unlicensed"
        yield RULE.finding(Level.STOP, "sign-in", facts={"cause": cause, "nurse": nurse.id})
