"""Rows of a GNU Health HIS as the FHIR R4 resources that the import reads: patients, stays, allergies and inpatient medications.

Pure. Nothing is computed here that GNU Health does not say: what it says in a way that has no one meaning (two capsules of "250 mg",
"twice a day", a unit called "unit") is handed on as it is, and the import makes a draft of it that names what is unclear. A row's
version is drawn from what it says and from when it was written, so that what was changed and changed back is a version of its own.
"""

from __future__ import annotations

import hashlib
import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from server.emr import tryton
from server.emr.gnuhealth_lines import ORDER_PREFIX as PREFIX

Row = Mapping[str, Any]
Json = dict[str, Any]

# What is asked for of each model. "a.b" is field b of the row that field a names.
PATIENT = (
    "party.ref", "party.name", "party.lastname", "party.dob", "party.gender", "party.deceased", "biological_sex",
)  # fmt: skip
STAY = ("name", "patient", "state", "bed", "bed.ward", "hospitalization_date", "discharge_date")
WARD, BED = ("name",), ("product.name", "ward")
ALLERGY = (
    "patient",
    "pathology.code",
    "pathology.name",
    "short_comment",
    "disease_severity",
    "is_active",
    "status",
    "is_allergy",
    "allergy_type",
)
MEDICATION = (
    "registration", "registration.patient", "registration.state", "medicament.active_component", "medicament.product.name",
    "start_treatment", "end_treatment", "dose", "dose_unit.code", "route.code", "route.name", "form.code", "form.name", "qty",
    "common_dosage.code", "common_dosage.name", "frequency", "frequency_unit", "frequency_prn", "is_active", "discontinued",
    "discontinued_reason", "course_completed",
    "indication.name",
)  # fmt: skip
ADMIN_TIME = ("medication", "admin_time", "dose", "dose_unit.code", "remarks")

_STAYS = {"hospitalized": "in-progress", "done": "finished", "finished": "finished", "cancelled": "cancelled"}
_SEXES = {"m": "male", "f": "female", "u": "unknown", "nd": "unknown", "nb": "other", "other": "other"}
_SEVERITIES = {"1_mi": "mild", "2_mo": "moderate", "3_sv": "severe"}
# ICD-10, personal history of allergy to drugs: the codes that name one class; the others are known by their words alone.
_ICD_SUBSTANCES = {"Z88.0": "penicillin", "Z88.2": "sulfonamide", "Z88.4": "anaesthetic", "Z88.5": "opioid", "Z88.6": "analgesic"}
ROUTES: Mapping[str, str] = {
    "PO": "PO", "IV": "IV", "IM": "IM", "SC": "SC", "SL": "SL", "PR": "PR", "TD": "TD", "NG": "NG", "IH": "INH", "TP": "TOP",
    "AP": "TOP", "NS": "NASAL", "IN": "NASAL",
}  # fmt: skip
# GNU Health has no form for what is injected. "code/route" comes before "code"; else the form's own name.
FORMS: Mapping[str, str] = {f"{code}/{route}": "injection" for code in ("SOL", "LIQ", "PWSO") for route in ("IV", "IM", "SC")}
# Common dosages (SNOMED CT) that say an interval in hours, and those that say only how often a day.
_EVERY_H = {"225750008": 2, "225756002": 4, "307468000": 6, "307469008": 8, "307470009": 12}
_A_DAY = {
    "229797004": 1, "307472001": 1, "396147000": 1, "396142006": 1, "229799001": 2, "229798009": 3, "396145008": 3, "396146009": 3,
    "307439001": 4,
}  # fmt: skip
_AS_NEEDED, _ONCE = "420449005", "422114001"
_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800}


@dataclass(frozen=True, slots=True, kw_only=True)
class Supported:
    """One row of docs/emr-support.md: what is read of a model of GNU Health, and what it does here."""

    resource: str
    element: str
    how: str


