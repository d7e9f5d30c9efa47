"""An index by which the newest events of one cart are found, however many it told."""

from __future__ import annotations

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_cart_events_cart", "cart_events", ["facility", "cart", "received_at"])
