"""What the steps of the schema mean for the releases that run on it: which may go on, which may begin, which servers run now.

A step that *expands* adds: a server of the release before goes on over it. A step that *contracts* takes something away, and names the
oldest release that may run on it. Needs a Flask application context.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import Any

from sqlalchemy import delete, func, insert, inspect, select
from sqlalchemy.engine import Connection

from pointofcare.errors import ConfigError
from server.store.database import WRITES, db
from server.store.tables.schema_step import SchemaStepRow, ServerProgramRow

# So long after it was heard last, a program may still run.
ALIVE_FOR = timedelta(minutes=3)
FORGOTTEN_AFTER = timedelta(days=1)


class Change(StrEnum):
    EXPAND = "expand"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A migration of this program. `oldest_release` "": every release that ran on what was there before."""

    revision: str
    about: str
    change: Change = Change.EXPAND
    oldest_release: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    id: str
    part: str
    host: str
    release: str
    started_at: datetime
    seen_at: datetime
    facility: str | None = None
    told: dict[str, Any] | None = None


@cache
def release() -> str:
    """Of this program, three numbers."""
    try:
        return installed("pointofcare")
    except PackageNotFoundError:
        return "0.0.0"


def order(text: str) -> tuple[int, ...]:
    """For comparing releases. What is no release is older than each."""
    return tuple(int(part) for part in text.split(".")) if re.fullmatch(r"\d{1,6}(\.\d{1,6}){0,3}", text) else ()


def is_older(one: str, other: str) -> bool:
    return order(one) < order(other)


def note(connection: Connection, step: Step, at: datetime) -> None:
    """Within the transaction of the step itself, or at its end for one that has none."""
    connection.execute(delete(SchemaStepRow).where(SchemaStepRow.revision == step.revision))
    connection.execute(
        insert(SchemaStepRow).values(
            revision=step.revision, change=step.change.value, oldest_release=step.oldest_release, release=release(), applied_at=at
        )
    )


def refused(found: str) -> str:
    """Why this release may not run on a schema `found` that a newer one made, "" when it may."""
    with db.engine.connect() as connection:
        if not inspect(connection).has_table(SchemaStepRow.__tablename__):
            return f"the database is at schema {found}, which is newer than this version ({release()}), and does not say what may run on it"
        taken = {row.revision: row.oldest_release for row in connection.execute(select(SchemaStepRow.__table__))}
    if found not in taken:
        return f"the database is at schema {found}, which is newer than this version ({release()}), and does not say what may run on it"
    unclear = next((one for one in taken.values() if one and not order(one)), "")
    if unclear:
        return f"the database is at schema {found}, for release {unclear!r} or newer, which is no release that is understood here"
    oldest = max(taken.values(), key=order)
    if is_older(release(), oldest):
        return (
            f"the database is at schema {found}, which is newer than this version, and was contracted: only release {oldest} or newer may"
            f" run on it, this is {release()}"
        )
    return ""


# The programs that run.


def clock() -> datetime:
    """The database's: a program counts as heard whatever the clock of its machine says."""
    if db.engine.dialect.name == "sqlite":
        return datetime.now(UTC)
    with db.engine.connect() as connection:
        told: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return told.astimezone(UTC)


def beat(program: Program) -> None:
    """It runs. Those that have not been heard for a day are forgotten."""
    table = ServerProgramRow.__table__
    with db.engine.execution_options(**{WRITES: True}).begin() as connection:
        connection.execute(
            delete(ServerProgramRow).where((table.c.id == program.id) | (table.c.seen_at < program.seen_at - FORGOTTEN_AFTER))
        )
        values = {name: getattr(program, name) for name in Program.__slots__}
        connection.execute(insert(ServerProgramRow).values(**values))


def ended(program: str) -> None:
    with db.engine.execution_options(**{WRITES: True}).begin() as connection:
        connection.execute(delete(ServerProgramRow).where(ServerProgramRow.__table__.c.id == program))


def running(at: datetime | None = None) -> tuple[Program, ...]:
    """As `heard`, on whatever schema an earlier release left: it is asked before it is brought up. Oldest release first."""
    with db.engine.connect() as connection:
        known = inspect(connection)
        if not known.has_table(ServerProgramRow.__tablename__):
            return ()
        there = {column["name"] for column in known.get_columns(ServerProgramRow.__tablename__)}
    found = heard(at, columns=there)
    return tuple(sorted(found, key=lambda each: (order(each.release), each.host, each.part, each.id)))


def heard(at: datetime | None = None, *, columns: Collection[str] = Program.__slots__) -> tuple[Program, ...]:
    """The programs that told of themselves within `ALIVE_FOR`."""
    table = ServerProgramRow.__table__
    asked = select(*(column for column in table.columns if column.name in columns))
    with db.engine.connect() as connection:
        rows = connection.execute(asked.where(table.c.seen_at > (at or clock()) - ALIVE_FOR)).all()
    return tuple(Program(**row._mapping) for row in rows)


def require_none_older(due: Sequence[Step]) -> None:
    """Raises: ConfigError: a server runs that would not survive these steps."""
    oldest = max((step.oldest_release for step in due if step.change is Change.CONTRACT), key=order, default="")
    older = [each for each in running() if is_older(each.release, oldest)]
    if older:
        named = ", ".join(f"{each.part} of release {each.release} on {each.host}" for each in older)
        raise ConfigError(
            f"the schema is not contracted: {named} would not survive it, which needs {oldest}",
            remedy="upgrade these servers first; one that was killed counts for three minutes more",
        )
