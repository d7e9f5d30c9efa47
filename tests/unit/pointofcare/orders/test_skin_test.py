"""The reminder of a skin test: from the patient's own history, never for a drug that is swallowed, and unknown where nobody asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointofcare.orders import skin_test
from pointofcare.people import Allergy, AllergyKind
from pointofcare.products import Ingredient
from tests.support.cart_ward import a_product, an_order, patients

INJECTED = an_order("O9", "P1", "ceftriaxone", "1 g", route="IV", form="vial")
PRODUCTS = (
    replace(
        a_product("CEF", "1", "Ceftriaxon", "ceftriaxone", "1 g"), ingredients=(Ingredient(name="ceftriaxone", classes=("beta-lactam",)),)
    ),
)


def reminder(*allergies: Allergy, order=INJECTED):  # type: ignore[no-untyped-def]
    return skin_test.reminder(order, replace(patients()[0], allergies=allergies), PRODUCTS)


def test_an_allergy_to_the_drug_or_its_class_reminds_of_a_skin_test() -> None:
    own = Allergy(substance="Ceftriaxone")
    related = Allergy(substance="beta-lactam", kind=AllergyKind.CLASS)
    assert reminder(own) == (own,)
    assert reminder(related) == (related,)


@pytest.mark.parametrize("allergy", [Allergy(substance="ibuprofen"), Allergy(substance="opioid", kind=AllergyKind.CLASS)])
def test_another_allergy_does_not(allergy: Allergy) -> None:
    assert reminder(allergy) == ()


def test_a_drug_that_is_swallowed_is_not_tested_in_the_skin() -> None:
    assert reminder(Allergy(substance="ceftriaxone"), order=replace(INJECTED, route="PO")) == ()


def test_where_nobody_asked_for_allergies_it_is_not_known() -> None:
    assert skin_test.reminder(INJECTED, replace(patients()[0], allergies=None), PRODUCTS) is None
