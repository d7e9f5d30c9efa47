"""S2 and T7 on the web: withdrawing a record, and closing an overdue dose with a reason. Each writes a new record by the same way as a
cart's: its own id, evaluated, in the outbox, audited. Nothing is changed or deleted, and nobody closes a dose but a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from pointofcare.administration.conclusion import finding_evidence
from pointofcare.administration.lifecycle import Status
from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError, PointOfCareError, UnreadableError
from pointofcare.orders import timing
from pointofcare.people import StaffRole
from pointofcare.verdict import engine, reason
from pointofcare.verdict.facts import Action
from pointofcare.verdict.finding import Level
from pointofcare.wire.messages import TableKind
from server.store import administrations as store
from server.store import bedside, orders, patients, products, reach, versions
from server.store.orders import OrderView
from server.store.transaction import Actor, Transaction
from server.usecases import administrations, facts
from server.usecases.administrations import Recorded
from server.usecases.facts import Site
from server.usecases.permission import require, text

SERVER = "server"
# The coded reason that stands for words of one's own (pointofcare.verdict.reason).
JUDGEMENT = "clinical-judgement"
# Reasons that a charge nurse may close an overdue dose with: those for a dose that was not given.
NOT_GIVEN_REASONS = ("off-ward", "npo", "procedure", "refused", "vomited", "unavailable", "prescriber-confirmed", "clinical-judgement")


def withdraw(tx: Transaction, actor: Actor, record_id: str, *, why: str, site: Site | None = None) -> Recorded:
    """The record was a mistake: what it says did not happen. By who gave it, or a charge nurse.

    Raises: NotPermittedError, NotFoundError, ConflictError (it was corrected already, another record goes on with it, or another
    patch is on), TextMissingError."""
    found = store.get(tx, record_id)
    if found is None:
        raise NotFoundError(f"record {record_id!r} is not known", remedy="look at the list again", record_id=record_id)
    old = found.record
    patient_ward = patients.ward_of(tx, old.patient)
    leads = reach.counts(tx, StaffRole.CHARGE_NURSE, ward=old.ward, patient=old.patient, patient_ward=patient_ward)
    if actor.id != tx.actor.id or (actor.id != old.nurse and not leads):
        raise NotPermittedError(
            "only who made the record or a charge nurse may withdraw it", remedy="ask one of them", actor=actor.id, record_id=record_id
        )
    words = text(why, "reason")
    if found.amended_by is not None or old.status == Status.ENTERED_IN_ERROR:
        raise ConflictError(f"record {record_id} was corrected already", remedy="look at the newest record", record_id=record_id)
    _nothing_goes_on(tx, old)
    made = replace(
        old,
        record_id=str(uuid4()),
        cart=SERVER,
        action=Action.UNDO.value,
        status=Status.ENTERED_IN_ERROR.value,
        status_reason=JUDGEMENT,
        reason_text=words,
        effective_at=tx.at,
        recorded_at=tx.at,
        nurse=actor.id,
        witness=None,
        scans=(),
        online=True,
        clock_offset_s=0.0,
        lease_fence=None,
        amends=old.record_id,
        continues=None,
    )
    return write(tx, made, site or Site(), action="administration.withdraw", detail={"amends": record_id, "reason": words})


def close_overdue(
    tx: Transaction, actor: Actor, order_id: str, due: datetime, *, code: str, words: str = "", site: Site | None = None
) -> Recorded:
    """A person says why an overdue dose was not given. Never done by a program.

    Raises: NotPermittedError, NotFoundError (the order), UnreadableError (no coded reason, or the order has no such dose), ConflictError
    (somebody charted it meanwhile)."""
    require(tx, actor, StaffRole.CHARGE_NURSE)
    view = orders.get(tx, order_id)
    order = view.order
    said = words.strip()[:2000]
    if code not in NOT_GIVEN_REASONS or not reason.is_coded(code, said):
        raise UnreadableError("the reason is missing, or needs words", remedy="choose a reason; clinical judgement needs words", code=code)
    if due > tx.at:
        raise UnreadableError("the dose is not due yet", remedy="wait until it is overdue, or ask the prescriber", order=order_id)
    if not _is_due(tx, view, due, site or Site()):
        raise UnreadableError("the order has no dose at that time", remedy="look at the list again", order=order_id, due=due.isoformat())
    taken = [entry for entry in bedside.of_patient(tx, order.patient).history if entry.order == order.id and entry.due == due]
    if taken:
        raise ConflictError("this dose was charted meanwhile", remedy="look at the record", order=order_id)
    made = AdministrationRecord(
        record_id=str(uuid4()),
        facility=tx.facility,
        ward=view.ward or "",
        cart=SERVER,
        patient=order.patient,
        mrn=view.mrn,
        order=order.id,
        order_version=order.version,
        due=due,
        action=Action.NOT_GIVEN.value,
        status=Status.NOT_DONE.value,
        status_reason=code,
        reason_text=said or None,
        product=None,
        product_name=None,
        gtin=None,
        lot=None,
        expiry=None,
        serial=None,
        dose=None,
        route=order.route,
        site=None,
        waste=None,
        prn_reason=None,
        effective_at=tx.at,
        recorded_at=tx.at,
        nurse=actor.id,
        witness=None,
        level=Level.PASS.name,
        findings=(),
        engine=engine.VERSION,
        policy="",
        scans=(),
        chart_version=0,
        online=True,
        clock_offset_s=0.0,
    )
    detail = {"order": order.id, "due": due.isoformat(), "reason": code}
    return write(tx, made, site or Site(), action="dose.close", detail=detail)


def _is_due(tx: Transaction, view: OrderView, due: datetime, site: Site) -> bool:
    """False also where the order's times cannot be computed: nobody can say that such a dose was not given."""
    ward = patients.ward(tx, view.ward) if view.ward else None
    try:
        times = timing.due_times(view.order, ward.timezone if ward is not None else site.timezone, due, due + timedelta(microseconds=1))
    except PointOfCareError:
        return False
    return due in times


