"""Queries about products and the policy."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from pointofcare.errors import NotFoundError
from pointofcare.products import Product
from pointofcare.verdict.policy import Policy
from server.store import mapping, policies
from server.store.tables import ProductRow
from server.store.transaction import Transaction
from server.store.versions import insertion


def listed(tx: Transaction) -> tuple[Product, ...]:
    """The whole formulary, by id."""
    rows = tx.session.scalars(select(ProductRow.document).where(ProductRow.facility == tx.facility).order_by(ProductRow.id))
    return tuple(mapping.product(document) for document in rows)


def get(tx: Transaction, product: str) -> Product:
    """Raises: NotFoundError."""
    found = find(tx, product)
    if found is None:
        raise NotFoundError(f"product {product!r} is not in the formulary", remedy="import it first", product=product)
    return found


def find(tx: Transaction, product: str) -> Product | None:
    document = tx.session.scalar(select(ProductRow.document).where(ProductRow.facility == tx.facility, ProductRow.id == product))
    return None if document is None else mapping.product(document)


def known(tx: Transaction, *, gtins: Collection[str]) -> dict[str, str]:
    """GTIN -> product id."""
    rows = tx.session.execute(select(ProductRow.gtin, ProductRow.id).where(ProductRow.facility == tx.facility, ProductRow.gtin.in_(gtins)))
    return {row.gtin: row.id for row in rows}


def put(tx: Transaction, product: Product) -> None:
    row = {
        "gtin": product.gtin,
        "name": product.name,
        "form": product.form,
        "document": mapping.product_document(product),
        "updated_at": tx.at,
    }
    new = insertion(tx, ProductRow).values(facility=tx.facility, id=product.id, **row)
    tx.session.execute(new.on_conflict_do_update(index_elements=["facility", "id"], set_=row))


def policy(tx: Transaction, ward: str = policies.HOSPITAL) -> Policy:
    """The policy that holds in `ward`, the default when none was ever set."""
    return policies.in_force(tx, ward)
