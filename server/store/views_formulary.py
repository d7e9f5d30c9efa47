"""What the formulary's pages read beside the products: which carts have the newest formulary, and the words that are in use. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from pointofcare.wire.messages import TableKind
from server.store.tables import CartRow, ProductRow, TableVersionRow
from server.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """`behind` are carts, with their ward, that hold an older formulary or none, as far as they have said."""

    carts: int
    behind: tuple[tuple[str, str], ...]


def reach(tx: Transaction) -> Reach:
    """Of the carts that are in a ward."""
    kind = TableKind.FORMULARY.value
    newest = {
        ward: int(version)
        for ward, version in tx.session.execute(
            select(TableVersionRow.ward, TableVersionRow.version).where(
                TableVersionRow.facility == tx.facility, TableVersionRow.kind == kind
            )
        )
    }
    rows = tx.session.execute(
        select(CartRow.id, CartRow.ward, CartRow.held).where(CartRow.facility == tx.facility, CartRow.ward != "").order_by(CartRow.id)
    ).all()
    behind = tuple((cart, str(ward)) for cart, ward, held in rows if ward and int((held or {}).get(kind) or 0) < newest.get(str(ward), 1))
    return Reach(carts=sum(1 for _, ward, _ in rows if ward), behind=behind)


def forms(tx: Transaction) -> tuple[str, ...]:
    """The forms that products have, for the list of a field."""
    return tuple(tx.session.scalars(select(ProductRow.form).where(ProductRow.facility == tx.facility).distinct().order_by(ProductRow.form)))
