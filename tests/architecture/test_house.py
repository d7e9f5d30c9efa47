"""The house keeps its own rules: sizes, one home for topics, documents that agree with the code."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("pointofcare", "devices", "cart_client", "server", "firmware_bridge", "simulation")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "migrations/versions" not in path.as_posix())


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_module_is_small_enough_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 600, f"{_name(path)}: split it"


@pytest.mark.parametrize("path", [path for path in MODULES if path.stat().st_size > 0], ids=_name)
def test_module_opens_with_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{_name(path)} has no docstring"


@pytest.mark.parametrize("path", [path for path in MODULES if "pointofcare/wire" not in path.as_posix()], ids=_name)
def test_topic_strings_live_in_the_wire_only(path: Path) -> None:
    found = re.findall(r"""["']poc[/.]1""", path.read_text(encoding="utf-8"))
    assert not found or path.as_posix().endswith("devices/brokers/nats.py") or path.as_posix().endswith("devices/brokers/mosquitto.py")


@cache
def _test_names() -> frozenset[str]:
    names = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                names.add(node.name)
    return frozenset(names)


def _hazard_rows() -> list[list[str]]:
    text = (ROOT / "docs" / "hazards.md").read_text(encoding="utf-8")
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if re.match(r"\| *H\d+", line)]


def test_every_hazard_has_a_check_and_a_test_that_exists() -> None:
    rows = _hazard_rows()
    assert len(rows) >= 30
    identifiers = [row[0] for row in rows]
    assert len(set(identifiers)) == len(identifiers)
    for row in rows:
        assert len(row) == 5, row
        tests = re.findall(r"`(test_\w+)`", row[4])
        assert tests, f"{row[0]} names no test"
        for name in tests:
            assert name in _test_names(), f"{row[0]} names {name}, which does not exist"


def test_every_decision_is_listed() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "docs" / "decisions").glob("0*.md"):
        assert f"({path.name})" in index


def test_links_in_the_documents_lead_somewhere() -> None:
    documents = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    for document in documents:
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{_name(document)} links to {target}"


def test_lock_is_pinned_by_hash_and_names_no_host() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    for block in re.split(r"\n(?=[a-z0-9])", text):
        if "==" in block and not block.startswith("#"):
            assert "--hash=sha256:" in block, block.splitlines()[0]


def test_makefile_lists_every_target_that_a_person_uses() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("demo", "demo-once", "test", "check", "bench"):
        assert re.search(rf"^{target}:.*## ", text, re.M), target


def test_every_route_is_in_the_mqtt_document() -> None:
    from pointofcare.wire import routes

    text = (ROOT / "docs" / "mqtt.md").read_text(encoding="utf-8")
    for route in routes.ROUTES:
        assert f"| `{route.name}` | `{route.template}` | {route.qos} | {'yes' if route.retain else 'no'} | `{route.type}` |" in text
