"""Commands to carts, and the parts of their answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_OPEN = sa.text("state IN ('waiting', 'requested', 'sent', 'accepted')")


def upgrade() -> None:
    op.create_table(
        "cart_commands",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("cart", sa.String(64), nullable=False),
        sa.Column("ward", sa.String(64), nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("batch", sa.String(64), nullable=True),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("second_by", sa.String(), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("why", sa.String(64), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ttl_s", sa.Float(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sid", sa.String(64), nullable=False),
        sa.Column("boot_id", sa.String(64), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told", sa.JSON(), nullable=False),
    )
    op.create_index(
        "ix_cart_commands_open", "cart_commands", ["facility", "state", "issued_at"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_index("ix_cart_commands_cart", "cart_commands", ["facility", "cart", "issued_at"])
    op.create_index("ix_cart_commands_batch", "cart_commands", ["facility", "batch"])
    op.create_index("ix_cart_commands_issued", "cart_commands", ["facility", "issued_at"])
    op.create_table(
        "cart_command_parts",
        sa.Column("facility", sa.String(64), primary_key=True),
        sa.Column("command", sa.String(64), primary_key=True),
        sa.Column("part", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("text", sa.Text(), nullable=False),
    )
