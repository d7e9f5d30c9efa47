"""What changed between what a screen was made from and what the tables say now, of one patient and of what was scanned.

Pure: values in, values out. It tells, and decides nothing: whether a dose may still be given is the verdict's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from hashlib import sha256

from pointofcare.orders.order import Order, OrderStatus
from pointofcare.people import Allergy, BandStatus, Patient
from pointofcare.products import Product
from pointofcare.wire.tables import OrderChanged

_STATUSES: Mapping[OrderStatus | None, str] = {
    OrderStatus.ACTIVE: "order-active",
    OrderStatus.ON_HOLD: "order-held",
    OrderStatus.STOPPED: "order-stopped",
    OrderStatus.COMPLETED: "order-ended",
    OrderStatus.CANCELLED: "order-ended",
    OrderStatus.DRAFT: "order-draft",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a screen was made from: the patient with the orders, the formulary, and the version of the policy."""

    patient: Patient | None
    orders: tuple[Order, ...] = ()
    products: tuple[Product, ...] = ()
    policy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`code` names the sentence. `subject` is the order, product, substance or patient as people call it; `before` and `after` are the
    two orders where a dose, a rate or times differ, else words. `by`, `at` and `reason` are of who changed an order."""

    code: str
    subject: str = ""
    before: Order | str = ""
    after: Order | str = ""
    order: str | None = None
    by: str = ""
    at: datetime | None = None
    reason: str = ""


def between(before: Seen, after: Seen, *, told: Iterable[OrderChanged] = (), gtins: Collection[str] = ()) -> tuple[Change, ...]:
    """What differs, orders first. `told` says who changed which order, `gtins` were scanned: of other products nothing is told."""
    by = {each.order: each for each in told}
    gone = before.patient is not None and after.patient is None
    found = [*(() if gone else _orders(before.orders, after.orders, by)), *_patient(before.patient, after.patient)]
    if before.products is not after.products:
        scanned = tuple(product for product in before.products if product.gtin in gtins)
        found += _products(scanned, after.products)
    if before.policy != after.policy:
        found.append(Change(code="policy", before=before.policy, after=after.policy))
    return tuple(found)


def as_scanned(before: tuple[Product, ...], after: tuple[Product, ...], gtins: Collection[str]) -> tuple[Product, ...]:
    """`after`, with what was scanned as it was in `before`: whoever scans later is judged by the newer entry, and sees no other."""
    if before is after or not gtins:
        return after
    kept = {product.gtin: product for product in before if product.gtin in gtins}
    now = tuple(kept.pop(product.gtin, product) for product in after)
    return (*now, *kept.values())


def notice_of(changes: tuple[Change, ...]) -> str:
    """What a screen says to a tap that came after `changes`."""
    return "order-changed" if any(each.order is not None for each in changes) else "facts-changed"


def mark(changes: tuple[Change, ...]) -> str:
    """Names these changes: what came between the screen and the finger was not read. "" for none."""
    return sha256(repr(changes).encode()).hexdigest()[:16] if changes else ""


def _orders(before: tuple[Order, ...], after: tuple[Order, ...], by: Mapping[str, OrderChanged]) -> Iterable[Change]:
    old, new = {order.id: order for order in before}, {order.id: order for order in after}
    for order in before:
        if order.id not in new:
            yield Change(code="order-gone", subject=_name(order), order=order.id)
    for order in after:
        was = old.get(order.id)
        if was is None:
            yield Change(code="order-added", subject=_name(order), after=order, order=order.id)
            continue
        who = by.get(order.id)
        who = who if who is not None and who.version == order.version != was.version else None
        for code in _codes(was, order):
            yield Change(
                code=code,
                subject=_name(was),
                before=was,
                after=order,
                order=order.id,
                by=who.by if who is not None else "",
                at=who.at if who is not None else None,
                reason=who.reason if who is not None else "",
            )


def _codes(was: Order, now: Order) -> list[str]:
    codes = []
    if was.status is not now.status:
        codes.append(_STATUSES.get(now.status, "order-other"))
    if _amounts(was) != _amounts(now):
        codes.append("order-dose")
    if (was.ingredient, was.form, was.route) != (now.ingredient, now.form, now.route):
        codes.append("order-drug")
    if _times(was) != _times(now):
        codes.append("order-times")
    if was.verified and not now.verified:
        codes.append("order-unverified")
    if not codes and (was.version != now.version or was.verified != now.verified):
        codes.append("order-verified" if was.version == now.version else "order-other")
    return codes


def _amounts(order: Order) -> tuple[object, ...]:
    steps = tuple((step.dose, step.dose_range, step.rate) for step in order.dosages)
    return order.dose, order.dose_range, order.rate, order.rate_range, steps


def _times(order: Order) -> tuple[object, ...]:
    steps = tuple((step.times, step.every, step.days_of_week, step.start, step.end) for step in order.dosages)
    return order.times, order.every, order.days_of_week, order.start, order.end, steps


def times(order: Order) -> tuple[time, ...]:
    """When in the day an order is due, of all its steps."""
    return tuple(sorted({*order.times, *(at for step in order.dosages for at in step.times)}))


def _patient(was: Patient | None, now: Patient | None) -> Iterable[Change]:
    if was is None:
        return
    if now is None:
        yield Change(code="patient-gone", subject=was.name)
        return
    if (was.status, was.ward, was.bed) != (now.status, now.ward, now.bed):
        yield Change(code="patient-moved", subject=was.name, before=was.bed or "", after=now.bed or "")
    yield from _allergies(was.allergies, now.allergies)
    weights = tuple(str(each.value) if each is not None else "" for each in (was.weight, now.weight))
    if weights[0] != weights[1]:
        yield Change(code="weight", before=weights[0], after=weights[1])
    active = {(band.gsrn, band.srin) for band in now.bands if band.status is BandStatus.ACTIVE}
    if any(band.status is BandStatus.ACTIVE and (band.gsrn, band.srin) not in active for band in was.bands):
        yield Change(code="band-revoked", subject=was.name)


def _allergies(was: tuple[Allergy, ...] | None, now: tuple[Allergy, ...] | None) -> Iterable[Change]:
    if was == now:
        return
    if now is None or (was is None and not now):
        yield Change(code="allergies")
        return
    before = {each.substance: each for each in was or ()}
    after = {each.substance: each for each in now}
    for substance, each in after.items():
        if before.get(substance) != each:
            yield Change(code="allergy-added", subject=substance)
    for substance in before.keys() - after.keys():
        yield Change(code="allergy-removed", subject=substance)


def _products(was: tuple[Product, ...], now: tuple[Product, ...]) -> Iterable[Change]:
    new = {product.gtin: product for product in now}
    for product in was:
        found = new.get(product.gtin)
        if found is None:
            yield Change(code="product-gone", subject=product.name)
        elif lots := tuple(lot for lot in found.recalled_lots if lot not in product.recalled_lots):
            yield Change(code="product-recalled", subject=product.name, after=", ".join(lots))
        elif found != product:
            yield Change(code="product-changed", subject=product.name)


def _name(order: Order) -> str:
    return order.display or order.ingredient
