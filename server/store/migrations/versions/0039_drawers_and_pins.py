"""Findings about drawers, who may open them, how old PINs are, and the indexes that drawers and doses are put side by side with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "drawer_findings",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("cart", sa.String(64), nullable=False),
        sa.Column("ward", sa.String(64), nullable=False),
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("drawer", sa.Integer(), nullable=True),
        sa.Column("wanted", sa.Integer(), nullable=True),
        sa.Column("record_id", sa.String(128), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("found_at", _MOMENT, nullable=False),
        sa.Column("task", sa.Integer(), nullable=True),
        sa.Column("withdrawn_at", _MOMENT, nullable=True),
    )
    op.create_index("ix_drawer_findings_key", "drawer_findings", ["facility", "cart", "key"], unique=True)
    op.create_index("ix_drawer_findings_cart", "drawer_findings", ["facility", "cart", "at"])
    op.create_index("ix_drawer_findings_found", "drawer_findings", ["facility", "found_at"])
    op.create_table(
        "drawer_pending",
        sa.Column("facility", sa.String(64), primary_key=True),
        sa.Column("cart", sa.String(64), primary_key=True),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
    )
    op.create_index("ix_drawer_pending_due", "drawer_pending", ["facility", "due_at"])
    op.create_table(
        "drawer_rules",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("ward", sa.String(64), nullable=False),
        sa.Column("drawer", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("role", sa.String(80), nullable=False),
        sa.Column("two_people", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("added_by", sa.String(64), nullable=False),
        sa.Column("added_at", _MOMENT, nullable=False),
        sa.Column("ended_by", sa.String(64), nullable=True),
        sa.Column("ended_at", _MOMENT, nullable=True),
    )
    op.create_index("ix_drawer_rules_open", "drawer_rules", ["facility", "ended_at"])
    op.create_table(
        "drawer_settings",
        sa.Column("facility", sa.String(64), primary_key=True),
        sa.Column("open_min", sa.Integer(), nullable=False),
        sa.Column("pin_digits", sa.Integer(), nullable=False),
        sa.Column("pin_days", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.String(64), nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
    )
    op.create_table(
        "pin_states",
        sa.Column("facility", sa.String(64), primary_key=True),
        sa.Column("staff", sa.String(64), primary_key=True),
        sa.Column("set_at", _MOMENT, nullable=True),
        sa.Column("ends_at", _MOMENT, nullable=True),
        sa.Column("why", sa.Text(), nullable=False, server_default=sa.text("''")),
        sa.Column("locked_at", _MOMENT, nullable=True),
        sa.Column("locked_cart", sa.String(64), nullable=False, server_default=sa.text("''")),
        sa.Column("cleared_at", _MOMENT, nullable=True),
    )
    op.create_index("ix_cart_events_at", "cart_events", ["facility", "cart", "at"])
    op.create_index("ix_administrations_cart", "administrations", ["facility", "cart", "effective_at"])


def downgrade() -> None:
    op.drop_index("ix_administrations_cart", "administrations")
    op.drop_index("ix_cart_events_at", "cart_events")
    for table in ("pin_states", "drawer_settings", "drawer_rules", "drawer_pending", "drawer_findings"):
        op.drop_table(table)
