"""Reads what a run left behind into plain values: the nurses' diary, each cart's journal, the server's database, the EMR.

Knows file formats, SQL and FHIR, and not one line of the product: a mistake there must not be repeated here. It only reads. Evidence
that cannot be read is an error, never an empty list.
"""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

Row = dict[str, Any]
_PLAIN_HEADER = b"SQLite format 3\x00"
_MOMENT = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_AMOUNT = re.compile(r"^-?\d+(\.\d+)? \S+$")


class EvidenceError(Exception):
    """A file of the run that cannot be read. Nothing can then be said of the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One line of the diary. `record` None: the screen named none; `due_at` None: the dose had no due time."""

    line: int
    at: datetime
    cart: str
    nurse: str
    patient: str | None
    order: str | None
    due_at: datetime | None
    act: str
    record: str | None
    said: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of a journal; `body` is the record, attempt or measured value as it is sent."""

    seq: int
    record_id: str
    kind: str
    journalled_at: datetime
    body: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """One cart's journal. `emr` is the newest word of the EMR by record; `events` are (number, moment), acknowledged up to `told_upto`."""

    cart: str
    epoch: str
    entries: tuple[Entry, ...]
    received: frozenset[str]
    emr: Mapping[str, str]
    opened: tuple[str, ...]
    events: tuple[tuple[int, datetime], ...]
    told_upto: int
    checkpoints: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The server's rows as they are, by table; moments aware, documents as values. `key` is the server's public JWK."""

    administrations: tuple[Row, ...]
    attempts: tuple[Row, ...]
    observations: tuple[Row, ...]
    outbox: tuple[Row, ...]
    discrepancies: tuple[Row, ...]
    leases: tuple[Row, ...]
    doubts: tuple[Row, ...]
    sequences: tuple[Row, ...]
    audit: tuple[Row, ...]
    leaves: tuple[Row, ...]
    checkpoints: tuple[Row, ...]
    key: Row | None


@dataclass(slots=True, kw_only=True)
class Emr:
    """`resources` (administrations, procedures, observations) as they are now, by the identifier that each carries; `first` when an
    identifier was first there, in the EMR's own order; `tags` how many resources carry one of our event tags."""

    resources: dict[str, list[Row]] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """`ended_at` is when anything was last written. `jumped` names the machines whose clock was set wrong."""

    diary: tuple[Act, ...]
    books: Mapping[str, Book]
    server: Server
    emr: Emr
    jumped: frozenset[str]
    ended_at: datetime


def read(run: Path) -> Evidence:
    """Raises: EvidenceError naming the file."""
    faults = [line for _, line in _lines(run / "faults.jsonl")] if (run / "faults.jsonl").exists() else []
    folders = sorted(each for each in (run / "carts").iterdir() if each.is_dir()) if (run / "carts").is_dir() else []
    return Evidence(
        diary=tuple(_act(number, line) for number, line in _lines(run / "nurses.jsonl")),
        books={folder.name: _book(folder) for folder in folders},
        server=_server(run),
        emr=_emr(run / "emr"),
        jumped=frozenset(str(line.get("target")) for line in faults if "clock" in str(line.get("kind"))),
        ended_at=_last_write(run),
    )


# The diary.


def _lines(path: Path) -> Iterator[tuple[int, Row]]:
    try:
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if text.strip():
                yield number, dict(json.loads(text))
    except (OSError, ValueError) as exc:
        raise EvidenceError(f"{path}: {exc}") from exc


def _act(number: int, line: Row) -> Act:
    try:
        return Act(
            line=number,
            at=moment(line["at"]),
            cart=line["cart"],
            nurse=line["nurse"],
            patient=line.get("patient"),
            order=line.get("order"),
            due_at=moment(line["due_at"]) if line.get("due_at") else None,
            act=line["act"],
            record=line.get("record"),
            said=line["said"],
            action=line["action"],
        )
    except (KeyError, ValueError, TypeError) as exc:
        raise EvidenceError(f"line {number} of the diary is not understood: {exc}") from exc


# The carts.


