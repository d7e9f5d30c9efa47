"""What people do with orders: prescribers place, change, hold and stop them, pharmacists verify, ask and reject.

A change makes a new version; a version is never changed. What is new in content is unverified again. Each verb raises the version of
the patient's chart in the same transaction, so that the carts of the ward get it.
"""

from __future__ import annotations

from dataclasses import replace

from pointofcare.errors import ConflictError, IllegalTransitionError, NotFoundError
from pointofcare.orders.order import Order, OrderStatus
from pointofcare.people import StaffRole
from server.store import identities, orders, patients, versions
from server.store.orders import OrderView, Verification
from server.store.transaction import Actor, Transaction
from server.usecases import changes
from server.usecases import clarification as clarify
from server.usecases.permission import require, text

LIVE = frozenset({OrderStatus.ACTIVE, OrderStatus.ON_HOLD, OrderStatus.DRAFT})
DECIDED = frozenset({Verification.VERIFIED, Verification.REJECTED})


def place(
    tx: Transaction,
    actor: Actor,
    order: Order,
    *,
    source: str = "local",
    emr_id: str | None = None,
    clarification: str | None = None,
    reason: str | None = None,
) -> Order:
    """A new order at version 1, unverified. `clarification`: why it cannot be given by scan yet; it is then kept as a draft. `reason`: why
    it is placed in spite of what was found.

    Raises: NotPermittedError, NotFoundError (patient), ConflictError (the id is taken)."""
    require(tx, actor, StaffRole.PRESCRIBER)
    return _place(tx, order, source=source, emr_id=emr_id, clarification=clarification, reason=reason)


def receive(tx: Transaction, order: Order, *, source: str = "import", emr_id: str | None = None, clarification: str | None = None) -> Order:
    """An order from another system, new or changed: the caller has checked who may import. An order that is the same as ours
    changes nothing. Raises: NotFoundError (patient), ConflictError (it is another patient's)."""
    found = orders.find(tx, order.id)
    if found is None:
        return _place(tx, order, source=source, emr_id=emr_id, clarification=clarification)
    if found.order.patient != order.patient:
        raise ConflictError(
            f"order {order.id} belongs to another patient", remedy="give the order another id", order=order.id, patient=found.order.patient
        )
    if is_same(order, found, clarification):
        return found.order
    only_status = is_same(replace(order, status=found.order.status), found, clarification)
    is_revived = found.order.status not in LIVE and order.status in LIVE  # a pharmacist looks again
    changed = replace(clarify.marked(order, clarification), version=found.order.version + 1, verified=False)
    changed = clarify.following(tx, changed, found.order, found.ward)
    _write(tx, found, changed, action="received", reason=None, keep_verification=only_status and not is_revived)
    return changed


def verified_by_sender(tx: Transaction, order: str) -> None:
    """A pharmacist of the system that sent it has found it right: said so here, where nobody has decided yet and nothing is unclear."""
    view = orders.find(tx, order)
    if view is None or view.clarification or view.order.status is not OrderStatus.ACTIVE or view.verification is not Verification.PENDING:
        return
    said = "verified by the sending system"
    if not orders.set_verification(tx, order, version=view.order.version, state=Verification.VERIFIED, comment=said):
        return
    told = {"before": {"verification": Verification.PENDING.value}, "after": {"verification": Verification.VERIFIED.value}}
    detail = {"patient": view.order.patient, "version": view.order.version, **told}
    tx.audit("order.verified-by-sender", f"order/{order}", detail)
    versions.bump(tx, view.ward)


def is_same(order: Order, found: OrderView, clarification: str | None = None) -> bool:
    """Does a received order say what is known already? Whether it is verified, its version and since when its times hold are ours."""
    ours = found.order
    marked = clarify.marked(order, clarification)
    return replace(marked, version=ours.version, verified=ours.verified, holds_from=ours.holds_from) == ours


def _place(
    tx: Transaction, order: Order, *, source: str, emr_id: str | None, clarification: str | None, reason: str | None = None
) -> Order:
    ward = _ward(tx, order.patient)
    if orders.find(tx, order.id) is not None:
        raise ConflictError(f"order {order.id} exists", remedy="amend it, or draw another id", order=order.id)
    placed = replace(clarify.marked(order, clarification), version=1, verified=False, holds_from=None)
    orders.insert_order(tx, placed, source=source, emr_id=emr_id, clarification=placed.clarification or None)
    orders.insert_version(tx, placed, action="placed", reason=reason)
    told = {"patient": order.patient, "source": source, "version": 1, "reason": reason or "", **changes.told(None, placed)}
    tx.audit("order.place", f"order/{order.id}", told)
    versions.bump(tx, ward)
    return placed


