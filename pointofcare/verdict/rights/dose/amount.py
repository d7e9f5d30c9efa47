"""Q1, Q2, Q3, Q4, Q7: what was scanned and stated is the ordered dose, in units that compare.

Source: VA BCMA units given; Koppel 2008 (workaround 12: one scan for several units); UCUM. Hazard: a wrong dose, above all a
tenfold one.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from pointofcare.products import Release
from pointofcare.verdict.dosing import by_weight, is_drawn
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Dosing, Moment, plain, shown
from pointofcare.verdict.reason import PARTLY_TAKEN, code_of
from pointofcare.verdict.rule import Rule

UNITS = Rule(
    id="Q1",
    title="Ordered and given amounts compare exactly",
    levels=(Level.REASON, Level.STOP),
    looks_at="units of the order, of the product's strength and of the stated dose",
    passes_when="they convert within one dimension, or through the product's own strength",
    source="UCUM; local choice: no implicit conversion",
    hazard="wrong dose by a confusion of units",
    remedies={"ask-pharmacist": ()},
    facts=("cause", "ordered"),
    origin="product",
    origins={"ordered": "order"},
)
TOTAL = Rule(
    id="Q2",
    title="The scanned total is the ordered dose",
    levels=(Level.REASON, Level.STOP),
    looks_at="the sum of the scanned units, the stated amount, the ordered dose or range",
    passes_when="it equals the dose or lies in the range",
    source="VA BCMA",
    hazard="wrong dose",
    remedies={"scan-more": ("n",), "give-amount": ("amount",), "take-less": ("amount",), "say-part": ("amount",)},
    facts=("given", "ordered"),
    origin="scan",
    origins={"ordered": "order"},
)
UNIT = Rule(
    id="Q3",
    title="Each unit is its own scan, and a part of a container is named",
    levels=(Level.REASON,),
    looks_at="scans against the stated amount, serial numbers, multi-dose containers",
    passes_when="every unit was scanned; of a multi-dose container the amount drawn is stated",
    source="Koppel 2008, workaround 12",
    hazard="one scan stands for several units",
    remedies={"name-drawn-amount": (), "scan-each-unit": ()},
    facts=("cause",),
    origin="scan",
)
FRACTION = Rule(
    id="Q4",
    title="Only a divisible product is divided",
    levels=(Level.STOP,),
    looks_at="solid products, their marks divisible, extended release and cytotoxic",
    passes_when="whole units are given, or the product may be divided",
    source="local choice after VA BCMA fractional doses",
    hazard="dose dumping, powder of a cytotoxic drug",
    remedies={"ask-pharmacist": ()},
    facts=("name",),
    origin="product",
)
WEIGHT = Rule(
    id="Q7",
    title="A dose by weight has a recent weight",
    levels=(Level.REASON,),
    looks_at="the order's dose per kg, the patient's weight and its age",
    passes_when="the weight is at most 7 days old",
    source="local choice",
    hazard="wrong dose, mostly in children",
    remedies={"weigh-patient": ()},
    facts=("cause", "days"),
    origin="patient",
)


def check_units(moment: Moment) -> Iterator[Finding]:
    dosing = moment.dosing
    if dosing is None or dosing.problem in ("", "weight"):
        return
    order = moment.order
    ordered = str(order.dose) if order is not None and order.dose is not None else ""
    stop = dosing.problem == "units"
    yield UNITS.finding(
        Level.STOP if stop else Level.REASON, "ask-pharmacist", facts={"cause": dosing.problem, "ordered": ordered}, unknown=not stop
    )


def check_total(moment: Moment) -> Iterator[Finding]:
    dosing = moment.dosing
    if dosing is None or dosing.problem or dosing.given is None:
        return
    low, high = shown(dosing.low, dosing.unit), shown(dosing.high, dosing.unit)
    ordered = low if dosing.low == dosing.high else f"{low} - {high}"
    facts = {"given": shown(dosing.given, dosing.unit), "ordered": ordered}
    if dosing.given > dosing.high:
        divisible = dosing.stated is None and any(is_drawn(product) or product.divisible for product in moment.products)
        yield TOTAL.finding(Level.STOP, "say-part" if divisible else "take-less", facts=facts, params={"amount": ordered})
    elif _excess(dosing):
        facts["given"] = shown(dosing.available or dosing.given, dosing.unit)
        yield TOTAL.finding(Level.STOP, "take-less", facts=facts, params={"amount": ordered})
    elif dosing.given < dosing.low or _short(dosing):
        have = dosing.available if dosing.available is not None else dosing.given
        if dosing.piece > 0 and dosing.available is not None and have < dosing.low:
            facts["given"] = shown(min(have, dosing.given), dosing.unit)
            missing = -((have - dosing.low) // dosing.piece)
            yield TOTAL.finding(Level.REASON, "scan-more", facts=facts, params={"n": int(missing)})
        else:
            yield TOTAL.finding(Level.REASON, "give-amount", facts=facts, params={"amount": ordered})


def _short(dosing: Dosing) -> bool:
    return dosing.available is not None and dosing.stated is not None and dosing.stated > dosing.available


def _excess(dosing: Dosing) -> bool:
    """Was a unit scanned that neither the stated amount nor the order needs?"""
    if dosing.stated is None or dosing.available is None or dosing.available <= dosing.piece:
        return False
    return dosing.piece > 0 and dosing.available - dosing.piece >= max(dosing.stated, dosing.low)


def check_unit(moment: Moment) -> Iterator[Finding]:
    dosing = moment.dosing
    if dosing is None or dosing.problem:
        return
    if dosing.given is None:
        yield UNIT.finding(Level.REASON, "name-drawn-amount", facts={"cause": "multi-dose"}, unknown=True)
    elif _short(dosing) and dosing.given <= dosing.high:
        yield UNIT.finding(Level.REASON, "scan-each-unit", facts={"cause": "one-for-several"})
    elif moment.session.twice and dosing.given < dosing.low:
        yield UNIT.finding(Level.REASON, "scan-each-unit", facts={"cause": "scanned-twice"})


def check_fraction(moment: Moment) -> Iterator[Finding]:
    dosing = moment.dosing
    if dosing is None or dosing.problem or dosing.available is None or dosing.given is None:
        return
    if dosing.stated is not None and dosing.stated < dosing.low and code_of(moment.facts.intent.reason or "") in PARTLY_TAKEN:
        return  # the unit was whole when it was given (rule Q5); rule Q2 asks for the reason
    solid = [product for product in moment.products if not is_drawn(product) and not product.multi_dose]
    if not solid or len(solid) != len(moment.products) or not _divides(dosing, len(solid)):
        return
    if not any(
        product.divisible
        and product.release is Release.IMMEDIATE
        and not any(plain(each) == "cytotoxic" for ingredient in product.ingredients for each in ingredient.classes)
        for product in solid
    ):
        yield FRACTION.finding(Level.STOP, "ask-pharmacist", facts={"name": " + ".join(product.name for product in solid)})


def _divides(dosing: Dosing, kinds: int) -> bool:
    """Does giving this leave a part of a unit?"""
    assert dosing.available is not None
    if dosing.stated is not None:
        if dosing.piece == dosing.largest and dosing.piece > 0 and (dosing.available - dosing.stated) % dosing.piece == 0:
            return False  # whole units are left over
        return dosing.stated < dosing.available and not _excess(dosing)
    if dosing.available <= dosing.high or kinds != 1 or dosing.piece <= 0:
        return False
    return dosing.high // dosing.piece * dosing.piece < dosing.low


def check_weight(moment: Moment) -> Iterator[Finding]:
    order, patient = moment.order, moment.patient
    if order is None or not moment.giving:
        return
    doses = [dose for dose in (order.dose, *(order.dose_range or ())) if dose is not None]
    rates = [rate for rate in (order.rate, *(order.rate_range or ())) if rate is not None]
    if not any(by_weight(dose) for dose in doses) and not any("/kg/" in f"{rate.unit}/" for rate in rates):
        return
    weight = patient.weight if patient is not None else None
    if weight is None or not weight.value.converts_to("kg") or weight.value.exact() <= Fraction(0) or moment.is_ahead(weight.at):
        yield WEIGHT.finding(Level.REASON, "weigh-patient", facts={"cause": "unknown", "days": 0}, unknown=True)
    elif moment.when - weight.at > moment.policy.weight_max_age:
        yield WEIGHT.finding(Level.REASON, "weigh-patient", facts={"cause": "old", "days": (moment.when - weight.at).days})
