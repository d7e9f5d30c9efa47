"""A record and what goes on with it: one infusion is ONE MedicationAdministration, the removal of a patch a Procedure, the effect of
a dose as needed an Observation.

Pure. The start of an infusion creates the resource; every later act (rate, pause, stop, waste) sends the same resource as the whole
chain makes it by now, so that acts which come late, twice or out of order never take it back. A record that nothing goes on with is
left to `fhir_mapping`. Nothing is ever deleted: what was withdrawn becomes `entered-in-error`.
Source: hl7.org/fhir/R4/medicationadministration.html (effectivePeriod, dosage.rateQuantity), procedure.html (partOf).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pointofcare.administration.record import AdministrationRecord
from pointofcare.verdict.facts import Action
from server.emr import fhir_evidence, fhir_mapping
from server.emr.fhir_elements import Json, coding, concept, moment, quantity, reference, text
from server.emr.fhir_mapping import MappingContext
from server.emr.port import StartMissingError
from server.store import history, infusions
from server.store.history import Standing
from server.store.infusions import RunState

_ERROR = "entered-in-error"
_STATUS = {
    RunState.INFUSING: "in-progress",
    RunState.PAUSED: "on-hold",
    RunState.STOPPED: "stopped",
    RunState.COMPLETED: "completed",
}
_ENDED = ("stopped", "completed")
_SAYS_WHY = ("on-hold", "stopped")


def to_bundle(record: AdministrationRecord, context: MappingContext) -> Json:
    """The transaction of one record. `context.chain` holds every record of the same dose or infusion that is known by now.

    Raises: StartMissingError, EmrRejectedError when FHIR R4 has no honest form for it, QuantityError."""
    chain = _Chain((*context.chain, record))
    target = chain.get(record.amends)
    if record.amends is not None and target is None:
        raise StartMissingError("the corrected record has not arrived", amends=record.amends)
    about = [one for one in (target, record) if one is not None and one.status != _ERROR]
    if all(chain.is_plain(one) for one in about):
        return fhir_mapping.to_bundle(record, replace(context, amended=target))
    entries: list[Json] = []
    for one in about:
        entries += [entry for entry in _entries(chain.home(one), record, chain, context) if entry["fullUrl"] not in _urls(entries)]
    entries.append(fhir_mapping.created(record, context, "pv", fhir_mapping.provenance(record, context, entries[0]["fullUrl"])))
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _urls(entries: Iterable[Json]) -> set[str]:
    return {entry["fullUrl"] for entry in entries}


class _Chain:
    """The records of one chain. A correction of an act goes on with what the act went on with."""

    def __init__(self, records: Iterable[AdministrationRecord]) -> None:
        whole = {record.record_id: record for record in records}
        for record in list(whole.values()):
            amended = whole.get(record.amends or "")
            if record.continues is None and amended is not None and amended.continues is not None and record.status != _ERROR:
                whole[record.record_id] = replace(record, continues=amended.continues)
        self._records = whole
        self.standing = Standing(history.of_record(record) for record in whole.values())
        self.counting = self.standing.counting

    def get(self, record_id: str | None) -> AdministrationRecord | None:
        return None if record_id is None else self._records.get(record_id)

    def records(self) -> tuple[AdministrationRecord, ...]:
        return tuple(self._records.values())

    def home(self, record: AdministrationRecord) -> AdministrationRecord:
        """The record whose resource tells of this one. Raises: StartMissingError."""
        here = self._records[record.record_id]
        seen: set[str] = set()
        while here.record_id not in seen:
            seen.add(here.record_id)
            if here.status == _ERROR and here.amends is not None:
                following = here.amends
            elif here.continues is None or _has_its_own(here):
                return here
            else:
                following = self.standing.current(here.continues) or here.continues
            found = self._records.get(following)
            if found is None:
                raise StartMissingError(f"record {following} has not arrived, and this one goes on with it", record_id=following)
            here = found
        return here

    def acts(self, root: AdministrationRecord) -> list[AdministrationRecord]:
        """Everything that goes on with `root` in the same resource, withdrawn ones too, in the order in which it happened."""
        found = []
        for record in self._records.values():
            if record.record_id == root.record_id:
                continue
            try:
                home = self.home(record)
            except StartMissingError:
                continue
            if home.record_id == root.record_id:
                found.append(record)
        return sorted(found, key=lambda record: (record.effective_at, record.record_id))

    def counts(self, record: AdministrationRecord) -> bool:
        return any(row.record_id == record.record_id for row in self.counting)

    def is_plain(self, record: AdministrationRecord) -> bool:
        """One dose by itself: the form that `fhir_mapping` has for it is the whole of it."""
        here = self._records[record.record_id]
        if here.continues is not None or _has_its_own(here):
            return False
        return all(act.status == _ERROR for act in self.acts(here))


def _has_its_own(record: AdministrationRecord) -> bool:
    return record.action in (Action.REMOVE, Action.ASSESS)


def _entries(home: AdministrationRecord, record: AdministrationRecord, chain: _Chain, context: MappingContext) -> list[Json]:
    if home.action == Action.REMOVE:
        return [_own(home, chain, context, "procedure", _procedure(home, chain, context))]
    if home.action == Action.ASSESS:
        return [_own(home, chain, context, "effect", _effect(home, chain, context))]
    return _administration(home, record, chain, context)


def _own(home: AdministrationRecord, chain: _Chain, context: MappingContext, kind: str, resource: Json) -> Json:
    """A resource of its own record: created once, and rewritten when it was withdrawn or corrected."""
    if chain.standing.current(home.record_id) == home.record_id:
        return fhir_mapping.created(home, context, kind, resource)
    resource["status"] = _ERROR
    resource["meta"] = {"tag": [fhir_mapping.tag(home, context, kind)]}
    return fhir_mapping.updated(home.record_id, context, resource)


def _identifiers(home: AdministrationRecord, others: Iterable[AdministrationRecord], context: MappingContext) -> list[Json]:
    system = context.system("administration")
    return [{"system": system, "value": one.record_id} for one in (home, *others)]


def _administration(home: AdministrationRecord, record: AdministrationRecord, chain: _Chain, context: MappingContext) -> list[Json]:
    """The one resource of an infusion (or of a dose whose waste was charted later) as all its records make it."""
    acts = chain.acts(home)
    counted = [act for act in acts if act.status != _ERROR and chain.counts(act)]
    issues = [issue for one in (home, *counted) for issue in fhir_mapping.issues_of(one, context)]
    found = fhir_mapping.administration(home, context, [issue["fullUrl"] for issue in issues])
    found["identifier"] = _identifiers(home, acts, context)
    if chain.standing.current(home.record_id) != home.record_id:
        found["status"] = _ERROR
        later = chain.get(chain.standing.current(home.record_id)) or next((one for one in acts if one.amends == home.record_id), record)
        found["statusReason"] = [fhir_mapping.reason(later, context)]
        return [fhir_mapping.updated(home.record_id, context, found)]
    run = infusions.fold(row for row in chain.counting if row.record_id in {home.record_id, *(act.record_id for act in counted)})
    runs = [act for act in counted if act.action in infusions.ACTS]
    if runs or found["status"] in ("in-progress", "on-hold"):
        _run(found, home, runs, run, context)
    found["extension"] += [fhir_evidence.act(act, context.extensions, context.system("staff")) for act in counted]
    found["performer"] = _everybody((home, *counted), context)
    if record.record_id == home.record_id and not acts:
        return [fhir_mapping.created(home, context, "ma", found), *issues]
    return [fhir_mapping.updated(home.record_id, context, found), *issues]


def _run(found: Json, home: AdministrationRecord, acts: list[AdministrationRecord], run: infusions.Run, context: MappingContext) -> None:
    status = _STATUS.get(run.state, home.status)
    found["status"] = status
    found.pop("effectiveDateTime", None)
    found["effectivePeriod"] = {"start": moment(run.started_at or home.effective_at)}
    if run.ended_at is not None and status in _ENDED:
        found["effectivePeriod"]["end"] = moment(run.ended_at)
    found.pop("statusReason", None)
    last = next((act for act in reversed(acts) if act.status == status), None)
    if status in _SAYS_WHY and last is not None:
        found["statusReason"] = [fhir_mapping.reason(last, context)]
    dosage = {name: value for name, value in (found.pop("dosage", None) or {}).items() if name not in ("dose", "rateQuantity")}
    if run.rate is not None:
        dosage.pop("rateRatio", None)
        dosage["rateQuantity"] = quantity(run.rate)
    total = last.dose if last is not None and last.dose is not None else (home.dose if status == "completed" else None)
    if status in _ENDED and total is not None and "/" not in total.unit:
        dosage["dose"] = quantity(total)
    if {"dose", "rateQuantity", "rateRatio"} & dosage.keys():  # mad-1
        found["dosage"] = dosage


def _everybody(records: Iterable[AdministrationRecord], context: MappingContext) -> list[Json]:
    found: list[Json] = []
    for record in records:
        found += [one for one in fhir_mapping.performers(record, context) if one not in found]
    return found


def _part_of(record: AdministrationRecord, chain: _Chain, context: MappingContext) -> list[Json]:
    if record.continues is None:
        return []
    whole = chain.standing.current(record.continues) or record.continues
    return [reference("MedicationAdministration", context.system("administration"), whole)]


def _procedure(record: AdministrationRecord, chain: _Chain, context: MappingContext) -> Json:
    """A patch or device that was taken off: no dose, so no MedicationAdministration."""
    found: Json = {
        "resourceType": "Procedure",
        "identifier": _identifiers(record, _withdrawals(record, chain), context),
        "extension": [fhir_evidence.bedside(record, context.extensions)],
        "status": "completed" if record.status == "completed" else record.status,
        "code": concept(
            coding(context.system("act"), "remove"),
            text=text(f"Removal of {record.product_name or context.order_text or 'patch'}"),
        ),
        "subject": reference("Patient", context.system("patient"), record.mrn, context.literals.get("patient")),
        "performedDateTime": moment(record.effective_at),
        "performer": [
            {"actor": reference("Practitioner", context.system("staff"), record.nurse, context.literals.get(record.nurse))},
        ],
    }
    part_of = _part_of(record, chain, context)
    if part_of:
        found["partOf"] = part_of
    if record.site:
        found["bodySite"] = [concept(text=text(record.site))]
    words = record.reason_text or record.status_reason
    if words:
        found["note"] = [{"text": text(words)}]
    return found


def _effect(record: AdministrationRecord, chain: _Chain, context: MappingContext) -> Json:
    """What became of a dose as needed."""
    said = record.effect or "unknown"
    found: Json = {
        "resourceType": "Observation",
        "identifier": _identifiers(record, _withdrawals(record, chain), context),
        "status": "final",
        "code": concept(coding(context.system("act"), "effect"), text="Effect of a dose given as needed"),
        "subject": reference("Patient", context.system("patient"), record.mrn, context.literals.get("patient")),
        "effectiveDateTime": moment(record.effective_at),
        "performer": [reference("Practitioner", context.system("staff"), record.nurse, context.literals.get(record.nurse))],
        "valueCodeableConcept": concept(coding(context.system("effect"), said), text=text(record.reason_text or said)),
    }
    part_of = _part_of(record, chain, context)
    if part_of:
        found["partOf"] = part_of
    return found


def _withdrawals(record: AdministrationRecord, chain: _Chain) -> list[AdministrationRecord]:
    return [act for act in chain.acts(record) if act.status == _ERROR]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one record is told: `kind` is the resource's type, "" for what FHIR has no resource for by itself; `home` the record that it
    is named after. `counts` False: it was withdrawn or corrected."""

    record: AdministrationRecord
    kind: str
    home: str
    counts: bool


