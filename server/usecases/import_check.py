"""What only the whole of an import and the store together can tell: names that nobody bears, and names that two bear.

Pure over what was found and what is known; it leaves out every bad row and says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from server.store.views_import import KnownStaff
from server.usecases import passwords
from server.usecases.import_rows import CatalogueFound, Found, OrderFound, PatientFound, Place, Problem, ProductFound, StaffFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the store holds: patient id -> MRN and back, GTIN -> product, order -> patient, GSRN -> patient, staff by id."""

    mrn_of: Mapping[str, str]
    patient_of_mrn: Mapping[str, str]
    product_of_gtin: Mapping[str, str]
    patient_of_order: Mapping[str, str]
    patient_of_gsrn: Mapping[str, str]
    staff: Mapping[str, KnownStaff]


def check(found: Found, known: Known) -> Found:
    """`found` without the rows that contradict each other or the store, and with a problem for each of them."""
    problems: list[Problem] = []
    staff = _staff(found.staff, known, problems)
    products = _products(found.products, known, problems)
    patients = _patients(found.patients, known, problems)
    orders = _orders(found.orders, patients, found.patients, known, problems)
    catalogue = _catalogue(found.catalogue, problems)
    return Found(
        staff=staff,
        products=products,
        patients=patients,
        orders=orders,
        catalogue=catalogue,
        problems=found.problems + tuple(problems),
        notes=found.notes,
    )


def _catalogue(rows: tuple[CatalogueFound, ...], problems: list[Problem]) -> tuple[CatalogueFound, ...]:
    """The same line in two files, saying two things: neither is taken."""
    by_id: dict[str, list[CatalogueFound]] = {}
    for row in rows:
        by_id.setdefault(row.line.id, []).append(row)
    kept = []
    for each in by_id.values():
        said = [{name: value for name, value in row.line.cells.items() if name != "STT"} for row in each]
        if all(one == said[0] for one in said):
            kept.append(each[0])
        else:
            problems += [_problem(row.place, "MA_THUOC", row.line.medicine, "drug-twice", rows="") for row in each]
    return tuple(kept)


def _problem(place: Place, name: str, value: str, code: str, **parameters: object) -> Problem:
    return Problem(file=place.file, row=place.row, field=name, value=value, code=code, parameters=parameters)


def _repeated(values: Iterable[str | None]) -> set[str]:
    return {value for value, number in Counter(value for value in values if value).items() if number > 1}


def _staff(rows: tuple[StaffFound, ...], known: Known, problems: list[Problem]) -> tuple[StaffFound, ...]:
    kept = []
    ids = _repeated(row.id for row in rows)
    names = _repeated(row.username.lower() for row in rows)
    badges = _repeated(row.badge for row in rows)
    emails = _repeated(row.email for row in rows)
    taken: dict[str, dict[str, str]] = {"username": {}, "badge": {}, "email": {}}
    for person in known.staff.values():
        for name in taken:
            value = getattr(person, name)
            if value:
                taken[name][value.lower() if name != "badge" else value] = person.id
    for row in rows:
        faults = []
        if row.id in ids:
            faults.append(_problem(row.place, "id", row.id, "id-twice", rows=""))
        for name, value, repeated in (
            ("username", row.username.lower(), names),
            ("badge", row.badge, badges),
            ("email", row.email, emails),
        ):
            if value and (value in repeated or taken[name].get(value, row.id) != row.id):
                faults.append(_problem(row.place, name, value, "taken"))
        if row.id not in known.staff and passwords.names_nobody(row.username):
            faults.append(_problem(row.place, "username", row.username, "names-nobody"))
        problems += faults
        if not faults:
            kept.append(row)
    return tuple(kept)


def _products(rows: tuple[ProductFound, ...], known: Known, problems: list[Problem]) -> tuple[ProductFound, ...]:
    kept = []
    ids = _repeated(row.product.id for row in rows)
    gtins = _repeated(row.product.gtin for row in rows)
    for row in rows:
        product = row.product
        if product.id in ids:
            problems.append(_problem(row.place, "id", product.id, "id-twice", rows=""))
        elif product.gtin in gtins or known.product_of_gtin.get(product.gtin, product.id) != product.id:
            problems.append(_problem(row.place, "gtin", product.gtin, "taken"))
        else:
            kept.append(row)
    return tuple(kept)


def _patients(rows: tuple[PatientFound, ...], known: Known, problems: list[Problem]) -> tuple[PatientFound, ...]:
    kept = []
    ids = _repeated(row.patient.id for row in rows)
    mrns = _repeated(row.patient.mrn for row in rows)
    gsrns = _repeated(band.gsrn for row in rows for band in row.patient.bands)
    drawers = _repeated(_drawer_key(row, cart, number) for row in rows for cart, number in row.drawers)
    for row in rows:
        patient = row.patient
        faults = []
        if patient.id in ids:
            faults.append(_problem(row.place, "id", patient.id, "id-twice", rows=""))
        if patient.mrn in mrns or known.patient_of_mrn.get(patient.mrn, patient.id) != patient.id:
            faults.append(_problem(row.place, "mrn", patient.mrn, "taken"))
        for band in patient.bands:
            if band.gsrn in gsrns or known.patient_of_gsrn.get(band.gsrn, patient.id) != patient.id:
                faults.append(_problem(row.place, "gsrn", band.gsrn, "taken"))
        for cart, number in row.drawers:
            if _drawer_key(row, cart, number) in drawers:
                faults.append(_problem(row.place, "drawer", str(number), "drawer-twice"))
        problems += faults
        if not faults:
            kept.append(row)
    return tuple(kept)


def _drawer_key(row: PatientFound, cart: str, number: int) -> str:
    return f"{cart or '*' + (row.patient.ward or '')}:{number}"


def _orders(
    rows: tuple[OrderFound, ...],
    patients: tuple[PatientFound, ...],
    all_patients: tuple[PatientFound, ...],
    known: Known,
    problems: list[Problem],
) -> tuple[OrderFound, ...]:
    ids = _repeated(row.order.id for row in rows)
    here = set(known.mrn_of) | {row.patient.id for row in patients}
    by_mrn: dict[str, str] = {**known.patient_of_mrn, **{row.patient.mrn: row.patient.id for row in patients}}
    left_out = {row.patient.id for row in all_patients} - {row.patient.id for row in patients}
    kept = []
    for row in rows:
        named = row.order.patient
        by_id = named if named in here else None
        by_number = by_mrn.get(named)
        if row.order.id in ids:
            problems.append(_problem(row.place, "id", row.order.id, "id-twice", rows=""))
        elif by_id and by_number and by_id != by_number:
            problems.append(_problem(row.place, "patient", named, "two-patients"))
        elif not (by_id or by_number) or (by_id or by_number) in left_out - set(known.mrn_of):
            problems.append(_problem(row.place, "patient", named, "no-such-patient"))
        else:
            patient: Any = by_id or by_number
            if known.patient_of_order.get(row.order.id, patient) != patient:
                problems.append(_problem(row.place, "id", row.order.id, "order-of-another"))
            else:
                kept.append(replace(row, order=replace(row.order, patient=patient)))
    return tuple(kept)
