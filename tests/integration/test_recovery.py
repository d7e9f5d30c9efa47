"""A server's files come back with its database, and a drill says beforehand whether they would."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import tarfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage
import pytest

from server import config as configuration
from server.__main__ import main
from server.bare import bare_app
from server.security import authority, drill, recovery, sealing, signing
from server.store import backup_files, scratch
from server.store.database import db
from tests.support.databases import FACILITY, KINDS, config_for, empty_app, migrated_app
from tests.support.firmware import People
from tests.support.server_ward import open_ward

KIND = pytest.mark.parametrize("kind", KINDS)


class Hospital:
    """A server's folder with everything that its settings may name, an age key, and a folder of backups."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.settings, self.key = directory / "server.toml", directory / "age.key"
        self.backups = directory.parent / "backups"
        identity = pyrage.x25519.Identity.generate()
        directory.mkdir(exist_ok=True)
        self.key.write_text(f"{identity}\n")
        self.recipient = str(identity.to_public())
        assert main(["init", "--config", str(self.settings), "--facility", FACILITY]) == 0
        with self.settings.open("a") as file:
            file.write('\n[documents]\nfile = "forms/documents.toml"\n')
        forms = directory / "forms"
        (forms / "templates").mkdir(parents=True)
        (forms / "templates" / "one.html").write_text("<p>phiếu</p>")
        (forms / "sign.pem").write_text("PRIVATE KEY OF THE HOSPITAL")
        (forms / "documents.toml").write_text('templates = "templates"\n[[signer]]\nkind = "pem"\nkey_file = "sign.pem"\n')
        authority.create(directory / "ca", facility=FACILITY, at=datetime.now(UTC))

    def run(self, *words: str) -> int:
        return main([*words, "--config", str(self.settings)])


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    found = Hospital(tmp_path / "old")
    assert found.run("migrate") == 0
    return found


@pytest.fixture
def released(hospital: Hospital, tmp_path: Path) -> Hospital:
    """With a repository of firmware that people signed."""
    from server.firmware.repository import Repository

    people = People(folder=tmp_path / "people", held=Repository(hospital.directory / "firmware"))
    people.ceremony()
    people.release(people.image("1.0.0"), version="1.0.0")
    return hospital


def test_every_file_that_the_settings_name_is_in_the_backup_or_says_why_not(tmp_path: Path) -> None:
    (tmp_path / "server.toml").write_text(configuration.fresh(facility=FACILITY))
    config = configuration.load(tmp_path / "server.toml", {})
    every = dict(backup_files._walk(config, ""))
    assert set(every) - set(backup_files.named(config)) == {"data_dir", "signing_key", "emr.folder"}
    assert set(backup_files.named(config)) == {"machines.ca_dir", "firmware.directory"}
    assert not backup_files.is_open("machines.ca_dir")
    assert not backup_files.is_open("mqtt.key_file")
    assert not backup_files.is_open("documents_file:signer.0.passphrase_file")
    assert backup_files.is_open("firmware.directory")


def test_a_hospital_comes_back_whole_from_an_encrypted_backup_on_a_bare_machine(released: Hospital, tmp_path: Path) -> None:
    file = released.backups / "one.age"
    assert released.run("backup", str(file), "--encrypt-to", released.recipient) == 0
    identity = tmp_path / "identity"
    released.key.rename(identity)
    gone = released.directory.rename(tmp_path / "gone")
    taken = tmp_path / "taken"
    assert main(["unpack", str(file), str(taken), "--identity", str(identity)]) == 0
    assert (taken / "settings").read_bytes() == (gone / "server.toml").read_bytes()
    assert (taken / "signing-key.json").read_bytes() == (gone / "signing-key.json").read_bytes()
    released.directory.mkdir()
    (taken / "settings").rename(released.settings)
    assert released.run("restore", str(file), "--identity", str(identity)) == 0
    for name in ("signing-key.json", "ca/ca.key", "forms/documents.toml", "forms/sign.pem", "forms/templates/one.html"):
        assert (released.directory / name).read_bytes() == (gone / name).read_bytes(), name
        assert name.startswith("forms/templates") or (released.directory / name).stat().st_mode & 0o077 == 0
    there, here = gone / "firmware", released.directory / "firmware"
    assert os.readlink(here / "current") == os.readlink(there / "current")
    files = {path.relative_to(there) for path in there.rglob("*") if path.is_file() and path.name != "lock"}
    assert files == {path.relative_to(here) for path in here.rglob("*") if path.is_file()}
    assert all((here / name).read_bytes() == (there / name).read_bytes() for name in files)


