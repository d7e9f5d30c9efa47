"""Old records of carts: how many there are, and erasing some of them at a time; and the legal holds that forbid it.

Only what `PRUNED` names can be erased here: nothing of a patient's record, no ledger, no audit. Each erasing asks for the holds in its
own transaction, behind the same lock that a hold is placed behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, tuple_, update

from server.store import identities
from server.store.tables import (
    CartCommandPartRow,
    CartCommandRow,
    CartEventLineRow,
    CartEventRow,
    CartRow,
    DrawerFindingRow,
    LegalHoldRow,
    PatientRow,
    RolloutEventRow,
    RolloutRow,
    StayRow,
    TaskRow,
)
from server.store.tasks import OPEN
from server.store.transaction import Transaction

SITE, CART, PATIENT = "site", "cart", "patient"
BATCH = 500
_LOCK = "retention"
_UNDER_WAY = ("waiting", "requested", "sent", "accepted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    id: int
    kind: str
    subject: str
    reason: str
    placed_by: str
    placed_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pruned:
    """`key` columns that name a row, `age` the column that says how old it is (None: `free` says all of it), `cart` whose it is; `free`
    what must hold besides."""

    row: Any
    key: tuple[Any, ...]
    age: Any
    cart: Any
    free: Callable[[datetime], ColumnElement[bool]]


def _settled_event(_before: datetime) -> ColumnElement[bool]:
    """Below the number up to which nothing is missing: what waits behind a gap is still needed to close it."""
    line = CartEventLineRow
    same = (line.facility == CartEventRow.facility, line.cart == CartEventRow.cart, line.epoch == CartEventRow.epoch)
    return exists().where(*same, line.upto >= CartEventRow.seq)


def _no_event_left(_before: datetime) -> ColumnElement[bool]:
    """Each line was made with an event, and events go when they are past their time: without any the line is older than that. The one
    that the cart tells in now stays, and so does one behind a gap."""
    line, event, cart = CartEventLineRow, CartEventRow, CartRow
    told = exists().where(event.facility == line.facility, event.cart == line.cart, event.epoch == line.epoch)
    now = exists().where(cart.facility == line.facility, cart.id == line.cart, cart.event_epoch == line.epoch)
    return and_(line.gap_at.is_(None), ~told, ~now)


def _ended_rollout(before: datetime) -> ColumnElement[bool]:
    rollout = RolloutRow
    same = (rollout.facility == RolloutEventRow.facility, rollout.id == RolloutEventRow.rollout)
    return exists().where(*same, rollout.is_open.is_(False), rollout.ended_at < before)


def _answered_finding(_before: datetime) -> ColumnElement[bool]:
    task = TaskRow
    waits = exists().where(task.facility == DrawerFindingRow.facility, task.id == DrawerFindingRow.task, task.status.in_(OPEN))
    return ~waits


PRUNED: dict[str, _Pruned] = {
    "cart_events": _Pruned(
        row=CartEventRow,
        key=(CartEventRow.cart, CartEventRow.epoch, CartEventRow.seq),
        age=CartEventRow.received_at,
        cart=CartEventRow.cart,
        free=_settled_event,
    ),
    "cart_event_lines": _Pruned(
        row=CartEventLineRow,
        key=(CartEventLineRow.cart, CartEventLineRow.epoch),
        age=None,
        cart=CartEventLineRow.cart,
        free=_no_event_left,
    ),
    "cart_commands": _Pruned(
        row=CartCommandRow,
        key=(CartCommandRow.id,),
        age=CartCommandRow.issued_at,
        cart=CartCommandRow.cart,
        free=lambda _before: CartCommandRow.state.not_in(_UNDER_WAY),
    ),
    "rollout_events": _Pruned(
        row=RolloutEventRow, key=(RolloutEventRow.id,), age=RolloutEventRow.at, cart=RolloutEventRow.cart, free=_ended_rollout
    ),
    "drawer_findings": _Pruned(
        row=DrawerFindingRow,
        key=(DrawerFindingRow.id,),
        age=DrawerFindingRow.found_at,
        cart=DrawerFindingRow.cart,
        free=_answered_finding,
    ),
}


def _old(tx: Transaction, one: _Pruned, before: datetime) -> ColumnElement[bool]:
    """Old, settled, and under no hold. A hold on a patient or on the site keeps everything: which of a cart's rows say something about
    one patient, nobody can tell from them."""
    hold = LegalHoldRow
    standing = (hold.facility == tx.facility, hold.ended_at.is_(None))
    all_kept = exists(select(hold.id).where(*standing, hold.kind != CART))
    held = select(hold.subject).where(*standing, hold.kind == CART)
    of_free_cart = or_(one.cart.is_(None), one.cart.not_in(held)) if one.row is RolloutEventRow else one.cart.not_in(held)
    is_old = () if one.age is None else (one.age < before,)
    return and_(one.row.facility == tx.facility, *is_old, one.free(before), ~all_kept, of_free_cart)


def count(tx: Transaction, table: str, *, before: datetime) -> int:
    """How many would go now. Looks at all of them: for a person who asks, never for a page."""
    one = PRUNED[table]
    return int(tx.session.scalar(select(func.count()).select_from(one.row).where(_old(tx, one, before))) or 0)


def erase(tx: Transaction, table: str, *, before: datetime, limit: int = BATCH) -> int:
    """Erases up to `limit` of the oldest; how many that were."""
    one = PRUNED[table]
    identities.alone(tx, _LOCK)
    found = tx.session.execute(
        select(*one.key).where(_old(tx, one, before)).order_by(one.age if one.age is not None else one.key[0]).limit(limit)
    ).all()
    if not found:
        return 0
    if one.row is CartCommandRow:
        part = CartCommandPartRow
        tx.session.execute(delete(part).where(part.facility == tx.facility, part.command.in_([row[0] for row in found])))
    if len(one.key) == 1:
        these = one.key[0].in_([row[0] for row in found])
    else:
        these = tuple_(*one.key).in_([tuple(row) for row in found])
    done = delete(one.row).where(one.row.facility == tx.facility, these).execution_options(synchronize_session=False)
    return tx.changed(done)


def stays_over(tx: Transaction, *, before: datetime) -> int:
    """Patients whose stays all ended before that moment: whose record's shortest time is over."""
    stay = StayRow
    mine = (stay.facility == PatientRow.facility, stay.patient == PatientRow.id)
    over = exists().where(*mine, stay.left_at < before)
    later = exists().where(*mine, or_(stay.left_at.is_(None), stay.left_at >= before))
    query = select(func.count()).select_from(PatientRow).where(PatientRow.facility == tx.facility, over, ~later)
    return int(tx.session.scalar(query) or 0)


