"""What the pharmacy puts into and takes out of a cart's drawer of controlled drugs. What nurses take comes with their records."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

from pointofcare.errors import UnreadableError
from pointofcare.people import StaffRole
from pointofcare.wire.messages import TableKind
from server.store import fleet, products, stock, versions
from server.store.stock import Move
from server.store.transaction import Actor, Transaction
from server.usecases import controlled
from server.usecases.permission import require

MOST = Decimal(10_000)


def fill(
    tx: Transaction, actor: Actor, *, cart: str, drawer: int, product: str, units: Decimal, note: str = "", key: str | None = None
) -> None:
    """`units` whole units go into the drawer, or with a minus back to the pharmacy. `key`: the form's own, so that one that is sent
    twice is one filling.

    Raises: NotPermittedError, NotFoundError (the product), UnreadableError (not controlled, no drawer, no whole number)."""
    require(tx, actor, StaffRole.PHARMACIST)
    held = products.get(tx, product)
    if not controlled.is_controlled(held, products.policy(tx, stock.ward_of_cart(tx, cart))):
        raise UnreadableError(
            f"{held.name} is not a controlled drug", remedy="only controlled drugs are counted by drawer", product=product
        )
    if not units.is_finite() or units == 0 or abs(units) > MOST or units != units.to_integral_value():
        raise UnreadableError(f"{units} is not a number of units", remedy="write whole units, such as 10", units=str(units))
    if not 1 <= drawer <= 1000 or not cart:
        raise UnreadableError("which drawer of which cart?", remedy="choose the cart and write the number of its drawer")
    move = Move(
        key=f"fill:{key or uuid4()}",
        cart=cart,
        drawer=drawer,
        product=product,
        kind=stock.FILL,
        units=units,
        by=actor.id,
        at=tx.at,
        note=note.strip()[:500],
    )
    stock.hold(tx, cart)
    before = stock.expected(stock.moves(tx, cart=cart, product=product), drawer=drawer, at=tx.at)
    if stock.add(tx, move):
        after = None if before is None else str(before + units)
        told = {"before": {"booked": None if before is None else str(before)}, "after": {"booked": after}}
        tx.audit("stock.fill", f"cart/{cart}", {"drawer": drawer, "product": product, "units": str(units), **told})
        controlled.recount(tx, cart=cart, product=product)
        # Carts are told which drawers hold controlled drugs: two people may be needed to open one.
        versions.bump_kind(tx, TableKind.STAFF_ROSTER, fleet.ward_of(tx, cart) or None)
