"""What carts run with against what is wanted: told exactly, mended by a person's word alone, and never by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from pointofcare.wire import settings
from pointofcare.wire.messages import CartBirth, CartState, ConfigReported
from pointofcare.wire.messages.state import CartPhase
from server.store import audit, cart_config, fleet
from server.store.cart_config import CartConfig
from server.store.transaction import Actor, reading, transaction
from tests.support import server_ward, web
from tests.support.server_ward import WARD
from tests.support.web import FLEET

GATEWAY = Actor(id="gateway")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as made:
        with made.app_context(), transaction(GATEWAY) as tx:
            for cart in ("c1", "c2"):
                fleet.put_birth(tx, cart, CartBirth(versions={"app": "1.0"}, hardware="test", boot_id="b", epoch="e", ward=WARD))
                fleet.put_state(tx, cart, CartState(phase=CartPhase.READY, ward=WARD), sid="s", sent_at=tx.at)
        yield made


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return web.signed_in(app, FLEET)


def tells(app: Flask, document: Mapping[str, Any], *, version: int, cart: str = "c1", refused: Mapping[str, str] | None = None) -> None:
    whole = settings.whole({}) | dict(document)
    with app.app_context(), transaction(GATEWAY) as tx:
        told = ConfigReported(version=version, document=whole, hash=settings.hash_of(whole), refused=refused or {})
        cart_config.reported(tx, cart, told)


def config(app: Flask, cart: str = "c1") -> CartConfig:
    with app.app_context(), reading() as tx:
        return cart_config.one(tx, cart)


def wants(browser: FlaskClient, cart: str = "c1", reason: str = "night ward", **fields: object) -> str:
    return web.post(browser, f"/fleet-config/cart/{cart}/want", f"/fleet-config/cart/{cart}", reason=reason, **fields).text


def test_a_difference_is_told_exactly_and_stays_until_a_person_decides(app: Flask, browser: FlaskClient) -> None:
    wants(browser, sound_volume="low", idle_lock_s="120")
    tells(app, {"sound_volume": "loud", "idle_lock_s": 120}, version=1)
    shown = browser.get("/fleet-config/").text
    assert all(word in shown for word in ("c1", "Volume", "<ins>low</ins>", "<del>loud</del>"))
    assert "Lock when idle" not in shown
    before = config(app)
    browser.get("/fleet-config/cart/c1")
    assert config(app) == before
    assert "c1" in browser.get("/fleet/?drift=yes").text


def test_adopting_makes_what_runs_the_wanted_and_says_why(app: Flask, browser: FlaskClient) -> None:
    wants(browser, sound_volume="low")
    tells(app, {"sound_volume": "loud"}, version=1)
    web.post(browser, "/fleet-config/cart/c1/adopt", "/fleet-config/cart/c1", hash=config(app).reported_hash, reason="the nurse set it")
    found = config(app)
    assert (found.desired_version, dict(found.desired)) == (2, {"sound_volume": "loud"})
    tells(app, {"sound_volume": "loud"}, version=2)
    assert cart_config.drifts(config(app)) is False
    with app.app_context(), reading() as tx:
        (line, *_) = audit.listed(tx, subject="cart/c1")
    assert (line.action, line.detail["reason"]) == ("cart-config.adopt", "the nurse set it")


def test_what_changed_since_it_was_looked_at_is_not_adopted(app: Flask, browser: FlaskClient) -> None:
    wants(browser, sound_volume="low")
    tells(app, {"sound_volume": "loud"}, version=1)
    looked_at = config(app).reported_hash
    tells(app, {"sound_volume": "normal", "language": "fr"}, version=1)
    answer = web.post(browser, "/fleet-config/cart/c1/adopt", "/fleet-config/cart/c1", hash=looked_at, reason="seen")
    assert "something else by now" in answer.text
    assert config(app).desired_version == 1


def test_applying_again_raises_the_version_so_that_the_cart_is_told_once_more(app: Flask, browser: FlaskClient) -> None:
    wants(browser, sound_volume="low")
    tells(app, {"sound_volume": "loud"}, version=1)
    web.post(browser, "/fleet-config/cart/c1/again", "/fleet-config/cart/c1", reason="was changed at the cart")
    with app.app_context(), reading() as tx:
        (waiting,) = cart_config.lacking(tx)
    assert (waiting.cart, waiting.desired_version, dict(waiting.desired)) == ("c1", 2, {"sound_volume": "low"})


@pytest.mark.parametrize("verb", ["adopt", "again"])
def test_nothing_is_decided_without_a_reason(app: Flask, browser: FlaskClient, verb: str) -> None:
    wants(browser, sound_volume="low")
    tells(app, {"sound_volume": "loud"}, version=1)
    web.post(browser, f"/fleet-config/cart/c1/{verb}", "/fleet-config/cart/c1", hash=config(app).reported_hash, reason=" ")
    assert config(app).desired_version == 1


def test_a_value_out_of_bounds_is_said_at_its_field_and_nothing_is_wanted(app: Flask, browser: FlaskClient) -> None:
    assert "out of bounds" in wants(browser, telemetry_interval_s="1")
    assert config(app).desired_version == 0


def test_what_a_cart_refused_says_why(app: Flask, browser: FlaskClient) -> None:
    wants(browser, kiosk_threads="4")
    tells(app, {}, version=1, refused={"kiosk_threads": "setting-needs-restart"})
    assert "takes a restart" in browser.get("/fleet-config/cart/c1").text


def test_a_cart_that_has_not_told_is_not_called_as_wanted(app: Flask, browser: FlaskClient) -> None:
    wants(browser, sound_volume="low")
    assert cart_config.drifts(config(app)) is None
    assert 'id="row-c1"' not in browser.get("/fleet/?drift=no").text
    assert 'id="row-c1"' in browser.get("/fleet/?drift=unknown").text


def test_a_wards_document_changes_no_cart_before_it_is_applied_as_it_was_seen(app: Flask, browser: FlaskClient) -> None:
    address = f"/fleet-config/ward/{WARD}"
    web.post(browser, f"{address}/keep", address, reason="quiet at night", sound_volume="low")
    assert config(app).desired_version == 0
    web.post(browser, f"{address}/apply", address, version="7", reason="seen another")
    assert config(app).desired_version == 0
    assert "2 carts" in web.post(browser, f"{address}/apply", address, version="1", reason="agreed").text
    assert [dict(config(app, cart).desired) for cart in ("c1", "c2")] == [{"sound_volume": "low"}] * 2
    assert "0 carts" in web.post(browser, f"{address}/apply", address, version="1", reason="twice").text
    assert config(app).desired_version == 1


def test_a_charge_nurse_reads_and_decides_nothing(app: Flask) -> None:
    nurse = web.signed_in(app, server_ward.CHARGE)
    shown = nurse.get("/fleet-config/cart/c1")
    assert shown.status_code == 200
    assert "/want" not in shown.text
    token = web.token_of(nurse.get("/account/").text)
    for verb in ("want", "adopt", "again"):
        assert nurse.post(f"/fleet-config/cart/c1/{verb}", data={"csrf_token": token, "reason": "x"}).status_code == 403


def test_one_and_true_are_two_values() -> None:
    told = CartConfig(cart="c1", desired_version=1, desired={"camera_alert": True}, reported_version=1, reported={"camera_alert": 1})
    assert cart_config.differing(told) == {"camera_alert": (True, 1)}
