"""A person's own password, and who the server believes to be calling behind a proxy."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask, request

from server.app import create_app
from server.store.transaction import transaction
from server.usecases import imports, staff
from tests.support import web
from tests.support.databases import config_for
from tests.support.server_ward import NURSE, PHARMACIST
from tests.support.web import ADMIN, EVERYBODY

NEW = "another good password"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("web")) as found:
        yield found


@pytest.fixture(autouse=True)
def _fresh_limits(app: Flask) -> None:
    web.forget_failures(app)


def enters(app: Flask, name: str, password: str) -> bool:
    client = app.test_client()
    token = web.token_of(client.get("/sign-in").text)
    return client.post("/sign-in", data={"csrf_token": token, "username": name, "password": password}).status_code == 302


def test_a_person_changes_the_own_password_and_every_session_ends(app: Flask) -> None:
    web.give_password(app, NURSE)
    client, elsewhere = web.signed_in(app, NURSE), web.signed_in(app, NURSE)
    said = web.post(client, "/account/", "/account/", current=web.PASSWORD, new=NEW, again=NEW)
    assert "Your password is changed" in said.text
    assert elsewhere.get("/ward/").status_code == 302
    assert client.get("/ward/").status_code == 302
    assert enters(app, "n1", NEW)
    assert not enters(app, "n1", web.PASSWORD)


@pytest.mark.parametrize(
    ("current", "new", "again", "says"),
    [
        ("not the one of before", NEW, NEW, "not your current password"),
        ("", NEW, NEW, "not your current password"),
        (web.PASSWORD, "short", "short", "12"),
        (web.PASSWORD, NEW, NEW + "x", "not the same"),
        (web.PASSWORD, web.PASSWORD, web.PASSWORD, "password of before"),
        (web.PASSWORD, "x" * 201, "x" * 201, "200"),
    ],
)
def test_a_password_that_does_not_do_is_refused_at_its_field(app: Flask, current: str, new: str, again: str, says: str) -> None:
    web.give_password(app, PHARMACIST)
    client = web.signed_in(app, PHARMACIST)
    answer = web.post(client, "/account/", "/account/", current=current, new=new, again=again)
    assert answer.status_code == 422
    assert says in answer.text
    assert web.PASSWORD not in answer.text
    assert client.get("/ward/").status_code == 200
    assert enters(app, "ph1", web.PASSWORD)


def test_guessing_the_password_of_an_open_screen_is_stopped(app: Flask) -> None:
    web.give_password(app, PHARMACIST)
    client = web.signed_in(app, PHARMACIST)
    token = web.token_of(client.get("/account/").text)
    guesses = [client.post("/account/", data={"csrf_token": token, "current": f"guess {n}", "new": NEW, "again": NEW}) for n in range(9)]
    assert guesses[-1].status_code == 429


def test_everybody_finds_the_page_and_a_stranger_does_not(app: Flask) -> None:
    for person in EVERYBODY:
        assert 'href="/account/"' in web.signed_in(app, person).get("/").text
    assert app.test_client().get("/account/").status_code == 302
    assert app.test_client().post("/account/").status_code == 302


def test_a_password_set_on_one_keyboard_is_right_on_another(app: Flask) -> None:
    composed = unicodedata.normalize("NFC", "mật khẩu của tôi")
    with app.app_context(), transaction(ADMIN) as tx:
        staff.set_password(tx, NURSE.id, imports.hash_password(unicodedata.normalize("NFD", composed)))
    assert enters(app, "n1", composed)


def test_an_administrators_edit_keeps_what_the_form_does_not_show(app: Flask) -> None:
    client = web.signed_in(app, ADMIN)
    web.post(client, "/staff/", "/staff/N1", id="N1", name="Nurse One", username="n1", roles="nurse", active="yes", badge="BADGE:N1")
    known = web.known_staff(app, "N1")
    assert (known.name, known.email) == ("Nurse One", "n1@hospital.example")
    assert known.pin_hash


@pytest.mark.parametrize(("proxies", "seen", "secure"), [(0, "127.0.0.1", False), (1, "203.0.113.9", True)])
def test_the_caller_named_by_a_proxy_is_believed_only_when_one_is_configured(tmp_path: Path, proxies: int, seen: str, secure: bool) -> None:
    config = config_for(f"sqlite:///{tmp_path / 'ward.sqlite'}", tmp_path)
    app = create_app(replace(config, http=replace(config.http, proxies=proxies)), pages=False)
    app.view_functions["healthz"] = lambda: f"{request.remote_addr} {request.is_secure}"
    headers = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9", "X-Forwarded-Proto": "https"}
    assert app.test_client().get("/healthz", headers=headers).text == f"{seen} {secure}"
