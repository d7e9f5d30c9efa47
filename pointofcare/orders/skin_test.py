"""Whether the patient's history asks for a skin test before a drug: a reminder of what the guideline says, never a permission.

Source: Circular 51/2017/TT-BYT (Ministry of Health of Vietnam), article 4 and annex VIII: a skin test is made where the patient had an
allergic reaction to this drug or a related one and there is no other drug; not before every drug. A negative test proves nothing alone,
and an allergy on record stays the verdict's own (rules D10, D11). Must never lower what the verdict says.
"""

from __future__ import annotations

from collections.abc import Iterable

from pointofcare.orders import course
from pointofcare.orders.order import Order
from pointofcare.people import Allergy, AllergyKind, Patient
from pointofcare.products import Product

SOURCE = "TT 51/2017/TT-BYT, phụ lục VIII"
# Not injected, not tested.
_INJECTED = frozenset({"IV", "IM", "SC", "ID"})


def reminder(order: Order, patient: Patient, products: Iterable[Product]) -> tuple[Allergy, ...] | None:
    """The allergies because of which a skin test is to be thought of before `order`; () for none, None: it is not known whether the
    patient has any. `products` are the formulary's, for the classes of the ingredients."""
    if order.route not in _INJECTED:
        return ()
    if patient.allergies is None:
        return None
    names = course.ingredients(order)
    classes = {
        each.casefold()
        for product in products
        for ingredient in product.ingredients
        if ingredient.name.casefold() in names
        for each in ingredient.classes
    }
    return tuple(
        allergy
        for allergy in patient.allergies
        if allergy.substance.casefold() in (classes if allergy.kind is AllergyKind.CLASS else names | classes)
    )
