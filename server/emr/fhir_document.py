"""The medication summary of one stay as a FHIR R4 document, for the citizen's health book (Sổ sức khỏe điện tử).

Pure: the same stay gives the same content. Holds what was given and what was not given and why, once for each dose that still counts;
never how a cart came to its verdict, who else was on the ward, or a card's address. It is a summary to hand over, and no order.
Source: hl7.org/fhir/R4/documents.html, composition.html.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape
from uuid import NAMESPACE_URL, uuid5

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import EmrRejectedError
from pointofcare.people import Patient
from pointofcare.vietnam import routes
from pointofcare.vietnam.routes import Route
from server.emr import fhir_mapping, validation
from server.emr.fhir_elements import Json, coding, concept, moment, text
from server.emr.fhir_mapping import MappingContext

_LOINC = "http://loinc.org"
VN = "http://fhir.hl7.org.vn/core"
CCCD, BHYT, LICENCE = f"{VN}/sid/cccd", f"{VN}/sid/bhyt", f"{VN}/sid/cchn"
REGISTRATION = f"{VN}/StructureDefinition/vn-ext-med-registration-number"
_GIVEN = frozenset({"completed", "in-progress", "stopped", "on-hold"})
_GENDERS = frozenset({"male", "female", "other", "unknown"})
_DOSES = frozenset({"give", "start", "hold", "refuse", "not-given"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What one document is made of. `began` None: from before the program knew of stays; `ended` None: the patient is still here.
    `cards` are numbers of insurance cards, `registrations` product -> registration number, `routes` product -> route of the catalogue,
    `author` the staff id and name of who made it.
    `facility` is the hospital's name or code; `stay` names the stay within the hospital."""

    patient: Patient
    stay: str
    began: datetime | None
    ended: datetime | None
    records: tuple[AdministrationRecord, ...]
    amended: Collection[str]
    facility: str
    author: tuple[str, str]
    at: datetime
    national_id: str | None = None
    cards: tuple[str, ...] = ()
    registrations: Mapping[str, str] | None = None
    facility_code: str | None = None
    routes: Mapping[str, Route] | None = None
    order_texts: Mapping[str, str] | None = None


def counting(records: Collection[AdministrationRecord], amended: Collection[str]) -> tuple[AdministrationRecord, ...]:
    """The doses that stand: corrected and withdrawn ones are left out, and so is what is no dose; in the order in which they were."""
    found = (one for one in records if one.record_id not in amended and one.status != "entered-in-error" and one.action in _DOSES)
    return tuple(sorted(found, key=lambda one: (one.effective_at, one.record_id)))


def document(summary: Summary, context: MappingContext) -> Json:
    """The Bundle. Raises: EmrRejectedError when it would not be a valid document, which names every fault."""
    standing = counting(summary.records, summary.amended)
    stops = (one for one in summary.records if one.action == "stop" and one.record_id not in summary.amended)
    ends = {one.continues: one for one in stops if one.continues}
    patient, organisation = _urn(context, "patient", summary.patient.id), _urn(context, "organisation", "")
    author = _urn(context, "author", summary.author[0])
    stay = _urn(context, "stay", summary.stay)
    named = replace(context, literals={"patient": patient, "encounter": stay})
    doses = [_dose(one, ends.get(one.record_id), named, summary) for one in standing]
    statements = _statements(standing, summary, context, patient)
    entries = [
        _entry(patient, _patient(summary, context)),
        _entry(organisation, _organisation(summary, context)),
        _entry(author, _practitioner(summary, context)),
        _entry(stay, _encounter(summary, context, patient, organisation)),
        *statements,
        *doses,
    ]
    refer = {"patient": patient, "author": author, "organisation": organisation, "stay": stay}
    composition = _composition(summary, context, standing, statements, doses, **refer)
    content = json.dumps([composition, *entries], sort_keys=True, ensure_ascii=False, default=str)
    number = uuid5(NAMESPACE_URL, f"{context.system('document')}|{summary.stay}|{content}")
    bundle: Json = {
        "resourceType": "Bundle",
        "identifier": {"system": context.system("document"), "value": f"urn:uuid:{number}"},
        "type": "document",
        "timestamp": moment(summary.at),
        "entry": [_entry(f"urn:uuid:{uuid5(number, 'composition')}", composition), *entries],
    }
    bundle = fhir_mapping.labelled(bundle, context)
    found = (*validation.problems(fhir_mapping.to_bytes(bundle)), *faults(bundle))
    if found:
        raise EmrRejectedError("the summary is not a valid document", remedy="tell the maker", problems=list(found[:20]))
    return bundle


