"""Bringing a database to the schema of this version. Forward only. Needs a Flask application context.

Steps that expand are applied at once, under servers of the release before that go on (`server.store.steps`). A step that contracts waits
for `contract=True` in the release that brings it, and for every older server to have ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from pointofcare.errors import ConfigError
from server.store import steps, training
from server.store.database import db
from server.store.steps import Change, Step

DIRECTORY = Path(__file__).parent / "migrations"
# On PostgreSQL a step waits so long for a table that a dose is being written to, and so long it leaves the doses in peace afterwards:
# everything that comes behind a waiting step waits with it.
LOCK_TIMEOUT_S, PAUSE_S, TRIES = 2.0, 1.0, 60
_LOCK_NOT_AVAILABLE = "55P03"
_ASK_AGAIN_S = 1.0
# Any number that nobody else takes for a lock.
_ALONE = 7_105_118_042


def _config() -> Config:
    config = Config(str(DIRECTORY / "alembic.ini"))
    config.set_main_option("script_location", str(DIRECTORY))
    return config


def wait_for_database(patience_s: float, *, tell: Callable[[str], None] = print) -> None:
    """Until the database answers. After a power cut its machine may come later, or it recovers for minutes.

    Raises: OperationalError, when it does not answer within `patience_s`."""
    ends_s, told = time.monotonic() + patience_s, False
    while True:
        try:
            with db.engine.connect():
                return
        except OperationalError as exc:
            if time.monotonic() + _ASK_AGAIN_S > ends_s:
                raise
            if not told:
                tell(f"the database does not answer yet, it is asked again for {patience_s:.0f} s: {type(exc.orig).__name__}")
            told = True
            time.sleep(_ASK_AGAIN_S)


def upgrade(revision: str = "head", *, contract: bool = False) -> None:
    """Applies every migration that is due, up to `revision`; those that contract too, when `contract` says so or their time has come.
    One that was broken off is undone by the database, and begins anew. A schema that a newer release expanded is left as it is.
    Raises: ConfigError for a database on which this release may not run, or that is of the other kind (training or not)."""
    if _require_runs(current()):
        return
    training.require()
    with _alone():
        found = current()
        todo = due(found, contract=contract)
        if todo:
            _applied(todo[-1].revision if revision == "head" else revision, todo if found is not None else ())
    if revision == "head":
        training.require()


def _applied(revision: str, on_top: tuple[Step, ...]) -> None:
    """`on_top`: the steps that servers of before may stand on."""
    for attempt in range(1, TRIES + 1):
        steps.require_none_older(on_top)  # each time: one may have been started since
        try:
            command.upgrade(_config(), revision)
            return
        except OperationalError as exc:
            if getattr(exc.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE or attempt == TRIES:
                raise
        time.sleep(PAUSE_S)


@contextmanager
def _alone() -> Iterator[None]:
    """No other program changes the schema meanwhile. SQLite has one writer at a time as it is."""
    if db.engine.dialect.name != "postgresql":
        yield
        return
    with db.engine.begin() as connection:
        # Without a parameter: what is left open of a statement with one holds a snapshot, for which an index that is built online waits.
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({_ALONE})").all()
        yield


def all_steps() -> tuple[Step, ...]:
    """Oldest first."""
    return _steps(DIRECTORY)


@cache
def _steps(_directory: Path) -> tuple[Step, ...]:
    found = []
    for script in ScriptDirectory.from_config(_config()).walk_revisions():
        module = script.module
        found.append(
            Step(
                revision=script.revision,
                about=(module.__doc__ or "").strip().split("\n", 1)[0],
                change=Change(getattr(module, "change", Change.EXPAND)),
                oldest_release=getattr(module, "oldest_release", ""),
            )
        )
    return tuple(reversed(found))


def left(found: str | None) -> tuple[Step, ...]:
    """The steps that a database at `found` lacks."""
    every = all_steps()
    if found is None:
        return every
    taken = [step.revision for step in every]
    return every[taken.index(found) + 1 :] if found in taken else ()  # a newer release may have gone on since it was asked


def due(found: str | None, *, contract: bool = False) -> tuple[Step, ...]:
    """Those of them that are applied now. An empty database gets all. A step that contracts, and what stands behind it, waits as long as
    a server of the release before may run: until a person says otherwise, or the release after."""
    todo = left(found)
    if found is None or contract:
        return todo
    held = next((place for place, step in enumerate(todo) if step.change is Change.CONTRACT and _is_held(step)), len(todo))
    return todo[:held]


def _is_held(step: Step) -> bool:
    return not steps.is_older(step.oldest_release, steps.release())


def head() -> str:
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def knows(revision: str) -> bool:
    """Is it one of this version's schemas, so that a database at it can be brought up to date?"""
    return revision in {step.revision for step in all_steps()}


def refused(found: str | None) -> str:
    """Why this release may not run on a database at `found`, "" when it may, or can bring it up to date."""
    return steps.refused(found) if found is not None and not knows(found) else ""


def current() -> str | None:
    """The database's revision, None for an empty one."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def require_current() -> None:
    """Raises: ConfigError when this release may not run on the database as it is, or it is of the other kind (training or not)."""
    training.require()
    found = current()
    if not _require_runs(found) and due(found):
        raise ConfigError(
            f"the database is at {found or 'no'} schema, this version needs {due(found)[-1].revision}",
            remedy="run: pointofcare-server migrate",
        )


def _require_runs(found: str | None) -> bool:
    """Whether a newer release made the schema, and this one may go on with it. Raises: ConfigError: it may not."""
    if found is None or knows(found):
        return False
    why = steps.refused(found)
    if why:
        raise ConfigError(
            why, remedy="install the version that changed it; to go back, restore a backup from before into an empty database"
        )
    return True


def plan(*, contract: bool = False) -> tuple[str, ...]:
    """What `upgrade` would do now, and what that means for the servers that run, in lines. Raises: ConfigError as it does."""
    found = current()
    newer = _require_runs(found)
    told = [f"the database is at schema {found or 'none'}; this release is {steps.release()}, with schema {head()}"]
    if newer:
        return (*told, "a newer release expanded it, and this one may run on it: nothing to be done")
    todo = due(found, contract=contract)
    told += [f"will be applied: {_said(step)}" for step in todo]
    told += [f"waits for --contract, when no older server runs: {_said(step)}" for step in left(found)[len(todo) :]]
    for each in steps.running():
        survives = not any(steps.is_older(each.release, step.oldest_release) for step in todo)
        does = "goes on meanwhile" if survives else "WOULD NOT SURVIVE IT: upgrade it first"
        told.append(f"runs: {each.part} of release {each.release} on {each.host}, {does}")
    return (*told, f"{len(todo)} steps to be applied" if todo else "nothing to be done")


def _said(step: Step) -> str:
    kind = "expands" if step.change is Change.EXPAND else f"contracts, release {step.oldest_release} or newer may run afterwards"
    return f"{step.revision} ({kind}): {step.about}"


def noted(connection: Connection, revision: str) -> None:
    """Called by each step that was applied, in its own transaction."""
    step = next((each for each in all_steps() if each.revision == revision), None)
    if step is not None and revision >= FIRST_NOTED:
        steps.note(connection, step, datetime.now(UTC))


# The step that made the table of steps.
FIRST_NOTED = "0042"


def differences() -> str:
    """What the database has other than the tables say, "" when nothing."""
    try:
        command.check(_config())
    except CommandError as exc:
        return str(exc)
    return ""
