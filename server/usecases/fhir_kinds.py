"""Every resource type of our FHIR face, one entry each: who may read it, how it is searched, in which orders, and what it is built of.

The one table: routes, searches, `/metadata`, exports and the documents go by it. A type that is not here is not served. Adding one: rows in
`server.store.fhir_tables`, a builder, an entry here. Reads only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pointofcare.errors import PointOfCareError
from server.emr import fhir_order, fhir_people, fhir_trail
from server.emr.fhir_elements import Json
from server.emr.fhir_ids import split, to_id
from server.emr.fhir_mapping import MappingContext
from server.store import fhir_rows, fhir_tables
from server.store.fhir_walk import Position, Reference, Table, Token, Value
from server.store.transaction import Transaction
from server.usecases import fhir_doses
from server.usecases.fhir_built import Built, literal

Filters = tuple[tuple[str, tuple[Value, ...]], ...]
Builder = Callable[[Transaction, MappingContext, str, tuple[Position, ...], Filters], tuple[tuple[Built, ...], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A search parameter: `asks` is what the tables call it. `targets` are the types of a reference, `path` where it stands in the
    resource, for `_include`."""

    name: str
    type: str
    about: str
    asks: str = ""
    targets: tuple[str, ...] = ()
    path: tuple[str, ...] = ()

    @property
    def internal(self) -> str:
        return self.asks or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """`as_told` maps a walk to the parameters that its rows may be asked; None: all that the table knows. `key` turns a FHIR id into what
    the table is asked for, None: not one of these."""

    table: Table
    build: Builder
    as_told: Mapping[str, frozenset[str]] | None = None
    key: Callable[[str], tuple[tuple[str, tuple[Value, ...]], ...] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`permissions`: any of them lets a person read it. `of_patients`: it belongs to somebody, and only whoever reaches that patient gets
    it. `of_all_wards`: it names patients of any ward, and a program that was given some wards gets none of it. `versions`: its older
    states can be read. `sorts` FHIR name -> walk."""

    name: str
    about: str
    permissions: frozenset[str]
    sources: tuple[Source, ...]
    parameters: tuple[Parameter, ...] = ()
    sorts: Mapping[str, str]
    of_patients: bool = False
    of_all_wards: bool = False
    versions: bool = False

    def parameter(self, name: str) -> Parameter | None:
        return next((one for one in self.parameters if one.name == name), None)


def _name(found: str) -> tuple[tuple[str, tuple[Value, ...]], ...] | None:
    from server.emr.fhir_ids import from_id

    name = from_id(found)
    return None if name is None else (("_id", (Reference(kind=None, id=name),)),)


def _number(prefix: str) -> Callable[[str], tuple[tuple[str, tuple[Value, ...]], ...] | None]:
    def key(found: str) -> tuple[tuple[str, tuple[Value, ...]], ...] | None:
        parts = split(found, "o") if prefix else (prefix, found)
        if parts is None or parts[0] != prefix or not (parts[1].isascii() and parts[1].isdigit() and len(parts[1]) < 18):
            return None
        return (("_id", (Reference(kind=None, id=parts[1]),)),) if parts[1] == str(int(parts[1])) else None

    return key


def _issue(found: str) -> tuple[tuple[str, tuple[Value, ...]], ...] | None:
    parts = split(found, "o")
    return None if parts is None else (("_id", (Reference(kind=None, id=parts[0]),)), ("issue", (Token(system=None, code=found),)))


def _allergy(found: str) -> tuple[tuple[str, tuple[Value, ...]], ...] | None:
    parts = split(found, "h") or split(found, "n")
    return None if parts is None else (("patient", (Reference(kind=None, id=parts[0]),)), ("allergy", (Token(system=None, code=found),)))


def _each(load: Callable[..., Any], make: Callable[[Any, MappingContext], Built]) -> Builder:
    """One resource a row."""

    def build(
        tx: Transaction, context: MappingContext, walk: str, positions: tuple[Position, ...], _filters: Filters
    ) -> tuple[tuple[Built, ...], ...]:
        return tuple((make(row, context),) for row in load(tx, walk, positions))

    return build


def _told(
    kind: str, name: str, resource: Callable[[], Json], context: MappingContext, *, tail: str = "", plain: str = "", **more: Any
) -> Built:
    try:
        return Built(kind=kind, id=plain or to_id(name, tail), resource=literal(resource(), context), **more)
    except PointOfCareError as exc:
        return Built(kind=kind, id=name, resource=None, problem=str(exc), **more)


def _patient(row: fhir_rows.Person, context: MappingContext) -> Built:
    return _told("Patient", row.id, lambda: fhir_people.patient(row, context), context, patient=row.id, updated_at=row.updated_at)


def _encounter(row: fhir_rows.Person, context: MappingContext) -> Built:
    return _told("Encounter", row.id, lambda: fhir_people.encounter(row, context), context, patient=row.id, updated_at=row.updated_at)


def _allergies(
    tx: Transaction, context: MappingContext, walk: str, positions: tuple[Position, ...], filters: Filters
) -> tuple[tuple[Built, ...], ...]:
    wanted = {value.code for name, values in filters if name == "allergy" for value in values if isinstance(value, Token)}
    found = []
    for row in fhir_rows.people(tx, walk, positions):
        try:
            listed = fhir_people.allergies(row, row.allergies, context) if row.allergies is not None else {}
            found.append(
                tuple(
                    Built(kind="AllergyIntolerance", id=key, resource=resource, patient=row.id, updated_at=row.updated_at)
                    for key, resource in listed.items()
                    if not wanted or key in wanted
                )
            )
        except PointOfCareError as exc:
            found.append((Built(kind="AllergyIntolerance", id=row.id, resource=None, patient=row.id, problem=str(exc)),))
    return tuple(found)


_LETTER = {"pending": "p", "verified": "v", "queried": "q", "rejected": "r"}


def order_resource(row: fhir_rows.HeldOrder, context: MappingContext) -> Built:
    """The state of an order is its version and what the pharmacist says of it now; of an older version that word is not kept."""

    def made() -> Json:
        about = {"patient": f"Patient/{to_id(row.order.patient)}", "encounter": f"Encounter/{to_id(row.order.patient)}"}
        mine = MappingContext(site=context.site, systems=context.systems, literals=about, is_training=context.is_training)
        return fhir_order.request(row.order, mine, authored_at=row.placed_at, mrn=row.mrn, verification=row.verification)

    number = str(row.order.version) + (f"-{_LETTER.get(row.verification, 'x')}" if row.verification is not None else "")
    return _told("MedicationRequest", row.order.id, made, context, patient=row.order.patient, updated_at=row.updated_at, version=number)


def _medication(row: fhir_rows.HeldProduct, context: MappingContext) -> Built:
    return _told("Medication", row.product.id, lambda: fhir_people.medication(row.product, context), context, updated_at=row.updated_at)


def _practitioner(row: fhir_rows.HeldPerson, context: MappingContext) -> Built:
    return _told(
        "Practitioner",
        row.id,
        lambda: fhir_people.practitioner(row.id, row.name, active=row.active, licence=row.licence, context=context),
        context,
    )


def _location(row: fhir_rows.HeldWard, context: MappingContext) -> Built:
    return _told("Location", row.id, lambda: fhir_people.location(row.id, row.name, context), context)


def _device(row: fhir_rows.HeldCart, context: MappingContext) -> Built:
    return _told("Device", row.id, lambda: fhir_people.device(row.id, row.ward, row.versions, context), context)


def _observation(row: fhir_rows.HeldValue, context: MappingContext) -> Built:
    prefix = "weight" if row.code == "weight" else "value"

    def made() -> Json:
        mine = MappingContext(site=context.site, systems=context.systems, literals={"patient": f"Patient/{to_id(row.patient)}"})
        about: dict[str, Any] = {
            "row_id": f"{prefix}-{row.id}",
            "mrn": row.mrn,
            "amount": row.value,
            "at": row.at,
            "by": row.by,
            "context": mine,
        }
        if prefix == "weight":
            return fhir_trail.weight(**about)
        return fhir_trail.value(patient=row.patient, code=row.code, cart=row.cart, **about)

    return _told("Observation", prefix, made, context, tail=f".o{row.id}", patient=row.patient)


def _audit(row: fhir_rows.HeldAudit, context: MappingContext) -> Built:
    names = ("at", "actor", "roles", "place", "action", "subject", "detail")
    about: dict[str, Any] = {name: getattr(row, name) for name in names}
    return _told("AuditEvent", str(row.id), lambda: fhir_trail.audit_event(context=context, **about), context, updated_at=row.at)


SEE_PATIENTS, SEE_FLEET, SEE_AUDIT, SEE_FORMULARY, MANAGE_STAFF = "see-patients", "see-fleet", "see-audit", "see-formulary", "manage-staff"
_CLINICAL = frozenset({SEE_PATIENTS})
_ROW = frozenset({"patient", "context", "_lastUpdated"})
_DOSE = frozenset(fhir_tables.DOSES.conditions) - {"_lastUpdated"}
# By the order of changes a row may be any part of a resource: the row is asked only what all parts share.
_OF_CHAIN = {"_lastUpdated": _ROW, "date": _DOSE, "_id": _DOSE}
_OF_RECORD = {"_lastUpdated": _ROW | {"_id", "date"}, "date": _ROW | {"_id", "date"}, "_id": _ROW | {"_id", "date"}}

_ID = Parameter(name="_id", type="token", about="the resource's id")
_UPDATED = Parameter(name="_lastUpdated", type="date", about="when the server last changed it")


def _patient_of(name: str = "patient", path: str = "subject") -> Parameter:
    return Parameter(name=name, type="reference", about="whose it is", asks="patient", targets=("Patient",), path=(path,))


def _chain(kind: str) -> Source:
    return Source(table=fhir_tables.DOSES, build=fhir_doses.resources(kind), as_told=_OF_CHAIN, key=_name)


_DATES = {"_lastUpdated": "_lastUpdated", "date": "date", "effective-time": "date", "_id": "_id"}
_BY_CHANGE = {"_lastUpdated": "_lastUpdated", "_id": "_id"}
_BY_ID = {"_id": "_id"}

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            name="Patient",
            about="people with a record here, admitted or not; links of records that became one",
            permissions=_CLINICAL,
            of_patients=True,
            sources=(Source(table=fhir_tables.PATIENTS, build=_each(fhir_rows.people, _patient), key=_name),),
            sorts=_BY_CHANGE,
            parameters=(
                _ID,
                _UPDATED,
                Parameter(name="identifier", type="token", about="the hospital's number, or the identity card's"),
                Parameter(name="name", type="string", about="words that begin words of the name, without marks and case"),
                Parameter(name="birthdate", type="date", about="the day of birth"),
                Parameter(name="gender", type="token", about="male, female, other, unknown"),
                Parameter(name="active", type="token", about="false: it became part of another record"),
            ),
        ),
        Kind(
            name="Encounter",
            about="each patient's running stay, or the last one",
            permissions=_CLINICAL,
            of_patients=True,
            sources=(Source(table=fhir_tables.STAYS, build=_each(fhir_rows.people, _encounter), key=_name),),
            sorts=_BY_CHANGE,
            parameters=(
                _ID,
                _UPDATED,
                _patient_of(),
                _patient_of("subject"),
                Parameter(name="status", type="token", about="in-progress or finished"),
                Parameter(name="location", type="reference", about="the ward", targets=("Location",), path=("location", "location")),
            ),
        ),
        Kind(
            name="AllergyIntolerance",
            about="what is known of allergies; a list that nobody could read has no resource, an empty one says that there are none",
            permissions=_CLINICAL,
            of_patients=True,
            sources=(Source(table=fhir_tables.ALLERGIES, build=_allergies, key=_allergy),),
            sorts=_BY_CHANGE,
            parameters=(_ID, _UPDATED, _patient_of(path="patient")),
        ),
        Kind(
            name="MedicationRequest",
            about="orders, with the pharmacist's word on them",
            permissions=_CLINICAL,
            of_patients=True,
            versions=True,
            sources=(Source(table=fhir_tables.ORDERS, build=_each(fhir_rows.orders, order_resource), key=_name),),
            sorts=_BY_CHANGE,
            parameters=(
                _ID,
                _UPDATED,
                Parameter(name="identifier", type="token", about="the placer's number"),
                _patient_of(),
                _patient_of("subject"),
                Parameter(name="encounter", type="reference", about="the stay", targets=("Encounter",), path=("encounter",)),
                Parameter(name="status", type="token", about="active, on-hold, stopped, completed, cancelled, draft"),
                Parameter(name="authoredon", type="date", about="when it was placed"),
                Parameter(name="requester", type="reference", about="who prescribed", targets=("Practitioner",), path=("requester",)),
            ),
        ),
        Kind(
            name="MedicationAdministration",
            about="what was given, and what was not and why; one for each dose, one for each infusion with all its changes",
            permissions=_CLINICAL,
            of_patients=True,
            versions=True,
            sources=(_chain("MedicationAdministration"),),
            sorts=_DATES,
            parameters=(
                _ID,
                _UPDATED,
                Parameter(name="identifier", type="token", about="the id drawn at the bedside, of the dose or of an act on it"),
                _patient_of(),
                _patient_of("subject"),
                Parameter(name="context", type="reference", about="the stay", targets=("Encounter",), path=("context",)),
                Parameter(name="effective-time", type="date", about="when it was given, or begun", asks="date"),
                Parameter(name="status", type="token", about="completed, not-done, in-progress, on-hold, stopped, entered-in-error"),
                Parameter(name="code", type="token", about="the product that was scanned: its GTIN or our id"),
                Parameter(name="request", type="reference", about="the order", targets=("MedicationRequest",), path=("request",)),
                Parameter(name="device", type="reference", about="the cart", targets=("Device",), path=("device",)),
                Parameter(
                    name="performer",
                    type="reference",
                    about="who gave or witnessed",
                    targets=("Practitioner",),
                    path=("performer", "actor"),
                ),
            ),
        ),
        Kind(
            name="Procedure",
            about="patches and devices that were taken off",
            permissions=_CLINICAL,
            of_patients=True,
            versions=True,
            sources=(_chain("Procedure"),),
            sorts=_DATES,
            parameters=(_ID, _UPDATED, _patient_of(), _patient_of("subject"), Parameter(name="date", type="date", about="when")),
        ),
        Kind(
            name="Observation",
            about="values of the chart, body weights, and what became of doses as needed",
            permissions=_CLINICAL,
            of_patients=True,
            sources=(
                Source(table=fhir_tables.VALUES, build=_each(fhir_rows.values, _observation), key=_number("value")),
                Source(table=fhir_tables.WEIGHTS, build=_each(fhir_rows.weights, _observation), key=_number("weight")),
                _chain("Observation"),
            ),
            sorts=_BY_ID,
            parameters=(
                _ID,
                _patient_of(),
                _patient_of("subject"),
                Parameter(name="date", type="date", about="when it was measured"),
            ),
        ),
        Kind(
            name="DetectedIssue",
            about="what a dose was given in spite of",
            permissions=_CLINICAL,
            of_patients=True,
            sources=(Source(table=fhir_tables.DOSES, build=fhir_doses.issues, as_told=_OF_CHAIN, key=_issue),),
            sorts=_BY_CHANGE,
            parameters=(
                _ID,
                _UPDATED,
                _patient_of(path="patient"),
                Parameter(name="identified", type="date", about="when", asks="date"),
                Parameter(
                    name="implicated",
                    type="reference",
                    about="the order",
                    asks="request",
                    targets=("MedicationRequest",),
                    path=("implicated",),
                ),
            ),
        ),
        Kind(
            name="Provenance",
            about="who did what at the bedside, with which cart; one for each record",
            permissions=_CLINICAL,
            of_patients=True,
            sources=(Source(table=fhir_tables.DOSES, build=fhir_doses.provenances, as_told=_OF_RECORD, key=_name),),
            sorts=_BY_CHANGE,
            parameters=(
                _ID,
                _UPDATED,
                _patient_of(path="patient"),
                Parameter(
                    name="target",
                    type="reference",
                    about="what it tells of",
                    targets=("MedicationAdministration", "Procedure", "Observation"),
                    path=("target",),
                ),
            ),
        ),
        Kind(
            name="Medication",
            about="the formulary",
            permissions=frozenset({SEE_PATIENTS, SEE_FORMULARY}),
            sources=(Source(table=fhir_tables.PRODUCTS, build=_each(fhir_rows.products, _medication), key=_name),),
            sorts=_BY_ID,
            parameters=(_ID, _UPDATED, Parameter(name="code", type="token", about="the GTIN or our id")),
        ),
        Kind(
            name="Practitioner",
            about="staff: name, number and licence, never how they sign in",
            permissions=frozenset({SEE_PATIENTS, MANAGE_STAFF}),
            sources=(Source(table=fhir_tables.STAFF, build=_each(fhir_rows.staff, _practitioner), key=_name),),
            sorts=_BY_ID,
            parameters=(_ID, Parameter(name="identifier", type="token", about="our number, or the licence's")),
        ),
        Kind(
            name="Location",
            about="wards",
            permissions=frozenset({SEE_PATIENTS, SEE_FLEET}),
            sources=(Source(table=fhir_tables.WARDS, build=_each(fhir_rows.wards, _location), key=_name),),
            sorts=_BY_ID,
            parameters=(_ID, Parameter(name="identifier", type="token", about="our code of the ward")),
        ),
        Kind(
            name="Device",
            about="carts",
            permissions=frozenset({SEE_PATIENTS, SEE_FLEET}),
            sources=(Source(table=fhir_tables.CARTS, build=_each(fhir_rows.carts, _device), key=_name),),
            sorts=_BY_ID,
            parameters=(
                _ID,
                Parameter(name="identifier", type="token", about="our name of the cart"),
                Parameter(name="location", type="reference", about="the ward", targets=("Location",), path=("location",)),
            ),
        ),
        Kind(
            name="AuditEvent",
            about="who did and saw what; for who may see the audit",
            permissions=frozenset({SEE_AUDIT}),
            of_all_wards=True,
            sources=(Source(table=fhir_tables.AUDIT, build=_each(fhir_rows.audits, _audit), key=_number("")),),
            sorts={"_lastUpdated": "_lastUpdated", "date": "date", "_id": "_id"},
            parameters=(
                _ID,
                _UPDATED,
                Parameter(name="date", type="date", about="when"),
                Parameter(name="agent", type="reference", about="who", targets=("Practitioner",)),
                Parameter(
                    name="entity",
                    type="reference",
                    about="of what",
                    targets=("Patient", "MedicationRequest", "MedicationAdministration", "Device"),
                ),
                Parameter(name="patient", type="reference", about="of whom", targets=("Patient",)),
            ),
        ),
    )
}  # fmt: skip