def faults(bundle: Json) -> tuple[str, ...]:
    """What makes it no document: what FHIR asks of a document beyond its resources. () when it is one."""
    found = []
    entries = bundle.get("entry") or [{}]
    if bundle.get("type") != "document":
        found.append("type is not document")
    if not (bundle.get("identifier") or {}).get("system") or not (bundle.get("identifier") or {}).get("value"):
        found.append("bdl-9: no identifier")
    if not bundle.get("timestamp"):
        found.append("bdl-10: no timestamp")
    if (entries[0].get("resource") or {}).get("resourceType") != "Composition":
        found.append("bdl-11: the first entry is no Composition")
    urls = [entry.get("fullUrl") for entry in entries]
    if len(set(urls)) != len(urls):
        found.append("bdl-7: a fullUrl stands twice")
    known = set(urls)
    for place, entry in enumerate(entries):
        found += [f"entry[{place}]: {url} is not in the document" for url in _references(entry.get("resource")) if url not in known]
    return tuple(found)


def _references(value: object) -> list[str]:
    """Every reference that is meant within the document."""
    if isinstance(value, dict):
        mine = [value["reference"]] if isinstance(value.get("reference"), str) and value["reference"].startswith("urn:uuid:") else []
        return mine + [url for each in value.values() for url in _references(each)]
    return [url for each in value for url in _references(each)] if isinstance(value, list) else []


def _urn(context: MappingContext, kind: str, key: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'{context.system(kind)}|{key}')}"


def _entry(url: str, resource: Json) -> Json:
    return {"fullUrl": url, "resource": resource}


def _patient(summary: Summary, context: MappingContext) -> Json:
    who = summary.patient
    identifiers = [
        {
            "type": concept(coding("http://terminology.hl7.org/CodeSystem/v2-0203", "MR")),
            "system": context.system("patient"),
            "value": who.mrn,
        }
    ]
    if summary.national_id:
        identifiers.append({"system": CCCD, "value": summary.national_id})
    identifiers += [{"system": BHYT, "value": number} for number in summary.cards]
    found: Json = {"resourceType": "Patient", "identifier": identifiers, "name": [{"text": text(who.name)}]}
    if who.sex in _GENDERS:
        found["gender"] = who.sex
    if who.birth_date is not None:
        found["birthDate"] = who.birth_date.isoformat()
    return found


def _organisation(summary: Summary, context: MappingContext) -> Json:
    found: Json = {"resourceType": "Organization", "name": text(summary.facility)}
    if summary.facility_code:
        found["identifier"] = [{"system": context.system("facility"), "value": summary.facility_code}]
    return found


def _practitioner(summary: Summary, context: MappingContext) -> Json:
    key, name = summary.author
    return {
        "resourceType": "Practitioner",
        "identifier": [{"system": context.system("staff"), "value": key}],
        "name": [{"text": text(name or key)}],
    }


def _encounter(summary: Summary, context: MappingContext, patient: str, organisation: str) -> Json:
    period: Json = {}
    if summary.began is not None:
        period["start"] = moment(summary.began)
    if summary.ended is not None:
        period["end"] = moment(summary.ended)
    found: Json = {
        "resourceType": "Encounter",
        "identifier": [{"system": context.system("stay"), "value": summary.stay}],
        "status": "finished" if summary.ended is not None else "in-progress",
        "class": coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", "IMP", "inpatient encounter"),
        "subject": {"reference": patient},
        "serviceProvider": {"reference": organisation},
    }
    if period:
        found["period"] = period
    return found


