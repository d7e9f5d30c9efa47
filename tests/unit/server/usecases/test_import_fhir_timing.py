"""Every structured shape of a FHIR dosage that real order systems send: computed to the minute, or a draft that says what is unclear."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from pointofcare.orders import timing
from pointofcare.orders.order import DayOfWeek, Order, OrderCategory, OrderStatus
from server.usecases import import_fhir
from server.usecases.import_rows import OrderFound
from server.usecases.standard_times import NONE, StandardTimes

ZONE = "Asia/Ho_Chi_Minh"
START = "2026-03-02T06:00:00+07:00"
TABLE = StandardTimes(
    times={
        "QD": (time(8),), "BID": (time(8), time(20)), "TID": (time(6), time(14), time(22)), "QID": (time(6), time(12), time(18), time(22)),
        "MORN": (time(7),), "HS": (time(21),), "CM": (time(7),), "CD": (time(12),), "CV": (time(18),), "ACM": (time(6, 30),),
    }
)  # fmt: skip


def found(dosage: dict[str, Any], *, standard: StandardTimes = TABLE, strength: dict[str, Any] | None = None, **more: Any) -> OrderFound:
    ingredient = {"itemCodeableConcept": {"text": "prednisolone"}, **({"strength": strength} if strength else {})}
    resource = {
        "resourceType": "MedicationRequest",
        "id": "MR1",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/P1"},
        "contained": [{"resourceType": "Medication", "id": "m", "form": {"text": "tablet"}, "ingredient": [ingredient]}],
        "medicationReference": {"reference": "#m"},
        "authoredOn": START,
        "dosageInstruction": [{"route": {"coding": [{"code": "26643006"}]}, **dosage}],
        **more,
    }
    (row,) = import_fhir.read(
        "b", json.dumps({"resourceType": "Bundle", "entry": [{"resource": resource}]}).encode(), ZONE, standard
    ).orders
    return row


def a_dose(repeat: dict[str, Any] | None = None, *, dose: object = 20, unit: str = "mg", code: str = "", **more: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"repeat": repeat} if repeat is not None else {}
    if code:
        said["code"] = {"coding": [{"code": code}]}
    return {"timing": said, "doseAndRate": [{"doseQuantity": {"value": dose, "code": unit}}], **more}


def clear(dosage: dict[str, Any], **more: Any) -> Order:
    row = found(dosage, **more)
    assert row.clarify == ()
    return row.order


def unclear(dosage: dict[str, Any], **more: Any) -> set[str]:
    row = found(dosage, **more)
    assert row.order.status is OrderStatus.DRAFT
    return {code.removeprefix("clarify-") for code, _ in row.clarify}


def due(order: Order, days: int = 8) -> list[str]:
    begin = datetime.fromisoformat(START).astimezone(UTC)
    zone = timing.zone_of(ZONE)
    return [f"{at.astimezone(zone):%d %H:%M}" for at in timing.due_times(order, ZONE, begin, begin + timedelta(days=days))]


@pytest.mark.parametrize(
    ("dosage", "first"),
    [
        (a_dose(code="BID"), ["02 08:00", "02 20:00", "03 08:00"]),
        (a_dose(code="TID"), ["02 06:00", "02 14:00", "02 22:00"]),
        (a_dose(code="QD"), ["02 08:00", "03 08:00", "04 08:00"]),
        (a_dose(code="AM"), ["02 07:00", "03 07:00", "04 07:00"]),
        (a_dose(code="Q6H"), ["02 06:00", "02 12:00", "02 18:00"]),
        (a_dose(code="QOD"), ["02 08:00", "04 08:00", "06 08:00"]),
        (a_dose({"frequency": 2, "period": 1, "periodUnit": "d"}), ["02 08:00", "02 20:00", "03 08:00"]),
        (a_dose({"frequency": 2, "period": 1, "periodUnit": "d"}, code="BID"), ["02 08:00", "02 20:00", "03 08:00"]),
        (a_dose({"frequency": 1, "period": 2, "periodUnit": "d"}), ["02 08:00", "04 08:00", "06 08:00"]),
        (a_dose({"frequency": 1, "period": 1, "periodUnit": "wk"}), ["02 08:00", "09 08:00"]),
        (a_dose({"when": ["MORN", "HS"]}), ["02 07:00", "02 21:00", "03 07:00"]),
        (a_dose({"when": ["ACM"]}), ["02 06:30", "03 06:30", "04 06:30"]),
        (a_dose({"when": ["AC"], "offset": 30}), ["02 06:30", "02 11:30", "02 17:30"]),
        (a_dose({"when": ["PCV"], "offset": 60, "frequency": 1, "period": 1, "periodUnit": "d"}), ["02 19:00", "03 19:00", "04 19:00"]),
        (a_dose({"when": ["C"]}), ["02 07:00", "02 12:00", "02 18:00"]),
        (a_dose({"dayOfWeek": ["mon", "fri"], "frequency": 1, "period": 1, "periodUnit": "d"}), ["02 08:00", "06 08:00", "09 08:00"]),
        (a_dose({"dayOfWeek": ["tue"]}), ["03 08:00"]),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else "",
)  # fmt: skip
def test_what_names_no_times_is_computed_by_the_hospitals_own_table(dosage: dict[str, Any], first: list[str]) -> None:
    assert due(clear(dosage))[: len(first)] == first


@pytest.mark.parametrize(
    "dosage",
    [
        a_dose(code="BID"),
        a_dose({"frequency": 3, "period": 1, "periodUnit": "d"}),
        a_dose({"when": ["HS"]}),
        a_dose({"dayOfWeek": ["mon"]}),
    ],
)
def test_without_a_table_nothing_is_guessed(dosage: dict[str, Any]) -> None:
    assert "no-times-named" in unclear(dosage, standard=NONE)


@pytest.mark.parametrize(
    ("dosage", "code"),
    [
        (a_dose({"frequency": 3, "period": 1, "periodUnit": "d"}, code="BID"), "times-and-every"),
        (a_dose({"timeOfDay": ["08:00:00"], "when": ["HS"]}), "not-understood"),
        (a_dose({"frequency": 2, "frequencyMax": 4, "period": 1, "periodUnit": "d"}), "not-understood"),
        (a_dose({"frequency": 1, "period": 4, "periodMax": 6, "periodUnit": "h"}), "not-understood"),
        (a_dose({"frequency": 2, "period": 3, "periodUnit": "d"}), "no-times-named"),
        (a_dose({"when": ["ACD"]}), "no-times-named"),
        (a_dose({"when": ["CM"], "frequency": 2, "period": 1, "periodUnit": "d"}), "not-understood"),
        (a_dose({"timeOfDay": ["08:00:00"]}, maxDosePerAdministration={"value": 10, "code": "mg"}), "dose-range"),
        (a_dose({"timeOfDay": ["08:00:00"]}, maxDosePerLifetime={"value": 10, "code": "mg"}), "not-understood"),
        (a_dose({"timeOfDay": ["08:00:00"]}, modifierExtension=[{"url": "x"}]), "not-understood"),
        (a_dose({"timeOfDay": ["08:00:00"]}, unit=""), "dose-unreadable"),
        ({"text": "one when he feels like it"}, "text-only"),
    ],
)
def test_what_says_two_things_or_too_little_is_a_draft_that_names_it(dosage: dict[str, Any], code: str) -> None:
    assert code in unclear(dosage)


def test_a_number_of_doses_ends_with_the_last_of_them() -> None:
    assert due(clear(a_dose({"timeOfDay": ["08:00:00", "20:00:00"], "count": 3}))) == ["02 08:00", "02 20:00", "03 08:00"]
    assert due(clear(a_dose({"frequency": 1, "period": 6, "periodUnit": "h", "count": 4}))) == [
        "02 06:00",
        "02 12:00",
        "02 18:00",
        "03 00:00",
    ]
    once = clear(a_dose({"count": 1}))
    assert (once.category, due(once)) == (OrderCategory.ONCE, ["02 06:00"])


def test_moments_are_single_doses() -> None:
    events = ["2026-03-02T09:00:00+07:00", "2026-03-04T21:30:00+07:00"]
    assert due(clear({**a_dose(), "timing": {"event": events}})) == ["02 09:00", "04 21:30"]
    one = clear({**a_dose(), "timing": {"event": events[:1]}})
    assert (one.category, due(one)) == (OrderCategory.ONCE, ["02 09:00"])
    assert "times-unreadable" in unclear({**a_dose(), "timing": {"event": ["2026-03-02"]}})


def test_as_needed_a_schedule_is_a_limit() -> None:
    often = clear(a_dose({"frequency": 1, "period": 4, "periodMax": 6, "periodUnit": "h"}, asNeededBoolean=True))
    assert often.prn is not None
    assert (often.category, often.prn.min_interval) == (OrderCategory.PRN, timedelta(hours=4))
    daily = clear(a_dose({"frequency": 2, "frequencyMax": 4, "period": 1, "periodUnit": "d"}, asNeededBoolean=True))
    assert daily.prn is not None
    assert str(daily.prn.max_per_24h) == "80 mg"
    less = {"numerator": {"value": 60, "code": "mg"}, "denominator": {"value": 1, "code": "d"}}
    coded = clear(a_dose(code="QID", asNeededCodeableConcept={"text": "pain"}, maxDosePerPeriod=less))
    assert coded.prn is not None
    assert (str(coded.prn.max_per_24h), coded.prn.reasons) == ("60 mg", ("pain",))


def test_a_volume_over_a_time_is_a_rate_and_a_dose_at_its_times_keeps_its_times() -> None:
    running = clear(a_dose({"duration": 30, "durationUnit": "min"}, dose=100, unit="mL"))
    assert (running.category, str(running.rate)) == (OrderCategory.INFUSION, "200 mL/h")
    timed = clear(a_dose({"timeOfDay": ["08:00:00"], "duration": 30, "durationUnit": "min"}, dose=100, unit="mL"))
    assert (timed.category, timed.rate, "30 min" in timed.display) == (OrderCategory.SCHEDULED, None, True)
    told = a_dose({"timeOfDay": ["08:00:00"]}, dose=100, unit="mL")
    told["doseAndRate"][0]["rateQuantity"] = {"value": 50, "code": "mL/h"}
    assert (clear(told).category, str(clear(told).rate)) == (OrderCategory.SCHEDULED, "50 mL/h")


def test_tablets_become_the_amount_of_their_ingredient_where_the_strength_says_so() -> None:
    strength = {"numerator": {"value": 250, "code": "mg"}, "denominator": {"value": 1, "code": "{tablet}"}}
    bare = {**strength, "denominator": {"value": 1, "code": "1"}}
    for each in (strength, bare):
        assert str(clear(a_dose({"timeOfDay": ["08:00:00"]}, dose=2, unit="TAB"), strength=each).dose) == "500 mg"
    assert str(clear(a_dose({"timeOfDay": ["08:00:00"]}, dose=2, unit="TAB")).dose) == "2 {tablet}"


def test_what_was_calculated_beside_what_was_ordered_is_not_a_second_dose() -> None:
    entries = [
        {"type": {"coding": [{"code": code}]}, "doseQuantity": {"value": value, "code": "mg"}}
        for code, value in (("calculated", 7), ("ordered", 5))
    ]
    assert str(clear({"timing": {"repeat": {"timeOfDay": ["08:00:00"]}}, "doseAndRate": entries}).dose) == "5 mg"
    assert "several-instructions" in unclear({"timing": {"repeat": {"timeOfDay": ["08:00:00"]}}, "doseAndRate": entries[:1] * 2})


def test_site_and_method_are_shown_and_days_of_the_week_hold() -> None:
    order = clear(a_dose({"timeOfDay": ["08:00:00"], "dayOfWeek": ["mon"]}, text="x", site={"text": "left arm"}, method={"text": "slowly"}))
    assert ("left arm" in order.display, "slowly" in order.display, order.days_of_week) == (True, True, (DayOfWeek.MON,))
