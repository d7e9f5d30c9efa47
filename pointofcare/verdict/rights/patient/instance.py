"""P3: the band that was scanned is the one that is on the patient now.

Each printed band has its own instance number (GS1 AI 8019, ISO 18530); a reprint revokes the older one. Hazard: a copy of a
band on a cart, a door or a chart stands in for the patient.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.people import BandStatus
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="P3",
    title="The band is the patient's current one",
    levels=(Level.NOTE, Level.WARN, Level.REASON, Level.WITNESS, Level.STOP),
    looks_at="the instance number of the band and the bands printed for the patient",
    passes_when="that instance is known and active; without an instance number one active band of the patient is needed at least",
    source="ISO 18530; Koppel 2008, proxy barcodes",
    hazard="a copied or old band stands in for the patient",
    remedies={"scan-current-band": ("patient",), "print-band": ("patient",)},
    facts=("cause", "instance"),
    origin="keyed",
)


def check(moment: Moment) -> Iterator[Finding]:
    scanned, patient = moment.session.band, moment.identity.patient
    if scanned is None or patient is None:
        return
    bands = moment.identity.bands
    if scanned.srin is None and bands and not any(band.status is BandStatus.ACTIVE for band in bands):
        revoked = any(band.status is BandStatus.REVOKED for band in bands)
        facts = {"cause": "revoked" if revoked else "unknown-instance", "instance": ""}
        yield RULE.finding(Level.STOP, "scan-current-band", facts=facts, params={"patient": patient.id}, unknown=not revoked)
        return
    if scanned.srin is None:
        level = moment.policy.band_without_instance
        if level > Level.PASS:
            yield RULE.finding(level, "print-band", facts={"cause": "no-instance", "instance": ""}, params={"patient": patient.id})
        return
    instances = [band for band in bands if band.srin == scanned.srin]
    if instances and all(band.status is BandStatus.ACTIVE for band in instances):
        return
    revoked = any(band.status is BandStatus.REVOKED for band in instances)
    yield RULE.finding(
        Level.STOP,
        "scan-current-band",
        facts={"cause": "revoked" if revoked else "unknown-instance", "instance": scanned.srin},
        params={"patient": patient.id},
        unknown=bool(instances) and not revoked,
    )
