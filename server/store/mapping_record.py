"""An administration record as a row of `administrations`, and as the document that the row and the outbox keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pointofcare.administration.record import AdministrationRecord, FindingEvidence, ScanEvidence
from server.store.driver import Json
from server.store.plain import amount, day, moment, to_amount, to_day, to_moment

_WORDS = (
    "record_id", "facility", "ward", "cart", "patient", "mrn", "order", "order_version", "action", "status", "status_reason",
    "reason_text", "product", "product_name", "gtin", "lot", "serial", "route", "site", "prn_reason", "nurse", "witness", "level",
    "engine", "policy", "chart_version", "online", "clock_offset_s", "lease_fence", "amends",
)  # fmt: skip
# Younger than the first stored documents, which lack them.
_LATER_WORDS = ("continues", "bag", "drop_factor", "effect", "clock_age_s", "witness_cart", "witness_request", "drawer", "drawer_evidence")
_LATER_MOMENTS = ("clock_wall_at", "witnessed_at")
_LATER_AMOUNTS = ("rate", "returned", "blind_value")
_MOMENTS = ("due", "effective_at", "recorded_at")
_AMOUNTS = ("dose", "waste")
_READ: tuple[tuple[tuple[str, ...], Callable[[str], Any]], ...] = ((_MOMENTS, to_moment), (_AMOUNTS, to_amount), (("expiry",), to_day))
_READ_LATER: tuple[tuple[tuple[str, ...], Callable[[str], Any]], ...] = ((_LATER_MOMENTS, to_moment), (_LATER_AMOUNTS, to_amount))
ANSWERED_LEVELS = frozenset({"REASON", "WITNESS", "STOP"})


def finding_document(finding: FindingEvidence) -> dict[str, Any]:
    document: dict[str, Any] = {
        "rule": finding.rule,
        "level": finding.level,
        "satisfied": finding.satisfied,
        "unknown": finding.unknown,
        "facts": dict(finding.facts),
        "remedy": finding.remedy,
        "params": dict(finding.params),
    }
    return document | {"shadow": True} if finding.shadow else document


def scan_document(scan: ScanEvidence) -> dict[str, Any]:
    document: dict[str, Any] = {"identifier": scan.identifier, "text": scan.text, "at": moment(scan.at), "keyed": scan.keyed}
    keyed = {"kind": scan.kind, "second_identifier": scan.second_identifier, "reason": scan.reason}
    return document | {name: value for name, value in keyed.items() if value is not None}


def to_document(record: AdministrationRecord) -> dict[str, Any]:
    document: dict[str, Any] = {name: getattr(record, name) for name in (*_WORDS, *_LATER_WORDS)}
    document |= {name: moment(getattr(record, name)) for name in (*_MOMENTS, *_LATER_MOMENTS)}
    document |= {name: amount(getattr(record, name)) for name in (*_AMOUNTS, *_LATER_AMOUNTS)}
    document["expiry"] = day(record.expiry)
    document["findings"] = [finding_document(finding) for finding in record.findings]
    document["scans"] = [scan_document(scan) for scan in record.scans]
    return document


def from_document(document: Mapping[str, Any]) -> AdministrationRecord:
    """What stands in no field of ours was written by a later version, and is left. Raises: KeyError, ValueError, QuantityError for a
    document that `to_document` did not write."""
    # By our own names and never by those of the document: Python finds a parameter by the name's identity, and else by comparing all.
    values: dict[str, Any] = {name: document[name] for name in _WORDS}
    for name in _LATER_WORDS:
        values[name] = document.get(name)
    for names, read in _READ:
        for name in names:
            values[name] = None if document[name] is None else read(document[name])
    for names, read in _READ_LATER:
        for name in names:
            told = document.get(name)
            values[name] = None if told is None else read(told)
    values["findings"] = tuple([_finding(finding) for finding in document["findings"]])
    values["scans"] = tuple([_scan(scan) for scan in document["scans"]])
    return AdministrationRecord(**values)


def _finding(document: Mapping[str, Any]) -> FindingEvidence:
    return FindingEvidence(
        rule=document["rule"],
        level=document["level"],
        satisfied=document["satisfied"],
        unknown=document["unknown"],
        facts=document["facts"],
        remedy=document["remedy"],
        params=document["params"],
        shadow=document.get("shadow", False),
    )


def _scan(document: Mapping[str, Any]) -> ScanEvidence:
    at = to_moment(document["at"])
    assert at is not None
    return ScanEvidence(
        identifier=document["identifier"],
        text=document["text"],
        at=at,
        keyed=document["keyed"],
        kind=document.get("kind"),
        second_identifier=document.get("second_identifier"),
        reason=document.get("reason"),
    )


def to_row(record: AdministrationRecord, document: Mapping[str, Any] | Json) -> dict[str, Any]:
    """The columns of the row but for those that the server adds: when it came, in which sequence, what the server says. `document` is
    the one of `to_document`."""
    return {
        "record_id": record.record_id,
        "ward": record.ward,
        "cart": record.cart,
        "patient": record.patient,
        "mrn": record.mrn,
        "order": record.order,
        "order_version": record.order_version,
        "due": record.due,
        "action": record.action,
        "status": record.status,
        "status_reason": record.status_reason,
        "product": record.product,
        "product_name": record.product_name,
        "dose": amount(record.dose),
        "lot": record.lot,
        "serial": record.serial,
        "route": record.route,
        "nurse": record.nurse,
        "witness": record.witness,
        "effective_at": record.effective_at,
        "recorded_at": record.recorded_at,
        "amends": record.amends,
        "bag": record.bag,
        "continues": record.continues,
        "rate": amount(record.rate),
        "site": record.site,
        "prn_reason": record.prn_reason,
        "effect": record.effect,
        "level": record.level,
        "overridden": any(finding.satisfied and finding.level in ANSWERED_LEVELS for finding in record.findings),
        "document": document if isinstance(document, Json) else dict(document),
    }
