"""The virtual ward as the CSV files that a hospital would import (columns: docs/import.md)."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from pointofcare.orders.order import Order
from pointofcare.people import Patient
from pointofcare.products import HoldRule, Product
from simulation.ward import StaffMember, Ward


def write(ward: Ward, directory: Path) -> list[Path]:
    """Write staff.csv, products.csv, patients.csv and orders.csv, each that has rows; they hold the demo's PINs and passwords
    (mode 0600)."""
    directory.mkdir(parents=True, exist_ok=True)
    drawers = {patient: drawer for drawer, patient in ward.drawers}
    tables = (
        ("staff.csv", [_staff(member) for member in ward.staff]),
        ("products.csv", [_product(product) for product in ward.products]),
        ("patients.csv", [_patient(patient, drawers.get(patient.id)) for patient in ward.patients]),
        ("orders.csv", [_order(order) for order in ward.orders]),
    )
    return [_file(directory / name, rows) for name, rows in tables if rows]


def _file(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    path.touch(mode=0o600)
    path.chmod(0o600)
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return path


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case timedelta():
            return f"{int(value.total_seconds() // 60)} min"
        case tuple():
            return "|".join(_cell(item) for item in value)
        case _:
            return str(value)


def _staff(member: StaffMember) -> dict[str, object]:
    return {
        "id": member.id,
        "name": member.name,
        "username": member.email,
        "roles": tuple(role.value for role in member.roles),
        "licensed": member.licensed,
        "badge": member.badge,
        "pin": member.pin,
        "password": member.password,
        "active": True,
    }


def _hold(rule: HoldRule) -> str:
    return ":".join(_cell(part) for part in (rule.code, rule.below, rule.above, rule.max_age, rule.level))


def _product(product: Product) -> dict[str, object]:
    ingredients = tuple(
        part.name + (f"={part.amount}" if part.amount else "") + ("@" + "+".join(part.classes) if part.classes else "")
        for part in product.ingredients
    )
    return {
        "id": product.id,
        "gtin": product.gtin,
        "name": product.name,
        "form": product.form,
        "routes": product.routes,
        "ingredients": ingredients,
        "volume": product.volume,
        "divisible": product.divisible,
        "multi_dose": product.multi_dose,
        "release": product.release.value,
        "high_alert": int(product.high_alert),
        "controlled": product.controlled.value,
        "discard_after_opening": product.discard_after_opening,
        "lasa": product.lasa,
        "max_daily": tuple(f"{cap.ingredient}:{_cell(cap.hard)}:{_cell(cap.soft)}" for cap in product.max_daily),
        "hold": tuple(_hold(rule) for rule in product.hold),
        "recalled_lots": product.recalled_lots,
        "hang_time": product.hang_time,
        "owner": product.owner,
    }


def _patient(patient: Patient, drawer: int | None) -> dict[str, object]:
    if patient.allergies is None:
        allergies: object = None
    elif not patient.allergies:
        allergies = "none"
    else:
        allergies = tuple(f"{item.substance}:{item.kind.value}:{item.severity or ''}" for item in patient.allergies)
    band = patient.bands[0]
    return {
        "id": patient.id,
        "mrn": patient.mrn,
        "name": patient.name,
        "birth_date": patient.birth_date,
        "sex": patient.sex,
        "ward": patient.ward,
        "bed": patient.bed,
        "drawer": drawer,
        "status": patient.status.value if patient.status else None,
        "weight": patient.weight.value if patient.weight else None,
        "weight_at": patient.weight.at.isoformat() if patient.weight else None,
        "gsrn": band.gsrn,
        "srin": band.srin,
        "allergies": allergies,
        "observations": tuple(f"{item.code}={item.value}@{item.at.isoformat()}" for item in patient.observations),
    }


def _order(order: Order) -> dict[str, object]:
    return {
        "id": order.id,
        "patient": order.patient,
        "ingredient": order.ingredient,
        "form": order.form,
        "route": order.route,
        "category": order.category.value,
        "status": order.status.value if order.status else None,
        "verified": order.verified,
        "dose": order.dose,
        "times": tuple(moment.strftime("%H:%M") for moment in order.times),
        "every": order.every,
        "start": order.start.isoformat() if order.start else None,
        "end": order.end.isoformat() if order.end else None,
        "prn_reasons": order.prn.reasons if order.prn else (),
        "prn_min_interval": order.prn.min_interval if order.prn else None,
        "prn_max_24h": order.prn.max_per_24h if order.prn else None,
        "rate": order.rate,
        "rate_max": order.rate_range[1] if order.rate_range else None,
        "additives": order.additives,
        "own_supply": order.own_supply,
        "counts_days": order.counts_days,
        "time_critical": order.time_critical,
        "needs_double_check": order.needs_double_check,
        "indication": order.indication,
        "display": order.display,
        "prescriber": order.prescriber,
    }
