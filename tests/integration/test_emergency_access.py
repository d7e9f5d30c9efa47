"""Break-glass: a chart outside one's wards opens with a reason, for a time, is marked in the audit, and somebody else judges it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from pointofcare.people import StaffRole
from server.security import sign_in
from server.store import audit, emergencies, staff_wards
from server.store.patients import Ward
from server.store.tables import EmergencyAccessRow, StaffWardRow
from server.store.transaction import Actor, reading, transaction
from server.usecases import imports, staff
from server.usecases import patients as patient_verbs
from tests.support import server_ward, web
from tests.support.server_ward import IMPORT, WARD
from tests.support.web import ADMIN

OTHER = "NGOAI"
NURSE = Actor(id="N-THERE", name="Nurse there", roles=frozenset({StaffRole.NURSE}))
CHARGE_HERE = Actor(id="CN-HERE", name="Charge here", roles=frozenset({StaffRole.CHARGE_NURSE, StaffRole.NURSE}))
CHARGE_THERE = Actor(id="CN-THERE", name="Charge there", roles=frozenset({StaffRole.CHARGE_NURSE, StaffRole.NURSE}))
WHY = {"code": "resuscitation", "reason": "called to the bed for help"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("emergency"), verified=True) as made:
        with made.app_context(), transaction(IMPORT) as tx:
            patient_verbs.open_ward(tx, Ward(id=OTHER, name="Ngoại", timezone="Asia/Ho_Chi_Minh"))
            patient_verbs.receive(tx, replace(server_ward.a_patient(9), ward=OTHER))
            for actor, ward in ((NURSE, OTHER), (CHARGE_HERE, WARD), (CHARGE_THERE, OTHER)):
                staff.receive(tx, server_ward.a_member(actor))
                staff_wards.add(tx, staff=actor.id, ward=ward, kind=staff_wards.HOME)
        yield made


@pytest.fixture(autouse=True)
def _clean(app: Flask) -> None:
    with app.app_context():
        sign_in.limiter.reset()
        with transaction(IMPORT) as tx:
            tx.session.query(EmergencyAccessRow).delete()
            tx.session.query(StaffWardRow).filter(StaffWardRow.kind != staff_wards.HOME).delete()


def rows(app: Flask, **wanted: str) -> list[Any]:
    with app.app_context(), reading() as tx:
        return list(audit.listed(tx, limit=500, **wanted))


def newest(app: Flask) -> emergencies.Emergency:
    with app.app_context(), reading() as tx:
        return emergencies.listed(tx)[-1]


def opened(app: Flask, actor: Actor = NURSE, patient: str = "P1", **fields: str) -> Any:
    client = web.signed_in(app, actor)
    web.post(client, f"/emergency/open/{patient}", f"/emergency/open/{patient}", **{**WHY, **fields})
    return client


def test_a_reason_opens_one_chart_and_no_other(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    refused = client.get("/patients/P1")
    assert refused.status_code == 403
    assert "/emergency/open/P1" in refused.text
    assert "NGUYỄN VĂN 1" not in client.get("/emergency/open/P1").text
    answer = web.post(client, "/emergency/open/P1", "/emergency/open/P1", **WHY)
    assert "NGUYỄN VĂN 1" in answer.text
    assert "Emergency access until" in answer.text
    assert client.get("/patients/P2").status_code == 403
    assert "NGUYỄN VĂN 2" not in client.get("/patients/").text
    assert "Emergency access until" in client.get("/work/").text


@pytest.mark.parametrize("fields", [{"code": "curiosity"}, {"code": ""}, {"reason": "  "}, {"reason": "abc"}])
def test_without_a_reason_it_stays_shut(app: Flask, fields: dict[str, str]) -> None:
    client = opened(app, **fields)
    assert client.get("/patients/P1").status_code == 403
    assert rows(app, actor=NURSE.id)[0].action != "emergency.open"


def test_it_ends_by_itself_and_by_hand(app: Flask) -> None:
    client = opened(app)
    assert client.get("/patients/P1").status_code == 200
    with app.app_context(), transaction(IMPORT) as tx:
        tx.session.execute(update(EmergencyAccessRow).values(until=tx.at - timedelta(seconds=1)))
    assert client.get("/patients/P1").status_code == 403
    again = opened(app)
    web.post(again, f"/emergency/{newest(app).id}/end", "/")
    assert again.get("/patients/P1").status_code == 403


def test_each_look_under_it_is_marked_and_the_reviewer_sees_them(app: Flask) -> None:
    client = opened(app)
    before = {line.id for line in rows(app)}
    client.get("/patients/P1")
    client.get("/api/v1/patients/P1/orders")
    client.get("/patients/P9")
    made = [line for line in rows(app) if line.id not in before]
    assert [line.detail.get("emergency") for line in reversed(made)] == [["P1"], ["P1"], None]
    page = web.signed_in(app, CHARGE_HERE).get(f"/emergency/{newest(app).id}").text
    assert "called to the bed for help" in page
    assert page.count("patient/P1") >= 2
    assert "patient/P9" not in page


def test_looks_are_not_hidden_behind_many_others(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening harmless pages by the hundred first must not push the chart out of what the reviewer sees."""
    monkeypatch.setattr(emergencies, "MOST_LOOKS", 3)
    client = opened(app)
    for _ in range(4):
        client.get("/patients/P9")
    client.get("/api/v1/patients/P1/orders")
    with app.app_context(), reading() as tx:
        assert [look.subject for look in emergencies.looks(tx, emergencies.listed(tx)[-1])] == ["patient/P1", "patient/P1"]


