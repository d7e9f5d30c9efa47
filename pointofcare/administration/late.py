"""A dose that was given before it was charted, or without a verdict before it: an emergency, a downtime. Charted as the fact that it is.

The verdict at the time of giving goes beside it as evidence; it refuses nothing, because it changes nothing any more. Must never make a
record look as if it had been verified before: its level is what the verdict says ahead of any answer, and rule S6 is among its findings.
"""

from __future__ import annotations

from datetime import datetime

from pointofcare.administration.conclusion import Place, evidence_of
from pointofcare.administration.lifecycle import Status
from pointofcare.administration.record import AdministrationRecord, ScanEvidence
from pointofcare.people import Patient
from pointofcare.products import Product
from pointofcare.verdict.facts import Action, Intent
from pointofcare.verdict.finding import Level, Verdict

# How a record that was charted late says so in its words, in front of the person's own.
CHARTED_LATE = "[charted late]"
# How one that was given in an anaphylaxis says so.
IN_ANAPHYLAXIS = "[anaphylaxis]"


def fact(
    *,
    record_id: str,
    intent: Intent,
    verdict: Verdict,
    patient: Patient,
    nurse: str,
    place: Place,
    now: datetime,
    product: Product | None,
    order_version: int | None = None,
    scans: tuple[ScanEvidence, ...] = (),
) -> AdministrationRecord:
    """The record of a dose that the nurse says was given at `intent.given_at`, or now. `product` is what she names; nothing was
    scanned for it. `scans` is what identified the patient."""
    return AdministrationRecord(
        record_id=record_id,
        facility=place.facility,
        ward=place.ward,
        cart=place.cart,
        patient=patient.id,
        mrn=patient.mrn,
        order=intent.order,
        order_version=order_version,
        due=intent.due,
        action=Action.GIVE.value,
        status=Status.COMPLETED.value,
        status_reason=intent.reason,
        reason_text=intent.reason_text,
        product=product.id if product is not None else None,
        product_name=product.name if product is not None else None,
        gtin=None,
        lot=None,
        expiry=None,
        serial=None,
        dose=intent.dose,
        route=intent.route,
        site=intent.site,
        waste=None,
        prn_reason=intent.prn_reason,
        effective_at=intent.given_at or now,
        recorded_at=now,
        nurse=nurse,
        witness=None,
        level=max((finding.level for finding in verdict.findings), default=Level.PASS).name,
        findings=evidence_of(verdict),
        engine=verdict.engine,
        policy=verdict.policy,
        scans=scans,
        chart_version=place.chart_version,
        online=place.online,
        clock_offset_s=place.clock_offset_s,
        clock_age_s=place.clock_age_s,
        clock_wall_at=place.clock_wall_at,
        lease_fence=place.lease_fence,
    )
