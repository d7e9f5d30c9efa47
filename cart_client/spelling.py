"""The hospital's own look-alike names as they are spelled on this cart's screens: from the formulary and the policy's list."""

from __future__ import annotations

from collections.abc import Mapping

from pointofcare.products import Product
from pointofcare.texts import tall_man
from pointofcare.verdict import index
from pointofcare.verdict.policy import Policy


@index.kept
def of(products: tuple[Product, ...], policy: Policy) -> Mapping[str, str]:
    """Names in lower case -> in tall man letters (`pointofcare.texts.tall_man`)."""
    pairs = [(pair.one, pair.other) for pair in policy.look_alike]
    for product in products:
        mine = [each.name for each in product.ingredients] or [product.name]
        pairs += [(name, other) for other in product.lasa for name in mine]
    return tall_man.of_pairs(pairs)
