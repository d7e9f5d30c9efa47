"""CSV files of the documented columns, from bytes to found rows and problems.

One table a kind of file says which columns it has, which are needed and who reads them. No row is dropped in silence and no
value is guessed: every fault becomes a `Problem` with its row and column.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pointofcare.orders.order import OrderCategory, OrderStatus
from pointofcare.people import Band, BandStatus, Patient, PatientStatus, StaffRole, Weight
from pointofcare.products import Controlled, HighAlert, Product, Release
from server.usecases import import_fields as fields
from server.usecases import import_orders
from server.usecases.import_rows import FieldError, Found, OrderFound, PatientFound, Place, Problem, ProductFound, StaffFound

MAX_ROWS = 200_000
SEXES = ("male", "female", "other", "unknown")


@dataclass(frozen=True, slots=True)
class Column:
    """`later`: handed on as text, because a fault there makes a draft order and not a bad row."""

    read: Callable[[str], Any]
    needed: bool = False
    later: bool = False


def _raw(value: str) -> str:
    return value


def _roles(value: str) -> tuple[StaffRole, ...]:
    read = fields.word(StaffRole)
    return tuple(dict.fromkeys(read(part) for part in fields.parts(value)))


def _high_alert(value: str) -> HighAlert:
    return HighAlert(fields.number(0, 3)(value))


PATIENTS: Mapping[str, Column] = {
    "id": Column(fields.identifier, needed=True),
    "mrn": Column(fields.text, needed=True),
    "name": Column(fields.text, needed=True),
    "birth_date": Column(fields.day),
    "sex": Column(fields.one_of(*SEXES)),
    "ward": Column(fields.identifier),
    "bed": Column(fields.text),
    "drawer": Column(fields.drawers),
    "status": Column(fields.word(PatientStatus), needed=True),
    "transferred_at": Column(fields.moment),
    "weight": Column(fields.mass),
    "weight_at": Column(fields.moment),
    "gsrn": Column(fields.gsrn),
    "srin": Column(fields.srin),
    "allergies": Column(fields.allergies),
    "observations": Column(fields.observations),
}

PRODUCTS: Mapping[str, Column] = {
    "id": Column(fields.identifier, needed=True),
    "gtin": Column(fields.gtin, needed=True),
    "name": Column(fields.text, needed=True),
    "form": Column(fields.text, needed=True),
    "routes": Column(fields.codes, needed=True),
    "ingredients": Column(fields.ingredients, needed=True),
    "volume": Column(fields.positive),
    "divisible": Column(fields.yes_no),
    "multi_dose": Column(fields.yes_no),
    "minibag": Column(fields.yes_no),
    "vinca": Column(fields.yes_no),
    "release": Column(fields.word(Release)),
    "high_alert": Column(_high_alert),
    "controlled": Column(fields.word(Controlled)),
    "discard_after_opening": Column(fields.duration),
    "lasa": Column(fields.texts),
    "max_daily": Column(fields.max_daily),
    "hold": Column(fields.hold_rules),
    "recalled_lots": Column(fields.texts),
    "hang_time": Column(fields.duration),
    "owner": Column(fields.identifier),
    "blood_component": Column(fields.yes_no),
}

ORDERS: Mapping[str, Column] = {
    "id": Column(fields.identifier, needed=True),
    "patient": Column(fields.text, needed=True),
    "ingredient": Column(fields.text, needed=True),
    "form": Column(fields.text, needed=True),
    "route": Column(fields.code, needed=True),
    "category": Column(fields.word(OrderCategory), needed=True),
    "status": Column(fields.word(OrderStatus), needed=True),
    "verified": Column(fields.yes_no),
    "dose": Column(_raw, later=True),
    "dose_max": Column(_raw, later=True),
    "times": Column(_raw, later=True),
    "every": Column(_raw, later=True),
    "days_of_week": Column(_raw, later=True),
    "steps": Column(_raw, later=True),
    "start": Column(_raw, later=True),
    "end": Column(_raw, later=True),
    "time_critical": Column(fields.yes_no),
    "needs_double_check": Column(fields.yes_no),
    "prn_reasons": Column(fields.texts),
    "prn_min_interval": Column(_raw, later=True),
    "prn_max_24h": Column(_raw, later=True),
    "rate": Column(_raw, later=True),
    "rate_max": Column(_raw, later=True),
    "own_supply": Column(fields.yes_no),
    "counts_days": Column(fields.yes_no),
    "additives": Column(fields.texts),
    "indication": Column(fields.text),
    "substitution": Column(fields.yes_no),
    "display": Column(fields.text),
    "prescriber": Column(fields.identifier),
    "note": Column(fields.text),
}

STAFF: Mapping[str, Column] = {
    "id": Column(fields.identifier, needed=True),
    "name": Column(fields.text, needed=True),
    "username": Column(fields.text),
    "roles": Column(_roles, needed=True),
    "licensed": Column(fields.yes_no),
    "badge": Column(fields.text),
    "pin": Column(fields.pin),
    "password": Column(fields.password),
    "email": Column(fields.email),
    "licence_number": Column(fields.text),
    "valid_until": Column(fields.moment),
    "language": Column(fields.one_of("vi", "en", "fr")),
    "active": Column(fields.yes_no),
    "wards": Column(fields.texts),
}

# The column that only this kind has tells the kind.
KINDS: Mapping[str, tuple[str, Mapping[str, Column]]] = {
    "patients": ("mrn", PATIENTS),
    "products": ("gtin", PRODUCTS),
    "orders": ("category", ORDERS),
    "staff": ("roles", STAFF),
}
SECRET_COLUMNS = frozenset({"pin", "password"})


def read(file: str, content: bytes) -> Found:
    """All rows of one CSV file. Never raises for content."""

    def one(code: str, value: str = "", row: int = 1, column: str = "", **parameters: object) -> Found:
        problem = Problem(file=file, row=row, field=column, value=value, code=code, parameters=parameters)
        return Found(problems=(problem,))

    try:
        decoded = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        row = content[: exc.start].count(b"\n") + 1
        return one("not-utf8", row=row, value=repr(content[exc.start : exc.start + 1])[2:-1])
    if "\x00" in decoded:
        return one("not-a-table")
    header_line = decoded.lstrip("\r\n").split("\n", 1)[0]
    delimiter = ";" if header_line.count(";") > header_line.count(",") else ","
    reader = csv.reader(io.StringIO(decoded, newline=""), delimiter=delimiter, strict=True)
    try:
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error:
        return one("not-a-table", row=reader.line_num)
    if not lines:
        return one("empty-file")
    names = [name.strip().lower() for name in lines[0][1]]
    kind = next((kind for kind, (mark, _) in KINDS.items() if mark in names), None)
    if kind is None:
        return one("unknown-kind", value=delimiter.join(names)[:100])
    columns = KINDS[kind][1]
    faults = [
        Problem(file=file, row=1, field=name, value=name, code="unknown-column", parameters={"known": ", ".join(columns)})
        for name in names
        if name not in columns
    ]
    faults += [
        Problem(file=file, row=1, field=name, value=name, code="column-twice") for name in sorted(set(names)) if names.count(name) > 1
    ]
    faults += [
        Problem(file=file, row=1, field=name, value="", code="column-missing")
        for name, column in columns.items()
        if column.needed and name not in names
    ]
    if len(lines) - 1 > MAX_ROWS:
        faults.append(
            Problem(file=file, row=MAX_ROWS, field="", value=str(len(lines) - 1), code="too-many-rows", parameters={"most": MAX_ROWS})
        )
    if faults:
        return Found(problems=tuple(faults))
    found = Found()
    rows: list[Any] = []
    problems: list[Problem] = []
    for number, cells in lines[1:]:
        found_row, row_problems = _row(kind, columns, names, cells, Place(file=file, row=number))
        problems += row_problems
        if found_row is not None:
            rows.append(found_row)
    rows, repeated = _without_repeats(file, rows)
    found = Found(problems=tuple(sorted(problems + repeated, key=lambda problem: problem.row)))
    return found.joined(Found(**{kind: tuple(rows)}))


def _row(
    kind: str, columns: Mapping[str, Column], names: list[str], cells: list[str], place: Place
) -> tuple[PatientFound | ProductFound | OrderFound | StaffFound | None, list[Problem]]:
    if len(cells) > len(names) or len(cells) < len(names):
        problem = Problem(
            file=place.file,
            row=place.row,
            field="",
            value="",
            code="wrong-cell-count",
            parameters={"cells": len(cells), "columns": len(names)},
        )
        return None, [problem]
    values: dict[str, Any] = {}
    later: dict[str, str] = {}
    problems: list[Problem] = []
    for name, cell in zip(names, (cell.strip() for cell in cells), strict=True):
        column = columns[name]
        if not cell:
            if column.needed:
                problems.append(Problem(file=place.file, row=place.row, field=name, value="", code="needed"))
            continue
        if column.later:
            later[name] = cell
            continue
        try:
            values[name] = column.read(cell)
        except FieldError as exc:
            shown = "•••" if name in SECRET_COLUMNS else cell[:100]
            problems.append(Problem(file=place.file, row=place.row, field=name, value=shown, code=exc.reason, parameters=exc.parameters))
    filled = {name for name, cell in zip(names, cells, strict=True) if cell.strip()}
    if kind == "patients" and ("weight" in filled) != ("weight_at" in filled):
        name = "weight" if "weight_at" in filled else "weight_at"
        problems.append(Problem(file=place.file, row=place.row, field=name, value="", code="weight-and-moment"))
    if kind == "patients" and "srin" in filled and "gsrn" not in filled:
        problems.append(Problem(file=place.file, row=place.row, field="gsrn", value="", code="srin-without-gsrn"))
    if problems:
        return None, problems
    if kind == "orders":
        note = values.pop("note", "")
        return import_orders.build(place=place, certain=values, uncertain=later, note=note), []
    if kind == "patients":
        return _patient(place, values), []
    if kind == "products":
        return ProductFound(place=place, product=Product(**values)), []
    return _staff(place, values), []


def _patient(place: Place, values: dict[str, Any]) -> PatientFound:
    drawers = values.pop("drawer", ())
    gsrn, srin = values.pop("gsrn", None), values.pop("srin", None)
    weight, weight_at = values.pop("weight", None), values.pop("weight_at", None)
    if gsrn is not None:
        values["bands"] = (Band(gsrn=gsrn, srin=srin, status=BandStatus.ACTIVE),)
    if weight is not None:
        values["weight"] = Weight(value=weight, at=weight_at)
    return PatientFound(place=place, patient=Patient(**values), drawers=drawers)


def _staff(place: Place, values: dict[str, Any]) -> StaffFound:
    username = values.pop("username", values["id"])
    return StaffFound(place=place, username=username, **values)


def _without_repeats(file: str, rows: list[Any]) -> tuple[list[Any], list[Problem]]:
    """Two rows with one id contradict each other: which one is meant is not ours to choose, so neither is taken."""
    places: dict[str, list[int]] = {}
    for row in rows:
        places.setdefault(_id_of(row), []).append(row.place.row)
    problems = [
        Problem(file=file, row=place, field="id", value=key, code="id-twice", parameters={"rows": ", ".join(map(str, found))})
        for key, found in places.items()
        if len(found) > 1
        for place in found
    ]
    return [row for row in rows if len(places[_id_of(row)]) == 1], problems


def _id_of(row: Any) -> str:
    for name in ("patient", "product", "order"):
        inner = getattr(row, name, None)
        if inner is not None:
            return str(inner.id)
    return str(row.id)
