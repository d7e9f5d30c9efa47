"""The database handle and how each engine behaves: the only place that knows SQLite from PostgreSQL when connecting.

SQLite: WAL with synchronous=FULL (a committed dose survives power loss), foreign keys on, and a writing transaction takes the
write lock at its start, so that it never fails halfway. PostgreSQL: no server-side prepared statements (pgbouncer).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData, event
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.orm import DeclarativeBase

# Key of the application's configuration: the facility that every query is bound to.
FACILITY = "POINTOFCARE_FACILITY"
# Execution option of a connection that is going to write.
WRITES = "pointofcare_writes"
BUSY_TIMEOUT_MS = 15_000


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base)

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


def engine_options(database_url: str) -> dict[str, Any]:
    """What flask-sqlalchemy hands to `create_engine` for `database_url`."""
    if make_url(database_url).get_backend_name() == "sqlite":
        options: dict[str, Any] = {"connect_args": {"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False}}
    else:
        options = {"connect_args": {"prepare_threshold": None}, "pool_pre_ping": True}
    # A fault's message must not hold the row.
    return {**options, "pool_size": 16, "max_overflow": 16, "hide_parameters": True}


def register(app: Flask, database_url: str) -> None:
    """Binds `db` to `app`. Opens no connection."""
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(database_url)
    db.init_app(app)
    with app.app_context():
        prepare(db.engine)


def prepare(engine: Engine) -> None:
    """Sets up the connections of an `engine`."""
    if engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _without_nul)
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not open transactions behind our back
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN DEFERRED")


def _without_nul(connection: Any, _record: Any) -> None:
    """PostgreSQL takes no NUL in a text. One in an id that was sent to us must keep no record out, wherever it stands."""
    from psycopg.adapt import Dumper

    class NulFree(Dumper):
        """Of no type, as the driver's own, so that the statement says what it is."""

        def dump(self, obj: str) -> bytes:
            return obj.replace("\x00", "\ufffd").encode()

    connection.adapters.register_dumper(str, NulFree)
