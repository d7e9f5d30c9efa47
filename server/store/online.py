"""For migrations that run under servers which record doses: what PostgreSQL would else do while it keeps every writer out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

_IS_VALID = sa.text("select indisvalid from pg_index where indexrelid = to_regclass(:name)")


def build_index(name: str, table: str, columns: Sequence[str], **options: Any) -> None:
    """An index on a table that is in use. On PostgreSQL outside of any transaction, while rows are written; broken off it leaves an index
    that is not valid, which the next try takes away. May be run again."""
    if op.get_bind().dialect.name != "postgresql":
        op.create_index(name, table, list(columns), if_not_exists=True, **options)
        return
    with op.get_context().autocommit_block():
        bind = op.get_bind()
        before = bind.exec_driver_sql("show lock_timeout").scalar_one()
        bind.exec_driver_sql("set lock_timeout = 0")  # it waits for transactions to end, and nobody waits for it
        if bind.execute(_IS_VALID, {"name": name}).scalar() is False:
            op.drop_index(name, table, postgresql_concurrently=True)
        op.create_index(name, table, list(columns), if_not_exists=True, postgresql_concurrently=True, **options)
        bind.exec_driver_sql(f"set lock_timeout = '{before}'")
