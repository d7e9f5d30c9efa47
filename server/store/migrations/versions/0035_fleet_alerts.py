"""Alert rules of fleet managers and what is sent of them, how far each program's fleet events are here, and when a cart counts as silent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_COLLECTING = sa.text("state = 'waiting' AND tries = 0")


def upgrade() -> None:
    op.add_column("carts", sa.Column("silent_at", _MOMENT, nullable=True))
    op.create_table(
        "alert_rules",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("measure", sa.String(32), nullable=False),
        sa.Column("ward", sa.String(64), nullable=False),
        sa.Column("set_level", sa.Float(), nullable=False),
        sa.Column("clear_level", sa.Float(), nullable=False),
        sa.Column("hold_min", sa.Integer(), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.String(64), nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.Column("removed_at", _MOMENT, nullable=True),
    )
    op.create_index("ix_alert_rules_facility", "alert_rules", ["facility", "removed_at"])
    op.create_table(
        "alert_pending",
        sa.Column("facility", sa.String(64), primary_key=True),
        sa.Column("rule", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("cart", sa.String(64), primary_key=True),
        sa.Column("since", _MOMENT, nullable=False),
    )
    op.create_table(
        "alert_notices",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("more", sa.Integer(), nullable=False),
        sa.Column("sent_at", _MOMENT, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
    )
    op.create_index("ix_alert_notices_due", "alert_notices", ["facility", "state", "due_at"])
    op.create_index(
        "ux_alert_notices_collecting",
        "alert_notices",
        ["facility", "channel"],
        unique=True,
        sqlite_where=_COLLECTING,
        postgresql_where=_COLLECTING,
    )
    op.create_table(
        "cart_event_lines",
        sa.Column("facility", sa.String(64), primary_key=True),
        sa.Column("cart", sa.String(64), primary_key=True),
        sa.Column("epoch", sa.String(64), primary_key=True),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("gap_at", _MOMENT, nullable=True),
    )
