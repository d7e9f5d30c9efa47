"""One administration as HL7 version 2.5.1: RAS^O17, and a measurement as ORU^R01.

Pure. The record's id is the filler order number (ORC-3) of the act that began it, so that a change of rate, an end and a correction are
about the same one; MSH-10 is drawn from the record's id, so that the same record is the same message however often it is sent. What
HL7 has no honest form for is refused, never bent.
Source: HL7 2.5.1 chapter 4 (RAS, ORC, RXA, RXR; tables 0119, 0322, 0323), chapter 7 (ORU).
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

import hl7

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import EmrRejectedError
from pointofcare.verdict.facts import Action
from server.emr.fhir_mapping import MappingContext, answered
from server.emr.fhir_observation import CODES
from server.emr.hl7_text import ENCODING, composite, day, escaped, moment, number, repeated, segment
from server.emr.port import StartMissingError
from server.store.observations import Measurement

SENDER = "POINTOFCARE"
VERSION = "2.5.1"
# No standard code system says who they are: local tables are named with "99" and letters (chapter 2.A.13).
_OURS = "99POC"
_GTIN = "GTIN"
# Table 0322.
COMPLETE, REFUSED, NOT_GIVEN, PARTIAL = "CP", "RE", "NA", "PA"
# Table 0323.
ADD, CORRECT, DELETE = "A", "U", "D"
_RUNNING = ("in-progress", "on-hold")
_PER_HOUR = "H1"
_ROUTES = {"TOP": "TP", "PR": "PR", "INH": "IH", "NASAL": "NS", "TD": "TD", "NG": "NG"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """To whom messages go: MSH-5, MSH-6, and the facility that sends (MSH-4)."""

    facility: str
    application: str = "EMR"
    receiving_facility: str = ""


def control_id(record_id: str) -> str:
    """MSH-10: 20 characters at most, the same for the same record."""
    return base64.b32encode(hashlib.sha256(record_id.encode()).digest())[:20].decode("ascii")


def to_message(record: AdministrationRecord, context: MappingContext, receiver: Receiver) -> bytes:
    """One message. A correction withdraws the act that it corrects and adds what was so, in this one message.

    Raises: StartMissingError, EmrRejectedError when HL7 has no honest form for it."""
    known = {one.record_id: one for one in (*context.chain, record)}
    segments = [_header(record.record_id, record, receiver, "RAS^O17^RAS_O17"), _patient(record.mrn), _visit(record.ward)]
    if record.amends is not None:
        amended = known.get(record.amends)
        if amended is None:
            raise StartMissingError("the corrected record has not arrived", amends=record.amends)
        segments += _order(amended, known, record, DELETE)
    elif record.status == "entered-in-error":
        raise EmrRejectedError("it withdraws a record that it does not name", remedy="find the record that was meant")
    if record.status != "entered-in-error":
        segments += _order(record, known, record, CORRECT if record.continues is not None else ADD)
    return "".join(f"{line}\r" for line in segments).encode("utf-8")


def _order(about: AdministrationRecord, known: dict[str, AdministrationRecord], told: AdministrationRecord, action: str) -> list[str]:
    """ORC, RXA, RXR and OBX of one act. `told` is the record that says so now."""
    if about.action in (Action.REMOVE, Action.ASSESS) or (about.action == Action.WASTE and about.dose is None):
        raise EmrRejectedError(
            f"HL7 2.5.1 has no message for {about.action!r} on its own",
            remedy="enter it in the EMR by hand: as an administration it would read as one more dose",
            record_id=about.record_id,
        )
    start = _start(about, known)
    lines = [_common(about, start, told), _administration(about, start, told, action)]
    route = about.route or start.route
    if not route:
        raise EmrRejectedError("an administration without a route", remedy="enter it in the EMR by hand", record_id=about.record_id)
    lines.append(segment("RXR", {1: composite(_ROUTES.get(route, route), route, _OURS), 2: composite(about.site)}))
    return lines + _evidence(about)


def _start(about: AdministrationRecord, known: dict[str, AdministrationRecord]) -> AdministrationRecord:
    """The act that began what this one goes on with. Raises: StartMissingError."""
    found, seen = about, {about.record_id}
    while (before := found.continues) is not None:
        if before in seen or before not in known:
            raise StartMissingError("what this record goes on with has not arrived", continues=before)
        seen.add(before)
        found = known[before]
    return found


def _header(record_id: str, said: AdministrationRecord | Measurement, receiver: Receiver, kind: str) -> str:
    fields = {
        1: ENCODING,
        2: SENDER,
        3: escaped(receiver.facility),
        4: escaped(receiver.application),
        5: escaped(receiver.receiving_facility),
        6: moment(said.recorded_at),
        8: kind,
        9: control_id(record_id),
        10: "P",
        11: VERSION,
        14: "AL",
        15: "NE",
        17: "UNICODE UTF-8",
    }
    return segment("MSH", fields)  # MSH-1 is the separator itself, so that each field stands one place before its number


def _patient(mrn: str) -> str:
    return segment("PID", {1: "1", 3: composite(mrn, "", "", "", "MR"), 5: composite("", "", "", "", "", "", "U")})


def _visit(ward: str) -> str:
    return segment("PV1", {1: "1", 2: "I", 3: composite(ward)})


def _common(about: AdministrationRecord, start: AdministrationRecord, told: AdministrationRecord) -> str:
    status = {"in-progress": "IP", "on-hold": "HD", "completed": "CM", "stopped": "DC", "not-done": "CA"}
    if about.action == Action.HOLD and about.status == "not-done":
        state = "HD"
    else:
        state = status.get(about.status, "CM")
    fields = {
        1: "RE",
        2: composite(about.order, "EMR") if about.order else "",
        3: composite(start.record_id, SENDER),
        5: state,
        9: moment(told.recorded_at),
        10: composite(told.nurse),
        18: composite(told.cart, "", _OURS),
    }
    if about.witness:
        fields[11] = composite(about.witness)
    return segment("ORC", fields)


def _administration(about: AdministrationRecord, start: AdministrationRecord, told: AdministrationRecord, action: str) -> str:
    began = start.effective_at if about.status in (*_RUNNING, "stopped", "completed") else about.effective_at
    ended = began if about.status in _RUNNING and about.continues is None else about.effective_at
    amount, unit, per = _amount(about)
    fields = {
        1: "0",
        2: "1" if about.continues is None else "2",  # it only has to differ: the acts' order is that of their times
        3: moment(began),
        4: moment(ended),
        5: _what(about, start),
        6: amount,
        7: unit,
        9: repeated([composite("", one) for one in (about.status_reason, about.reason_text) if one]),
        10: composite(about.nurse),
        11: composite("", "", "", about.ward),
        12: per,
        15: escaped(about.lot or ""),
        16: day(about.expiry) if about.expiry else "",
        20: _completion(about),
        21: action,
        22: moment(told.recorded_at),
    }
    if about.status == "not-done" and (about.status_reason or about.reason_text):
        fields[18] = composite(about.status_reason, about.reason_text or about.status_reason, _OURS)
    if about.prn_reason:
        fields[19] = composite(about.prn_reason, about.prn_reason, _OURS)
    return segment("RXA", {place: text for place, text in fields.items() if text})


def _what(about: AdministrationRecord, start: AdministrationRecord) -> str:
    one = about if about.product or about.gtin else start
    code, system = (one.gtin, _GTIN) if one.gtin else (one.product, _OURS)
    if code is None:
        return composite("NOTSCANNED", "not scanned, see the order", _OURS)
    second = (one.product, one.product_name, _OURS) if one.gtin and one.product else ()
    return composite(code, one.product_name or code, system, *second)


def _amount(about: AdministrationRecord) -> tuple[str, str, str]:
    """RXA-6, RXA-7 and RXA-12. 999 stands for an amount that the record does not have (RXA-6)."""
    if about.status == "not-done":
        return "0", "", ""
    if about.status in _RUNNING:
        rate = about.rate or about.dose
        if rate is None:
            return ("0", "", "") if about.status == "on-hold" else ("999", "", "")
        unit, _, per = rate.unit.rpartition("/")
        if per == "h" and unit:
            return number(rate.value), composite(unit, unit, "UCUM"), _PER_HOUR
        return number(rate.value), composite(rate.unit, rate.unit, "UCUM"), ""
    if about.dose is None:
        return "999", "", ""
    return number(about.dose.value), composite(about.dose.unit, about.dose.unit, "UCUM"), ""


def _completion(about: AdministrationRecord) -> str:
    """RXA-20, of the whole administration."""
    if about.status == "not-done":
        return REFUSED if about.action == Action.REFUSE else NOT_GIVEN
    if about.status in _RUNNING or about.status == "stopped":
        return PARTIAL
    return COMPLETE


def _evidence(about: AdministrationRecord) -> list[str]:
    """What has no field of its own: waste, second person, findings that it was given in spite of, scans."""
    told: list[tuple[str, str, str, str]] = []
    if about.waste is not None:
        told.append(("NM", "WASTE", number(about.waste.value), composite(about.waste.unit, about.waste.unit, "UCUM")))
    if about.witness:
        told.append(("ST", "WITNESS", escaped(about.witness), ""))
    told += [("ST", f"RULE-{one.rule}", escaped(f"{one.level}: {one.remedy}"), "") for one in answered(about)]
    if about.order_version is not None:
        told.append(("NM", "ORDER-VERSION", str(about.order_version), ""))
    if about.serial:
        told.append(("ST", "SERIAL", escaped(about.serial), ""))
    told.append(("ST", "ONLINE", "Y" if about.online else "N", ""))
    return [
        segment(
            "OBX",
            {
                1: str(place),
                2: kind,
                3: composite(code, code, _OURS),
                4: str(place),
                5: value,
                **({6: unit} if unit else {}),
                11: "F",
                14: moment(about.effective_at),
            },
        )
        for place, (kind, code, value, unit) in enumerate(told, start=1)
    ]


def measured_to_message(measured: Measurement, receiver: Receiver) -> bytes:
    """One value as ORU^R01. Raises: EmrRejectedError when nobody knows whose it is."""
    if not measured.mrn:
        raise EmrRejectedError("the patient is not known", remedy="say whose value it is", record_id=measured.record_id)
    loinc, name, _unit, _category = CODES.get(measured.code, ("", measured.code, "", ""))
    code = composite(loinc, name, "LN", measured.code, measured.code, _OURS) if loinc else composite(measured.code, name, _OURS)
    unit = measured.value.unit
    lines = [
        _header(measured.record_id, measured, receiver, "ORU^R01^ORU_R01"),
        _patient(measured.mrn),
        _visit(measured.ward),
        segment("OBR", {1: "1", 3: composite(measured.record_id, SENDER), 4: code, 7: moment(measured.at), 25: "F"}),
        segment(
            "OBX",
            {
                1: "1",
                2: "NM",
                3: code,
                5: number(measured.value.value),
                6: composite(unit, unit, "UCUM"),
                11: "F",
                14: moment(measured.at),
                16: composite(measured.nurse),
            },
        ),
    ]
    return "".join(f"{line}\r" for line in lines).encode("utf-8")


# Fields that the standard wants in each segment that we write (chapters 2, 3, 4 and 7), and the tables of those that have one.
_REQUIRED = {
    "MSH": (1, 2, 9, 10, 11, 12),
    "PID": (3, 5),
    "PV1": (2,),
    "ORC": (1, 3),
    "RXA": (1, 2, 3, 5, 6, 20),
    "RXR": (1,),
    "OBX": (3, 11),
}
_TABLES = {("RXA", 20): {COMPLETE, REFUSED, NOT_GIVEN, PARTIAL}, ("RXA", 21): {ADD, CORRECT, DELETE}, ("ORC", 1): {"RE"}}


def problems(payload: bytes) -> tuple[str, ...]:
    """What a finished message lacks: required fields, codes that are of no table. () for a good one."""
    try:
        message = hl7.parse(payload.decode("utf-8"))
    except (UnicodeDecodeError, hl7.exceptions.HL7Exception) as exc:
        return (f"it cannot be read: {exc}",)
    found = []
    for place, one in enumerate(message, start=1):
        name = str(one[0])
        fields = [str(each) for each in one]
        for number_ in _REQUIRED.get(name, ()):
            if number_ >= len(fields) or not fields[number_]:
                found.append(f"segment {place} {name}-{number_} is missing")
        for (segment_name, number_), allowed in _TABLES.items():
            if segment_name == name and number_ < len(fields) and fields[number_] and fields[number_] not in allowed:
                found.append(f"segment {place} {name}-{number_}: {fields[number_]!r} is not of its table")
    return tuple(found)