def _nothing_goes_on(tx: Transaction, old: AdministrationRecord) -> None:
    """What was built on the record must be withdrawn first, and a second patch must not come to be by an undo."""
    look = bedside.of_patient(tx, old.patient)
    amended = {row.amends for row in look.given if row.amends is not None}
    later = [
        row.record_id
        for row in look.given
        if row.continues == old.record_id and row.record_id not in amended and row.status != Status.ENTERED_IN_ERROR
    ]
    if later:
        raise ConflictError("another record goes on with this one", remedy="withdraw that one first", record_id=old.record_id, later=later)
    if old.action != Action.REMOVE:
        return
    on = [
        entry.record_id
        for entry in look.history
        if entry.order == (old.order or "")
        and entry.status == Status.COMPLETED
        and entry.removed_at is None
        and entry.record_id != old.continues
    ]
    if on:
        raise ConflictError("another patch is on", remedy="chart the removal of that one first", record_id=old.record_id, on=on)


def write(tx: Transaction, made: AdministrationRecord, site: Site, *, action: str, detail: Mapping[str, object]) -> Recorded:
    """By the way of every record. What the engine says of it stands in it, as it would at a cart."""
    look = facts.look(tx, made, ())
    policy = look.policy or products.policy(tx, made.ward)
    verdict = engine.evaluate(facts.for_record(made, look, (), site, named=True))
    found = tuple(finding_evidence(finding) for finding in verdict.findings if finding.rule not in administrations.CART_ONLY)
    level = max((finding.level for finding in verdict.findings if finding.rule not in administrations.CART_ONLY), default=Level.PASS)
    made = replace(
        made,
        level=level.name,
        findings=found,
        engine=verdict.engine,
        policy=policy.version,
        chart_version=versions.of_ward(tx, made.ward)[TableKind.PATIENT_CHART],
    )
    recorded = administrations.record(tx, made, site=site)
    tx.audit(action, f"administration/{made.record_id}", {**detail, "cart": SERVER})
    return recorded
