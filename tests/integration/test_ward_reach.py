"""Whose patients a nurse reaches: those of her wards, as they are now. Another ward is refused, another facility does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import event, select

from pointofcare.orders.order import OrderCategory
from pointofcare.people import StaffRole
from pointofcare.quantity import Quantity
from server.security import sign_in
from server.store import bags as stored_bags
from server.store import discrepancies, emergencies, leases, reach, staff_wards, tasks
from server.store.database import db
from server.store.patients import Ward
from server.store.tables import TaskRow
from server.store.tables.fleet import LeaseDoubtRow
from server.store.tasks import NewTask
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, bags, orders, recalls, staff
from server.usecases import patients as patient_verbs
from tests.support import server_ward, web
from tests.support.server_ward import AMOXICILLIN, CHARGE, IMPORT, NURSE, PHARMACIST, PRESCRIBER, WARD, a_record

OTHER = "NGOAI"
GATEWAY = Actor(id="gateway")
HERE = Actor(id="N-HERE", name="Nurse of the first ward", roles=frozenset({StaffRole.NURSE}))
THERE = Actor(id="N-THERE", name="Nurse of the second ward", roles=frozenset({StaffRole.NURSE}))
CHARGE_THERE = Actor(id="CN-THERE", name="Charge nurse of the second ward", roles=frozenset({StaffRole.CHARGE_NURSE, StaffRole.NURSE}))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("wards"), verified=True) as made:
        with made.app_context():
            _fill(made)
        yield made


@pytest.fixture(autouse=True)
def _fresh_limits(app: Flask) -> None:
    with app.app_context():
        sign_in.limiter.reset()


def _fill(app: Flask) -> None:
    """Patients P1 and P2 in the first ward with a record, a task, a bag and a discrepancy each kind; nobody in the second but P9."""
    now = datetime.now(UTC)
    with transaction(IMPORT) as tx:
        patient_verbs.open_ward(tx, Ward(id=OTHER, name="Ngoại", timezone="Asia/Ho_Chi_Minh"))
        patient_verbs.receive(tx, replace(server_ward.a_patient(9), ward=OTHER))
        for actor in (HERE, THERE, CHARGE_THERE):
            staff.receive(tx, server_ward.a_member(actor))
        staff_wards.add(tx, staff=HERE.id, ward=WARD, kind=staff_wards.HOME)
        staff_wards.add(tx, staff=THERE.id, ward=OTHER, kind=staff_wards.HOME)
        staff_wards.add(tx, staff=CHARGE_THERE.id, ward=OTHER, kind=staff_wards.HOME)
        tasks.put(tx, NewTask(kind="dose-request", key="k1", ward=WARD, patient="P1", order="O1"))
        discrepancies.raise_all(tx, [discrepancies.Discrepancy(code="verdict-differs", record_id="r-1", ward=WARD, patient="P1")])
        tx.session.add(LeaseDoubtRow(facility=tx.facility, patient="P1", cart="c9", nurse="N1", since=now, fence=1, token="t"))
    with transaction(GATEWAY) as tx:
        given = a_record(record_id="r-1", recorded_at=now, effective_at=now, prn_reason="pain")
        administrations.record(tx, given, reevaluate=False)
    drip = server_ward.an_order(
        8, category=OrderCategory.INFUSION, dose=None, times=(), route="IV", rate=Quantity(value=Decimal(50), unit="mL/h"),
        start=now - timedelta(hours=1),
    )  # fmt: skip
    with transaction(PRESCRIBER) as tx:
        orders.place(tx, PRESCRIBER, drip)
    with transaction(PHARMACIST) as tx:
        orders.verify(tx, PHARMACIST, "O8", 1)
    with transaction(PHARMACIST) as tx:
        bags.prepare(tx, PHARMACIST, "O8", 1)
        recalls.recall(tx, PHARMACIST, gtin=AMOXICILLIN.gtin, lots=("A1",), reason="particles")


def _bag(app: Flask) -> str:
    with app.app_context(), reading() as tx:
        return stored_bags.listed(tx, ward=WARD)[0].id


def one_of_each(app: Flask) -> list[str]:
    """Addresses that show a thing of the first ward to whoever holds every permission."""
    return [
        "/patients/P1",
        f"/bags/{_bag(app)}",
        "/bags/prepare/O8",
        "/api/v1/patients/P1",
        "/api/v1/patients/P1/orders",
        "/api/v1/patients/P1/administrations",
        "/api/v1/administrations/r-1",
        "/api/v1/orders/O1",
    ]


def test_a_nurse_reaches_what_is_of_her_ward(app: Flask) -> None:
    client = web.signed_in(app, HERE)
    for address in one_of_each(app):
        assert client.get(address).status_code == 200, address
    assert client.get("/api/v1/patients").json["items"]
    assert client.get("/api/v1/tasks").status_code == 200


@pytest.mark.parametrize("actor", [THERE, CHARGE_THERE], ids=lambda actor: actor.id)
def test_a_thing_of_another_ward_is_refused_page_and_api_alike(app: Flask, actor: Actor) -> None:
    client = web.signed_in(app, actor)
    for address in one_of_each(app):
        answer = client.get(address)
        assert answer.status_code == 403, address
        assert "NGUYỄN VĂN 1" not in answer.text, address


def test_no_list_file_or_search_names_a_patient_of_another_ward(app: Flask) -> None:
    client = web.signed_in(app, CHARGE_THERE)
    for address in (
        "/patients/?all=yes&q=NGUY",
        f"/patients/?ward={WARD}",
        "/ward/",
        f"/ward/?ward={WARD}",
        f"/bags/?ward={WARD}",
        "/work/",
        f"/work/?ward={WARD}",
        f"/work/?view=overdue&ward={WARD}",
        "/work/?view=effects",
        f"/work/variance.csv?ward={WARD}",
        "/work/variance.csv",
        "/review/",
        f"/review/?ward={WARD}",
        "/review/?view=stopped",
        "/controlled/",
        "/controlled/controlled.csv",
        "/recalls/1",
        "/recalls/1/recipients.csv",
        "/emr/",
        "/api/v1/patients?q=NGUY",
        f"/api/v1/patients?ward={WARD}",
        "/api/v1/tasks",
        f"/api/v1/tasks?ward={WARD}",
        "/api/v1/outbox",
    ):
        answer = client.get(address)
        assert answer.status_code == 200, address
        for named in ("NGUYỄN VĂN 1<", 'NGUYỄN VĂN 1"', "24-000001", '"P1"', ",P1,", "/patients/P1"):
            assert named not in answer.text, (address, named)
    assert "NGUYỄN VĂN 9" in client.get("/patients/").text


def test_the_lists_show_to_the_own_charge_nurse_what_they_hide_from_the_other(app: Flask) -> None:
    """What the test above looks for is really there."""
    client = web.signed_in(app, CHARGE)
    shown = "".join(client.get(address).text for address in ("/review/", "/work/variance.csv", "/recalls/1/recipients.csv", "/emr/"))
    assert shown.count("24-000001") >= 3
    assert "c9" in client.get("/review/").text


def test_nothing_of_another_ward_is_changed_by_a_form_or_a_call(app: Flask) -> None:
    bag = _bag(app)
    with app.app_context(), reading() as tx:
        task = tasks.find(tx, "dose-request", "k1")
        assert task is not None
        (found,) = [one for one in discrepancies.listed(tx) if one.code == "verdict-differs"]
    client = web.signed_in(app, CHARGE_THERE)
    token = web.token_of(client.get("/patients/").text)
    for address, fields in (
        ("/patients/P1/observations", {"code": "heart-rate", "value": "80", "record_id": "8d0cb8f6-4f0e-4f7c-8a53-2ab0a26f2f11"}),
        ("/bags/prepare/O8", {"version": "1", "use_within": "24"}),
        (f"/bags/{bag}", {"action": "missing"}),
        (f"/work/{task.id}", {"answer": "sent", "revision": str(task.revision)}),
        ("/work/overdue", {"order": "O1", "due": (datetime.now(UTC) - timedelta(hours=2)).isoformat(), "reason": "npo"}),
        ("/work/records/r-1/withdraw", {"text": "a mistake"}),
        (f"/review/discrepancies/{found.id}", {"reason": "looked"}),
        ("/review/leases/P1/c9", {"reason": "asked"}),
        ("/review/overrides/r-1", {"comment": "fine"}),
    ):
        before = _state(app)
        client.post(address, data={"csrf_token": token, **fields})
        assert _state(app) == before, address


def _state(app: Flask) -> object:
    from sqlalchemy import func, select

    from server.store import tables as rows

    with app.app_context(), reading() as tx:
        counted = [
            tx.session.scalar(select(func.count()).select_from(table))
            for table in (rows.AdministrationRow, rows.ObservationRecordRow, rows.BagRow, rows.TaskStepRow, rows.OverrideReviewRow)
        ]
        doubts = len(leases.doubts(tx))
        open_ones = [one.state for one in discrepancies.listed(tx, state=None)]
        return counted, doubts, open_ones, [bag.state for bag in stored_bags.listed(tx, ward=WARD)]


def test_a_patient_who_is_moved_changes_hands(app: Flask) -> None:
    with app.app_context(), transaction(IMPORT) as tx:
        patient_verbs.receive(tx, replace(server_ward.a_patient(2), ward=OTHER))
    try:
        assert web.signed_in(app, THERE).get("/patients/P2").status_code == 200
        assert web.signed_in(app, HERE).get("/patients/P2").status_code == 403
    finally:
        with app.app_context(), transaction(IMPORT) as tx:
            patient_verbs.receive(tx, server_ward.a_patient(2))


def test_whoever_belongs_to_no_ward_reaches_the_facility_and_whose_ward_ran_out_reaches_nothing(app: Flask) -> None:
    assert web.signed_in(app, NURSE).get("/patients/P1").status_code == 200
    late = Actor(id="N-LATE", name="Late", roles=frozenset({StaffRole.NURSE}))
    with app.app_context(), transaction(IMPORT) as tx:
        staff.receive(tx, server_ward.a_member(late))
        staff_wards.add(
            tx, staff=late.id, ward=WARD, kind=staff_wards.HOME, until=tx.at - timedelta(hours=1), since=tx.at - timedelta(days=9)
        )
    client = web.signed_in(app, late)
    assert client.get("/patients/P1").status_code == 403
    assert client.get("/ward/").status_code == 200
    assert "NGUYỄN" not in client.get("/patients/").text


def test_where_only_one_role_counts_the_others_reach_nothing(app: Flask) -> None:
    """A charge nurse who helps out as a nurse closes no dose and settles nothing there."""
    helper = Actor(id="CN-HELPS", name="Helps", roles=frozenset({StaffRole.CHARGE_NURSE, StaffRole.NURSE}))
    with app.app_context(), transaction(IMPORT) as tx:
        staff.receive(tx, server_ward.a_member(helper))
        staff_wards.add(tx, staff=helper.id, ward=OTHER, kind=staff_wards.HOME)
        staff_wards.add(tx, staff=helper.id, ward=WARD, kind=staff_wards.SHIFT, role="nurse", until=tx.at + timedelta(hours=8))
    client = web.signed_in(app, helper)
    assert client.get("/patients/P1").status_code == 200
    assert "24-000001" not in client.get("/review/").text
    before = _state(app)
    token = web.token_of(client.get("/patients/").text)
    client.post("/review/leases/P1/c9", data={"csrf_token": token, "reason": "asked"})
    assert _state(app) == before


@pytest.mark.parametrize("way", ["helper", "emergency"])
def test_a_charge_nurse_of_elsewhere_withdraws_and_answers_nothing_here(app: Flask, way: str) -> None:
    """Withdrawing and answering take a permission that every nurse holds; what they are about takes the charge nurse of this ward."""
    guest = Actor(id=f"CN-{way.upper()}", name="Guest", roles=frozenset({StaffRole.CHARGE_NURSE, StaffRole.NURSE}))
    with app.app_context(), transaction(IMPORT) as tx:
        staff.receive(tx, server_ward.a_member(guest))
        staff_wards.add(tx, staff=guest.id, ward=OTHER, kind=staff_wards.HOME)
        tasks.put(tx, NewTask(kind="controlled-balance", key=f"b-{way}", ward=WARD, patient="P1"))
        if way == "helper":
            staff_wards.add(tx, staff=guest.id, ward=WARD, kind=staff_wards.SHIFT, role="nurse", until=tx.at + timedelta(hours=8))
    with app.app_context(), transaction(guest) as tx:
        if way == "emergency":
            emergencies.add(
                tx,
                patient="P1",
                ward=WARD,
                code="other",
                reason="asked",
                until=tx.at + timedelta(hours=1),
                review_by=tx.at + timedelta(hours=9),
            )
        task = tx.session.scalars(select(TaskRow.id).where(TaskRow.key == f"b-{way}")).one()
    client = web.signed_in(app, guest)
    token = web.token_of(client.get("/patients/").text)
    assert client.get("/patients/P1").status_code == 200
    before = _state(app)
    client.post("/work/records/r-1/withdraw", data={"csrf_token": token, "text": "looks better without"})
    client.post(f"/work/{task}", data={"csrf_token": token, "answer": "explain", "revision": "1", "text": "it is fine"})
    client.post("/review/overrides/r-1", data={"csrf_token": token, "comment": "fine"})
    client.post("/review/leases/P1/c9", data={"csrf_token": token, "reason": "asked"})
    client.post("/work/overdue", data={"csrf_token": token, "order": "O1", "due": "2026-03-02T01:00:00+00:00", "reason": "refused"})
    assert _state(app) == before


def test_the_own_charge_nurse_does_by_the_same_forms_what_the_other_could_not(app: Flask) -> None:
    """So that the refusals above are of the ward, and not of a form that never worked."""
    own = Actor(id="CN-OWN", name="Own", roles=frozenset({StaffRole.CHARGE_NURSE, StaffRole.NURSE}))
    with app.app_context(), transaction(IMPORT) as tx:
        staff.receive(tx, server_ward.a_member(own))
        staff_wards.add(tx, staff=own.id, ward=WARD, kind=staff_wards.HOME)
        (found,) = [one for one in discrepancies.listed(tx) if one.code == "verdict-differs"]
    client = web.signed_in(app, own)
    token = web.token_of(client.get("/patients/").text)
    for address, fields in (
        ("/patients/P1/observations", {"code": "heart-rate", "value": "80", "record_id": "8d0cb8f6-4f0e-4f7c-8a53-2ab0a26f2f12"}),
        ("/bags/prepare/O8", {"version": "1", "use_within": "24"}),
        (f"/bags/{_bag(app)}", {"action": "missing"}),
        (f"/review/discrepancies/{found.id}", {"reason": "looked"}),
        ("/review/leases/P1/c9", {"reason": "asked"}),
        ("/review/overrides/r-1", {"comment": "fine"}),
        ("/work/records/r-1/withdraw", {"text": "a mistake"}),
    ):
        before = _state(app)
        client.post(address, data={"csrf_token": token, **fields})
        assert _state(app) != before, address


def test_wards_cost_one_statement_a_request_and_lists_none_a_row(app: Flask) -> None:
    client = web.signed_in(app, HERE)
    client.get("/patients/")
    said: list[str] = []
    with app.app_context():
        engine = db.engine

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        client.get("/patients/")
        two = len(said)
        with app.app_context(), transaction(IMPORT) as tx:
            for number in range(20, 40):
                patient_verbs.receive(tx, server_ward.a_patient(number))
        said.clear()
        client.get("/patients/")
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(said) == two
    assert sum("staff_wards" in statement for statement in said) == 1


def test_what_is_about_another_ward_and_no_patient_is_not_reached(app: Flask) -> None:
    there = replace(THERE, wards=frozenset({OTHER}))
    with app.app_context(), reading(there) as tx:
        reach.must_see_thing(tx, ward=OTHER, patient=None, patient_ward=None)
        reach.must_see_thing(tx, ward=None, patient=None, patient_ward=None)
        with pytest.raises(reach.OtherWardError):
            reach.must_see_thing(tx, ward=WARD, patient=None, patient_ward=None)
