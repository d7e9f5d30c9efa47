"""The virtual hospital's formulary: products with strengths, routes and the flags that the verdict looks at.

Names and strengths are those of ordinary ward medicines; GTINs are drawn from a prefix range of the simulation and name no real pack.
"""

from __future__ import annotations

from datetime import timedelta

from pointofcare.labels import gs1
from pointofcare.products import Controlled, HighAlert, HoldRule, Ingredient, MaxDaily, Product
from pointofcare.quantity import Quantity

_PREFIX = "0893600000"


def gtin(number: int) -> str:
    """The simulation's n-th GTIN-14."""
    body = f"{_PREFIX}{number:03d}"
    return body + gs1.check_digit(body)


def _q(text: str | None) -> Quantity | None:
    return Quantity.parse(text) if text else None


# id, name, form, routes, ingredients (name amount classes), volume
_ROWS: tuple[tuple[str, str, str, str, str, str | None], ...] = (
    ("AMOX500", "Amoxicillin 500 mg", "capsule", "PO", "amoxicillin|500 mg|penicillin", None),
    ("AMCL625", "Amoxicillin/Acid clavulanic 500/125 mg", "tablet", "PO", "amoxicillin|500 mg|penicillin;clavulanic acid|125 mg|", None),
    ("PARA500", "Paracetamol 500 mg", "tablet", "PO", "paracetamol|500 mg|analgesic", None),
    ("PARAIV", "Paracetamol 1 g/100 mL", "infusion", "IV", "paracetamol|1 g|analgesic", "100 mL"),
    ("OMEP20", "Omeprazol 20 mg", "capsule", "PO", "omeprazole|20 mg|", None),
    ("METF500", "Metformin 500 mg", "tablet", "PO", "metformin|500 mg|biguanide", None),
    ("METF850", "Metformin 850 mg", "tablet", "PO", "metformin|850 mg|biguanide", None),
    ("AMLO5", "Amlodipin 5 mg", "tablet", "PO", "amlodipine|5 mg|antihypertensive", None),
    ("AMIO200", "Amiodaron 200 mg", "tablet", "PO", "amiodarone|200 mg|antiarrhythmic", None),
    ("BISO25", "Bisoprolol 2,5 mg", "tablet", "PO", "bisoprolol|2.5 mg|beta-blocker", None),
    ("LISI10", "Lisinopril 10 mg", "tablet", "PO", "lisinopril|10 mg|ace-inhibitor", None),
    ("FURO40", "Furosemid 40 mg", "tablet", "PO", "furosemide|40 mg|diuretic", None),
    ("FUROINJ", "Furosemid 20 mg/2 mL", "injection", "IV IM", "furosemide|20 mg|diuretic", "2 mL"),
    ("ATOR20", "Atorvastatin 20 mg", "tablet", "PO", "atorvastatin|20 mg|statin", None),
    ("CLOP75", "Clopidogrel 75 mg", "tablet", "PO", "clopidogrel|75 mg|antiplatelet", None),
    ("ASPI81", "Aspirin 81 mg", "tablet", "PO", "aspirin|81 mg|nsaid", None),
    ("ENOX40", "Enoxaparin 40 mg/0,4 mL", "injection", "SC", "enoxaparin|40 mg|anticoagulant", "0.4 mL"),
    ("CEFT1G", "Ceftriaxon 1 g", "injection", "IV IM", "ceftriaxone|1 g|cephalosporin", None),
    # The IM pack comes with a lidocaine diluent and must never go into a vein.
    ("CEFTIM", "Ceftriaxon 1 g IM (kèm lidocain)", "injection", "IM", "ceftriaxone|1 g|cephalosporin", None),
    ("CIPR500", "Ciprofloxacin 500 mg", "tablet", "PO", "ciprofloxacin|500 mg|fluoroquinolone", None),
    ("VANC500", "Vancomycin 500 mg", "injection", "IV", "vancomycin|500 mg|glycopeptide", None),
    ("GENT80", "Gentamicin 80 mg/2 mL", "injection", "IM IV", "gentamicin|80 mg|aminoglycoside", "2 mL"),
    ("INSR", "Insulin người (nhanh) 100 IU/mL", "injection", "SC", "insulin human|1000 [IU]|insulin", "10 mL"),
    ("MORP10", "Morphin 10 mg/mL", "injection", "IV SC IM", "morphine|10 mg|opioid", "1 mL"),
    ("TRAM50", "Tramadol 50 mg", "capsule", "PO", "tramadol|50 mg|opioid", None),
    ("OXYC5", "Oxycodon 5 mg", "tablet", "PO", "oxycodone|5 mg|opioid", None),
    ("DIAZ5", "Diazepam 5 mg", "tablet", "PO", "diazepam|5 mg|benzodiazepine", None),
    ("NORA4", "Noradrenalin 4 mg/4 mL", "injection", "IV", "noradrenaline|4 mg|adrenergic", "4 mL"),
    ("KCL10", "Kali clorid 10 % 10 mL", "injection", "IV", "potassium chloride|1 g|electrolyte", "10 mL"),
    ("DEXA4", "Dexamethason 4 mg/mL", "injection", "IV IM", "dexamethasone|4 mg|corticoid", "1 mL"),
    ("METP16", "Methylprednisolon 16 mg", "tablet", "PO", "methylprednisolone|16 mg|corticoid", None),
    ("ONDA4", "Ondansetron 4 mg/2 mL", "injection", "IV IM", "ondansetron|4 mg|antiemetic", "2 mL"),
    ("METO10", "Metoclopramid 10 mg/2 mL", "injection", "IV IM", "metoclopramide|10 mg|antiemetic", "2 mL"),
    ("SALB", "Salbutamol 2,5 mg/2,5 mL khí dung", "nebuliser solution", "INH", "salbutamol|2.5 mg|bronchodilator", "2.5 mL"),
    ("LEVO50", "Levothyroxin 50 µg", "tablet", "PO", "levothyroxine|50 ug|thyroid", None),
    ("SPIR25", "Spironolacton 25 mg", "tablet", "PO", "spironolactone|25 mg|diuretic", None),
    ("GLIC30", "Gliclazid MR 30 mg", "tablet", "PO", "gliclazide|30 mg|sulfonylurea", None),
    ("ALLO300", "Allopurinol 300 mg", "tablet", "PO", "allopurinol|300 mg|", None),
    ("FENT100", "Fentanyl 100 µg/2 mL", "injection", "IV", "fentanyl|100 ug|opioid", "2 mL"),
    ("IBUP400", "Ibuprofen 400 mg", "tablet", "PO", "ibuprofen|400 mg|nsaid", None),
    ("VITB1", "Vitamin B1 100 mg/mL", "injection", "IM IV", "thiamine|100 mg|vitamin", "1 mL"),
    ("NACL500", "Natri clorid 0,9 % 500 mL", "infusion", "IV", "sodium chloride|4.5 g|electrolyte", "500 mL"),
    ("NITRO10", "Nitroglycerin miếng dán 10 mg/24 h", "patch", "TD", "nitroglycerin|10 mg|nitrate", None),
    ("OWN-TACR", "Tacrolimus 1 mg (thuốc của người bệnh)", "capsule", "PO", "tacrolimus|1 mg|immunosuppressant", None),
)  # fmt: skip