SUPPORTED: tuple[Supported, ...] = tuple(
    Supported(resource=resource, element=element, how=how)
    for resource, element, how in (
        (
            "gnuhealth.patient",
            "party: ref (PUID), name, lastname, dob, gender, deceased",
            "the patient, the PUID as number; another birth date or name waits for a person",
        ),
        (
            "gnuhealth.inpatient.registration",
            "state, patient, bed",
            "hospitalized: admitted, in that ward and bed; done, finished: discharged; cancelled: none",
        ),
        (
            "gnuhealth.hospital.ward, .bed",
            "name, ward",
            "names of wards and beds; a ward's id is its name in plain letters",
        ),
        (
            "gnuhealth.patient.disease",
            "is_allergy, allergy_type, pathology Z88, short_comment, disease_severity, status, is_active",
            "an allergy: the remark, else what its ICD-10 code names, else its words; healed or inactive ones are taken away",
        ),
        (
            "gnuhealth.inpatient.medication",
            "medicament: active_component",
            "the ingredients, parted by +",
        ),
        (
            "gnuhealth.inpatient.medication",
            "form, route",
            "by the hospital's table, else by name and code; an unknown route is a draft",
        ),
        (
            "gnuhealth.inpatient.medication",
            "dose, dose_unit",
            "the dose; a unit that is not UCUM and not in the hospital's table is a draft",
        ),
        (
            "gnuhealth.inpatient.medication",
            "qty",
            "1, or a draft: how much 250 mg, x 2 is in all GNU Health does not say",
        ),
        (
            "gnuhealth.inpatient.medication",
            "frequency, frequency_unit, common_dosage",
            "an interval; so many times a day by the hospital's own table, else a draft; what contradicts itself is a draft",
        ),
        (
            "gnuhealth.inpatient.medication",
            "frequency_prn, unit wr, as needed",
            "as needed, the interval as the least one",
        ),
        (
            "gnuhealth.inpatient.medication",
            "admin_times: admin_time, dose, dose_unit, remarks",
            "times of the ward; other doses become steps, one that cannot be read makes a draft",
        ),
        (
            "gnuhealth.inpatient.medication",
            "start_treatment, end_treatment",
            "start and end",
        ),
        (
            "gnuhealth.inpatient.medication",
            "is_active, discontinued, course_completed",
            "whichever says that it is over ends it here at the next look",
        ),
        (
            "gnuhealth.inpatient.medication",
            "indication, discontinued_reason",
            "indication, note",
        ),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What this hospital's GNU Health means by its own codes: units to UCUM, routes and forms to the words of orders and products."""

    units: Mapping[str, str] = field(default_factory=dict)
    routes: Mapping[str, str] = field(default_factory=dict)
    forms: Mapping[str, str] = field(default_factory=dict)


def patient(row: Row) -> Json:
    given, family = str(tryton.at(row, "party", "name") or "").strip(), str(tryton.at(row, "party", "lastname") or "").strip()
    born, sex = tryton.at(row, "party", "dob"), tryton.at(row, "party", "gender") or row.get("biological_sex")
    found: Json = {
        "resourceType": "Patient",
        "id": key(row["id"]),
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": tryton.at(row, "party", "ref")}],
        "name": [{"use": "official", **({"family": family, "given": [given]} if family else {"text": given})}],
    }
    if isinstance(born, date):
        found["birthDate"] = born.isoformat()
    if sex in _SEXES:
        found["gender"] = _SEXES[str(sex)]
    if tryton.at(row, "party", "deceased"):
        found["deceasedBoolean"] = True
    return found


def stay(row: Row) -> Json:
    """Of a registration. One that is only planned or reserved is "planned", which admits nobody."""
    found: Json = {
        "resourceType": "Encounter",
        "id": key(row["id"]),
        "status": _STAYS.get(str(row.get("state")), "planned"),
        "class": {"code": "IMP"},
        "subject": {"reference": f"Patient/{key(row['patient'])}"},
        "period": {"start": _moment(row.get("hospitalization_date"))},
    }
    if isinstance(tryton.at(row, "bed", "ward"), int) and found["status"] in ("in-progress", "finished"):
        found["location"] = [{"status": "active", "location": {"reference": f"Location/{bed_key(row['bed'])}"}}]
    return found


def ward(row: Row) -> Json:
    name = str(row.get("name") or "").strip()
    number = ward_id(name) or f"ward-{row['id']}"
    found: Json = {"resourceType": "Location", "id": ward_key(row["id"]), "physicalType": {"coding": [{"code": "wa"}]}}
    return {**found, "identifier": [{"value": number}], "name": name or number}


def bed(row: Row) -> Json:
    name = str(tryton.at(row, "product", "name") or row["id"]).strip()
    found: Json = {"resourceType": "Location", "id": bed_key(row["id"]), "physicalType": {"coding": [{"code": "bd"}]}, "name": name}
    return found | ({"partOf": {"reference": f"Location/{ward_key(row['ward'])}"}} if isinstance(row.get("ward"), int) else {})


def ward_key(number: object) -> str:
    return f"{PREFIX}ward-{number}"


def bed_key(number: object) -> str:
    return f"{PREFIX}bed-{number}"


def ward_id(name: str) -> str:
    """A ward's name as the id that carts are set up with: "Khoa Nội 3" -> "Khoa-Noi-3"."""
    plain = unicodedata.normalize("NFD", name.replace("đ", "d").replace("Đ", "D"))
    letters = "".join(sign for sign in plain if not unicodedata.combining(sign))
    words = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._") else " " for sign in letters).split()
    return "-".join(words)[:64]


def allergy(row: Row) -> Json:
    """GNU Health has no field for the substance: what was written beside the condition, else what its ICD-10 code names, else its words."""
    code = str(tryton.at(row, "pathology", "code") or "")
    words = (
        str(row.get("short_comment") or "").strip() or _ICD_SUBSTANCES.get(code) or str(tryton.at(row, "pathology", "name") or code).strip()
    )
    ended = row.get("status") == "h" or row.get("is_active") is False
    found: Json = {
        "resourceType": "AllergyIntolerance",
        "id": key(row["id"]),
        "clinicalStatus": {"coding": [{"code": "resolved" if ended else "active"}]},
        "verificationStatus": {"coding": [{"code": "confirmed"}]},
        "code": {"text": words, **({"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": code}]} if code else {})},
        "patient": {"reference": f"Patient/{key(row['patient'])}"},
    }
    severity = _SEVERITIES.get(str(row.get("disease_severity")))
    if severity:
        found["reaction"] = [{"manifestation": [{"text": words}], "severity": severity}]
    return found


