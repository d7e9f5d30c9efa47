"""D10, D11: nothing that the patient is allergic to, and an allergy list that was really read.

Source: Leapfrog BCMA standard (patient-specific allergy check at the bedside). Hazard: anaphylaxis; a list that could not be
read taken for "none known".
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.people import Allergy
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment, ingredients, ordered_ingredients, plain
from pointofcare.verdict.rule import Rule

INGREDIENT = Rule(
    id="D10",
    title="No allergy to an ingredient",
    levels=(Level.WARN, Level.REASON, Level.STOP),
    looks_at="the allergy list, ingredients of the product and of the order, what the prescriber lifted on this order",
    passes_when="the list was read and names none of them; one that the prescriber lifted on the order with a reason is a warning",
    source="Leapfrog BCMA standard",
    hazard="anaphylaxis",
    remedies={"ask-prescriber": (), "read-allergies": ("patient",), "watch-allergy": ()},
    facts=("cause", "substance"),
    origin="patient",
)
CLASS = Rule(
    id="D11",
    title="No allergy to the class or to a related drug",
    levels=(Level.NOTE, Level.REASON),
    looks_at="the allergy list, the classes of the product, related drugs of the formulary",
    passes_when="no class is shared; tolerated before is a note",
    source="PMC12848223; local choice",
    hazard="cross-reaction",
    remedies={"watch-patient": (), "ask-prescriber": ()},
    facts=("substance", "class"),
    origin="patient",
    origins={"class": "product"},
)


def _names(moment: Moment) -> frozenset[str]:
    names = frozenset(name for product in moment.drugs for name in ingredients(product))
    if moment.order is not None:
        names |= ordered_ingredients(moment.order) | frozenset(plain(each) for each in moment.order.additives)
    return names


def _matches(allergy: Allergy, moment: Moment) -> bool:
    names, substance = _names(moment), plain(allergy.substance)
    if not substance:
        return False
    additives = moment.order.additives if moment.order is not None else ()
    return substance in names or any(plain(each).startswith(substance + " ") for each in additives)


def check_ingredient(moment: Moment) -> Iterator[Finding]:
    patient = moment.patient
    if patient is None or not moment.giving or not _names(moment):
        return
    if patient.allergies is None:
        facts = {"cause": "unknown", "substance": ""}
        yield INGREDIENT.finding(Level.REASON, "read-allergies", facts=facts, params={"patient": patient.id}, unknown=True)
        return
    found = [allergy.substance for allergy in patient.allergies if _matches(allergy, moment)]
    lifted = _lifted(moment)
    stopped = [substance for substance in found if plain(substance) not in lifted]
    if stopped:
        yield INGREDIENT.finding(Level.STOP, "ask-prescriber", facts={"cause": "allergy", "substance": ", ".join(stopped)})
    elif found:
        # Why and by whom stands beside it: rule D12 shows what the order carries.
        yield INGREDIENT.finding(Level.WARN, "watch-allergy", facts={"cause": "lifted", "substance": ", ".join(found)})


def _lifted(moment: Moment) -> frozenset[str]:
    """What the prescriber of this very order knows of and wants given all the same, with a reason."""
    carried = moment.order.interactions if moment.order is not None else ()
    return frozenset(plain(each.other) for each in carried if each.severity == "allergy" and each.reason.strip())


def check_class(moment: Moment) -> Iterator[Finding]:
    patient = moment.patient
    if patient is None or not moment.giving or patient.allergies is None:
        return
    names = _names(moment)
    given = {
        plain(each)
        for product in (*moment.drugs, *moment.facts.products)
        for item in product.ingredients
        if plain(item.name) in names
        for each in item.classes
    }
    for allergy in patient.allergies:
        if _matches(allergy, moment):
            continue  # rule D10 has said so
        shared = given & _classes(allergy, moment)
        if shared:
            level = Level.NOTE if allergy.tolerated_before else Level.REASON
            remedy = "watch-patient" if allergy.tolerated_before else "ask-prescriber"
            yield CLASS.finding(level, remedy, facts={"substance": allergy.substance, "class": ", ".join(sorted(shared))})


def _classes(allergy: Allergy, moment: Moment) -> set[str]:
    """The allergy's own word as a class, and the classes of the drug that it names."""
    substance = plain(allergy.substance)
    if not substance:
        return set()
    related = {
        plain(each)
        for product in moment.facts.products
        for item in product.ingredients
        if plain(item.name) == substance
        for each in item.classes
    }
    return {substance} | related
