"""Right moments of every kind of order: each passes, so that a law can break one thing of it and see what the engine says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import time, timedelta

from pointofcare.labels.scan import TextScan
from pointofcare.orders.order import OrderCategory, Prn
from pointofcare.people import Weight
from pointofcare.products import Bag, BagState, PrintedFor
from pointofcare.quantity import Quantity
from pointofcare.verdict.facts import Action, Facts
from tests.support.builders import (
    NOW,
    a_band_scan,
    a_drug_scan,
    a_neighbour,
    a_patient,
    a_product,
    amount,
    an_ingredient,
    an_intent,
    an_order,
    facts,
    local,
    scanned,
)

DUE = local("08:00:00")


def _packs(count: int) -> tuple[object, ...]:
    return tuple(a_drug_scan(serial=f"S{number}") for number in range(count))


def _one(
    product: Mapping[str, object], order: Mapping[str, object], ordered: str | None = "500 mg", units: int = 1, **intent: object
) -> Facts:
    return facts(
        products=(a_product(**product),),
        orders=(an_order(ordered, **order),),
        scans=scanned(a_band_scan(), *_packs(units)),  # type: ignore[arg-type]
        intent=an_intent(**intent),
    )


def _bag(rate: str, drop_factor: int | None = None) -> Facts:
    order = an_order("500 mL", form="infusion", route="IV", category=OrderCategory.INFUSION, times=(), rate=amount("60 mL/h"), additives=())
    bag = Bag(
        id="BAG1",
        order="O1",
        order_version=1,
        state=BagState.PREPARED,
        printed_for=PrintedFor(volume=amount("500 mL"), rate=amount("60 mL/h")),
        patient="P1",
    )
    return facts(
        products=(a_product(form="infusion", routes=("IV",)),),
        orders=(order,),
        bags=(bag,),
        scans=scanned(a_band_scan(), TextScan(text="BAG1")),
        intent=an_intent(Action.START, order="O1", rate=amount(rate), drop_factor=drop_factor),
    )


def _weighed() -> Facts:
    patient = a_patient(weight=Weight(value=amount("50 kg"), at=NOW - timedelta(days=1)))
    return replace(_one({}, {}, "10 mg/kg"), patients=(patient, a_neighbour()))


MOMENTS: Mapping[str, Facts] = {
    "tablet": facts(),
    "two tablets": _one({}, {}, "1 g", 2),
    "half a tablet": _one({"divisible": True}, {}, "250 mg", dose=amount("250 mg")),
    "counted capsules": _one({}, {}, "2 {capsule}", 2),
    "range": _one({}, {"dose_range": (amount("250 mg"), amount("500 mg"))}, None),
    "as needed": _one(
        {}, {"category": OrderCategory.PRN, "times": (), "prn": Prn(reasons=("pain",), min_interval=timedelta(hours=4))}, prn_reason="pain"
    ),
    "once": _one({}, {"category": OrderCategory.ONCE, "times": (), "start": DUE}),
    "stat": _one({}, {"category": OrderCategory.STAT, "times": (), "start": DUE}),
    "on call": _one({}, {"category": OrderCategory.ON_CALL, "times": ()}),
    "every six hours": _one({}, {"times": (), "every": timedelta(hours=6), "start": DUE}),
    "patch": _one(
        {"form": "patch", "routes": ("TD",)},
        {"form": "patch", "route": "TD", "category": OrderCategory.PATCH, "times": (time(8),)},
    ),
    "vial of several doses": _one(
        {
            "form": "injection",
            "routes": ("SC",),
            "multi_dose": True,
            "volume": amount("10 mL"),
            "ingredients": (an_ingredient("insulin", "1000 [IU]"),),
        },
        {"ingredient": "insulin", "form": "injection", "route": "SC"},
        "12 [IU]",
        dose=amount("12 [IU]"),
    ),
    "drawn from an ampoule": _one(
        {"form": "injection", "routes": ("IV",), "volume": amount("2 mL"), "ingredients": (an_ingredient("amoxicillin", "500 mg"),)},
        {"form": "injection", "route": "IV"},
        "250 mg",
        dose=amount("1 mL"),
    ),
    "combination": _one(
        {"ingredients": (an_ingredient("amoxicillin", "500 mg"), an_ingredient("clavulanic acid", "125 mg"))},
        {"ingredient": "amoxicillin/clavulanic acid"},
        "625 mg",
    ),
    "by weight": _weighed(),
    "infusion": _bag("60 mL/h"),
    "infusion in drops": _bag("20 [drp]/min", 20),
}


def tenfold(moment: Facts, factor: int) -> dict[str, Facts]:
    """The same moment with one of its amounts ten times as large (`factor` 10) or as small (-10): by what was changed."""
    order, product, patient, intent = moment.orders[0], moment.products[0], moment.patients[0], moment.intent
    found: dict[str, Facts] = {}
    if order.dose is not None:
        found["ordered dose"] = replace(moment, orders=(replace(order, dose=_by(order.dose, factor)),))
        if not order.dose.unit.endswith("/kg") and intent.action is Action.GIVE:
            stated = intent.dose if intent.dose is not None else order.dose
            found["stated dose"] = replace(moment, intent=replace(intent, dose=_by(stated, factor)))
    if order.dose_range is not None:
        low, high = order.dose_range
        found["ordered range"] = replace(moment, orders=(replace(order, dose_range=(_by(low, factor), _by(high, factor))),))
    if intent.rate is not None:
        found["set rate"] = replace(moment, intent=replace(intent, rate=_by(intent.rate, factor)))
        if order.rate is not None:
            found["ordered rate"] = replace(moment, orders=(replace(order, rate=_by(order.rate, factor)),))
    if patient.weight is not None:
        heavier = replace(patient, weight=replace(patient.weight, value=_by(patient.weight.value, factor)))
        found["weight"] = replace(moment, patients=(heavier, *moment.patients[1:]))
    counted = order.dose is not None and order.dose.unit.startswith("{")
    # Who names the amount in the order's own kind says how much it is, whatever it is taken from.
    named = intent.dose is not None and order.dose is not None and intent.dose.converts_to(order.dose.unit)
    if intent.action is Action.GIVE and not product.multi_dose and not counted and not named:
        strong = tuple(replace(each, amount=_by(each.amount, factor)) for each in product.ingredients if each.amount is not None)
        found["strength"] = replace(moment, products=(replace(product, ingredients=strong),))
    if intent.action is Action.GIVE and not product.multi_dose and factor > 0:
        scans = scanned(
            moment.scans[0].scan, *(a_drug_scan(serial=f"T{number}") for number in range(10 * len(moment.scans[1:]))), every=_SOON
        )
        found["scanned units"] = replace(moment, scans=scans)
    return found


_SOON = timedelta(seconds=1)


def _by(value: Quantity, factor: int) -> Quantity:
    return value.times(factor) if factor > 0 else value.times("0.1")


def swapped(moment: Facts) -> Facts:
    """The neighbour's band was scanned instead."""
    other = moment.patients[1].bands[0]
    first = replace(moment.scans[0], scan=a_band_scan(gsrn=other.gsrn, srin=other.srin))
    return replace(moment, scans=(first, *moment.scans[1:]))
