"""Names in a policy's lists that no product of the formulary bears: most often a typing slip that would silence a line for good.

Doubts, not faults: a drug may be out of stock for a while. Must never change the policy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pointofcare.policies import lines
from pointofcare.policies.document import lines_of
from pointofcare.policies.entries import LISTS
from pointofcare.policies.fault import words
from pointofcare.policies.notes import nearest
from pointofcare.products import Product
from pointofcare.verdict.moment import plain
from pointofcare.verdict.policy import Listed, ListedBy, LookAlike, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A line that will never act. `near` is the name of the formulary that was most likely meant, "" for none."""

    list: str
    name: str
    by: ListedBy
    near: str = ""


def unmatched(policy: Policy, products: Iterable[Product]) -> tuple[Doubt, ...]:
    """Every listed ingredient or class that no product has; of a pair that is taken for each other either name may be missing,
    but not both."""
    ingredients: set[str] = set()
    classes: set[str] = set()
    called: list[str] = []
    for product in products:
        called.append(f" {plain(product.name)} ")
        for each in product.ingredients:
            ingredients.add(plain(each.name))
            classes.update(plain(name) for name in each.classes)
    found: list[Doubt] = []
    for each_list in LISTS:
        for value in lines_of(policy, each_list.name):
            if isinstance(value, LookAlike):
                # A pair is looked for in the names of products as well, for brands look alike too.
                if not any(name in ingredients or any(f" {name} " in each for each in called) for name in (value.one, value.other)):
                    found.append(Doubt(list=each_list.name, name=lines.name_of(value), by=ListedBy.INGREDIENT))
            elif isinstance(value, Listed):
                known = ingredients if value.by is ListedBy.INGREDIENT else classes
                # "Too early is a stop" takes a class for a part of the product's class, the other lists for the whole.
                partly = each_list.name == "interval_stop" and value.by is ListedBy.CLASS
                matched = any(value.name in each for each in known) if partly else plain(value.name) in known
                if not matched:
                    found.append(Doubt(list=each_list.name, name=value.name, by=value.by, near=nearest(value.name, known)))
    return tuple(found)


def sentence(language: str, doubt: Doubt) -> tuple[str, str]:
    """(what is doubtful, what to do) in `language`."""
    t = words().text
    what = t(language, f"doubt-unmatched-{doubt.by.value}", {"name": doubt.name})
    return what, t(language, "doubt-near", {"near": doubt.near}) if doubt.near else t(language, "doubt-remedy")


def title(language: str, doubt: Doubt) -> str:
    """The name as it is listed."""
    return words().text(language, "drug-class", {"name": doubt.name}) if doubt.by is ListedBy.CLASS else doubt.name
