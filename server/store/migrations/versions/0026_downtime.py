"""Rounds sheets on paper whose lines carry a code, and what was entered from them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "downtime_sheets",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("sheet", sa.String(16), nullable=False),
        sa.Column("ward", sa.String(64), nullable=False),
        sa.Column("printed_at", moment, nullable=False),
        sa.Column("printed_by", sa.String(64), nullable=False),
        sa.Column("valid_until", moment, nullable=False),
        sa.Column("used_at", moment, nullable=True),
        sa.Column("closed_at", moment, nullable=True),
        sa.Column("closed_by", sa.String(64), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("facility", "sheet"),
    )
    op.create_index("ix_downtime_sheets_ward", "downtime_sheets", ["facility", "ward", "printed_at"])
    op.create_table(
        "downtime_lines",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("sheet", sa.String(16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("order_version", sa.Integer(), nullable=False),
        sa.Column("due", moment, nullable=True),
        sa.Column("printed", sa.JSON(), nullable=False),
        sa.Column("nothing_at", moment, nullable=True),
        sa.Column("nothing_by", sa.String(64), nullable=True),
        sa.Column("nothing_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("facility", "sheet", "number"),
    )
    op.create_table(
        "downtime_entries",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("record_id", sa.String(64), nullable=False),
        sa.Column("sheet", sa.String(16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("entered_by", sa.String(64), nullable=False),
        sa.Column("entered_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("facility", "record_id"),
    )
    op.create_index("ix_downtime_entries_line", "downtime_entries", ["facility", "sheet", "number"])