def order(row: Row, times: Sequence[Row], dialect: Dialect) -> Json:
    """Of an inpatient medication with its administration times."""
    as_needed = bool(row.get("frequency_prn")) or row.get("frequency_unit") == "wr" or _common(row) == _AS_NEEDED
    once = _common(row) == _ONCE and not times and not _interval_s(row)
    drug = str(tryton.at(row, "medicament", "active_component") or "").strip().lower()
    ingredients = [part.strip() for part in drug.split("+")] if drug else []
    product = str(tryton.at(row, "medicament", "product", "name") or "").strip()
    found: Json = {
        "resourceType": "MedicationRequest",
        "id": key(row["id"]),
        "status": _status(row),
        "intent": "order",
        "priority": "stat" if once else "routine",
        "subject": {"reference": f"Patient/{key(tryton.at(row, 'registration', 'patient'))}"},
        "contained": [
            {
                "resourceType": "Medication",
                "id": "drug",
                "code": {"text": drug or product},
                **(
                    {"ingredient": [{"itemCodeableConcept": {"text": one}} for one in ingredients]}
                    if all(ingredients) and ingredients
                    else {}
                ),
                **({"form": {"text": _form(row, dialect)}} if _form(row, dialect) else {}),
            }
        ],
        "medicationReference": {"reference": "#drug"},
        "authoredOn": _moment(row.get("start_treatment")),
        "dosageInstruction": _dosages(row, times, dialect, as_needed=as_needed, once=once),
    }
    if isinstance(row.get("registration"), int):
        found["encounter"] = {"reference": f"Encounter/{key(row['registration'])}"}
    indication = tryton.at(row, "indication", "name")
    if indication:
        found["reasonCode"] = [{"text": str(indication)}]
    notes = [str(one["remarks"]) for one in times if one.get("remarks")] + [str(row.get("discontinued_reason") or "")]
    if any(notes):
        found["note"] = [{"text": one} for one in notes if one]
    return found