def amend(tx: Transaction, actor: Actor, order: Order, *, version: int, reason: str) -> Order:
    """`order` as it shall be, instead of `version`. It is unverified again.

    Raises: NotPermittedError, NotFoundError, ConflictError (another version by now, or another patient), IllegalTransitionError
    (the order has ended), TextMissingError."""
    require(tx, actor, StaffRole.PRESCRIBER)
    found = _current(tx, order.id, version)
    if found.order.patient != order.patient:
        raise ConflictError("an order never changes its patient", remedy="stop it and place a new one", order=order.id)
    _must_live(found, "amend")
    changed = replace(clarify.marked(order), version=version + 1, verified=False)
    if found.order.status is OrderStatus.DRAFT and clarify.is_held(found.order):
        status = OrderStatus.ON_HOLD if changed.status is OrderStatus.ACTIVE else changed.status
        changed = replace(changed, status=status, clarification=clarify.held(changed.clarification, OrderStatus.ON_HOLD) or "")
    changed = clarify.following(tx, changed, found.order, found.ward)
    _write(tx, found, changed, action="amended", reason=text(reason, "reason"), keep_verification=False)
    return changed


def hold(tx: Transaction, actor: Actor, order: str, version: int, *, reason: str) -> Order:
    """Nothing is given until it is resumed. Raises: as `amend`."""
    return _set_status(tx, actor, order, version, OrderStatus.ON_HOLD, {OrderStatus.ACTIVE}, "held", reason)


def resume(tx: Transaction, actor: Actor, order: str, version: int, *, reason: str) -> Order:
    """Raises: as `amend`."""
    return _set_status(tx, actor, order, version, OrderStatus.ACTIVE, {OrderStatus.ON_HOLD}, "resumed", reason)


def stop(tx: Transaction, actor: Actor, order: str, version: int, *, reason: str) -> Order:
    """For good. Raises: as `amend`."""
    return _set_status(tx, actor, order, version, OrderStatus.STOPPED, set(LIVE), "stopped", reason)


def carry(tx: Transaction, found: OrderView, changed: Order, *, action: str, reason: str) -> None:
    """A new version that another verb has decided on and may decide on: the patient's records were merged, a copy was compared. The
    verification stays as it is."""
    _write(tx, found, changed, action=action, reason=reason, keep_verification=True)


def end_with_stay(tx: Transaction, patient: str, *, reason: str) -> tuple[str, ...]:
    """Every live order of somebody who leaves is stopped for good; their ids. The caller has checked who may."""
    ended = []
    for found in orders.of_anybody(tx, patient):
        if found.order.status not in LIVE:
            continue
        unclear = found.order.clarification or found.clarification or ""
        changed = replace(found.order, version=found.order.version + 1, status=OrderStatus.STOPPED, clarification=unclear)
        _write(tx, found, changed, action="stopped", reason=reason, keep_verification=True)
        ended.append(found.order.id)
    return tuple(ended)


def _set_status(
    tx: Transaction,
    actor: Actor,
    order: str,
    version: int,
    status: OrderStatus,
    allowed: set[OrderStatus],
    action: str,
    reason: str,
) -> Order:
    require(tx, actor, StaffRole.PRESCRIBER)
    found = _current(tx, order, version)
    if found.order.status not in allowed:
        raise IllegalTransitionError("order", str(found.order.status), action)
    unclear = found.order.clarification or found.clarification or ""
    changed = replace(found.order, version=version + 1, status=status, clarification=unclear)
    _write(tx, found, changed, action=action, reason=text(reason, "reason"), keep_verification=True)
    return changed


def verify(
    tx: Transaction, actor: Actor, order: str, version: int, *, comment: str | None = None, seen: Verification | None = None
) -> OrderView:
    """The pharmacist finds `version` right. `seen` is the verification that was on the screen; without it, what another person
    decided meanwhile is never overturned.

    Raises: NotPermittedError, NotFoundError, ConflictError (another version or another decision by now, or it still needs
    clarification), IllegalTransitionError (the order has ended)."""
    require(tx, actor, StaffRole.PHARMACIST)
    found = _current(tx, order, version)
    if found.clarification or found.order.status is OrderStatus.DRAFT:
        raise ConflictError(
            f"order {order} is a draft: it cannot be computed yet", remedy="amend it so that dose and times are clear", order=order
        )
    return _judge(tx, found, Verification.VERIFIED, comment, seen)


