"""The facts of a verdict in the row of its record, so that a dose is written by one statement less. What is there moves with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for kind, table in (("administration", "administrations"), ("attempt", "attempts")):
        op.add_column(table, sa.Column("facts", sa.Text(), nullable=True))
        of_record = f"v.kind = '{kind}' AND v.facility = {table}.facility AND v.record_id = {table}.record_id"
        op.execute(
            f"UPDATE {table} SET facts = (SELECT v.facts FROM verdict_facts v WHERE {of_record}) "  # noqa: S608 - constants
            f"WHERE EXISTS (SELECT 1 FROM verdict_facts v WHERE {of_record} AND v.facts IS NOT NULL)"
        )
    op.create_index("ix_administrations_recorded", "administrations", ["facility", "recorded_at", "record_id"], unique=False)
    op.create_index("ix_attempts_at", "attempts", ["facility", "at", "record_id"], unique=False)
    op.drop_index("ix_verdict_facts_at", table_name="verdict_facts")
    op.drop_table("verdict_facts")
