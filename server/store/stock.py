"""Queries about the controlled stock of the carts' drawers: moves that are only added, and what should lie there at a moment."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, literal, or_, select

from server.store.plain import storable
from server.store.tables import CartRow, DrawerAssignmentRow, ProductRow, StockMoveRow
from server.store.transaction import Transaction
from server.store.versions import insertion

FILL = "fill"
TAKEN = "taken"
RETURNED = "returned"
COUNTED = "counted"
ADJUSTED = "adjusted"
# What changes the stock; a count only says what somebody saw.
MOVING = (FILL, TAKEN, RETURNED, ADJUSTED)
# Counts of these last days are compared anew when a record comes late; older ones keep what was found.
LOOK_BACK = timedelta(days=7)
# A count this much older than another is what the other starts from.
BASE_AFTER = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """`units` signed: + into the drawer, - out of it; of a count what was counted. `drawer` 0: not known in which."""

    key: str
    cart: str
    drawer: int
    product: str
    kind: str
    units: Decimal
    by: str
    at: datetime
    record_id: str | None = None
    note: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a controlled product of a cart may lie: the drawers that were ever filled with it, and the patient's own drawer."""

    filled: tuple[int, ...]
    of_patient: int | None


def add(tx: Transaction, move: Move) -> bool:
    """False: this move is there already."""
    row = {
        "facility": tx.facility,
        "key": move.key,
        "cart": move.cart,
        "drawer": move.drawer,
        "product": move.product,
        "kind": move.kind,
        "units": f"{move.units.normalize():f}",
        "record_id": move.record_id,
        "by": move.by,
        "at": move.at,
        "written_at": tx.at,
        "note": move.note,
    }
    new = insertion(tx, StockMoveRow).values(**storable(row)).on_conflict_do_nothing().returning(literal(1))
    return tx.inserted(new)


def moves(tx: Transaction, *, cart: str, product: str, at: datetime | None = None) -> tuple[Move, ...]:
    """Of one product in one cart, in the order in which they happened, as far back as the counts of the last days depend on: what
    a dose costs does not grow with the years. `at`: or as the counts of that moment do. Two statements."""
    mine = (StockMoveRow.facility == tx.facility, StockMoveRow.cart == cart, StockMoveRow.product == product)
    counted = select(StockMoveRow.drawer, func.max(StockMoveRow.at)).where(
        *mine, StockMoveRow.kind == COUNTED, StockMoveRow.at <= min(at or tx.at, tx.at) - LOOK_BACK - BASE_AFTER
    )
    query = select(StockMoveRow).where(*mine).order_by(StockMoveRow.at, StockMoveRow.id)
    for drawer, at in tx.session.execute(counted.group_by(StockMoveRow.drawer)).all():
        # What a count's own record took may stand shortly before it.
        query = query.where(or_(StockMoveRow.drawer != drawer, StockMoveRow.at >= at - timedelta(days=1)))
    return tuple(of_row(row) for row in tx.session.scalars(query))


def listed(tx: Transaction, *, cart: str | None = None, limit: int = 100) -> tuple[Move, ...]:
    """Newest first."""
    query = select(StockMoveRow).where(StockMoveRow.facility == tx.facility)
    if cart:
        query = query.where(StockMoveRow.cart == cart)
    return tuple(of_row(row) for row in tx.session.scalars(query.order_by(StockMoveRow.at.desc(), StockMoveRow.id.desc()).limit(limit)))


def of_record(tx: Transaction, record_id: str) -> tuple[Move, ...]:
    rows = tx.session.scalars(
        select(StockMoveRow).where(StockMoveRow.facility == tx.facility, StockMoveRow.record_id == record_id).order_by(StockMoveRow.id)
    )
    return tuple(of_row(row) for row in rows)


def hold(tx: Transaction, cart: str) -> None:
    """Until the transaction ends nobody else changes or counts this cart's stock: a count and a dose that arrive at once each see the
    other. SQLite lets one writer in at a time anyway."""
    tx.session.execute(select(CartRow.id).where(CartRow.facility == tx.facility, CartRow.id == cart).with_for_update())


def place(tx: Transaction, *, cart: str, product: str, patient: str) -> Place:
    filled = tx.session.scalars(
        select(StockMoveRow.drawer)
        .where(
            StockMoveRow.facility == tx.facility,
            StockMoveRow.cart == cart,
            StockMoveRow.product == product,
            StockMoveRow.kind == FILL,
        )
        .distinct()
        .order_by(StockMoveRow.drawer)
    )
    mine = tx.session.scalar(
        select(DrawerAssignmentRow.drawer)
        .where(DrawerAssignmentRow.facility == tx.facility, DrawerAssignmentRow.cart == cart, DrawerAssignmentRow.patient == patient)
        .order_by(DrawerAssignmentRow.drawer)
        .limit(1)
    )
    return Place(filled=tuple(filled), of_patient=mine)


def expected(found: Collection[Move], *, drawer: int, at: datetime, without: str | None = None) -> Decimal | None:
    """What should have lain in the drawer at `at`, without what record `without` took; None: nobody had filled it, so nobody knows.

    Counting starts with the newest count that is `BASE_AFTER` older, else with the first filling: a difference of long ago stays a
    task of its own and no longer moves today's. Moves of which the drawer is not known count for each drawer: then a difference is
    shown rather than hidden."""
    mine = [move for move in found if move.kind in MOVING and move.at <= at and move.drawer in (drawer, 0)]
    counts = [move for move in found if move.kind == COUNTED and move.drawer == drawer and move.at <= at - BASE_AFTER]
    base = max(counts, key=lambda move: (move.at, move.id), default=None)
    if base is not None:
        later = [move for move in mine if move.at > base.at or (move.record_id is not None and move.record_id == base.record_id)]
        return base.units + _sum(later, without)
    start = min((move.at for move in mine if move.kind in (FILL, ADJUSTED)), default=None)
    return None if start is None else _sum([move for move in mine if move.at >= start], without)


def _sum(found: Collection[Move], without: str | None) -> Decimal:
    return sum((move.units for move in found if without is None or move.record_id != without), Decimal(0))


def wards_with(tx: Transaction, product: str) -> tuple[str, ...]:
    """Wards whose carts were ever filled with the product."""
    rows = tx.session.scalars(
        select(CartRow.ward)
        .join(StockMoveRow, (StockMoveRow.facility == CartRow.facility) & (StockMoveRow.cart == CartRow.id))
        .where(CartRow.facility == tx.facility, StockMoveRow.product == product, CartRow.ward != "")
        .distinct()
    )
    return tuple(ward for ward in rows if ward)


def ward_of_cart(tx: Transaction, cart: str) -> str:
    """The ward as the cart last said; an empty text for a cart that never did."""
    return tx.session.scalar(select(CartRow.ward).where(CartRow.facility == tx.facility, CartRow.id == cart)) or ""


def product_name(tx: Transaction, product: str) -> str:
    """The id where the formulary does not know it."""
    return tx.session.scalar(select(ProductRow.name).where(ProductRow.facility == tx.facility, ProductRow.id == product)) or product


def of_row(row: StockMoveRow) -> Move:
    return Move(
        id=row.id,
        key=row.key,
        cart=row.cart,
        drawer=row.drawer,
        product=row.product,
        kind=row.kind,
        units=Decimal(row.units),
        record_id=row.record_id,
        by=row.by,
        at=row.at,
        note=row.note,
    )
