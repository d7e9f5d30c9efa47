"""Signing in as an attacker, a nurse and a person without a phone see it: second factor, waits, sessions, passwords, step-up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import argon2
import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_security.utils import get_hmac
from sqlalchemy import select

from pointofcare.people import StaffRole
from pointofcare.verdict.facts import Lease
from server.app import create_app
from server.security import lockout, second_factor, sessions
from server.security.lockout import Guessed
from server.store.tables import AuditRow, FailedSignInRow, RecoveryCodeRow, SecondFactorRow, SignInSessionRow, StaffRow
from server.store.transaction import Actor, reading, transaction
from server.usecases import imports, leases, passwords, staff
from server.web import sign_in as pages
from tests.support import server_ward, web
from tests.support.server_ward import CHARGE, NURSE, PHARMACIST
from tests.support.web import ADMIN

STEP = timedelta(seconds=second_factor.STEP_S)
AT = datetime(2026, 3, 2, 1, 0, 10, tzinfo=UTC)
OTHER_ADMIN = Actor(id="A2", name="Second administrator", roles=frozenset({StaffRole.ADMINISTRATOR}))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("web")) as found:
        with found.app_context(), transaction(server_ward.IMPORT) as tx:
            staff.receive(tx, server_ward.a_member(OTHER_ADMIN))
        yield found


@pytest.fixture(autouse=True)
def _fresh(app: Flask) -> None:
    web.forget_failures(app)
    with app.app_context(), transaction(ADMIN) as tx:
        for row in (*tx.session.scalars(select(SecondFactorRow)), *tx.session.scalars(select(RecoveryCodeRow))):
            tx.session.delete(row)


def enrolled(app: Flask, who: Actor, at: datetime | None = None) -> tuple[str, tuple[str, ...]]:
    """The secret and the recovery codes of a person whose second factor counts; the code of a minute before is used up."""
    moment = (at or datetime.now(UTC)) - 2 * STEP
    with app.app_context(), transaction(who, at=moment) as tx:
        made = second_factor.begin(tx, who, issuer="test", name=who.id)
        codes = second_factor.confirm(tx, who, pyotp.TOTP(made.secret).at(moment))
    assert codes is not None
    return made.secret, codes


def holds(app: Flask, typed: str, at: datetime, who: Actor = ADMIN) -> bool:
    with app.app_context(), transaction(who, at=at) as tx:
        return second_factor.holds(tx, who.id, typed)


def enters(client: FlaskClient, name: str, password: str = web.PASSWORD) -> int:
    token = web.token_of(client.get("/sign-in").text)
    return client.post("/sign-in", data={"csrf_token": token, "username": name, "password": password}).status_code


def last(app: Flask, action: str) -> tuple[str, str, dict[str, Any]]:
    """Who, about what and what else, of the newest audit row of an action."""
    with app.app_context(), reading() as tx:
        row = tx.session.scalars(select(AuditRow).where(AuditRow.action == action).order_by(AuditRow.id.desc()).limit(1)).one()
        return row.actor, row.subject, dict(row.detail or {})


# The second factor.


def test_who_has_a_second_factor_is_nobody_until_it_was_shown(app: Flask) -> None:
    web.give_password(app, PHARMACIST)
    secret, _ = enrolled(app, PHARMACIST)
    client = app.test_client()
    assert enters(client, "ph1") == 302
    assert client.get("/ward/").status_code == 302
    wrong = web.post(client, "/sign-in/second", "/sign-in/second", code="000000")
    assert 'role="alert"' in wrong.text
    right = web.post(client, "/sign-in/second", "/sign-in/second", code=pyotp.TOTP(secret).now())
    assert right.status_code == 200
    assert client.get("/ward/").status_code == 200


def test_the_half_way_of_a_sign_in_ends_by_itself(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    web.give_password(app, PHARMACIST)
    enrolled(app, PHARMACIST)
    client = app.test_client()
    enters(client, "ph1")
    assert client.get("/sign-in/second").status_code == 200
    monkeypatch.setattr(pages, "HALF_WAY_S", 0)
    assert client.get("/sign-in/second").status_code == 303


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_phone_whose_clock_is_off_by_one_step_is_believed_and_by_two_is_not(app: Flask, steps: int, taken: bool) -> None:
    secret, _ = enrolled(app, ADMIN, AT - 10 * STEP)
    assert holds(app, pyotp.TOTP(secret).at(AT + steps * STEP), AT) is taken


def test_a_code_is_never_taken_twice_nor_one_from_before_it(app: Flask) -> None:
    secret, _ = enrolled(app, ADMIN, AT - 10 * STEP)
    code = pyotp.TOTP(secret).at(AT)
    assert holds(app, code, AT)
    assert not holds(app, code, AT)
    assert not holds(app, code, AT + STEP)
    assert not holds(app, pyotp.TOTP(secret).at(AT - STEP), AT)


def test_a_recovery_code_works_once_and_for_its_person_alone(app: Flask) -> None:
    _, codes = enrolled(app, ADMIN)
    _, others = enrolled(app, PHARMACIST)
    now = datetime.now(UTC)
    assert not holds(app, others[0], now)
    assert holds(app, codes[0].lower(), now)
    assert not holds(app, codes[0], now)
    assert len(set(codes)) == second_factor.RECOVERY_CODES


def test_no_secret_and_no_recovery_code_stands_in_the_database(app: Flask) -> None:
    secret, codes = enrolled(app, ADMIN)
    with app.app_context(), reading() as tx:
        sealed = tx.session.get_one(SecondFactorRow, ADMIN.id).sealed
        digests = [row.digest for row in tx.session.scalars(select(RecoveryCodeRow))]
    assert secret not in sealed
    assert all(code.replace("-", "") not in digest.upper() for code in codes for digest in digests)


def test_a_secret_moved_to_another_person_or_another_site_opens_nothing(app: Flask) -> None:
    secret, _ = enrolled(app, ADMIN, AT - 10 * STEP)
    enrolled(app, PHARMACIST, AT - 10 * STEP)
    with app.app_context(), transaction(ADMIN) as tx:
        tx.session.get_one(SecondFactorRow, PHARMACIST.id).sealed = tx.session.get_one(SecondFactorRow, ADMIN.id).sealed
    assert not holds(app, pyotp.TOTP(secret).at(AT), AT, PHARMACIST)
    own, app.config["SECRET_KEY"] = app.config["SECRET_KEY"], "z" * 40
    try:
        assert not holds(app, pyotp.TOTP(secret).at(AT), AT)
    finally:
        app.config["SECRET_KEY"] = own


def test_setting_it_up_shows_the_key_until_a_code_confirms_it_and_never_again(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    text = client.get("/account/second-factor").text
    assert "data:image/svg" in text
    with app.app_context(), transaction(PHARMACIST) as tx:
        secret = second_factor.begin(tx, PHARMACIST, issuer="x", name="x").secret
    assert " ".join(secret[start : start + 4] for start in range(0, 32, 4)) in text
    assert web.post(client, "/account/second-factor", "/account/second-factor", code="12345").status_code == 422
    done = web.post(client, "/account/second-factor", "/account/second-factor", code=pyotp.TOTP(secret).now())
    assert done.text.count("<li>") == second_factor.RECOVERY_CODES
    assert client.get("/account/second-factor").status_code == 303
    assert secret[:8] not in client.get("/account/").text


def test_whoever_passes_an_open_screen_sets_no_second_factor_up(app: Flask) -> None:
    web.give_password(app, NURSE)
    client = web.signed_in(app, NURSE)
    web.age(app, NURSE, hours=1, seen_hours=0)
    assert 'name="current"' in client.get("/account/second-factor").text
    with app.app_context(), transaction(NURSE) as tx:
        secret = second_factor.begin(tx, NURSE, issuer="x", name="x").secret
    code = pyotp.TOTP(secret).now()
    for current in ("", "a wrong guess"):
        refused = web.post(client, "/account/second-factor", "/account/second-factor", code=code, current=current)
        assert (refused.status_code, "not your current password" in refused.text) == (422, True)
    done = web.post(client, "/account/second-factor", "/account/second-factor", code=code, current=web.PASSWORD)
    assert done.text.count("<li>") == second_factor.RECOVERY_CODES


def test_a_secret_that_waited_too_long_is_drawn_anew(app: Flask) -> None:
    """A photograph of a set-up page that was left open is worth nothing when the owner sets it up later."""
    with app.app_context(), transaction(NURSE, at=AT) as tx:
        seen = second_factor.begin(tx, NURSE, issuer="x", name="x").secret
    with app.app_context(), transaction(NURSE, at=AT + second_factor.PENDING) as tx:
        assert second_factor.confirm(tx, NURSE, pyotp.TOTP(seen).at(tx.at)) is None
        later = second_factor.begin(tx, NURSE, issuer="x", name="x").secret
        assert later != seen
        assert second_factor.confirm(tx, NURSE, pyotp.TOTP(later).at(tx.at)) is not None


def test_an_administrator_resets_a_lost_one_and_never_the_own(app: Flask) -> None:
    enrolled(app, PHARMACIST)
    theirs, admin = web.signed_in(app, PHARMACIST), web.signed_in(app, ADMIN)
    token = web.token_of(admin.get("/staff/PH1").text)
    assert admin.post("/staff/A1/reset-second-factor", data={"csrf_token": token}).status_code == 403
    assert admin.post("/staff/PH1/reset-second-factor", data={"csrf_token": token}).status_code == 303
    assert theirs.get("/ward/").status_code == 302
    assert last(app, "staff.second-factor-reset")[:2] == ("A1", "staff/PH1")
    token = web.token_of(web.signed_in(app, NURSE).get("/account/").text)
    assert web.signed_in(app, NURSE).post("/staff/PH1/reset-second-factor", data={"csrf_token": token}).status_code in (400, 403)


@pytest.mark.parametrize(("person", "address"), [(ADMIN, "/staff/"), (PHARMACIST, "/ward/"), (NURSE, "/ward/")])
def test_who_must_have_a_second_factor_sets_one_up_before_anything_else(app: Flask, person: Actor, address: str) -> None:
    before = app.config["POINTOFCARE_CONFIG"]
    app.config["POINTOFCARE_CONFIG"] = replace(before, second_factor=replace(before.second_factor, required=True))
    try:
        client = web.signed_in(app, person)
        answer = client.get(address)
        if person is NURSE:
            assert answer.status_code == 200
        else:
            assert answer.headers["Location"] == "/account/second-factor"
            assert client.get("/api/v1/carts").status_code == 403
            assert client.get("/account/second-factor").status_code == 200
            web.give_password(app, person)
            asked = app.test_client().post("/api/v1/tokens", json={"username": person.id.lower(), "password": web.PASSWORD})
            assert (asked.status_code, asked.json["type"]) == (403, "urn:pointofcare:problem:sign-in-incomplete")
    finally:
        app.config["POINTOFCARE_CONFIG"] = before


def test_whoever_came_in_by_the_password_alone_is_out_once_a_second_factor_is_there(app: Flask) -> None:
    """A thief of a password waits, signed in, until the owner has set the second factor up."""
    before = app.config["POINTOFCARE_CONFIG"]
    app.config["POINTOFCARE_CONFIG"] = replace(before, second_factor=replace(before.second_factor, required=True))
    try:
        thief, owner = web.signed_in(app, ADMIN), web.signed_in(app, ADMIN)
        owner.get("/account/second-factor")
        with app.app_context(), transaction(ADMIN) as tx:
            secret = second_factor.begin(tx, ADMIN, issuer="x", name="x").secret
        web.post(owner, "/account/second-factor", "/account/second-factor", code=pyotp.TOTP(secret).now())
        assert owner.get("/staff/").status_code == 200
        assert thief.get("/staff/").headers["Location"].startswith("/sign-in")
        assert thief.get("/account/").headers["Location"].startswith("/sign-in")
        late = web.signed_in(app, ADMIN)  # the password was judged just before
        assert late.get("/staff/").headers["Location"] == "/account/confirm?next=/staff/"
        assert late.get("/api/v1/carts").status_code == 403
    finally:
        app.config["POINTOFCARE_CONFIG"] = before


def test_a_token_needs_the_code_too_and_can_be_ended_alone(app: Flask) -> None:
    web.give_password(app, ADMIN)
    secret, _ = enrolled(app, ADMIN)
    asked = {"username": "a1", "password": web.PASSWORD}
    assert app.test_client().post("/api/v1/tokens", json=asked).status_code == 401
    made = app.test_client().post("/api/v1/tokens", json={**asked, "code": pyotp.TOTP(secret).now()})
    header = {"Authentication-Token": made.json["token"]}
    assert app.test_client().get("/api/v1/carts", headers=header).status_code == 200
    client = web.signed_in(app, ADMIN)
    with app.app_context(), reading() as tx:
        running = select(SignInSessionRow.id).where(SignInSessionRow.kind == "token", SignInSessionRow.staff == "A1")
        row_id = tx.session.scalars(running.where(SignInSessionRow.ended_at.is_(None))).one()
    web.post(client, f"/account/sign-ins/{row_id}/end", "/account/")
    assert app.test_client().get("/api/v1/carts", headers=header).status_code == 401
    assert client.get("/staff/").status_code == 200


def test_what_is_sensitive_asks_for_it_again_when_it_was_shown_too_long_ago(app: Flask) -> None:
    secret, _ = enrolled(app, ADMIN)
    client = web.signed_in(app, ADMIN, factor=True)
    form = {"id": "N1", "name": "Nurse One", "username": "n1", "roles": "nurse", "active": "yes", "badge": "BADGE:N1"}
    token = web.token_of(client.get("/staff/N1").text)
    assert client.post("/staff/", data={"csrf_token": token, **form}).headers["Location"] == "/staff/"
    web.age(app, ADMIN, hours=1, seen_hours=0, factor_hours=1)
    refused = client.post("/staff/", data={"csrf_token": token, **form, "roles": "administrator"}, headers={"Referer": "http://x/staff/N1"})
    assert refused.headers["Location"] == "/account/confirm?next=/staff/N1"
    assert web.known_staff(app, "N1").roles == (StaffRole.NURSE,)
    back = client.post("/account/confirm", data={"csrf_token": token, "code": pyotp.TOTP(secret).now(), "next": "/staff/N1"})
    assert back.headers["Location"] == "/staff/N1"
    assert client.post("/staff/", data={"csrf_token": token, **form}).headers["Location"] == "/staff/"


# Waits.


def test_waits_grow_and_never_pass_a_quarter_of_an_hour() -> None:
    waits = [lockout.wait_after(failures, 8) for failures in (7, 8, 9, 10, 12, 13, 1000)]
    assert [int(wait.total_seconds()) for wait in waits] == [0, 30, 60, 120, 480, 900, 900]


def test_a_wait_is_known_to_another_process_and_after_a_restart(app: Flask) -> None:
    for _ in range(8):
        enters(app.test_client(), "ph1", "a wrong guess")
    again = create_app(app.config["POINTOFCARE_CONFIG"])
    with again.app_context():
        assert lockout.begin(Guessed(name="PH1 ", staff="PH1")) > 0
    assert last(app, "staff.locked")[1:] == ("staff/PH1", {"counted": "name", "failures": 8, "wait_s": 30})


def test_nobody_can_keep_a_nurse_from_the_desk_where_she_signs_in(app: Flask) -> None:
    web.give_password(app, NURSE)
    desk = app.test_client()
    assert enters(desk, "n1") == 302
    web.post(desk, "/sign-out", "/account/")
    for _ in range(9):
        stranger = enters(app.test_client(), "n1", "a wrong guess")
    assert stranger == 429
    assert enters(app.test_client(), "n1") == 429
    assert enters(desk, "n1") == 302


def test_at_the_known_desk_guesses_wait_too(app: Flask) -> None:
    web.give_password(app, CHARGE)
    desk = app.test_client()
    enters(desk, "cn1")
    web.post(desk, "/sign-out", "/account/")
    assert [enters(desk, "cn1", "a wrong guess") for _ in range(9)][-1] == 429


def test_one_address_that_tries_many_names_waits(app: Flask) -> None:
    with app.app_context():
        waits = [lockout.begin(Guessed(name=f"name{n}", address="203.0.113.9")) for n in range(42)]
        assert waits[39] == 0
        assert waits[-1] > 0
        assert lockout.begin(Guessed(name="other", address="203.0.113.10")) == 0
    assert last(app, "staff.locked")[1] == "sign-in"


def test_what_was_typed_as_a_name_is_not_kept(app: Flask) -> None:
    enters(app.test_client(), "my secret password", "x")
    with app.app_context(), reading() as tx:
        kept = [row.subject for row in tx.session.scalars(select(FailedSignInRow))]
    assert kept
    assert all(len(subject) == 64 and "secret" not in subject for subject in kept)


def test_guessing_the_second_factor_waits(app: Flask) -> None:
    web.give_password(app, PHARMACIST)
    secret, _ = enrolled(app, PHARMACIST)
    client = app.test_client()
    enters(client, "ph1")
    token = web.token_of(client.get("/sign-in/second").text)
    answers = [client.post("/sign-in/second", data={"csrf_token": token, "code": f"{n:06}"}).status_code for n in range(9)]
    assert answers[-1] == 429
    assert client.post("/sign-in/second", data={"csrf_token": token, "code": pyotp.TOTP(secret).now()}).status_code == 429


# Sessions.


@pytest.mark.parametrize(
    ("person", "hours", "seen_hours", "goes_on"),
    [(NURSE, 2, 0.9, True), (NURSE, 2, 1.1, False), (ADMIN, 2, 0.4, True), (ADMIN, 2, 0.6, False), (NURSE, 12.1, 0, False)],
)
def test_a_sign_in_ends_when_idle_or_old_sooner_for_who_can_change_more(
    app: Flask, person: Actor, hours: float, seen_hours: float, goes_on: bool
) -> None:
    client = web.signed_in(app, person)
    web.age(app, person, hours=hours, seen_hours=seen_hours)
    assert (client.get("/account/").status_code == 200) is goes_on


def test_a_page_that_keeps_itself_fresh_is_no_sign_of_life(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    web.age(app, NURSE, hours=0.9, seen_hours=0.9)
    assert client.get("/ward/?part=live").status_code == 200
    with app.app_context(), reading() as tx:
        newest = max(row.seen_at for row in tx.session.scalars(select(SignInSessionRow).where(SignInSessionRow.staff == "N1")))
    assert datetime.now(UTC) - newest > timedelta(minutes=50)
    assert client.get("/ward/").status_code == 200
    with app.app_context(), reading() as tx:
        newest = max(row.seen_at for row in tx.session.scalars(select(SignInSessionRow).where(SignInSessionRow.staff == "N1")))
    assert datetime.now(UTC) - newest < timedelta(minutes=1)


def test_a_person_sees_and_ends_the_own_sign_ins_and_nobody_elses(app: Flask) -> None:
    here, there, other = web.signed_in(app, CHARGE), web.signed_in(app, CHARGE), web.signed_in(app, NURSE)
    token = web.token_of(here.get("/account/").text)
    with app.app_context(), reading() as tx:
        foreign = tx.session.scalars(select(SignInSessionRow.id).where(SignInSessionRow.staff == "N1")).first()
    assert here.post(f"/account/sign-ins/{foreign}/end", data={"csrf_token": token}).status_code == 404
    assert other.get("/ward/").status_code == 200
    here.post("/account/sign-ins/end", data={"csrf_token": token})
    assert (here.get("/ward/").status_code, there.get("/ward/").status_code) == (302, 302)


def test_a_copy_of_the_cookie_is_worth_nothing_after_signing_out(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    copied = client.get_cookie("pointofcare_session")
    assert copied is not None
    web.post(client, "/sign-out", "/account/")
    thief = app.test_client()
    thief.set_cookie("pointofcare_session", copied.value)
    assert thief.get("/ward/").status_code == 302


def test_signing_in_leaves_nothing_of_the_session_before(app: Flask) -> None:
    web.give_password(app, NURSE)
    client = app.test_client()
    with client.session_transaction() as session:
        session["planted"] = "x"
        session[sessions.COOKIE_KEY] = "planted"
        session["language"] = "fr"
    assert enters(client, "n1") == 302
    with client.session_transaction() as session:
        assert "planted" not in session
        assert session[sessions.COOKIE_KEY] != "planted"
        assert session["language"] == "fr"


def test_cookies_are_for_the_browser_alone(app: Flask) -> None:
    web.give_password(app, NURSE)
    app.config["SESSION_COOKIE_SECURE"] = True
    try:
        client = app.test_client()
        token = web.token_of(client.get("/sign-in", base_url="https://h1.example").text)
        answer = client.post(
            "/sign-in",
            base_url="https://h1.example",
            headers={"Referer": "https://h1.example/sign-in"},
            data={"csrf_token": token, "username": "n1", "password": web.PASSWORD},
        )
    finally:
        app.config["SESSION_COOKIE_SECURE"] = False
    cookies = answer.headers.getlist("Set-Cookie")
    assert {cookie.split("=")[0] for cookie in cookies} == {"pointofcare_session", sessions.BROWSER_COOKIE}
    for cookie in cookies:
        assert "Secure" in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=" in cookie


def test_every_form_of_every_page_needs_the_pages_token(app: Flask) -> None:
    client = web.signed_in(app, ADMIN)
    free = {"api.token", "enrolment.enrol", "enrolment.renew", "feed_hook.poll"}  # a JSON body, and they set no cookie
    seen = 0
    for rule in app.url_map.iter_rules():
        methods = sorted((rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"})
        if rule.endpoint in free or rule.endpoint.startswith("fhir.") or not methods:  # over FHIR no cookie counts
            continue
        address = app.url_map.bind("localhost").build(
            rule.endpoint, {name: 1 if type(rule._converters[name]).__name__ == "IntegerConverter" else "x" for name in rule.arguments}
        )
        for method in methods:
            seen += 1
            assert client.open(address, method=method, data={}).status_code in (400, 403, 404), (method, address)
    assert seen > 40
    assert client.get("/account/").status_code == 200  # nobody was signed out by it either


# Passwords and names.


def test_a_password_that_somebody_else_set_is_changed_first(app: Flask) -> None:
    with app.app_context(), transaction(ADMIN) as tx:
        staff.set_password(tx, NURSE.id, imports.hash_password(web.PASSWORD), temporary=True)
    client = app.test_client()
    assert enters(client, "n1") == 302
    assert client.get("/ward/").headers["Location"] == "/account/"
    asked = app.test_client().post("/api/v1/tokens", json={"username": "n1", "password": web.PASSWORD})
    assert asked.status_code == 403
    new = "violet anchors drift"
    web.post(client, "/account/", "/account/", current=web.PASSWORD, new=new, again=new)
    assert enters(client, "n1", new) == 302
    assert client.get("/ward/").status_code == 200


@pytest.mark.parametrize("easy", ["password1234", "qwertyuiop12", "NguyenNguyen1", "aaaaaaaaaaaaaaaa"])
def test_a_password_that_is_given_away_is_refused(app: Flask, easy: str) -> None:
    web.give_password(app, CHARGE)
    client = web.signed_in(app, CHARGE)
    answer = web.post(client, "/account/", "/account/", current=web.PASSWORD, new=easy, again=easy)
    assert (answer.status_code, "unlikely" in answer.text or "nothing to do with each other" in answer.text) == (422, True)


def test_a_hash_with_older_parameters_is_made_anew_at_the_next_sign_in(app: Flask) -> None:
    web.give_password(app, NURSE)
    with app.app_context():
        good = imports.hash_password(web.PASSWORD)
        assert good.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
        weak = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(get_hmac(web.PASSWORD))
        with transaction(ADMIN) as tx:
            tx.session.get_one(StaffRow, NURSE.id).password = weak
    assert enters(app.test_client(), "n1") == 302
    with app.app_context(), reading() as tx:
        assert str(tx.session.get_one(StaffRow, NURSE.id).password).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@pytest.mark.parametrize(
    ("name", "shared"), [("ward1", True), ("nurse", True), ("Điều dưỡng 2", True), ("night-shift", True), ("anna", False), ("khoa", False)]
)
def test_an_account_for_nobody_in_particular_is_not_made(app: Flask, name: str, shared: bool) -> None:
    assert passwords.names_nobody(name) is shared
    if shared:
        client = web.signed_in(app, ADMIN)
        answer = web.post(client, "/staff/", "/staff/new", new="yes", id="X7", name="Ward", username=name, roles="nurse", active="yes")
        assert answer.status_code == 422


@pytest.mark.parametrize(
    ("name", "shared"),
    [
        ("nurse1@hospital.example", True),
        ("ICU.night.nurse.2@hospital.example", True),
        ("ward3nurse2", True),
        ("an.nguyen@ward.example", False),
        ("phong.tran@hospital.example", False),
    ],
)
def test_an_address_for_nobody_in_particular_is_no_name_either(name: str, shared: bool) -> None:
    assert passwords.names_nobody(name) is shared


def test_an_account_that_was_closed_and_opened_again_has_no_running_sign_in(app: Flask) -> None:
    """The cookie that was the reason for closing it must not come back with it."""
    client = web.signed_in(app, CHARGE)
    member = server_ward.a_member(CHARGE)
    with app.app_context(), transaction(ADMIN) as tx:
        staff.put(tx, ADMIN, replace(member, active=False))
    assert client.get("/ward/").status_code == 302
    with app.app_context(), transaction(ADMIN) as tx:
        staff.put(tx, ADMIN, member)
    assert client.get("/ward/").status_code == 302
    assert web.signed_in(app, CHARGE).get("/ward/").status_code == 200


def test_a_password_that_a_file_brings_ends_the_sign_ins_of_before(app: Flask) -> None:
    theirs, own = web.signed_in(app, CHARGE), web.signed_in(app, ADMIN)
    with app.app_context(), transaction(ADMIN) as tx:
        hashed = imports.hash_password(web.PASSWORD)
        for who in (CHARGE, ADMIN):
            staff.put(tx, ADMIN, replace(server_ward.a_member(who), password_hash=hashed))
    assert theirs.get("/ward/").status_code == 302
    assert own.get("/staff/").status_code == 200  # whoever imports a file with the own row goes on


def test_a_user_name_that_is_somebody_elses_id_changes_nobody_elses_account(app: Flask) -> None:
    odd = replace(server_ward.a_member(OTHER_ADMIN), id="A0", username="N1", email="zz@hospital.example", badge=None)
    with app.app_context(), transaction(ADMIN) as tx:
        staff.receive(tx, odd)
    with app.app_context(), transaction(ADMIN) as tx:
        assert second_factor.reset(tx, ADMIN, "N1") == "N1"
        assert second_factor.reset(tx, ADMIN, "A0") == "A0"
    client = web.signed_in(app, ADMIN)
    form = {"id": "N-NEW", "new": "yes", "name": "New nurse", "roles": "nurse", "active": "yes"}
    for name in ("n1", "N1"):
        assert web.post(client, "/staff/", "/staff/new", **form, username=name).status_code == 422


def test_nobody_sets_the_own_password_past_the_one_of_before(app: Flask) -> None:
    web.give_password(app, ADMIN)
    client = web.signed_in(app, ADMIN)
    form = {"id": "A1", "name": "Administrator", "username": "a1", "roles": "administrator", "active": "yes"}
    refused = web.post(client, "/staff/", "/staff/A1", **form, password="violet anchors drift")
    assert (refused.status_code, "page of your account" in refused.text) == (422, True)
    assert enters(app.test_client(), "a1") == 302


def test_a_person_at_two_carts_at_once_is_noticed_and_no_dose_waits_for_it(app: Flask) -> None:
    with app.app_context(), transaction(Actor(id="gateway")) as tx:
        assert leases.acquire(tx, patient="P1", cart="c1", nurse="N1").state is Lease.HELD
        assert leases.acquire(tx, patient="P2", cart="c1", nurse="N1").state is Lease.HELD
        assert not tx.audits
        assert leases.acquire(tx, patient="P2", cart="c1", nurse="CN1").state is Lease.HELD
        assert leases.acquire(tx, patient="PZ", cart="c2", nurse="N1").state is Lease.HELD
    assert last(app, "staff.two-carts")[1:] == ("staff/N1", {"carts": ["c2", "c1"]})
