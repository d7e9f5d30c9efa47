"""Over the whole open suite: each finding is as its rule declares it, has a source for every fact, and says its cause in words."""

from __future__ import annotations

from functools import cache
from importlib import resources

import pytest
from fluent.syntax import FluentParser, ast

from pointofcare.scenario.file import Scenario
from pointofcare.texts import LANGUAGES
from pointofcare.texts.findings import sentence
from pointofcare.verdict.engine import CHECKS, evaluate
from pointofcare.verdict.finding import ORIGINS, Level
from tests.support.suite import every_scenario

SUITE = every_scenario()
RULES = {check.rule.id: check.rule for check in CHECKS}


@cache
def _selected() -> dict[tuple[str, str], frozenset[str]]:
    """(message, variable) -> the words by which it selects."""
    source = resources.files("pointofcare.texts").joinpath("en.ftl").read_text(encoding="utf-8")
    found: dict[tuple[str, str], frozenset[str]] = {}

    def look(message: str, node: object) -> None:
        if isinstance(node, ast.SelectExpression) and isinstance(node.selector, ast.VariableReference):
            keys = frozenset(variant.key.name for variant in node.variants if isinstance(variant.key, ast.Identifier))
            found[(message, node.selector.id.name)] = keys
        for each in vars(node).values() if isinstance(node, ast.BaseNode) else node if isinstance(node, list) else ():
            look(message, each)

    for entry in FluentParser().parse(source).body:
        if isinstance(entry, ast.Message):
            look(entry.id.name, entry)
    return found


@pytest.mark.parametrize("scenario", SUITE, ids=lambda scenario: scenario.id)
def test_finding_is_as_its_rule_declares_it(scenario: Scenario) -> None:
    verdict = evaluate(scenario.facts)
    for finding in (*verdict.findings, *verdict.shadow):
        rule = RULES[finding.rule]
        assert finding.level in rule.levels
        assert set(finding.facts) == set(rule.facts)
        assert set(finding.params) == set(rule.remedies[finding.remedy])
        assert set(finding.sources) == set(finding.facts)
        assert all(source.origin in ORIGINS for source in finding.sources.values())
        assert not (finding.unknown and finding.level < Level.REASON)
        for message, values in ((f"finding-{rule.id}", finding.facts), (f"remedy-{finding.remedy}", finding.params)):
            for name in ("cause", "missing"):
                words = _selected().get((message, name))
                if words is not None and name in values:
                    assert values[name] in words, (message, name)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_finding_of_the_suite_is_said_without_a_hole(language: str) -> None:
    said = {}
    for scenario in SUITE:
        for finding in evaluate(scenario.facts).findings:
            said.setdefault((finding.rule, finding.level, finding.remedy, str(finding.facts.get("cause"))), finding)
    for finding in said.values():
        what, remedy = sentence(language, finding)
        assert what.strip()
        assert remedy.strip()
        assert "{" not in what + remedy
        assert not what.startswith("finding-")
        assert not remedy.startswith("remedy-")
