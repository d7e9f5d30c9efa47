"""P7: the patient is here.

Source: VA BCMA (notice of 72 h after a transfer). Hazard: a dose charted on somebody who left, moved or died.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.people import PatientStatus
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="P7",
    title="The patient is admitted here",
    levels=(Level.NOTE, Level.STOP),
    looks_at="the patient's status, the time of a transfer",
    passes_when="admitted; transferred less than 72 h ago is a note",
    source="VA BCMA transfer notice",
    hazard="dose charted on a patient who is not here",
    remedies={"check-status": ("patient",), "check-ward": ("patient",)},
    facts=("status", "hours"),
    origin="patient",
)


def check(moment: Moment) -> Iterator[Finding]:
    patient = moment.patient
    if patient is None or not moment.giving or patient.status is PatientStatus.ADMITTED:
        return
    facts: dict[str, object] = {"status": patient.status.value if patient.status is not None else "unknown", "hours": 0}
    unknown = patient.status is None
    if patient.status is PatientStatus.TRANSFERRED and patient.transferred_at is not None and moment.is_ahead(patient.transferred_at):
        unknown = True  # gone already, and not yet: that is no notice of a transfer
    elif patient.status is PatientStatus.TRANSFERRED and patient.transferred_at is not None:
        since = moment.when - patient.transferred_at
        facts["hours"] = int(since.total_seconds() // 3600)
        if since < moment.policy.transfer_notice:
            yield RULE.finding(Level.NOTE, "check-ward", facts=facts, params={"patient": patient.id})
            return
    yield RULE.finding(Level.STOP, "check-status", facts=facts, params={"patient": patient.id}, unknown=unknown)
