"""One administration as one FHIR R4 transaction: the MedicationAdministration, its Provenance, and what was overridden.

Pure: the same record and context give the same bundle. Every entry is a conditional create, so that a bundle may be sent any
number of times and is stored once. FHIR's statuses are the record's own, never translated. A correction also rewrites the
corrected resource as `entered-in-error`; nothing is ever deleted.
Source: hl7.org/fhir/R4/medicationadministration.html, http.html#ccreate, bundle.html#transaction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, UUID, uuid5

from pointofcare.administration.record import AdministrationRecord, FindingEvidence
from pointofcare.errors import EmrRejectedError
from server.emr import fhir_evidence
from server.emr.fhir_elements import (
    GTIN,
    ROUTE_CODES,
    ROUTES,
    Json,
    coding,
    concept,
    moment,
    quantity,
    rate,
    reference,
    search,
    text,
)
from server.emr.port import StartMissingError

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_UNKNOWN = coding(f"{_TERMINOLOGY}data-absent-reason", "unknown")
_WITH_REASON = frozenset({"not-done", "stopped", "on-hold", "entered-in-error"})
_RUNNING = frozenset({"in-progress", "on-hold"})
# Resources of ours that an identifier is searched for; the others are known by their tag alone.
BY_IDENTIFIER = frozenset({"ma", "procedure", "effect"})
_NOT_A_DOSE = frozenset({"waste", "remove"})
_SEVERITY = {"WARN": "low", "REASON": "moderate", "WITNESS": "high", "STOP": "high"}
# v3-ActCode, AdministrationDetectedIssueCode: only where our rule means just that.
_ISSUE_CODES = {"D10": "ALGY", "D11": "ALGY", "D12": "DRG", "Q": "DOSE", "T": "TIME", "N": "TIME"}
_ALLERGY_RULES = frozenset({"D10", "D11"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingContext:
    """What the mapping needs beside the record.

    `site` is this hospital's own URL ("https://hospital.example/bcma"), under which all our identifiers live. `systems`
    replaces an identifier system where the EMR has its own: keys `patient order staff cart`. `literals` maps `patient`,
    `order`, `encounter` or a staff id to the EMR's reference ("Patient/17") where it is known. `order_text` is the order's
    line, used when nothing was scanned. `amended` is the record that this one corrects, as it was sent, `chain` every record that
    is known by now of the same dose or infusion. `is_training`: the patients are made up, and everything that is sent says so.
    """

    site: str
    systems: Mapping[str, str] = field(default_factory=dict)
    literals: Mapping[str, str] = field(default_factory=dict)
    order_text: str | None = None
    amended: AdministrationRecord | None = None
    chain: tuple[AdministrationRecord, ...] = ()
    is_training: bool = False

    def system(self, name: str) -> str:
        return self.systems.get(name) or f"{self.site.rstrip('/')}/sid/{name}"

    @property
    def extensions(self) -> str:
        return f"{self.site.rstrip('/')}/ext/"


def is_no_dose(record: AdministrationRecord) -> bool:
    """As an administration it would read as one more dose."""
    return record.action in _NOT_A_DOSE and record.dose is None


def to_bundle(record: AdministrationRecord, context: MappingContext) -> Json:
    """The transaction Bundle. Raises: StartMissingError, EmrRejectedError when FHIR R4 has no honest form for the record,
    QuantityError when an amount has too many digits."""
    if is_no_dose(record):
        raise EmrRejectedError(
            f"FHIR R4 has no resource for {record.action!r} on its own",
            remedy="enter it in the EMR by hand: as an administration it would read as one more dose",
            record_id=record.record_id,
        )
    if record.status == "entered-in-error" and record.amends is None:
        raise EmrRejectedError(
            "it withdraws a record that it does not name", remedy="find the record that was meant", record_id=record.record_id
        )
    if record.amends is not None and (context.amended is None or context.amended.record_id != record.amends):
        raise StartMissingError("the corrected record has not arrived", amends=record.amends)
    entries: list[Json] = []
    if record.amends is not None and context.amended is not None:
        entries.append(_withdrawal(record, context.amended, context))
    if record.status != "entered-in-error":
        issues = issues_of(record, context)
        entries.append(created(record, context, "ma", administration(record, context, [one["fullUrl"] for one in issues])))
        entries += issues
    target = entries[0]["fullUrl"] if record.status == "entered-in-error" else urn(record.record_id)
    entries.append(created(record, context, "pv", provenance(record, context, target)))
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


# FHIR R4, security labels; HL7 v3 ActReason: "test health data".
TEST_DATA: Json = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST", "display": "test health data"}


def labelled(bundle: Json, context: MappingContext) -> Json:
    """The bundle of a training hospital with the security label HTEST on itself and on every resource; of any other as it is."""
    if not context.is_training:
        return bundle
    entries = [{**entry, "resource": _with_label(entry["resource"])} for entry in bundle["entry"]]
    return _with_label({**bundle, "entry": entries})


def _with_label(resource: Json) -> Json:
    return {**resource, "meta": {**resource.get("meta", {}), "security": [TEST_DATA]}}


def to_bytes(bundle: Json) -> bytes:
    """The one spelling that is stored and sent."""
    return json.dumps(bundle, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def administration(record: AdministrationRecord, context: MappingContext, issue_urls: list[str] | None = None) -> Json:
    """The MedicationAdministration of one record."""
    extensions = [fhir_evidence.bedside(record, context.extensions)]
    wasted = fhir_evidence.waste(record, context.extensions, context.system("staff"))
    if wasted:
        extensions.append(wasted)
    found: Json = {
        "resourceType": "MedicationAdministration",
        "meta": {"tag": [tag(record, context, "ma")]},
        "extension": extensions,
        "identifier": [{"system": context.system("administration"), "value": record.record_id}],
        "status": record.status,
        "category": concept(coding(f"{_TERMINOLOGY}medication-admin-category", "inpatient")),
        "subject": reference("Patient", context.system("patient"), record.mrn, context.literals.get("patient")),
        "performer": performers(record, context),
        "device": [reference("Device", context.system("cart"), record.cart)],
    }
    if record.product or record.gtin:
        found["contained"] = [medication(record, context)]
        found["medicationReference"] = {"reference": "#medication"}
    else:
        found["medicationCodeableConcept"] = concept(text=context.order_text or "not scanned; see the order")
    if record.status in _RUNNING:
        found["effectivePeriod"] = {"start": moment(record.effective_at)}
    else:
        found["effectiveDateTime"] = moment(record.effective_at)
    if record.order:
        found["request"] = reference("MedicationRequest", context.system("order"), record.order, context.literals.get("order"))
    if "encounter" in context.literals:
        found["context"] = {"reference": context.literals["encounter"]}
    if record.status in _WITH_REASON:
        found["statusReason"] = [reason(record, context)]
    elif record.status_reason or record.reason_text:
        found["note"] = [{"text": text(" - ".join(part for part in (record.status_reason, record.reason_text) if part))}]
    if record.prn_reason:
        found["reasonCode"] = [concept(coding(context.system("prn-reason"), record.prn_reason), text=text(record.prn_reason))]
    dosage = _dosage(record, context)
    if dosage and record.status != "not-done":
        found["dosage"] = dosage
    if issue_urls:
        found["supportingInformation"] = [{"reference": url} for url in issue_urls]
    return found


def medication(record: AdministrationRecord, context: MappingContext) -> Json:
    codings = []
    if record.gtin:
        codings.append(coding(GTIN, record.gtin))
    if record.product:
        codings.append(coding(context.system("product"), record.product))
    found: Json = {
        "resourceType": "Medication",
        "id": "medication",
        "code": concept(*codings, text=text(record.product_name or record.product or record.gtin or "")),
    }
    if record.serial:
        found["identifier"] = [{"system": context.system("serial"), "value": text(record.serial)}]
    batch: Json = {}
    if record.lot:
        batch["lotNumber"] = text(record.lot)
    if record.expiry:
        batch["expirationDate"] = record.expiry.isoformat()
    if batch:
        found["batch"] = batch
    return found


def _dosage(record: AdministrationRecord, context: MappingContext) -> Json | None:
    found: Json = {}
    ratio = rate(record.dose) if record.dose is not None else None
    if record.rate is not None:
        found["rateQuantity"] = quantity(record.rate)
    elif ratio:
        found["rateRatio"] = ratio
    if record.dose is not None and not ratio and (record.rate is None or record.status not in _RUNNING):
        found["dose"] = quantity(record.dose)  # what runs has not been given yet
    if not found:  # FHIR mad-1: a dosage without dose or rate is not valid; the route then stands in the evidence
        return None
    if record.route:
        codings = [coding(context.system("route"), record.route)]
        if record.route in ROUTE_CODES:
            codings.insert(0, coding(ROUTES, record.route))
        found["route"] = concept(*codings, text=text(record.route))
    if record.site:
        found["site"] = concept(text=text(record.site))
    return found


def performers(record: AdministrationRecord, context: MappingContext) -> list[Json]:
    functions = [("performer", record.nurse)]
    if record.witness:
        functions.append(("witness" if record.waste is not None else "verifier", record.witness))
    return [
        {
            "function": concept(coding(f"{_TERMINOLOGY}med-admin-perform-function", function)),
            "actor": reference("Practitioner", context.system("staff"), person, context.literals.get(person)),
        }
        for function, person in functions
    ]


def reason(record: AdministrationRecord, context: MappingContext) -> Json:
    codings = [coding(context.system("reason"), record.status_reason)] if record.status_reason else []
    words = record.reason_text or record.status_reason
    if not words:  # FHIR allows it missing; said openly it reaches the reader, and is not taken for a mapping fault
        return concept(_UNKNOWN)
    return concept(*codings, text=text(words))


def issues_of(record: AdministrationRecord, context: MappingContext) -> list[Json]:
    """An entry for each finding that something was given in spite of."""
    return [issue(record, context, finding, place) for place, finding in enumerate(answered(record), start=1)]


def answered(record: AdministrationRecord) -> list[FindingEvidence]:
    """The findings that something was given in spite of."""
    if record.status == "not-done":
        return []
    return [finding for finding in record.findings if finding.level in _SEVERITY]


def issue(record: AdministrationRecord, context: MappingContext, finding: FindingEvidence, place: int) -> Json:
    codings = [coding(context.system("rule"), finding.rule)]
    standard = _ISSUE_CODES.get(finding.rule) or _ISSUE_CODES.get(finding.rule[:1])
    if standard:
        codings.append(coding(f"{_TERMINOLOGY}v3-ActCode", standard))
    resource: Json = {
        "resourceType": "DetectedIssue",
        "status": "final",
        "code": concept(*codings, text=f"Bedside rule {finding.rule}"),
        "severity": _SEVERITY[finding.level],
        "patient": reference("Patient", context.system("patient"), record.mrn, context.literals.get("patient")),
        "identifiedDateTime": moment(record.effective_at),
        "author": reference("Practitioner", context.system("staff"), record.nurse, context.literals.get(record.nurse)),
        "detail": f"{finding.level}, {'answered' if finding.satisfied else 'not answered'} at the bedside"
        + (f"; {text(finding.remedy)}" if finding.remedy else ""),
    }
    implicated = (
        [reference("MedicationRequest", context.system("order"), record.order, context.literals.get("order"))] if record.order else []
    )
    substance = finding.facts.get("substance") if finding.rule in _ALLERGY_RULES else None
    if isinstance(substance, str) and substance:  # by its words: which of the EMR's own entries it is, nobody told us
        implicated.append({"type": "AllergyIntolerance", "display": text(substance)})
    if implicated:
        resource["implicated"] = implicated
    words = " - ".join(part for part in (record.status_reason, record.reason_text) if part)
    if finding.level == "WITNESS" and record.witness:
        resource["mitigation"] = [_mitigation(record, context, "second person at the bedside", record.witness)]
    elif words and finding.satisfied:
        resource["mitigation"] = [_mitigation(record, context, words, record.nurse)]
    return created(record, context, f"ov{place}", resource)


def _mitigation(record: AdministrationRecord, context: MappingContext, words: str, author: str) -> Json:
    return {
        "action": concept(text=text(words)),
        "date": moment(record.effective_at),
        "author": reference("Practitioner", context.system("staff"), author, context.literals.get(author)),
    }


def provenance(record: AdministrationRecord, context: MappingContext, target: str) -> Json:
    staff = context.system("staff")
    agents = [("performer", reference("Practitioner", staff, record.nurse, context.literals.get(record.nurse)))]
    if record.witness:
        agents.append(("verifier", reference("Practitioner", staff, record.witness, context.literals.get(record.witness))))
    agents.append(("assembler", reference("Device", context.system("cart"), record.cart)))
    found: Json = {
        "resourceType": "Provenance",
        "target": [{"reference": target}],
        "occurredDateTime": moment(record.effective_at),
        "recorded": moment(record.recorded_at),
        "agent": [{"type": concept(coding(f"{_TERMINOLOGY}provenance-participant-type", kind)), "who": who} for kind, who in agents],
    }
    if record.order:
        what = reference("MedicationRequest", context.system("order"), record.order, context.literals.get("order"))
        if record.order_version is not None:
            what["display"] = f"version {record.order_version}"
        found["entity"] = [{"role": "source", "what": what}]
    return found


def _withdrawal(record: AdministrationRecord, amended: AdministrationRecord, context: MappingContext) -> Json:
    """The corrected resource, now `entered-in-error`. A pure withdrawal leaves its own identifier on it, to be found by."""
    resource = administration(amended, context)
    resource["status"] = "entered-in-error"
    resource["statusReason"] = [reason(record, context)]
    if record.status == "entered-in-error":
        resource["identifier"].append({"system": context.system("administration"), "value": record.record_id})
    return updated(amended.record_id, context, resource)


def created(record: AdministrationRecord, context: MappingContext, kind: str, resource: Json) -> Json:
    """A conditional create: by identifier where R4 has one to search, else by our tag."""
    mine = tag(record, context, kind)
    resource.setdefault("meta", {"tag": [mine]})
    if kind in BY_IDENTIFIER:
        condition = f"identifier={search(context.system('administration'), record.record_id)}"
        url = urn(record.record_id)
    else:
        condition = f"_tag={search(mine['system'], mine['code'])}"
        url = f"urn:uuid:{uuid5(NAMESPACE_URL, condition)}"
    return {
        "fullUrl": url,
        "resource": resource,
        "request": {"method": "POST", "url": resource["resourceType"], "ifNoneExist": condition},
    }


def updated(record_id: str, context: MappingContext, resource: Json) -> Json:
    """A conditional update of the resource that carries `record_id`: made anew, or changed where it stands."""
    query = f"identifier={search(context.system('administration'), record_id)}"
    return {
        "fullUrl": urn(record_id),
        "resource": resource,
        "request": {"method": "PUT", "url": f"{resource['resourceType']}?{query}"},
    }


def tag(record: AdministrationRecord, context: MappingContext, kind: str) -> Json:
    return coding(context.system("event"), f"{record.record_id}.{kind}")


def urn(record_id: str) -> str:
    try:
        return f"urn:uuid:{UUID(record_id)}"
    except ValueError:
        return f"urn:uuid:{uuid5(NAMESPACE_URL, record_id)}"
