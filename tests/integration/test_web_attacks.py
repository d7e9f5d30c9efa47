"""What an attacker sends to the pages, and what a page may cost: nothing runs, nothing leads away, nothing grows with the hospital."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event

from pointofcare.people import StaffRole
from server import security
from server.store import fleet
from server.store.database import db
from server.store.transaction import Actor, transaction
from server.usecases import import_fields, imports, orders, patients, staff
from server.usecases.import_rows import FieldError
from server.web import imports as import_pages
from tests.support import server_ward, web
from tests.support.server_ward import CHARGE, IMPORT, NURSE, PHARMACIST, PRESCRIBER
from tests.support.web import ADMIN, FLEET

EVIL = '<script>alert("x")</script>'
FORMULA = '=HYPERLINK("http://evil.example","x")'


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("web")) as found:
        yield found


@pytest.fixture(autouse=True)
def _fresh_limits(app: Flask) -> None:
    web.forget_failures(app)


def upload(name: str, content: bytes, **fields: str) -> dict[str, object]:
    """A form with one file, as bytes: the test client would leave a temporary file open."""
    parts = [f'--B\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode() for key, value in fields.items()]
    parts.append(f'--B\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode() + content + b"\r\n--B--\r\n")
    return {"data": b"".join(parts), "content_type": "multipart/form-data; boundary=B"}


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """Every SQL statement that runs in the block."""
    seen: list[str] = []
    with app.app_context():
        engine = db.engine

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def _cart(app: Flask, cart: str, text: str) -> None:
    from pointofcare.wire.messages import CartBirth, HeldTable, TableKind, Telemetry, TelemetryKind

    birth = CartBirth(boot_id=text, versions={"app": text}, hardware=text, epoch="e1")
    with app.app_context(), transaction(Actor(id="gateway")) as tx:
        fleet.put_birth(tx, cart, birth)
        fleet.put_held(tx, cart, server_ward.WARD, (HeldTable(kind=TableKind.POLICY, ward=server_ward.WARD, version=1),))
        fleet.put_telemetry(tx, cart, Telemetry(kind=TelemetryKind.APP, at=datetime.now(UTC), values={text: text}))


def test_what_carts_and_imports_say_is_shown_and_never_run(app: Flask) -> None:
    _cart(app, "c1", EVIL)
    row = f"PX,MX,{EVIL.replace(chr(34), chr(39))},{server_ward.WARD},{EVIL[:8]},admitted,{EVIL[:8]}"
    content = f"id,mrn,name,ward,bed,status,allergies\n{row}\n"
    with app.app_context():
        report = imports.run(ADMIN, [(f"{EVIL}.csv", content.encode())], timezone="Asia/Ho_Chi_Minh")
        assert report.written
        with transaction(PRESCRIBER) as tx:
            orders.place(tx, PRESCRIBER, server_ward.an_order(66, patient="PX", display=EVIL, indication=EVIL, ingredient=EVIL, form=EVIL))
        with transaction(PHARMACIST) as tx:
            orders.question(tx, PHARMACIST, "O66", 1, text_=EVIL)
        with transaction(Actor(id="gateway")) as tx:
            fleet.reject(tx, topic=EVIL, reason=EVIL, head=EVIL.encode())
    pages = {
        PHARMACIST: ("/pharmacy/", "/pharmacy/?order=O66", f"/pharmacy/?order={EVIL}", "/ward/", f"/patients/?q={EVIL}", "/patients/PX"),
        PRESCRIBER: ("/patients/", "/patients/PX", "/orders/new?patient_id=PX", "/orders/new?amend=O66"),
        FLEET: ("/fleet/", "/fleet/c1", f"/fleet/?software={EVIL}", "/audit/rejected"),
        ADMIN: ("/audit/", f"/audit/?actor={EVIL}&subject={EVIL}", "/staff/"),
    }
    for person, addresses in pages.items():
        client = web.signed_in(app, person)
        for address in addresses:
            text = client.get(address).text
            assert "<script>" not in text, address


def test_a_spreadsheet_of_carts_runs_no_formula(app: Flask) -> None:
    _cart(app, "c2", FORMULA)
    for row in csv.reader(io.StringIO(web.signed_in(app, FLEET).get("/fleet/carts.csv").text)):
        for cell in row:
            assert cell[:1] not in ("=", "+", "-", "@"), row


@pytest.mark.parametrize("sign", ["\u202e", "\u2066", "\u2028", "\x00", "\n"])
def test_a_name_that_reads_otherwise_than_it_is_does_not_come_in(sign: str) -> None:
    with pytest.raises(FieldError):
        import_fields.text(f"NGUYỄN{sign}VĂN")


def test_a_list_without_end_does_not_come_in() -> None:
    with pytest.raises(FieldError):
        import_fields.texts("x|" * 60)


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "\t//evil.example", "///evil.example", "javascript:alert(1)"]
)
def test_signing_in_and_choosing_a_language_never_lead_away(app: Flask, wanted: str) -> None:
    web.give_password(app, NURSE)
    client = app.test_client()
    token = web.token_of(client.get("/sign-in", query_string={"next": wanted}).text)
    data = {"csrf_token": token, "username": "n1", "password": web.PASSWORD, "next": wanted}
    for answer in (
        client.post("/language", data={"csrf_token": token, "language": "fr", "next": wanted}),
        client.post("/sign-in", query_string={"next": wanted}, data=data),
    ):
        place = answer.headers.get("Location", "/")
        assert place.startswith("/")
        assert not place.startswith(("//", "/\\"))


def test_a_session_from_before_the_sign_in_is_worth_nothing(app: Flask) -> None:
    web.give_password(app, NURSE)
    client = app.test_client()
    token = web.token_of(client.get("/sign-in").text)
    planted = client.get_cookie("pointofcare_session")
    assert planted is not None
    client.post("/sign-in", data={"csrf_token": token, "username": "n1", "password": web.PASSWORD})
    assert client.get("/ward/").status_code == 200
    attacker = app.test_client()
    attacker.set_cookie("pointofcare_session", planted.value)
    assert attacker.get("/ward/").status_code == 302


def test_there_is_no_second_place_to_guess_a_password(app: Flask) -> None:
    for address in ("/verify", "/reset", "/register", "/change", "/login"):
        assert web.signed_in(app, NURSE).get(address).status_code == 404, address


def test_a_signed_in_person_sees_no_hash_and_no_badge_of_others(app: Flask) -> None:
    web.give_password(app, NURSE)
    for address in ("/staff/", "/staff/N1", "/audit/"):
        text = web.signed_in(app, ADMIN).get(address).text
        assert "argon2" not in text
        assert "fs_uniquifier" not in text
    assert "BADGE:" not in web.signed_in(app, NURSE).get("/patients/P1").text


@pytest.mark.parametrize("person", [None, NURSE], ids=["stranger", "nurse"])
def test_only_who_may_import_can_send_much(app: Flask, person: Actor | None) -> None:
    client = app.test_client() if person is None else web.signed_in(app, person)
    answer = client.post("/import/", **upload("a.csv", b"x" * (security.MAX_BODY_BYTES + 1)))
    assert answer.status_code == (302 if person is None else 403)  # before a byte of it is looked at
    assert client.post("/api/v1/tokens", data=b"x" * (security.MAX_BODY_BYTES + 1), content_type="application/json").status_code == 413


def test_an_import_of_several_megabytes_is_read(app: Flask) -> None:
    client = web.signed_in(app, ADMIN)
    token = web.token_of(client.get("/import/").text)
    big = b"id,mrn,name,status\n" + b"\n".join(b"," * 3 for _ in range(700_000))
    answer = client.post("/import/", **upload("a.csv", big, csrf_token=token))
    assert answer.status_code == 200


def test_files_that_wait_for_confirmation_never_fill_the_memory(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_pages, "MOST_KEPT_BYTES", 100)
    client = web.signed_in(app, ADMIN)
    token = web.token_of(client.get("/import/").text)
    for number in range(5):
        client.post("/import/", **upload(f"{number}.csv", b"id,mrn,name,status\n" + b" " * 50, csrf_token=token))
        assert sum(kept.size for kept in import_pages._kept.values()) <= 100


def test_a_hostile_address_or_cursor_is_an_answer_and_no_crash(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    for address in (
        "/patients/P1?before=0001-01-01T00:00:00%2B14:00~x",
        "/patients/P1?before=2026-01-01T00:00:00~x",
        "/patients/P1?before=%00",
        "/patients/%00",
        "/patients/?q=%00%F0%9F%98%80&ward=%00",
        "/pharmacy/?order=%00&ward=%00&part=live",
        "/ward/?ward=%00&part=live&seen=%00",
        "/review/?view=%00&ward=" + "x" * 3000,
        "/emr/?state=%00",
    ):
        assert client.get(address).status_code in (200, 404), address
    assert web.signed_in(app, ADMIN).get("/audit/?before=99999999999999999&subject=%25").status_code == 200


def _hospital(app: Flask, count: int) -> None:
    """`count` patients in wards of 24, each with an order and somebody who wrote it."""
    with app.app_context():
        with transaction(IMPORT) as tx:
            for number in range(0, count, 24):
                patients.open_ward(tx, server_ward.Ward(id=f"W{number:04}", name=f"Ward {number}", timezone="Asia/Ho_Chi_Minh"))
            for number in range(count):
                one = replace(server_ward.a_patient(1000 + number), ward=f"W{number // 24 * 24:04}")
                patients.receive(tx, one)
        with transaction(PRESCRIBER) as tx:
            for number in range(count):
                orders.place(tx, PRESCRIBER, server_ward.an_order(1000 + number, patient=f"P{1000 + number}"))
        with transaction(IMPORT) as tx:
            for number in range(count // 4):
                actor = Actor(id=f"S{number}", name=f"S{number}", roles=frozenset({StaffRole.NURSE}))
                staff.receive(tx, server_ward.a_member(actor))
    for number in range(count // 12):
        _cart(app, f"cart-{number}", "1.0")


PAGES = {
    PHARMACIST: (
        "/",
        "/pharmacy/",
        "/pharmacy/?order=O1",
        "/patients/",
        "/patients/P1",
        "/review/",
        "/emr/",
        "/work/",
        "/controlled/",
        "/recalls/",
    ),
    CHARGE: (
        "/",
        "/work/",
        f"/work/?view=overdue&ward={server_ward.WARD}",
        "/work/?view=effects",
        "/ward/",
        f"/ward/?ward={server_ward.WARD}",
        "/fleet/",
        "/review/",
    ),
    PRESCRIBER: ("/", "/orders/new?patient_id=P1"),
    FLEET: ("/fleet/", "/fleet/c1", "/fleet/carts.csv"),
    ADMIN: ("/", "/staff/", "/audit/"),
}


def test_no_page_asks_the_database_more_often_in_a_larger_hospital(tmp_path: Path) -> None:
    counted: list[dict[str, int]] = []
    for size in (24, 240):
        directory = tmp_path / str(size)
        directory.mkdir()
        with web.ward_app(directory) as app:
            _hospital(app, size)
            _cart(app, "c1", "1.0")
            found: dict[str, int] = {}
            for person, addresses in PAGES.items():
                client = web.signed_in(app, person)
                for address in addresses:
                    client.get(address)
                    with statements(app) as seen:
                        assert client.get(address).status_code == 200
                    found[f"{person.id} {address}"] = len(seen)
            counted.append(found)
    assert counted[1] == counted[0]
    # All that is known of one cart stands on one page: its state, life, commands, settings, updates, batteries, drawers and alerts.
    cart = counted[0].pop(f"{FLEET.id} /fleet/c1")
    assert cart <= 40
    assert max(counted[0].values()) <= 20, counted[0]
