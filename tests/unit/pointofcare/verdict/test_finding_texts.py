"""Every rule and remedy has its words in every language, and no sentence asks for a parameter that the finding does not carry."""

from __future__ import annotations

from functools import cache
from importlib import resources
from itertools import product

import pytest
from fluent.syntax import FluentParser, ast

from pointofcare.orders import clarify
from pointofcare.orders.order import Interaction
from pointofcare.texts import LANGUAGES, clinical, orders
from pointofcare.texts.findings import sentence
from pointofcare.texts.sources import provenance
from pointofcare.verdict.engine import CHECKS, evaluate
from pointofcare.verdict.facts import Action
from pointofcare.verdict.finding import ORIGINS, Level
from tests.support.builders import an_order, facts, finding_of, local

RULES = [check.rule for check in CHECKS]


@cache
def _messages(language: str) -> dict[str, ast.Message]:
    source = resources.files("pointofcare.texts").joinpath(f"{language}.ftl").read_text(encoding="utf-8")
    entries = FluentParser().parse(source).body
    assert not [entry for entry in entries if isinstance(entry, ast.Junk)]
    names = [entry.id.name for entry in entries if isinstance(entry, ast.Message)]
    assert len(names) == len(set(names))
    return {entry.id.name: entry for entry in entries if isinstance(entry, ast.Message)}


def _variables(node: object) -> set[str]:
    if isinstance(node, ast.VariableReference):
        return {node.id.name}
    if isinstance(node, ast.BaseNode):
        return set().union(*(_variables(each) for each in vars(node).values()))
    return set().union(*(_variables(each) for each in node)) if isinstance(node, list) else set()


@pytest.mark.parametrize(("language", "rule"), list(product(LANGUAGES, RULES)), ids=lambda each: getattr(each, "id", each))
def test_sentence_of_a_rule_asks_only_for_its_facts_and_parameters(language: str, rule: object) -> None:
    messages = _messages(language)
    carried = set(rule.facts)  # type: ignore[attr-defined]
    always = set.intersection(*(set(params) for params in rule.remedies.values()))  # type: ignore[attr-defined]
    assert _variables(messages[f"finding-{rule.id}"]) <= carried | always  # type: ignore[attr-defined]
    for remedy, params in rule.remedies.items():  # type: ignore[attr-defined]
        assert _variables(messages[f"remedy-{remedy}"]) <= carried | set(params), remedy


def test_languages_have_the_same_messages() -> None:
    vietnamese, english, french = (set(_messages(language)) for language in LANGUAGES)
    assert vietnamese == english == french


def test_languages_select_the_same_cases() -> None:
    def cases(message: ast.BaseNode) -> set[str]:
        found = set()
        for each in vars(message).values():
            for node in each if isinstance(each, list) else [each]:
                if isinstance(node, ast.Variant) and isinstance(node.key, ast.Identifier):
                    found.add(node.key.name)
                if isinstance(node, ast.BaseNode):
                    found |= cases(node)
        return found

    by_language = [_messages(language) for language in LANGUAGES]
    plural = {"one", "other", "many", "few", "two"}
    for name in by_language[0]:
        first, second, third = (cases(messages[name]) - plural for messages in by_language)
        assert first == second == third, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_action_origin_and_unclear_point_has_its_words(language: str) -> None:
    words = clinical()
    codes = {f"action-{action.value}" for action in Action} | {f"origin-{origin}" for origin in ORIGINS} | {"fact-source"}
    assert not {code for code in codes if not words.has(language, code)}
    assert not {code for code in clarify.CODES if not orders.catalogue().has(language, f"clarify-{code}")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_unclear_points_are_said_in_the_readers_language(language: str) -> None:
    order = an_order(dose_range=(an_order().dose, an_order().dose), clarification="which strength?")
    finding = finding_of(evaluate(facts(orders=(order,))), "D14")
    assert finding is not None
    what, remedy = sentence(language, finding)
    said = orders.catalogue().text(language, "clarify-dose-and-range")
    assert said in what
    assert said in remedy
    assert "which strength?" in what
    assert "dose-and-range" not in what


def test_source_is_told_with_its_time_in_the_ward() -> None:
    order = an_order(version=3, interactions=(Interaction(other="warfarin", severity="severe", reason="INR watched", prescriber="BS Lê"),))
    finding = finding_of(evaluate(facts(orders=(order,))), "D12")
    assert finding is not None
    assert finding.level is Level.NOTE
    (told,) = provenance("en", finding, lambda at: at.astimezone(local().tzinfo))
    assert "other = warfarin" in told
    assert "order O1 v3" in told
    assert "2 Mar 2026 01:05:00" in told


def test_code_of_a_cause_is_not_told_unless_there_is_nothing_else() -> None:
    finding = finding_of(evaluate(facts(orders=())), "D1")
    assert finding is not None
    told = provenance("en", finding)
    assert any("scanned = Amoxicillin 500 mg" in each for each in told)
    assert not any("not-ordered" in each for each in told)


def test_stop_of_an_emergency_list_says_what_is_missing() -> None:
    words = {
        clinical().text("en", "remedy-state-emergency", {"missing": missing}) for missing in ("reason", "dose", "route", "over", "units")
    }
    assert len(words) == 5
