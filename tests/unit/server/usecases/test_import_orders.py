"""Orders of every kind from FHIR and CSV: what is read, to the field, and what becomes a draft with its reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from pointofcare.orders import timing
from pointofcare.orders.order import DayOfWeek, Dosage, Order, OrderCategory, OrderStatus
from pointofcare.quantity import Quantity
from server.usecases import import_csv, import_fhir
from server.usecases.import_rows import OrderFound

HANOI, MADRID = "Asia/Ho_Chi_Minh", "Europe/Madrid"
PO = {"coding": [{"system": "http://snomed.info/sct", "code": "26643006"}]}
IV = {"coding": [{"system": "http://snomed.info/sct", "code": "47625008"}]}
START = "2026-03-02T06:00:00+07:00"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def mg(value: object, code: str = "mg") -> dict[str, object]:
    return {"value": value, "code": code}


def dosage(dose: object = 20, **changes: Any) -> dict[str, Any]:
    """One dosageInstruction; `repeat` and `rate` are short for their places."""
    repeat = changes.pop("repeat", {"timeOfDay": ["08:00:00"]})
    entry = {"doseQuantity": mg(dose)} if dose is not None else {}
    entry |= changes.pop("amounts", {})
    return {"route": PO, "timing": {"repeat": repeat}, "doseAndRate": [entry], **changes}


def found(*dosages: dict[str, Any], zone: str | None = HANOI, **changes: Any) -> OrderFound:
    resource = {
        "resourceType": "MedicationRequest",
        "id": "MR1",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/P1"},
        "medicationReference": {"reference": "Medication/M1"},
        "authoredOn": START,
        "dosageInstruction": list(dosages),
        **changes,
    }
    medication = {"resourceType": "Medication", "id": "M1", "code": {"text": "prednisolone"}, "form": {"text": "tablet"}}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": medication}, {"resource": resource}]}
    read = import_fhir.read("bundle.json", json.dumps(bundle).encode(), zone)
    (row,) = read.orders
    return row


def clear(*dosages: dict[str, Any], **changes: Any) -> Order:
    row = found(*dosages, **changes)
    assert row.clarify == ()
    assert row.order.status is OrderStatus.ACTIVE
    return row.order


def codes(row: OrderFound) -> set[str]:
    assert row.order.status is OrderStatus.DRAFT
    return {code.removeprefix("clarify-") for code, _ in row.clarify}


def test_one_instruction_is_the_orders_own() -> None:
    order = clear(dosage(text="1 tablet", additionalInstruction=[{"text": "after food"}, {"coding": [{"display": "with water"}]}]))
    assert (order.dose, order.times, order.dosages) == (Quantity.parse("20 mg"), (time(8),), ())
    assert order.display == "1 tablet; after food; with water"
    assert order.start == at(START)


def test_a_taper_becomes_steps_with_their_bounds() -> None:
    order = clear(
        dosage(20, sequence=1, text="4 tablets", repeat={"timeOfDay": ["08:00:00"], "boundsDuration": mg(5, "d")}),
        dosage(10, sequence=2, repeat={"timeOfDay": ["08:00:00", "20:00:00"], "boundsDuration": mg(1, "wk")}),
        dosage(5, sequence=3, repeat={"frequency": 1, "period": 12, "periodUnit": "h"}),
    )
    assert (order.dose, order.times, order.every) == (None, (), None)
    assert order.dosages == (
        Dosage(sequence=1, dose=Quantity.parse("20 mg"), times=(time(8),), end=at("2026-03-07T06:00:00+07:00"), display="4 tablets"),
        Dosage(sequence=2, dose=Quantity.parse("10 mg"), times=(time(8), time(20)), end=at("2026-03-14T06:00:00+07:00")),
        Dosage(sequence=3, dose=Quantity.parse("5 mg"), every=timedelta(hours=12)),
    )
    assert order.start == at(START)
    assert len(timing.due_times(order, HANOI, at(START), at("2026-03-15T06:00:00+07:00"))) == 5 + 14 + 2
    assert order.category is OrderCategory.SCHEDULED


def test_days_of_a_duration_are_days_of_the_clock_over_a_change_of_it() -> None:
    start = "2027-03-26T08:00:00+01:00"
    bounds = {"timeOfDay": ["08:00:00"], "boundsPeriod": {"start": start}, "boundsDuration": mg(5, "d")}
    order = clear(dosage(repeat=bounds), zone=MADRID)
    assert order.end == at("2027-03-31T08:00:00+02:00")
    assert len(timing.due_times(order, MADRID, at(start), at("2027-05-01T00:00:00Z"))) == 5
    hours = clear(dosage(repeat={**bounds, "boundsDuration": mg(120, "h")}), zone=MADRID)
    assert hours.end == at("2027-03-31T09:00:00+02:00")


def test_bare_dates_are_whole_days_of_the_facility() -> None:
    order = clear(dosage(repeat={"timeOfDay": ["08:00:00"], "boundsPeriod": {"start": "2026-03-03", "end": "2026-03-05"}}))
    assert (order.start, order.end) == (at("2026-03-03T00:00:00+07:00"), at("2026-03-06T00:00:00+07:00"))
    without = found(dosage(repeat={"timeOfDay": ["08:00:00"], "boundsPeriod": {"start": "2026-03-03"}}), zone=None)
    assert codes(without) == {"start-unreadable"}


def test_without_a_zone_days_are_not_counted() -> None:
    row = found(dosage(repeat={"timeOfDay": ["08:00:00"], "boundsDuration": mg(5, "d")}), zone=None)
    assert ("clarify-not-understood", "boundsDuration 5 d") in row.clarify
    assert clear(dosage(repeat={"timeOfDay": ["08:00:00"], "boundsDuration": mg(90, "min")}), zone=None).end == at(
        "2026-03-02T07:30:00+07:00"
    )


def test_morning_and_evening_doses_stand_side_by_side() -> None:
    order = clear(dosage(1), dosage(2, repeat={"timeOfDay": ["20:00:00"]}))
    assert [(step.sequence, str(step.dose)) for step in order.dosages] == [(1, "1 mg"), (1, "2 mg")]


@pytest.mark.parametrize(
    ("repeat", "expected"),
    [
        ({"timeOfDay": ["08:00:00"], "dayOfWeek": ["mon", "thu"]}, ((DayOfWeek.MON, DayOfWeek.THU), None)),
        ({"timeOfDay": ["08:00:00"], "dayOfWeek": ["thu"], "frequency": 1, "period": 1, "periodUnit": "wk"}, ((DayOfWeek.THU,), 7)),
        ({"timeOfDay": ["08:00:00"], "dayOfWeek": ["mon", "thu"], "frequency": 2, "period": 2, "periodUnit": "wk"},
         ((DayOfWeek.MON, DayOfWeek.THU), 14)),
        ({"timeOfDay": ["08:00:00"], "period": 2, "periodUnit": "d", "frequency": 1}, ((), 2)),
        ({"timeOfDay": ["08:00:00"], "period": 1, "periodUnit": "wk"}, ((), 7)),
        ({"timeOfDay": ["08:00:00", "20:00:00"], "period": 1, "periodUnit": "d", "frequency": 2}, ((), None)),
    ],
)  # fmt: skip
def test_days_of_the_week_and_every_few_days(repeat: dict[str, Any], expected: tuple[object, int | None]) -> None:
    order = clear(dosage(repeat=repeat))
    days, every = expected
    assert order.days_of_week == days
    assert order.every == (timedelta(days=every) if every is not None else None)


@pytest.mark.parametrize(
    ("repeat", "code"),
    [
        ({"timeOfDay": ["08:00:00"], "dayOfWeek": ["mon"], "period": 2, "periodUnit": "d"}, "days-and-every"),
        ({"dayOfWeek": ["mon"]}, "no-times-named"),
        ({"frequency": 3, "period": 1, "periodUnit": "d"}, "no-times-named"),
        ({"timeOfDay": ["08:00:00"], "period": 8, "periodUnit": "h"}, "not-understood"),
        ({"timeOfDay": ["08:00:00"], "period": 1.5, "periodUnit": "d"}, "not-understood"),
        ({"timeOfDay": ["08:00:00"], "period": 1, "periodUnit": "mo"}, "not-understood"),
        ({"timeOfDay": ["08:00:00"], "frequency": 3}, "not-understood"),
        ({"timeOfDay": ["08:00:30"]}, "times-unreadable"),
        ({"timeOfDay": ["08:00:00"], "dayOfWeek": ["moonday"]}, "days-of-week-unreadable"),
        ({"timeOfDay": ["08:00:00"], "count": 5, "countMax": 7}, "not-understood"),
        ({"timeOfDay": ["08:00:00"], "when": ["PC"]}, "not-understood"),
        ({"timeOfDay": ["08:00:00"], "boundsRange": {"low": mg(1, "d")}}, "not-understood"),
        ({"timeOfDay": ["08:00:00"], "boundsDuration": {**mg(5, "d"), "comparator": "<"}}, "not-understood"),
        ({"timeOfDay": ["08:00:00"], "boundsDuration": mg(1.5, "d")}, "not-understood"),
        ({"timeOfDay": ["08:00:00"], "boundsDuration": mg(5, "mo")}, "not-understood"),
        ({}, "no-times"),
    ],
)
def test_what_is_not_understood_makes_a_draft(repeat: dict[str, Any], code: str) -> None:
    assert code in codes(found(dosage(repeat=repeat)))


def test_two_amounts_at_one_time_are_a_draft() -> None:
    assert codes(found(dosage(1), dosage(2))) == {"dosages-clash"}
    assert codes(found(dosage(1, sequence=1), dosage(2, sequence=2))) == {"dosage-without-end"}
    assert codes(found(dosage(1, sequence=1), dosage(2, repeat={"timeOfDay": ["20:00:00"]}))) == {"not-understood"}


def test_an_unreadable_step_is_named_with_its_number_and_not_twice() -> None:
    row = found(
        dosage(1), {**dosage(None, repeat={"timeOfDay": ["20:00:00"]}), "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "viên"}}]}
    )
    assert row.clarify == (("clarify-dose-unreadable", "#2: 1 viên"),)
    missing = found(dosage(1), dosage(None, repeat={"timeOfDay": ["20:00:00"]}))
    assert missing.clarify == (("clarify-no-dose", "dosages[1].dose"),)


def test_ranges_and_rates() -> None:
    span = clear(dosage(None, amounts={"doseRange": {"low": mg(2), "high": mg(5)}}))
    assert span.dose_range == (Quantity.parse("2 mg"), Quantity.parse("5 mg"))
    drip = clear({"route": IV, "doseAndRate": [{"rateQuantity": mg(83, "mL/h"), "doseQuantity": mg(500, "mL")}]})
    assert (drip.category, drip.rate, drip.dose) == (OrderCategory.INFUSION, Quantity.parse("83 mL/h"), Quantity.parse("500 mL"))
    ratio = clear({"route": IV, "doseAndRate": [{"rateRatio": {"numerator": mg(1000, "ml"), "denominator": mg(8, "h")}}]})
    assert ratio.rate == Quantity.parse("125 mL/h")
    bounded = clear({"route": IV, "doseAndRate": [{"rateRange": {"low": mg(50, "mL/h"), "high": mg(100, "mL/h")}}]})
    assert (bounded.rate, bounded.rate_range) == (Quantity.parse("50 mL/h"), (Quantity.parse("50 mL/h"), Quantity.parse("100 mL/h")))
    falling = clear(
        {
            "route": IV,
            "sequence": 1,
            "timing": {"repeat": {"boundsDuration": mg(2, "h")}},
            "doseAndRate": [{"rateQuantity": mg(100, "mL/h")}],
        },
        {"route": IV, "sequence": 2, "doseAndRate": [{"rateQuantity": mg(50, "mL/h")}]},
    )
    assert [str(step.rate) for step in falling.dosages] == ["100 mL/h", "50 mL/h"]


@pytest.mark.parametrize(
    "ratio",
    [
        {"numerator": mg(1000, "mL"), "denominator": mg(7, "h")},
        {"numerator": mg(1000, "mL"), "denominator": mg(0, "h")},
        {"numerator": mg(1000, "mL")},
        {"numerator": {**mg(1000, "mL"), "comparator": "<"}, "denominator": mg(8, "h")},
        {"numerator": mg(1000, "mg"), "denominator": mg(8, "mL")},
    ],
)
def test_a_ratio_that_is_no_exact_rate_is_never_rounded(ratio: dict[str, Any]) -> None:
    row = found({"route": IV, "doseAndRate": [{"rateRatio": ratio}]})
    assert row.order.rate is None
    assert codes(row) == {"rate-unreadable"}


def test_as_needed_with_reason_interval_and_daily_maximum() -> None:
    order = clear(
        dosage(
            500,
            repeat={"frequency": 1, "period": 6, "periodUnit": "h"},
            asNeededCodeableConcept={"text": "pain"},
            maxDosePerPeriod={"numerator": mg(2, "g"), "denominator": mg(1, "d")},
        )
    )
    assert order.category is OrderCategory.PRN
    assert order.prn is not None
    assert (order.prn.reasons, order.prn.min_interval, order.prn.max_per_24h) == (("pain",), timedelta(hours=6), Quantity.parse("2 g"))
    mixed = found(dosage(1, asNeededBoolean=True), dosage(2, repeat={"timeOfDay": ["20:00:00"]}))
    assert "not-understood" in codes(mixed)


def test_the_patients_own_medicine_is_marked() -> None:
    assert clear(dosage(), reportedBoolean=True).own_supply
    assert not clear(dosage(), reportedBoolean=False).own_supply
    assert not clear(dosage()).own_supply


def test_two_routes_are_two_orders() -> None:
    row = found(dosage(1), {**dosage(2, repeat={"timeOfDay": ["20:00:00"]}), "route": IV})
    assert codes(row) == {"several-instructions"}
    assert row.order.route == "UNKNOWN"


# CSV.


def row_of(**cells: str) -> OrderFound:
    values = {
        "id": "O1", "patient": "P1", "ingredient": "prednisolone", "form": "tablet", "route": "PO", "category": "scheduled",
        "status": "active", "dose": "", "times": "", "start": START, **cells,
    }  # fmt: skip
    lines = [",".join(values), ",".join(f'"{cell}"' for cell in values.values())]
    read = import_csv.read("orders.csv", "\n".join(lines).encode())
    assert read.problems == ()
    return read.orders[0]


def test_a_csv_row_may_name_days_of_the_week() -> None:
    row = row_of(dose="5 mg", times="08:00|20:00", days_of_week="thu|MON")
    assert row.clarify == ()
    assert row.order.days_of_week == (DayOfWeek.MON, DayOfWeek.THU)
    assert row.order.display == "prednisolone · 5 mg · PO · 08:00 20:00 · mon thu"


def test_a_csv_row_may_hold_a_taper() -> None:
    row = row_of(steps="dose=20 mg, times=08:00, end=2026-03-05T06:00:00+07:00 | dose=10 mg, times=08:00 20:00, days_of_week=mon fri")
    assert row.clarify == ()
    assert row.order.dosages == (
        Dosage(sequence=1, dose=Quantity.parse("20 mg"), times=(time(8),), end=at("2026-03-05T06:00:00+07:00")),
        Dosage(
            sequence=2, dose=Quantity.parse("10 mg"), times=(time(8), time(20)), days_of_week=(DayOfWeek.MON, DayOfWeek.FRI)
        ),
    )  # fmt: skip
    assert row.order.display == "prednisolone · PO · 1. 20 mg 08:00 · 2. 10 mg 08:00 20:00 mon fri"
    together = row_of(steps="sequence=1, dose=1 mg, times=08:00|sequence=1, dose=2 mg, every=8 h, dose_max=3 mg")
    assert together.order.dosages[1].dose_range == (Quantity.parse("2 mg"), Quantity.parse("3 mg"))


def test_a_csv_row_may_be_own_supply_counted_and_bounded() -> None:
    row = row_of(category="infusion", rate="40 mL/h", rate_max="80 mL/h", own_supply="yes", counts_days="yes")
    assert row.clarify == ()
    assert row.order.rate_range == (Quantity.parse("40 mL/h"), Quantity.parse("80 mL/h"))
    assert row.order.own_supply
    assert row.order.counts_days


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"steps": "dose=20 mg times=08:00"}, {"dose-unreadable"}),
        ({"steps": "amount=20 mg"}, {"steps-unreadable", "no-dose"}),
        ({"steps": "dose=20 mg, dose=10 mg"}, {"steps-unreadable", "no-dose"}),
        ({"steps": "dose="}, {"steps-unreadable", "no-dose"}),
        ({"steps": "dose=20 mg, times=8h"}, {"times-unreadable"}),
        ({"steps": "dose=20 mg, times=08:00", "dose": "5 mg"}, {"dosages-and-own"}),
        ({"dose": "5 mg", "times": "08:00", "days_of_week": "moonday"}, {"days-of-week-unreadable"}),
        ({"dose": "5 mg", "times": "08:00", "days_of_week": "mon|mon"}, {"days-of-week-unreadable"}),
        ({"dose": "5 mg", "times": "08:00", "every": "7 h"}, {"times-and-every"}),
        ({"dose": "5 mg", "times": "08:00", "start": ""}, {"no-start"}),
        ({"dose": "5 mg", "times": "08:00", "end": START}, {"ends-before-start"}),
        ({"dose": "5 mg", "every": "30 s"}, {"every-unreadable"}),
        ({"dose": "5 mg", "dose_max": "2 mg", "times": "08:00"}, {"dose-range"}),
        ({"dose": "5 mg", "dose_max": "many", "times": "08:00"}, {"dose-max-unreadable"}),
        ({"dose_max": "5 mg", "times": "08:00"}, {"no-dose"}),
        ({"display": "1 tablet in the morning"}, {"text-only"}),
        ({"dose": "5 %", "times": "08:00"}, {"dose-unit"}),
        ({"category": "infusion", "rate": "83 mL"}, {"rate-unreadable"}),
        ({"category": "infusion", "rate": "83 mL/h", "rate_max": "80 mL/h"}, {"rate-range"}),
        ({"category": "prn", "dose": "5 mg", "times": "08:00"}, {"prn-with-times"}),
        ({"category": "patch", "dose": "1 {patch}"}, {"patch-without-duration"}),
    ],
)
def test_an_unclear_row_is_a_draft_with_its_reason_once(cells: dict[str, str], expected: set[str]) -> None:
    assert codes(row_of(**cells)) == expected
