"""What people do with infusion bags before and after they hang: prepare one for an order, throw one away, look for a lost one.

What happens while one hangs is never written here: it follows from the records of the bedside.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from pointofcare.errors import ConflictError, NotFoundError
from pointofcare.orders import dosage
from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.people import StaffRole
from pointofcare.products import Bag, BagState, PrintedFor, Product
from pointofcare.quantity import Quantity
from server.store import bags, orders, patients, products, versions
from server.store.bags import Content
from server.store.orders import Verification
from server.store.transaction import Actor, Transaction
from server.usecases import bag_label
from server.usecases.permission import require, text

PREPARE = (StaffRole.PHARMACIST, StaffRole.NURSE, StaffRole.CHARGE_NURSE)
# How long a prepared bag may wait: a local choice, shorter where the product says so.
LONGEST_WAIT = timedelta(hours=48)


def is_for_bags(order: Order) -> bool:
    """Is this order given from a bag?"""
    return order.category is OrderCategory.INFUSION or order.rate is not None or bool(order.additives)


def printed_for(order: Order) -> PrintedFor:
    """What the label of a bag for this version says, and the order is compared with later (rule I3)."""
    return PrintedFor(volume=_volume(order), rate=order.rate, additives=order.additives)


def _volume(order: Order) -> Quantity | None:
    dose = order.dose
    return dose if dose is not None and "/" not in dose.unit else None


def prepare(
    tx: Transaction,
    actor: Actor,
    order_id: str,
    version: int,
    *,
    contents: Iterable[Content] = (),
    use_within: timedelta = timedelta(hours=24),
) -> Bag:
    """One bag for this version of an active, verified order; what its label says is kept with it.

    Raises: NotPermittedError, NotFoundError, ConflictError (the order changed, or is not to be given; a pack is recalled or expired)."""
    require(tx, actor, *PREPARE)
    view = orders.get(tx, order_id)
    order = dosage.effective(view.order, tx.at)
    if order.version != version:
        raise ConflictError(
            f"order {order_id} is at version {order.version}, not {version}",
            remedy="look at it again, then prepare the bag",
            order=order_id,
        )
    if order.status is not OrderStatus.ACTIVE or not is_for_bags(order):
        raise ConflictError(f"order {order_id} is no active infusion", remedy="prepare bags for active infusions only", order=order_id)
    if view.verification is not Verification.VERIFIED:
        raise ConflictError(f"order {order_id} is not verified", remedy="a pharmacist verifies the order first", order=order_id)
    if not timedelta(0) < use_within <= LONGEST_WAIT:
        raise ConflictError("a bag is not kept that long", remedy=f"at most {LONGEST_WAIT.total_seconds() / 3600:.0f} hours")
    found = patients.get(tx, order.patient)
    listed = tuple(_checked(tx, one) for one in contents)
    bag = Bag(
        id=bag_label.new_id(),
        order=order.id,
        order_version=order.version,
        state=BagState.PREPARED,
        printed_for=printed_for(order),
        patient=order.patient,
    )
    label = {
        "name": found.name,
        "mrn": found.mrn,
        "birth_date": found.birth_date.isoformat() if found.birth_date else None,
        "ward": found.ward,
        "bed": found.bed,
        "order": order.display or order.ingredient,
        "route": order.route,
        "prepared_by": actor.name or actor.id,
    }
    bags.add(tx, bag, label=label, contents=listed, use_by=tx.at + use_within)
    tx.audit(
        "bag.prepare",
        f"bag/{bag.id}",
        {"order": order.id, "version": order.version, "patient": order.patient, "lots": [f"{one.product} {one.lot}" for one in listed]},
    )
    versions.bump(tx, found.ward)
    return bag


def _checked(tx: Transaction, content: Content) -> Content:
    """The pack with its name. Raises: NotFoundError, ConflictError for one that must not go into a bag."""
    product = products.get(tx, content.product)
    if content.lot and content.lot in product.recalled_lots:
        raise ConflictError(
            f"lot {content.lot} of {product.name} is recalled", remedy="take another lot, and put this one aside", lot=content.lot
        )
    if content.expiry and date.fromisoformat(content.expiry) < tx.at.date():
        raise ConflictError(f"{product.name} expired on {content.expiry}", remedy="take another pack", lot=content.lot)
    return Content(
        product=product.id, name=product.name, gtin=product.gtin, lot=content.lot or None, expiry=content.expiry, amount=content.amount
    )


def fits(product: Product, order: Order) -> bool:
    """May this product be part of a bag for the order? Only a help to choose from: nothing is decided by it."""
    wanted = {name.strip().casefold() for name in order.ingredient.split("/")}
    additives = [additive.casefold() for additive in order.additives]
    held = [ingredient.name.casefold() for ingredient in product.ingredients]
    return any(name in wanted or any(name in additive for additive in additives) for name in held)


def discard(tx: Transaction, actor: Actor, bag: str, *, reason: str) -> None:
    """It is never hung again. Raises: NotPermittedError, NotFoundError, TextMissingError, ConflictError (it hangs, or has ended)."""
    require(tx, actor, *PREPARE)
    found = bags.get(tx, bag)
    why = text(reason, "reason")
    if not bags.discard(tx, bag, reason=why):
        raise ConflictError(f"bag {bag} is {found.state.value}", remedy="stop it at the bedside first", state=found.state.value)
    tx.audit("bag.discard", f"bag/{bag}", {"reason": why, "patient": found.patient, **_states(found, "discarded")})
    versions.bump(tx, patients.ward_of(tx, found.patient))


def miss(tx: Transaction, actor: Actor, bag: str) -> None:
    """Nobody finds it: whoever scans it later is stopped. Raises: NotPermittedError, NotFoundError, ConflictError (it was hung)."""
    require(tx, actor, *PREPARE)
    found = bags.get(tx, bag)
    if not bags.mark_missing(tx, bag):
        raise ConflictError(f"bag {bag} is {found.state.value}", remedy="only a bag that waits can be missing", state=found.state.value)
    tx.audit("bag.missing", f"bag/{bag}", {"patient": found.patient, **_states(found, "missing")})
    versions.bump(tx, patients.ward_of(tx, found.patient))


def _states(found: bags.BagView, after: str) -> dict[str, object]:
    return {"before": {"state": found.state.value}, "after": {"state": after}}


def known(tx: Transaction, bag: str) -> str:
    """The bag's id, as it was typed or scanned. Raises: NotFoundError, also for a slip of the keys."""
    wanted = bag.strip().upper()
    if not bag_label.is_valid(wanted):
        raise NotFoundError(f"{bag[:40]!r} is no bag's number", remedy="type it again: its last character checks the others", bag=bag[:40])
    return bags.get(tx, wanted).id
