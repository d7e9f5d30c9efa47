"""The steps that the schema took, with the oldest release that may run on it, and the programs of the server that run. Only adds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None
change = "expand"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "schema_steps",
        sa.Column("revision", sa.String(16), primary_key=True),
        sa.Column("change", sa.String(16), nullable=False),
        sa.Column("oldest_release", sa.String(32), nullable=False),
        sa.Column("release", sa.String(32), nullable=False),
        sa.Column("applied_at", _MOMENT, nullable=False),
    )
    op.create_table(
        "server_programs",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("part", sa.String(16), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("release", sa.String(32), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("server_programs")
    op.drop_table("schema_steps")
