"""Whether a cart's configuration differs from the wanted one, and what the carts of a ward are to run with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cart_config", sa.Column("drifted", sa.Boolean(), nullable=True))
    op.create_table(
        "config_groups",
        sa.Column("facility", sa.String(64), primary_key=True),
        sa.Column("ward", sa.String(64), primary_key=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.String(64), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    )
