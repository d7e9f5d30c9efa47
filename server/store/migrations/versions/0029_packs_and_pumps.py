"""Indices by which the facts of a dose are found without a walk: doses of several packs, and pumps by the bag on them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_SEVERAL = sa.text("serial LIKE '%, %'")


def upgrade() -> None:
    op.create_index(
        "ix_administrations_packs", "administrations", ["facility", "recorded_at"], sqlite_where=_SEVERAL, postgresql_where=_SEVERAL
    )
    op.create_index("ix_pump_readings_bag", "pump_readings", ["facility", "bag"])
