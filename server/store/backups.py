"""Backup and restore of the whole server state as one file: the database, the key that signs the carts' tables, and the files that the
settings name (`server.store.backup_files`).

A backup is consistent (one snapshot), readable by its owner only, and complete before it has its name. A restore goes into an empty
database alone and checks every figure that the backup states; it never overwrites anything, and lets nobody in again who may have been
shut out since. The database tools do the copying:
SQLite's own backup, and `pg_dump` with `pg_restore`.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyrage
from sqlalchemy import func, inspect, select, table, update
from sqlalchemy.engine import Connection, make_url

from pointofcare.errors import ConfigError
from server.store import backup_files, migrate
from server.store.backup_files import Placed
from server.store.backup_files import digest as _digest
from server.store.database import Base, db
from server.store.tables import PhoneClaimRow, PhonePairingRow, SignInSessionRow, WallScreenRow

FORMAT = 1
_AGE = b"age-encryption.org/v1"
# Why a pairing ended that came out of a backup.
RESTORED = "a backup was restored"
MANIFEST, KEY, DATA = "manifest.json", "signing-key.json", "database"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What a backup holds: `counts` rows by table, `schema` the database's revision, `parts` the settings whose files are in it,
    `left_out` those whose files are not, each with the reason."""

    facility: str
    at: str
    engine: str
    schema: str
    counts: Mapping[str, int]
    parts: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


def make(
    path: Path,
    *,
    facility: str,
    signing_key: Path,
    at: datetime,
    encrypt_to: str | None = None,
    parts: Mapping[str, Path] | None = None,
) -> Backup:
    """Writes the backup to `path`, encrypted for an age recipient (`age1...`) where one is given; only what is encrypted touches the
    folder of `path` then. `parts` are further files and folders by name. Needs an application context.
    Raises: ConfigError when the file exists or a tool is missing."""
    recipient = _recipient(encrypt_to) if encrypt_to is not None else None
    if path.exists():
        raise ConfigError(f"{path} exists", remedy="name a file that does not exist; a backup is never overwritten")
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = db.engine.dialect.name
    with (
        tempfile.TemporaryDirectory(dir=path.parent, prefix=".backup-") as beside,
        tempfile.TemporaryDirectory(dir=beside if recipient is None else None, prefix="backup-") as made,
    ):
        directory = Path(made)
        data = directory / DATA
        counts = _dump_sqlite(data) if engine == "sqlite" else _dump_postgresql(data)
        kept = backup_files.copied(parts or {}, directory, encrypted=recipient is not None)
        backup = Backup(
            facility=facility,
            at=at.isoformat(),
            engine=engine,
            schema=migrate.current() or "",
            counts=counts,
            parts=kept.parts,
            left_out=kept.left_out,
        )
        files = {DATA: data}
        if signing_key.exists():
            files[KEY] = signing_key
        manifest = {
            "format": FORMAT,
            "facility": backup.facility,
            "at": backup.at,
            "engine": backup.engine,
            "schema": backup.schema,
            "counts": dict(backup.counts),
            "sha256": {name: _digest(file) for name, file in files.items()} | dict(kept.sha256),
            "links": dict(kept.links),
            "parts": list(backup.parts),
            "left_out": dict(backup.left_out),
        }
        (directory / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True), encoding="utf-8")
        inside = {MANIFEST: directory / MANIFEST, **files}
        if kept.parts:
            inside[backup_files.FOLDER] = directory / backup_files.FOLDER
        whole = directory / "whole.tar.gz"
        descriptor = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            with tarfile.open(fileobj=out, mode="w:gz") as archive:
                for name, file in inside.items():
                    archive.add(file, arcname=name)
            out.flush()
            os.fsync(out.fileno())
        if recipient is not None:
            whole = _encrypted(whole, Path(beside) / "whole.age", recipient)
        os.link(whole, path)  # unlike a rename it fails where somebody was faster
    return backup


@contextmanager
def opened(path: Path, identity: Path | None = None) -> Iterator[tuple[dict[str, Any], Path]]:
    """The manifest of a backup and the folder in which its files lie until the end; each file is the one that was kept. `identity` is
    the file of the age secret key of one that is encrypted. Raises: ConfigError."""
    with tempfile.TemporaryDirectory(prefix="restore-") as made:
        directory = Path(made)
        manifest = _unpacked(_decrypted(path, directory, identity), directory)
        _sound(manifest, directory)
        yield manifest, directory


