"""The database handle and how each engine behaves: the only place that knows SQLite from PostgreSQL when connecting.

SQLite: WAL with synchronous=FULL (a committed dose survives power loss), foreign keys on, and a writing transaction takes the
write lock at its start, so that it never fails halfway. PostgreSQL: no server-side prepared statements (pgbouncer).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData, event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase

# Key of the application's configuration: the facility that every query is bound to.
FACILITY = "POINTOFCARE_FACILITY"
# Execution option of a connection that is going to write.
WRITES = "pointofcare_writes"
BUSY_TIMEOUT_MS = 15_000
# SQLSTATE of a write where nothing may be written.
_READ_ONLY = "25006"


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
        # Where one of several databases is the primary, the look at it (`_is_still_primary`) is the ping too.
        options = {"connect_args": {"prepare_threshold": None}, "pool_pre_ping": not follows_primary(make_url(database_url))}
    # A fault's message must not hold the row.
    return {**options, "pool_size": 16, "max_overflow": 16, "hide_parameters": True}


def follows_primary(url: URL) -> bool:
    """Is the database the one of several that takes writes?"""
    return url.get_backend_name() == "postgresql" and url.query.get("target_session_attrs") in ("read-write", "primary")


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
        if follows_primary(engine.url):
            event.listen(engine, "do_connect", _Leading().connect)
            event.listen(engine, "checkout", _is_still_primary)
            event.listen(engine, "handle_error", _is_no_primary)
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


class _Leading:
    """Connects to the one of several databases that leads, the last one first. libpq could look itself, but behind pgbouncer it believes
    what that one remembers of the time before: it calls the dead primary a primary, and the new one a standby."""

    def __init__(self) -> None:
        self._last = 0

    def connect(self, dialect: Any, _record: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        given = {name: value for name, value in named.items() if name not in ("host", "port", "target_session_attrs")}
        hosts = str(named.get("host", "")).split(",")
        ports = str(named.get("port", "")).split(",")
        ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
        fault: Exception | None = None
        for place in (self._last, *(number for number in range(len(hosts)) if number != self._last)):
            where = {name: each[place] for name, each in (("host", hosts), ("port", ports)) if each[place]}
            connection = None
            try:
                connection = dialect.connect(*arguments, **given, **where)
                if not _follows(connection):
                    self._last = place
                    return connection
            except dialect.loaded_dbapi.Error as exc:
                fault = exc
            if connection is not None:
                connection.close()
        raise fault or dialect.loaded_dbapi.OperationalError("none of the databases leads")


def _follows(connection: Any) -> bool:
    """Is it a standby? Asked outside of a transaction."""
    before = connection.autocommit
    connection.autocommit = True
    found = connection.execute("SELECT pg_is_in_recovery()").fetchone()
    connection.autocommit = before
    return found is None or bool(found[0])


def _is_still_primary(connection: Any, _record: Any, _proxy: Any) -> None:
    """A pool keeps its connections over a change of the primary: one to what is a standby now would show old charts, and write nothing."""
    try:
        follows = _follows(connection)
    except Exception as exc:
        raise InvalidatePoolError("the database is away") from exc
    if follows:
        raise InvalidatePoolError("this database is a standby now")


def _is_no_primary(context: ExceptionContext) -> None:
    """A write at a standby ends its connection, and the next one finds the primary."""
    if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
        context.is_disconnect = True
