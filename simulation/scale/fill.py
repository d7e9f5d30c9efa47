"""Writes a made-up province into PostgreSQL with COPY: one facility a transaction, so that one that was cut off is not there at all.

What a facility has by ordinary means (wards, people of the staff, products) is written by the server's own verbs; the many rows are
texts in COPY's format and never all in memory. What was filled, and with what, stands in a schema of its own (`simulation`), so that a
second run goes on or is refused. Must never write into a database that holds anything else: patients there may be real.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from uuid import UUID, uuid5

import psycopg

from pointofcare.errors import ConfigError
from pointofcare.orders.order import OrderStatus
from pointofcare.people import StaffRole
from server.app import bare_app
from server.config import ServerConfig, read
from server.store import migrate, patient_words, patients, products
from server.store.database import db
from server.store.staff import StaffMember
from server.store.transaction import Actor, transaction
from server.usecases import patients as patient_verbs
from server.usecases import pharmacy, staff
from simulation.scale import courses
from simulation.scale.people import FIRST, Facility, Person, Size, facilities, moment, person

Progress = Callable[[str], None]
CARTS_PER_WARD = 2
_RECORDS = UUID("5c0e7f0e-9a55-4d0e-8f43-6f0a5b1f5ca1")
# So many characters are handed to the database at once.
_CHUNK = 1 << 20
_ROLES = {
    "nurse": StaffRole.NURSE,
    "charge": StaffRole.CHARGE_NURSE,
    "pharmacist": StaffRole.PHARMACIST,
    "doctor": StaffRole.PRESCRIBER,
    "admin": StaffRole.ADMINISTRATOR,
}
# In the order in which they are written: what is referred to comes first.
TABLES: Mapping[str, str] = {
    "patients": "facility id mrn name birth_date sex ward bed status transferred_at allergies_known updated_at",
    "patient_words": "facility patient word here",
    "patient_identities": "facility patient national_id method is_temporary note admitted_by admitted_at",
    "bands": "facility gsrn srin patient status printed_at",
    "stays": "facility patient admitted_at left_at ended changed_by changed_at",
    "orders": "facility id patient version status verification verification_version verification_by verification_at source placed_at "
    "updated_at prescriber",
    "order_versions": "facility order_id version document action reason by at",
    "administrations": "facility record_id ward cart cart_epoch cart_seq patient mrn order_id order_version due action status product "
    "product_name dose lot route nurse effective_at recorded_at received_at level overridden server_level server_order server_verdict "
    "document",
    "outbox": "facility kind record_id cart ordering_key record payload state attempts created_at next_attempt_at emr_id settled_at "
    "told_at looked_at lost",
    "audit": "facility at actor action subject detail roles place",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """Rows by table over all facilities that this run wrote; `skipped` were there already."""

    rows: dict[str, int]
    facilities: int
    skipped: int
    seconds: float


def fill(url: str, size: Size, *, progress: Progress = print) -> Filled:
    """Fills the database at `url` (postgresql://...), which is empty or was filled in part by the same call. Nobody of the
    staff has a password or a PIN until somebody gives them one.

    Raises: ConfigError: it is no PostgreSQL, holds anything else, or was filled with another size."""
    if not url.startswith("postgresql://"):
        raise ConfigError("only PostgreSQL can be filled", remedy="give --database postgresql://USER@HOST/NAME")
    started, rows, done, skipped = time.monotonic(), dict.fromkeys(TABLES, 0), 0, 0
    _prepare(url, size)
    every = facilities(size)
    for facility in every:
        if not _begin(url, facility):
            skipped += 1
            continue
        _open(url, facility)
        with psycopg.connect(url) as connection:
            # Two runs at once: the second one waits here, and then finds the facility filled.
            connection.execute("SELECT 1 FROM simulation.filled WHERE facility = %s FOR UPDATE", (facility.id,))
            at = connection.execute("SELECT filled_at FROM simulation.filled WHERE facility = %s", (facility.id,)).fetchone()
            if at is None or at[0] is not None:
                skipped += 1
                continue
            if _superuser(connection):
                # What is referred to is written by the same functions: looking each up again would take longer than all the rest.
                connection.execute("SET LOCAL session_replication_role = replica")
            for name, columns in TABLES.items():
                rows[name] += _copy(connection, facility, name, columns)
            connection.execute("UPDATE simulation.filled SET filled_at = now() WHERE facility = %s", (facility.id,))
        done += 1
        spent = time.monotonic() - started
        left = spent / done * (len(every) - done - skipped)
        progress(
            f"{facility.id}: {facility.people} people ({done + skipped} of {len(every)} facilities, {sum(rows.values()):,} rows, "
            f"{spent:.0f} s, about {left:.0f} s to go)"
        )
    if done:
        progress("statistics for the planner")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")
    return Filled(rows=rows, facilities=done, skipped=skipped, seconds=round(time.monotonic() - started, 1))


def until_of(url: str) -> datetime | None:
    """The moment that the database was filled up to, so that a second run goes on with the same; None: nothing was filled."""
    with psycopg.connect(url) as connection:
        known = connection.execute("SELECT to_regclass('simulation.filled')").fetchone()
        if known is None or known[0] is None:
            return None
        found = connection.execute("SELECT size ->> 'until' FROM simulation.filled LIMIT 1").fetchone()
    return datetime.fromisoformat(found[0]) if found else None


def record_id(facility: str, order: str, due: datetime) -> str:
    """The same dose has the same id in each run."""
    return str(uuid5(_RECORDS, f"{facility}/{order}/{due.isoformat()}"))


def texts_of(facility: Facility, one: Person, course: int, due: datetime) -> dict[str, str]:
    """The words of one dose, as `courses.record` wants them."""
    order = f"{one.id}-{course}"
    return {
        "record": record_id(facility.id, order, due),
        "facility": facility.id,
        "ward": one.ward,
        "cart": f"cart-{one.ward}-{1 + one.number % CARTS_PER_WARD}",
        "patient": one.id,
        "mrn": one.mrn,
        "order": order,
        "gsrn": one.gsrn,
        "nurse": member(facility.id, "nurse"),
    }


def member(facility: str, role: str) -> str:
    """The id of a facility's person of the staff. Ids are of the whole database."""
    return f"{facility}-{role}"


def _prepare(url: str, size: Size) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        known = connection.execute("SELECT to_regclass('simulation.filled')").fetchone()
        if known is None or known[0] is None:
            if _count(connection, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"):
                _require_empty(connection, url)
            connection.execute("CREATE SCHEMA IF NOT EXISTS simulation")
            connection.execute(
                "CREATE TABLE simulation.filled (facility text PRIMARY KEY, size jsonb NOT NULL, begun_at timestamptz NOT NULL"
                " DEFAULT now(), filled_at timestamptz)"
            )
        for (told,) in connection.execute("SELECT DISTINCT size FROM simulation.filled"):
            if told != size.document():
                raise ConfigError(
                    f"this database was filled with another size: {json.dumps(told)}",
                    remedy="say the same size again, or make an empty database",
                )
        if _count(connection, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public' AND table_name = 'wards'"):
            _require_empty(connection, url)
    with _app(url, FIRST + "01"):
        migrate.upgrade()


def _require_empty(connection: psycopg.Connection[tuple[object, ...]], url: str) -> None:
    """Raises: ConfigError: somebody is there whom no run of this wrote."""
    ours = connection.execute("SELECT to_regclass('simulation.filled') IS NOT NULL").fetchone()
    but = " WHERE facility NOT IN (SELECT facility FROM simulation.filled)" if ours and ours[0] else ""
    for table in ("patients", "staff", "wards", "audit", "administrations", "carts"):
        there = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (f"public.{table}",)).fetchone()
        if there and there[0] and _count(connection, f"SELECT count(*) FROM (SELECT 1 FROM {table}{but} LIMIT 1) AS found"):
            raise ConfigError(
                f"the database {url.rsplit('/', 1)[-1].split('?')[0]} is in use: it holds {table} that were not made up here",
                remedy="make an empty database for the simulation, and never use the hospital's",
            )


def _count(connection: psycopg.Connection[tuple[object, ...]], query: str) -> int:
    found = connection.execute(query).fetchone()  # type: ignore[call-overload]
    return int(str(found[0])) if found else 0


def _superuser(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    found = connection.execute("SELECT current_setting('is_superuser')").fetchone()
    return bool(found and found[0] == "on")


def _begin(url: str, facility: Facility) -> bool:
    """False: it is filled already."""
    with psycopg.connect(url) as connection:
        told = json.dumps(facility.size.document())
        connection.execute("INSERT INTO simulation.filled (facility, size) VALUES (%s, %s) ON CONFLICT DO NOTHING", (facility.id, told))
        found = connection.execute("SELECT filled_at IS NULL FROM simulation.filled WHERE facility = %s", (facility.id,)).fetchone()
        return bool(found and found[0])


@contextmanager
def _app(url: str, facility: str) -> Iterator[None]:
    with bare_app(_config(url, facility)).app_context():
        try:
            yield
        finally:
            db.engine.dispose()


def _config(url: str, facility: str) -> ServerConfig:
    plain = "postgresql+psycopg://" + url.removeprefix("postgresql://")
    made_up = {"secret_key": "made-up-" * 5, "password_salt": "made-up-" * 5}
    return read({"database_url": plain, "facility": facility, **made_up}, anchor=Path())


def _open(url: str, facility: Facility) -> None:
    """Wards, people and products, by the server's own verbs; a second time changes nothing."""
    with _app(url, facility.id), transaction(Actor(id="import"), at=facility.size.until) as tx:
        if patients.wards(tx):
            return
        for ward in facility.wards:
            patient_verbs.open_ward(tx, patients.Ward(id=ward, name=f"Khoa {ward}", timezone="Asia/Ho_Chi_Minh"))
        held = {product.id for product in products.listed(tx)}
        for product in courses.products():
            if product.id not in held:
                pharmacy.receive_product(tx, product)
        for role, which in _ROLES.items():
            name = member(facility.id, role)
            staff.receive(
                tx,
                StaffMember(
                    id=name,
                    name=name,
                    username=name,
                    email=f"{name}@scale.test",
                    roles=(which,),
                    badge=f"{facility.number:02}{list(_ROLES).index(role):06}",
                    licensed=True,
                ),
            )


def _copy(connection: psycopg.Connection[tuple[object, ...]], facility: Facility, table: str, columns: str) -> int:
    named = ", ".join(f'"{name}"' for name in columns.split())
    count, held, kept = 0, [], 0
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({named}) FROM STDIN") as copy:  # type: ignore[call-overload]
        for line in _LINES[table](facility):
            count += 1
            held.append(line)
            kept += len(line)
            if kept > _CHUNK:
                copy.write("".join(held))
                held, kept = [], 0
        copy.write("".join(held))
    return count


def _line(*values: str | int | None) -> str:
    """One row as COPY reads it. No value but a document holds a backslash, and none a tab or a new line."""
    return "\t".join(["\\N" if value is None else str(value) for value in values]) + "\n"


@lru_cache(maxsize=65536)
def _said(at: datetime) -> str:
    return at.isoformat()


def _everybody(facility: Facility) -> Iterator[Person]:
    return (person(facility, number) for number in range(facility.people))


def _came(one: Person) -> datetime:
    return moment(one.first_day, 0, 30)


def _left(one: Person) -> datetime | None:
    return None if one.left is None else moment(one.left, 0)


def _status(one: Person) -> str:
    return "admitted" if one.left is None else "discharged"


def _patients(facility: Facility) -> Iterator[str]:
    for one in _everybody(facility):
        here = one.left is None
        moved = _said(_left(one) or _came(one))
        place = (one.ward, one.bed) if here else (None, None)
        yield _line(facility.id, one.id, one.mrn, one.name, one.birth_date.isoformat(), one.sex, *place, _status(one), moved, "t", moved)


def _patient_words(facility: Facility) -> Iterator[str]:
    for one in _everybody(facility):
        here = "t" if one.left is None else "f"
        for word in patient_words.words(one.name, one.mrn, one.id):
            yield _line(facility.id, one.id, word, here)


def _identities(facility: Facility) -> Iterator[str]:
    by = member(facility.id, "charge")
    for one in _everybody(facility):
        yield _line(facility.id, one.id, one.national_id, "id-card", "f", "", by, _said(_came(one)))


def _bands(facility: Facility) -> Iterator[str]:
    for one in _everybody(facility):
        yield _line(facility.id, one.gsrn, "1", one.id, "active" if one.left is None else "revoked", _said(_came(one)))


def _stays(facility: Facility) -> Iterator[str]:
    by = member(facility.id, "charge")
    for one in _everybody(facility):
        left = _left(one)
        end = (None, None) if left is None else (_said(left), "discharged")
        yield _line(facility.id, one.id, _said(_came(one)), *end, by, _said(left or _came(one)))


def _orders(facility: Facility) -> Iterator[str]:
    by, doctor = member(facility.id, "pharmacist"), member(facility.id, "doctor")
    for one in _everybody(facility):
        left, came = _left(one), _said(_came(one))
        version, status = (1, "active") if left is None else (2 if one.is_recent else 1, "stopped")
        changed = _said(left) if left else came
        for course in range(one.orders):
            place = (
                facility.id,
                f"{one.id}-{course}",
                one.id,
                version,
                status,
                "verified",
                version,
                by,
                came,
                "local",
                came,
                changed,
                doctor,
            )
            yield _line(*place)


def _order_versions(facility: Facility) -> Iterator[str]:
    doctor = member(facility.id, "doctor")
    for one in _everybody(facility):
        came, left = _said(_came(one)), _left(one)
        for course in range(one.orders):
            order = f"{one.id}-{course}"
            for version, status, action, at in _versions(one, came, left):
                text = courses.order_text(course % len(courses.COURSES), doctor, one.first_day, status, version)
                document = (text % {"order": order, "patient": one.id}).replace("\\", "\\\\")
                yield _line(facility.id, order, version, document, action, "Ra viện" if version > 1 else None, doctor, at)


def _versions(one: Person, came: str, left: datetime | None) -> list[tuple[int, OrderStatus, str, str]]:
    """Those who left before the days that are told dose by dose have their orders as another system handed them over: ended."""
    if not one.is_recent:
        return [(1, OrderStatus.STOPPED, "received", came)]
    first = (1, OrderStatus.ACTIVE, "placed", came)
    return [first] if left is None else [first, (2, OrderStatus.STOPPED, "stopped", _said(left))]


def _doses(facility: Facility) -> Iterator[tuple[Person, int, datetime, dict[str, str]]]:
    """Every dose of the last days; the words of `courses.blanks` with those of the moments."""
    for number in range(facility.recent):
        one = person(facility, number)
        for course in range(one.orders):
            for due in courses.doses_of(one, course, facility.size.until):
                given = due + courses.LATE
                words = texts_of(facility, one, course, due)
                words |= {"due": _said(due), "given": _said(given)}
                words |= {"banded": _said(given - timedelta(seconds=20)), "scanned": _said(given - timedelta(seconds=10))}
                yield one, course, due, words


def _administrations(facility: Facility) -> Iterator[str]:
    for place, (_, course, _, words) in enumerate(_doses(facility), start=1):
        texts, product = courses.blanks(course), courses.product_of(course)
        given = words["given"]
        yield _line(
            *(words[name] for name in ("facility", "record", "ward", "cart")),
            *("scale", place),
            *(words[name] for name in ("patient", "mrn", "order")),
            *(1, words["due"], "give", "completed", product.id, product.name, courses.COURSES[course][1], f"L{course + 1}"),
            *(product.routes[0], words["nurse"], given, given, given, "PASS", "f", "PASS", words["order"]),
            texts.verdict % words,
            (texts.document % words).replace("\\", "\\\\"),
        )


def _outbox(facility: Facility) -> Iterator[str]:
    """All of it is in the EMR, its cart knows it, and somebody has looked there."""
    for _, course, _, words in _doses(facility):
        document = (courses.blanks(course).document % words).replace("\\", "\\\\")
        given, record = words["given"], words["record"]
        told = (words["facility"], "administration", record, words["cart"], record, document, None, "sent", 1)
        yield _line(*told, given, given, f"MedicationAdministration/{record}", given, given, given, 0)


def _audit(facility: Facility) -> Iterator[str]:
    """Of the days that are told dose by dose: who came and left, each order, each dose."""
    charge, doctor, pharmacist = (member(facility.id, role) for role in ("charge", "doctor", "pharmacist"))
    for number in range(facility.recent):
        one = person(facility, number)
        came, left = _said(_came(one)), _left(one)
        yield _line(facility.id, came, charge, "admit", f"patient/{one.id}", '{"made_up": true}', "charge-nurse", "")
        for course in range(one.orders):
            subject, detail = f"order/{one.id}-{course}", json.dumps({"patient": one.id, "version": 1})
            yield _line(facility.id, came, doctor, "order.place", subject, detail, "prescriber", "")
            yield _line(facility.id, came, pharmacist, "order.verified", subject, detail, "pharmacist", "")
            if left is not None:
                ended = json.dumps({"patient": one.id, "version": 2})
                yield _line(facility.id, _said(left), doctor, "order.stopped", subject, ended, "prescriber", "")
        if left is not None:
            yield _line(facility.id, _said(left), charge, "patient.discharge", f"patient/{one.id}", "{}", "charge-nurse", "")
    for _, course, _, words in _doses(facility):
        detail = courses.blanks(course).audit % words
        subject = f"administration/{words['record']}"
        yield _line(facility.id, words["given"], "gateway", "administration.record", subject, detail, "", "")


_LINES: Mapping[str, Callable[[Facility], Iterator[str]]] = {
    "patients": _patients,
    "patient_words": _patient_words,
    "patient_identities": _identities,
    "bands": _bands,
    "stays": _stays,
    "orders": _orders,
    "order_versions": _order_versions,
    "administrations": _administrations,
    "outbox": _outbox,
    "audit": _audit,
}
