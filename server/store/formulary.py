"""What the formulary's pages read: products found by words, one of them with its packs, and its history. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select

from pointofcare.products import Product
from server.store import mapping
from server.store.folding import like
from server.store.tables import AdministrationRow, ProductRow, ProductVersionRow, StaffRow
from server.store.transaction import Transaction

MOST_VERSIONS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A product at its newest version. `packs` are the GTINs of its other packs."""

    product: Product
    version: int
    pack_of: str | None
    updated_at: datetime
    packs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version as it was written. `product` None: it was taken out of the formulary."""

    version: int
    product: Product | None
    gtin: str
    pack_of: str | None
    action: str
    why: str
    by: str
    by_name: str
    at: datetime


def search(tx: Transaction, text: str = "", *, after: str = "", limit: int = 50) -> tuple[Held, ...]:
    """Products whose name, id, GTIN, ingredient or class holds every word of `text`, whatever the case and the marks; by name. A pack of
    another product is found by its GTIN and shown with that product. `after`: those whose place comes after, as `place` writes it."""
    query = select(ProductRow).where(ProductRow.facility == tx.facility, ProductRow.pack_of.is_(None))
    for word in text.split()[:8]:
        pattern = like(word)
        packs = select(ProductRow.pack_of).where(
            ProductRow.facility == tx.facility, ProductRow.pack_of.is_not(None), ProductRow.search.like(pattern, escape="\\")
        )
        query = query.where(or_(ProductRow.search.like(pattern, escape="\\"), ProductRow.id.in_(packs)))
    name, _, key = after.rpartition("~")
    if key:
        query = query.where(or_(ProductRow.name > name, and_(ProductRow.name == name, ProductRow.id > key)))
    rows = tx.session.scalars(query.order_by(ProductRow.name, ProductRow.id).limit(limit)).all()
    packs_of = _packs(tx, [row.id for row in rows])
    return tuple(_held(row, packs_of.get(row.id, ())) for row in rows)


def place(held: Held) -> str:
    return f"{held.product.name}~{held.product.id}"


def get(tx: Transaction, product: str) -> Held | None:
    row = tx.session.scalar(select(ProductRow).where(ProductRow.facility == tx.facility, ProductRow.id == product))
    return None if row is None else _held(row, _packs(tx, [row.id]).get(row.id, ()))


def packs(tx: Transaction, product: str) -> tuple[Held, ...]:
    """The other packs of a product, by GTIN."""
    rows = tx.session.scalars(
        select(ProductRow).where(ProductRow.facility == tx.facility, ProductRow.pack_of == product).order_by(ProductRow.gtin)
    )
    return tuple(_held(row) for row in rows)


def versions(tx: Transaction, product: str) -> tuple[Version, ...]:
    """Newest first, with what was done to its packs left to their own."""
    rows = tx.session.execute(
        select(ProductVersionRow, StaffRow.name)
        .outerjoin(StaffRow, and_(StaffRow.facility == ProductVersionRow.facility, StaffRow.id == ProductVersionRow.by))
        .where(ProductVersionRow.facility == tx.facility, ProductVersionRow.product == product)
        .order_by(ProductVersionRow.version.desc())
        .limit(MOST_VERSIONS)
    )
    return tuple(
        Version(
            version=row.version,
            product=None if row.document is None else mapping.product(row.document),
            gtin=row.gtin,
            pack_of=row.pack_of,
            action=row.action,
            why=row.why,
            by=row.by,
            by_name=name or "",
            at=row.at,
        )
        for row, name in rows
    )


def count(tx: Transaction) -> int:
    """Products, their packs counted with them."""
    return int(
        tx.session.scalar(
            select(func.count()).select_from(ProductRow).where(ProductRow.facility == tx.facility, ProductRow.pack_of.is_(None))
        )
        or 0
    )


def given_as(tx: Transaction, product: str) -> int:
    """How many records say that this trade item was given."""
    return int(
        tx.session.scalar(
            select(func.count())
            .select_from(AdministrationRow)
            .where(
                AdministrationRow.facility == tx.facility,
                AdministrationRow.product == product,
                AdministrationRow.action.in_(("give", "start")),
                AdministrationRow.status.in_(("completed", "in-progress", "stopped", "on-hold")),
            )
        )
        or 0
    )


def _packs(tx: Transaction, products: list[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    if not products:
        return found
    rows = tx.session.execute(
        select(ProductRow.pack_of, ProductRow.gtin)
        .where(ProductRow.facility == tx.facility, ProductRow.pack_of.in_(products))
        .order_by(ProductRow.gtin)
    )
    for base, gtin in rows:
        found[str(base)] = (*found.get(str(base), ()), gtin)
    return found


def _held(row: ProductRow, packs: tuple[str, ...] = ()) -> Held:
    return Held(product=mapping.product(row.document), version=row.version, pack_of=row.pack_of, updated_at=row.updated_at, packs=packs)
