"""The page of what other systems sent: why an item was not taken, its whole content, and what a person decides. And the hook."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from server.app import CONFIG
from server.feed_settings import FhirFeedConfig
from server.store import audit_log, incoming
from server.store.incoming import Reason
from server.store.transaction import Actor, reading, transaction
from server.usecases import arrivals
from tests.support import server_ward, web

FEED = Actor(id="fhir-feed")
EVIL = '<script>alert("x")</script>'
SECRET = "h" * 40


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("incoming")) as made:
        yield made


def rejected(app: Flask, key: str, code: str = arrivals.OTHER_PERSON, payload: bytes = b'{"resourceType": "Patient"}') -> int:
    with app.app_context(), transaction(FEED) as tx:
        item = incoming.keep(tx, source="fhir", kind="Patient", key=key, payload=payload, subject="P1").item
        told = {"known": "AN 1958-03-02 (1)", "sent": "BÌNH 1990-01-01 (1)"}
        incoming.reject(tx, item, Reason(code=code, field="Patient.birthDate", found=EVIL, parameters=told), patient="P1")
    return item


def state(app: Flask, item: int) -> incoming.Item:
    with app.app_context(), reading(FEED) as tx:
        return incoming.get(tx, item)


@pytest.mark.parametrize("language", ["vi", "en", "fr"])
def test_the_list_and_the_item_say_why_and_show_the_content_as_text(app: Flask, language: str) -> None:
    item = rejected(app, f"Patient/{language}/1", payload=f'{{"name": "{EVIL[:8]}", "dose": 0.50}}'.encode())
    browser = web.signed_in(app, server_ward.PHARMACIST)
    web.post(browser, "/language", "/", language=language)
    listed, shown = browser.get("/incoming/").text, browser.get(f"/incoming/{item}").text
    for page in (listed, shown):
        assert {"vi": "BÌNH 01/01/1990", "en": "BÌNH 1 Jan 1990", "fr": "BÌNH 01/01/1990"}[language] in page.replace("\u202f", " ")
        assert EVIL not in page
        assert ">incoming-" not in page  # each code has its words
    assert "0.50" in shown
    file = browser.get(f"/incoming/{item}/payload")
    assert file.data == f'{{"name": "{EVIL[:8]}", "dose": 0.50}}'.encode()
    assert "attachment" in file.headers["Content-Disposition"]


def test_a_person_tries_again_accepts_with_a_reason_or_sets_aside_and_each_is_audited(app: Flask) -> None:
    browser = web.signed_in(app, server_ward.PHARMACIST)
    first, second, third = (rejected(app, f"Patient/decide/{number}") for number in range(3))

    def decide(item: int, **form: str) -> None:
        web.post(browser, f"/incoming/{item}/decide", f"/incoming/{item}", **form)

    decide(first, decision="again")
    decide(second, decision="accept", comment="")
    assert state(app, second).state == incoming.REJECTED  # not without saying how
    decide(second, decision="accept", comment="saw the identity card")
    decide(third, decision="set-aside", comment="the sender made a new record")
    found = [state(app, item) for item in (first, second, third)]
    assert [one.state for one in found] == [incoming.WAITING, incoming.WAITING, incoming.SET_ASIDE]
    assert [one.accepted for one in found] == [False, True, False]
    assert {one.decided_by for one in found} == {server_ward.PHARMACIST.id}
    with app.app_context(), reading(FEED) as tx:
        actions = {json.loads(row.entry)["action"] for row in audit_log.unsealed(tx, limit=500)}
    assert {"incoming.requeue", "incoming.accept", "incoming.set-aside"} <= actions


def test_what_is_no_question_of_identity_cannot_be_accepted(app: Flask) -> None:
    item = rejected(app, "Patient/unreadable/1", code="needed")
    browser = web.signed_in(app, server_ward.PHARMACIST)
    web.post(browser, f"/incoming/{item}/decide", f"/incoming/{item}", decision="accept", comment="yes")
    assert state(app, item).state == incoming.REJECTED


def test_a_nurse_neither_sees_nor_decides(app: Flask) -> None:
    item = rejected(app, "Patient/nurse/1")
    browser = web.signed_in(app, server_ward.NURSE)
    assert browser.get("/incoming/").status_code == 403
    assert browser.get(f"/incoming/{item}").status_code == 403


def test_a_hook_is_a_signed_word_to_look_and_never_data(app: Flask) -> None:
    stranger = app.test_client()
    body = b'{"resourceType": "MedicationRequest", "id": "evil"}'
    right = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()

    def post(signature: str, sent: bytes = body) -> int:
        headers = {"X-Signature": signature, "Content-Type": "application/fhir+json"}
        return stranger.post("/feed/fhir/poll", data=sent, headers=headers).status_code

    assert post(right) == 404  # without a feed there is nothing to wake
    feed = FhirFeedConfig(enabled=True, base_url="http://127.0.0.1:9/fhir", hook_secret=SECRET)
    app.config[CONFIG] = replace(app.config[CONFIG], fhir_feed=feed)
    assert [post("0" * 64), post(""), post(right, b"{}")] == [403, 403, 403]
    assert post(right) == 202
    with app.app_context(), reading(FEED) as tx:
        assert incoming.feed(tx, "fhir", "hook") is not None
        assert not [one for one in incoming.listed(tx, limit=200) if "evil" in one.key]
    assert 429 in {post("0" * 64) for _ in range(130)}