def _dose(record: AdministrationRecord, end: AdministrationRecord | None, context: MappingContext, summary: Summary) -> Json:
    """One dose as the EMR gets it, without the evidence of the bedside. An infusion that ended says so, from when to when."""
    own = replace(context, order_text=(summary.order_texts or {}).get(record.order or ""))
    resource = fhir_mapping.administration(record, own)
    for name in ("extension", "device", "meta", "supportingInformation", "note"):
        resource.pop(name, None)
    resource["performer"] = resource["performer"][:1]
    number = (summary.registrations or {}).get(record.product or "")
    if number and "contained" in resource:
        resource["contained"][0]["extension"] = [{"url": REGISTRATION, "valueString": number}]
    route = (summary.routes or {}).get(record.product or "")
    if route is not None and "route" in resource.get("dosage", {}) and route.fits(record.route or ""):
        resource["dosage"]["route"]["coding"].append(coding(routes.SYSTEM, route.code, route.name))
    if end is not None and record.status in ("in-progress", "on-hold"):
        resource["status"] = end.status
        resource["effectivePeriod"] = {"start": moment(record.effective_at), "end": moment(max(end.effective_at, record.effective_at))}
        if end.status == "stopped":
            resource["statusReason"] = [fhir_mapping.reason(end, own)]
    return _entry(fhir_mapping.urn(record.record_id), resource)


def _statements(standing: tuple[AdministrationRecord, ...], summary: Summary, context: MappingContext, patient: str) -> list[Json]:
    """One line a drug: from when to when it was given, and how often."""
    drugs: dict[str, list[AdministrationRecord]] = {}
    for record in standing:
        if record.status in _GIVEN and record.action in ("give", "start"):
            drugs.setdefault(record.product or _name(record, summary), []).append(record)
    found = []
    for key, records in sorted(drugs.items()):
        resource: Json = {
            "resourceType": "MedicationStatement",
            "status": "completed" if summary.ended is not None else "active",
            "medicationCodeableConcept": concept(text=text(_name(records[-1], summary))),
            "subject": {"reference": patient},
            "effectivePeriod": {"start": moment(records[0].effective_at), "end": moment(records[-1].effective_at)},
            "derivedFrom": [{"reference": fhir_mapping.urn(one.record_id)} for one in records],
        }
        found.append(_entry(_urn(context, "statement", f"{summary.stay}/{key}"), resource))
    return found


def _composition(
    summary: Summary,
    context: MappingContext,
    standing: tuple[AdministrationRecord, ...],
    statements: list[Json],
    doses: list[Json],
    *,
    patient: str,
    author: str,
    organisation: str,
    stay: str,
) -> Json:
    rows = "".join(
        f"<tr><td>{escape(moment(one.effective_at))}</td><td>{escape(text(_name(one, summary)))}</td>"
        f"<td>{escape(str(one.dose) if one.dose is not None else '')}</td><td>{escape(text(one.route or ''))}</td>"
        f"<td>{escape(one.status)}{escape(f' ({one.status_reason})' if one.status_reason else '')}</td></tr>"
        for one in standing
    )
    table = f"<table>{rows}</table>" if rows else "<p>Không có thuốc nào được ghi nhận.</p>"
    sections: list[Json] = []
    for title, code, entries, words in (
        ("Thuốc đã dùng", "10160-0", statements, ""),
        ("Từng lần dùng thuốc", "29549-3", doses, table),
    ):
        section: Json = {"title": title, "code": concept(coding(_LOINC, code))}
        if words:
            section["text"] = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{words}</div>'}
        if entries:
            section["entry"] = [{"reference": entry["fullUrl"]} for entry in entries]
        else:
            section["emptyReason"] = concept(coding("http://terminology.hl7.org/CodeSystem/list-empty-reason", "nilknown"))
        sections.append(section)
    return {
        "resourceType": "Composition",
        "identifier": {"system": context.system("composition"), "value": summary.stay},
        "status": "final" if summary.ended is not None else "preliminary",
        "type": concept(coding(_LOINC, "56445-0", "Medication summary Document")),
        "subject": {"reference": patient},
        "encounter": {"reference": stay},
        "date": moment(summary.at),
        "author": [{"reference": author}],
        "title": "Tóm tắt sử dụng thuốc của đợt điều trị",
        "custodian": {"reference": organisation},
        "section": sections,
    }


def _name(record: AdministrationRecord, summary: Summary) -> str:
    return record.product_name or record.product or (summary.order_texts or {}).get(record.order or "") or record.order or record.record_id