def test_no_secret_file_lies_in_a_backup_that_is_not_encrypted_and_that_is_said(
    released: Hospital, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = released.backups / "one.backup"
    assert released.run("backup", str(file)) == 0
    assert "LEFT OUT, because they are secret: documents_file:signer.0.key_file, machines.ca_dir, settings" in capsys.readouterr().out
    assert main(["unpack", str(file), str(tmp_path / "taken")]) == 0
    assert {path.name for path in (tmp_path / "taken").iterdir()} == {
        "documents_file",
        "documents_file:templates",
        "firmware.directory",
        "signing-key.json",
    }
    assert released.run("drill", str(file)) == 1
    assert "not in the backup, because it is not encrypted" in capsys.readouterr().out


def test_a_restore_never_puts_an_older_file_over_one_that_stands(hospital: Hospital, capsys: pytest.CaptureFixture[str]) -> None:
    file = hospital.backups / "one.backup"
    assert hospital.run("backup", str(file)) == 0
    for path in hospital.directory.glob("*.sqlite*"):
        path.unlink()
    newer = hospital.directory / "forms" / "documents.toml"
    newer.write_text('templates = "templates"\n')
    assert hospital.run("restore", str(file)) == 0
    assert newer.read_text() == 'templates = "templates"\n'
    said = capsys.readouterr().out
    assert "differ from the backup's, left as they are: documents_file\n" in said
    assert "the same: documents_file:templates" in said


def test_the_drill_restores_the_newest_backup_and_leaves_nothing_behind(
    released: Hospital, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for number in (1, 2):
        assert released.run("backup", str(released.backups / f"{number}.age"), "--encrypt-to", released.recipient) == 0
    os.utime(released.backups / "2.age", (time.time() - 60,) * 2)
    gc.collect()  # SQLite tidies its folder when the last connection of the commands before goes
    before = {path: path.stat().st_mtime_ns for path in released.directory.rglob("*")}
    report = tmp_path / "report.json"
    assert released.run("drill", str(released.backups), "--identity", str(released.key), "--json", str(report)) == 0
    assert {path: path.stat().st_mtime_ns for path in released.directory.rglob("*")} == before
    said = capsys.readouterr().out
    assert "1.age PASSED" in said
    plain = json.loads(report.read_text())
    assert plain["passed"] is True
    assert {step["what"]: step["outcome"] for step in plain["steps"]} == dict.fromkeys(
        ("restore", "age", "schema", "audit", "signing key", "files", "firmware releases", "authority of the machines", "settings"), "ok"
    )


def test_a_drill_fails_for_a_backup_that_is_old_damaged_or_not_there(hospital: Hospital, capsys: pytest.CaptureFixture[str]) -> None:
    hospital.backups.mkdir()
    assert hospital.run("drill", str(hospital.backups)) == 2
    file = hospital.backups / "one.age"
    assert hospital.run("backup", str(file), "--encrypt-to", hospital.recipient) == 0
    assert hospital.run("drill", str(file), "--identity", str(hospital.key), "--oldest", "0") == 1
    assert "failed  age" in capsys.readouterr().out
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert hospital.run("drill", str(file), "--identity", str(hospital.key)) == 1
    assert "failed  restore" in capsys.readouterr().out


@KIND
def test_a_drill_beside_a_live_server_counts_its_rows_and_checks_its_seals_and_changes_neither(kind: str, tmp_path: Path) -> None:
    with migrated_app(kind, tmp_path) as app:
        config = config_for(str(app.config["SQLALCHEMY_DATABASE_URI"]), tmp_path)
        open_ward(patient_count=2)
        sealing.Sealer(signing.load_or_generate(config.signing_key), scope=app.app_context).drain()
        recovery.backup(config, tmp_path / "none.toml", tmp_path / "one.backup", encrypt_to=None)
        before = audit_rows()
        report = drill.run(config, tmp_path / "one.backup", make_app=bare_app, identity=None, oldest=timedelta(hours=1))
        assert (report.passed, audit_rows()) == (True, before)
        assert report.backup is not None
        assert report.backup.counts["patients"] == 2


def audit_rows() -> int:
    with db.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM audit").scalar_one())


def test_a_drill_finds_an_audit_that_was_changed(tmp_path: Path) -> None:
    with migrated_app("sqlite", tmp_path) as app:
        config = config_for(str(app.config["SQLALCHEMY_DATABASE_URI"]), tmp_path)
        open_ward(patient_count=1)
        sealing.Sealer(signing.load_or_generate(config.signing_key), scope=app.app_context).drain()
        with db.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE audit SET action = 'nothing' WHERE id = (SELECT min(id) FROM audit)")
        recovery.backup(config, tmp_path / "none.toml", tmp_path / "one.backup", encrypt_to=None)
        report = drill.run(config, tmp_path / "one.backup", make_app=bare_app, identity=None, oldest=timedelta(hours=1))
    assert [what for what, outcome, _words in report.steps if outcome != "ok"] == ["audit"]


def test_the_scratch_database_is_gone_also_when_a_drill_breaks_off(tmp_path: Path) -> None:
    with empty_app("postgresql", tmp_path) as app:
        live = str(app.config["SQLALCHEMY_DATABASE_URI"])
        with contextlib.suppress(ZeroDivisionError), scratch.database(live, tmp_path) as url:
            assert url != live
            1 / 0  # noqa: B018 - a fault in the middle of it
        with db.engine.connect() as connection:
            left = connection.exec_driver_sql("SELECT count(*) FROM pg_database WHERE datname LIKE 'pointofcare_drill_%%'").scalar_one()
        assert left == 0


def test_the_next_drill_drops_what_a_killed_one_left_and_no_database_in_which_somebody_works(tmp_path: Path) -> None:
    with empty_app("postgresql", tmp_path) as app:
        live = str(app.config["SQLALCHEMY_DATABASE_URI"])
        left, other = f"{scratch.PREFIX}{'0' * 32}", f"{scratch.PREFIX}of_somebody"
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for name in (left, other):
                connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0")
            with scratch.database(live, tmp_path) as used, scratch.database(live, tmp_path):
                found = set(connection.exec_driver_sql("SELECT datname FROM pg_database").scalars())
                assert left not in found
                assert {other, used.partition("?")[0].rpartition("/")[2]} <= found
            connection.exec_driver_sql(f"DROP DATABASE {other}")


def test_a_backup_whose_names_lead_out_of_the_folder_is_refused(hospital: Hospital, tmp_path: Path) -> None:
    file, other = hospital.backups / "one.backup", tmp_path / "other.backup"
    assert hospital.run("backup", str(file)) == 0
    with tarfile.open(file) as old, tarfile.open(other, "w:gz") as new:
        for member in old.getmembers():
            content = old.extractfile(member) if member.isfile() else None
            if member.name == "manifest.json":
                assert content is not None
                text = json.dumps(json.loads(content.read()) | {"parts": ["../manifest.json"]}).encode()
                member.size, content = len(text), io.BytesIO(text)  # type: ignore[assignment]
            new.addfile(member, content)
    assert main(["unpack", str(other), str(tmp_path / "deep" / "taken")]) == 2
    assert not (tmp_path / "deep" / "manifest.json").exists()


def test_a_backup_in_which_somebody_put_a_file_is_refused(hospital: Hospital, tmp_path: Path) -> None:
    file, other = hospital.backups / "one.backup", tmp_path / "other.backup"
    assert hospital.run("backup", str(file)) == 0
    with tarfile.open(file) as old, tarfile.open(other, "w:gz") as new:
        for member in old.getmembers():
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
        extra = tarfile.TarInfo("files/documents_file:templates/two.html")
        new.addfile(extra)
    assert main(["unpack", str(other), str(tmp_path / "taken")]) == 2
    assert main(["unpack", str(file), str(tmp_path / "taken2")]) == 0
