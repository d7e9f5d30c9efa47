"""Commands to carts as rows: written once, moved from state to state by conditional updates, never moved by two at once.

What a state means and which follows which is `server.usecases.cart_commands`. Nothing here sends.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, update

from server.store.tables import CartCommandPartRow, CartCommandRow, CartRow
from server.store.transaction import Transaction
from server.store.versions import insertion

BUNDLES_KEPT = timedelta(days=30)
_FORGOTTEN_AT_ONCE = 50

Row = CartCommandRow


@dataclass(frozen=True, slots=True, kw_only=True)
class CartCommand:
    """`expires_at`: not sent after this. `ttl_s`: how long after receipt the cart may still act. `due_at`: when its answer should be
    here. `sid` and `boot_id` are the cart's when it was sent. `told` is what the cart said beside the outcome. `batch` joins what was asked
    of several carts at once."""

    id: str
    cart: str
    ward: str
    name: str
    params: Mapping[str, Any]
    batch: str | None
    asked_by: str
    second_by: str | None
    state: str
    why: str
    issued_at: datetime
    expires_at: datetime
    ttl_s: float
    sent_at: datetime | None = None
    due_at: datetime | None = None
    sid: str = ""
    boot_id: str = ""
    answered_at: datetime | None = None
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A cart, as far as a command needs."""

    id: str
    ward: str
    phase: str
    sid: str
    boot_id: str
    last_seen_at: datetime | None


_NAMES = tuple(CartCommand.__dataclass_fields__)


def targets(tx: Transaction, carts: Collection[str]) -> dict[str, Target]:
    """Those of `carts` that this facility has."""
    rows = tx.session.execute(
        select(CartRow.id, CartRow.ward, CartRow.phase, CartRow.sid, CartRow.boot_id, CartRow.last_seen_at).where(
            CartRow.facility == tx.facility, CartRow.id.in_(sorted(carts))
        )
    )
    return {
        row.id: Target(
            id=row.id, ward=row.ward, phase=row.phase, sid=row.sid, boot_id=row.boot_id or "", last_seen_at=row.last_seen_at
        )
        for row in rows
    }  # fmt: skip


def of_ward(tx: Transaction, ward: str) -> tuple[str, ...]:
    """The carts that say that they are in this ward."""
    found = tx.session.scalars(select(CartRow.id).where(CartRow.facility == tx.facility, CartRow.ward == ward).order_by(CartRow.id))
    return tuple(found)


def add(tx: Transaction, command: CartCommand) -> None:
    tx.session.execute(insert(Row).values(facility=tx.facility, **{name: _plain(getattr(command, name)) for name in _NAMES}))


def get(tx: Transaction, command_id: str) -> CartCommand | None:
    row = tx.session.scalars(select(Row).where(Row.facility == tx.facility, Row.id == command_id)).one_or_none()
    return None if row is None else _command(row)


