"""The policy's lists laid over what the formulary and the orders say: of the two the stricter counts (rules H1, H2, H4, D7, T1, C).

Done once, before anything is looked at, so that no check needs to know of lists. Must never make anything milder.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pointofcare.orders.order import Order
from pointofcare.products import Controlled, Product
from pointofcare.verdict import index
from pointofcare.verdict.facts import Facts
from pointofcare.verdict.moment import ingredients, ordered_ingredients, plain
from pointofcare.verdict.policy import Listed, ListedBy, Policy


def applied(facts: Facts) -> Facts:
    """The same facts with the lists of their policy applied; the very same object when no list says anything."""
    policy = facts.policy
    if policy.high_alert or policy.controlled or policy.hold or policy.look_alike:
        facts = replace(facts, products=_products(facts.products, policy))
    if policy.time_critical:
        facts = replace(facts, orders=_orders(facts.orders, facts.products, policy))
    return facts


@index.kept
def _products(products: tuple[Product, ...], policy: Policy) -> tuple[Product, ...]:
    return tuple(_product(product, policy) for product in products)


@index.kept
def _orders(orders: tuple[Order, ...], products: tuple[Product, ...], policy: Policy) -> tuple[Order, ...]:
    return tuple(_order(order, products, policy) for order in orders)


def names(line: Listed, ingredient: str, classes: Iterable[str]) -> bool:
    """Does the line mean this ingredient (plain name), or a class that it is of?"""
    wanted = plain(line.name)
    if not wanted:
        return False
    return wanted == ingredient if line.by is ListedBy.INGREDIENT else wanted in {plain(each) for each in classes}


def means(line: Listed, product: Product) -> bool:
    """Does the line mean any ingredient of this product?"""
    return any(names(line, plain(each.name), each.classes) for each in product.ingredients)


def _product(product: Product, policy: Policy) -> Product:
    alert = max((line.level for line in policy.high_alert if means(line, product)), default=product.high_alert)
    schedules = [line.schedule for line in policy.controlled if means(line, product) and line.schedule is not Controlled.NONE]
    holds = tuple(line.rule for line in policy.hold if means(line, product) and line.rule not in product.hold)
    twins = tuple(twin for twin in _twins(product, policy) if plain(twin) not in {plain(each) for each in product.lasa})
    if alert <= product.high_alert and not holds and not twins and (not schedules or product.controlled is not Controlled.NONE):
        return product
    return replace(
        product,
        high_alert=max(alert, product.high_alert),
        controlled=schedules[0] if schedules and product.controlled is Controlled.NONE else product.controlled,
        hold=product.hold + holds,
        lasa=product.lasa + twins,
    )


def _twins(product: Product, policy: Policy) -> tuple[str, ...]:
    """The other names of the pairs in which this product stands, by an ingredient or by its own name."""
    called = f" {plain(product.name)} "
    held = ingredients(product)

    def is_one(name: str) -> bool:
        word = plain(name)
        return bool(word) and (word in held or f" {word} " in called)

    found = [pair.other for pair in policy.look_alike if is_one(pair.one)] + [pair.one for pair in policy.look_alike if is_one(pair.other)]
    return tuple(dict.fromkeys(found))


def _order(order: Order, products: tuple[Product, ...], policy: Policy) -> Order:
    if order.time_critical:
        return order
    held = ordered_ingredients(order)
    classes = {
        name: {each for product in products for item in product.ingredients if plain(item.name) == name for each in item.classes}
        for name in held
    }
    listed = any(names(line, name, classes[name]) for line in policy.time_critical for name in held)
    return replace(order, time_critical=True) if listed else order
