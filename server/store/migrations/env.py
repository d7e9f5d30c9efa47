"""How a migration finds its database: through the application that runs it. Forward only; nothing here is edited once released."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from flask import current_app
from sqlalchemy.engine import Engine

from server.store.columns import Document, UtcDateTime

database = current_app.extensions["migrate"].db
engine: Engine = database.engine


def render_item(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:
    """Our own column types as the plain ones beneath, so that a released migration does not change with our code."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Document):
        return "sa.JSON()"
    return False


def run() -> None:
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=database.metadata,
            render_item=render_item,
            compare_type=True,
            render_as_batch=connection.dialect.name == "sqlite",
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
