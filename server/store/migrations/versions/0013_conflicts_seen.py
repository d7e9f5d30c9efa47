"""who has read which conflict; packs found by serial number."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "conflicts_seen",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("discrepancy", sa.Integer(), nullable=False),
        sa.Column("staff", sa.String(64), nullable=False),
        sa.Column("cart", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("facility", "discrepancy", "staff"),
    )
    op.create_index("ix_administrations_serial", "administrations", ["facility", "serial"], if_not_exists=True)
