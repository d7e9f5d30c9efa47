"""Records of the bedside as FHIR resources that others read: administrations, removals, effects, and of each the Provenance and the issues.

One infusion is one resource, whatever number of records made it; it stands where its newest record stands in the order of changes, and
where its first one stands in time. Must never show one half of a chain, nor a withdrawn dose as given. Reads only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import PointOfCareError
from server.emr import fhir_mapping
from server.emr.fhir_chain import Place, Whole
from server.emr.fhir_elements import Json
from server.emr.fhir_ids import to_id
from server.emr.fhir_mapping import MappingContext
from server.store import fhir_doses
from server.store.fhir_doses import Held
from server.store.fhir_walk import Position, Reference, Span, Token, Value, holds
from server.store.transaction import Transaction
from server.usecases.fhir_built import Built, literal

Filters = tuple[tuple[str, tuple[Value, ...]], ...]


@dataclass(frozen=True, slots=True)
class _Chain:
    whole: Whole
    held: Mapping[str, Held]

    def parts(self, home: str) -> tuple[Held, ...]:
        """By the order in which they came."""
        found = (self.held[one.record_id] for one in self.whole.parts(home))
        return tuple(sorted(found, key=lambda one: (one.received_at, one.record.record_id)))


def _chains(tx: Transaction, positions: tuple[Position, ...]) -> dict[str, _Chain]:
    found: dict[str, _Chain] = {}
    for members in fhir_doses.chains(tx, [one[-1] for one in positions]):
        chain = _Chain(Whole(one.record for one in members), {one.record.record_id: one for one in members})
        found |= dict.fromkeys(chain.held, chain)
    return found


def resources(kind: str) -> Callable[..., tuple[tuple[Built, ...], ...]]:
    """The builder of one kind of resource that a chain makes."""

    def build(
        tx: Transaction, context: MappingContext, walk: str, positions: tuple[Position, ...], filters: Filters
    ) -> tuple[tuple[Built, ...], ...]:
        chains = _chains(tx, positions)
        by_name = any(name == "identifier" for name, _ in filters)
        found = []
        for position in positions:
            record_id = position[-1]
            chain = chains.get(record_id)
            mine = []
            for place in chain.whole.places if chain is not None else ():
                if chain is None or place.kind != kind or place.home != place.record.record_id:
                    continue
                parts = chain.parts(place.home)
                stands = (
                    any(one.record.record_id == record_id for one in parts)
                    if by_name
                    else parts[-1].record.record_id == record_id
                    if walk == "_lastUpdated"
                    else place.home == record_id
                )
                if stands:
                    one = _resource(kind, chain, place, parts, context)
                    if one.resource is None or _passes(one, chain.held[place.home].record, parts, filters):
                        mine.append(one)
            found.append(tuple(mine))
        return tuple(found)

    return build


def _context(context: MappingContext, held: Held) -> MappingContext:
    try:
        patient = to_id(held.patient)
    except PointOfCareError:
        return context
    return replace(context, literals={"patient": f"Patient/{patient}", "encounter": f"Encounter/{patient}"})


def _resource(kind: str, chain: _Chain, place: Place, parts: tuple[Held, ...], context: MappingContext) -> Built:
    home = chain.held[place.home]
    try:
        identity = to_id(place.home)
        entries = chain.whole.entries(place.home, _context(context, home))
        resource = entries[0]["resource"]
        issues = {entry["fullUrl"]: f"DetectedIssue/{_issue_id(entry['resource'])}" for entry in entries[1:]}
        if "supportingInformation" in resource:
            resource["supportingInformation"] = [{"reference": issues[one["reference"]]} for one in resource["supportingInformation"]]
        return Built(
            kind=kind,
            id=identity,
            resource=literal(resource, context),
            patient=home.patient,
            updated_at=parts[-1].received_at,
            version=version(home, parts),
        )
    except PointOfCareError as exc:
        return Built(kind=kind, id=place.home, resource=None, patient=home.patient, problem=str(exc))


def version(home: Held, parts: tuple[Held, ...]) -> str:
    """How many states the resource has had: its first, and one for each record that came later. A patient whose record was merged since
    makes another state of it."""
    key = (home.received_at, home.record.record_id)
    number = 1 + sum(1 for one in parts if (one.received_at, one.record.record_id) > key)
    return str(number) + _moved(home)


def _moved(home: Held) -> str:
    return "" if home.patient == home.record.patient else f"-m{sha256(home.patient.encode()).hexdigest()[:8]}"


def history(tx: Transaction, kind: str, home: str, context: MappingContext) -> tuple[Built, ...]:
    """Every state that the resource has had, the newest first; () where there is none."""
    chain = _chains(tx, ((home,),)).get(home)
    place = (
        next((one for one in chain.whole.places if one.record.record_id == home == one.home and one.kind == kind), None) if chain else None
    )
    if chain is None or place is None:
        return ()
    parts = chain.parts(home)
    newest = _resource(kind, chain, place, parts, context)
    key = (chain.held[home].received_at, home)
    later = [one for one in parts if (one.received_at, one.record.record_id) > key]
    found = [newest]
    for number in range(len(later) - 1, -1, -1):
        gone = {one.record.record_id for one in later[number:]}
        before = {name: one for name, one in chain.held.items() if name not in gone}
        then = _Chain(Whole(one.record for one in before.values()), before)
        there = next((one for one in then.whole.places if one.record.record_id == home), None)
        if there is not None and there.kind == kind:
            one = _resource(kind, then, there, then.parts(home), context)
            found.append(replace(one, version=str(number + 1)))
    return tuple(found)


def _passes(built: Built, record: AdministrationRecord, parts: tuple[Held, ...], filters: Filters) -> bool:
    """What was asked, of the whole resource."""
    return all(any(_meets(built, record, parts, name, value) for value in values) for name, values in filters)


def _meets(built: Built, record: AdministrationRecord, parts: tuple[Held, ...], name: str, value: Value) -> bool:
    match name, value:
        case "date", Span():
            return holds(record.effective_at, value)
        case "_lastUpdated", Span():
            return holds(parts[-1].received_at, value)
        case "status", Token():
            return value.system is None and (built.resource or {}).get("status") == value.code
        case "code", Token():
            named = {None: (record.product, record.gtin), "product": (record.product,), "gtin": (record.gtin,)}
            return value.code in named.get(value.system, ())
        case "performer", Reference():
            people = {one.record.nurse for one in parts} | {one.record.witness for one in parts}
            return value.kind in (None, "Practitioner") and value.id in people
        case "device", Reference():
            return value.kind in (None, "Device") and value.id == record.cart
        case "request", Reference():
            return value.kind in (None, "MedicationRequest") and value.id == record.order
        case "part-of", Reference():
            return value.kind in (None, "MedicationAdministration") and value.id == record.continues
    return True  # the row was asked: patient, context, _id, identifier


def provenances(
    tx: Transaction, context: MappingContext, _walk: str, positions: tuple[Position, ...], filters: Filters
) -> tuple[tuple[Built, ...], ...]:
    """Who did what, one for each record that is a part of some resource."""
    chains = _chains(tx, positions)
    return tuple(tuple(_provenances(chains.get(position[-1]), position[-1], context, filters)) for position in positions)


def _provenances(chain: _Chain | None, record_id: str, context: MappingContext, filters: Filters) -> Iterator[Built]:
    place = next((one for one in chain.whole.places if one.record.record_id == record_id), None) if chain else None
    if chain is None or place is None or not place.kind:
        return
    held = chain.held[record_id]
    wanted = [values for name, values in filters if name == "target"]
    if not all(any(_is_target(place, value) for value in values) for values in wanted):
        return
    try:
        target = f"{place.kind}/{to_id(place.home)}"
        resource = fhir_mapping.provenance(held.record, _context(context, held), target)
        resource["meta"] = {"tag": [fhir_mapping.tag(held.record, context, "pv")]}
        yield Built(
            kind="Provenance", id=to_id(record_id), resource=literal(resource, context), patient=held.patient, updated_at=held.received_at
        )
    except PointOfCareError as exc:
        yield Built(kind="Provenance", id=record_id, resource=None, patient=held.patient, problem=str(exc))


def _is_target(place: Place, value: Any) -> bool:
    return isinstance(value, Reference) and value.kind in (None, place.kind) and value.id == place.home


def issues(
    tx: Transaction, context: MappingContext, walk: str, positions: tuple[Position, ...], filters: Filters
) -> tuple[tuple[Built, ...], ...]:
    """What something was given in spite of. Of a record that was withdrawn they are entered in error, and stand where that was told."""
    chains = _chains(tx, positions)
    return tuple(tuple(_issues(chains.get(position[-1]), position[-1], walk, context, filters)) for position in positions)


def _issues(chain: _Chain | None, record_id: str, walk: str, context: MappingContext, filters: Filters) -> Iterator[Built]:
    for place in chain.whole.places if chain is not None else ():
        held = chain.held[place.record.record_id] if chain is not None else None
        if chain is None or held is None or not fhir_mapping.answered(held.record):
            continue
        told = [held, *(one for one in chain.held.values() if one.record.amends == held.record.record_id)]
        newest = max(told, key=lambda one: (one.received_at, one.record.record_id))
        if (newest if walk == "_lastUpdated" else held).record.record_id != record_id:
            continue
        for entry in fhir_mapping.issues_of(held.record, _context(context, held)):
            yield from _issue(entry["resource"], held, newest, place, context, filters)


def _issue(resource: Json, held: Held, newest: Held, place: Place, context: MappingContext, filters: Filters) -> Iterator[Built]:
    if not place.counts:
        resource["status"] = "entered-in-error"
    try:
        built = Built(
            kind="DetectedIssue", id=_issue_id(resource), resource=literal(resource, context), patient=held.patient,
            updated_at=newest.received_at,
        )  # fmt: skip
    except PointOfCareError as exc:
        built = Built(kind="DetectedIssue", id=held.record.record_id, resource=None, patient=held.patient, problem=str(exc))
    asked = {
        "request": lambda value: _meets(built, held.record, (held,), "request", value),
        "date": lambda value: isinstance(value, Span) and holds(held.record.effective_at, value),
        "_lastUpdated": lambda value: isinstance(value, Span) and holds(newest.received_at, value),
        "issue": lambda value: isinstance(value, Token) and value.code == built.id,
        "status": lambda value: isinstance(value, Token) and value.code == resource["status"],
    }
    if all(any(asked[name](value) for value in values) for name, values in filters if name in asked):
        yield built


def _issue_id(resource: Json) -> str:
    """From the tag that the issue has: the record and which of its findings."""
    record_id, _, number = str(resource["meta"]["tag"][0]["code"]).rpartition(".ov")
    return to_id(record_id, f".o{number}")
