"""What is kept of a dose that was not given: the values that go to the journal's attempts. Pure; it draws no id and no time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from pointofcare.administration import conclusion
from pointofcare.administration.conclusion import Place
from pointofcare.administration.record import AdministrationRecord
from pointofcare.administration.session import Session
from pointofcare.verdict.finding import Finding, Level, Verdict
from pointofcare.wire.messages import AttemptOutcome, AttemptStopped

_IDENTITY = frozenset({"P1", "P2", "P3", "P5", "P6", "P7", "P8"})


def identity_stop(verdict: Verdict, unknown: str) -> Verdict | None:
    """What `verdict` says of the band and the nurse alone, when that is a stop. `unknown`: why the band names nobody, "" when it
    names one patient; a band that names nobody is a stop whatever else was found."""
    findings = tuple(f for f in verdict.findings if f.rule in _IDENTITY)
    stops = any(f.level is Level.STOP and not f.satisfied for f in findings)
    if unknown and not stops:
        findings = (Finding(rule="P1", level=Level.STOP, facts={"cause": unknown}, remedy="scan-band", unknown=True), *findings)
    elif not stops:
        return None
    return replace(verdict, level=Level.STOP, findings=findings, order=None, order_version=None, due=None, record=None)


def attempt(session: Session, outcome: AttemptOutcome, verdict: Verdict, *, record_id: str, now: datetime, place: Place) -> AttemptStopped:
    """A dose that `verdict` stopped, or that was asked about and given up. The journal sets `seq` and `epoch`."""
    return AttemptStopped(
        record_id=record_id,
        facility=place.facility,
        ward=place.ward,
        cart=place.cart,
        at=now,
        outcome=outcome,
        nurse=session.nurse.id if session.nurse is not None else None,
        patient=session.patient,
        order=verdict.order,
        order_version=verdict.order_version,
        due=verdict.due,
        action=session.intent.action.value,
        level=verdict.level.name,
        findings=conclusion.evidence_of(verdict),
        scans=session.evidence,
        engine=verdict.engine,
        policy=verdict.policy,
        chart_version=place.chart_version,
        online=place.online,
        seq=1,
        epoch="",
        witness=session.intent.witness.id if session.intent.witness is not None else None,
        reason=session.intent.reason,
        products=verdict.products,
    )


def left_open(opened: AdministrationRecord, *, told_by: str, reason: str | None, now: datetime) -> AttemptStopped:
    """A dose that was verified and, as `told_by` says now, not taken. It keeps the dose's own id, which closes it."""
    return AttemptStopped(
        record_id=opened.record_id,
        facility=opened.facility,
        ward=opened.ward,
        cart=opened.cart,
        at=now,
        outcome=AttemptOutcome.LEFT_OPEN,
        nurse=told_by,
        patient=opened.patient,
        order=opened.order,
        order_version=opened.order_version,
        due=opened.due,
        action=opened.action,
        level=opened.level,
        findings=opened.findings,
        scans=opened.scans,
        engine=opened.engine,
        policy=opened.policy,
        chart_version=opened.chart_version,
        online=opened.online,
        seq=1,
        epoch="",
        witness=opened.witness,
        reason=reason,
        products=(opened.product,) if opened.product is not None else (),
    )


def told_late(opened: AdministrationRecord, *, told_by: str, reason: str, text: str, now: datetime) -> AdministrationRecord:
    """A dose that was verified and, as `told_by` says now, taken. What it was given for stays; why it is told late is added."""
    late = " ".join(part for part in (text, f"[told by {told_by}]" if opened.nurse != told_by else "") if part)
    if opened.status_reason is None and opened.reason_text is None:
        return replace(opened, recorded_at=now, status_reason=reason, reason_text=late or None)
    kept = "; ".join(part for part in (opened.reason_text or "", f"[told late: {reason}] {late}".strip()) if part)
    return replace(opened, recorded_at=now, reason_text=kept)


def asked_for(verdict: Verdict) -> list[str]:
    """The rules that stand between `verdict` and the dose."""
    return [finding.rule for finding in verdict.findings if not finding.satisfied]
