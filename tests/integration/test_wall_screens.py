"""A wall screen is let in by whoever stands before it, sees one ward without names, and is out at once when somebody ends it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from pointofcare.errors import NotPermittedError, UnreadableError
from pointofcare.orders.order import OrderCategory
from pointofcare.people import StaffRole
from server.security.headers import POLICY
from server.store import staff_wards
from server.store.patients import Ward
from server.store.tables import AuditRow, WallScreenRow
from server.store.transaction import Actor, transaction
from server.usecases import orders, patients, staff, walls
from server.web import wall
from tests.support import server_ward, web
from tests.support.server_ward import CHARGE, IMPORT, NURSE, PRESCRIBER, WARD


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path, verified=True) as found:
        with found.app_context():
            now = datetime.now(UTC)
            with transaction(PRESCRIBER) as tx:
                late = replace(
                    server_ward.an_order(9, patient="P1"),
                    category=OrderCategory.STAT,
                    times=(),
                    start=now - timedelta(minutes=10),
                    ingredient="heparin",
                )
                orders.place(tx, PRESCRIBER, late)
        yield found


def screen(app: Flask) -> FlaskClient:
    return app.test_client()


def code_on(client: FlaskClient) -> str:
    found = re.search(r'class="code"[^>]*>([A-Z2-9]{4}-[A-Z2-9]{4})<', client.get("/wall/").text)
    assert found
    return found.group(1)


def let_in(app: Flask, client: FlaskClient, actor: Actor = CHARGE, **fields: str) -> str:
    told = {"code": code_on(client), "ward": WARD, "label": "Nurses' station", "language": "en"} | fields
    return str(web.post(web.signed_in(app, actor), "/wall/screens", "/wall/screens", **told).text)


def age(app: Flask, **values: object) -> None:
    with app.app_context(), transaction(IMPORT) as tx:
        tx.session.execute(update(WallScreenRow).values(**values))


def test_a_screen_shows_a_code_and_the_ward_once_somebody_typed_it(app: Flask) -> None:
    client = screen(app)
    code = code_on(client)
    assert code_on(client) == code  # it stays, however often the screen asks
    assert "H001" not in client.get("/wall/").text
    let_in(app, client)
    shown = client.get("/wall/").text
    assert "H001" in shown
    assert "Nội tổng hợp" in shown
    with app.app_context(), transaction(IMPORT) as tx:
        told = list(tx.session.scalars(select(AuditRow.action).where(AuditRow.action.like("wall.%")).order_by(AuditRow.id)))
    assert told == ["wall.let-in", "wall.came"]


def test_a_wall_names_nobody_and_no_drug_unless_the_settings_say_so(app: Flask) -> None:
    client = screen(app)
    let_in(app, client)
    shown = client.get("/wall/").text
    for secret in ("NGUYỄN", "24-000001", "amoxicillin", "heparin", "Nurse<", "1958"):
        assert secret not in shown, secret
    config = app.config["POINTOFCARE_CONFIG"]
    app.config["POINTOFCARE_CONFIG"] = replace(config, wall=replace(config.wall, patients="initials", drugs=True))
    shown = client.get("/wall/").text
    assert "N. V. 1." in shown
    assert "amoxicillin" in shown
    assert "NGUYỄN" not in shown


def test_the_code_alone_and_another_screens_cookie_open_nothing(app: Flask) -> None:
    client, thief = screen(app), screen(app)
    code = code_on(client)
    assert code_on(thief) != code
    let_in(app, client)
    assert "H001" not in thief.get(f"/wall/?code={code}").text
    forged = screen(app)
    forged.set_cookie(wall.COOKIE, "x" * 43, path="/wall/")
    assert "H001" not in forged.get("/wall/").text
    assert "H001" in client.get("/wall/").text


def test_a_code_is_used_once_and_only_within_ten_minutes(app: Flask) -> None:
    late = screen(app)
    let_in(app, late)
    age(app, added_at=datetime.now(UTC) - walls.COMES_WITHIN - timedelta(seconds=5))
    assert "H001" not in late.get("/wall/").text
    # Typed again, it works, and the older try is over.
    let_in(app, late)
    assert "H001" in late.get("/wall/").text


def test_an_ended_screen_sees_nothing_at_its_next_look_and_shows_a_code_again(app: Flask) -> None:
    client = screen(app)
    let_in(app, client)
    state = client.get("/wall/?part=live").headers["X-Wall-State"]
    page = web.signed_in(app, CHARGE)
    number = re.search(r"/wall/screens/(\d+)/end", page.get("/wall/screens").text)
    assert number
    web.post(page, f"/wall/screens/{number.group(1)}/end", "/wall/screens")
    answer = client.get("/wall/?part=live")
    assert answer.headers["X-Wall-State"] != state  # which makes the page load anew
    assert "H001" not in answer.text
    assert code_on(client)


def test_a_screen_whose_time_is_over_sees_nothing(app: Flask) -> None:
    client = screen(app)
    let_in(app, client)
    assert "H001" in client.get("/wall/").text
    age(app, until=datetime.now(UTC) - timedelta(seconds=1))
    assert "H001" not in client.get("/wall/").text


def test_a_screen_is_known_again_after_the_servers_restart(app: Flask, tmp_path: Path) -> None:
    client = screen(app)
    let_in(app, client)
    client.get("/wall/")
    held = client.get_cookie(wall.COOKIE, path="/wall/")
    assert held is not None
    from server.app import create_app

    again = create_app(app.config["POINTOFCARE_CONFIG"]).test_client()
    again.set_cookie(wall.COOKIE, held.value, path="/wall/")
    assert "H001" in again.get("/wall/").text


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites_and_no_secret_is_in_an_address_or_the_database(app: Flask) -> None:
    client = screen(app)
    answer = client.get("/wall/")
    cookie = next(value for name, value in answer.headers if name == "Set-Cookie" and value.startswith(wall.COOKIE))
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/wall/" in cookie
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert "<style" not in answer.text
    assert re.search(r"<script(?! src=)", answer.text) is None
    held = cookie.split("=", 1)[1].split(";")[0]
    code = code_on(client).replace("-", "")
    let_in(app, client)
    client.get("/wall/")
    with app.app_context(), transaction(IMPORT) as tx:
        row = tx.session.scalars(select(WallScreenRow)).one()
        kept = str({column.name: getattr(row, column.key) for column in WallScreenRow.__table__.columns})
    assert held not in kept
    assert code not in kept
    assert row.code is None


def test_a_nurse_lets_no_screen_in_and_a_charge_nurse_none_of_another_ward(app: Flask) -> None:
    with app.app_context():
        with transaction(NURSE) as tx, pytest.raises(NotPermittedError):
            walls.let_in(tx, NURSE, ward=WARD, code="ABCD-2345", label="x", language="en")
        with transaction(IMPORT) as tx:
            patients.open_ward(tx, Ward(id="HSCC", name="Hồi sức", timezone="Asia/Ho_Chi_Minh"))
            other = Actor(id="CN2", name="Other", roles=frozenset({StaffRole.CHARGE_NURSE}))
            staff.receive(tx, server_ward.a_member(other))
            staff_wards.add(tx, staff="CN2", ward="HSCC", kind=staff_wards.HOME)
    client = screen(app)
    let_in(app, client, other)
    assert "H001" not in client.get("/wall/").text
    assert web.signed_in(app, NURSE).get("/wall/screens").status_code == 403
    assert web.signed_in(app, other).get(f"/ward/wall/{WARD}").status_code == 403


@pytest.mark.parametrize("text", ["", "ABCD", "ABCD-EFG", "ABCD-EFG1", "ABCD-EFGO", "'; DROP--", "ÀBCD-EFGH", "ABCDEFGHJ"])
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError):
        walls.typed(text)
    assert walls.typed(" abcd-efgh ") == "ABCDEFGH"


def test_a_wall_says_that_no_cart_tells_anything(app: Flask) -> None:
    client = screen(app)
    let_in(app, client)
    assert "No cart of this ward tells anything now" in client.get("/wall/").text


def test_a_signed_in_person_sees_the_same_picture_and_the_radar_with_names(app: Flask) -> None:
    charge = web.signed_in(app, CHARGE)
    picture = charge.get(f"/ward/wall/{WARD}").text
    assert "H001" in picture
    assert "NGUYỄN" not in picture
    listed = charge.get("/ward/radar").text
    assert "NGUYỄN VĂN 1" in listed
    assert "heparin" in listed
    assert charge.get("/ward/wall/nowhere").status_code == 404
