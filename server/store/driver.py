"""Statements that run for every dose: written out once for their dialect, then handed to the driver as text, with plain rows.

What SQLAlchemy does for each run of a statement costs more than the database, where the statement is long or the row is wide. Here the
caller knows its columns, and reads moments with `moment`. Must never be given text of a user as SQL.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, cast

import psycopg
from psycopg.pq import ExecStatus
from sqlalchemy import BindParameter, Connection, Dialect, String, bindparam

from server.store.plain import text

# So many statements are kept: records with lists of any length must not fill the memory.
_MOST = 200
_WITHOUT_ZONE = len("2026-11-21 07:05:00.000000")
# Together and once: `dict | list` would be put together anew for each value.
_DOCUMENTS = (dict, list, tuple)
# As the DB-API describes a column.
_ONE_COLUMN: list[Any] = [("row", None, None, None, None, None, None)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """`places` names the value of each place. `constants` are those that the statement holds itself."""

    sql: str
    places: tuple[str, ...]
    constants: Mapping[str, Any]
    has_zones: bool


class Json(str):
    """A document that is JSON already: what two rows keep is written once."""

    __slots__ = ()


def written_json(document: Any) -> Json:
    return Json(json.dumps(document))


_kept: dict[tuple[Hashable, ...], Written] = {}


def value(name: str, kind: Any) -> BindParameter[Any]:
    """A parameter whose value comes with each run."""
    return bindparam(name, type_=kind, required=False)


def several(name: str, count: int) -> list[BindParameter[Any]]:
    """Parameters for a list of up to `count` values, of which `spread` fills those that are left with NULL, which equals nothing."""
    return [value(f"{name}_{place}", String) for place in range(count)]


def room(count: int) -> int:
    """How long a list has to be for `count` values: a power of two, so that a statement is written for few lengths."""
    return 1 << max(0, count - 1).bit_length()


def spread(name: str, values: Sequence[str]) -> dict[str, str | None]:
    """The values of `several(name, room(len(values)))`."""
    found: dict[str, str | None] = {f"{name}_{place}": value for place, value in enumerate(values)}
    return found | {f"{name}_{place}": None for place in range(len(values), room(len(values)))}


def kept(connection: Connection, build: Callable[..., Any], *of: Hashable, columns: Sequence[str] | None = None) -> Written:
    """What `build(*of)` is in the dialect at hand, written once. `columns` are those of an INSERT that a row will have."""
    dialect = connection.dialect
    key = (dialect.name, build, *of)
    found = _kept.get(key)
    if found is None:
        while len(_kept) >= _MOST:
            _kept.pop(next(iter(_kept)), None)
        found = _kept[key] = written(build(*of), dialect, columns)
    return found


def written(statement: Any, dialect: Dialect, columns: Sequence[str] | None = None) -> Written:
    """`statement` as text. It is for ever the same, but for its parameters without a value; those get one at each run."""
    options: dict[str, Any] = {"render_postcompile": True} if columns is None else {}
    kind: Any = type(dialect)
    numbered = dialect if dialect.positional else _numbered(kind)
    compiled = statement.compile(dialect=numbered, column_keys=columns, compile_kwargs=options)
    return Written(
        sql=str(compiled),
        places=tuple(compiled.positiontup),
        constants={name: found for name, found in compiled.params.items() if type(found) in (str, int, bool)},
        has_zones=dialect.name != "sqlite",
    )


@cache
def _numbered(kind: Any) -> Dialect:
    """A dialect of this kind with parameters as PostgreSQL itself has them ($1)."""
    return cast("Dialect", kind(paramstyle="numeric_dollar"))


def rows(connection: Connection, statement: Written, values: Mapping[str, str | int | datetime | None]) -> list[tuple[Any, ...]]:
    """Every row as the driver gives it. No text that is looked for holds a NUL character: none is stored."""
    told = {name: text(found) for name, found in values.items()}
    return _run(connection, statement, told)


def put(connection: Connection, statement: Written, row: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Runs an INSERT of one row: texts, numbers, aware moments, and JSON values or `Json` for documents. What it
    returns."""
    return _run(connection, statement, row)


def _run(connection: Connection, statement: Written, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    bound = {**statement.constants, **values}
    for name, found in values.items():
        if isinstance(found, datetime):
            bound[name] = _stored(found, statement)
        elif isinstance(found, _DOCUMENTS):
            bound[name] = json.dumps(found)
    with as_written(connection):
        result = connection.exec_driver_sql(statement.sql, tuple([bound[name] for name in statement.places]))
    if not result.returns_rows:
        return []
    found = cast("Any", result.cursor).fetchall()
    result.close()
    return cast("list[tuple[Any, ...]]", found)


class _Cursor(psycopg.RawCursor[Any]):
    """Tells SQLAlchemy of one column, whatever there are: it would look up each one's name and type, and the caller knows them."""

    @property
    def description(self) -> list[Any] | None:
        found = self.pgresult
        return _ONE_COLUMN if found is not None and found.status == ExecStatus.TUPLES_OK else None


@contextmanager
def as_written(connection: Connection) -> Iterator[None]:
    """psycopg reads a statement through for its parameters each time that it is long; it sends one whose parameters are numbered as it
    is."""
    if connection.dialect.name == "sqlite":
        yield
        return
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    usual, driver.cursor_factory = driver.cursor_factory, _Cursor
    try:
        yield
    finally:
        driver.cursor_factory = usual


def _stored(at: datetime, statement: Written) -> Any:
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone: every stored moment is aware")
    at = at.astimezone(UTC)
    return at if statement.has_zones else at.isoformat(" ", "microseconds")[:_WITHOUT_ZONE]


def moment(found: Any) -> datetime | None:
    """A moment of a row, aware UTC. SQLite holds it as a text without a zone."""
    if found is None:
        return None
    at: datetime = datetime.fromisoformat(f"{found}+00:00") if isinstance(found, str) else found
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def document(found: Any) -> Any:
    """A document of a row: SQLite holds it as a text."""
    return json.loads(found) if isinstance(found, str) else found


def day(found: Any) -> date | None:
    at: date | None = date.fromisoformat(found) if isinstance(found, str) else found
    return at
