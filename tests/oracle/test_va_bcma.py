"""A second opinion: the behaviour of VA BCMA as a decision table, against the engine, over the full product of the table's inputs.

Where the two differ, `differences.json` says so with its reason; decision 0012 tells it to a person. A difference that is not listed
fails, and so does a listed one that no case shows any longer.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from pointofcare.verdict.engine import CHECKS, evaluate
from pointofcare.verdict.finding import Level
from tests.oracle.bedside import MOMENTS
from tests.oracle.table import ANSWERS, Case, Difference, Table, answer, read_differences, read_tables, with_differences

HERE = Path(__file__).parent
DECISION = HERE.parents[1] / "docs" / "decisions" / "0012-where-we-differ-from-va-bcma.md"
TABLES = read_tables(HERE / "va_bcma.json")
DIFFERENCES = read_differences(HERE / "differences.json", TABLES)
# What the engine's level asks of the nurse, in the words of the tables; a note asks nothing.
SAYS = {
    Level.PASS: "ok",
    Level.NOTE: "ok",
    Level.WARN: "warning",
    Level.REASON: "comment",
    Level.WITNESS: "witness",
    Level.STOP: "refuse",
}
_ANSWERED: dict[str, list[tuple[Case, str]]] = {}


def _answers(table: str) -> list[tuple[Case, str]]:
    """What the engine says to every case, worked out once."""
    if table not in _ANSWERED:
        (found,) = [each for each in TABLES if each.name == table]
        _ANSWERED[table] = [(case, SAYS[evaluate(MOMENTS[table](case)).level]) for case in found.cases()]
    return _ANSWERED[table]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_engine_answers_as_va_bcma_but_for_the_listed_differences(table: Table) -> None:
    rows = with_differences(table, [each for each in DIFFERENCES if each.table == table.name])
    wrong = [(case, theirs, ours) for case, ours in _answers(table.name) if (theirs := answer(rows, case)) != ours]
    shown = Counter((theirs, ours) for _, theirs, ours in wrong)
    assert not wrong, f"{len(wrong)} cases differ, (expected, engine): {dict(shown)}; the first: {wrong[:3]}"


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.row.id)
def test_listed_difference_still_happens(difference: Difference) -> None:
    (table,) = [each for each in TABLES if each.name == difference.table]
    own = [each for each in DIFFERENCES if each.table == table.name]
    rest = with_differences(table, [each for each in own if each != difference])
    shown = [(case, ours) for case, ours in _answers(table.name) if answer(rest, case) != ours]
    assert shown, f"{difference.row.id}: no case needs it any longer"
    plain = [(answer(table.rows, case), ours) for case, ours in shown]
    sides = {"stricter" if ANSWERS.index(ours) > ANSWERS.index(theirs) else "milder" for theirs, ours in plain if theirs != ours}
    assert difference.side in sides, f"{difference.row.id} is said to be {difference.side}, and is {sides}"


def test_every_row_of_the_tables_decides_some_case() -> None:
    for table in TABLES:
        for row in table.rows:
            if row.answer == "ok":
                continue
            rest = [each for each in table.rows if each != row]
            assert any(answer(rest, case) != answer(table.rows, case) for case, _ in _answers(table.name)), row.id


def test_decision_record_tells_every_difference_and_no_other() -> None:
    text = DECISION.read_text(encoding="utf-8")
    told = set(re.findall(r"^\| (W\d\d) ", text, re.MULTILINE))
    assert told == {each.row.id for each in DIFFERENCES}
    rules = {check.rule.id for check in CHECKS}
    for each in DIFFERENCES:
        assert each.rule in rules, each.row.id
        assert each.why in text, each.row.id


def test_oracle_shares_nothing_with_the_engine() -> None:
    source = (HERE / "table.py").read_text(encoding="utf-8")
    assert not re.search(r"^(from|import) pointofcare", source, re.MULTILINE)