def _status(row: Row) -> str:
    """Whatever says that it is over wins: the three flags are set by hand, one by one."""
    if row.get("discontinued"):
        return "stopped"
    if row.get("course_completed"):
        return "completed"
    if tryton.at(row, "registration", "state") == "cancelled":
        return "cancelled"
    return "active" if row.get("is_active") else "stopped"


def _dosages(row: Row, times: Sequence[Row], dialect: Dialect, *, as_needed: bool, once: bool) -> list[Json]:
    own = _amount(row.get("dose"), tryton.at(row, "dose_unit", "code"), dialect)
    whole: Json = {"text": _said(row, times)}
    if as_needed:
        whole["asNeededBoolean"] = True
    route = str(tryton.at(row, "route", "code") or "")
    whole["route"] = {"text": {**ROUTES, **dialect.routes}.get(route) or str(tryton.at(row, "route", "name") or route)}
    bounds: Json = {
        "boundsPeriod": {
            name: _moment(row[key_]) for name, key_ in (("start", "start_treatment"), ("end", "end_treatment")) if row.get(key_)
        }
    }
    # How much "250 mg, x 2" is in all, GNU Health does not say.
    amount = own if row.get("qty") in (None, 1) else None
    each = [
        (one.get("admin_time"), amount if one.get("dose") is None else _amount(one["dose"], tryton.at(one, "dose_unit", "code"), dialect))
        for one in times
    ]
    timing = _timing(row, [at for at, _ in each], once=once, as_needed=as_needed)
    if each and any(said != amount for _, said in each):
        return [
            {
                **whole,
                "sequence": 1,
                **_with(said),
                "timing": {"repeat": {**bounds, **_timing(row, [at], once=once, as_needed=as_needed, of=len(each)).get("repeat", {})}},
            }
            for at, said in each
        ]
    repeat = {**bounds, **timing.get("repeat", {})}
    return [{**whole, **_with(amount), "timing": {**timing, "repeat": repeat}}]


def _with(amount: Json | None) -> Json:
    return {} if amount is None else {"doseAndRate": [{"doseQuantity": amount}]}


def _timing(row: Row, times: Sequence[object], *, once: bool, as_needed: bool, of: int | None = None) -> Json:
    """`of`: the times are some of so many. What contradicts itself is told as words alone, which no scan can match."""
    interval, a_day = _interval_s(row), _A_DAY.get(_common(row), 0)
    words: Json = {"code": {"text": _often(row)}}
    if _common(row) == _ONCE and (times or interval):
        return words
    from_common = _EVERY_H.get(_common(row), 0) * 3600
    if interval and from_common and interval != from_common:
        return words
    interval = interval or from_common
    if interval and a_day and interval * a_day != 86400:
        return words
    if times:
        if not all(isinstance(at, time) for at in times):
            return words
        number = of or len(times)
        clocks = sorted(at.isoformat(timespec="seconds") for at in times if isinstance(at, time))
        repeat: Json = {"timeOfDay": clocks, "frequency": len(clocks), "period": 1, "periodUnit": "d"}
        if (interval and interval < 86400 and interval * number != 86400) or (a_day and a_day != number):
            return words
        if interval > 86400:
            if interval % 86400 or number != 1:
                return words
            repeat["period"] = interval // 86400
        return {"repeat": repeat}
    if interval:
        hours = Decimal(interval) / 3600
        whole = hours == hours.to_integral_value()
        return {"repeat": {"frequency": 1, "period": int(hours) if whole else interval, "periodUnit": "h" if whole else "s"}}
    if a_day:
        return {"repeat": {"frequency": a_day, "period": 1, "periodUnit": "d"}}
    return {} if once or as_needed else ({"code": {"text": _often(row)}} if _often(row) else {})


