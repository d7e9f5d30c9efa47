"""What every EMR adapter must keep, over those that ship and over the one that the documentation shows."""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pointofcare.errors import ConfigError, EmrRejectedError
from server import config as configuration
from server.__main__ import main as command
from server.config import EmrConfig
from server.emr import adapters, contract, form_of, mapping_context, open_emr
from server.emr.contract import CHECKS, Outcome, Result, Sample, Trial
from server.emr.port import Accepted
from simulation.emr_peer import RunningEmr
from tests.support.emr import SITE
from tests.support.hl7_peer import hl7_peer
from tests.support.sekmet import sekmet

__all__ = ["sekmet"]

DOCUMENT = Path(__file__).parents[2] / "docs" / "emr-adapters.md"
TARGETS = ("folder", "fhir", "hl7v2", "his-table")
# What an adapter openly cannot do; everything else has to be kept.
MAY_NOT = {"hl7v2": {"takes a dose, and holds it by its record's id", "knows a repeat", "finds nothing that was never sent"}}
MAY_NOT["hl7v2"] |= {"takes a correction and a withdrawal, and forgets neither"}
MAY_NOT["folder"] = MAY_NOT["his-table"] = {"waits for an EMR that is away"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The adapter of the documentation as an installed package of somebody else."""
    place = tmp_path_factory.mktemp("site-packages")
    text = DOCUMENT.read_text(encoding="utf-8")
    (place / "his_table.py").write_text(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0], encoding="utf-8")
    points = next(block for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL) if "entry-points" in block)
    information = place / "his_table-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: his-table\nVersion: 1.0\n")
    group, line = points.strip().splitlines()
    name, value = (part.strip().strip('"') for part in line.split("="))
    (information / "entry_points.txt").write_text(
        f"[{group.split(chr(34))[1]}]\n{name} = {value}\nbroken = his_table:NOTHING\nodd = json:dumps\n"
    )
    sys.path.insert(0, str(place))
    yield place
    sys.path.remove(str(place))
    sys.modules.pop("his_table", None)


def _config(target: str, request: pytest.FixtureRequest, folder: Path) -> EmrConfig:
    config = EmrConfig(target=target, folder=folder / "emr", identifiers=SITE)
    if target == "fhir":
        running: RunningEmr = request.getfixturevalue("sekmet")
        return replace(config, base_url=running.base_url)
    if target == "hl7v2":
        return replace(config, host="127.0.0.1", port=request.getfixturevalue("peer"))
    if target == "his-table":
        request.getfixturevalue("installed")
        sqlite3.connect(folder / "doses.sqlite").close()
        return replace(config, settings={"file": str(folder / "doses.sqlite")})
    return config


@pytest.fixture(scope="module")
def peer() -> Iterator[int]:
    with hl7_peer() as running:
        yield running.port


@pytest.fixture(scope="module", params=TARGETS)
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Outcome]]:
    config = _config(request.param, request, tmp_path_factory.mktemp(request.param))
    nobody = replace(config, base_url="http://127.0.0.1:9/fhir", port=9)
    trial = Trial(
        emr=open_emr(config, facility="bv1"),
        form=form_of(config, facility="bv1"),
        context=mapping_context(config, facility="bv1"),
        sample=Sample(facility="bv1"),
        away=open_emr(nobody, facility="bv1") if request.param in ("fhir", "hl7v2") else None,
    )
    with contract.closing(trial):
        return request.param, {one.name: one for one in contract.run(trial)}


@pytest.mark.parametrize("check", [name for name, _ in CHECKS])
def test_each_adapter_keeps_what_every_adapter_must(outcomes: tuple[str, dict[str, Outcome]], check: str) -> None:
    target, found = outcomes
    outcome = found[check]
    expected = Result.NOT_ASKED if check in MAY_NOT.get(target, ()) else Result.KEPT
    assert outcome.result is expected, f"{target}: {outcome.words}"


def _trial(tmp_path: Path) -> Trial:
    config = EmrConfig(target="folder", folder=tmp_path / "emr", identifiers=SITE)
    context = mapping_context(config, facility="bv1")
    return Trial(emr=open_emr(config, facility="bv1"), form=form_of(config, facility="bv1"), context=context, sample=Sample(facility="bv1"))


def _broken(trial: Trial) -> set[str]:
    return {one.name for one in contract.run(trial) if one.result is Result.BROKEN}


@pytest.mark.parametrize(
    ("name", "fault", "noticed"),
    [
        ("submit", lambda *_: Accepted(emr_id=""), "takes a dose, and holds it by its record's id"),
        ("submit", lambda *_: Accepted(emr_id="1"), "tells two doses apart"),
        ("read_back", lambda _: None, "takes a dose, and holds it by its record's id"),
        ("read_back", lambda _: {"any": "thing"}, "finds nothing that was never sent"),
        ("check", lambda: 1 / 0, "says what it is, and answers"),
    ],
)
def test_an_adapter_that_lies_is_found_out(tmp_path: Path, name: str, fault: Callable[..., object], noticed: str) -> None:
    trial = _trial(tmp_path)
    setattr(trial.emr, name, fault)
    assert noticed in _broken(trial)


def test_a_form_that_bends_what_it_cannot_say_is_found_out(tmp_path: Path) -> None:
    trial = _trial(tmp_path)
    trial.form = replace(trial.form, build=lambda record, _context: b'{"record": "%s"}' % record.record_id.encode(), problems=lambda _: ())
    assert {"refuses openly what it has no form for", "finds broken bytes before they go"} <= _broken(trial)


def test_an_installed_adapter_is_found_by_its_name_and_a_wrong_one_stops_the_start(installed: Path, tmp_path: Path) -> None:
    given = {"database_url": "sqlite:///x.sqlite", "facility": "h1", "secret_key": "s" * 40, "password_salt": "p" * 40}
    read = configuration.read({**given, "emr": {"target": "his-table", "settings": {"file": "x"}}}, anchor=tmp_path)
    assert read.emr.settings == {"file": "x"}
    assert open_emr(read.emr, facility="h1").name == "table"
    with pytest.raises(ConfigError) as caught:
        configuration.read({**given, "emr": {"target": "his-tabel"}}, anchor=tmp_path)
    assert [where for where, _ in caught.value.problems] == ["emr.target"]
    for target in ("broken", "odd", "nowhere"):
        with pytest.raises(ConfigError):
            adapters.adapter(target)
    with pytest.raises(ConfigError, match="file is missing"):
        open_emr(EmrConfig(target="his-table"), facility="h1")


def test_the_example_says_no_to_another_row_of_the_same_record(installed: Path, tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "doses.sqlite").close()
    emr = open_emr(EmrConfig(target="his-table", settings={"file": str(tmp_path / "doses.sqlite")}), facility="h1")
    emr.submit(b'{"table": "doses", "withdraws": null, "dose": 1}', "r1")
    with pytest.raises(EmrRejectedError):
        emr.submit(b'{"table": "doses", "withdraws": null, "dose": 2}', "r1")


def test_the_command_prints_each_check_and_ends_with_one_when_anything_is_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "server.toml"
    plain = f'database_url = "sqlite:///x.sqlite"\nfacility = "h1"\nsecret_key = "{"s" * 40}"\npassword_salt = "{"p" * 40}"\n[emr]\n'
    settings.write_text(plain + 'target = "folder"\nfolder = "out"\n')
    assert command(["emr", "contract", "--config", str(settings), "--mrn", "24-000123"]) == 0
    assert capsys.readouterr().out.count("kept ") == len(CHECKS) - 1
    settings.write_text(plain + 'target = "fhir"\nbase_url = "http://127.0.0.1:9/fhir"\n')
    assert command(["emr", "contract", "--config", str(settings), "--mrn", "24-000123"]) == 1
    assert "broken     says what it is, and answers" in capsys.readouterr().out
