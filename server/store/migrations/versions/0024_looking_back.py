"""When the EMR was asked for what it took, and how often it did not have it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("lost", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_outbox_looked", "outbox", ["facility", "state", "looked_at", "settled_at"])
