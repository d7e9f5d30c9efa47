"""Bringing a database to the schema of this version. Forward only. Needs a Flask application context."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from pointofcare.errors import ConfigError
from server.store import training
from server.store.database import db

DIRECTORY = Path(__file__).parent / "migrations"


def _config() -> Config:
    config = Config(str(DIRECTORY / "alembic.ini"))
    config.set_main_option("script_location", str(DIRECTORY))
    return config


def upgrade(revision: str = "head") -> None:
    """Applies every migration that the database lacks, up to `revision`. One that was broken off is undone by the database, and begins
    anew. Raises: ConfigError for a database that a newer version has changed, or that is of the other kind (training or not)."""
    _require_known(current())
    training.require()
    command.upgrade(_config(), revision)
    if revision == "head":
        training.require()


def head() -> str:
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def knows(revision: str) -> bool:
    """Is it one of this version's schemas, so that a database at it can be brought up to date?"""
    return revision in {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def current() -> str | None:
    """The database's revision, None for an empty one."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def require_current() -> None:
    """Raises: ConfigError when the database is not at this version's schema, or of the other kind (training or not)."""
    training.require()
    found = current()
    _require_known(found)
    if found != head():
        raise ConfigError(
            f"the database is at {found or 'no'} schema, this version needs {head()}", remedy="run: pointofcare-server migrate"
        )


def _require_known(found: str | None) -> None:
    if found is not None and not knows(found):
        raise ConfigError(
            f"the database is at schema {found}, which is newer than this version ({head()})",
            remedy="install the version that changed it; to go back, restore a backup from before into an empty database",
        )


def differences() -> str:
    """What the database has other than the tables say, "" when nothing."""
    try:
        command.check(_config())
    except CommandError as exc:
        return str(exc)
    return ""
