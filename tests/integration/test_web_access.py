"""Who gets in, who may do what, and what a forged request is worth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.people import StaffRole
from server.security import permissions as may
from server.store.transaction import transaction
from server.usecases import staff
from tests.support import server_ward, web
from tests.support.server_ward import CHARGE, NURSE, PHARMACIST, PRESCRIBER
from tests.support.web import ADMIN, EVERYBODY, FLEET

PAGES = {
    "/pharmacy/": may.VERIFY_ORDERS,
    "/ward/": may.SEE_BOARD,
    "/patients/": may.SEE_PATIENTS,
    "/patients/P1": may.SEE_PATIENTS,
    "/orders/new?patient_id=P1": may.PLACE_ORDERS,
    "/review/": may.SEE_REVIEW,
    "/work/": may.SEE_WORK,
    "/work/?view=overdue": may.SEE_WORK,
    "/work/?view=effects": may.SEE_WORK,
    "/work/variance.csv": may.SEE_WORK,
    "/controlled/": may.SEE_CONTROLLED,
    "/controlled/controlled.csv": may.SEE_CONTROLLED,
    "/recalls/": may.SEE_RECALLS,
    "/emr/": may.SEE_EMR,
    "/incoming/": may.HANDLE_INCOMING,
    "/fleet/": may.SEE_FLEET,
    "/machines/": may.MANAGE_MACHINES,
    "/policy/": may.SEE_POLICY,
    "/policy/new": may.CHANGE_POLICY,
    "/import/": may.IMPORT,
    "/staff/": may.MANAGE_STAFF,
    "/audit/": may.SEE_AUDIT,
    "/audit/rejected": may.SEE_REJECTED,
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("web")) as found:
        yield found


@pytest.fixture(autouse=True)
def _fresh_limits(app: Flask) -> None:
    web.forget_failures(app)


@pytest.mark.parametrize("actor", EVERYBODY, ids=lambda actor: actor.id)
def test_each_role_sees_exactly_its_own_pages(app: Flask, actor) -> None:  # type: ignore[no-untyped-def]
    client = web.signed_in(app, actor)
    held = may.held_by(actor.roles)
    for address, permission in PAGES.items():
        assert client.get(address).status_code == (200 if permission in held else 403), address
    assert client.get("/").status_code == 200


def test_every_page_asks_a_stranger_to_sign_in(app: Flask) -> None:
    client = app.test_client()
    for address in ("/", *PAGES):
        answer = client.get(address)
        assert answer.status_code == 302, address
        assert answer.headers["Location"].startswith("/sign-in"), address


def test_a_page_that_does_not_exist_says_so_in_the_readers_language(app: Flask) -> None:
    answer = app.test_client().get("/nowhere", headers={"Accept-Language": "fr"})
    assert answer.status_code == 404
    assert "Introuvable" in answer.text


def test_right_name_and_password_sign_in_and_wrong_ones_all_get_one_answer(app: Flask) -> None:
    web.give_password(app, NURSE)
    client = app.test_client()
    right = web.post(client, "/sign-in", "/sign-in", username="n1", password=web.PASSWORD)
    assert right.status_code == 200
    assert "Nurse" in right.text
    answers = set()
    for name, password in (("n1", "not the password"), ("nobody-here", web.PASSWORD), ("a1", "no password is set")):
        stranger = app.test_client()
        page = web.post(stranger, "/sign-in", "/sign-in", username=name, password=password).text
        start = page.index('role="alert"')
        answers.add(page[start : start + 200])
    assert len(answers) == 1


def test_guessing_a_password_is_stopped_for_the_name(app: Flask) -> None:
    web.give_password(app, PHARMACIST)
    statuses = []
    for _ in range(9):
        client = app.test_client()
        token = web.token_of(client.get("/sign-in").text)
        statuses.append(client.post("/sign-in", data={"csrf_token": token, "username": "ph1", "password": "a wrong guess"}).status_code)
    assert statuses[-1] == 429
    assert set(statuses[:-1]) == {200}


def test_a_form_without_the_pages_token_changes_nothing(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    answer = client.post("/pharmacy/O1", data={"action": "verify", "version": "1"})
    assert answer.status_code == 400
    assert client.get("/pharmacy/?order=O1").text.count("to verify") >= 1


def test_a_role_named_in_cookie_or_form_has_no_effect(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    with client.session_transaction() as session:
        session["roles"] = ["administrator"]
        session["pointofcare_actor"] = {"id": "A1", "roles": ["administrator"]}
    client.set_cookie("role", "administrator")
    assert client.get("/staff/?role=administrator").status_code == 403
    answer = web.post(client, "/staff/", "/", new="yes", id="X1", name="X", roles="administrator", role="administrator")
    assert answer.status_code == 403


def test_a_cookie_signed_by_another_key_is_nobody(app: Flask) -> None:
    client = app.test_client()
    client.set_cookie("pointofcare_session", "eyJfdXNlcl9pZCI6IkExIn0.aaaaaa.forged-signature-here")
    assert client.get("/staff/").status_code == 302


def test_a_role_taken_away_ends_at_the_next_request(app: Flask) -> None:
    client = web.signed_in(app, CHARGE)
    assert client.get("/review/").status_code == 200
    with app.app_context(), transaction(ADMIN) as tx:
        staff.receive(tx, server_ward.a_member(CHARGE, roles=(StaffRole.NURSE,)))
    assert client.get("/review/").status_code == 403
    with app.app_context(), transaction(ADMIN) as tx:
        staff.receive(tx, server_ward.a_member(CHARGE, active=False))
    assert client.get("/ward/").status_code == 302
    with app.app_context(), transaction(ADMIN) as tx:
        staff.receive(tx, server_ward.a_member(CHARGE))


def test_a_session_ends_after_one_long_shift(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    web.age(app, NURSE, hours=13, seen_hours=0)
    assert client.get("/ward/").status_code == 302


def test_every_answer_forbids_foreign_scripts_and_frames(app: Flask) -> None:
    for client, address in ((app.test_client(), "/sign-in"), (web.signed_in(app, NURSE), "/ward/"), (app.test_client(), "/static/live.js")):
        with client.get(address) as answer:
            headers = answer.headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert web.signed_in(app, NURSE).get("/ward/").headers["Cache-Control"] == "no-store"


def test_the_language_switch_is_remembered_and_never_leads_away(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    answer = web.post(client, "/language", "/", language="vi", next="/ward/")
    assert "Bảng khoa" in answer.text
    assert "Bảng khoa" in client.get("/ward/").text
    token = web.token_of(client.get("/").text)
    for away in ("//evil.example/", "https://evil.example/", "/\\evil.example"):
        answer = client.post("/language", data={"csrf_token": token, "language": "en", "next": away})
        assert answer.headers["Location"] == "/"


def test_no_page_names_a_host_of_somebody_else(app: Flask) -> None:
    for actor in EVERYBODY:
        client = web.signed_in(app, actor)
        for address in PAGES:
            page = client.get(address).text
            for foreign in ("http://", "https://", "<script>", "style=", "onclick"):
                assert foreign not in page, (address, foreign)


def test_only_an_administrator_adds_people_and_the_last_one_stays(app: Flask) -> None:
    client = web.signed_in(app, ADMIN)
    answer = web.post(
        client,
        "/staff/",
        "/staff/new",
        new="yes",
        id="N9",
        name="<b>Mai</b>",
        roles="nurse",
        pin="604281",
        password="a long enough one",
        active="yes",
    )
    assert "&lt;b&gt;Mai&lt;/b&gt; is saved" in answer.text
    person = web.known_staff(app, "N9")
    assert person.roles == (StaffRole.NURSE,)
    assert person.pin_hash is not None
    assert person.pin_hash.startswith("$argon2id$")
    assert person.password_hash is not None
    assert person.password_hash.startswith("$argon2id$")
    assert "604281" not in answer.text
    short = web.post(client, "/staff/", "/staff/N9", id="N9", name="Mai", roles="nurse", pin="111111", password="short", active="yes")
    assert short.status_code == 422
    assert "At least 12 characters" in short.text
    last = web.post(client, "/staff/", "/staff/A1", id="A1", name="Administrator", roles="nurse", active="yes")
    assert last.status_code == 422
    assert "last administrator" in last.text


def test_a_fleet_manager_sees_carts_and_no_patient(app: Flask) -> None:
    client = web.signed_in(app, FLEET)
    assert client.get("/patients/P1").status_code == 403
    assert "NGUYỄN" not in client.get("/fleet/").text


def test_a_prescriber_cannot_verify_and_a_pharmacist_cannot_prescribe(app: Flask) -> None:
    assert web.post(web.signed_in(app, PRESCRIBER), "/pharmacy/O1", "/", action="verify", version="1").status_code == 403
    assert web.post(web.signed_in(app, PHARMACIST), "/orders/O1/act", "/", action="stop", version="1", reason="x").status_code == 403


def test_the_pages_speak_three_languages_with_the_same_texts() -> None:
    for folder in (Path("server/web/texts"), Path("server/usecases/import_texts")):
        root = Path(__file__).parents[2] / folder
        keys = {}
        for language in ("vi", "en", "fr"):
            lines = (root / f"{language}.ftl").read_text(encoding="utf-8").splitlines()
            keys[language] = [line.split(" = ")[0] for line in lines if " = " in line]
            assert all(line.split(" = ")[1].strip() for line in lines if " = " in line)
        assert keys["vi"] == keys["en"] == keys["fr"]
