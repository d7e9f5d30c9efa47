"""Policy files of the hospital and its wards, and what is in force in each. What was in force before stays the hospital's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("policies", schema=None) as batch_op:
        batch_op.add_column(sa.Column("ward", sa.String(length=64), server_default="", nullable=False))
        batch_op.drop_index("ix_policies_version")
        batch_op.create_index("ix_policies_ward", ["facility", "ward", "id"], unique=True)
    op.create_table(
        "policy_files",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("facility", sa.String(length=64), nullable=False),
        sa.Column("ward", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("drafted_by", sa.String(length=64), nullable=False),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.String(length=64), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("activated_by", sa.String(length=64), nullable=True),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_by", sa.String(length=64), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_files")),
    )
    op.create_index("ix_policy_files_version", "policy_files", ["facility", "ward", "version"], unique=True)
    active = sa.text("state = 'active'")
    op.create_index(
        "ix_policy_files_active", "policy_files", ["facility", "ward"], unique=True, sqlite_where=active, postgresql_where=active
    )
