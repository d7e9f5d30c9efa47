"""A decision table and the little that it takes to read one: rows of conditions, each with an answer; the gravest row that fits wins.

Shares no code with the verdict engine, and must never import it: what it says is written from the description of VA BCMA alone.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Case = Mapping[str, str]
# From the mildest to the gravest. "comment": filed only with a comment or reason; "witness": only with a second person.
ANSWERS = ("ok", "warning", "comment", "witness", "refuse")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`when` names the inputs that matter with their values; the others may be anything. `text` says what was described."""

    id: str
    when: Mapping[str, tuple[str, ...]]
    answer: str
    text: str

    def fits(self, case: Case) -> bool:
        return all(case[name] in values for name, values in self.when.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    name: str
    inputs: Mapping[str, tuple[str, ...]]
    rows: tuple[Row, ...]

    def cases(self) -> Iterator[Case]:
        """The full product of the inputs."""
        names = list(self.inputs)
        for values in itertools.product(*self.inputs.values()):
            yield dict(zip(names, values, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where we answer otherwise on purpose: a row of ours, in the place of theirs (`instead_of`) or beside them."""

    row: Row
    table: str
    rule: str
    instead_of: tuple[str, ...]
    side: str
    why: str


def answer(rows: Sequence[Row], case: Case) -> str:
    return max((row.answer for row in rows if row.fits(case)), key=ANSWERS.index, default="ok")


def with_differences(table: Table, differences: Sequence[Difference]) -> tuple[Row, ...]:
    """The table's rows as we answer: replaced rows gone where the difference holds, its own row added."""
    rows: list[Row] = []
    for row in table.rows:
        gone = [each.row for each in differences if row.id in each.instead_of]
        rows.append(row if not gone else _Unless(id=row.id, when=row.when, answer=row.answer, text=row.text, unless=tuple(gone)))
    return (*rows, *(each.row for each in differences))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unless(Row):
    unless: tuple[Row, ...]

    def fits(self, case: Case) -> bool:
        return all(case[name] in values for name, values in self.when.items()) and not any(row.fits(case) for row in self.unless)


def read_tables(path: Path) -> list[Table]:
    return [
        Table(
            name=each["name"],
            inputs={name: tuple(values) for name, values in each["inputs"].items()},
            rows=tuple(_row(row, each["inputs"]) for row in each["rows"]),
        )
        for each in json.loads(path.read_text(encoding="utf-8"))
    ]


def read_differences(path: Path, tables: Sequence[Table]) -> list[Difference]:
    named = {table.name: table for table in tables}
    found = []
    for each in json.loads(path.read_text(encoding="utf-8")):
        table = named[each["table"]]
        unknown = set(each.get("instead_of", ())) - {row.id for row in table.rows}
        assert not unknown, f"{each['id']}: no rows {unknown}"
        assert each["side"] in ("stricter", "milder"), each["id"]
        found.append(
            Difference(
                row=_row(each | {"text": each["why"]}, table.inputs),
                table=each["table"],
                rule=each["rule"],
                instead_of=tuple(each.get("instead_of", ())),
                side=each["side"],
                why=each["why"],
            )
        )
    return found


def _row(written: Mapping[str, object], inputs: Mapping[str, object]) -> Row:
    when = {name: tuple(values) for name, values in dict(written["when"]).items()}  # type: ignore[call-overload]
    for name, values in when.items():
        assert set(values) <= set(inputs[name]), f"{written['id']}: {name} is never {values}"  # type: ignore[call-overload]
    assert written["answer"] in ANSWERS, written["id"]
    return Row(id=str(written["id"]), when=when, answer=str(written["answer"]), text=str(written["text"]))
