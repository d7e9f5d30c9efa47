"""What the pharmacy and the hospital decide for every ward: products and the policy."""

from __future__ import annotations

from pointofcare.errors import ConflictError
from pointofcare.people import StaffRole
from pointofcare.products import Product
from pointofcare.verdict.policy import Policy
from pointofcare.wire.messages import TableKind
from server.store import products, versions
from server.store.transaction import Actor, Transaction
from server.usecases.permission import require


def receive_product(tx: Transaction, product: Product, *, bump: bool = True) -> None:
    """A product, new or changed: the caller has checked who may import, and may raise the table's version once at the end.

    Raises: ConflictError when its GTIN is another product's."""
    holder = products.known(tx, gtins=(product.gtin,)).get(product.gtin)
    if holder is not None and holder != product.id:
        raise ConflictError(f"the GTIN {product.gtin} belongs to {holder}", remedy="correct the id or the GTIN", gtin=product.gtin)
    products.put(tx, product)
    tx.audit("product.receive", f"product/{product.id}", {"gtin": product.gtin, "recalled_lots": list(product.recalled_lots)})
    if bump:
        versions.bump_everywhere(tx, TableKind.FORMULARY)


def set_policy(tx: Transaction, actor: Actor, policy: Policy) -> None:
    """A new policy under a new version name. Raises: NotPermittedError, ConflictError (the name was used before)."""
    require(tx, actor, StaffRole.PHARMACIST, StaffRole.ADMINISTRATOR)
    if products.policy(tx).version == policy.version:
        raise ConflictError(f"policy {policy.version} exists", remedy="give the new policy a new version name", version=policy.version)
    products.add_policy(tx, policy)
    tx.audit("policy.set", f"policy/{policy.version}")
    versions.bump_everywhere(tx, TableKind.POLICY)
