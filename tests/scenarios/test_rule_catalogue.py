"""The catalogue says what is so: every rule is in it, each has its tests, and the documents made of it are not stale."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from pointofcare.verdict import catalogue, engine
from pointofcare.verdict.catalogue import Entry, Kind
from pointofcare.verdict.finding import Level
from simulation import rules
from tests.support.suite import every_scenario

ROOT = Path(__file__).parents[2]
NUMBERS = {"P": 8, "D": 12, "T": 7, "O": 3, "Q": 8, "N": 5, "H": 6, "G": 6, "I": 7, "S": 6, "C": 4}
EVERY_RULE = [f"{family}{number}" for family, last in NUMBERS.items() for number in range(1, last + 1)]
ENTRIES = catalogue.entries()
ALL = every_scenario()


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_every_rule_of_the_rule_book_is_in_the_catalogue(rule: str) -> None:
    assert catalogue.of_rule(rule)


def test_every_check_of_the_engine_is_in_the_catalogue_once() -> None:
    checks = [entry.id for entry in ENTRIES if entry.kind is Kind.CHECK]
    assert sorted(checks) == sorted(check.rule.id for check in engine.CHECKS)
    keys = [entry.key for entry in ENTRIES]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)
def test_entry_says_everything_and_lives_where_it_says(entry: Entry) -> None:
    for text in (entry.title, entry.looks_at, entry.passes_when, entry.source, entry.hazard):
        assert text.strip()
        assert "\n" not in text
    assert (ROOT / entry.lives).is_file()
    assert bool(entry.levels) == (entry.kind is Kind.CHECK)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)
def test_every_rule_has_a_test(entry: Entry) -> None:
    assert entry.key not in rules.unproven()


@pytest.mark.parametrize("rule", [check.rule.id for check in engine.CHECKS])
def test_every_check_has_a_scenario_on_each_side_of_its_edge(rule: str) -> None:
    about = [each for each in ALL if rule in each.rules and each.expect is not None]
    speaks = [each for each in about if each.expect is not None and rule in each.expect.rules]
    silent = [
        each
        for each in about
        if each.expect is not None and rule not in each.expect.rules and (rule in each.expect.not_rules or each.expect.level is Level.PASS)
    ]
    assert speaks, f"no scenario expects {rule}"
    assert silent, f"no scenario is about {rule} and expects it to be silent"


def test_the_suite_is_large_and_its_ids_are_its_own() -> None:
    assert len(ALL) >= 150
    assert len({each.id for each in ALL}) == len(ALL)
    assert all(each.expect is not None for each in ALL)


def test_scenarios_name_rules_that_exist() -> None:
    known = {entry.id for entry in ENTRIES}
    assert {rule for each in ALL for rule in each.rules} <= known


def test_documents_of_the_catalogue_are_not_stale() -> None:
    assert rules.main(["--check"]) == 0, "run: python -m simulation.rules"


def test_named_tests_exist() -> None:
    known = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert {name for entry in ENTRIES for name in entry.tests} <= known


def test_rules_stand_in_the_order_of_their_families() -> None:
    assert [entry.id for entry in ENTRIES if entry.kind is Kind.CHECK][:3] == ["P1", "P2", "P3"]
    assert ENTRIES[-1].id == "C4"
    assert catalogue.place("E1") > catalogue.place("C4")
