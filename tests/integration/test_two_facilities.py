"""Two hospitals in one database: whatever names a thing of the other, an address, a form, a list, a file or a message, finds nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask

from pointofcare.errors import ConflictError
from pointofcare.orders.order import OrderCategory
from pointofcare.people import StaffRole
from pointofcare.quantity import Quantity
from pointofcare.wire.messages import CartBirth
from server.app import bare_app
from server.security import sign_in
from server.store import bags as stored_bags
from server.store import discrepancies, emergencies, fleet, outbox, recalls, staff_wards, tasks, views_patients
from server.store.database import db
from server.store.patients import Ward
from server.store.tables.fleet import LeaseDoubtRow
from server.store.tasks import NewTask
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, bags, orders, pharmacy, staff
from server.usecases import patients as patient_verbs
from server.usecases import recalls as recall_verbs
from tests.support import server_ward, web
from tests.support.databases import config_for
from tests.support.server_ward import AMOXICILLIN, IMPORT, a_record

WARD_B = "B-NOI"
ALL = Actor(id="ALL", name="Everything", roles=frozenset(StaffRole))
PRESCRIBER_B = Actor(id="B-D1", name="Doctor of the other", roles=frozenset({StaffRole.PRESCRIBER}))
PHARMACIST_B = Actor(id="B-PH1", name="Pharmacist of the other", roles=frozenset({StaffRole.PHARMACIST}))
NURSE_B = Actor(id="B-N1", name="Nurse of the other", roles=frozenset({StaffRole.NURSE}))
GATEWAY = Actor(id="gateway")
# What must never be seen from here.
SECRETS = ("NGUYỄN VĂN 7", "24-000007", "kept to ourselves", "Nurse of the other", "Doctor of the other")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, dict[str, str]]]:
    directory = tmp_path_factory.mktemp("two")
    with web.ward_app(directory, verified=True) as here:
        with here.app_context(), transaction(IMPORT) as tx:
            staff.receive(tx, server_ward.a_member(ALL))
        there = bare_app(replace(config_for(f"sqlite:///{directory / 'ward.sqlite'}", directory), facility="h2"))
        with there.app_context():
            names = _fill()
            db.session.remove()
            db.engine.dispose()
        yield here, names


@pytest.fixture(autouse=True)
def _fresh_limits(made: tuple[Flask, dict[str, str]]) -> None:
    with made[0].app_context():
        sign_in.limiter.reset()


def _fill() -> dict[str, str]:
    now = datetime.now(UTC)
    with transaction(IMPORT) as tx:
        patient_verbs.open_ward(tx, Ward(id=WARD_B, name="kept to ourselves", timezone="Asia/Ho_Chi_Minh"))
        pharmacy.receive_product(tx, AMOXICILLIN)
        patient_verbs.receive(tx, replace(server_ward.a_patient(7), ward=WARD_B))
        for actor in (PRESCRIBER_B, PHARMACIST_B, NURSE_B):
            staff.receive(tx, server_ward.a_member(actor))
        task = tasks.put(tx, NewTask(kind="dose-request", key="k7", ward=WARD_B, patient="P7", order="O7")).id
        discrepancies.raise_all(tx, [discrepancies.Discrepancy(code="verdict-differs", record_id="r-7", ward=WARD_B, patient="P7")])
        tx.session.add(LeaseDoubtRow(facility=tx.facility, patient="P7", cart="c7", nurse="B-N1", since=now, fence=1, token="t"))
        fleet.put_birth(tx, "c7", CartBirth(versions={}, hardware="test", boot_id="b", epoch="e"))
        home = staff_wards.add(tx, staff="B-N1", ward=WARD_B, kind=staff_wards.SHIFT, until=now + timedelta(hours=5))
        emergency = emergencies.add(tx, patient="P7", ward=WARD_B, code="phone", reason="kept to ourselves", until=now, review_by=now)
    with transaction(PRESCRIBER_B) as tx:
        orders.place(tx, PRESCRIBER_B, server_ward.an_order(7, patient="P7"))
        orders.place(
            tx,
            PRESCRIBER_B,
            server_ward.an_order(
                77, patient="P7", category=OrderCategory.INFUSION, dose=None, times=(), route="IV",
                rate=Quantity(value=Decimal(50), unit="mL/h"), start=now - timedelta(hours=1),
            ),
        )  # fmt: skip
    with transaction(PHARMACIST_B) as tx:
        orders.verify(tx, PHARMACIST_B, "O77", 1)
        orders.question(tx, PHARMACIST_B, "O7", 1, text_="why so much?")
    with transaction(PHARMACIST_B) as tx:
        bag = bags.prepare(tx, PHARMACIST_B, "O77", 1).id
        recall = recall_verbs.recall(tx, PHARMACIST_B, gtin=AMOXICILLIN.gtin, lots=("A1",), reason="kept to ourselves").id
    with transaction(GATEWAY) as tx:
        given = a_record(7, record_id="r-7", facility="h2", ward=WARD_B, nurse="B-N1", recorded_at=now, effective_at=now)
        administrations.record(tx, given, reevaluate=False)
    with reading() as tx:
        (item,) = [one for one in outbox.worklist(tx) if one.record_id == "r-7"]
        (found,) = [one for one in discrepancies.listed(tx) if one.code == "verdict-differs"]
        assert stored_bags.get(tx, bag)
        assert recalls.get(tx, recall)
        question = orders_questions(tx)
    return {
        "patient_id": "P7", "patient": "P7", "order_id": "O77", "bag": bag, "record_id": "r-7", "task_id": str(task), "recall": str(recall),
        "discrepancy": str(found.id), "item": str(item.id), "cart_id": "c7", "cart": "c7", "kind": "administration", "staff_id": "B-N1",
        "question": str(question), "emergency": str(emergency), "membership": str(home), "machine": "c7",
    }  # fmt: skip


def orders_questions(tx) -> int:  # type: ignore[no-untyped-def]
    from server.store import orders as stored

    return stored.questions(tx, ["O7"])[0].id


# What is named by none of the above has tests of its own, or names nothing of a patient.
SKIPPED = {"number", "filename", "rest", "sign_in_id", "session_id", "factor", "key"}


def addresses(app: Flask, names: dict[str, str], method: str) -> list[tuple[str, str]]:
    found = []
    for rule in app.url_map.iter_rules():
        if method in (rule.methods or set()) and rule.arguments and rule.arguments <= set(names):
            with app.test_request_context():
                _, address = rule.build(names, append_unknown=False) or ("", "")
            found.append((rule.endpoint, address))
    return found


def test_every_address_that_names_a_thing_of_the_other_hospital_is_not_found(made: tuple[Flask, dict[str, str]]) -> None:
    app, names = made
    client = web.signed_in(app, ALL)
    # Over FHIR only a token lets somebody in: tests/integration/test_fhir_access.py.
    walked = [(endpoint, address) for endpoint, address in addresses(app, names, "GET") if not endpoint.startswith("fhir.")]
    assert len(walked) >= 15
    for endpoint, address in walked:
        answer = client.get(address)
        assert answer.status_code == 404, (endpoint, address, answer.status_code)
        for secret in SECRETS:
            assert secret not in answer.text, (endpoint, secret)


def test_no_form_or_call_changes_a_thing_of_the_other_hospital(made: tuple[Flask, dict[str, str]]) -> None:
    app, names = made
    client = web.signed_in(app, ALL)
    token = web.token_of(client.get("/").text)
    fields = {
        "csrf_token": token, "reason": "a reason", "text": "a text", "comment": "a comment", "version": "1", "revision": "1",
        "answer": "send", "action": "stop", "use_within": "24", "judged": "justified", "code": "heart-rate", "value": "80",
        "record_id": "8d0cb8f6-4f0e-4f7c-8a53-2ab0a26f2f13", "patient_id": "P7", "patient": "P7", "order": "O7", "ward": WARD_B,
        "staff": "B-N1", "hours": "8", "due": (datetime.now(UTC) - timedelta(hours=1)).isoformat(), "amend": "O7",
        "id": "B-N1", "name": "Taken",
        "roles": "nurse", "active": "yes", "cart": "c7",
    }  # fmt: skip
    before = dump(app)
    for rule in app.url_map.iter_rules():
        if "POST" not in (rule.methods or set()) or not rule.arguments <= set(names) or rule.endpoint in _ELSEWHERE:
            continue
        with app.test_request_context():
            _, address = rule.build(names, append_unknown=False) or ("", "")
        for action in ("stop", "verify", "missing") if rule.arguments else ("stop",):
            answer = client.post(address, data={**fields, "action": action})
            assert answer.status_code < 500, (rule.endpoint, answer.status_code)
            if rule.endpoint.startswith("api."):
                client.post(
                    address,
                    json={"version": 1, "text": "x", "reason": "x", "revision": 1, "answer": "send"},
                    headers={"X-CSRFToken": token},
                )
                break
        after = dump(app)
        assert after == before, rule.endpoint


# Signing out ends the walk; the rest changes only what is one's own or of no facility.
_ELSEWHERE = {"security.logout", "security.login", "home.language", "account.change", "api.token", "audit.verify"}


def dump(app: Flask) -> dict[str, list[str]]:
    """Every row of the other hospital."""
    with app.app_context(), db.engine.connect() as connection:
        return {
            name: sorted(repr(tuple(row)) for row in connection.exec_driver_sql(f'SELECT * FROM "{name}" WHERE facility = ?', ("h2",)))
            for name, table in db.metadata.tables.items()
            if "facility" in table.c and name != "audit"
        }


def test_no_list_or_file_shows_a_thing_of_the_other_hospital(made: tuple[Flask, dict[str, str]]) -> None:
    app, _ = made
    client = web.signed_in(app, ALL)
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or set()) or rule.arguments:
            continue
        for query in ("", f"?ward={WARD_B}&all=yes&q=NGUY&patient=P7&patient_id=P7&amend=O7&order=O7&subject=patient/P7"):
            answer = client.get(rule.rule + query)
            assert answer.status_code < 500, rule.rule
            for secret in SECRETS:
                assert secret.encode() not in answer.data, (rule.rule + query, secret)


def test_an_account_of_the_other_hospital_signs_in_to_nothing_here(made: tuple[Flask, dict[str, str]]) -> None:
    app, _ = made
    client = web.signed_in(app, NURSE_B)
    assert client.get("/ward/").status_code == 302
    assert client.get("/api/v1/patients").status_code == 401


def test_an_import_never_takes_a_person_over_from_the_other_hospital(made: tuple[Flask, dict[str, str]]) -> None:
    app, _ = made
    with app.app_context(), pytest.raises(ConflictError), transaction(IMPORT) as tx:
        staff.receive(tx, server_ward.a_member(NURSE_B, name="Taken over"))


def test_a_record_that_names_the_other_hospitals_people_and_patients_finds_none_of_them(made: tuple[Flask, dict[str, str]]) -> None:
    """A cart of this hospital that says a patient and a nurse of the other: recorded as the fact that it is, with neither known."""
    app, _ = made
    with app.app_context():
        with transaction(GATEWAY) as tx:
            given = a_record(7, record_id="r-cross", ward=server_ward.WARD, nurse="B-N1")
            recorded = administrations.record(tx, given)
        assert "unknown-patient" in {one.code for one in recorded.discrepancies}
        with reading() as tx:
            assert views_patients.get(tx, "P7") is None
