"""wards that staff belong to, and emergency access with its review."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "staff_wards",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("staff", sa.String(64), nullable=False),
        sa.Column("ward", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("role", sa.String(80), nullable=True),
        sa.Column("valid_from", moment, nullable=False),
        sa.Column("valid_to", moment, nullable=True),
        sa.Column("added_by", sa.String(64), nullable=False),
        sa.Column("added_at", moment, nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
    )
    op.create_index("ix_staff_wards_staff", "staff_wards", ["facility", "staff"])
    op.create_index("ix_staff_wards_ward", "staff_wards", ["facility", "ward", "valid_to"])
    op.create_table(
        "emergency_access",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("staff", sa.String(64), nullable=False),
        sa.Column("patient", sa.String(64), nullable=False),
        sa.Column("ward", sa.String(64), server_default="", nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_at", moment, nullable=False),
        sa.Column("until", moment, nullable=False),
        sa.Column("ended_at", moment, nullable=True),
        sa.Column("place", sa.String(), server_default="", nullable=False),
        sa.Column("review_by", moment, nullable=False),
        sa.Column("judged", sa.String(16), nullable=True),
        sa.Column("judged_by", sa.String(64), nullable=True),
        sa.Column("judged_at", moment, nullable=True),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
    )
    op.create_index("ix_emergency_access_staff", "emergency_access", ["facility", "staff", "until"])
    op.create_index("ix_emergency_access_open", "emergency_access", ["facility", "judged", "review_by"])