def _book(folder: Path) -> Book:
    file = next((path for path in (folder / "journal.sqlite", folder / "data" / "journal.sqlite") if path.exists()), None)
    if file is None:
        raise EvidenceError(f"{folder} holds no journal")
    with _opened(file) as db:
        entries = tuple(
            Entry(seq=seq, record_id=record_id, kind=kind, journalled_at=moment(at), body=_body(kind, payload))
            for seq, record_id, kind, at, payload in _all(db, "SELECT seq, record_id, kind, journalled_at, payload FROM entry ORDER BY seq")
        )
        settled = _all(db, "SELECT record_id, kind, state FROM settlement ORDER BY id")
        return Book(
            cart=folder.name,
            epoch=str(_all(db, "SELECT value FROM meta WHERE name = 'epoch'")[0][0]),
            entries=entries,
            received=frozenset(record_id for record_id, kind, _ in settled if kind == "received"),
            emr={record_id: state for record_id, kind, state in settled if kind == "emr"},
            opened=tuple(record_id for (record_id,) in _all(db, "SELECT record_id FROM opened ORDER BY at")),
            events=tuple((seq, moment(at)) for seq, at in _all(db, "SELECT seq, at FROM event ORDER BY seq")),
            told_upto=int(_all(db, "SELECT coalesce(max(upto), 0) FROM acknowledged")[0][0]),
            checkpoints=tuple(jws for (jws,) in _all(db, "SELECT jws FROM checkpoint ORDER BY id")),
        )


def _body(kind: str, payload: bytes) -> Row:
    body = dict(json.loads(payload)["body"])
    return dict(body["record"]) | {"seq": body["seq"]} if kind == "administration" else body


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """A cart's database, read only: in clear, or under one of the keys that lie beside it."""
    with file.open("rb") as opened:
        plain = opened.read(len(_PLAIN_HEADER)) in (_PLAIN_HEADER, b"")
    if plain:
        with _sqlite(file) as db:
            yield db
        return
    db = _deciphered(file)
    try:
        yield db
    finally:
        db.close()


def _deciphered(file: Path) -> Any:
    from sqlcipher3 import dbapi2 as sqlcipher

    folder = file.parent
    for source in (folder.with_name(f"{folder.name}.key"), folder / "at-rest.key", folder.parent / "key"):
        for line in source.read_text(encoding="utf-8").split() if source.exists() else ():
            db = sqlcipher.connect(f"file:{file}?mode=ro", uri=True, timeout=10.0)
            try:
                db.execute("PRAGMA cipher_log_level=NONE")
                db.execute(f"PRAGMA key = \"x'{line}'\"")
                db.execute("SELECT count(*) FROM sqlite_master").fetchone()
                return db
            except sqlcipher.DatabaseError:
                db.close()
    raise EvidenceError(f"{file} is encrypted, and no key beside {folder} opens it")


def _all(db: Any, statement: str) -> list[Any]:
    try:
        return list(db.execute(statement).fetchall())
    except Exception as exc:
        raise EvidenceError(f"{statement.split(' FROM ')[-1]}: {exc}") from exc


@contextlib.contextmanager
def _sqlite(file: Path) -> Iterator[sqlite3.Connection]:
    if not file.exists():
        raise EvidenceError(f"{file} is not there")
    db = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10.0)
    try:
        yield db
    finally:
        db.close()


# The server.

_TABLES = {
    "administrations": "SELECT facility, record_id, ward, cart, cart_epoch, cart_seq, patient, mrn, order_id, due, action, status, dose, "
    "nurse, effective_at, received_at, amends, continues, overridden, document FROM administrations",
    "attempts": "SELECT record_id, cart, cart_epoch, cart_seq, patient, order_id, nurse, level, at, document FROM attempts",
    "observations": "SELECT facility, record_id, ward, cart, cart_epoch, cart_seq, patient, code, value, at, nurse, "
    "doubt FROM observation_records",
    "outbox": "SELECT id, kind, record_id, ordering_key, state, claimed_until, last_error_code, emr_id, settled_at, told_at FROM outbox",
    "discrepancies": "SELECT id, record_id, code, state FROM discrepancies",
    "leases": "SELECT patient, cart, until, fence FROM leases",
    "doubts": "SELECT patient, cart, since, waits FROM lease_doubts",
    "sequences": "SELECT cart, epoch, upto, missing, since FROM record_sequences",
    "audit": "SELECT id, facility, at, actor, roles, place, action, subject, detail FROM audit ORDER BY id",
    "leaves": "SELECT place, audit_id, hash FROM audit_leaves ORDER BY place",
    "checkpoints": "SELECT size, root, at, jws FROM audit_checkpoints ORDER BY size",
}
_MOMENTS = frozenset({"due", "effective_at", "received_at", "at", "until", "since", "claimed_until", "settled_at", "told_at"})
_DOCUMENTS = frozenset({"document", "detail", "waits", "missing"})


