"""Keeps made-up patients and real ones in databases of their own: what may write into this database, by its kind.

A training facility marks its database at its first use, with a row of the audit, which nobody can take away. It works in a marked
database alone; a real facility refuses one that holds anything of a training facility. Must never guess: a database that is neither
marked nor empty is a real one.
"""

from __future__ import annotations

from datetime import UTC, datetime

from flask import current_app
from sqlalchemy import Connection, column, func, insert, inspect, select, table

from pointofcare.errors import ConfigError
from pointofcare.wire.training import SUFFIX, is_training
from server.store.columns import Document, UtcDateTime
from server.store.database import FACILITY, WRITES, db

BEGUN = "training.begun"

# Key of the application's extensions: the engine that was looked at.
_LOOKED = "pointofcare-kind"
# Not the mapped table: an older schema lacks some of its columns.
_AUDIT = table(
    "audit",
    column("facility"),
    column("at", UtcDateTime),
    column("actor"),
    column("action"),
    column("subject"),
    column("detail", Document),
)
# Whatever is in use has rows in one of them. Each begins an index with the facility.
_FULL = ("audit", "patients", "staff", "wards", "products", "administrations", "carts")


def require() -> None:
    """Looked at once for an application, before it writes. Needs an application context.

    Raises: ConfigError: the database is of the other kind."""
    engine, facility = db.engine, current_app.config[FACILITY]
    if current_app.extensions.get(_LOOKED) is engine:
        return
    with engine.connect() as connection:
        if not inspect(connection).has_table("audit"):
            return  # no schema yet: it is looked at again when there is one
        marked = _look(connection, facility)
        connection.rollback()
    if is_training(facility) and not marked:
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            # Somebody else may have been faster.
            if not _look(connection, facility):
                row = {"at": datetime.now(UTC), "actor": "server", "action": BEGUN, "subject": _subject(facility), "detail": {}}
                connection.execute(insert(_AUDIT).values(facility=facility, **row))
    current_app.extensions[_LOOKED] = engine


def _look(connection: Connection, facility: str) -> bool:
    """Is it this training facility's own, by its mark? Raises: ConfigError."""
    mark = select(_AUDIT.c.action).where(_AUDIT.c.facility == facility, _AUDIT.c.subject == _subject(facility), _AUDIT.c.action == BEGUN)
    marked = connection.execute(mark.limit(1)).first() is not None
    facilities = _facilities(connection)
    where = connection.engine.url.render_as_string(hide_password=True)
    if not is_training(facility):
        made_up = sorted(each for each in facilities if is_training(each))
        if made_up:
            raise ConfigError(
                f"{where} is a training database (of {made_up[0]}): its patients are not real",
                remedy=f'set database_url to the database of {facility}; a training server has a facility that ends with "{SUFFIX}"',
            )
    elif any(not is_training(each) for each in facilities) or (facilities and not marked):
        raise ConfigError(
            f"{where} is in use and was never a training database of {facility}: it may hold real patients",
            remedy="set database_url to a new, empty database for training",
        )
    return marked


def _facilities(connection: Connection) -> set[str]:
    """Every facility that the database has a row of; a step a facility, however many rows there are."""
    found: set[str] = set()
    present = inspect(connection).get_table_names()
    for name in _FULL:
        if name not in present:
            continue
        each = table(name, column("facility"))
        newest = connection.execute(select(func.min(each.c.facility))).scalar()
        while newest is not None:
            found.add(newest)
            newest = connection.execute(select(func.min(each.c.facility)).where(each.c.facility > newest)).scalar()
    return found


def _subject(facility: str) -> str:
    return f"facility/{facility}"
