"""An index by which an order is found by its name in the hospital's system, whoever's it is."""

from __future__ import annotations

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_orders_emr", "orders", ["facility", "source", "emr_id"])
