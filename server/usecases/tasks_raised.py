"""Which tasks a record, a stopped attempt or a cart's event raises, and which it settles: in the same transaction as what causes it.

An ordinary dose costs no statement here, and one where it came out of a drawer.
Nothing is refused and nothing is decided: a person answers. The same record again never
gets this far, for it is stored once; what comes again under a new id is noted on the task that is there.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import PointOfCareError
from pointofcare.orders import timing
from pointofcare.orders.order import Order
from pointofcare.verdict import reason
from pointofcare.verdict.facts import Action, Scanned
from pointofcare.verdict.finding import Verdict
from pointofcare.verdict.policy import DEFAULT_POLICY, Policy
from pointofcare.wire.messages import AttemptStopped, FleetEvent
from server.store import tasks
from server.store.bedside import Look
from server.store.tasks import NewTask
from server.store.transaction import Transaction
from server.usecases import barcodes, conflicts, controlled, drawer_findings, drawer_rules, pins, ward_staff
from server.usecases.task_kinds import ACKNOWLEDGEMENT, CONTROLLED_BALANCE, DOSE_REQUEST, RE_TIMING

GIVING = frozenset({Action.GIVE, Action.START})
UNAVAILABLE = "unavailable"
WITHDRAWN = "entered-in-error"
# What stands or falls with the record that raised it.
OF_RECORD = frozenset({DOSE_REQUEST, ACKNOWLEDGEMENT, RE_TIMING, CONTROLLED_BALANCE})


def after_record(tx: Transaction, record: AdministrationRecord, look: Look, second: Verdict | None, scans: tuple[Scanned, ...]) -> None:
    """What the record asks of people. `look` is the server's own, from before the record."""
    policy = look.policy or DEFAULT_POLICY
    if record.amends is not None:
        settled = [task.id for task in look.tasks if task.kind in OF_RECORD and task.record_id == record.amends]
        tasks.cancel(tx, settled, why="withdrawn", by_record=record.record_id)
        if _is_controlled(record, look, policy):
            controlled.withdraw(tx, record.amends)
    if record.status == WITHDRAWN or any(row.amends == record.record_id for row in look.given):
        return
    order = next((one for one in look.orders if one.id == record.order), None)
    if record.action in GIVING and record.status in ("completed", "in-progress"):
        given = [task.id for task in look.tasks if task.kind == DOSE_REQUEST and _same_dose(task.order, task.due, record)]
        tasks.cancel(tx, given, why="given", by_record=record.record_id)
        if record.order is None:
            tasks.put(tx, _acknowledgement(record, policy))
        late = _late(record, second)
        if late is not None and order is not None:
            tasks.put(tx, _re_timing(record, order, look.timezone, late))
    if record.status == "not-done" and reason.code_of(record.status_reason or "") == UNAVAILABLE:
        tasks.put(tx, _request(tx, record, order, policy), reopen=True)
    controlled.after_record(tx, record, look, scans, policy)
    drawer_findings.after_record(tx, record)
    barcodes.noticed(
        tx,
        findings=record.findings,
        scans=record.scans,
        record_id=record.record_id,
        ward=record.ward,
        cart=record.cart,
        nurse=record.nurse,
        patient=record.patient,
        order=record.order,
        at=record.effective_at,
    )


def after_attempt(tx: Transaction, attempt: AttemptStopped) -> None:
    """Labels that stopped the dose because they could not be read or the formulary does not know them (G5)."""
    barcodes.noticed(
        tx,
        findings=attempt.findings,
        scans=attempt.scans,
        record_id=attempt.record_id,
        ward=attempt.ward,
        cart=attempt.cart,
        nurse=attempt.nurse,
        patient=attempt.patient,
        order=attempt.order,
        at=attempt.at,
    )


def after_event(tx: Transaction, cart: str, event: FleetEvent) -> None:
    """A blind count of controlled stock, a conflict that a nurse has read of, somebody of another ward, what happens at a drawer; any
    other event raises nothing."""
    drawer_findings.after_event(tx, cart, event)
    drawer_rules.after_event(tx, cart, event)
    pins.after_event(tx, cart, event)
    controlled.after_event(tx, cart, event)
    conflicts.after_event(tx, cart, event)
    ward_staff.after_event(tx, cart, event)


def _is_controlled(record: AdministrationRecord, look: Look, policy: Policy) -> bool:
    product = next((one for one in look.products if one.id == record.product), None)
    return product is None or controlled.is_controlled(product, policy)


def _same_dose(order: str | None, due: datetime | None, record: AdministrationRecord) -> bool:
    return order is not None and order == record.order and due == record.due


def _acknowledgement(record: AdministrationRecord, policy: Policy) -> NewTask:
    return NewTask(
        kind=ACKNOWLEDGEMENT,
        key=record.record_id,
        ward=record.ward,
        patient=record.patient,
        product=record.product,
        record_id=record.record_id,
        detail={
            **_drug(record, None),
            "route": record.route,
            "nurse": record.nurse,
            "given_at": record.effective_at.isoformat(),
            "reason": record.status_reason,
            "reason_text": record.reason_text,
        },
        due_by=record.effective_at + policy.acknowledge_within,
    )


def _late(record: AdministrationRecord, second: Verdict | None) -> dict[str, Any] | None:
    """The facts of T4, as the server or else as the nurse saw them."""
    judged = second.findings if second is not None else ()
    found = [finding.facts for finding in judged if finding.rule == "T4"] + [told.facts for told in record.findings if told.rule == "T4"]
    return dict(found[0]) if found else None


def _re_timing(record: AdministrationRecord, order: Order, zone: str | None, late: dict[str, Any]) -> NewTask:
    detail = {
        **_drug(record, order),
        "given_at": record.effective_at.isoformat(),
        "minutes_left": late.get("minutes"),
        "nurse": record.nurse,
    }
    try:
        following = timing.next_due(order, zone, (record.due or record.effective_at) + timedelta(microseconds=1))
        spacing = timing.interval(order)
    except PointOfCareError:
        following, spacing = None, None
    if following is not None:
        detail["next"] = following.isoformat()
    if spacing is not None:
        detail["proposed"] = (record.effective_at + spacing).isoformat()
    return NewTask(
        kind=RE_TIMING,
        key=record.record_id,
        ward=record.ward,
        patient=record.patient,
        order=record.order,
        due=record.due,
        product=record.product,
        record_id=record.record_id,
        detail=detail,
        due_by=following,
    )


def _request(tx: Transaction, record: AdministrationRecord, order: Order | None, policy: Policy) -> NewTask:
    due = "" if record.due is None else record.due.astimezone(UTC).isoformat()
    return NewTask(
        kind=DOSE_REQUEST,
        key=f"{record.order}@{due}" if record.order and due else record.record_id,
        ward=record.ward,
        patient=record.patient,
        order=record.order,
        due=record.due,
        product=record.product,
        record_id=record.record_id,
        detail={
            **_drug(record, order),
            "nurse": record.nurse,
            "reason_text": record.reason_text,
            "asked_at": record.effective_at.isoformat(),
        },
        # From when the server knew: the pharmacy cannot answer before.
        due_by=tx.at + policy.request_answer_within,
    )


def _drug(record: AdministrationRecord, order: Order | None) -> dict[str, Any]:
    line = record.product_name or (order.display or order.ingredient if order is not None else "") or record.product or record.gtin or ""
    dose = record.dose if record.dose is not None else order.dose if order is not None else None
    return {"name": line, "dose": None if dose is None else str(dose)}
