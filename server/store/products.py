"""Queries about products and the policy. A product is only written with a row of its history beside it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import delete, func, insert, or_, select

from pointofcare.errors import NotFoundError
from pointofcare.products import Product
from pointofcare.verdict.policy import Policy
from server.store import mapping, policies
from server.store.folding import folded, like
from server.store.tables import ProductRow, ProductVersionRow
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


def named(tx: Transaction, wanted: Collection[str]) -> dict[str, str]:
    """Product id -> name, in one statement."""
    if not wanted:
        return {}
    rows = tx.session.execute(select(ProductRow.id, ProductRow.name).where(ProductRow.facility == tx.facility, ProductRow.id.in_(wanted)))
    return {row.id: row.name for row in rows}


def put(tx: Transaction, product: Product, *, action: str = "received", why: str = "", pack_of: str | None = None) -> int:
    """Writes it with a row of its history; its version from now on. `pack_of`: the product that it is another pack of, "" for none;
    None: as it was."""
    pack = _pack_of(tx, product.id) if pack_of is None else pack_of or None
    row: dict[str, object] = {
        "gtin": product.gtin,
        "name": product.name,
        "form": product.form,
        "document": mapping.product_document(product),
        "updated_at": tx.at,
        "version": _next_version(tx, product.id),
        "search": searched(product),
        "pack_of": pack,
    }
    new = insertion(tx, ProductRow).values(facility=tx.facility, id=product.id, **row)
    tx.session.execute(new.on_conflict_do_update(index_elements=["facility", "id"], set_=row))
    _remember(tx, product.id, row, document=str(row["document"]), pack_of=pack, action=action, why=why)
    return int(str(row["version"]))


def remove(tx: Transaction, product: Product, *, action: str, why: str) -> int:
    """Takes it out of the formulary; its history stays, and says so."""
    mine = (ProductRow.facility == tx.facility, ProductRow.id == product.id)
    row: dict[str, object] = {"gtin": product.gtin, "version": _next_version(tx, product.id)}
    pack = _pack_of(tx, product.id)
    tx.session.execute(delete(ProductRow).where(*mine))
    _remember(tx, product.id, row, document=None, pack_of=pack, action=action, why=why)
    return int(str(row["version"]))


def hold(tx: Transaction, product: str) -> int | None:
    """Until the transaction ends nobody else changes the product; its version, None where there is none."""
    mine = (ProductRow.facility == tx.facility, ProductRow.id == product)
    return tx.session.scalar(select(ProductRow.version).where(*mine).with_for_update())


def searched(product: Product) -> str:
    """What a search looks at: name, id, GTIN, ingredients and their classes."""
    parts = [product.name, product.id, product.gtin]
    for one in product.ingredients:
        parts += [one.name, *one.classes]
    return folded("\n".join(parts))


def about(tx: Transaction, words: Collection[str], *, limit: int = 400) -> tuple[Product, ...]:
    """The products in whose name, ingredients or classes one of `words` stands; never the whole formulary for no word."""
    wanted = [like(word) for word in sorted({word.strip() for word in words}) if word]
    if not wanted:
        return ()
    rows = tx.session.scalars(
        select(ProductRow.document)
        .where(ProductRow.facility == tx.facility, or_(*(ProductRow.search.like(each, escape="\\") for each in wanted)))
        .order_by(ProductRow.id)
        .limit(limit)
    )
    return tuple(mapping.product(document) for document in rows)


def _pack_of(tx: Transaction, product: str) -> str | None:
    return tx.session.scalar(select(ProductRow.pack_of).where(ProductRow.facility == tx.facility, ProductRow.id == product))


def _next_version(tx: Transaction, product: str) -> int:
    newest = tx.session.scalar(
        select(func.max(ProductVersionRow.version)).where(ProductVersionRow.facility == tx.facility, ProductVersionRow.product == product)
    )
    return int(newest or 0) + 1


def _remember(
    tx: Transaction, product: str, row: Mapping[str, object], *, document: str | None, pack_of: str | None, action: str, why: str
) -> None:
    tx.session.execute(
        insert(ProductVersionRow).values(
            facility=tx.facility,
            product=product,
            version=row["version"],
            gtin=row["gtin"],
            pack_of=pack_of,
            document=document,
            action=action,
            why=why,
            by=tx.actor.id,
            at=tx.at,
        )
    )


def policy(tx: Transaction, ward: str = policies.HOSPITAL) -> Policy:
    """The policy that holds in `ward`, the default when none was ever set."""
    return policies.in_force(tx, ward)
