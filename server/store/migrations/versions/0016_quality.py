"""Counted days of each ward, doses that nobody charted in time, wall screens; records found by when they came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "quality_days",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("ward", sa.String(64), nullable=False),
        sa.Column("span", sa.String(8), nullable=False, server_default="day"),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("cells", sa.JSON(), nullable=False),
        sa.Column("headline", sa.JSON(), nullable=False),
        sa.Column("basis", sa.String(16), nullable=False, server_default="records"),
        sa.Column("counting", sa.Integer(), nullable=False),
        sa.Column("counted_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("facility", "ward", "span", "day"),
    )
    op.create_index("ix_quality_days_day", "quality_days", ["facility", "span", "day", "ward"])
    op.create_table(
        "unfilled_doses",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("due", moment, nullable=False),
        sa.Column("ward", sa.String(64), nullable=False),
        sa.Column("patient", sa.String(64), nullable=False),
        sa.Column("noticed_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("facility", "order_id", "due"),
    )
    op.create_index("ix_unfilled_doses_due", "unfilled_doses", ["facility", "due", "ward"])
    op.create_table(
        "quality_marks",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("upto", moment, nullable=False),
        sa.Column("counting", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("facility"),
    )
    op.create_table(
        "wall_screens",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("ward", sa.String(64), nullable=False),
        sa.Column("label", sa.String(80), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("code", sa.String(64), nullable=True),
        sa.Column("token", sa.String(64), nullable=True),
        sa.Column("added_by", sa.String(64), nullable=False),
        sa.Column("added_at", moment, nullable=False),
        sa.Column("came_at", moment, nullable=True),
        sa.Column("seen_at", moment, nullable=True),
        sa.Column("place", sa.String(64), nullable=False),
        sa.Column("until", moment, nullable=False),
        sa.Column("ended_by", sa.String(64), nullable=True),
        sa.Column("ended_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_wall_screens_token", "wall_screens", ["facility", "token"], unique=True)
    op.create_index("ix_wall_screens_code", "wall_screens", ["facility", "code"], unique=True)
    op.create_index("ix_wall_screens_ward", "wall_screens", ["facility", "ward"])
    op.create_index("ix_administrations_received", "administrations", ["facility", "received_at"], if_not_exists=True)
    op.create_index("ix_attempts_received", "attempts", ["facility", "received_at"], if_not_exists=True)
