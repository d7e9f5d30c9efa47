"""The policy pages in use: a draft with its faults beside it, two people, what changes in words, and what an attacker may try."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from pointofcare.policies import layers
from pointofcare.policies import reading as policy_reading
from server.security import sign_in
from server.store import policies
from server.store.policies import State, StoredFile
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, staff
from server.web import policy as policy_pages
from server.web import ward as board
from tests.support import server_ward, web
from tests.support.builders import facts, local
from tests.support.policies import SECOND, text, value
from tests.support.server_ward import CHARGE, NURSE, PHARMACIST, PRESCRIBER, WARD
from tests.support.stored_verdicts import stored as stored_verdict
from tests.support.web import ADMIN, FLEET, post, signed_in

GOOD = text("h-1", value("session.idle", "3 min"), '[[high_alert]]\ningredient = "amoxicilin"\nlevel = 2\nsource = "local choice"')
BAD = text("h-1", '[session.idle]\nvalue = "3 minutes"', "[window.time_criticl]")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path, verified=True) as found:
        with found.app_context():
            sign_in.limiter.reset()
            with transaction(server_ward.IMPORT) as tx:
                staff.receive(tx, server_ward.a_member(SECOND))
        yield found


@pytest.fixture
def pharmacist(app: Flask) -> FlaskClient:
    return signed_in(app, PHARMACIST)


@pytest.fixture
def second(app: Flask) -> FlaskClient:
    return signed_in(app, SECOND)


def stored(app: Flask, ward: str = "") -> list[StoredFile]:
    with app.app_context(), reading() as tx:
        return list(policies.listed(tx, ward))


def holding(app: Flask, ward: str = "") -> str:
    with app.app_context(), reading() as tx:
        return policies.in_force(tx, ward).version


def drafts(client: FlaskClient, text_: str = GOOD, ward: str = ""):  # type: ignore[no-untyped-def]
    return post(client, "/policy/new", f"/policy/new?ward={ward}", text=text_, ward=ward, action="save")


def acts(client: FlaskClient, number: int, action: str, revision: int = 1):  # type: ignore[no-untyped-def]
    return post(client, f"/policy/{number}", f"/policy/new?ward={WARD}", action=action, revision=revision)


def test_a_draft_goes_from_one_person_to_another_and_into_force(app: Flask, pharmacist: FlaskClient, second: FlaskClient) -> None:
    answer = drafts(pharmacist)
    assert "h-1 is saved as a draft" in answer.text
    assert "idling for: 5 min → 3 min" in answer.text
    assert "stricter" in answer.text
    assert "You wrote it, so you cannot" in answer.text
    assert 'value="approve"' not in answer.text
    (made,) = stored(app)
    seen = second.get(f"/policy/{made.id}").text
    assert 'value="approve"' in seen
    assert 'value="activate"' not in seen
    assert "It is not yet in force" in acts(second, made.id, "approve").text
    assert holding(app) == "default-7"
    assert "h-1 is in force" in acts(pharmacist, made.id, "activate").text
    assert holding(app) == holding(app, WARD) == "h-1"
    page = pharmacist.get("/policy/").text
    assert "in force" in page
    assert "Second pharmacist" in page


def test_faults_stand_beside_the_text_and_nothing_is_saved(app: Flask, pharmacist: FlaskClient) -> None:
    answer = drafts(pharmacist, BAD)
    assert answer.status_code == 422
    assert "Did you mean &#34;window.time_critical&#34;?" in answer.text
    assert "is no unit of time" in answer.text
    assert "It is not said where this comes from" in answer.text
    assert "Line 4" in answer.text
    assert "3 minutes" in answer.text  # what was typed is kept
    assert stored(app) == []


@pytest.mark.parametrize(("language", "words"), [("vi", "không phải là đơn vị thời gian"), ("fr", "pas une unité de temps")])
def test_faults_are_told_in_the_readers_language(app: Flask, pharmacist: FlaskClient, language: str, words: str) -> None:
    with pharmacist.session_transaction() as session:
        session["language"] = language
    assert words in drafts(pharmacist, BAD).text


def test_checking_saves_nothing(app: Flask, pharmacist: FlaskClient) -> None:
    assert "No fault" in post(pharmacist, "/policy/new", "/policy/new", text=GOOD, ward="", action="check").text
    assert stored(app) == []


def test_an_uploaded_file_takes_the_place_of_the_text(app: Flask, pharmacist: FlaskClient) -> None:
    token = web.token_of(pharmacist.get("/policy/new").text)
    fields = {"csrf_token": token, "text": "nonsense", "ward": "", "action": "save"}
    body = "".join(f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{each}\r\n' for name, each in fields.items())
    body += f'--B\r\nContent-Disposition: form-data; name="file"; filename="policy.toml"\r\n\r\n{GOOD}\r\n--B--\r\n'
    answer = pharmacist.post("/policy/new", data=body.encode(), content_type="multipart/form-data; boundary=B", follow_redirects=True)
    assert answer.status_code == 200
    assert [each.version for each in stored(app)] == ["h-1"]


def test_a_file_that_is_no_text_is_a_fault_and_not_a_crash(app: Flask, pharmacist: FlaskClient) -> None:
    token = web.token_of(pharmacist.get("/policy/new").text)
    body = f'--B\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{token}\r\n'.encode()
    body += b'--B\r\nContent-Disposition: form-data; name="file"; filename="x.toml"\r\n\r\n\x00\xff\xfe\r\n--B--\r\n'
    assert pharmacist.post("/policy/new", data=body, content_type="multipart/form-data; boundary=B").status_code == 422


def test_a_name_that_no_product_bears_is_doubted_before_anybody_approves(app: Flask, pharmacist: FlaskClient) -> None:
    assert "Did you mean &#34;amoxicillin&#34;?" in drafts(pharmacist).text


def test_nobody_approves_the_own_draft_whatever_the_browser_sends(app: Flask, pharmacist: FlaskClient) -> None:
    drafts(pharmacist)
    (made,) = stored(app)
    assert "nobody approves what they wrote" in acts(pharmacist, made.id, "approve").text
    assert "nobody else has approved" in acts(pharmacist, made.id, "activate").text
    assert stored(app)[0].approved_by is None
    assert holding(app) == "default-7"


def test_editing_takes_the_approval_away(app: Flask, pharmacist: FlaskClient, second: FlaskClient) -> None:
    drafts(pharmacist)
    (made,) = stored(app)
    acts(second, made.id, "approve")
    post(pharmacist, f"/policy/{made.id}/edit", f"/policy/{made.id}/edit", text=GOOD + "# more\n", revision=1, action="save")
    (changed,) = stored(app)
    assert (changed.revision, changed.approved_by) == (2, None)
    assert "changed meanwhile" in acts(second, made.id, "approve", revision=1).text
    assert stored(app)[0].approved_by is None


def test_two_people_who_edit_at_once_do_not_overwrite_each_other(app: Flask, pharmacist: FlaskClient, second: FlaskClient) -> None:
    drafts(pharmacist)
    (made,) = stored(app)
    address = f"/policy/{made.id}/edit"
    assert post(second, address, address, text=GOOD + "# one\n", revision=1, action="save").status_code == 200
    answer = post(pharmacist, address, address, text=GOOD + "# other\n", revision=1, action="save")
    assert answer.status_code == 409
    assert "# other" in answer.text  # nothing of what was typed is lost
    assert stored(app)[0].text.endswith("# one\n")


@pytest.mark.parametrize("actor", [NURSE, PRESCRIBER, FLEET, CHARGE], ids=lambda actor: actor.id)
def test_who_may_not_change_the_policy_cannot_send_any_of_its_forms(app: Flask, pharmacist: FlaskClient, actor) -> None:  # type: ignore[no-untyped-def]
    drafts(pharmacist)
    (made,) = stored(app)
    client = signed_in(app, actor)
    token = web.token_of(client.get("/").text)
    for address in ("/policy/new", f"/policy/{made.id}", f"/policy/{made.id}/edit"):
        answer = client.post(address, data={"csrf_token": token, "text": GOOD, "action": "approve", "revision": "1"})
        assert answer.status_code == 403, address
    assert client.get(f"/policy/{made.id}").status_code == (200 if actor is CHARGE else 403)
    assert 'name="action"' not in client.get(f"/policy/{made.id}").text
    assert stored(app)[0].state is State.DRAFT


def test_a_form_of_another_site_changes_nothing(app: Flask, pharmacist: FlaskClient, second: FlaskClient) -> None:
    drafts(pharmacist)
    (made,) = stored(app)
    for address in ("/policy/new", f"/policy/{made.id}", f"/policy/{made.id}/edit"):
        answer = second.post(address, data={"text": text("h-9"), "action": "approve", "revision": "1"})
        assert answer.status_code == 400, address
    assert [(each.version, each.approved_by) for each in stored(app)] == [("h-1", None)]


def test_what_a_policy_says_is_shown_and_never_run(app: Flask, pharmacist: FlaskClient) -> None:
    evil = "<script>alert(1)</script>"
    answer = drafts(pharmacist, text("h-1", value("session.idle", "3 min", source=evil), f"# {evil}"))
    assert answer.status_code == 200
    assert evil not in answer.text
    (made,) = stored(app)
    for address in ("/policy/", f"/policy/{made.id}", f"/policy/{made.id}/edit", f"/policy/new?from={made.id}"):
        assert evil not in pharmacist.get(address).text
    assert evil not in drafts(pharmacist, text("h-2", f'["{evil}"]')).text


@pytest.mark.parametrize("revision", ["", "-1", "1.0", "9" * 30, "x", "²"])
def test_a_broken_form_is_refused(app: Flask, pharmacist: FlaskClient, second: FlaskClient, revision: str) -> None:
    drafts(pharmacist)
    (made,) = stored(app)
    answer = post(second, f"/policy/{made.id}", "/policy/new", action="approve", revision=revision)
    assert answer.status_code == 200
    assert stored(app)[0].approved_by is None
    assert post(second, f"/policy/{made.id}", "/policy/new", action="delete", revision="1").status_code == 200


def test_a_version_that_does_not_exist_is_not_found(app: Flask, pharmacist: FlaskClient) -> None:
    for address in ("/policy/999", "/policy/999/edit", "/policy/999999999999999999999"):
        assert pharmacist.get(address).status_code in (404, 400), address


def test_an_administrator_may_be_the_second_person(app: Flask, pharmacist: FlaskClient) -> None:
    drafts(pharmacist)
    (made,) = stored(app)
    admin = signed_in(app, ADMIN)
    assert "is approved" in acts(admin, made.id, "approve").text
    assert "is in force" in acts(admin, made.id, "activate").text


def test_a_wards_draft_is_held_against_the_hospital(app: Flask, pharmacist: FlaskClient, second: FlaskClient) -> None:
    answer = drafts(pharmacist, text("w-1", value("session.idle", "2 min")), ward=WARD)
    assert answer.status_code == 422
    assert "does not let a ward change this" in answer.text
    added = text("w-1", '[[time_critical]]\ningredient = "amoxicillin"\nsource = "local choice"')
    drafts(pharmacist, added, ward=WARD)
    (made,) = stored(app, WARD)
    acts(second, made.id, "approve")
    acts(second, made.id, "activate")
    assert (holding(app), holding(app, WARD)) == ("default-7", "default-7/w-1")
    assert "own file" in pharmacist.get(f"/policy/?ward={WARD}").text


def test_the_way_back_is_offered_for_every_ended_version(app: Flask, pharmacist: FlaskClient, second: FlaskClient) -> None:
    for version in ("h-1", "h-2"):
        drafts(pharmacist, text(version))
        number = stored(app)[0].id
        acts(second, number, "approve")
        acts(pharmacist, number, "activate")
    old = stored(app)[-1]
    assert "h-1-r2 is drafted" in acts(pharmacist, old.id, "again").text
    assert [(each.version, each.state) for each in stored(app)] == [
        ("h-1-r2", State.DRAFT),
        ("h-2", State.ACTIVE),
        ("h-1", State.RETIRED),
    ]


def test_the_last_days_are_judged_again_only_when_asked(app: Flask, pharmacist: FlaskClient) -> None:
    drafts(pharmacist)
    (made,) = stored(app)
    assert "were judged again" not in pharmacist.get(f"/policy/{made.id}").text
    assert "0 verdicts from" in pharmacist.get(f"/policy/{made.id}?what_if=yes").text
    for since in ("nonsense", "2026-01-01", "9999-12-31T23:59:59+14:00", "0001-01-01T00:00:00+14:00"):
        assert pharmacist.get(f"/policy/{made.id}", query_string={"what_if": "yes", "since": since}).status_code == 200


def test_the_api_tells_what_holds_to_who_may_see_it(app: Flask, pharmacist: FlaskClient, second: FlaskClient) -> None:
    assert pharmacist.get("/api/v1/policy").get_json()["version"] == "default-7"
    drafts(pharmacist)
    (made,) = stored(app)
    acts(second, made.id, "approve")
    acts(pharmacist, made.id, "activate")
    found = pharmacist.get("/api/v1/policy", query_string={"ward": WARD}).get_json()
    assert (found["version"], found["ward"], found["by"]) == ("h-1", WARD, PHARMACIST.id)
    policy = layers.layered(policy_reading.read(found["text"]))
    assert policy.session_idle == timedelta(minutes=3)
    assert "ISMP" in found["text"]  # the default's values keep their sources
    assert pharmacist.get("/api/v1/policy?ward=NOWHERE").status_code == 404
    assert signed_in(app, NURSE).get("/api/v1/policy").status_code == 403
    assert app.test_client().get("/api/v1/policy").status_code == 401


def gave_late(app: Flask, record_id: str, at: datetime) -> None:
    """A dose whose verdict warned of the time, with the facts of it."""
    judged = stored_verdict(record_id, facts(at=local("09:30:00")))
    made = server_ward.a_record(
        record_id=record_id,
        recorded_at=at,
        effective_at=at,
        level=judged.level,
        findings=judged.findings,
        engine=judged.engine,
        policy=judged.policy,
        order=judged.order,
        order_version=judged.order_version,
        due=judged.due,
    )
    with app.app_context(), transaction(Actor(id="gateway"), at=at) as tx:
        administrations.record(tx, made, verdict_facts=judged.facts)


def test_doses_that_would_have_been_judged_otherwise_are_counted_by_rule_a_batch_a_page(
    app: Flask, pharmacist: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_pages, "JUDGED", 2)
    now = datetime.now(UTC)
    for number in range(3):
        gave_late(app, f"R{number}", now - timedelta(hours=5 - number))
    gave_late(app, "R-old", now - timedelta(days=40))
    drafts(pharmacist, text("h-1", value("window.frequent", "180 min"), value("window.daily_or_less", "180 min")))
    (made,) = stored(app)
    address: str | None = f"/policy/{made.id}?what_if=yes"
    told = []
    while address is not None and len(told) < 5:
        page = pharmacist.get(address).text
        found = re.search(r"(\d+) verdicts from .*?(\d+) would have been others", page, re.S)
        assert found is not None
        told.append((int(found[1]), int(found[2])))
        assert re.search(r'<th scope="row"[^>]*>T1</th>', page)
        following = re.search(r'href="([^"]+)#what-if">Go on from there', page)
        address = html.unescape(following[1]) if following is not None else None
    # The next page begins with the very moment at which the one before ended, so that none is left out.
    assert address is None
    assert told[0] == (2, 2)
    assert sum(judged for judged, _ in told) - (len(told) - 1) == 3
    assert holding(app) == "default-7"


def test_a_ward_board_keeps_the_windows_of_its_own_ward(app: Flask, pharmacist: FlaskClient, second: FlaskClient) -> None:
    drafts(pharmacist, text("h-1", 'wards_may_change = ["window.frequent"]'))
    (made,) = stored(app)
    acts(second, made.id, "approve")
    acts(pharmacist, made.id, "activate")
    drafts(pharmacist, text("w-1", value("window.frequent", "45 min")), ward=WARD)
    (own,) = stored(app, WARD)
    acts(second, own.id, "approve")
    acts(pharmacist, own.id, "activate")
    asked: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        beds = board.beds
        patch.setattr(
            board, "beds", lambda *given, policy, **named: (asked.append(policy.version), beds(*given, policy=policy, **named))[1]
        )
        assert pharmacist.get(f"/ward/?ward={WARD}").status_code == 200
    assert asked == ["h-1/w-1"]