def hold(tx: Transaction, *, kind: str, subject: str, reason: str) -> int:
    """The new hold's number. It stands for whatever is erased after this transaction."""
    identities.alone(tx, _LOCK)
    row = LegalHoldRow(
        facility=tx.facility, kind=kind, subject=subject, reason=reason, placed_by=tx.actor.id, placed_at=tx.at, ended_at=None
    )
    tx.session.add(row)
    tx.session.flush()
    return row.id


def has_cart(tx: Transaction, cart: str) -> bool:
    return tx.session.get(CartRow, (tx.facility, cart)) is not None


def end_hold(tx: Transaction, hold_id: int, *, reason: str) -> bool:
    """False where no such hold stands."""
    row = LegalHoldRow
    mine = (row.facility == tx.facility, row.id == hold_id, row.ended_at.is_(None))
    return tx.changed(update(row).where(*mine).values(ended_by=tx.actor.id, ended_at=tx.at, end_reason=reason)) == 1


def holds(tx: Transaction, *, limit: int = 200) -> tuple[Hold, ...]:
    """Those that stand first, then the newest."""
    row = LegalHoldRow
    rows = tx.session.scalars(
        select(row).where(row.facility == tx.facility).order_by(row.ended_at.is_not(None), row.id.desc()).limit(limit)
    )
    return tuple(
        Hold(
            id=one.id,
            kind=one.kind,
            subject=one.subject,
            reason=one.reason,
            placed_by=one.placed_by,
            placed_at=one.placed_at,
            ended_at=one.ended_at,
        )
        for one in rows
    )
