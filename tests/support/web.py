"""The server's pages over a SQLite file, and browsers of people with roles."""

from __future__ import annotations

import atexit
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import update

from pointofcare.people import StaffRole
from server.app import create_app
from server.security import lockout, sessions, sign_in
from server.store import sign_ins, views_import
from server.store.database import db
from server.store.tables import SignInSessionRow
from server.store.transaction import Actor, reading, transaction
from server.usecases import imports, staff
from tests.support import server_ward
from tests.support.databases import config_for, sqlite_template

ADMIN = Actor(id="A1", name="Administrator", roles=frozenset({StaffRole.ADMINISTRATOR}))
FLEET = Actor(id="F1", name="Fleet manager", roles=frozenset({StaffRole.FLEET_MANAGER}))
PASSWORD = "correct horse battery"
EVERYBODY = (server_ward.NURSE, server_ward.CHARGE, server_ward.PHARMACIST, server_ward.PRESCRIBER, FLEET, ADMIN)


@cache
def _compiled() -> FileSystemBytecodeCache:
    """Each application compiles its templates anew; what one has compiled serves the next of this run."""
    directory = Path(tempfile.mkdtemp(prefix="poc-jinja-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return FileSystemBytecodeCache(str(directory))


@contextmanager
def ward_app(directory: Path, *, verified: bool = False, patient_count: int = 2) -> Iterator[Flask]:
    """The whole application with a small ward, its people, and no order verified unless asked."""
    path = directory / "ward.sqlite"
    if not path.exists():
        shutil.copyfile(sqlite_template(), path)
    app = create_app(config_for(f"sqlite:///{path}", directory))
    app.config["TESTING"] = True
    app.jinja_env.bytecode_cache = _compiled()
    with app.app_context():
        server_ward.open_ward(patient_count=patient_count, verified=verified)
        with transaction(server_ward.IMPORT) as tx:
            for actor in (FLEET, ADMIN):
                staff.receive(tx, server_ward.a_member(actor))
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def signed_in(app: Flask, actor: Actor, *, factor: bool = False) -> FlaskClient:
    """A browser with a running session, as after the sign-in page (which has its own tests); `factor`: with the second one too."""
    client = app.test_client()
    with app.app_context():
        row = db.session.get(_staff_row(), actor.id)
        assert row is not None
        uniquifier = row.fs_uniquifier
        db.session.remove()
        with transaction(actor) as tx:
            held = secrets.token_urlsafe(32)
            row_id = lockout.digest(f"session:{held}")
            sign_ins.start(tx, row_id, actor.id, kind="web", factor=factor, address="127.0.0.1", agent="a test")
    with client.session_transaction() as session:
        session["_user_id"] = uniquifier
        session["_fresh"] = True
        session["fs_cc"] = "set"
        session[sessions.COOKIE_KEY] = held
        session["language"] = "en"
    return client


def _staff_row() -> type:
    from server.store.tables import StaffRow

    return StaffRow


def give_password(app: Flask, actor: Actor) -> None:
    with app.app_context(), transaction(ADMIN) as tx:
        staff.set_password(tx, actor.id, imports.hash_password(PASSWORD))


def forget_failures(app: Flask) -> None:
    """Whatever was guessed at before, nobody waits."""
    with app.app_context():
        sign_in.limiter.reset()
        with transaction(ADMIN) as tx:
            sign_ins.forget_missed(tx)


def age(app: Flask, actor: Actor, *, hours: float, seen_hours: float, factor_hours: float | None = None) -> None:
    """The person's sign-ins are so old, and so long without a press; the second factor was shown so long ago."""
    now = datetime.now(UTC)
    values: dict[str, object] = {"started_at": now - timedelta(hours=hours), "seen_at": now - timedelta(hours=seen_hours)}
    if factor_hours is not None:
        values["factor_at"] = now - timedelta(hours=factor_hours)
    with app.app_context(), transaction(ADMIN) as tx:
        tx.session.execute(update(SignInSessionRow).where(SignInSessionRow.staff == actor.id).values(**values))


def known_staff(app: Flask, staff_id: str) -> views_import.KnownStaff:
    with app.app_context(), reading() as tx:
        return views_import.staff(tx)[staff_id]


def token_of(page: str) -> str:
    """The request-forgery token of a page's forms."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found, page[:500]
    return found.group(1)


def post(client: FlaskClient, address: str, page: str, **fields: object):  # type: ignore[no-untyped-def]
    """Sends a form that stands on `page`, following where it leads."""
    token = token_of(client.get(page).text)
    return client.post(address, data={"csrf_token": token, **fields}, follow_redirects=True)
