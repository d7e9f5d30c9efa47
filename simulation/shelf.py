"""What the virtual hand can hold up: badges, wristbands, the packs that each patient's orders need, and packs that must be stopped.

Lots, expiries and serial numbers are drawn from the ward's seed: nothing is wired in.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal

from PIL import Image

from pointofcare.errors import QuantityError
from pointofcare.orders.order import Order
from pointofcare.people import Patient
from pointofcare.products import Product
from simulation import labels, pharmacy
from simulation.camera import Group, Item, Shelf
from simulation.ward import StaffMember, Ward

# An open pharmacy seldom sends more than a handful of one unit dose; more units than this are one labelled vial drawn several times.
_MOST_UNITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """One unit of a product as its label says it."""

    product: Product
    lot: str
    expiry: date
    serial: str

    def picture(self) -> Image.Image:
        return labels.drug_pack(self.product.name, self.product.gtin, self.lot, self.expiry, self.serial)


def pack(product: Product, rng: random.Random, day: date, *, lot: str | None = None, expiry: date | None = None) -> Pack:
    """A pack with a lot, expiry and serial drawn from `rng`; `day` is today in the ward."""
    return Pack(
        product=product,
        lot=lot or "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") for _ in range(rng.randrange(5, 9))),
        expiry=expiry or day + timedelta(days=rng.randrange(60, 900)),
        serial=f"{rng.randrange(10**9):09d}",
    )


def expired(product: Product, rng: random.Random, day: date) -> Pack:
    return pack(product, rng, day, expiry=day - timedelta(days=rng.randrange(3, 200)))


def units(order: Order, product: Product) -> int:
    """How many units of `product` make the order's dose, at least one."""
    if order.dose is None or product.multi_dose or len(product.ingredients) != 1 or product.ingredients[0].amount is None:
        return 1
    try:
        wanted = order.dose.per(product.ingredients[0].amount)
    except QuantityError:
        return 1
    return max(1, min(_MOST_UNITS, int(wanted.to_integral_value(rounding=ROUND_CEILING)))) if wanted > Decimal(0) else 1


def product_for(order: Order, products: tuple[Product, ...]) -> Product | None:
    """The product with the order's ingredients, form and route: one whose units make the dose, else the first."""
    fitting = [
        product
        for product in products
        if "/".join(part.name for part in product.ingredients) == order.ingredient
        and product.form == order.form
        and order.route in product.routes
    ]
    return next((product for product in fitting if _makes_the_dose(order, product)), fitting[0] if fitting else None)


def _makes_the_dose(order: Order, product: Product) -> bool:
    unit = product.ingredients[0].amount if len(product.ingredients) == 1 else None
    if order.dose is None or unit is None:
        return False
    try:
        wanted = order.dose.per(unit)
    except QuantityError:
        return False
    return wanted > Decimal(0) and wanted == wanted.to_integral_value()


def of(ward: Ward, day: date, *, bags: Mapping[str, Sequence[str]] | None = None) -> Shelf:
    """Everything, grouped as a person looks for it: badges first, then patients by bed, then the packs that must be stopped.

    `bags` maps an order to the numbers of the bags that the pharmacy prepared for it."""
    rng = random.Random(f"shelf-{ward.patients[0].mrn}")
    groups = [Group(title="Thẻ nhân viên · Badges", items=tuple(_badge(member) for member in ward.staff))]
    for patient in ward.patients:
        items = [_band(patient)]
        for order in (order for order in ward.orders if order.patient == patient.id):
            product = product_for(order, ward.products)
            items += [_bag(bag, order) for bag in (bags or {}).get(order.id, ())]
            if product is None:
                continue
            count = units(order, product)
            for number in range(1, count + 1):
                one = pack(product, rng, day)
                items.append(_pack(f"{order.id}-{number}", one, order.display + (f" · {number}/{count}" if count > 1 else "")))
        groups.append(Group(title=f"{patient.bed} · {patient.name}", items=tuple(items)))
    first = ward.products[0]
    groups.append(
        Group(
            title="Phải bị chặn · Must be stopped",
            items=(
                _pack("bad-expired", expired(first, rng, day), "expired"),
                _pack("bad-recalled", pack(first, rng, day, lot=pharmacy.RECALLED_LOT), "recalled lot"),
                Item(id="bad-unknown", title="?", subtitle="unknown product", image=lambda: labels.unit_dose("?", _unknown_gtin())),
                Item(id="bad-foreign", title="QR", subtitle="foreign code", image=lambda: labels.bag("https://example.test/x", "QR")),
            ),
        )
    )
    return Shelf(groups=tuple(groups))


def _unknown_gtin() -> str:
    return pharmacy.gtin(999)


def _badge(member: StaffMember) -> Item:
    role = member.roles[0].value
    return Item(id=f"badge-{member.id}", title=member.name, subtitle=role, image=lambda: labels.badge(member.name, role, member.badge))


def _band(patient: Patient) -> Item:
    return Item(id=f"band-{patient.id}", title=patient.name, subtitle=f"{patient.mrn} · {patient.bed}", image=band_picture(patient))


def band_picture(patient: Patient) -> Callable[[], Image.Image]:
    band = patient.bands[0]
    return lambda: labels.wristband(patient.name, patient.birth_date, patient.mrn, band.gsrn, band.srin)


def _pack(identifier: str, one: Pack, subtitle: str) -> Item:
    return Item(id=f"pack-{identifier}", title=one.product.name, subtitle=subtitle, image=one.picture)


def _bag(bag: str, order: Order) -> Item:
    lines = (str(order.rate) if order.rate else "",)
    return Item(id=f"bag-{bag}", title=bag, subtitle=order.display, image=lambda: labels.bag(bag, order.display, lines))
