"""Controlled drugs on the server: is every unit of a dose accounted for (C1), and does a blind count agree with the drawer (C3)?

Raises tasks, decides nothing: a difference is shown to a person, and what cannot be computed is a difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from pointofcare.administration.record import AdministrationRecord
from pointofcare.labels.scan import DrugScan, Keyed, LabelKind
from pointofcare.products import Controlled, Product
from pointofcare.quantity import Quantity
from pointofcare.verdict.dosing import amount_of
from pointofcare.verdict.facts import Action, Scanned
from pointofcare.verdict.moment import plain, shown
from pointofcare.verdict.policy import ListedBy, Policy
from pointofcare.wire.messages import FleetEvent
from server.store import products, stock, tasks
from server.store.bedside import Look
from server.store.stock import Move
from server.store.tasks import NewTask
from server.store.transaction import Transaction
from server.usecases.task_kinds import CONTROLLED_BALANCE, CONTROLLED_COUNT

COUNT_EVENT = "controlled-count"
REFUSED_EVENT = "controlled-count-refused"
TAKING = frozenset({Action.GIVE, Action.START})
_MOST_UNITS = 100_000


def is_controlled(product: Product, policy: Policy) -> bool:
    """By the formulary, or by one of the policy's lists."""
    if product.controlled is not Controlled.NONE:
        return True
    names = {plain(part.name) for part in product.ingredients}
    classes = {plain(name) for part in product.ingredients for name in part.classes}
    return any(plain(line.name) in (names if line.by is ListedBy.INGREDIENT else classes) for line in policy.controlled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """`missing` is what is not accounted for, signed, in `unit`; None: it cannot be computed, which `cause` explains."""

    unit: str
    taken: str
    accounted: str
    missing: Fraction | None
    cause: str


def units_taken(product: Product, scans: tuple[Scanned, ...]) -> int:
    """How many units were scanned, or typed where the label could not be read."""
    read = [one.scan for one in scans if isinstance(one.scan, DrugScan) and one.scan.gtin == product.gtin]
    serials = {scan.serial for scan in read if scan.serial}
    typed = sum(isinstance(one.scan, Keyed) and one.scan.kind is LabelKind.DRUG for one in scans)
    return len(serials) + sum(not scan.serial for scan in read) + (typed if not read else 0)


def balance(record: AdministrationRecord, products: tuple[Product, ...], scans: tuple[Scanned, ...]) -> Balance | None:
    """What was taken against what was given, wasted and returned; None for what is not counted in units."""
    product = next((one for one in products if one.id == record.product), None)
    if product is None or product.multi_dose or not product.ingredients:
        return None
    ingredient = product.ingredients[0]
    name, amount = plain(ingredient.name), ingredient.amount
    if amount is None or record.dose is None:
        return Balance(unit="", taken="", accounted="", missing=None, cause="unknown")
    taken = Fraction(0)
    for one in products:
        held = one.ingredients[0] if one.ingredients else None
        if held is not None and held.amount is not None and plain(held.name) == name and held.amount.converts_to(amount.unit):
            taken += held.amount.exact() * units_taken(one, scans)
    parts = [amount_of(name, product, part) for part in (record.dose, record.waste, record.returned) if part is not None]
    if not taken or any(part is None for part in parts):
        return Balance(unit=amount.unit, taken="", accounted="", missing=None, cause="unknown")
    accounted = sum((part for part in parts if part is not None), Fraction(0))
    return Balance(
        unit=amount.unit,
        taken=shown(taken, amount.unit),
        accounted=shown(accounted, amount.unit),
        missing=taken - accounted,
        cause="differs",
    )


def after_record(tx: Transaction, record: AdministrationRecord, look: Look, scans: tuple[Scanned, ...], policy: Policy) -> None:
    """The dose's own balance, and what it took from the cart's drawer. For a controlled product only; else nothing happens."""
    product = next((one for one in look.products if one.id == record.product), None)
    if product is None or not is_controlled(product, policy):
        return
    if record.action == Action.WASTE:
        _settle(tx, record, product, look)
        return
    if record.action not in TAKING or record.status == "not-done":
        return
    found = balance(record, look.products, scans)
    if found is not None and found.missing != 0:
        detail: dict[str, Any] = {
            "cause": found.cause,
            "taken": found.taken,
            "accounted": found.accounted,
            "missing": "" if found.missing is None else shown(found.missing, found.unit),
            "name": product.name,
            "nurse": record.nurse,
        }
        tasks.put(
            tx,
            NewTask(
                kind=CONTROLLED_BALANCE,
                key=record.record_id,
                ward=record.ward,
                patient=record.patient,
                order=record.order,
                due=record.due,
                product=product.id,
                record_id=record.record_id,
                detail=detail,
                due_by=record.effective_at + policy.controlled_settle_within,
            ),
        )
    units = units_taken(product, scans)
    if units:
        _move_out(tx, record, product, units, scans)


def _settle(tx: Transaction, record: AdministrationRecord, product: Product, look: Look) -> None:
    """Waste or a return that was charted after the dose: it may account for what was missing."""
    ours = [task for task in look.tasks if task.kind == CONTROLLED_BALANCE]
    if record.continues is not None:
        mine = [task for task in ours if task.record_id == record.continues]
    else:
        mine = [task for task in ours if task.order == record.order]
    if len(mine) != 1:
        return
    task = tasks.get(tx, mine[0].id)
    left = str(task.detail.get("missing") or "")
    parts = [part for part in (record.waste or record.dose, record.returned) if part is not None]
    amounts = [amount_of(plain(product.ingredients[0].name), product, part) for part in parts] if product.ingredients else [None]
    if not left or left.startswith("-") or not amounts or any(amount is None for amount in amounts):
        return  # more was accounted for than taken, or it does not compute: a person looks at it
    before = Quantity.parse(left)
    now = before.exact() - sum((amount for amount in amounts if amount is not None), Fraction(0))
    if now == 0:
        tasks.cancel(tx, [task.id], why="settled", by_record=record.record_id)
    else:
        tasks.note(tx, task.id, step="wasted", detail={**task.detail, "missing": shown(now, before.unit)}, record_id=record.record_id)


def _move_out(tx: Transaction, record: AdministrationRecord, product: Product, units: int, scans: tuple[Scanned, ...]) -> None:
    stock.hold(tx, record.cart)
    place = stock.place(tx, cart=record.cart, product=product.id, patient=record.patient)
    if place.of_patient in place.filled:
        drawer = place.of_patient or 0
    else:
        drawer = place.filled[0] if len(place.filled) == 1 else 0
    at = min((one.at for one in scans if isinstance(one.scan, DrugScan) and one.scan.gtin == product.gtin), default=record.effective_at)
    taken = Move(
        key=f"taken:{record.record_id}",
        cart=record.cart,
        drawer=drawer,
        product=product.id,
        kind=stock.TAKEN,
        units=Decimal(-units),
        by=record.nurse,
        at=min(at, record.effective_at),
        record_id=record.record_id,
    )
    stock.add(tx, taken)
    back = _units_returned(record, product)
    if back:
        stock.add(tx, replace(taken, key=f"returned:{record.record_id}", kind=stock.RETURNED, units=back, at=record.effective_at))
    recount(tx, cart=record.cart, product=product.id)


def _units_returned(record: AdministrationRecord, product: Product) -> Decimal:
    """Whole units that were put back; a part of a unit never goes back into a drawer."""
    content = product.ingredients[0].amount if product.ingredients else None
    if record.returned is None or content is None or content.exact() == 0:
        return Decimal(0)
    amount = amount_of(plain(product.ingredients[0].name), product, record.returned)
    return Decimal(0) if amount is None else Decimal(int(amount / content.exact()))


def withdraw(tx: Transaction, record_id: str) -> None:
    """The record was entered in error: what it took was never taken."""
    touched = set()
    moves = stock.of_record(tx, record_id)
    for cart in sorted({move.cart for move in moves}):
        stock.hold(tx, cart)
    for move in moves:
        if move.kind in (stock.TAKEN, stock.RETURNED) and not move.key.startswith("withdrawn:"):
            stock.add(
                tx,
                Move(
                    key=f"withdrawn:{move.key}",
                    cart=move.cart,
                    drawer=move.drawer,
                    product=move.product,
                    kind=move.kind,
                    units=-move.units,
                    by=tx.actor.id,
                    at=move.at,
                    record_id=record_id,
                ),
            )
            touched.add((move.cart, move.product))
    for cart, product in sorted(touched):
        recount(tx, cart=cart, product=product)


def after_event(tx: Transaction, cart: str, event: FleetEvent) -> None:
    """A nurse counted blind as the drawer opened. The count is kept whatever it says, once."""
    if event.kind not in (COUNT_EVENT, REFUSED_EVENT):
        return
    key = f"count:{cart}:{event.epoch}:{event.seq}"
    if event.kind == REFUSED_EVENT:
        _refused(tx, cart, event, key)
        return
    read = _read(event.details)
    if read is None:
        detail = {"cause": "unreadable", "cart": cart, "said": str(dict(event.details))[:500]}
        if tasks.find(tx, CONTROLLED_COUNT, key) is None:
            tasks.put(tx, NewTask(kind=CONTROLLED_COUNT, key=key, ward=stock.ward_of_cart(tx, cart), detail=detail, due_by=tx.at))
        return
    product, drawer, counted, record_id, nurse = read
    move = Move(
        key=key, cart=cart, drawer=drawer, product=product, kind=stock.COUNTED, units=counted, by=nurse, at=event.at, record_id=record_id
    )
    if stock.add(tx, move):
        recount(tx, cart=cart, product=product, new=move)


def _refused(tx: Transaction, cart: str, event: FleetEvent, key: str) -> None:
    """Not to count is allowed with a reason, and somebody looks at it: not counted is never counted right."""
    told = {name: str(event.details.get(name) or "")[:200] for name in ("product", "nurse", "reason", "record_id")}
    drawer = event.details.get("drawer")
    detail = {
        "cause": "refused",
        "cart": cart,
        "drawer": drawer if isinstance(drawer, int) and not isinstance(drawer, bool) else 0,
        "nurse": told["nurse"],
        "reason": told["reason"],
        "name": stock.product_name(tx, told["product"]) if told["product"] else "",
    }
    ward = stock.ward_of_cart(tx, cart)
    new = NewTask(
        kind=CONTROLLED_COUNT,
        key=key,
        ward=ward,
        product=told["product"] or None,
        record_id=told["record_id"] or None,
        detail=detail,
        due_by=_by(tx, ward, event.at),
    )
    if tasks.find(tx, CONTROLLED_COUNT, key) is None:  # a cart resends its events
        tasks.put(tx, new)


def _read(details: Mapping[str, object]) -> tuple[str, int, Decimal, str | None, str] | None:
    product, drawer, counted = details.get("product"), details.get("drawer"), details.get("counted")
    record_id, nurse = details.get("record_id"), details.get("nurse")
    if not isinstance(product, str) or not product or not isinstance(nurse, str) or not nurse:
        return None
    if not isinstance(drawer, int) or isinstance(drawer, bool) or not 0 <= drawer <= 10_000:
        return None
    if isinstance(counted, bool) or not isinstance(counted, int | float | str):
        return None
    try:
        number = Decimal(str(counted))
    except InvalidOperation:
        return None
    if not number.is_finite() or not 0 <= number <= _MOST_UNITS:
        return None
    return product, drawer, number, record_id if isinstance(record_id, str) and record_id else None, nurse


def recount(tx: Transaction, *, cart: str, product: str, new: Move | None = None) -> None:
    """Compares the counts of the last days, and `new` however late it comes, with what should have lain there then. A record that
    comes late may settle a difference, or show one."""
    found = stock.moves(tx, cart=cart, product=product, at=new.at if new is not None else None)
    since = tx.at - stock.LOOK_BACK
    counts = [move for move in found if move.kind == stock.COUNTED and (move.at >= since or (new is not None and move.key == new.key))]
    ward: str | None = None
    raised = tasks.by_key(tx, CONTROLLED_COUNT, [count.key for count in counts])
    for count in counts:
        should = stock.expected(found, drawer=count.drawer, at=count.at, without=count.record_id)
        task = raised.get(count.key)
        if should == count.units:
            if task is not None and task.is_open:
                tasks.cancel(tx, [task.id], why="settled")
            continue
        detail = {
            "cause": "never-filled" if should is None else "differs",
            "cart": cart,
            "drawer": count.drawer,
            "counted": f"{count.units:f}",
            "expected": "" if should is None else f"{should:f}",
            "nurse": count.by,
            "at": count.at.isoformat(),
        }
        if task is None:
            ward = stock.ward_of_cart(tx, cart) if ward is None else ward
            detail["name"] = stock.product_name(tx, product)
            owed = NewTask(
                kind=CONTROLLED_COUNT,
                key=count.key,
                ward=ward,
                product=product,
                record_id=count.record_id,
                detail=detail,
                due_by=_by(tx, ward, count.at),
            )
            tasks.put(tx, owed)
        elif task.is_open and {**task.detail, **detail} != dict(task.detail):
            detail = {**task.detail, **detail}
            tasks.note(tx, task.id, step="recounted", detail=detail)
        elif task.status == tasks.CANCELLED:
            by = _by(tx, task.ward, count.at)
            owed = NewTask(kind=CONTROLLED_COUNT, key=count.key, ward=task.ward, product=product, detail=detail, due_by=by)
            tasks.put(tx, owed, reopen=True)


def _by(tx: Transaction, ward: str, at: datetime) -> datetime:
    """An unsettled count is owed an explanation as soon as an unsettled dose of its ward."""
    return at + products.policy(tx, ward).controlled_settle_within


def adjust(tx: Transaction, *, task_id: int, by: str, at: datetime, detail: Mapping[str, Any], product: str, note: str) -> None:
    """A person explained the difference: from now on what was counted is what should lie there."""
    if detail.get("cause") not in ("differs", "never-filled"):
        return
    should = Decimal(str(detail.get("expected") or 0))
    units = Decimal(str(detail["counted"])) - should
    counted_at = datetime.fromisoformat(str(detail["at"]))
    stock.add(
        tx,
        Move(
            key=f"adjusted:{task_id}:{at.isoformat()}",
            cart=str(detail["cart"]),
            drawer=int(detail["drawer"]),
            product=product,
            kind=stock.ADJUSTED,
            units=units,
            by=by,
            at=counted_at,
            note=note,
        ),
    )
