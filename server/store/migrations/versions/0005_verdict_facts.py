"""The facts of each verdict, beside its record. Records of before have a row without facts, so that nobody counts too few."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "verdict_facts",
        sa.Column("facility", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("ward", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("engine", sa.String(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("facility", "kind", "record_id", name=op.f("pk_verdict_facts")),
    )
    op.create_index("ix_verdict_facts_at", "verdict_facts", ["facility", "at", "kind", "record_id"], unique=False)
    for kind, table, at in (("administration", "administrations", "recorded_at"), ("attempt", "attempts", "at")):
        op.execute(
            "INSERT INTO verdict_facts (facility, kind, record_id, ward, at, engine, policy, level, facts) "  # noqa: S608 - constants
            f"SELECT facility, '{kind}', record_id, ward, {at}, '', '', level, NULL FROM {table}"
        )
