"""An order that a prescriber wrote on paper or said, entered by a nurse: a draft that no cart gives until a second person has compared it.

Who ordered it, when, and that it was read back are part of it. What was said is signed for by the prescriber afterwards. Must never let
the person who copied it be the one who compares it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from pointofcare.errors import ConflictError, IllegalTransitionError, NotFoundError, NotPermittedError, UnreadableError
from pointofcare.orders.order import Order, OrderStatus
from pointofcare.people import StaffRole
from server.store import orders, patients, products, tasks, transcriptions, views_prescriber
from server.store.orders import OrderView
from server.store.tasks import NewTask
from server.store.transaction import Actor, Transaction
from server.store.transcriptions import Transcription
from server.usecases import clarification as clarify
from server.usecases import orders as order_verbs
from server.usecases.permission import require, text
from server.usecases.task_kinds import CO_SIGNATURE

WAYS: Final = ("verbal", "phone", "paper")
SAID: Final = frozenset({"verbal", "phone"})
WRITERS = (StaffRole.NURSE, StaffRole.CHARGE_NURSE)
CHECKERS = (StaffRole.NURSE, StaffRole.CHARGE_NURSE, StaffRole.PHARMACIST, StaffRole.PRESCRIBER)
UNCHECKED: Final = "clarify-transcription-unchecked"
OLDEST = timedelta(hours=48)


def is_unchecked(view: OrderView) -> bool:
    return view.order.status is OrderStatus.DRAFT and UNCHECKED in (view.clarification or "")


def transcribe(tx: Transaction, actor: Actor, order: Order, *, way: str, ordered_by: str, ordered_at: datetime, read_back: bool) -> Order:
    """Raises: NotPermittedError, NotFoundError (patient, prescriber), OtherWardError, UnreadableError, ConflictError (it is there)."""
    require(tx, actor, *WRITERS)
    found = patients.get(tx, order.patient)
    if way not in WAYS:
        raise UnreadableError("how the order was given is missing", remedy="choose one", field="way", says="way")
    if way in SAID and not read_back:
        raise UnreadableError("it was not read back", remedy="read the order back first", field="read_back", says="read-back")
    if not tx.at - OLDEST <= ordered_at <= tx.at + timedelta(minutes=5):
        raise UnreadableError("the time of the order is not of the last days", remedy="correct it", field="ordered_at", says="ordered-at")
    if ordered_by == actor.id or ordered_by not in views_prescriber.prescribers(tx):
        raise NotFoundError("the prescriber is not known", remedy="choose who ordered it", field="ordered_by", says="ordered-by")
    if orders.find(tx, order.id) is not None:
        raise ConflictError(f"order {order.id} exists", remedy="look at the patient's orders", says="order-exists")
    placed = order_verbs.receive(tx, replace(order, prescriber=ordered_by), source="transcribed", clarification=f"{UNCHECKED}={way}")
    row = Transcription(order=placed.id, way=way, ordered_by=ordered_by, ordered_at=ordered_at, read_back=read_back, by=actor.id, at=tx.at)
    transcriptions.add(tx, row)
    if way in SAID:
        within = products.policy(tx, found.ward or "").acknowledge_within
        tasks.put(
            tx,
            NewTask(
                kind=CO_SIGNATURE,
                key=placed.id,
                ward=found.ward or "",
                patient=placed.patient,
                order=placed.id,
                detail={
                    "name": placed.display or placed.ingredient,
                    "dose": None if placed.dose is None else str(placed.dose),
                    "route": placed.route,
                    "nurse": actor.id,
                    "ordered_by": ordered_by,
                    "given_at": None,
                    "way": way,
                },
                due_by=ordered_at + within,
            ),
        )
    told = {"patient": placed.patient, "way": way, "ordered_by": ordered_by, "ordered_at": ordered_at.isoformat(), "read_back": read_back}
    tx.audit("order.transcribe", f"order/{placed.id}", told)
    return placed


def check(tx: Transaction, actor: Actor, order: str, version: int, *, right: bool, comment: str = "") -> OrderView:
    """A second person compared it with the paper, or heard it too. A pharmacist who finds it right verifies it with that.

    Raises: NotPermittedError (the role, or one's own copy), NotFoundError, OtherWardError, ConflictError, TextMissingError (what is
    wrong), IllegalTransitionError (it was checked, or amended by a prescriber)."""
    require(tx, actor, *CHECKERS)
    found = orders.get(tx, order)
    copied = transcriptions.of_orders(tx, (order,)).get(order)
    if copied is None or not is_unchecked(found):
        raise IllegalTransitionError("transcription", copied.outcome or str(found.order.status) if copied else "none", "check")
    if actor.id == copied.by:
        raise NotPermittedError("nobody compares the own copy", remedy="ask a colleague to look at it", says="own-copy")
    if found.order.version != version:
        raise ConflictError(f"order {order} was changed meanwhile", remedy="look at it again", order=order, says="order-changed")
    said = comment.strip()[:2000] if right else text(comment, "comment")
    if right:
        bare = clarify.marked(replace(found.order, status=OrderStatus.ACTIVE, clarification=""))
        order_verbs.carry(tx, found, replace(bare, version=version + 1), action="checked", reason=said or copied.way)
    else:
        ended = replace(found.order, version=version + 1, status=OrderStatus.CANCELLED)
        order_verbs.carry(tx, found, ended, action="stopped", reason=said)
        owed = tasks.find(tx, CO_SIGNATURE, order)
        if owed is not None:
            tasks.cancel(tx, (owed.id,), why="withdrawn")
    if not transcriptions.check(tx, order, outcome="right" if right else "wrong", comment=said):
        raise ConflictError("somebody compared it already", remedy="look at it again", says="checked-already")
    told = {
        "patient": found.order.patient,
        "before": {"outcome": None},
        "after": {"outcome": "right" if right else "wrong", "comment": said},
    }
    tx.audit("order.compare", f"order/{order}", {**told, "by": copied.by})
    newest = orders.get(tx, order)
    if right and actor.has(StaffRole.PHARMACIST) and newest.order.status is OrderStatus.ACTIVE:
        return order_verbs.verify(tx, actor, order, newest.order.version)
    return newest
