"""From a session and its last verdict to the record of what was done. Must never make one of what no verdict let through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from pointofcare.administration import infusion, lifecycle
from pointofcare.administration.record import AdministrationRecord, FindingEvidence
from pointofcare.administration.session import DECLINING, Session, State
from pointofcare.errors import IllegalTransitionError
from pointofcare.labels.scan import DrugScan
from pointofcare.people import Patient
from pointofcare.products import Product
from pointofcare.quantity import Quantity
from pointofcare.verdict.facts import Action, HistoryEntry, Intent
from pointofcare.verdict.finding import Finding, Level, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where and with what a record was made. `clock_offset_s` None: not known; the rest of the clock's as in the record."""

    facility: str
    ward: str
    cart: str
    chart_version: int
    online: bool
    clock_offset_s: float | None
    lease_fence: int | None
    clock_age_s: float | None = None
    clock_wall_at: datetime | None = None


def declines(intent: Intent) -> bool:
    """A dose is not given; pausing what runs is another thing."""
    return intent.action in DECLINING and intent.of_record is None


def conclude(
    session: Session,
    verdict: Verdict,
    record_id: str,
    now: datetime,
    *,
    patient: Patient,
    products: tuple[Product, ...],
    place: Place,
    of: HistoryEntry | None = None,
) -> AdministrationRecord:
    """The record of what was done, from a session in `GIVING` (done) or any with a patient (not given), and its last verdict.

    `products` are the formulary's, to name what was scanned; `of` is the entry that the intent is about, whose drug, order and
    bag an act without a scan is of. Raises: IllegalTransitionError when nothing may be concluded here.
    """
    nurse = session.nurse
    intent = session.intent
    done = not declines(intent)
    if nurse is None or session.patient != patient.id or verdict.record is None or (done and session.state is not State.GIVING):
        raise IllegalTransitionError("session", session.state.value, "conclude")
    if intent.of_record is not None and (of is None or of.record_id != intent.of_record or of.patient != patient.id):
        raise IllegalTransitionError("session", session.state.value, "conclude")
    proposed = verdict.record
    pack = next((fact.scan for fact in session.scans if isinstance(fact.scan, DrugScan)), None)
    names = verdict.products or ((of.product,) if of is not None and of.product is not None else ())
    product = next((p for p in products if p.id in names), None)
    undone = of if intent.action is Action.UNDO else None
    witness = proposed.witness or intent.witness
    sight = session.sight if witness is not None and session.sight is not None and session.sight.witness == witness.id else None
    continued = intent.of_record if intent.action is not Action.UNDO else None
    return AdministrationRecord(
        record_id=record_id,
        facility=place.facility,
        ward=place.ward,
        cart=place.cart,
        patient=patient.id,
        mrn=patient.mrn,
        order=verdict.order or ((of.order or None) if of is not None else None),
        order_version=verdict.order_version,
        due=verdict.due or (undone.due if undone is not None else None),
        action=intent.action.value,
        status=_status(intent, of, proposed.status),
        status_reason=proposed.reason if proposed.reason is not None else intent.reason,
        reason_text=intent.reason_text,
        product=product.id if product is not None else None,
        product_name=product.name if product is not None else None,
        gtin=pack.gtin if pack is not None else None,
        lot=proposed.lot or (undone.lot if undone is not None else None),
        expiry=proposed.expiry,
        serial=proposed.serial or (undone.serial if undone is not None else None),
        dose=proposed.dose or intent.dose or (undone.dose if undone is not None else None),
        route=proposed.route,
        site=proposed.site or (of.site if of is not None else None),
        waste=proposed.waste,
        prn_reason=intent.prn_reason,
        effective_at=proposed.given_at or now,
        recorded_at=now,
        nurse=nurse.id,
        witness=witness.id if witness is not None else None,
        level=max((finding.level for finding in verdict.findings), default=Level.PASS).name,
        findings=evidence_of(verdict),
        engine=verdict.engine,
        policy=verdict.policy,
        scans=session.evidence,
        chart_version=place.chart_version,
        online=place.online,
        clock_offset_s=place.clock_offset_s,
        clock_age_s=place.clock_age_s,
        clock_wall_at=place.clock_wall_at,
        lease_fence=place.lease_fence,
        amends=intent.of_record if intent.action is Action.UNDO else None,
        continues=continued or proposed.continues,
        bag=proposed.bag or (of.bag if of is not None else None),
        rate=_flow(proposed.rate or intent.rate, intent.drop_factor),
        drop_factor=proposed.drop_factor or intent.drop_factor,
        returned=proposed.returned or intent.returned,
        blind_value=intent.blind_value,
        effect=proposed.effect or intent.effect,
        witness_cart=(sight.cart or place.cart) if sight is not None else None,
        witnessed_at=sight.at if sight is not None else None,
        witness_request=sight.request if sight is not None else None,
    )


def _status(intent: Intent, of: HistoryEntry | None, proposed: str) -> str:
    """Of an act on a running infusion as the lifecycle table says: what ends without a reason ran in to its end."""
    if of is None or intent.action not in (Action.HOLD, Action.STOP) or of.status not in lifecycle.OPEN:
        return proposed
    if intent.action is Action.HOLD:
        event: lifecycle.Event = lifecycle.Paused()
    else:
        event = lifecycle.Halted() if intent.reason is not None else lifecycle.Finished()
    return lifecycle.advance(lifecycle.Status(of.status), event).value


def _flow(rate: Quantity | None, drop_factor: int | None) -> Quantity | None:
    """Counted drops go on the record as the flow that they make; the drop factor beside it says that they were counted."""
    return infusion.as_flow(rate, drop_factor) if rate is not None else None


def evidence_of(verdict: Verdict) -> tuple[FindingEvidence, ...]:
    """The findings that were shown, then those of rules that are only tried."""
    shown = tuple(finding_evidence(finding) for finding in verdict.findings)
    return (*shown, *(replace(finding_evidence(finding), shadow=True) for finding in verdict.shadow))


def finding_evidence(finding: Finding) -> FindingEvidence:
    """A finding as it goes on the record."""
    return FindingEvidence(
        rule=finding.rule,
        level=finding.level.name,
        satisfied=finding.satisfied,
        unknown=finding.unknown,
        facts=finding.facts,
        remedy=finding.remedy,
        params=finding.params,
    )
