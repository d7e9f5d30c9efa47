"""Backup and restore on both databases: what comes back is what was there, and nothing is ever overwritten."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage
import pytest
from flask import Flask
from sqlalchemy import text

from pointofcare.errors import ConfigError, NotPermittedError
from server.__main__ import main
from server.security import audit_check, sealing, signing
from server.store import audit_log, backups, migrate, phones, sign_ins, walls
from server.store.backups import Backup
from server.store.database import db
from server.store.transaction import Actor, reading, transaction
from server.usecases import phones as phone_verbs
from tests.support.databases import FACILITY, KINDS, empty_app, migrated_app
from tests.support.server_ward import open_ward
from tests.support.web import FLEET

NOW = datetime(2026, 3, 2, 1, 5, tzinfo=UTC)
KIND = pytest.mark.parametrize("kind", KINDS)


def made(path: Path, key: Path) -> Backup:
    return backups.make(path, facility=FACILITY, signing_key=key, at=NOW)


def restored(path: Path, key: Path, *, facility: str = FACILITY) -> Backup:
    return backups.restore(path, facility=facility, signing_key=key)


@contextmanager
def a_full_hospital(kind: str, directory: Path, key: Path) -> Iterator[Flask]:
    with migrated_app(kind, directory) as app:
        open_ward(patient_count=3)
        with transaction(Actor(id="N1")) as tx:
            tx.audit("patient.view", "patient/P1", {"name": "Nguyễn Văn An"})
        sealing.Sealer(signing.load_or_generate(key), scope=app.app_context).drain()
        yield app


@KIND
def test_what_comes_back_is_what_was_there(kind: str, tmp_path: Path) -> None:
    key, path = tmp_path / "key.json", tmp_path / "b" / "one.backup"
    with a_full_hospital(kind, tmp_path, key):
        backup = made(path, key)
        with reading() as tx:
            statement = audit_log.latest(tx)
    assert statement is not None
    assert path.stat().st_mode & 0o077 == 0
    assert backup.counts["patients"] == 3
    private = key.read_bytes()
    key.unlink()
    with empty_app(kind, tmp_path):
        assert restored(path, key) == backup
        assert migrate.differences() == ""
        with reading() as tx:
            found = audit_check.check(audit_log.lines(tx), signing.load(key).key, [statement.jws])
        assert found.faults == []
        assert found.entries == backup.counts["audit"]
    assert key.read_bytes() == private
    assert key.stat().st_mode & 0o077 == 0


@KIND
def test_a_restore_lets_no_phone_and_no_sign_in_in_that_may_have_been_ended_since(kind: str, tmp_path: Path) -> None:
    key, path = tmp_path / "key.json", tmp_path / "one.backup"
    with a_full_hospital(kind, tmp_path, key):
        with transaction(FLEET) as tx:
            paired, waiting = phone_verbs.claim(tx, FLEET, "phone-01").token, phone_verbs.claim(tx, FLEET, "phone-02").token
            phone_verbs.pair(tx, token=paired, browser="", place="", lasts=timedelta(days=30))
            sign_ins.start(tx, "digest", "N1", kind="web", factor=True, address="", agent="")
            walls.add(tx, ward="W1", label="", language="vi", code="digest", until=NOW + timedelta(days=30))
        made(path, key)
        with transaction(FLEET) as tx:
            phone_verbs.revoke(tx, FLEET, "phone-01", reason="lost in the lift")
    with empty_app(kind, tmp_path):
        restored(path, key)
        with reading() as tx:
            assert phones.standing(tx) == ()
            assert [one.reason for one in phones.listed(tx)] == [backups.RESTORED]
            assert sign_ins.running(tx, "N1", since=NOW - timedelta(days=1)) == ()
            assert [one.ended_by for one in walls.listed(tx)] == ["restore"]
        with pytest.raises(NotPermittedError), transaction(FLEET) as tx:
            phone_verbs.pair(tx, token=waiting, browser="", place="", lasts=timedelta(days=30))


@KIND
def test_a_database_that_holds_anything_is_never_overwritten(kind: str, tmp_path: Path) -> None:
    key, path = tmp_path / "key.json", tmp_path / "one.backup"
    with a_full_hospital(kind, tmp_path, key):
        made(path, key)
        with pytest.raises(ConfigError, match="not empty"):
            restored(path, key)
        with pytest.raises(ConfigError, match="exists"):
            made(path, key)


@KIND
def test_a_backup_of_an_older_schema_is_brought_up_to_date(kind: str, tmp_path: Path) -> None:
    key, path = tmp_path / "key.json", tmp_path / "one.backup"
    with empty_app(kind, tmp_path):
        migrate.upgrade("0001")
        with db.engine.begin() as connection:
            connection.execute(text("INSERT INTO wards (facility, id, name, timezone) VALUES ('h1', 'W1', 'Nội', 'Asia/Ho_Chi_Minh')"))
        assert made(path, key).schema == "0001"
        db.engine.dispose()
    (tmp_path / "empty.sqlite").unlink(missing_ok=True)
    with empty_app(kind, tmp_path):
        restored(path, key)
        assert migrate.current() == migrate.head()
        assert migrate.differences() == ""
        with db.engine.connect() as connection:
            assert connection.execute(text("SELECT name FROM wards")).scalar_one() == "Nội"


def repacked(path: Path, target: Path, **changes: object) -> Path:
    """The same backup with keys of its manifest changed, or a byte of its database where `damage` is given."""
    damage = changes.pop("damage", False)
    with tarfile.open(path) as old, tarfile.open(target, "w:gz") as new:
        for member in old.getmembers():
            content = bytearray(old.extractfile(member).read())  # type: ignore[union-attr]
            if member.name == backups.MANIFEST:
                content = bytearray(json.dumps(json.loads(content) | changes).encode())
            elif member.name == backups.DATA and damage:
                content[len(content) // 2] ^= 1
            member.size = len(content)
            new.addfile(member, io.BytesIO(bytes(content)))
    return target


def test_what_is_no_sound_backup_of_this_hospital_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    key, path = tmp_path / "key.json", tmp_path / "one.backup"
    with a_full_hospital("sqlite", tmp_path, key):
        made(path, key)
    cut, rubbish = tmp_path / "cut", tmp_path / "rubbish"
    cut.write_bytes(path.read_bytes()[:-2000])
    rubbish.write_bytes(b"\x1f\x8b rubbish")
    with empty_app("sqlite", tmp_path):
        for bad, why in (
            (cut, "damaged"),
            (rubbish, "not a backup"),
            (repacked(path, tmp_path / "d", damage=True), "damaged"),
            (repacked(path, tmp_path / "f", format=2), "does not know"),
            (repacked(path, tmp_path / "s", schema="9999"), "does not know"),
            (repacked(path, tmp_path / "e", engine="postgresql"), "postgresql"),
        ):
            with pytest.raises(ConfigError, match=why):
                restored(bad, key)
            assert migrate.current() is None
        with pytest.raises(ConfigError, match="not of h2"):
            restored(path, key, facility="h2")
        other = tmp_path / "other.json"
        signing.generate(other)
        with pytest.raises(ConfigError, match="another key"):
            restored(path, other)
        assert migrate.current() is None
        restored(path, key)


def test_the_commands_back_up_and_restore(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, path = tmp_path / "server.toml", tmp_path / "one.backup"
    assert main(["init", "--config", str(config)]) == 0
    assert main(["migrate", "--config", str(config)]) == 0
    assert main(["backup", str(path), "--config", str(config)]) == 0
    assert main(["restore", str(path), "--config", str(config)]) == 2
    assert "not empty" in capsys.readouterr().err
    for file in tmp_path.glob("*.sqlite*"):
        file.unlink()
    assert main(["restore", str(path), "--config", str(config)]) == 0
    assert "0 faults" in capsys.readouterr().out


def test_an_encrypted_backup_holds_nothing_readable_and_comes_back_with_its_key_alone(tmp_path: Path) -> None:
    key, file, secret = tmp_path / "signing-key.json", tmp_path / "backups" / "one.age", tmp_path / "age.key"
    identity = pyrage.x25519.Identity.generate()
    for each in ("old", "new"):
        (tmp_path / each).mkdir()
    with a_full_hospital("sqlite", tmp_path / "old", key):
        backups.make(file, facility=FACILITY, signing_key=key, at=NOW, encrypt_to=str(identity.to_public()))
        with pytest.raises(ConfigError):
            backups.make(tmp_path / "two", facility=FACILITY, signing_key=key, at=NOW, encrypt_to="age1nobody")
    assert [each.name for each in file.parent.iterdir()] == ["one.age"]
    assert file.stat().st_mode & 0o077 == 0
    assert file.read_bytes().startswith(b"age-encryption.org/v1\n")
    assert not tarfile.is_tarfile(file)
    with empty_app("sqlite", tmp_path / "new"):
        secret.write_text(f"# made by age-keygen\n{pyrage.x25519.Identity.generate()}\n")
        for wrong in (None, secret, tmp_path / "missing"):
            with pytest.raises(ConfigError):
                backups.restore(file, facility=FACILITY, signing_key=key, identity=wrong)
        secret.write_text(f"# made by age-keygen\n{identity}\n")
        assert backups.restore(file, facility=FACILITY, signing_key=key, identity=secret).counts["patients"] == 3
