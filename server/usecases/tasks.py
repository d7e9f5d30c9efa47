"""What people do about tasks: answer them, once. Whoever is first has answered; everybody later is told who and what.

An answer does what it says in the same transaction: a linked barcode is in the formulary, a dose that is on its way is on the carts,
an acknowledged drug has its order, an explained count is the drawer's stock from then on.
"""

from __future__ import annotations

from uuid import uuid4

from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError, UnreadableError
from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from server.store import administrations, discrepancies, orders, patients, products, reach, tasks, versions
from server.store.discrepancies import Discrepancy
from server.store.tasks import Task
from server.store.transaction import Actor, Transaction
from server.usecases import barcodes, changes, controlled, prescribing, recalls
from server.usecases.permission import require, text
from server.usecases.task_kinds import (
    ACKNOWLEDGEMENT,
    CONTROLLED_COUNT,
    DOSE_REQUEST,
    KINDS,
    RECALL_LIFT,
    UNKNOWN_BARCODE,
    Answer,
)


def answer(tx: Transaction, actor: Actor, task_id: int, *, revision: int, code: str, words: str = "", product: str | None = None) -> Task:
    """Answers the task as it was on the screen at `revision`. `product` is what a barcode is linked to.

    Raises: NotPermittedError (the role, or one's own doing), NotFoundError, ConflictError (somebody was faster, or it came again
    meanwhile), UnreadableError (no such answer), TextMissingError."""
    task = tasks.get(tx, task_id)
    kind = KINDS[task.kind]
    chosen = next((one for one in kind.answers if one.code == code), None)
    if chosen is None:
        raise UnreadableError(f"{code!r} does not answer a task of kind {task.kind}", remedy=_known(kind.answers), code=code)
    require(tx, actor, *chosen.roles)
    patient_ward = patients.ward_of(tx, task.patient) if task.patient else None
    if not reach.counts(tx, *chosen.roles, ward=task.ward, patient=task.patient, patient_ward=patient_ward):
        raise NotPermittedError("here you only help out", remedy="ask the charge nurse of the ward", task=task_id)
    if kind.not_by_doer and task.detail.get("nurse") == actor.id:
        raise NotPermittedError(
            "nobody answers for what they did themselves", remedy="another person of this role must look at it", task=task_id
        )
    if task.revision != revision or task.status not in chosen.asked_in:
        raise _changed(task)
    said = text(words, "answer") if chosen.needs_text else words.strip()[:2000]
    owner = "prescriber" if chosen.code == "propose" else None
    noted = barcodes.noted(tx, actor, task, chosen, product) if task.kind == UNKNOWN_BARCODE else None
    if not tasks.answer(tx, task_id, revision=revision, status=chosen.status, code=code, text=said, owner=owner, detail=noted):
        raise _changed(tasks.get(tx, task_id))
    detail = _carry_out(tx, actor, task, chosen, said, product)
    told = {"before": {"status": task.status, "answer": task.answer_code}, "after": {"status": chosen.status, "answer": code, "text": said}}
    tx.audit(f"task.{code}", f"task/{task_id}", {"kind": task.kind, "key": task.key, "patient": task.patient, **told, **detail})
    return tasks.get(tx, task_id)


def _carry_out(tx: Transaction, actor: Actor, task: Task, chosen: Answer, said: str, product: str | None) -> dict[str, object]:
    """What the answer does beside being written down; returned is what the audit says of it."""
    if task.kind in prescribing.KINDS:
        return prescribing.carry_out(tx, actor, task, chosen, said)
    if task.kind == DOSE_REQUEST and task.patient:
        versions.bump(tx, patients.ward_of(tx, task.patient) or task.ward)
    elif task.kind == UNKNOWN_BARCODE and chosen.code == "link":
        return {"product": barcodes.match(tx, actor, task, product or str(task.detail.get("proposed", "")), said).id}
    elif task.kind == RECALL_LIFT and chosen.code == "lift-recall":
        return recalls.lift(tx, task)
    elif task.kind == ACKNOWLEDGEMENT and chosen.code == "acknowledge":
        return {"order": _document(tx, actor, task, said).id}
    elif task.kind == ACKNOWLEDGEMENT:
        _dispute(tx, task, said)
    elif task.kind == CONTROLLED_COUNT and task.product:
        controlled.adjust(tx, task_id=task.id, by=actor.id, at=tx.at, detail=task.detail, product=task.product, note=said)
    return {}


def _document(tx: Transaction, actor: Actor, task: Task, said: str) -> Order:
    """The order that the prescriber would have written: completed, so that nothing more is given by it."""
    found = administrations.get(tx, task.record_id or "")
    if found is None:
        raise NotFoundError("the record of this drug is not here", remedy="look at the list again", record_id=task.record_id)
    record = found.record
    held = next((one for one in products.listed(tx) if one.id == record.product), None)
    ingredient = "/".join(part.name for part in held.ingredients) if held is not None and held.ingredients else ""
    order = Order(
        id=f"o-{uuid4().hex[:12]}",
        version=1,
        patient=record.patient,
        ingredient=ingredient or record.product_name or record.product or record.gtin or "?",
        form=held.form if held is not None else "",
        route=record.route or "",
        category=OrderCategory.ONCE,
        status=OrderStatus.COMPLETED,
        dose=record.dose,
        start=record.effective_at,
        end=record.effective_at,
        indication=said or record.reason_text or record.status_reason,
        display=record.product_name or "",
        prescriber=actor.id,
    )
    if not patients.known(tx, (record.patient,)):
        raise NotFoundError(f"patient {record.patient!r} is not known", remedy="admit or import the patient first", patient=record.patient)
    orders.insert_order(tx, order, source="acknowledged")
    orders.insert_version(tx, order, action="acknowledged", reason=f"record {record.record_id}")
    tx.audit("order.acknowledge", f"order/{order.id}", {"record": record.record_id, "patient": record.patient, **changes.told(None, order)})
    versions.bump(tx, patients.ward_of(tx, record.patient))
    return order


def _dispute(tx: Transaction, task: Task, said: str) -> None:
    """The prescriber will not stand for it: charge nurse and pharmacist see that."""
    raised = Discrepancy(
        code="disputed-emergency",
        record_id=task.record_id or task.key,
        ward=task.ward,
        patient=task.patient or "",
        detail={"prescriber": tx.actor.id, "words": said},
    )
    discrepancies.raise_all(tx, (raised,))


def _changed(task: Task) -> ConflictError:
    if task.is_open:
        return ConflictError(
            f"task {task.id} changed meanwhile", remedy="look at it again and decide anew", task=task.id, status=task.status
        )
    return ConflictError(
        f"task {task.id} was answered by {task.answered_by or 'nobody'}: {task.answer_code or task.status}"
        + (f" ({task.answer})" if task.answer else ""),
        remedy="look at the answer that is there",
        task=task.id,
        status=task.status,
        answered_by=task.answered_by,
        answer=task.answer_code,
    )


def _known(answers: tuple[Answer, ...]) -> str:
    return f"one of {', '.join(one.code for one in answers)}"
