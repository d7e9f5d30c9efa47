"""The maintenance of carts: due, overdue, done once, coming back; its calendar file; asset facts all or none."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from pointofcare.wire.messages import CartBirth
from server.store import audit, fleet, fleet_care
from server.store.fleet_care import Asset, Care
from server.store.transaction import Actor, reading, transaction
from server.usecases import fleet_calendar
from tests.support import server_ward, web
from tests.support.web import FLEET

TODAY = datetime.now(UTC).date()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as made:
        with made.app_context(), transaction(Actor(id="gateway")) as tx:
            for cart in ("c1", "c2"):
                fleet.put_birth(tx, cart, CartBirth(versions={"app": "1.0"}, hardware="test", boot_id="b", epoch="e"))
        yield made


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return web.signed_in(app, FLEET)


def planned(browser: FlaskClient, **fields: object) -> str:
    told = {"cart": "c1", "kind": "battery", "due_on": (TODAY - timedelta(days=3)).isoformat(), "every_days": "", "note": "", **fields}
    return web.post(browser, "/fleet-care/plan", "/fleet-care/", **told).text


def listed(app: Flask, cart: str = "c1") -> tuple[Care, ...]:
    with app.app_context(), reading() as tx:
        return fleet_care.of_cart(tx, cart)


def test_what_is_overdue_is_said_and_comes_back_after_it_was_done_once(app: Flask, browser: FlaskClient) -> None:
    assert "Overdue" in planned(browser, every_days="90")
    (care,) = listed(app)
    answer = web.post(browser, f"/fleet-care/{care.id}/done", "/fleet-care/", on=TODAY.isoformat(), note="new cells")
    assert "Due again" in answer.text
    again = web.post(browser, f"/fleet-care/{care.id}/done", "/fleet-care/", on=TODAY.isoformat(), note="twice")
    assert "Due again" not in again.text
    following, before = listed(app)
    assert (following.due_on, following.every_days, following.is_open) == (TODAY + timedelta(days=90), 90, True)
    assert (before.outcome, before.done_on, before.ended_by, before.ended_note) == ("done", TODAY, FLEET.id, "new cells")
    with app.app_context(), reading() as tx:
        assert [line.action for line in audit.listed(tx, subject="cart/c1")] == ["cart-care.done", "cart-care.plan"]


def test_what_is_dropped_does_not_come_back_and_says_why(app: Flask, browser: FlaskClient) -> None:
    planned(browser, every_days="30")
    (care,) = listed(app)
    assert "Say why" in web.post(browser, f"/fleet-care/{care.id}/drop", "/fleet-care/", why=" ").text
    web.post(browser, f"/fleet-care/{care.id}/drop", "/fleet-care/", why="cart was sold")
    (after,) = listed(app)
    assert (after.outcome, after.ended_note) == ("dropped", "cart was sold")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"cart": "nobody"}, "No such cart"),
        ({"due_on": "soon"}, "This is no day"),
        ({"every_days": "99999"}, "1 to 3660"),
        ({"kind": "<b>"}, "no such kind"),
    ],
)
def test_a_fault_is_said_at_its_field_and_nothing_is_planned(app: Flask, browser: FlaskClient, fields: dict[str, str], said: str) -> None:
    assert said in planned(browser, **fields)
    assert listed(app) == ()


def test_nothing_was_done_tomorrow(app: Flask, browser: FlaskClient) -> None:
    planned(browser)
    (care,) = listed(app)
    web.post(browser, f"/fleet-care/{care.id}/done", "/fleet-care/", on=(TODAY + timedelta(days=9)).isoformat())
    assert listed(app)[0].is_open


def test_a_charge_nurse_sees_the_calendar_and_changes_nothing(app: Flask) -> None:
    nurse = web.signed_in(app, server_ward.CHARGE)
    shown = nurse.get("/fleet-care/")
    assert shown.status_code == 200
    assert "fleet-care/plan" not in shown.text
    token = web.token_of(nurse.get("/account/").text)
    assert nurse.post("/fleet-care/plan", data={"csrf_token": token, "cart": "c1"}).status_code == 403


def test_the_calendar_file_keeps_to_its_standard(app: Flask, browser: FlaskClient) -> None:
    planned(browser, note="khử khuẩn, thay lọc; xem sổ \\ trang 3 – " + "ặ" * 60)
    told = browser.get("/fleet-care/care.ics")
    assert told.mimetype == "text/calendar"
    assert all(len(line) <= 75 for line in told.data.split(b"\r\n"))
    assert b"\n" not in told.data.replace(b"\r\n", b"")
    unfolded = told.data.replace(b"\r\n ", b"").decode()
    (care,) = listed(app)
    assert f"UID:cart-care-{care.id}@h1.pointofcare" in unfolded
    assert f"DTSTART;VALUE=DATE:{care.due_on:%Y%m%d}\r\n" in unfolded
    assert "DESCRIPTION:khử khuẩn\\, thay lọc\\; xem sổ \\\\ trang 3" in unfolded
    assert unfolded.count("BEGIN:VEVENT") == unfolded.count("END:VEVENT") == 1
    assert unfolded.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
    assert unfolded.endswith("END:VCALENDAR\r\n")


def test_no_text_breaks_out_of_its_line() -> None:
    care = Care(
        id=1, cart="c1", kind="other", due_on=date(2026, 3, 2), every_days=None, note="a\r\nBEGIN:VEVENT\x07", made_at=datetime.now(UTC),
        made_by="F1", outcome=None, done_on=None, ended_at=None, ended_by=None, ended_note="",
    )  # fmt: skip
    told = fleet_calendar.written([care], facility="h1", at=datetime(2026, 3, 2, tzinfo=UTC), summary=lambda one: one.cart)
    assert told.count(b"\r\nBEGIN:VEVENT") == 1
    assert b"a\\nBEGIN:VEVENT\r\n" in told


def imported(browser: FlaskClient, content: bytes) -> str:
    token = web.token_of(browser.get("/fleet-care/").text)
    data = {"csrf_token": token, "file": (io.BytesIO(content), "assets.csv")}
    return browser.post("/fleet-care/assets", data=data, content_type="multipart/form-data", follow_redirects=True).text


def facts(app: Flask, cart: str) -> Asset | None:
    with app.app_context(), reading() as tx:
        return fleet_care.asset(tx, cart)


def test_assets_come_from_a_file_and_go_into_one_that_comes_back(app: Flask, browser: FlaskClient) -> None:
    content = "\ufeffcart;tag;serial;purchased_on;warranty_until\nc1;TS-001;SN 1;2025-01-02;2027-01-02\nc9;TS-009;SN 9;;\n"
    assert "2 carts were imported" in imported(browser, content.encode())
    found = facts(app, "c1")
    assert found is not None
    assert (found.tag, found.serial, found.purchased_on, found.warranty_until) == ("TS-001", "SN 1", date(2025, 1, 2), date(2027, 1, 2))
    assert "2 carts were imported" in imported(browser, browser.get("/fleet-care/assets.csv").data)
    assert facts(app, "c1") is not None
    assert "1 cart was imported" in imported(browser, b"cart,ward_home\nc1,WARD\n")
    found = facts(app, "c1")
    assert found is not None
    assert (found.tag, found.ward_home) == ("TS-001", "WARD")
    assert "c1" in browser.get("/fleet/?q=ts-001").text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"cart,tag\nc1,A\nc 2,B\n", "no name of a cart"),
        (b"cart,tag\nc1,A\nc2,A\n", "Another cart has this asset tag"),
        (b"cart,tag\nc1,A\nc1,B\n", "stands in the file twice"),
        (b"cart,purchased_on\nc1,yesterday\n", "This is no day"),
        (b"tag,serial\nA,B\n", "must have a column cart"),
        (b"\xff\xfe\x00", "not CSV in UTF-8"),
        (b"", "must have a column cart"),
    ],
)
def test_with_one_fault_in_the_file_nothing_of_it_is_written(app: Flask, browser: FlaskClient, content: bytes, said: str) -> None:
    assert said in imported(browser, content)
    assert facts(app, "c1") is None


def test_a_tag_stands_on_one_cart_only(app: Flask, browser: FlaskClient) -> None:
    imported(browser, b"cart,tag\nc1,A-1\n")
    assert "Another cart has this asset tag" in web.post(browser, "/fleet-care/asset/c2", "/fleet-care/", tag="A-1").text
    assert facts(app, "c2") is None