class Whole:
    """One chain as it stands by now, for those who read it from us: the same resources as go to the EMR."""

    def __init__(self, records: Iterable[AdministrationRecord]) -> None:
        self._chain = _Chain(records)
        self.places = tuple(self._place(record) for record in self._chain.records())

    def _place(self, record: AdministrationRecord) -> Place:
        try:
            home: AdministrationRecord | None = self._chain.home(record)
        except StartMissingError:  # the start is on its way; until then the act is nobody's part
            home = None
        kind = "" if home is None else self._kind(home)
        counts = record.status != _ERROR and self._chain.counts(record)
        return Place(record=record, kind=kind, home=record.record_id if home is None else home.record_id, counts=counts)

    def _kind(self, home: AdministrationRecord) -> str:
        if home.status == _ERROR:  # withdraws what has not come
            return ""
        if home.action in (Action.REMOVE, Action.ASSESS):
            return "Procedure" if home.action == Action.REMOVE else "Observation"
        return "" if fhir_mapping.is_no_dose(home) else "MedicationAdministration"

    def parts(self, home: str) -> tuple[AdministrationRecord, ...]:
        """Every record that has a say in the resource named after `home`: itself, its acts, and what corrects it."""
        mine = {place.record.record_id for place in self.places if place.home == home}
        return tuple(place.record for place in self.places if place.record.record_id in mine or place.record.amends == home)

    def entries(self, home: str, context: MappingContext) -> list[Json]:
        """The resource named after `home`, and behind it the issues that it refers to. Raises: QuantityError for an amount that JSON
        cannot hold."""
        record = self._chain.get(home)
        assert record is not None
        return _entries(record, record, self._chain, context)