def listed(
    tx: Transaction,
    *,
    cart: str | None = None,
    batch: str | None = None,
    states: Collection[str] = (),
    name: str | None = None,
    before: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> tuple[CartCommand, ...]:
    """Newest first; `before` is the place of the last one of the page before. Of the wards that the person reaches only."""
    query = select(Row).where(Row.facility == tx.facility)
    if tx.actor.wards is not None:
        query = query.where(Row.ward.in_(sorted(tx.actor.wards)))
    if cart is not None:
        query = query.where(Row.cart == cart)
    if batch is not None:
        query = query.where(Row.batch == batch)
    if states:
        query = query.where(Row.state.in_(sorted(states)))
    if name is not None:
        query = query.where(Row.name == name)
    if before is not None:
        at, last = before
        query = query.where(or_(Row.issued_at < at, and_(Row.issued_at == at, Row.id < last)))
    rows = tx.session.scalars(query.order_by(Row.issued_at.desc(), Row.id.desc()).limit(limit))
    return tuple(_command(row) for row in rows)


def of_batch(tx: Transaction, batch: str, *, limit: int) -> tuple[CartCommand, ...]:
    """Every one of a batch, by cart: also those that were refused because the cart is in another ward."""
    rows = tx.session.scalars(select(Row).where(Row.facility == tx.facility, Row.batch == batch).order_by(Row.cart).limit(limit))
    return tuple(_command(row) for row in rows)


def open_ones(tx: Transaction, state: str, *, limit: int) -> tuple[CartCommand, ...]:
    """In one open state, oldest first."""
    rows = tx.session.scalars(select(Row).where(Row.facility == tx.facility, Row.state == state).order_by(Row.issued_at).limit(limit))
    return tuple(_command(row) for row in rows)


def open_in_turn(tx: Transaction, state: str, *, limit: int, each: int) -> tuple[CartCommand, ...]:
    """In one open state, each kind oldest first: those that were asked for by themselves, then of each batch no more than `each`, so that
    no batch, however long, stands before anything else."""
    mine = (Row.facility == tx.facility, Row.state == state)
    alone = select(Row).where(*mine, Row.batch.is_(None)).order_by(Row.issued_at).limit(limit)
    turn = func.row_number().over(partition_by=Row.batch, order_by=(Row.issued_at, Row.id)).label("turn")
    turns = select(Row.id, turn).where(*mine, Row.batch.is_not(None)).subquery()
    batched = select(Row).join(turns, turns.c.id == Row.id).where(*mine, turns.c.turn <= each)
    rows = [*tx.session.scalars(alone), *tx.session.scalars(batched.order_by(turns.c.turn, Row.issued_at).limit(limit))]
    return tuple(_command(row) for row in rows)


def any_open(tx: Transaction, states: Collection[str]) -> bool:
    found = select(Row.id).where(Row.facility == tx.facility, Row.state.in_(sorted(states))).limit(1)
    return tx.session.scalar(found) is not None


def under_way(tx: Transaction, states: Collection[str]) -> dict[str, int]:
    """How many of each batch are in one of `states`."""
    rows = tx.session.execute(
        select(Row.batch, func.count())
        .where(Row.facility == tx.facility, Row.state.in_(sorted(states)), Row.batch.is_not(None))
        .group_by(Row.batch)
    )
    return {str(batch): int(number) for batch, number in rows}


def move(tx: Transaction, command_id: str, *, before: str, after: str, **values: object) -> bool:
    """Whether it was this call that moved it: somebody else's move, and one that was made before, change nothing."""
    changed = {name: _plain(value) for name, value in values.items()}
    done = tx.changed(
        update(Row)
        .where(Row.facility == tx.facility, Row.id == command_id, Row.state == before)
        .values(state=after, **changed)
        .execution_options(synchronize_session=False)
    )
    return done == 1


def keep_part(tx: Transaction, command_id: str, part: int, text: str) -> int:
    """Keeps one part of an answer, once; how many are here now."""
    new = insertion(tx, CartCommandPartRow).values(facility=tx.facility, command=command_id, part=part, text=text)
    tx.session.execute(new.on_conflict_do_nothing())
    return int(tx.session.scalar(select(func.count()).select_from(CartCommandPartRow).where(*_parts_of(tx, command_id))) or 0)


def parts(tx: Transaction, command_id: str) -> str:
    """What an answer in parts says, put together as far as it is here."""
    return "".join(tx.session.scalars(select(CartCommandPartRow.text).where(*_parts_of(tx, command_id)).order_by(CartCommandPartRow.part)))


def forget_old_parts(tx: Transaction) -> int:
    """Removes log bundles that nobody fetched in time, those of some commands at a time; the commands and their outcomes stay."""
    row, part = CartCommandRow, CartCommandPartRow
    old = (
        select(row.id)
        .where(
            row.facility == tx.facility,
            row.issued_at < tx.at - BUNDLES_KEPT,
            row.id.in_(select(part.command).where(part.facility == tx.facility)),
        )
        .order_by(row.issued_at)
        .limit(_FORGOTTEN_AT_ONCE)
    )
    ids = tx.session.scalars(old).all()
    if ids:
        tx.session.execute(delete(part).where(part.facility == tx.facility, part.command.in_(ids)))
    return len(ids)


def _parts_of(tx: Transaction, command_id: str) -> tuple[ColumnElement[bool], ...]:
    return (CartCommandPartRow.facility == tx.facility, CartCommandPartRow.command == command_id)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _command(row: CartCommandRow) -> CartCommand:
    found = {name: getattr(row, name) for name in _NAMES}
    return CartCommand(**(found | {"params": dict(row.params or {}), "told": dict(row.told or {})}))