def _interval_s(row: Row) -> int:
    number, unit = row.get("frequency"), row.get("frequency_unit")
    return number * _SECONDS[str(unit)] if isinstance(number, int) and number > 0 and unit in _SECONDS else 0


def _common(row: Row) -> str:
    return str(tryton.at(row, "common_dosage", "code") or "")


def _often(row: Row) -> str:
    own = f"{row['frequency']} {row['frequency_unit']}" if row.get("frequency") and row.get("frequency_unit") else ""
    return ", ".join(part for part in (str(tryton.at(row, "common_dosage", "name") or ""), own) if part)


def _said(row: Row, times: Sequence[Row]) -> str:
    """The line as GNU Health shows it."""
    parts = [
        str(tryton.at(row, "medicament", "product", "name") or ""),
        f"{_number(row.get('dose'))} {tryton.at(row, 'dose_unit', 'code') or ''} x {row.get('qty')}",
        str(tryton.at(row, "route", "name") or ""),
        _often(row),
        " ".join(sorted(one["admin_time"].isoformat("minutes") for one in times if isinstance(one.get("admin_time"), time))),
        "PRN" if row.get("frequency_prn") else "",
    ]
    return ", ".join(part.strip() for part in parts if part.strip())[:400]


def _form(row: Row, dialect: Dialect) -> str:
    code, route = str(tryton.at(row, "form", "code") or ""), str(tryton.at(row, "route", "code") or "")
    known = {**FORMS, **dialect.forms}
    return known.get(f"{code}/{route}") or known.get(code) or str(tryton.at(row, "form", "name") or "").lower()


def _amount(number: object, code: object, dialect: Dialect) -> Json | None:
    if not isinstance(number, int | float | Decimal) or isinstance(number, bool) or not code or not math.isfinite(number):
        return None
    value: int | float = int(number) if number == int(number) else float(number)
    unit = dialect.units.get(str(code))
    return {"value": value, "unit": str(code), "code": unit} if unit else {"value": value, "unit": f"?{code}"}


def _number(number: object) -> str:
    return f"{number:g}" if isinstance(number, float) else str(number)


def key(number: object) -> str:
    """The id here of row `number` there."""
    return f"{PREFIX}{number}"


def unreadable(kind: str, row: Row) -> Json:
    """Of a row that cannot be made into more: what it is and whose, so that a person is shown it and what we hold of it is not given."""
    about = row.get("patient") or tryton.at(row, "registration", "patient")
    subject = {"reference": f"Patient/{key(about)}"} if isinstance(about, int) else None
    said = {"subject": subject, "patient": subject} if subject else {}
    return {"resourceType": kind, "id": key(row["id"]), **said, "status": _status(row) if kind == "MedicationRequest" else "unknown"}


def versioned(resource: Json, written_at: datetime | None) -> Json:
    """With a version that is drawn from all that it says, and from when that was written."""
    said = json.dumps(resource, sort_keys=True, ensure_ascii=False, default=str) + str(written_at or "")
    meta = {"versionId": hashlib.sha256(said.encode()).hexdigest()[:32]}
    if written_at is not None:
        meta["lastUpdated"] = written_at.astimezone(UTC).isoformat()
    return {**resource, "meta": meta}


def _moment(at: object) -> str:
    return at.astimezone(UTC).isoformat() if isinstance(at, datetime) else ""
