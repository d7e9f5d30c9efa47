"""The phases that carts were in, and how fast their batteries are used up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "cart_phases",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("cart", sa.String(64), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("why", sa.String(64), nullable=False),
    )
    op.create_index("ix_cart_phases_cart", "cart_phases", ["facility", "cart", "at"])
    op.create_table(
        "cart_batteries",
        sa.Column("facility", sa.String(64), primary_key=True),
        sa.Column("cart", sa.String(64), primary_key=True),
        sa.Column("sums", sa.JSON(), nullable=False),
        sa.Column("load_percent_h", sa.Float(), nullable=True),
        sa.Column("spread_percent_h", sa.Float(), nullable=True),
        sa.Column("seen_h", sa.Float(), nullable=False),
        sa.Column("replace_on", sa.Date(), nullable=True),
        sa.Column("changed_at", _MOMENT, nullable=False),
    )
