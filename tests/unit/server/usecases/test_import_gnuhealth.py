"""Rows of GNU Health as resources: nothing is computed that it does not say, and what contradicts itself is no order."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time
from typing import Any

import pytest

from pointofcare.orders.order import OrderCategory, OrderStatus
from server.emr.tryton import Place, Tryton
from server.feeds.gnuhealth_source import GnuHealthSource
from server.usecases import import_fhir_orders, import_gnuhealth
from server.usecases.import_gnuhealth import Dialect
from server.usecases.import_rows import FieldError, OrderFound
from server.usecases.import_rows import Place as Place_

DIALECT = Dialect(units={"mg": "mg", "unit": "[IU]"})
AT = datetime(2026, 3, 2, 1, tzinfo=UTC)


def row(**changes: object) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "id": 17, "registration": 3, "registration.": {"patient": 5, "state": "hospitalized"},
        "medicament.": {"active_component": "Amoxicillin", "product.": {"name": "Amoxicillin 500"}},
        "start_treatment": AT, "end_treatment": None, "dose": 500.0, "dose_unit.": {"code": "mg"}, "route.": {"code": "PO", "name": "Oral"},
        "form.": {"code": "CAP", "name": "Capsule"}, "qty": 1, "common_dosage.": None, "frequency": 8, "frequency_unit": "hours",
        "frequency_prn": False, "is_active": True, "discontinued": False, "discontinued_reason": None, "course_completed": False,
        "indication.": None,
    }  # fmt: skip
    return {**plain, **changes}


def at(hour: int, **changes: object) -> dict[str, Any]:
    return {"id": hour, "medication": 17, "admin_time": time(hour), "dose": None, "dose_unit.": None, "remarks": None, **changes}


def read(changed: dict[str, Any], *times: dict[str, Any]) -> OrderFound:
    resource = json.loads(json.dumps(import_gnuhealth.order(changed, times, DIALECT)))
    return import_fhir_orders.read(resource, Place_(file="gnuhealth", row=1), {}, "Asia/Ho_Chi_Minh")


def test_an_interval_and_times_of_the_ward_are_read_as_they_stand() -> None:
    assert read(row()).order.every is not None
    found = read(row(frequency=None, frequency_unit=None), at(20), at(8)).order
    assert found.times == (time(8), time(20))
    assert found.status is OrderStatus.ACTIVE


@pytest.mark.parametrize(
    ("changes", "times"),
    [
        ({"qty": 2}, ()),
        ({"qty": 0}, ()),
        ({"dose": 0.0}, ()),
        ({"dose": float("nan")}, ()),
        ({"dose": float("inf")}, ()),
        ({"dose": -5.0}, ()),
        ({"dose": None}, ()),
        ({"dose_unit.": {"code": "g"}}, ()),
        ({"dose_unit.": {"code": "U"}}, ()),
        ({"dose_unit.": None}, ()),
        ({"route.": {"code": "WND", "name": "Wound"}}, ()),
        ({"form.": None}, ()),
        ({"frequency": None}, ()),
        ({"frequency": 0}, ()),
        ({"frequency": -8}, ()),
        ({"common_dosage.": {"code": "307470009", "name": "every 12 hours"}}, ()),
        ({"common_dosage.": {"code": "229799001", "name": "2 times per day"}}, ()),
        ({"frequency": None, "common_dosage.": {"code": "229799001", "name": "2 times per day"}}, ()),
        ({"frequency": None, "common_dosage.": {"code": "225760004", "name": "every other day"}}, ()),
        ({}, (8, 20)),
        ({"frequency": None}, (None,)),
        ({"start_treatment": None}, ()),
    ],
)
def test_what_has_two_meanings_is_a_draft(changes: dict[str, Any], times: tuple[int | None, ...]) -> None:
    listed = [at(8, admin_time=None) if hour is None else at(hour) for hour in times]
    found = read(row(**changes), *listed)
    assert found.order.status is OrderStatus.DRAFT, found.order
    assert found.clarify


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"is_active": False}, OrderStatus.STOPPED),
        ({"is_active": None}, OrderStatus.STOPPED),
        ({"is_active": True, "discontinued": True}, OrderStatus.STOPPED),
        ({"course_completed": True}, OrderStatus.COMPLETED),
        ({"registration.": {"patient": 5, "state": "cancelled"}}, OrderStatus.CANCELLED),
    ],
)
def test_whatever_says_that_it_is_over_wins(changes: dict[str, Any], status: OrderStatus) -> None:
    assert read(row(**changes)).order.status is status
    assert read(row(**changes, qty=2)).order.status is status, "an end is one, whatever else is unclear"


def test_as_needed_keeps_its_interval_as_the_least_one_and_once_is_once() -> None:
    for changes in ({"frequency_prn": True}, {"common_dosage.": {"code": "420449005", "name": "as needed"}}):
        found = read(row(**changes)).order
        assert found.category is OrderCategory.PRN
        assert found.prn is not None
        assert found.prn.min_interval is not None
    stat = read(row(frequency=None, common_dosage={}, **{"common_dosage.": {"code": "422114001", "name": "1 time"}})).order
    assert stat.category is OrderCategory.STAT


def test_other_doses_at_other_times_are_steps() -> None:
    found = read(row(frequency=None), at(8, dose=250.0, **{"dose_unit.": {"code": "mg"}}), at(20)).order
    assert sorted((str(step.dose), step.times) for step in found.dosages) == [("250 mg", (time(8),)), ("500 mg", (time(20),))]
    assert found.status is OrderStatus.ACTIVE


@pytest.mark.parametrize("dose", [{"dose": 250.0}, {"dose": float("nan"), "dose_unit.": {"code": "mg"}}])
@pytest.mark.parametrize("others", [(), (20,)])
def test_a_dose_of_a_time_that_cannot_be_read_is_never_the_orders_own(dose: dict[str, Any], others: tuple[int, ...]) -> None:
    found = read(row(frequency=None), at(8, **dose), *map(at, others))
    assert found.order.status is OrderStatus.DRAFT, found.order
    assert found.order.dose is None or time(8) not in found.order.times
    assert not [step for step in found.order.dosages if step.dose is not None and time(8) in step.times]


@pytest.mark.parametrize(
    ("changes", "times"),
    [
        ({"frequency": None}, [at(8)]),
        ({"frequency": None}, [at(8, dose=250.0, **{"dose_unit.": {"code": "mg"}})]),
        ({"frequency": None}, [at(8, dose=250.0, **{"dose_unit.": {"code": "mg"}}), at(20)]),
        ({"frequency": None, "frequency_prn": True}, [at(8)]),
        ({}, []),
        ({"frequency_prn": True}, []),
    ],
)
def test_once_with_a_time_or_an_interval_is_a_draft_and_never_every_day(changes: dict[str, Any], times: list[dict[str, Any]]) -> None:
    found = read(row(**changes, **{"common_dosage.": {"code": "422114001", "name": "1 time"}}), *times)
    assert found.order.status is OrderStatus.DRAFT, found.order
    assert found.clarify


def test_a_row_that_was_changed_and_changed_back_has_a_version_of_its_own() -> None:
    made = import_gnuhealth.order(row(), (), DIALECT)
    first, later = (import_gnuhealth.versioned(made, written)["meta"]["versionId"] for written in (AT, AT.replace(hour=2)))
    assert first != later
    assert import_gnuhealth.versioned(made, AT)["meta"]["versionId"] == first


def test_a_row_that_breaks_its_reader_keeps_no_other_back_and_is_no_order() -> None:
    source = GnuHealthSource(Tryton(Place(base_url="http://gh", database="h", username="u", password="p")), DIALECT)
    made = source._made("MedicationRequest", row(start_treatment="rubbish", frequency_unit=["x"], form=object()), [at(8, admin_time=3)])
    assert made["resourceType"] == "MedicationRequest"
    broken = source._made("MedicationRequest", row(**{"medicament.": {"active_component": "x", "product.": {"name": "x"}}, "id": 18}), [5])  # type: ignore[list-item]
    assert broken == {
        "resourceType": "MedicationRequest", "id": "gnuhealth-18", "status": "active",
        "subject": {"reference": "Patient/gnuhealth-5"}, "patient": {"reference": "Patient/gnuhealth-5"},
    }  # fmt: skip
    with pytest.raises(FieldError):
        import_fhir_orders.read(broken, Place_(file="gnuhealth", row=1), {}, "Asia/Ho_Chi_Minh")
    source.close()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Khoa Nội 3", "Khoa-Noi-3"), ("Đơn nguyên A/B", "Don-nguyen-A-B"), ("NOI-TH", "NOI-TH"), ("内科", ""), ("x" * 80, "x" * 64)],
)
def test_a_wards_name_is_an_id_that_a_topic_may_hold(name: str, expected: str) -> None:
    assert import_gnuhealth.ward_id(name) == expected


def test_an_allergy_is_what_was_written_beside_it_else_what_its_code_names_else_its_words() -> None:
    plain: dict[str, Any] = {"id": 1, "patient": 5, "pathology.": {"code": "Z88.0", "name": "History of allergy to penicillin"}}
    assert import_gnuhealth.allergy(plain)["code"]["text"] == "penicillin"
    assert import_gnuhealth.allergy({**plain, "short_comment": " Amoxicillin "})["code"]["text"] == "Amoxicillin"
    other = {**plain, "pathology.": {"code": "Z88.1", "name": "Other antibiotic"}}
    assert import_gnuhealth.allergy(other)["code"]["text"] == "Other antibiotic"
    assert import_gnuhealth.allergy({**plain, "status": "h"})["clinicalStatus"]["coding"][0]["code"] == "resolved"
