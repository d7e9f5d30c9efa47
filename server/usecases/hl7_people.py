"""Who a message is about, and where: PID, PV1, AL1, OBX and MRG to the values of an import.

The patient number is where the profile says, and nowhere else. A measured value without its unit or its moment is left out and told, for
one that is taken for fresh decides about a dose. Must never guess who somebody is. Source: HL7 2.5.1 chapters 3.4 and 7.4.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from pointofcare.errors import QuantityError
from pointofcare.labels import cccd
from pointofcare.people import Allergy, AllergyKind, Observation, Weight
from pointofcare.quantity import Quantity
from server.emr.hl7_message import Hl7Error, Message, Segment, moment
from server.usecases import import_fields as fields
from server.usecases.hl7_profile import Profile
from server.usecases.import_fhir import BODY_WEIGHT, LOINC
from server.usecases.import_rows import FieldError

_SEXES = {"M": "male", "F": "female", "O": "other", "A": "other", "U": "unknown", "N": "unknown"}
_SEVERITIES = {"SV": "severe", "MO": "moderate", "MI": "mild"}
_WEIGHTS = frozenset({BODY_WEIGHT, "3141-9", "3142-7"})
# Table 0085: those that hold a result.
_RESULTS = frozenset({"F", "C", "P", "U", ""})
_UNITS = {
    "bpm": "/min",
    "{beats}/min": "/min",
    "1/min": "/min",
    "mmHg": "mm[Hg]",
    "C": "Cel",
    "degC": "Cel",
    "KG": "kg",
    "MMOL/L": "mmol/L",
}
Left = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """`mrn` is the patient number; `ward` None: the message names no place. `allergies` None: it says nothing of them. `left` are fields
    that were not taken: where, and what stood there."""

    mrn: str
    name: str
    birth_date: date | None
    sex: str | None
    national_id: str | None
    has_died: bool
    ward: str | None
    bed: str | None
    visit: str
    patient_class: str
    is_discharged: bool
    allergies: tuple[Allergy, ...] | None
    weight: Weight | None
    observations: tuple[Observation, ...]
    left: tuple[tuple[str, str], ...] = field(default=())


def read(message: Message, profile: Profile, zone: str) -> Person:
    """Raises: Hl7Error."""
    pid = message.first("PID")
    if pid is None:
        raise Hl7Error("hl7-no-patient", "PID")
    left: Left = []
    mrn = number(pid, profile)
    name = _name(pid, profile)
    ward, bed = _place(message.first("PV1"), profile)
    pv1 = message.first("PV1")
    weight, observations = _measured(message, profile, zone, left)
    return Person(
        mrn=mrn,
        name=name,
        birth_date=_day(pid, 7, left),
        sex=_SEXES.get(pid.text(8).upper()),
        national_id=_national(pid, profile),
        has_died=pid.text(30).upper() == "Y",
        ward=ward,
        bed=bed,
        visit=pv1.text(19) if pv1 is not None else "",
        patient_class=pv1.text(2).upper() if pv1 is not None else "",
        is_discharged=pv1 is not None and pv1.has(45),
        allergies=_allergies(message, profile, left),
        weight=weight,
        observations=observations,
        left=tuple(left),
    )


def subject(message: Message, profile: Profile) -> str:
    """The patient number, "" where there is none that can be read: what the items of one patient are kept together by."""
    try:
        pid = message.first("PID")
        return number(pid, profile) if pid is not None else ""
    except Hl7Error:
        return ""


def merged(message: Message, profile: Profile) -> tuple[tuple[str, str], ...]:
    """Of an A40, pairs of patient numbers: the record that goes on, and the one that became part of it. Raises: Hl7Error."""
    found, pid = [], None
    for segment in message.segments:
        if segment.name == "PID":
            pid = segment
        elif segment.name == "MRG":
            if pid is None:
                raise Hl7Error("hl7-no-patient", "PID")
            found.append((number(pid, profile), number(segment, profile, place=1)))
    if not found:
        raise Hl7Error("hl7-no-merge", "MRG")
    return tuple(found)


def number(segment: Segment, profile: Profile, *, place: int | None = None) -> str:
    """The patient number of PID or MRG. Raises: Hl7Error when there is none, or more than one."""
    place = profile.mrn_field if place is None else place
    where = f"{segment.name}-{place}"
    found: list[str] = []
    for repeat in segment.repeats(place):
        if profile.mrn_repetition:
            fits = repeat == profile.mrn_repetition
        else:
            kind, authority = segment.text(place, 5, repeat=repeat), segment.text(place, 4, repeat=repeat)
            # A system that sends one number and no type means that one.
            bare = not kind and len(segment.repeats(place)) == 1
            fits = (kind == profile.mrn_type or bare) and (not profile.mrn_authority or authority in ("", profile.mrn_authority))
        if fits and segment.text(place, repeat=repeat):
            found.append(segment.text(place, repeat=repeat))
    if len(set(found)) != 1:
        fault = "hl7-mrn-missing" if not found else "hl7-mrn-several"
        raise Hl7Error(fault, where, segment.raw(place), type=profile.mrn_type)
    mrn = found[0]
    if len(mrn) > 64 or not mrn.isprintable() or any(sign.isspace() for sign in mrn):
        raise Hl7Error("hl7-mrn-unusable", where, mrn)
    return mrn


def _national(pid: Segment, profile: Profile) -> str | None:
    for repeat in pid.repeats(3):
        value = pid.text(3, repeat=repeat)
        if pid.text(3, 5, repeat=repeat) in profile.national_types and cccd.is_number(value):
            return value
    return None


def _name(pid: Segment, profile: Profile) -> str:
    """The legal name, else the first. Raises: Hl7Error."""
    listed = [repeat for repeat in pid.repeats(5) if pid.text(5, 7, repeat=repeat) in ("L", "")] or list(pid.repeats(5))
    for repeat in listed:
        family, given, middle = (pid.text(5, component, repeat=repeat) for component in (1, 2, 3))
        parts = [family, middle, given] if profile.name_order == "family-first" else [given, middle, family]
        name = " ".join(" ".join(filter(None, parts)).split())
        if name:
            try:
                return fields.text(name)[:200]
            except FieldError as exc:
                raise Hl7Error(exc.reason, "PID-5", name) from exc
    raise Hl7Error("needed", "PID-5")


def _day(pid: Segment, place: int, left: Left) -> date | None:
    text = pid.text(place)[:8]
    if not text:
        return None
    try:
        if len(text) != 8 or not text.isascii() or not text.isdigit():
            raise ValueError(text)
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        left.append((f"PID-{place}", text))  # a year alone is no birth date
        return None


def _place(pv1: Segment | None, profile: Profile) -> tuple[str | None, str | None]:
    """Raises: Hl7Error for a ward that the profile does not know."""
    if pv1 is None or not pv1.has(3):
        return None, None
    code = pv1.text(3, profile.ward_component)
    if not code:
        return None, None
    if profile.wards and code not in profile.wards:
        raise Hl7Error("hl7-ward", "PV1-3", code, profile=profile.name)
    try:
        ward = profile.wards.get(code) or fields.identifier(code)
    except FieldError as exc:
        raise Hl7Error("hl7-ward", "PV1-3", code, profile=profile.name) from exc
    room = pv1.text(3, profile.room_component) if profile.room_component else ""
    bed = pv1.text(3, profile.bed_component) if profile.bed_component else ""
    shown = "-".join(filter(None, [room, bed]))
    return ward, (profile.beds.get("/".join([code, room, bed])) or shown)[:32] or None


def _allergies(message: Message, profile: Profile, left: Left) -> tuple[Allergy, ...] | None:
    """Those that are named; () for "none" alone, None where nothing is said. One that names no substance leaves the list unsaid."""
    named: list[Allergy] = []
    asked = False
    for segment in message.all("AL1"):
        codes = {segment.text(3), segment.text(3, 2), segment.text(3, 4)}
        if codes & set(profile.no_allergy):
            asked = True
            continue
        text = segment.text(3, 2) or segment.text(3, 5) or segment.text(3)
        if not text:
            left.append(("AL1-3", segment.raw(3)))
            return None
        try:
            substance = fields.text(" ".join(text.lower().split()))[:200]
        except FieldError:
            left.append(("AL1-3", text))
            return None
        severity = _SEVERITIES.get(segment.text(4).upper())
        named.append(Allergy(substance=substance, kind=AllergyKind.INGREDIENT, severity=severity))
    return tuple(dict.fromkeys(named)) if named or asked else None


def _measured(message: Message, profile: Profile, zone: str, left: Left) -> tuple[Weight | None, tuple[Observation, ...]]:
    weight: Weight | None = None
    found: dict[tuple[str, datetime], Observation] = {}
    for segment in message.all("OBX"):
        kind = _kind(segment, profile)
        if kind is None or segment.text(11).upper() not in _RESULTS:
            continue
        value, unit = segment.text(5), segment.text(6)
        try:
            amount = Quantity.parse(f"{value} {_UNITS.get(unit, profile.unit(unit))}".strip())
            if not segment.has(14):
                raise ValueError("no moment")
            at, is_exact = moment(segment.text(14), zone, where="OBX-14")
            if not is_exact and kind != "weight":
                raise ValueError("a day alone")
        except (QuantityError, Hl7Error, ValueError):
            left.append((f"OBX-{segment.number}", f"{segment.raw(3)} {value} {unit} {segment.text(14)}"[:200]))
            continue
        if kind != "weight":
            found[kind, at] = Observation(code=kind, value=amount, at=at)
        elif not amount.converts_to("kg") or amount.value <= 0:
            left.append((f"OBX-{segment.number}", f"{value} {unit}"))
        elif weight is None or weight.at < at:
            weight = Weight(value=amount, at=at)
    return weight, tuple(sorted(found.values(), key=lambda one: (one.at, one.code)))


def _kind(segment: Segment, profile: Profile) -> str | None:
    """A code of `OBSERVATION_CODES` or "weight"; None: not one that is used here."""
    for first in (1, 4):
        code = segment.text(3, first)
        if code in profile.observations:
            return profile.observations[code]
        if code in _WEIGHTS:
            return "weight"
        if code in LOINC and LOINC[code] in fields.OBSERVATION_CODES:
            return LOINC[code]
    return None
