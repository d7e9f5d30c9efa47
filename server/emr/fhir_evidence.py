"""What FHIR R4 has no element for: the evidence of the five rights, and waste, as extensions on the administration.

Pure. The evidence says what was scanned and what each rule answered, so that somebody with only the EMR can see why a dose
was given.
"""

from __future__ import annotations

from pointofcare.administration.record import AdministrationRecord, FindingEvidence
from server.emr.fhir_elements import Json, concept, moment, quantity, reference, text

RIGHTS = ("patient", "drug", "dose", "route", "time")
_BY_LETTER = {"P": "patient", "D": "drug", "G": "drug", "Q": "dose", "T": "time", "N": "time"}
_ROUTE_RULES = frozenset({"D9"})


def right_of(rule: str) -> str | None:
    """Which of the five rights a rule of the catalogue guards; None for the other checks (offline, holds, double check)."""
    return "route" if rule in _ROUTE_RULES else _BY_LETTER.get(rule[:1])


def bedside(record: AdministrationRecord, extensions: str) -> Json:
    """The evidence extension. `extensions` is the base URL of this site's extensions."""
    parts: list[Json] = [
        {"url": "action", "valueCode": record.action},
        {"url": "verdict", "valueCode": record.level},
        {"url": "engine", "valueString": record.engine},
        {"url": "policy", "valueString": record.policy},
        {"url": "chart-version", "valueInteger": record.chart_version},
        {"url": "online", "valueBoolean": record.online},
    ]
    if record.clock_offset_s is not None:
        parts.append({"url": "clock-offset-s", "valueDecimal": round(record.clock_offset_s, 3)})
    if record.order_version is not None:
        parts.append({"url": "order-version", "valueInteger": record.order_version})
    if record.due is not None:
        parts.append({"url": "due", "valueDateTime": moment(record.due)})
    if record.bag:
        parts.append({"url": "bag", "valueString": text(record.bag)})
    if record.drop_factor is not None:
        parts.append({"url": "drops-per-ml", "valueInteger": record.drop_factor})
    if record.site:
        parts.append({"url": "body-site", "valueString": text(record.site)})
    if record.route and record.dose is None:
        parts.append({"url": "route", "valueString": text(record.route)})
    parts += [_scan(scan.identifier, scan.text, moment(scan.at), scan.keyed) for scan in record.scans]
    if record.scans and record.engine:
        parts += [_right(right, record.findings) for right in RIGHTS]
    parts += [_finding(finding) for finding in record.findings]
    return {"url": f"{extensions}bedside-evidence", "extension": parts}


def act(record: AdministrationRecord, extensions: str, staff_system: str) -> Json:
    """One later act on the same administration: a rate that was set, a pause, an end, waste."""
    parts: list[Json] = [
        {"url": "record", "valueString": record.record_id},
        {"url": "action", "valueCode": record.action},
        {"url": "status", "valueCode": record.status},
        {"url": "at", "valueDateTime": moment(record.effective_at)},
        {"url": "by", "valueReference": reference("Practitioner", staff_system, record.nurse)},
        {"url": "verdict", "valueCode": record.level},
    ]
    if record.rate is not None:
        parts.append({"url": "rate", "valueQuantity": quantity(record.rate)})
    if record.drop_factor is not None:
        parts.append({"url": "drops-per-ml", "valueInteger": record.drop_factor})
    if record.bag:
        parts.append({"url": "bag", "valueString": text(record.bag)})
    if record.witness:
        parts.append({"url": "witness", "valueReference": reference("Practitioner", staff_system, record.witness)})
    if record.waste is not None:
        parts.append({"url": "waste", "valueQuantity": quantity(record.waste)})
    if record.returned is not None:
        parts.append({"url": "returned", "valueQuantity": quantity(record.returned)})
    words = record.reason_text or record.status_reason
    if words:
        parts.append({"url": "reason", "valueString": text(words)})
    return {"url": f"{extensions}act", "extension": parts}


def waste(record: AdministrationRecord, extensions: str, staff_system: str) -> Json | None:
    if record.waste is None:
        return None
    parts: list[Json] = [{"url": "quantity", "valueQuantity": quantity(record.waste)}]
    if record.status_reason or record.reason_text:
        parts.append({"url": "reason", "valueCodeableConcept": concept(text=text(record.reason_text or record.status_reason or ""))})
    if record.returned is not None:
        parts.append({"url": "returned", "valueQuantity": quantity(record.returned)})
    if record.witness:
        parts.append({"url": "witness", "valueReference": reference("Practitioner", staff_system, record.witness)})
    return {"url": f"{extensions}waste", "extension": parts}


def _scan(identifier: str, content: str, at: str, keyed: bool) -> Json:
    parts: list[Json] = []
    if identifier:
        parts.append({"url": "symbology", "valueString": text(identifier)})
    if content:
        parts.append({"url": "content", "valueString": text(content)})
    parts += [{"url": "at", "valueDateTime": at}, {"url": "keyed", "valueBoolean": keyed}]
    return {"url": "scan", "extension": parts}


def _right(right: str, findings: tuple[FindingEvidence, ...]) -> Json:
    """`pass`: nothing to ask · `answered`: asked, and a reason or witness given · `open`: given in spite of an open finding."""
    mine = [f for f in findings if right_of(f.rule) == right and f.level not in ("PASS", "NOTE", "WARN")]
    result = "pass" if not mine else "answered" if all(f.satisfied for f in mine) else "open"
    return {"url": "right", "extension": [{"url": "name", "valueCode": right}, {"url": "result", "valueCode": result}]}


def _finding(finding: FindingEvidence) -> Json:
    parts: list[Json] = [
        {"url": "rule", "valueCode": finding.rule},
        {"url": "level", "valueCode": finding.level},
        {"url": "satisfied", "valueBoolean": finding.satisfied},
        {"url": "unknown", "valueBoolean": finding.unknown},
    ]
    if finding.remedy:
        parts.append({"url": "remedy", "valueString": text(finding.remedy)})
    return {"url": "finding", "extension": parts}
