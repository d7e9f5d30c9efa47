"""Walking a table in the order of an index, page by page: what every FHIR search, record and export of ours is made of.

A request looks at so many rows and no more, however large the hospital is: a page that found less than was asked for, and did not reach
the end, says where the next one goes on. What is not of the person's reach never leaves the database. Must never skip a row in silence,
nor use OFFSET.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, literal, not_, or_, select, tuple_

from server.store import reach
from server.store.transaction import Transaction

# So many rows are looked at for one page.
MOST_LOOKED = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """`system` names one of our systems ("patient", "national-id"), None: any; a system that is not ours finds nothing, and is "?"."""

    system: str | None
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """`id` is our own, as the tables have it; `kind` None: not said."""

    kind: str | None
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What a date of the search stands for: from `start` (included) to `end` (excluded), with FHIR's prefix."""

    prefix: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Folded words, each of which begins a word of the name."""

    words: tuple[str, ...]


Value = Token | Reference | Span | Words
Condition = Callable[[Transaction, Any, Any], ColumnElement[bool]]
Position = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """An order that an index has: `columns` are unique together within the facility. `spans` names the parameter that bounds its first
    column, so that a walk begins where the search does."""

    columns: tuple[Any, ...]
    spans: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`patient` is the column by which reach is judged; None: nothing in it is a patient's. `narrow` are parameters whose index finds few
    rows by itself, `leading` those that stand before the walk's columns in an index."""

    row: Any
    walks: Mapping[str, Walk]
    patient: Any = None
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    narrow: frozenset[str] = frozenset()
    leading: frozenset[str] = frozenset()
    always: Callable[[Transaction], tuple[ColumnElement[bool], ...]] = lambda _tx: ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """All of `filters` hold, each with one of its values. `after` is where the page before ended."""

    filters: tuple[tuple[str, tuple[Value, ...]], ...] = ()
    walk: str = "_lastUpdated"
    descending: bool = False
    after: Position | None = None
    limit: int = 100

    def values(self, name: str) -> tuple[tuple[Value, ...], ...]:
        return tuple(values for found, values in self.filters if found == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Positions of the rows that match, in order; `end` is where to go on, None: there is nothing more."""

    found: tuple[Position, ...]
    end: Position | None


def look(tx: Transaction, table: Table, asked: Asked, *, most: int = MOST_LOOKED) -> Looked:
    """One statement over at most `most` rows. A filter without a condition of the table is the caller's to judge."""
    walk = table.walks[asked.walk]
    where: list[ColumnElement[bool]] = [table.row.facility == tx.facility, *table.always(tx)]
    if table.patient is not None:
        where += reach.of_patient(tx, table.patient)
    flags: list[ColumnElement[bool]] = []
    for name, values in asked.filters:
        condition = table.conditions.get(name)
        if condition is None:
            continue
        bounds = name == walk.spans and len(values) == 1 and isinstance(values[0], Span) and values[0].prefix != "ne"
        inside = bounds or name in table.narrow or (name in table.leading and len(values) == 1)
        (where if inside else flags).append(or_(*(condition(tx, table.row, value) for value in values)))
    if asked.after is not None:
        place, last = tuple_(*walk.columns), tuple_(*map(_bound, walk.columns, asked.after))
        where.append(place < last if asked.descending else place > last)
    matches = case((and_(*flags), 1), else_=0) if flags else literal(1)
    most = most if flags else min(most, asked.limit + 1)
    order = [column.desc() if asked.descending else column for column in walk.columns]
    found: list[Position] = []
    seen, position = 0, None
    for one in tx.session.execute(select(*walk.columns, matches).where(*where).order_by(*order).limit(most)):
        if len(found) == asked.limit:
            return Looked(found=tuple(found), end=position)
        position, flag = tuple(one)[:-1], one[-1]
        seen += 1
        if flag:
            found.append(position)
    return Looked(found=tuple(found), end=position if seen == most else None)


def _bound(column: Any, value: Any) -> Any:
    return literal(value, column.type)


def load(tx: Transaction, table: Table, walk: str, positions: Sequence[Position]) -> tuple[Any, ...]:
    """The rows at these positions, in their order. A position is unique, and is found again by its last column."""
    if not positions:
        return ()
    columns = table.walks[walk].columns
    key = columns[-1]
    rows = tx.session.scalars(select(table.row).where(table.row.facility == tx.facility, key.in_([one[-1] for one in positions])))
    held = {getattr(row, key.key): row for row in rows}
    return tuple(held[one[-1]] for one in positions if one[-1] in held)


def within(column: Any, span: Span) -> ColumnElement[bool]:
    """A moment against a span, by FHIR's prefixes. `ap` is a tenth of the span's distance at most, here: a day to each side."""
    match span.prefix:
        case "ne":
            return not_(and_(column >= span.start, column < span.end))
        case "gt" | "sa":
            return column >= span.end  # type: ignore[no-any-return]
        case "ge":
            return column >= span.start  # type: ignore[no-any-return]
        case "lt" | "eb":
            return column < span.start  # type: ignore[no-any-return]
        case "le":
            return column < span.end  # type: ignore[no-any-return]
    return and_(column >= span.start, column < span.end)


def holds(at: datetime, span: Span) -> bool:
    """As `within`, of one moment that is at hand."""
    match span.prefix:
        case "ne":
            return not span.start <= at < span.end
        case "gt" | "sa":
            return at >= span.end
        case "ge":
            return at >= span.start
        case "lt" | "eb":
            return at < span.start
        case "le":
            return at < span.end
    return span.start <= at < span.end