def test_a_guest_at_a_cart_does_not_take_herself_off_the_wards_page(app: Flask) -> None:
    with app.app_context(), transaction(IMPORT) as tx:
        seen = staff_wards.add(tx, staff=NURSE.id, ward=WARD, kind=staff_wards.AT_CART, until=tx.at + timedelta(hours=12), reason="c1")
    client = web.signed_in(app, NURSE)
    own = client.get("/ward-staff/own").text
    assert f"/ward-staff/{seen}/end" not in own
    client.post(f"/ward-staff/{seen}/end", data={"csrf_token": web.token_of(own)})
    with app.app_context(), reading() as tx:
        assert staff_wards.get(tx, seen) is not None


def test_the_charge_nurse_of_the_patients_ward_judges_once_and_nobody_judges_the_own(app: Flask) -> None:
    opened(app)
    found = newest(app)
    foreign = web.signed_in(app, CHARGE_THERE)
    assert foreign.get(f"/emergency/{found.id}").status_code == 403
    assert WHY["reason"] not in foreign.get("/emergency/").text
    opened(app, CHARGE_THERE, reason="covering the ward tonight")
    with app.app_context(), transaction(IMPORT) as tx:
        staff_wards.add(tx, staff=CHARGE_THERE.id, ward=WARD, kind=staff_wards.SHIFT, until=tx.at + timedelta(hours=1))
        own = next(one for one in emergencies.listed(tx) if one.staff == CHARGE_THERE.id)
    web.post(foreign, f"/emergency/{own.id}/review", "/patients/", judged="justified", comment="mine")
    here = web.signed_in(app, CHARGE_HERE)
    assert WHY["reason"] in here.get("/emergency/").text
    web.post(here, f"/emergency/{found.id}/review", f"/emergency/{found.id}", judged="not-justified", comment="")
    with app.app_context(), reading() as tx:
        assert {one.judged for one in emergencies.listed(tx)} == {None}
    web.post(here, f"/emergency/{found.id}/review", f"/emergency/{found.id}", judged="not-justified", comment="no call was made")
    web.post(here, f"/emergency/{found.id}/review", "/patients/", judged="justified", comment="changed my mind")
    with app.app_context(), reading() as tx:
        (done,) = emergencies.listed(tx, is_open=False)
    assert (done.judged, done.judged_by, done.comment) == ("not-justified", CHARGE_HERE.id, "no call was made")


def test_a_review_that_is_overdue_shows_and_counts_by_person_are_for_administrators_alone(app: Flask) -> None:
    opened(app)
    with app.app_context(), transaction(IMPORT) as tx:
        tx.session.execute(update(EmergencyAccessRow).values(review_by=tx.at - timedelta(hours=1)))
        assert emergencies.waiting(tx) == (1, 1)
    assert "Review overdue since" in web.signed_in(app, CHARGE_HERE).get("/emergency/").text
    assert web.signed_in(app, CHARGE_HERE).get("/emergency/people").status_code == 403
    assert "Nurse there" in web.signed_in(app, ADMIN).get("/emergency/people").text


def test_an_administrator_reviews_without_a_patients_name(app: Flask) -> None:
    opened(app)
    page = web.signed_in(app, ADMIN).get(f"/emergency/{newest(app).id}").text
    assert WHY["reason"] in page
    assert "NGUYỄN" not in page


