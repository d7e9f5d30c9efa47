"""Pairs of drugs that a prescriber is asked about when the second one is ordered: a short starter list of severe interactions that are
named alike in the usual references, for the hospital's pharmacy to approve and to add to. Data only.

Each side is an ingredient as the formulary names it. Source of each pair: the summary of product characteristics of one of the two.
"""

from __future__ import annotations

from typing import Final

# (one, other, what may happen as a text code)
PAIRS: Final[tuple[tuple[frozenset[str], frozenset[str], str], ...]] = (
    (frozenset({"warfarin", "acenocoumarol"}), frozenset({"ibuprofen", "diclofenac", "naproxen", "ketorolac", "aspirin"}), "bleeding"),
    (frozenset({"enoxaparin", "heparin"}), frozenset({"ketorolac"}), "bleeding"),
    (frozenset({"warfarin", "acenocoumarol"}), frozenset({"metronidazole", "fluconazole", "amiodarone", "sulfamethoxazole"}), "bleeding"),
    (frozenset({"morphine", "fentanyl", "oxycodone", "pethidine", "tramadol"}), frozenset({"midazolam", "diazepam"}), "sedation"),
    (frozenset({"tramadol", "pethidine"}), frozenset({"linezolid", "fluoxetine", "sertraline"}), "serotonin"),
    (frozenset({"digoxin"}), frozenset({"amiodarone", "clarithromycin", "verapamil"}), "digoxin"),
    (frozenset({"methotrexate"}), frozenset({"trimethoprim", "sulfamethoxazole"}), "marrow"),
    (frozenset({"simvastatin", "atorvastatin"}), frozenset({"clarithromycin", "itraconazole"}), "muscle"),
    (frozenset({"potassium chloride"}), frozenset({"spironolactone"}), "potassium"),
    (frozenset({"lisinopril", "enalapril", "captopril", "perindopril"}), frozenset({"spironolactone", "potassium chloride"}), "potassium"),
    (frozenset({"gentamicin", "amikacin"}), frozenset({"vancomycin", "furosemide"}), "kidney"),
    (frozenset({"ciprofloxacin", "levofloxacin", "haloperidol"}), frozenset({"amiodarone", "ondansetron"}), "rhythm"),
)  # fmt: skip


def between(one: str, other: str) -> str | None:
    """What may happen when both are given; None: not on the list."""
    for first, second, why in PAIRS:
        if (one in first and other in second) or (one in second and other in first):
            return why
    return None
