"""The first beds of the virtual ward in a GNU Health HIS: its patients are admitted and their plain orders are written there.

So in that demo orders come in by the feed and doses go out into its log. What GNU Health has no field for stays ordered here.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace

from pointofcare.orders.order import Order, OrderCategory
from pointofcare.people import Patient
from server.emr.gnuhealth_lines import UNITS
from simulation.gnuhealth_peer import ADMIN, DATABASE, NURSE, PASSWORDS, Desk, RunningGnuHealth
from simulation.ward import Ward

BEDS = 6
_MOVED = "moved.json"
_FORMS = {"tablet": "TAB", "capsule": "CAP", "injection": "SOL"}
_SEXES = {"male": "m", "female": "f"}


def fill(running: RunningGnuHealth, ward: Ward) -> Ward:
    """`ward` without the orders that are GNU Health's now. The second time nothing is written, and the same ones are left out."""
    kept = running.directory / _MOVED
    if not kept.exists():
        with closing(running.client()) as tryton:
            moved = _filled(Desk(tryton), ward)
        kept.write_text(json.dumps(sorted(moved)), encoding="utf-8")
    names = set(json.loads(kept.read_text(encoding="utf-8")))
    return replace(ward, orders=tuple(order for order in ward.orders if order.id not in names))


def settings(running: RunningGnuHealth) -> list[str]:
    """Lines of the server's settings file."""
    return [
        "[emr]",
        'target = "gnuhealth"',
        f'base_url = "{running.base_url}"',
        f'database = "{DATABASE}"',
        f'username = "{NURSE}"',
        f'password = "{PASSWORDS[NURSE]}"',
        "[fhir_feed]",
        "enabled = true",
        "every_s = 5",
    ]


def sign_in(running: RunningGnuHealth) -> str:
    """How a person looks at it, with Tryton's own client."""
    return f"{running.base_url}  database {DATABASE}, user {ADMIN}, password {PASSWORDS[ADMIN]}"


def _filled(desk: Desk, ward: Ward) -> set[str]:
    moved: set[str] = set()
    drugs: dict[str, int] = {}
    place = 0
    for patient in ward.patients[:BEDS]:
        if patient.ward and not place:
            place = desk.ward(patient.ward)
        stay = desk.admit(_patient(desk, patient), desk.bed(patient.bed or patient.id, place))
        for order in ward.orders:
            if order.patient == patient.id and fits(order):
                if order.ingredient not in drugs:
                    drugs[order.ingredient] = desk.drug(order.display.partition(",")[0], " + ".join(order.ingredient.split("/")))
                _prescribed(desk, stay, drugs[order.ingredient], order)
                moved.add(order.id)
    return moved


def _patient(desk: Desk, patient: Patient) -> int:
    family, _, given = patient.name.partition(" ")
    more: dict[str, object] = {"gender": _SEXES.get(patient.sex or "", "u")}
    if patient.birth_date is not None:
        born = patient.birth_date
        more["dob"] = {"__class__": "date", "year": born.year, "month": born.month, "day": born.day}
    return desk.patient(given or family, family if given else "", patient.mrn, **more)


def fits(order: Order) -> bool:
    """What GNU Health can say of an order without losing a part of it."""
    plain = order.category is OrderCategory.SCHEDULED and bool(order.times or order.every) and not order.dosages
    return plain and not order.own_supply and order.dose is not None and order.dose.unit in UNITS.values() and order.form in _FORMS


def _prescribed(desk: Desk, stay: int, drug: int, order: Order) -> int:
    assert order.dose is not None
    hours: dict[str, object] = {}
    if order.every is not None:
        hours = {"frequency": int(order.every.total_seconds() // 3600), "frequency_unit": "hours"}
    unit = "mg" if order.dose.unit == "g" else order.dose.unit  # GNU Health has no gram
    dose = float(order.dose.to(unit).value)
    return desk.prescribe(
        stay, drug, dose, unit, form=_FORMS[order.form], route=order.route, times=order.times, start_treatment=order.start, **hours
    )
