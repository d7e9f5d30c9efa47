"""How a migration finds its database: through the application that runs it. Forward only; nothing here is edited once released."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from flask import current_app
from sqlalchemy.engine import Engine

from server.store import migrate
from server.store.columns import Document, UtcDateTime
from server.store.database import WRITES

database = current_app.extensions["migrate"].db
engine: Engine = database.engine


def render_item(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:
    """Our own column types as the plain ones beneath, so that a released migration does not change with our code."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Document):
        return "sa.JSON()"
    return False


def noted(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:  # noqa: ARG001 - as alembic calls it
    """In the transaction of the step: the database says what was done to it, for releases that do not know the step."""
    migrate.noted(ctx.connection, step.up_revision_id)


def run() -> None:
    with engine.connect() as connection:
        # A server of the release before goes on writing: SQLite waits for its turn, PostgreSQL lets a dose go first and tries again.
        connection.execution_options(**{WRITES: True})
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET lock_timeout = {int(migrate.LOCK_TIMEOUT_S * 1000)}")
            connection.commit()
        context.configure(
            connection=connection,
            target_metadata=database.metadata,
            render_item=render_item,
            compare_type=True,
            render_as_batch=connection.dialect.name == "sqlite",
            transaction_per_migration=True,
            on_version_apply=noted,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
