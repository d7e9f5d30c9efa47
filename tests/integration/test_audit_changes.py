"""What changed is in the audit: before and after, never a name, a PIN or a password."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from pointofcare.people import Allergy, Observation, StaffRole, Weight
from pointofcare.quantity import Quantity
from server.store.tables import AuditRow
from server.store.transaction import reading, transaction
from server.usecases import administrations, discrepancies, orders, patients, pharmacy, recalls, staff
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import (
    AMOXICILLIN,
    CHARGE,
    IMPORT,
    NOW,
    NURSE,
    PHARMACIST,
    PRESCRIBER,
    a_member,
    a_patient,
    a_record,
    an_order,
    gsrn,
    open_ward,
)

CREATED = {"order.place", "administration.record", "attempt.record", "observation.record", "bag.prepare", "emr.sent", "emr.parked"}
# Rows of things that begin or are facts of their own, and rows that may not say more.
WITHOUT = CREATED | {"import.run", "staff.set-password", "staff.change-own-password", "policy.draft", "policy.edit", "pump.reading"}


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        open_ward(patient_count=2)
        yield made


def last(action: str) -> dict[str, Any]:
    with reading() as tx:
        row = tx.session.scalars(select(AuditRow).where(AuditRow.action == action).order_by(AuditRow.id.desc()).limit(1)).one()
        return dict(row.detail)


def test_an_amended_order_says_what_was_and_what_is(app: Flask) -> None:
    with transaction(PRESCRIBER) as tx:
        orders.amend(tx, PRESCRIBER, an_order(dose=Quantity(value=Decimal(250), unit="mg")), version=1, reason="weight")
    told = last("order.amended")
    assert (told["before"]["dose"], told["after"]["dose"], told["patient"], told["reason"]) == ("500 mg", "250 mg", "P1", "weight")
    assert "ingredient" not in told["after"]


def test_a_verification_says_what_it_was_before(app: Flask) -> None:
    with transaction(PHARMACIST) as tx:
        orders.reject(tx, PHARMACIST, "O1", 1, reason="allergy")
    told = last("order.rejected")
    assert (told["before"], told["after"]) == ({"verification": "verified"}, {"verification": "rejected", "comment": "allergy"})


def test_a_stopped_order_says_its_state(app: Flask) -> None:
    with transaction(PRESCRIBER) as tx:
        orders.stop(tx, PRESCRIBER, "O1", 1, reason="done")
    told = last("order.stopped")
    assert (told["before"]["status"], told["after"]["status"]) == ("active", "stopped")


def test_changes_of_a_patient_say_both_and_no_name(app: Flask) -> None:
    with transaction(IMPORT) as tx:
        patients.receive(tx, replace(a_patient(1), name="TRẦN THỊ B", bed="H009"))
    told = last("patient.receive")
    assert (told["before"]["bed"], told["after"]["bed"]) == ("H001", "H009")
    assert "name" in told["also"]
    with transaction(CHARGE) as tx:
        patients.discharge(tx, CHARGE, "P1")
    assert last("patient.discharge")["before"]["ward"] == "NOI-TH"
    with transaction(NURSE) as tx:
        patients.set_allergies(tx, NURSE, "P2", (Allergy(substance="penicillin"),))
        patients.weigh(tx, NURSE, "P2", Weight(value=Quantity.parse("61 kg"), at=NOW))
        patients.observe(tx, NURSE, "P2", Observation(code="potassium", value=Quantity.parse("4 mmol/L"), at=NOW))
    assert last("patient.allergies")["before"]["allergies"][0]["substance"] == "aspirin"
    assert last("patient.weigh")["after"]["weight"]["value"] == "61 kg"
    assert last("patient.observe")["after"]["value"] == "4 mmol/L"


def test_changes_of_staff_say_roles_and_that_a_pin_is_new_but_not_which(app: Flask) -> None:
    with transaction(IMPORT) as tx:
        staff.receive(tx, replace(a_member(NURSE), roles=(StaffRole.NURSE, StaffRole.CHARGE_NURSE), pin_hash="$argon2id$secret"))
    told = last("staff.receive")
    assert (told["before"]["roles"], told["after"]["roles"]) == (["nurse"], ["nurse", "charge-nurse"])
    assert "pin_hash" in told["also"]
    assert "argon2" not in json.dumps(told)


def test_a_recall_and_its_product_say_the_lots_before(app: Flask) -> None:
    with transaction(PHARMACIST) as tx:
        recalls.recall(tx, PHARMACIST, gtin=AMOXICILLIN.gtin, lots=("L9",), reason="glass")
    assert (last("recall.enter")["before"], last("recall.enter")["after"]) == ({"lots": []}, {"lots": ["L9"]})
    assert last("product.receive")["after"]["recalled_lots"] == ["L9"]
    with transaction(IMPORT) as tx:
        pharmacy.receive_product(tx, replace(AMOXICILLIN, name="Amoxicillin 500 mg caps"))
    assert last("product.receive")["before"]["name"] == "Amoxicillin 500 mg"


def test_a_discrepancy_is_settled_from_open(app: Flask) -> None:
    with transaction(IMPORT) as tx:
        administrations.record(tx, a_record(nurse="N-NOBODY"))
    with transaction(CHARGE) as tx:
        discrepancies.resolve(tx, CHARGE, 1, reason="new nurse")
    assert (last("discrepancy.resolve")["before"], last("discrepancy.resolve")["patient"]) == ({"state": "open"}, "P1")


def test_a_dose_says_when_the_cart_says_it_was(app: Flask) -> None:
    with transaction(IMPORT, at=NOW + timedelta(hours=3)) as tx:
        administrations.record(tx, a_record())
    with reading() as tx:
        row = tx.session.scalars(select(AuditRow).where(AuditRow.action == "administration.record")).one()
        assert row.at == NOW + timedelta(hours=3)
        assert row.detail["at"].startswith("2026-03-02T01:05")


def test_every_change_says_before_and_after_and_nobody_is_named(app: Flask) -> None:
    with transaction(CHARGE) as tx:
        patients.print_band(tx, CHARGE, "P1", replace(a_patient(1).bands[0], gsrn=gsrn(7)))
        patients.assign_drawer(tx, cart="c1", drawer=1, patient="P1")
        patients.assign_drawer(tx, cart="c1", drawer=1, patient="P2")
    assert last("drawer.assign")["before"] == {"patient": "P1"}
    with reading() as tx:
        rows = list(tx.session.scalars(select(AuditRow)))
        for row in rows:
            assert row.action in WITHOUT or {"before", "after"} <= set(row.detail), row.action
        told = json.dumps([[row.subject, row.detail] for row in rows], ensure_ascii=False)
    for secret in ("NGUYỄN VĂN", "24-000001", "1958-04-11", "argon2"):
        assert secret not in told, secret