def reject(tx: Transaction, actor: Actor, order: str, version: int, *, reason: str, seen: Verification | None = None) -> OrderView:
    """The pharmacist will not have it given. Raises: as `verify`, TextMissingError."""
    require(tx, actor, StaffRole.PHARMACIST)
    return _judge(tx, _current(tx, order, version), Verification.REJECTED, text(reason, "reason"), seen)


def question(tx: Transaction, actor: Actor, order: str, version: int, *, text_: str, seen: Verification | None = None) -> OrderView:
    """The pharmacist asks the prescriber; until then it is not verified. Raises: as `reject`."""
    require(tx, actor, StaffRole.PHARMACIST)
    asked = text(text_, "question")
    found = _current(tx, order, version)
    orders.add_question(tx, order, version=version, text=asked)
    return _judge(tx, found, Verification.QUERIED, asked, seen)


def answer(tx: Transaction, actor: Actor, question: int, *, text_: str) -> orders.Question:
    """The prescriber answers; the order waits for the pharmacist as before. Raises: NotPermittedError, NotFoundError,
    ConflictError (somebody did already)."""
    require(tx, actor, StaffRole.PRESCRIBER)
    said = text(text_, "answer")
    answered = orders.answer_question(tx, question, text=said)
    patient = orders.get(tx, answered.order).order.patient
    detail = {"patient": patient, "question": question, "before": {"answer": None}, "after": {"answer": said}}
    tx.audit("order.answer", f"order/{answered.order}", detail)
    return answered


def _judge(tx: Transaction, found: OrderView, state: Verification, comment: str | None, seen: Verification | None) -> OrderView:
    order = found.order
    _must_live(found, state.value)
    # A rejection is the safe side: it may come without a look at what was decided before.
    decided = found.verification in DECIDED and found.verification_by != tx.actor.id and state is not Verification.REJECTED
    if decided if seen is None else found.verification is not seen:
        raise ConflictError(
            f"order {order.id} is {found.verification.value} by {found.verification_by or 'nobody'} meanwhile",
            remedy="look at it again and decide anew",
            order=order.id,
        )
    if not orders.set_verification(tx, order.id, version=order.version, state=state, comment=comment, before=found.verification):
        raise _changed(order.id)
    detail = {
        "patient": order.patient,
        "version": order.version,
        "before": {"verification": found.verification.value},
        "after": {"verification": state.value, "comment": comment},
    }
    tx.audit(f"order.{state.value}", f"order/{order.id}", detail)
    versions.bump(tx, found.ward)
    return orders.get(tx, order.id)


def _write(
    tx: Transaction,
    found: OrderView,
    changed: Order,
    *,
    action: str,
    reason: str | None,
    keep_verification: bool,
) -> None:
    orders.insert_version(tx, changed, action=action, reason=reason)
    kept = changed.clarification or None
    moved = orders.point_to(tx, changed, expected=found.order.version, keep_verification=keep_verification, clarification=kept)
    if not moved:
        raise _changed(changed.id)
    detail = {"patient": changed.patient, "version": changed.version, "reason": reason or "", **changes.told(found.order, changed)}
    tx.audit(f"order.{action}", f"order/{changed.id}", detail)
    versions.bump(tx, found.ward)


def _current(tx: Transaction, order: str, version: int) -> OrderView:
    found = orders.get(tx, order)
    if found.order.version != version:
        raise _changed(order)
    return found


def _changed(order: str) -> ConflictError:
    return ConflictError(f"order {order} was changed meanwhile", remedy="look at the newest version and decide again", order=order)


def _must_live(found: OrderView, event: str) -> None:
    if found.order.status not in LIVE:
        raise IllegalTransitionError("order", str(found.order.status), event)


def _ward(tx: Transaction, patient: str) -> str | None:
    if not patients.known(tx, (patient,)):
        raise NotFoundError(f"patient {patient!r} is not known", remedy="admit or import the patient first", patient=patient)
    now = identities.held(tx, patient)
    if now != patient:
        raise ConflictError(f"patient {patient} is part of {now} now", remedy="place it with that record", patient=patient, merged_into=now)
    return patients.ward_of(tx, patient)
