"""Alerts of carts, their configuration wanted and reported, and points of telemetry for charts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_OPEN = sa.text("resolved_at IS NULL")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "cart_alerts",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("cart", sa.String(64), nullable=False),
        sa.Column("alert", sa.String(64), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("rule", sa.Integer(), nullable=True),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("raised_at", _MOMENT, nullable=False),
        sa.Column("heard_at", _MOMENT, nullable=False),
        sa.Column("resolved_at", _MOMENT, nullable=True),
        sa.Column("told_away", sa.Boolean(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("snoozed_until", _MOMENT, nullable=True),
        sa.Column("snoozed_by", sa.String(64), nullable=True),
        sa.Column("snooze_reason", sa.Text(), nullable=True),
        sa.Column("acknowledged_by", sa.String(64), nullable=True),
        sa.Column("acknowledged_at", _MOMENT, nullable=True),
    )
    op.create_index(
        "ux_cart_alerts_open", "cart_alerts", ["facility", "cart", "alert"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_index("ux_cart_alerts_occurrence", "cart_alerts", ["facility", "cart", "alert", "since"], unique=True)
    op.create_index("ix_cart_alerts_resolved", "cart_alerts", ["facility", "resolved_at", "since"])
    op.create_table(
        "cart_config",
        sa.Column("facility", sa.String(64), primary_key=True),
        sa.Column("cart", sa.String(64), primary_key=True),
        sa.Column("desired_version", sa.BigInteger(), nullable=False),
        sa.Column("desired_document", sa.JSON(), nullable=False),
        sa.Column("desired_by", sa.String(64), nullable=True),
        sa.Column("desired_at", _MOMENT, nullable=True),
        sa.Column("reported_version", sa.BigInteger(), nullable=True),
        sa.Column("reported_document", sa.JSON(), nullable=True),
        sa.Column("reported_hash", sa.String(64), nullable=True),
        sa.Column("reported_at", _MOMENT, nullable=True),
        sa.Column("refused", sa.JSON(), nullable=False),
    )
    op.create_table(
        "cart_telemetry_points",
        sa.Column("facility", sa.String(64), primary_key=True),
        sa.Column("cart", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("at", _MOMENT, primary_key=True),
        sa.Column("values", sa.JSON(), nullable=False),
    )
    op.create_index("ix_cart_telemetry_points_at", "cart_telemetry_points", ["facility", "at"])