def restore(
    path: Path,
    *,
    facility: str,
    signing_key: Path,
    identity: Path | None = None,
    place: Callable[[str], Path | None] = lambda _name: None,
    told: Callable[[Placed], None] = lambda _placed: None,
) -> Backup:
    """Puts the backup into the configured, empty database and brings it to this version's schema; `place` says where the files of a
    setting belong, and `told` hears what became of them. Needs an application context.

    Raises: ConfigError, and then the database is as it was: not a backup, damaged, of another facility or engine, of a newer version,
    or the database holds something already."""
    with opened(path, identity) as (manifest, directory):
        backup = _checked(manifest, directory, facility=facility, signing_key=signing_key)
        if inspect(db.engine).get_table_names():
            raise ConfigError("the database is not empty", remedy="restore into a new database, then point database_url at it")
        # Before the database: whoever begins anew after a power cut finds them there, and an empty database.
        told(backup_files.placed(manifest, directory, place))
        db.engine.dispose()
        _load_sqlite(directory / DATA) if backup.engine == "sqlite" else _load_postgresql(directory / DATA)
        found = _counts(backup.counts)
        if found != dict(backup.counts):
            differing = sorted(name for name in backup.counts if found.get(name) != backup.counts[name])
            raise ConfigError(f"the restored database differs in: {', '.join(differing)}", remedy="drop it and restore an older backup")
        if (directory / KEY).exists() and not signing_key.exists():
            descriptor = os.open(signing_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as out:
                out.write((directory / KEY).read_bytes())
    migrate.upgrade()
    end_what_is_held()
    return backup


def end_what_is_held() -> None:
    """A phone, a wall screen or a sign-in that was ended after the backup would be in again. Nobody can tell which those are, so all of
    them end: phones and screens are paired anew, and people sign in. Carts are not ended: what was revoked stands on the broker's list,
    and is taken over from there."""
    now = datetime.now(UTC)
    with db.engine.begin() as connection:
        ended = {"ended_at": now, "ended_by": "restore", "reason": RESTORED}
        connection.execute(update(PhonePairingRow).where(PhonePairingRow.ended_at.is_(None)).values(**ended))
        connection.execute(update(PhoneClaimRow).where(PhoneClaimRow.used_at.is_(None)).values(expires_at=now))
        walls = {"ended_at": now, "ended_by": "restore"}
        connection.execute(update(WallScreenRow).where(WallScreenRow.ended_at.is_(None)).values(**walls))
        connection.execute(update(SignInSessionRow).where(SignInSessionRow.ended_at.is_(None)).values(ended_at=now))


def _recipient(text: str) -> pyrage.x25519.Recipient:
    try:
        return pyrage.x25519.Recipient.from_str(text.strip())
    except pyrage.RecipientError as exc:
        raise ConfigError(f"{text[:70]} is no age recipient", remedy="make one with age-keygen: age1 and 58 more characters") from exc


def _encrypted(whole: Path, target: Path, recipient: pyrage.x25519.Recipient) -> Path:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out, whole.open("rb") as content:
        pyrage.encrypt_io(content, out, [recipient])
        out.flush()
        os.fsync(out.fileno())
    return target


def _decrypted(path: Path, directory: Path, identity: Path | None) -> Path:
    """The plain archive: the file itself, or what its age key makes of it in `directory`."""
    try:
        with path.open("rb") as file:
            if not file.read(len(_AGE)).startswith(_AGE):
                return path
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}", remedy="name the file of a backup") from exc
    if identity is None:
        raise ConfigError(f"{path} is encrypted", remedy="name the file of its secret key: --identity FILE")
    try:
        lines = identity.read_text(encoding="utf-8").splitlines()
        keys = [pyrage.x25519.Identity.from_str(line.strip()) for line in lines if line.startswith("AGE-SECRET-KEY-")]
        pyrage.decrypt_file(str(path), str(directory / "plain.tar.gz"), keys)
    except (OSError, UnicodeDecodeError, pyrage.IdentityError, pyrage.DecryptError) as exc:
        raise ConfigError(
            f"{path} cannot be opened with {identity}, or is damaged: {exc}", remedy="find the key that it was made for"
        ) from exc
    return directory / "plain.tar.gz"


