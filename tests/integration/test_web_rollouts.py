"""The pages of rollouts: made by a form, previewed, started, held and ended by whoever may, and the sentence why for each cart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from firmware_bridge.update import steps
from pointofcare.fleet.rollout import State as RolloutState
from pointofcare.fleet.update import State
from pointofcare.fleet.why import CODES, Reason
from pointofcare.wire.messages import JobState
from server.store import rollouts
from server.store.transaction import reading
from server.usecases import rollout_words
from server.usecases.firmware import release as found_release
from server.web import page
from server.web import rollouts as pages
from tests.integration import test_rollouts as carts
from tests.support import firmware, web
from tests.support.rollouts import minutes
from tests.support.server_ward import CHARGE, NURSE, WARD
from tests.support.web import FLEET

PENALTY = {"why": "selftest-gauge", "failures": 1, "attempts": 3, "until": datetime(2026, 1, 2, tzinfo=UTC)}
HERE, NEW_FORM = "/fleet/rollouts/", "/fleet/rollouts/new"


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A repository with one release, and its name."""
    people = firmware.people(tmp_path_factory.mktemp("firmware"))
    people.ceremony()
    return people.held.directory, people.release(people.image("1.1.0+7"), version="1.1.0+7")


@pytest.fixture
def app(tmp_path: Path, signed: tuple[Path, str]) -> Iterator[Flask]:
    (tmp_path / "firmware").symlink_to(signed[0])
    with web.ward_app(tmp_path) as made:
        with made.app_context():
            for number in (1, 2, 3):
                carts.here(f"cart-{number:02}", WARD, datetime.now(UTC))
                carts.reports(f"cart-{number:02}", datetime.now(UTC))
        yield made


def fields(signed: tuple[Path, str], **more: str) -> dict[str, str]:
    usual = {"title": "1.1.0 everywhere", "release": signed[1], "kind": "shares", "shares": "34, 100", "newcomers": "last-wave"}
    numbers = {"at_once": "1", "bake_min": "1", "pause_at_failures": "1", "attempts": "3", "penalty_min": "60", "update_min": "30"}
    others = {"job_min": "60", "offline_min": "10", "success_percent": "100", "idle_min": "0", "charge_percent": "40", "docked": "yes"}
    return {**usual, **numbers, **others, "do": "make", **more}


def made(app: Flask, signed: tuple[Path, str], **more: str) -> int:
    answer = web.post(web.signed_in(app, FLEET), NEW_FORM, NEW_FORM, **fields(signed, **more))
    assert "The draft is made" in answer.text
    with app.app_context(), reading() as tx:
        return rollouts.listed(tx)[0].id


def state(app: Flask, rollout: int) -> RolloutState:
    with app.app_context(), reading() as tx:
        return rollouts.get(tx, rollout).state


def test_an_empty_list_says_what_to_do_and_the_form_offers_the_releases(app: Flask, signed: tuple[Path, str]) -> None:
    client = web.signed_in(app, FLEET)
    assert "There is no rollout yet" in client.get(HERE).text
    form = client.get(NEW_FORM).text
    assert "1.1.0+7 · cart-mcu-r2" in form
    assert "Nội tổng hợp" in form or WARD in form


def test_the_preview_shows_the_waves_and_makes_nothing(app: Flask, signed: tuple[Path, str]) -> None:
    client = web.signed_in(app, FLEET)
    text = web.post(client, NEW_FORM, NEW_FORM, **fields(signed, do="preview")).text
    assert "Wave 1: 2 carts" in text
    assert "Wave 2: 1 cart" in text
    assert "There is no rollout yet" in client.get(HERE).text


WRONG = (
    ({"shares": "50, 25"}, "rise, and end with 100"),
    ({"shares": "x"}, "rise, and end with 100"),
    ({"at_once": "0"}, "Write a whole number from 1 to 100"),
    ({"bake_min": "99999999999"}, "Write a whole number from 0"),
    ({"title": " "}, "Give it a name"),
    ({"release": "cart-mcu/none.bin"}, "Choose a release"),
    ({"kind": "carts", "carts": "cart-01\ncart-77"}, "There is no such cart: cart-77"),
    ({"kind": "carts", "carts": "cart-01, cart-01"}, "named twice"),
    ({"kind": "wards"}, "There must be one wave"),
    ({"kind": "wards", f"ward-{WARD}": "77"}, "a number from 1 to 20"),
    ({"kind": "nonsense"}, "There must be one wave"),
)


def test_what_is_wrong_is_said_at_its_field_and_what_was_written_stays(app: Flask, signed: tuple[Path, str]) -> None:
    client = web.signed_in(app, FLEET)
    for wrong, said in WRONG:
        text = web.post(client, NEW_FORM, NEW_FORM, **fields(signed, **wrong)).text
        assert said in text, wrong
        assert wrong.get("title") == " " or "1.1.0 everywhere" in text
    assert "There is no rollout yet" in client.get(HERE).text


