"""Queries about carts as things: their asset facts, and the work that they need. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, select, update

from server.store.tables import CartAssetRow, CartCareRow, CartRow
from server.store.transaction import Transaction
from server.store.versions import insertion

DONE = "done"
DROPPED = "dropped"
MOST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """As in `CartAssetRow`."""

    cart: str
    tag: str = ""
    serial: str = ""
    model: str = ""
    purchased_on: date | None = None
    warranty_until: date | None = None
    ward_home: str = ""
    note: str = ""
    changed_at: datetime | None = None
    changed_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """As in `CartCareRow`; `ward` is where the cart stands now."""

    id: int
    cart: str
    kind: str
    due_on: date
    every_days: int | None
    note: str
    made_at: datetime
    made_by: str
    outcome: str | None
    done_on: date | None
    ended_at: datetime | None
    ended_by: str | None
    ended_note: str
    ward: str = ""

    @property
    def is_open(self) -> bool:
        return self.ended_at is None


_ASSET = tuple(Asset.__dataclass_fields__)
_CARE = tuple(name for name in Care.__dataclass_fields__ if name != "ward")


def asset(tx: Transaction, cart: str) -> Asset | None:
    row = tx.session.get(CartAssetRow, (tx.facility, cart))
    return None if row is None else Asset(**{name: getattr(row, name) for name in _ASSET})


def assets(tx: Transaction, carts: Collection[str]) -> dict[str, Asset]:
    """Cart -> its facts, in one statement; carts without any stay away."""
    rows = tx.session.scalars(select(CartAssetRow).where(CartAssetRow.facility == tx.facility, CartAssetRow.cart.in_(sorted(carts))))
    return {row.cart: Asset(**{name: getattr(row, name) for name in _ASSET}) for row in rows}


def put_asset(tx: Transaction, found: Asset) -> None:
    """By whoever acts."""
    values = {name: getattr(found, name) for name in _ASSET} | {"changed_at": tx.at, "changed_by": tx.actor.id}
    new = insertion(tx, CartAssetRow).values(facility=tx.facility, **values)
    tx.session.execute(
        new.on_conflict_do_update(index_elements=["facility", "cart"], set_={name: values[name] for name in values if name != "cart"})
    )


def tags_elsewhere(tx: Transaction, tags: Collection[str], *, but: Collection[str] = ()) -> dict[str, str]:
    """Tag -> the cart that has it already, of `tags`, leaving out the carts `but`."""
    rows = tx.session.execute(
        select(CartAssetRow.tag, CartAssetRow.cart).where(
            CartAssetRow.facility == tx.facility, CartAssetRow.tag.in_(sorted(tags)), CartAssetRow.cart.not_in(sorted(but))
        )
    )
    return {tag: cart for tag, cart in rows if tag}


def known(tx: Transaction, carts: Collection[str]) -> frozenset[str]:
    """Those of `carts` that this facility has heard of."""
    return frozenset(tx.session.scalars(select(CartRow.id).where(CartRow.facility == tx.facility, CartRow.id.in_(sorted(carts)))))


def add(
    tx: Transaction, *, cart: str, kind: str, due_on: date, every_days: int | None, note: str, follows: int | None = None
) -> int | None:
    """The new piece of work; None where `follows` has its successor already."""
    new = insertion(tx, CartCareRow).values(
        facility=tx.facility,
        cart=cart,
        kind=kind,
        due_on=due_on,
        every_days=every_days,
        note=note,
        made_at=tx.at,
        made_by=tx.actor.id,
        follows=follows,
        ended_note="",
    )
    return tx.session.scalar(new.on_conflict_do_nothing(index_elements=["follows"]).returning(CartCareRow.id))


def get(tx: Transaction, care: int) -> Care | None:
    return next(iter(_found(tx, CartCareRow.id == care)), None)


def end(tx: Transaction, care: int, *, outcome: str, done_on: date | None, note: str) -> bool:
    """Whether it was this call that ended it."""
    mine = (CartCareRow.facility == tx.facility, CartCareRow.id == care, CartCareRow.ended_at.is_(None))
    values = {"outcome": outcome, "done_on": done_on, "ended_at": tx.at, "ended_by": tx.actor.id, "ended_note": note}
    return tx.changed(update(CartCareRow).where(*mine).values(**values).execution_options(synchronize_session=False)) == 1


def open_ones(
    tx: Transaction, *, ward: str = "", kind: str = "", before: date | None = None, offset: int = 0, limit: int = MOST
) -> tuple[Care, ...]:
    """What is to be done, the longest due first."""
    wanted: list[ColumnElement[bool]] = [CartCareRow.ended_at.is_(None)]
    wanted += [CartRow.ward == ward] if ward else []
    wanted += [CartCareRow.kind == kind] if kind else []
    wanted += [CartCareRow.due_on < before] if before is not None else []
    return _found(tx, *wanted, offset=offset, limit=limit)


def of_cart(tx: Transaction, cart: str, *, limit: int = 50) -> tuple[Care, ...]:
    """Open ones first by when they are due, then what was done, the newest first."""
    mine = CartCareRow.cart == cart
    ended = _found(tx, mine, CartCareRow.ended_at.is_not(None), order=(CartCareRow.due_on.desc(), CartCareRow.id.desc()), limit=limit)
    return (*_found(tx, mine, CartCareRow.ended_at.is_(None), limit=limit), *ended)


def counts(tx: Transaction, today: date) -> tuple[int, int]:
    """(open, of these overdue), in one statement."""
    late = func.count().filter(CartCareRow.due_on < today)
    row = tx.session.execute(select(func.count(), late).where(CartCareRow.facility == tx.facility, CartCareRow.ended_at.is_(None))).one()
    return int(row[0]), int(row[1])


def _found(tx: Transaction, *wanted: object, order: tuple[object, ...] = (), offset: int = 0, limit: int = MOST) -> tuple[Care, ...]:
    columns = [getattr(CartCareRow, name) for name in _CARE]
    query = (
        select(*columns, CartRow.ward)
        .outerjoin(CartRow, (CartRow.facility == CartCareRow.facility) & (CartRow.id == CartCareRow.cart))
        .where(CartCareRow.facility == tx.facility, *wanted)  # type: ignore[arg-type]
        .order_by(*(order or (CartCareRow.due_on, CartCareRow.id)))  # type: ignore[arg-type]
        .offset(offset)
        .limit(limit)
    )
    return tuple(Care(**{name: getattr(row, name) for name in _CARE}, ward=row.ward or "") for row in tx.session.execute(query))


def all_assets(tx: Transaction, *, limit: int = 20_000) -> tuple[Asset, ...]:
    """By cart."""
    rows = tx.session.scalars(select(CartAssetRow).where(CartAssetRow.facility == tx.facility).order_by(CartAssetRow.cart).limit(limit))
    return tuple(Asset(**{name: getattr(row, name) for name in _ASSET}) for row in rows)
