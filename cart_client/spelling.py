"""Names as this cart's screens show them: the hospital's own look-alike pairs in tall man letters, and which drugs are antibiotics.

Must never decide anything: rule D7 and the count of days are elsewhere.
"""

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


# Classes of a formulary whose ingredients are antibiotics: of them a screen says "antibiotic, day n" (Circular 23/2011).
ANTIBIOTICS = frozenset(
    {
        "aminoglycoside", "antibacterial", "antibiotic", "beta-lactam", "carbapenem", "cephalosporin", "fluoroquinolone", "glycopeptide",
        "glycylcycline", "lincosamide", "lipopeptide", "macrolide", "monobactam", "nitrofuran", "nitroimidazole", "oxazolidinone",
        "penicillin", "polymyxin", "quinolone", "sulfonamide", "tetracycline",
    }
)  # fmt: skip


@index.kept
def antibiotics(products: tuple[Product, ...]) -> frozenset[str]:
    """The ingredients, in lower case, that the formulary puts into such a class."""
    held = (each for product in products for each in product.ingredients)
    return frozenset(each.name.casefold() for each in held if ANTIBIOTICS & {name.casefold() for name in each.classes})
