"""What the pharmacy decides for every ward: products."""

from __future__ import annotations

from dataclasses import replace

from pointofcare.errors import ConflictError
from pointofcare.products import Product
from pointofcare.wire.messages import TableKind
from server.store import products, recalls, versions
from server.store.transaction import Transaction
from server.usecases import changes, formulary


def receive_product(tx: Transaction, product: Product, *, bump: bool = True, action: str = "received", why: str = "") -> None:
    """A product, new or changed: the caller has checked who may import, and may raise the table's version once at the end. `action` and
    `why` are what its history says.

    Raises: ConflictError when its GTIN is another product's."""
    holder = products.known(tx, gtins=(product.gtin,)).get(product.gtin)
    if holder is not None and holder != product.id:
        raise ConflictError(f"the GTIN {product.gtin} belongs to {holder}", remedy="correct the id or the GTIN", gtin=product.gtin)
    # What a pharmacist recalled stays recalled, whatever a file says that was written before or without it.
    kept = tuple(lot for lot in recalls.lots_of(tx, product.id) if lot not in product.recalled_lots)
    product = replace(product, recalled_lots=(*product.recalled_lots, *kept)) if kept else product
    before = products.find(tx, product.id)
    # A file that names another pack by its own id makes a product of it; a product's other packs follow the product.
    products.put(tx, product, action=action, why=why, pack_of="" if action == "received" else None)
    formulary.follow(tx, product, why=why)
    tx.audit("product.receive", f"product/{product.id}", {"gtin": product.gtin, **changes.told(before, product)})
    if bump:
        versions.bump_everywhere(tx, TableKind.FORMULARY)
