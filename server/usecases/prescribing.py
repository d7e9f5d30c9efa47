"""What a prescriber owes the ward: an allergy's stop lifted or confirmed, what was said signed for, and a look at what was not given.

A lifted stop is a new version of that one order, which a pharmacist verifies again and a cart then shows with the reason; a confirmed one
ends the order. Nothing here changes the allergy list.
"""

from __future__ import annotations

from dataclasses import replace

from pointofcare.errors import IllegalTransitionError, NotFoundError
from pointofcare.orders.order import Interaction, OrderStatus
from pointofcare.people import StaffRole
from pointofcare.verdict.moment import plain
from pointofcare.wire.messages import AttemptStopped
from server.store import discrepancies, orders, products, tasks, views_prescriber
from server.store.discrepancies import Discrepancy
from server.store.tasks import NewTask, Task
from server.store.transaction import Actor, Transaction
from server.usecases import order_checks
from server.usecases import orders as order_verbs
from server.usecases.permission import require
from server.usecases.task_kinds import ALLERGY_STOP, CO_SIGNATURE, Answer

KINDS = frozenset({ALLERGY_STOP, CO_SIGNATURE})
_RULE = "D10"
_LONGEST = 100


def after_attempt(tx: Transaction, attempt: AttemptStopped) -> None:
    """A dose that an allergy stopped is the prescriber's to answer: one task for each order and substance, open again when it comes
    again."""
    if attempt.order is None or attempt.patient is None:
        return
    stops = [one for one in attempt.findings if one.rule == _RULE and one.level == "STOP" and one.facts.get("cause") == "allergy"]
    for finding in stops:
        substance = str(finding.facts.get("substance") or "")[:_LONGEST]
        found = orders.find(tx, attempt.order)
        if found is None:
            continue
        tasks.put(
            tx,
            NewTask(
                kind=ALLERGY_STOP,
                key=f"{attempt.order}@{substance}",
                ward=attempt.ward,
                patient=attempt.patient,
                order=attempt.order,
                record_id=attempt.record_id,
                detail={
                    "name": found.order.display or found.order.ingredient,
                    "dose": None if found.order.dose is None else str(found.order.dose),
                    "route": found.order.route,
                    "substance": substance,
                    "nurse": attempt.nurse,
                    "reason_text": substance,
                },
                due_by=tx.at + products.policy(tx, attempt.ward).request_answer_within,
            ),
            reopen=True,
        )


def carry_out(tx: Transaction, actor: Actor, task: Task, chosen: Answer, said: str) -> dict[str, object]:
    """What the answer does to the order; returned is what the audit says of it. Raises: NotFoundError, IllegalTransitionError,
    ConflictError."""
    found = orders.get(tx, task.order or "")
    order = found.order
    if task.kind == CO_SIGNATURE:
        if chosen.code == "dispute-order":
            _withhold(tx, actor, task, said)
        return {"order": order.id, "version": order.version}
    if order.status not in order_verbs.LIVE:
        raise IllegalTransitionError("order", str(order.status), chosen.code)
    if chosen.code == "confirm-allergy":
        order_verbs.stop(tx, actor, order.id, order.version, reason=said)
        return {"order": order.id, "decision": "confirmed"}
    listed = [one.strip() for one in str(task.detail.get("substance") or "").split(", ") if one.strip()]
    if not listed:
        raise NotFoundError("the substance is not known", remedy="amend the order by hand")
    kept = tuple(one for one in order.interactions if not (one.severity == order_checks.ALLERGY and one.other in listed))
    added = tuple(Interaction(other=one, severity=order_checks.ALLERGY, reason=said, prescriber=actor.id) for one in listed)
    changed = replace(order, interactions=(*kept, *added))
    order_verbs.amend(tx, actor, changed, version=order.version, reason=said)
    return {"order": order.id, "decision": "lifted", "substances": [plain(one) for one in listed]}


def see(tx: Transaction, actor: Actor, record_id: str) -> bool:
    """The prescriber has seen that a dose was not given. Raises: NotPermittedError, NotFoundError, OtherWardError."""
    require(tx, actor, StaffRole.PRESCRIBER)
    found = views_prescriber.find(tx, record_id)
    if found is None or found[1] not in ("not-done", "on-hold"):
        raise NotFoundError("there is no such dose", remedy="look at the list again", record_id=record_id)
    is_new = views_prescriber.see(tx, record_id)
    if is_new:
        tx.audit("dose.seen", f"administration/{record_id}", {"patient": found[0]})
    return is_new


def _withhold(tx: Transaction, actor: Actor, task: Task, said: str) -> None:
    """The prescriber did not order this: nothing more is given by it, and charge nurse and pharmacist see that."""
    found = orders.get(tx, task.order or "")
    if found.order.status is OrderStatus.ACTIVE:
        order_verbs.hold(tx, actor, found.order.id, found.order.version, reason=said)
    elif found.order.status is OrderStatus.DRAFT:
        order_verbs.stop(tx, actor, found.order.id, found.order.version, reason=said)
    raised = Discrepancy(
        code="disputed-order",
        record_id=task.key,
        ward=task.ward,
        patient=task.patient or "",
        detail={"prescriber": actor.id, "words": said},
    )
    discrepancies.raise_all(tx, (raised,))
