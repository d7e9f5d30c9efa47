"""The list of parts: complete, of the locked versions, with licences; and an audit that never says yes when it could not ask."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sbom() -> ModuleType:
    """deploy/ is no package: its programs run before anything is installed."""
    import sys

    spec = util.spec_from_file_location("deploy_sbom", ROOT / "deploy" / "sbom.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules["deploy_sbom"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def database() -> Iterator[Callable[[Callable[[int], Any]], str]]:
    """An advisory database on this machine that says what the test has it say, of so many questions."""
    servers: list[HTTPServer] = []

    def start(answer: Callable[[int], Any]) -> str:
        class Said(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
                body = json.dumps(answer(len(asked))).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Said)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/v1/querybatch"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_every_part_is_listed_at_the_version_of_the_lock_with_its_licence(sbom: ModuleType, tmp_path: Path) -> None:
    assert sbom.main(["--output", str(tmp_path)]) == 0
    listed = json.loads((tmp_path / "sbom.cdx.json").read_text())
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", "1.6")
    names = {one["name"] for one in listed["components"]}
    assert {"flask", "sqlalchemy", "psycopg", "paho-mqtt", "alembic", "tuf", "zxing-cpp", "bootstrap", "htmx.org", "chart.js"} <= names
    assert not names & {"pytest", "ruff", "mypy"}
    needs = {one["ref"].partition("@")[0]: one.get("dependsOn", []) for one in listed["dependencies"]}
    assert any(one.startswith("flask@") for one in needs["pointofcare"])
    assert any(one.startswith("werkzeug@") for one in needs["flask"])
    with (tmp_path / "licences.csv").open(newline="") as file:
        licences = {row["part"]: row["licence"] for row in csv.DictReader(file)}
    assert licences["flask"] == "BSD-3-Clause"
    assert "not stated" not in licences.values()


def test_a_part_of_another_version_or_without_a_licence_is_told(sbom: ModuleType) -> None:
    found = {
        "one": sbom.Part(name="one", version="1.0", licence="", is_expression=False),
        "two": sbom.Part(name="two", version="2.0", licence="MIT", is_expression=True),
        "three": sbom.Part(name="three", version="3.0", licence="MIT", is_expression=True),
    }
    lock = sbom.locked("one==1.0 \\\n    --hash=sha256:00\ntwo==2.1 ; sys_platform == 'linux'\nThree[x]==3.0\n")
    assert sbom.faults(found, lock) == ["one 1.0 states no licence", "two 2.0 is here, the lock has 2.1"]


def test_an_audit_that_could_not_ask_says_so_and_is_never_taken_for_one_without_faults(
    sbom: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], database: Callable[[Callable[[int], Any]], str]
) -> None:
    for address in (
        "http://127.0.0.1:9/v1/querybatch",
        database(lambda _asked: {"results": [{}]}),
        database(lambda asked: {"results": [{"next_page_token": "more"}] * asked}),
        database(lambda _asked: []),
    ):
        assert sbom.main(["--output", str(tmp_path), "--audit", "--advisories", address]) == sbom.NOT_AUDITED
        assert "NOT AUDITED" in capsys.readouterr().out


def test_ci_without_a_way_to_the_database_goes_on_and_says_that_nothing_was_audited(
    sbom: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], database: Callable[[Callable[[int], Any]], str]
) -> None:
    asked = ["--output", str(tmp_path), "--audit", "--where-it-can", "--advisories"]
    assert sbom.main([*asked, "http://127.0.0.1:9/v1/querybatch"]) == 0
    assert "NOT AUDITED" in capsys.readouterr().out
    found = database(lambda number: {"results": [{"vulns": [{"id": "GHSA-xxxx"}]}, *[{}] * (number - 1)]})
    assert sbom.main([*asked, found]) == 1, "a known fault fails where it is known"


def test_an_audit_names_each_fault_and_ends_well_without_any(
    sbom: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], database: Callable[[Callable[[int], Any]], str]
) -> None:
    one = database(lambda asked: {"results": [{"vulns": [{"id": "GHSA-xxxx"}]}, *[{}] * (asked - 1)]})
    assert sbom.main(["--output", str(tmp_path), "--audit", "--advisories", one]) == 1
    assert ": GHSA-xxxx" in capsys.readouterr().out
    none = database(lambda asked: {"results": [{}] * asked})
    assert sbom.main(["--output", str(tmp_path), "--audit", "--advisories", none]) == 0
    assert "audited: 0 of" in capsys.readouterr().out
