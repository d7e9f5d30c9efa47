"""Every finding of the open suite, taken at its word: the facts and parameters of its rule, a cause that every language has words for,
unknown said as unknown; and what each released engine said of each of its kept verdicts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from pointofcare.scenario.file import Scenario
from pointofcare.texts import LANGUAGES
from pointofcare.verdict.engine import CHECKS, VERSION, evaluate
from pointofcare.verdict.finding import ORIGINS, Level
from pointofcare.wire import recompute
from tests.support import causes
from tests.support.suite import every_scenario

DATA = Path(__file__).parents[3] / "data"
TEXTS = Path(recompute.__file__).parents[1] / "texts"
RULES = {check.rule.id: check.rule for check in CHECKS}
ALL = every_scenario()
SPEAKING = [scenario for scenario in ALL if scenario.expect is None or scenario.expect.level is not Level.PASS or scenario.expect.rules]
# What each rule says, cause by cause: level, remedy and whether it is for lack of knowledge. Read by a person, kept as data.
SAID: Mapping[str, list[list[object]]] = json.loads((Path(__file__).parent / "causes.json").read_text(encoding="utf-8"))


@cache
def _variants(language: str) -> Mapping[str, frozenset[str]]:
    """Message -> the variants that it has words for."""
    text = (TEXTS / f"{language}.ftl").read_text(encoding="utf-8")
    found: dict[str, frozenset[str]] = {}
    for message in re.split(r"\n(?=[a-z])", text):
        name = message.split(" =", 1)[0]
        if name.startswith("finding-"):
            found[name] = frozenset(re.findall(r"^\s*\*?\[([\w.-]+)\]", message, re.MULTILINE))
    return found


@pytest.mark.parametrize("scenario", SPEAKING, ids=lambda scenario: scenario.id)
def test_findings_carry_the_facts_and_parameters_of_their_rule(scenario: Scenario) -> None:
    for finding in evaluate(scenario.facts).findings:
        rule = RULES[finding.rule]
        assert finding.level in rule.levels
        assert set(finding.facts) == set(rule.facts), finding
        assert set(finding.params) == set(rule.remedies[finding.remedy]), finding
        for value in (*finding.facts.values(), *finding.params.values()):
            assert value is None or isinstance(value, str | int | float), finding
        assert set(finding.sources) <= set(finding.facts), finding
        assert {source.origin for source in finding.sources.values()} <= set(ORIGINS), finding
        if finding.unknown:
            assert finding.level >= Level.REASON, finding
        row = [finding.facts.get("cause", ""), finding.level.name, finding.remedy, finding.unknown]
        assert row in SAID[finding.rule], row


@pytest.mark.parametrize("rule", sorted(SAID))
def test_each_cause_has_its_words_in_every_language(rule: str) -> None:
    told = {str(row[0]) for row in SAID[rule]} - {""}
    for language in LANGUAGES:
        known = _variants(language).get(f"finding-{rule}", frozenset())
        if known & told:
            assert told <= known | {"completed", "not-done", "stopped"}, (language, rule, told - known)


def test_causes_that_are_kept_all_still_happen() -> None:
    assert causes.said() == SAID, "read what is new and write it by `python -m tests.support.causes`"


RELEASED = [
    (path.parent.name, json.loads(line))
    for path in sorted((DATA / "verdicts").glob("*/verdicts.jsonl"))
    for line in path.read_text(encoding="utf-8").splitlines()
]
_DIFFERENT = {
    (path.parent.name, record)
    for path in (DATA / "verdicts").glob("*/differences.json")
    for each in json.loads(path.read_text(encoding="utf-8")).get(VERSION, [])
    for record in each["records"]
}


@pytest.mark.parametrize(("version", "line"), RELEASED, ids=[f"{version}-{number}" for number, (version, _) in enumerate(RELEASED)])
def test_released_engine_s_verdict_is_still_said(version: str, line: object) -> None:
    stored = recompute.read(line)
    done = recompute.replay(stored)
    assert done.differences is not None
    assert done.is_same or (version, stored.record_id) in _DIFFERENT
