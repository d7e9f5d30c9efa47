"""One patient's part of a scenario: the patient, the orders, the record."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pointofcare.orders.order import DayOfWeek, Dosage, Interaction, Order, OrderCategory, OrderStatus, Prn
from pointofcare.people import (
    OBSERVATION_CODES,
    Allergy,
    AllergyKind,
    Band,
    BandStatus,
    Observation,
    Patient,
    PatientStatus,
    SkinResult,
    SkinTest,
    Weight,
)
from pointofcare.scenario.fields import Fields, clock, same
from pointofcare.scenario.values import bounds, happened_at, version
from pointofcare.verdict.facts import Action, HistoryEntry

_ENTRY_STATUS = ("completed", "not-done", "on-hold", "in-progress", "stopped", "entered-in-error")
_SEVERITIES = ("severe", "moderate", "mild")


def patient(fields: Fields) -> Patient:
    listed = fields.raw("allergies") is not None
    allergies = fields.objects("allergies", _allergy)
    return Patient(
        id=fields.required("id"),
        mrn=fields.text("mrn") or "",
        name=fields.text("name") or "",
        birth_date=fields.day("birth_date"),
        sex=fields.text("sex"),
        ward=fields.text("ward"),
        bed=fields.text("bed"),
        status=fields.word("status", PatientStatus),
        transferred_at=fields.instant("transferred_at"),
        weight=fields.object("weight", _weight),
        bands=fields.objects("bands", _band),
        allergies=allergies if listed else None,
        observations=tuple(each for each in fields.objects("observations", _observation) if each is not None),
        skin_tests=_skin_tests(fields) if fields.format > 1 else None,
    )


def _skin_tests(fields: Fields) -> tuple[SkinTest, ...] | None:
    """None where nothing is said of them."""
    if fields.raw("skin_tests") is None:
        return None
    return tuple(each for each in fields.objects("skin_tests", _skin_test) if each is not None)


def _skin_test(fields: Fields) -> SkinTest | None:
    """Without its times or its result it was not read."""
    at, read_at, result = fields.instant("at"), fields.instant("read_at"), fields.word("result", SkinResult)
    if at is None or read_at is None or result is None:
        return None
    return SkinTest(drug=fields.required("drug"), at=at, read_at=read_at, read_by=fields.text("read_by") or "", result=result)


def _weight(weight: Fields) -> Weight | None:
    """Without its value or its time it is not known."""
    value, at = weight.amount("value"), weight.instant("at")
    return Weight(value=value, at=at) if value is not None and at is not None else None


def _band(band: Fields) -> Band:
    return Band(gsrn=band.required("gsrn"), srin=band.text("srin"), status=band.word("status", BandStatus))


def _allergy(allergy: Fields) -> Allergy:
    return Allergy(
        substance=allergy.required("substance"),
        kind=allergy.word("kind", AllergyKind) or AllergyKind.INGREDIENT,
        severity=allergy.choice("severity", _SEVERITIES),
        tolerated_before=allergy.flag("tolerated_before") or False,
    )


def _observation(observation: Fields) -> Observation | None:
    """Without its value or its time it was not measured."""
    code = observation.choice("code", tuple(sorted(OBSERVATION_CODES)))
    if code is None and observation.raw("code") is None:
        observation.faults.note(observation.at("code"), "is missing; say what was measured")
    value, at = observation.amount("value"), observation.instant("at")
    return Observation(code=code or "", value=value, at=at) if value is not None and at is not None else None


def order(fields: Fields) -> Order:
    read = Order(
        id=fields.required("id"),
        version=version(fields, "version") if fields.raw("version") is not None else 1,
        patient=fields.required("patient"),
        ingredient=fields.required("ingredient"),
        form=fields.text("form") or "",
        route=fields.text("route") or "",
        category=fields.word("category", OrderCategory) or OrderCategory.SCHEDULED,
        status=fields.word("status", OrderStatus),
        verified=fields.flag("verified") or False,
        dose=fields.amount("dose"),
        dose_range=bounds(fields, "dose_range"),
        times=fields.texts("times", clock),
        every=_every(fields),
        start=fields.instant("start"),
        end=fields.instant("end"),
        time_critical=fields.flag("time_critical") or False,
        prn=fields.object("prn", _prn),
        rate=fields.amount("rate"),
        additives=fields.texts("additives", same),
        needs_double_check=fields.flag("needs_double_check") or False,
        indication=fields.text("indication"),
        substitution=_substitution(fields),
    )
    return _extended_order(read, fields) if fields.format > 1 else read


def _every(fields: Fields) -> timedelta | None:
    every = fields.duration("every")
    if every is not None and every < timedelta(minutes=1):
        fields.faults.note(fields.at("every"), "must be at least 1 min")
        return None
    return every


def _extended_order(read: Order, fields: Fields) -> Order:
    return replace(
        read,
        days_of_week=fields.texts("days_of_week", _day_of_week),
        dosages=fields.objects("dosages", _dosage),
        rate_range=bounds(fields, "rate_range"),
        own_supply=fields.flag("own_supply") or False,
        counts_days=fields.flag("counts_days") or False,
        interactions=fields.objects("interactions", _interaction),
        clarification=fields.text("clarification") or "",
        display=fields.text("display") or "",
        prescriber=fields.text("prescriber"),
        holds_from=fields.instant("holds_from"),
    )


def _day_of_week(text: str) -> DayOfWeek:
    try:
        return DayOfWeek(text)
    except ValueError:
        raise ValueError(f"{text!r} is not known; use one of: {', '.join(each.value for each in DayOfWeek)}") from None


def _dosage(fields: Fields) -> Dosage:
    return Dosage(
        sequence=version(fields, "sequence"),
        dose=fields.amount("dose"),
        dose_range=bounds(fields, "dose_range"),
        rate=fields.amount("rate"),
        times=fields.texts("times", clock),
        every=_every(fields),
        days_of_week=fields.texts("days_of_week", _day_of_week),
        start=fields.instant("start"),
        end=fields.instant("end"),
        display=fields.text("display") or "",
    )


def _interaction(fields: Fields) -> Interaction:
    return Interaction(
        other=fields.required("other"),
        severity=fields.text("severity") or "",
        reason=fields.required("reason"),
        prescriber=fields.text("prescriber"),
    )


def _substitution(fields: Fields) -> bool:
    found = fields.flag("substitution")
    return True if found is None else found


def _prn(prn: Fields) -> Prn:
    return Prn(reasons=prn.texts("reasons", same), min_interval=prn.duration("min_interval"), max_per_24h=prn.amount("max_per_24h"))


def entry(fields: Fields) -> HistoryEntry:
    status = fields.choice("status", _ENTRY_STATUS)
    if status is None and fields.raw("status") is None:
        fields.faults.note(fields.at("status"), f"is missing; use one of: {', '.join(_ENTRY_STATUS)}")
    read = HistoryEntry(
        order=fields.text("order") or "",
        patient=fields.required("patient"),
        product=fields.text("product"),
        status=status or "completed",
        due=fields.instant("due"),
        at=happened_at(fields),
        dose=fields.amount("dose"),
        lot=fields.text("lot"),
        serial=fields.text("serial"),
        removed_at=fields.instant("removed_at"),
        reason=fields.text("reason"),
    )
    if fields.format == 1:
        return read
    action = fields.word("action", Action)
    return replace(
        read,
        action=action.value if action is not None else None,
        record_id=fields.text("record_id"),
        bag=fields.text("bag"),
        rate=fields.amount("rate"),
        continues=fields.text("continues"),
        site=fields.text("site"),
        prn_reason=fields.text("prn_reason"),
        effect=fields.text("effect"),
        effect_at=fields.instant("effect_at"),
        nurse=fields.text("nurse"),
    )
