"""Rollouts of firmware: plans, carts, events, and what each microcontroller reports to run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_ACTIVE = sa.text("state IN ('running', 'awaiting', 'paused')")
_OPEN = sa.text("is_open")
_TO_SEND = sa.text("to_send")
_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "rollouts",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("hardware", sa.String(64), nullable=False),
        sa.Column("release", sa.String(200), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("target", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(64), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("started_at", _MOMENT, nullable=True),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("ticked_at", _MOMENT, nullable=True),
    )
    op.create_index(
        "ux_rollouts_active", "rollouts", ["facility", "hardware"], unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE
    )
    op.create_index("ix_rollouts_open", "rollouts", ["facility"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_table(
        "rollout_carts",
        sa.Column("id", _LONG, primary_key=True, autoincrement=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("rollout", sa.Integer(), nullable=False),
        sa.Column("cart", sa.String(64), nullable=False),
        sa.Column("job", sa.String(64), nullable=False, unique=True),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("closed", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("not_before", _MOMENT, nullable=True),
        sa.Column("expires_at", _MOMENT, nullable=True),
        sa.Column("began_at", _MOMENT, nullable=True),
        sa.Column("claimed_at", _MOMENT, nullable=True),
        sa.Column("why", sa.String(200), nullable=False),
        sa.Column("step", sa.String(64), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("issued_at", _MOMENT, nullable=True),
        sa.Column("offered", sa.Integer(), nullable=False),
        sa.Column("offered_at", _MOMENT, nullable=True),
        sa.Column("to_send", sa.Boolean(), nullable=False),
    )
    op.create_index("ux_rollout_carts", "rollout_carts", ["facility", "rollout", "cart"], unique=True)
    op.create_index("ix_rollout_carts_cart", "rollout_carts", ["facility", "cart"])
    op.create_index("ix_rollout_carts_to_send", "rollout_carts", ["facility"], sqlite_where=_TO_SEND, postgresql_where=_TO_SEND)
    op.create_table(
        "rollout_events",
        sa.Column("id", _LONG, primary_key=True, autoincrement=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("rollout", sa.Integer(), nullable=False),
        sa.Column("cart", sa.String(64), nullable=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
    )
    op.create_index("ix_rollout_events", "rollout_events", ["facility", "rollout", "id"])
    op.create_index("ix_rollout_events_cart", "rollout_events", ["facility", "cart", "id"])
    op.create_table(
        "cart_firmware",
        sa.Column("facility", sa.String(64), primary_key=True),
        sa.Column("cart", sa.String(64), primary_key=True),
        sa.Column("hardware", sa.String(64), nullable=True),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("image_hash", sa.String(64), nullable=True),
        sa.Column("confirmed", sa.Boolean(), nullable=True),
        sa.Column("self_test", sa.Boolean(), nullable=True),
        sa.Column("slots", sa.JSON(), nullable=False),
        sa.Column("heard_at", _MOMENT, nullable=False),
    )
