"""The open scenario format: our own moments and the format's examples, through the command that strangers run."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from pointofcare.scenario.answer import answer
from pointofcare.scenario.expectation import differences
from pointofcare.scenario.file import Scenario, scenarios
from pointofcare.verdict.engine import CHECKS, VERSION, evaluate
from pointofcare.verdict.finding import Level
from simulation.verdict_command import main, run
from tests.support.suite import every_scenario

DATA = Path(__file__).parents[1] / "data" / "scenarios"
FILES = sorted(DATA.glob("*.json"))
ALL = every_scenario()
RECORD_KEYS = {"status", "dose", "lot", "expiry", "serial", "route", "site", "given_at", "reason", "witness", "waste"}
LATER_KEYS = {"rate", "bag", "effect", "continues", "returned"}  # of the second format


@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.id)
def test_scenario_holds(scenario: Scenario) -> None:
    assert scenario.expect is not None
    answered = answer(scenario.id, scenario.facts, evaluate(scenario.facts), scenario.format)
    assert differences(scenario.expect, answered) == []


@pytest.mark.parametrize(
    "scenario",
    [each for each in ALL if each.expect is not None and each.expect.level is Level.PASS and not each.expect.rules],
    ids=lambda scenario: scenario.id,
)
def test_pass_that_names_no_rule_has_no_finding_at_all(scenario: Scenario) -> None:
    assert evaluate(scenario.facts).findings == ()


def _fails_without(rule: str) -> bool:
    rest = tuple(check for check in CHECKS if check.rule.id != rule)
    return any(
        scenario.expect is not None
        and differences(scenario.expect, answer(scenario.id, scenario.facts, evaluate(scenario.facts, rest), scenario.format))
        for scenario in ALL
    )


@pytest.mark.parametrize("rule", [check.rule.id for check in CHECKS])
def test_without_this_check_a_scenario_fails(rule: str) -> None:
    assert _fails_without(rule), f"no scenario notices that {rule} is gone"


def test_command_answers_every_scenario_in_order_as_json_lines() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "simulation.verdict_command", *map(str, FILES)], capture_output=True, text=True, encoding="utf-8", timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["id"] for each in answers] == [scenario.id for scenario in ALL]
    for each, scenario in zip(answers, ALL, strict=True):
        assert set(each) == {"id", "level", "order", "due", "record", "findings", "engine", "policy"}
        assert each["engine"] == VERSION
        assert each["record"] is None or set(each["record"]) <= RECORD_KEYS | (LATER_KEYS if scenario.format > 1 else set())
        for finding in each["findings"]:
            assert set(finding) == {"rule", "level", "satisfied", "unknown", "facts", "remedy", "params"}


def _scenario(tmp_path: Path, text: str | bytes, name: str = "case.json") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def _ask(*paths: object, explain: bool = False, language: str = "en") -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = run([str(path) for path in paths], explain=explain, language=language, out=out, err=err)
    return code, out.getvalue(), err.getvalue()


BARE = '{"id": "bare", "at": "2026-03-02T08:05:00+07:00", "intent": {"action": "give"}'


def test_scenario_without_expectation_is_answered(tmp_path: Path) -> None:
    code, out, err = _ask(_scenario(tmp_path, BARE + "}"), explain=True)
    assert code == 0
    assert "bare: STOP" in out
    assert "1 without expectation" in err


def test_expectation_that_does_not_hold_exits_1_and_says_what_differs(tmp_path: Path) -> None:
    path = _scenario(tmp_path, BARE + ', "expect": {"level": "PASS", "rules": ["T1"], "not_rules": ["P1"], "record": {"dose": "5 mg"}}}')
    code, out, err = _ask(path)
    assert code == 1
    assert json.loads(out)["level"] == "STOP"
    assert "level is STOP, expected PASS" in err
    assert "rule T1 is not among the findings" in err
    assert "rule P1 must not be among the findings" in err
    assert "record is null" in err
    assert str(path) in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1, column 1"),
        ("[]", "(top)"),
        ('{"id": "x"', "line 1"),
        (b"\xff\xfe\x00", "byte 0: is not UTF-8"),
        ("[" * 100_000, "nested too deep"),
        ('{"id": "a", "id": "b"}', "id: is there twice"),
        ('{"id": "a", "at": NaN}', "NaN is not JSON"),
        (BARE + ', "colour": 1}', "colour: unknown key"),
        (BARE + ', "cart": {"onlin": true}}', "cart.onlin: unknown key"),
        (BARE + ', "policy": {"session_idle": 3}}', "policy.session_idle: unknown policy name"),
        (BARE + ', "policy": {"session_idle_min": "3"}}', "policy.session_idle_min: must be a number"),
        (BARE + ', "ward": {"timezone": "Mars/Base"}}', "ward.timezone"),
        (
            BARE + ', "patients": [{"id": "P1", "weight": {"value": "62 stone", "at": "2026-03-02T08:00:00Z"}}]}',
            "patients[0].weight.value: unit 'stone'",
        ),
        (BARE + ', "patients": [{"id": "P1", "weight": {"value": "62", "at": "2026-03-02T08:00:00Z"}}]}', "patients[0].weight.value"),
        (BARE + ', "patients": [{"id": "P1", "status": "here"}]}', "patients[0].status: 'here' is not known; use one of: admitted"),
        (BARE + ', "patients": {}}', "patients: must be a list"),
        (BARE + ', "orders": [{"id": "O1", "patient": "P1", "ingredient": "x", "dose": "-5 mg"}]}', "orders[0].dose"),
        (BARE + ', "orders": [{"id": "O1", "patient": "P1", "ingredient": "x", "times": ["8"]}]}', "orders[0].times[0]"),
        (BARE + ', "orders": [{"id": "O1", "patient": "P1", "ingredient": "x", "start": "2026-03-02T08:00:00"}]}', "orders[0].start"),
        (BARE + ', "orders": [{"patient": "P1", "ingredient": "x"}]}', "orders[0].id: is missing"),
        (BARE + ', "products": [{"id": "A", "gtin": "12"}]}', "products[0].gtin"),
        (BARE + ', "products": [{"id": "A", "high_alert": 7}]}', "products[0].high_alert"),
        (BARE + ', "expect": {"level": "MAYBE"}}', "expect.level"),
        (BARE + ', "format": 3}', "format: must be 2"),
        (BARE + ', "format": true}', "format: must be 2"),
        ('{"id": "x", "at": "2026-03-02T08:05:00+07:00", "intent": {"action": "undo"}}', "intent.action: 'undo' is not known"),
        (BARE + ', "pumps": []}', "pumps: unknown key"),
        (BARE + ', "orders": [{"id": "O1", "patient": "P1", "ingredient": "x", "own_supply": true}]}', "orders[0].own_supply: unknown key"),
        (BARE + ', "policy": {"high_alert": []}}', "policy.high_alert: unknown policy name"),
        (BARE + ', "format": 2, "policy": {"high_alert": [{"level": 3}]}}', "policy.high_alert[0].ingredient: name either"),
        (BARE + ', "format": 2, "policy": {"high_alert": [{"class": "opioid", "levels": 3}]}}', "policy.high_alert[0].levels: unknown key"),
        (BARE + ', "expect": {"record": {"rate": "5 mL/h"}}}', "expect.record.rate: unknown key"),
        (BARE + ', "expect": {"record": {"colour": "x"}}}', "expect.record.colour: unknown key"),
        ('{"id": "x", "at": "2026-03-02T08:05:00+07:00", "intent": {"action": "eat"}}', "intent.action"),
        ('{"id": "x", "at": "2026-03-02T08:05:00+07:00"}', "intent: is missing"),
        ('{"id": "x", "intent": {"action": "give"}}', "at: is missing"),
        ('{"scenarios": [], "bases": {}}', "bases: unknown key"),
        ('{"scenarios": [3]}', "scenarios[0]"),
        ('{"base": {}}', "scenarios: is missing"),
        ('{"scenarios": [{"id": "x", "intent": {"dose": 5}}], "base": ' + BARE + "}}", "scenarios[0].intent.dose: must be a text"),
    ],
)
def test_invalid_file_exits_2_and_names_path_and_remedy(tmp_path: Path, text: str | bytes, said: str) -> None:
    path = _scenario(tmp_path, text)
    code, out, err = _ask(path)
    assert (code, out) == (2, "")
    assert f"{path}: " in err
    assert said in err


@pytest.mark.parametrize(
    "moment",
    [
        '"nurse": {"role": "nurse"}',
        '"patients": [{"id": "P1", "weight": {"value": "62 kg"}, "observations": [{"code": "inr", "value": "2.5 1"}]}]',
        '"history": [{"patient": "P1", "status": "completed", "at": "2026-03-02T08:00:00Z"}]',
        '"scans": [{"keyed": "1", "as": "patient", "reason": "other", "at": "2026-03-02T08:00:00Z"}]',
    ],
)
def test_what_is_left_out_is_unknown_and_never_spoils_the_file(tmp_path: Path, moment: str) -> None:
    code, out, err = _ask(_scenario(tmp_path, BARE + ", " + moment + "}"))
    assert (code, err) == (0, "")
    assert json.loads(out)["level"] == "STOP"


def test_reason_that_is_not_coded_answers_nothing(tmp_path: Path) -> None:
    path = _scenario(tmp_path, '{"id": "x", "at": "2026-03-02T08:05:00+07:00", "intent": {"action": "hold", "reason": "because"}}')
    code, out, _ = _ask(path)
    assert code == 0
    assert "S1" in [finding["rule"] for finding in json.loads(out)["findings"] if not finding["satisfied"]]


def test_every_fault_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    path = _scenario(tmp_path, BARE + ', "colour": 1, "cart": {"lease": "mine"}, "nurse": {"id": 3}}')
    code, _, err = _ask(path)
    assert code == 2
    assert len(err.splitlines()) == 3


def test_invalid_file_does_not_hide_the_others(tmp_path: Path) -> None:
    _scenario(tmp_path, "{", "a.json")
    _scenario(tmp_path, BARE + "}", "b.json")
    code, out, err = _ask(tmp_path)
    assert code == 2
    assert json.loads(out)["id"] == "bare"
    assert "a.json" in err


def test_missing_file_and_empty_folder_are_named(tmp_path: Path) -> None:
    assert _ask(tmp_path / "none.json")[0] == 2
    code, _, err = _ask(tmp_path)
    assert code == 2
    assert "no scenario file" in err


def test_scenario_is_laid_over_the_base_key_by_key(tmp_path: Path) -> None:
    base = (
        '{"base": {"at": "2026-03-02T08:05:00+07:00", "cart": {"online": true, "chart_age_min": 9},'
        ' "intent": {"action": "give"}, "patients": []}'
    )
    path = _scenario(tmp_path, base + ', "scenarios": [{"id": "x", "cart": {"online": false}, "patients": [{"id": "P1"}]}]}')
    (scenario,) = scenarios(path.read_text(encoding="utf-8"))
    assert (scenario.facts.cart.online, scenario.facts.cart.chart_age_s) == (False, 540)
    assert [patient.id for patient in scenario.facts.patients] == ["P1"]
    assert scenario.facts.patients[0].allergies is None
    assert scenario.facts.patients[0].status is None
    assert scenario.facts.timezone is None


def test_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    assert _ask(_scenario(tmp_path, b"\xef\xbb\xbf" + (BARE + "}").encode()))[0] == 0


def test_repeated_id_is_told_and_both_are_answered(tmp_path: Path) -> None:
    code, out, err = _ask(_scenario(tmp_path, '{"scenarios": [' + BARE + "}," + BARE + "}]}"))
    assert (code, len(out.splitlines())) == (0, 2)
    assert "was used before" in err


@pytest.mark.parametrize(("language", "words"), [("vi", "SAI NGƯỜI BỆNH"), ("en", "WRONG PATIENT"), ("fr", "MAUVAIS PATIENT")])
def test_explains_in_the_readers_language(language: str, words: str) -> None:
    code, out, err = _ask(DATA / "open-format-1.json", explain=True, language=language)
    assert code == 0
    assert words in out
    assert "NGUYỄN VĂN AN" in out
    assert "8 as expected" in err


def test_overridden_policy_is_named_in_the_answer() -> None:
    answers = {scenario.id: answer(scenario.id, scenario.facts, evaluate(scenario.facts), scenario.format) for scenario in ALL}
    assert answers["session-longer-by-policy"]["policy"] == "default-7+session_idle_min=10"
    assert answers["morning-tablet"]["policy"] == "default-7"


def test_command_line_returns_its_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", str(_scenario(tmp_path, BARE + "}"))]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "bare"