def _server(run: Path) -> Server:
    folder = run / "server"
    key = next((file for file in (run / "server-key.json", folder / "signing-key.json") if file.exists()), None)
    rows: dict[str, tuple[Row, ...]] = {}
    with _database(folder) as db:
        for name, statement in _TABLES.items():
            names = [part.strip() for part in statement.partition(" FROM ")[0].removeprefix("SELECT ").split(",")]
            rows[name] = tuple(
                {column: _value(column, value) for column, value in zip(names, row, strict=True)} for row in _all(db, statement)
            )
    return Server(**rows, key=json.loads(key.read_text(encoding="utf-8")) if key is not None else None)


@contextlib.contextmanager
def _database(folder: Path) -> Iterator[Any]:
    """The database of `database_url` (a file of that name, else the setting in server.toml), else `server.sqlite`."""
    url = "sqlite:///server.sqlite"
    if (folder / "server.toml").exists():
        url = str(tomllib.loads((folder / "server.toml").read_text(encoding="utf-8")).get("database_url", url))
    if (folder / "database_url").exists():
        url = (folder / "database_url").read_text(encoding="utf-8").strip()
    if url.startswith("sqlite:///"):
        with _sqlite(folder / url.removeprefix("sqlite:///")) as db:
            yield db
        return
    import psycopg

    with psycopg.connect(re.sub(r"^postgresql\+\w+:", "postgresql:", url)) as connection:
        connection.read_only = True
        yield connection


def _value(column: str, value: Any) -> Any:
    if column in _DOCUMENTS and isinstance(value, (str, bytes)):
        return json.loads(value)
    if column in _MOMENTS and value is not None:
        return moment(value)
    return value


def _last_write(run: Path) -> datetime:
    """When a program or a nurse last wrote something, by the machine's clock."""
    places = ("nurses.jsonl", "faults.jsonl", "server/*", "carts/*/*.sqlite*", "carts/*/data/*.sqlite*")
    return datetime.fromtimestamp(max(file.stat().st_mtime for place in places for file in run.glob(place)), UTC)


# The EMR.


def _emr(folder: Path) -> Emr:
    """A FHIR server's database (`data/sekmet.db`), or a folder of transaction bundles, one a record."""
    found = Emr()
    file = folder / "data" / "sekmet.db"
    if file.exists():
        with _sqlite(file) as db:
            for kind, text in db.execute("SELECT type, json FROM resources WHERE deleted = 0 AND json IS NOT NULL"):
                _keep(found, kind, json.loads(text))
            query = "SELECT seq, json FROM versions WHERE type IN ('MedicationAdministration', 'Procedure', 'Observation') ORDER BY seq"
            for seq, text in db.execute(query):
                for value in _identifiers(json.loads(text)) if text else ():
                    found.first.setdefault(value, float(seq))
        return found
    if not folder.is_dir():
        raise EvidenceError(f"{folder} is not there")
    newest: dict[str, Row] = {}
    for path in sorted(folder.glob("*.json"), key=lambda each: each.stat().st_mtime_ns):
        for entry in json.loads(path.read_bytes())["entry"]:
            newest[str(entry["fullUrl"])] = entry["resource"]
            for value in _identifiers(entry["resource"]):
                found.first.setdefault(value, float(path.stat().st_mtime_ns))
    for resource in newest.values():
        _keep(found, resource["resourceType"], resource)
    return found


def _keep(found: Emr, kind: str, resource: Row) -> None:
    for tag in resource.get("meta", {}).get("tag", ()):
        if str(tag.get("system", "")).endswith("/sid/event"):
            found.tags[tag["code"]] = found.tags.get(tag["code"], 0) + 1
    if kind in ("MedicationAdministration", "Procedure", "Observation"):
        for value in _identifiers(resource):
            found.resources.setdefault(value, []).append(resource)


def _identifiers(resource: Row) -> list[str]:
    return [each["value"] for each in resource.get("identifier", ()) if str(each.get("system", "")).endswith("/administration")]


# Values that may be written in more than one way.


def moment(value: str | datetime) -> datetime:
    """Aware UTC; what has no zone is UTC. Raises: ValueError."""
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def plain(value: Any) -> Any:
    """One form for a moment, an amount or a number, whoever wrote it."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return Decimal(str(value)).normalize()
    if isinstance(value, datetime) or (isinstance(value, str) and _MOMENT.match(value)):
        return moment(value)
    if isinstance(value, str) and _AMOUNT.match(value):
        number, _, unit = value.partition(" ")
        return Decimal(number).normalize(), unit
    return value