def test_a_patient_outside_is_found_by_the_whole_number_only_and_not_by_name(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    assert "/emergency/open/P1" in client.get("/patients/?q=24-000001").text
    for text in ("NGUYỄN VĂN 1", "24-00000", "P"):
        assert "/emergency/open" not in client.get("/patients/", query_string={"q": text}).text


def test_a_helper_for_a_shift_comes_and_goes_by_itself(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    assert client.get("/patients/P1").status_code == 403
    charge = web.signed_in(app, CHARGE_HERE)
    web.post(charge, "/ward-staff/", "/ward-staff/", ward=WARD, staff=NURSE.id, hours="8")
    assert client.get("/patients/P1").status_code == 200
    assert "helper for a shift" in charge.get("/ward-staff/").text
    with app.app_context(), transaction(IMPORT) as tx:
        tx.session.execute(update(StaffWardRow).where(StaffWardRow.kind == "shift").values(valid_to=tx.at))
    assert client.get("/patients/P1").status_code == 403


def test_a_charge_nurse_adds_helpers_to_her_own_ward_only(app: Flask) -> None:
    charge = web.signed_in(app, CHARGE_THERE)
    web.post(charge, "/ward-staff/", "/ward-staff/", ward=WARD, staff=NURSE.id, hours="8")
    web.post(charge, "/ward-staff/", "/ward-staff/", ward=WARD, staff=CHARGE_THERE.id, hours="8")
    with app.app_context(), reading() as tx:
        assert [one.kind for one in staff_wards.of_ward(tx, WARD)] == ["home"]


def test_a_nurse_takes_on_a_ward_with_a_reason_where_the_hospital_permits_it(app: Flask, tmp_path: Path) -> None:
    client = web.signed_in(app, NURSE)
    web.post(client, "/ward-staff/own", "/ward-staff/own", ward=WARD, reason=" ")
    assert client.get("/patients/P1").status_code == 403
    config = app.config["POINTOFCARE_CONFIG"]
    app.config["POINTOFCARE_CONFIG"] = replace(config, access=replace(config.access, take_on=False))
    try:
        web.post(client, "/ward-staff/own", "/patients/", ward=WARD, reason="short of staff")
        assert client.get("/patients/P1").status_code == 403
    finally:
        app.config["POINTOFCARE_CONFIG"] = config
    web.post(client, "/ward-staff/own", "/ward-staff/own", ward=WARD, reason="short of staff")
    assert client.get("/patients/P1").status_code == 200
    assert "short of staff" in web.signed_in(app, CHARGE_HERE).get("/ward-staff/").text
    (row,) = [line for line in rows(app, actor=NURSE.id) if line.action == "staff-ward.add"][:1]
    assert row.detail["reason"] == "short of staff"


def test_an_administrator_says_to_which_wards_a_person_belongs(app: Flask) -> None:
    person = Actor(id="N-NEW", name="New", roles=frozenset({StaffRole.NURSE}))
    with app.app_context(), transaction(IMPORT) as tx:
        staff.receive(tx, server_ward.a_member(person))
    client, admin = web.signed_in(app, person), web.signed_in(app, ADMIN)
    form = {"id": person.id, "name": "New", "username": "n-new", "roles": "nurse", "active": "yes"}
    assert client.get("/patients/P1").status_code == 200
    web.post(admin, "/staff/", f"/staff/{person.id}", **form, wards_asked="yes", wards=OTHER)
    assert client.get("/patients/P1").status_code == 403
    web.post(admin, "/staff/", f"/staff/{person.id}", **form)
    assert client.get("/patients/P1").status_code == 403
    assert 'value="NGOAI" checked' in admin.get(f"/staff/{person.id}").text
    web.post(admin, "/staff/", f"/staff/{person.id}", **form, wards_asked="yes")
    assert client.get("/patients/P1").status_code == 200


def test_the_wards_of_a_staff_file_bind_and_an_empty_cell_changes_nothing(app: Flask) -> None:
    head = "id,name,roles,wards\n"
    with app.app_context():
        for cell, wards in ((OTHER, (OTHER,)), ("", (OTHER,)), (f"{OTHER}|{WARD}", (OTHER, WARD))):
            _imported(f"{head}N-FILE,File,nurse,{cell}\n")
            with reading() as tx:
                assert staff_wards.homes(tx)["N-FILE"] == wards


def _imported(text: str) -> None:
    assert imports.run(ADMIN, [("staff.csv", text.encode())], timezone="Asia/Ho_Chi_Minh").written


def test_the_same_holds_over_the_api(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    token = web.token_of(client.get("/").text)
    asked = {"json": dict(WHY), "headers": {"X-CSRFToken": token}}
    assert client.get("/api/v1/patients/P1").json["type"].endswith("other-ward")
    assert client.post("/api/v1/patients/P1/emergency-access", json={**WHY, "reason": "x"}, headers=asked["headers"]).status_code == 422
    assert client.post("/api/v1/patients/nobody/emergency-access", **asked).status_code == 404
    made = client.post("/api/v1/patients/P1/emergency-access", **asked)
    assert (made.status_code, made.json["patient"], made.json["judged"]) == (201, "P1", None)
    assert client.get("/api/v1/patients/P1").json["name"] == "NGUYỄN VĂN 1"
    assert client.post("/api/v1/patients/P9/emergency-access", **asked).status_code == 409
    assert client.get("/api/v1/emergency-access").status_code == 403
    here = web.signed_in(app, CHARGE_HERE)
    headers = {"X-CSRFToken": web.token_of(here.get("/").text)}
    (one,) = here.get("/api/v1/emergency-access").json
    assert web.signed_in(app, CHARGE_THERE).get("/api/v1/emergency-access").json == []
    address = f"/api/v1/emergency-access/{one['id']}/review"
    body = {"judged": "justified", "comment": "the team was called"}
    assert here.post(address, json=body, headers=headers).json["judged_by"] == CHARGE_HERE.id
    assert here.post(address, json=body, headers=headers).status_code == 409


def test_the_first_page_says_how_many_reviews_wait(app: Flask) -> None:
    opened(app)
    assert "Reasons for charts opened outside" in web.signed_in(app, CHARGE_HERE).get("/").text
    assert "Reasons for charts opened outside" not in web.signed_in(app, NURSE).get("/").text
    with app.app_context(), reading(CHARGE_HERE) as tx:
        assert emergencies.waiting(tx) == (1, 0)
