"""A database that nobody uses, for as long as a drill takes: a file of its own, or a database of its own beside the live one.

Must never open, change or drop the database that the settings name: a scratch database is made anew under a name that did not exist,
and that one alone is dropped.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from pointofcare.errors import ConfigError

PREFIX = "pointofcare_drill_"
_SCRATCH = re.compile(PREFIX + "[0-9a-f]{32}", re.ASCII)


def _sweep(connection: psycopg.Connection[Any]) -> None:
    """Drops what a drill that was killed left behind: patients in a database that nobody looks after. One in which somebody works stays."""
    mine = "SELECT datname FROM pg_database WHERE datdba = (SELECT oid FROM pg_roles WHERE rolname = current_user)"
    for (name,) in connection.execute(mine).fetchall():
        if _SCRATCH.fullmatch(name):
            with contextlib.suppress(psycopg.errors.ObjectInUse):
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


@contextmanager
def database(live_url: str, directory: Path) -> Iterator[str]:
    """The address of an empty database of the same engine as `live_url`, gone afterwards. Raises: ConfigError."""
    live = make_url(live_url)
    if live.get_backend_name() == "sqlite":
        yield f"sqlite:///{directory.resolve() / 'scratch.sqlite'}"
        return
    name = f"{PREFIX}{uuid4().hex}"
    libpq = live.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with psycopg.connect(libpq, autocommit=True) as connection:
            _sweep(connection)
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    except psycopg.Error as exc:
        raise ConfigError(
            f"no database could be made for the drill: {str(exc).strip()[:300]}",
            remedy="ALTER ROLE ... CREATEDB for the server's user, or run the drill on another machine with the same settings",
        ) from exc
    try:
        # Open to the end, so that another drill sees that somebody works in it.
        with psycopg.connect(live.set(drivername="postgresql", database=name).render_as_string(hide_password=False), autocommit=True):
            yield live.set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(libpq, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
