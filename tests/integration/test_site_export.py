"""Everything of a site or of one patient leaves whole, with hashes, and without what signs somebody in or belongs to somebody else."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from pointofcare.errors import ConfigError, NotFoundError, UnreadableError
from server.__main__ import main
from server.config import EmrConfig
from server.emr import mapping_context
from server.store import site_rows
from server.store.database import Base, db
from server.store.tables import AuditRow
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, site_export
from server.usecases.site_export import File
from tests.support.databases import FACILITY, KINDS, migrated_app
from tests.support.server_ward import a_record, open_ward

OPERATOR = Actor(id="command-line")
GATEWAY = Actor(id="gateway")


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        a_ward()
        yield made


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path) as made:
        a_ward()
        yield made


def a_ward() -> None:
    open_ward(patient_count=2)
    for number in (1, 2):
        with transaction(GATEWAY) as tx:
            administrations.record(tx, a_record(number, record_id=f"given-{number}"), cart_seq=number, epoch="e")


def exported(folder: Path, **chosen: Any) -> tuple[File, ...]:
    told: dict[str, Any] = {"facility": FACILITY, "schema": "1", "by": "N1", "reason": "the patient asks"}
    return site_export.write(OPERATOR, folder, mapping_context(EmrConfig(), facility=FACILITY), **(told | chosen))


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def resources(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "fhir" / f"{kind}.ndjson").read_text(encoding="utf-8").splitlines()]


def test_the_whole_site_leaves_with_every_row_and_a_hash_of_each_file(app: Flask, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    exported(folder)
    assert [row["id"] for row in table(folder, "patients")] == ["P1", "P2"]
    assert {row["record_id"] for row in table(folder, "administrations")} == {"given-1", "given-2"}
    assert len(resources(folder, "Patient")) == 2
    assert len(resources(folder, "MedicationAdministration")) == 2
    with db.engine.connect() as connection:
        for name in site_rows.tables():
            count = connection.execute(select(Base.metadata.tables[name])).fetchall()
            assert len(table(folder, name)) == len(count), name
    assert site_export.check(folder) == []
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.rglob("*"))
    (folder / "tables" / "patients.csv").write_text("")
    (folder / "tables" / "bands.csv").unlink()
    assert site_export.check(folder) == ["tables/bands.csv is missing", "tables/patients.csv was changed"]


def test_one_patient_leaves_alone(app: Flask, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    exported(folder, patient="P1")
    whole = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file())
    assert "given-1" in whole
    assert "given-2" not in whole
    assert re.search(r"\bP2\b", whole) is None
    assert [row["patient"] for row in table(folder, "administrations")] == ["P1"]
    assert [one["resourceType"] for one in resources(folder, "MedicationAdministration")] == ["MedicationAdministration"]
    with reading() as tx:
        told = tx.session.scalars(select(AuditRow).where(AuditRow.action == "export.patient")).one()
        assert (told.subject, told.detail) == ("patient/P1", {"by": "N1", "reason": "the patient asks"})


def test_what_signs_somebody_in_is_in_no_export(small: Flask, tmp_path: Path) -> None:
    suspect = re.compile(r"pass|pin_hash|secret|token|uniq|(^|_)hash$|key$|salt|cookie")
    known = {
        "audit_leaves.hash",
        "barcode_sightings.key",
        "cart_config.reported_hash",
        "cart_firmware.image_hash",
        "drawer_findings.key",
        "incoming_items.key",
        "machine_certificates.key_hash",
        "outbox.ordering_key",
        "staff.must_change_password",
        "stock_moves.key",
        "tasks.key",
    }
    found = {f"{name}.{column}" for name in site_rows.tables() for column in site_rows.columns(name) if suspect.search(column)}
    assert found - known == set()
    exported(tmp_path / "out")
    assert "password" not in (tmp_path / "out" / "tables" / "staff.csv").read_text().replace("must_change_password", "")


def test_nothing_of_another_facility_leaves(small: Flask, tmp_path: Path) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO wards (facility, id, name, timezone) VALUES ('h2', 'W9', 'Ngoại', 'Asia/Ho_Chi_Minh')")
    exported(tmp_path / "out")
    assert "W9" not in {row["id"] for row in table(tmp_path / "out", "wards")}


def test_an_export_is_refused_without_a_reason_a_person_or_a_new_folder_and_writes_nothing(small: Flask, tmp_path: Path) -> None:
    for chosen, fault in (
        ({"reason": " "}, UnreadableError),
        ({"by": "nobody"}, NotFoundError),
        ({"patient": "P99"}, NotFoundError),
    ):
        with pytest.raises(fault):
            exported(tmp_path / "out", **chosen)
    (tmp_path / "there").mkdir()
    with pytest.raises(ConfigError):
        exported(tmp_path / "there")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / ".out.part").exists()


def test_an_export_that_was_broken_off_has_no_name_and_the_next_one_says_so(
    small: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(site_rows, "rows", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            exported(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(ConfigError, match="broken off"):
        exported(tmp_path / "out")


def test_the_commands_export_and_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = ["--config", str(tmp_path / "server.toml")]
    assert main(["init", *config]) == 0
    assert main(["migrate", *config]) == 0
    assert main(["export-site", str(tmp_path / "out"), "--by", "nobody", "--reason", "moving house", *config]) == 1
    assert main(["export-check", str(tmp_path / "out")]) == 2
    capsys.readouterr()