def test_a_rollout_is_started_paused_resumed_and_stopped_with_reasons(app: Flask, signed: tuple[Path, str]) -> None:
    rollout = made(app, signed)
    client, here = web.signed_in(app, FLEET), f"/fleet/rollouts/{rollout}"
    act = f"{here}/do"
    assert "It has not been started" in client.get(here).text or "has not been started" in client.get(here).text
    web.post(client, act, here, do="start")
    assert state(app, rollout) is RolloutState.RUNNING
    with app.app_context():
        carts.ticked(rollout, datetime.now(UTC))
    text = client.get(here).text
    assert "The job was sent at" in text
    assert "which is the most at once" in text
    web.post(client, act, here, do="pause", reason=" ")
    assert state(app, rollout) is RolloutState.RUNNING
    web.post(client, act, here, do="pause", reason="a visit")
    assert "a visit" in client.get(here).text
    web.post(client, act, here, do="resume", reason="over")
    web.post(client, act, here, do="stop", reason="enough")
    assert state(app, rollout) is RolloutState.RUNNING
    web.post(client, act, here, do="stop", reason="enough", sure="yes")
    assert state(app, rollout) is RolloutState.STOPPED
    assert "What you can do now" not in client.get(here).text
    assert "changed" in web.post(client, act, HERE, do="start").text


def test_a_wave_that_fails_its_self_test_pauses_and_says_so(app: Flask, signed: tuple[Path, str]) -> None:
    rollout = made(app, signed)
    client, here = web.signed_in(app, FLEET), f"/fleet/rollouts/{rollout}"
    web.post(client, f"{here}/do", here, do="start")
    with app.app_context():
        carts.ticked(rollout, datetime.now(UTC))
        with reading() as tx:
            cart = next(one.cart for one in rollouts.updates(tx, rollout) if one.state is State.ASSIGNED)
        carts.says(cart, datetime.now(UTC), JobState.REVERTED, why="self-test")
        carts.ticked(rollout, datetime.now(UTC) + minutes(0.2))
    text = client.get(here).text
    assert "Paused by itself: 1 carts failed" in text
    assert "Failed (self-test failed), 1 of 3; rests until" in text
    assert "The rollout paused itself" in text
    page = client.get(f"/fleet/rollouts/cart/{cart}").text
    assert "attempt 1" in page
    assert "self-test failed" in page
    live = client.get(f"{here}?part=live&loaded=running").text
    assert "has changed since this page was opened" in live


def test_a_cart_is_left_out_with_a_reason(app: Flask, signed: tuple[Path, str]) -> None:
    rollout = made(app, signed)
    client, here = web.signed_in(app, FLEET), f"/fleet/rollouts/{rollout}"
    web.post(client, f"{here}/do", here, do="start")
    web.post(client, f"{here}/leave-out", here, cart="cart-02", reason="in repair")
    assert "Left out of this rollout: in repair" in client.get(f"{here}?state=skipped").text
    assert "cart-02" not in client.get(f"{here}?state=queued").text.split("<tbody>")[1]


def test_who_may_not_sees_no_button_and_is_refused(app: Flask, signed: tuple[Path, str]) -> None:
    rollout = made(app, signed)
    here = f"/fleet/rollouts/{rollout}"
    charge = web.signed_in(app, CHARGE)
    text = charge.get(here).text
    assert "1.1.0 everywhere" in text
    assert "What you can do now" not in text
    assert charge.get(NEW_FORM).status_code == 403
    token = web.token_of(charge.get(here).text)
    assert charge.post(f"{here}/do", data={"csrf_token": token, "do": "start"}).status_code == 403
    assert web.signed_in(app, NURSE).get(here).status_code == 403
    assert state(app, rollout) is RolloutState.DRAFT


def test_rubbish_in_the_address_is_no_fault_of_the_page(app: Flask, signed: tuple[Path, str]) -> None:
    rollout = made(app, signed)
    client = web.signed_in(app, FLEET)
    for address in (
        f"{HERE}?before=x",
        f"{HERE}?before=99999999999999",
        f"{HERE}{rollout}?state=x&wave=-1&page=0",
        f"{HERE}{rollout}?wave=999&page=199",
    ):
        assert client.get(address).status_code == 200, address
    for nobody in (f"{HERE}999999", f"{HERE}cart/nobody"):
        assert client.get(nobody).status_code == 404, nobody


def test_every_sentence_is_there_in_every_language(app: Flask) -> None:
    values = {
        "since": datetime.now(UTC), "until": datetime.now(UTC), "why": "self-test", "wave": 2, "current": 1, "found": 31, "wanted": 40,
        "number": 10, "attempts": 3, "failures": 2, "reason": "x", "step": "upload", "percent": 40,
    }  # fmt: skip
    for language in ("vi", "en", "fr"):
        with app.test_request_context(headers={"Accept-Language": language}):
            for code in CODES:
                told = pages.sentence(Reason(code=code, parameters=values))
                assert "rollout-" not in told, (language, code, told)
                assert "{" not in told, (language, code, told)


def test_every_cause_that_a_bridge_gives_has_words_in_every_language(app: Flask) -> None:
    given = set(re.findall(r'why="([a-z-]+)"', Path(steps.__file__).read_text(encoding="utf-8")))
    assert {"fell-back", "mcu-silent"} <= given
    for language in ("vi", "en", "fr"):
        with app.test_request_context(headers={"Accept-Language": language}):
            plain = rollout_words.cause("self-test", page.word)
            for code in given:
                assert rollout_words.cause(code, page.word) != code, (language, code)
            assert rollout_words.cause("selftest-failed", page.word) == plain
            assert rollout_words.cause("selftest-gauge", page.word) == f"{plain} (gauge)"
            assert "selftest-" not in pages.sentence(Reason(code="penalty", parameters=PENALTY))


def test_the_release_is_the_one_of_the_signed_repository(app: Flask, signed: tuple[Path, str]) -> None:
    rollout = made(app, signed)
    found = found_release(*signed)
    assert found is not None
    with app.app_context(), reading() as tx:
        target = rollouts.get(tx, rollout).rollout.target
    assert (target.image_hash, target.security_counter) == (found.image_hash, found.security_counter)
