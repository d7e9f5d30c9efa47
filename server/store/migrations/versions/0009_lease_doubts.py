"""lease doubts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "lease_doubts",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("patient", sa.String(64), nullable=False),
        sa.Column("cart", sa.String(64), nullable=False),
        sa.Column("nurse", sa.String(), nullable=True),
        sa.Column("since", moment, nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("waits", sa.JSON(), nullable=True),
        sa.Column("token", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("facility", "patient", "cart"),
    )
    op.create_index("ix_lease_doubts_cart", "lease_doubts", ["facility", "cart"])
    with op.batch_alter_table("leases") as batch:
        batch.add_column(sa.Column("nurse", sa.String(), nullable=True))