_HIGH_ALERT = {
    "INSR": HighAlert.WITNESS_REQUIRED,
    "NORA4": HighAlert.WITNESS_REQUIRED,
    "KCL10": HighAlert.WITNESS_REQUIRED,
    "ENOX40": HighAlert.LABEL,
    "MORP10": HighAlert.WITNESS_RECOMMENDED,
}
_CONTROLLED = {
    "MORP10": Controlled.NARCOTIC,
    "OXYC5": Controlled.NARCOTIC,
    "FENT100": Controlled.NARCOTIC,
    "TRAM50": Controlled.NARCOTIC,
    "DIAZ5": Controlled.PSYCHOTROPIC,
}
_LASA = {"AMLO5": ("amiodarone",), "AMIO200": ("amlodipine",)}
_DIVISIBLE = {"BISO25", "FURO40", "LEVO50", "MORP10", "FENT100", "INSR", "GENT80", "FUROINJ"}
_MULTI_DOSE = {"INSR": timedelta(days=28)}
_HANG_TIME = {"NACL500": timedelta(hours=24), "PARAIV": timedelta(hours=24)}
# Whose own medicine it is: brought from home, identified and labelled by the pharmacy.
_OWNERS = {"OWN-TACR": "P001"}
_HOLD = {
    "BISO25": (HoldRule(code="heart-rate", below=_q("55 /min"), max_age=timedelta(hours=4), level="WITNESS"),),
    "INSR": (HoldRule(code="glucose", below=_q("4 mmol/L"), max_age=timedelta(hours=1), level="STOP"),),
}
_MAX_DAILY = {
    "PARA500": (MaxDaily(ingredient="paracetamol", hard=_q("4 g"), soft=_q("3 g")),),
    "PARAIV": (MaxDaily(ingredient="paracetamol", hard=_q("4 g"), soft=_q("3 g")),),
}
# One recalled lot of one product, so that the stop can be seen. It is never the lot of a pack on the shelf unless the pack is meant to be
# stopped, and that pack is of the formulary's first product.
RECALLED_LOT, RECALLED_PLACE = "R0CALL", 1


def _ingredients(text: str) -> tuple[Ingredient, ...]:
    found = []
    for part in text.split(";"):
        name, amount, classes = part.split("|")
        found.append(Ingredient(name=name, amount=Quantity.parse(amount), classes=tuple(classes.split()) if classes else ()))
    return tuple(found)


def formulary() -> tuple[Product, ...]:
    """Every product of the virtual pharmacy, in a fixed order."""
    return tuple(
        Product(
            id=identifier,
            gtin=gtin(number),
            name=name,
            form=form,
            routes=tuple(routes.split()),
            ingredients=_ingredients(ingredients),
            volume=_q(volume),
            divisible=identifier in _DIVISIBLE,
            multi_dose=identifier in _MULTI_DOSE,
            high_alert=_HIGH_ALERT.get(identifier, HighAlert.NO),
            controlled=_CONTROLLED.get(identifier, Controlled.NONE),
            discard_after_opening=_MULTI_DOSE.get(identifier),
            lasa=_LASA.get(identifier, ()),
            hold=_HOLD.get(identifier, ()),
            max_daily=_MAX_DAILY.get(identifier, ()),
            recalled_lots=(RECALLED_LOT,) if number == RECALLED_PLACE else (),
            hang_time=_HANG_TIME.get(identifier),
            owner=_OWNERS.get(identifier),
        )
        for number, (identifier, name, form, routes, ingredients, volume) in enumerate(_ROWS, start=1)
    )