def _unpacked(path: Path, directory: Path) -> dict[str, Any]:
    try:
        with tarfile.open(path, mode="r:gz") as archive:
            archive.extractall(directory, filter="data")
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, EOFError, tarfile.TarError, ValueError) as exc:
        raise ConfigError(f"{path} is not a backup, or is damaged: {exc}", remedy="take an older backup") from exc
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ConfigError(f"{path} is a backup of a format that this version does not know", remedy="restore it with its own version")
    return manifest


def _sound(manifest: dict[str, Any], directory: Path) -> None:
    for name, digest in manifest["sha256"].items():
        file = directory / name
        if not file.is_file() or _digest(file) != digest:
            raise ConfigError(f"{name} in the backup is damaged", remedy="take an older backup")
    backup_files.check(manifest, directory)


def _checked(manifest: dict[str, Any], directory: Path, *, facility: str, signing_key: Path) -> Backup:
    if manifest["facility"] != facility:
        raise ConfigError(f"this is a backup of {manifest['facility']}, not of {facility}", remedy="use the configuration of that facility")
    if manifest["engine"] != db.engine.dialect.name:
        raise ConfigError(
            f"this is a backup of {manifest['engine']}, the configured database is {db.engine.dialect.name}", remedy="set database_url"
        )
    if not migrate.knows(manifest["schema"]):
        raise ConfigError(
            f"the backup has schema {manifest['schema']}, which this version does not know", remedy="install the version that made it"
        )
    ours, theirs = signing_key, directory / KEY
    if ours.exists() and theirs.exists() and _digest(ours) != _digest(theirs):
        raise ConfigError(
            f"{ours} is another key than the backup's: carts would refuse its tables", remedy=f"move {ours} away, or restore elsewhere"
        )
    return described(manifest)


def described(manifest: Mapping[str, Any]) -> Backup:
    """What it says of itself; one of an older version has no files."""
    plain = {name: manifest[name] for name in ("facility", "at", "engine", "schema", "counts")}
    return Backup(**plain, parts=tuple(manifest.get("parts", ())), left_out=manifest.get("left_out", {}))


def _dump_sqlite(target: Path) -> dict[str, int]:
    """The rows by table are those of the copy itself, which nobody writes to."""
    with closing(sqlite3.connect(_sqlite_file())) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        present = {row[0] for row in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return {
            each.name: copy.execute(f'SELECT count(*) FROM "{each.name}"').fetchone()[0]
            for each in Base.metadata.sorted_tables
            if each.name in present
        }


def _load_sqlite(source: Path) -> None:
    with closing(sqlite3.connect(source)) as copy, closing(sqlite3.connect(_sqlite_file())) as target:
        if copy.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise ConfigError("the database in the backup is damaged", remedy="take an older backup")
        copy.backup(target)


def _sqlite_file() -> str:
    return str(db.engine.url.database)


def _dump_postgresql(target: Path) -> dict[str, int]:
    """Dump and row counts of one snapshot, whatever is written meanwhile."""
    with db.engine.execution_options(isolation_level="REPEATABLE READ").connect() as connection:
        snapshot = connection.execute(select(func.pg_export_snapshot())).scalar_one()
        arguments = ("--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={target}")
        _tool("pg_dump", *arguments, f"--dbname={_libpq_url()}")
        return _counted(connection)


def _load_postgresql(source: Path) -> None:
    _tool("pg_restore", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", f"--dbname={_libpq_url()}", str(source))


def _libpq_url() -> str:
    return make_url(db.engine.url).set(drivername="postgresql").render_as_string(hide_password=False)


def _tool(name: str, *arguments: str) -> None:
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda each: int(each.parts[4]))
    program = str(installed[-1]) if installed else shutil.which(name)
    if program is None:
        raise ConfigError(f"{name} is not installed", remedy="apt-get install postgresql-client")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigError(f"{name} failed: {done.stderr.strip()[:500]}", remedy="see the message; nothing was changed")


def _counts(names: Mapping[str, int]) -> dict[str, int]:
    """Also of tables that this version has no more: a backup of an older schema holds them until it is brought up to date."""
    with db.engine.connect() as connection:
        present = set(inspect(connection).get_table_names())
        return {name: connection.execute(select(func.count()).select_from(table(name))).scalar_one() for name in names if name in present}


def _counted(connection: Connection) -> dict[str, int]:
    """Rows by table, as this connection sees them."""
    present = set(inspect(connection).get_table_names())
    return {
        each.name: connection.execute(select(func.count()).select_from(each)).scalar_one()
        for each in Base.metadata.sorted_tables
        if each.name in present
    }
