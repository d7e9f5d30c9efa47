"""Who was trained and assessed in what, and whether a cart says that something of it is missing. Only adds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0046"
branch_labels = None
depends_on = None
change = "expand"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "competence_records",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("form", sa.String(64), nullable=False),
        sa.Column("staff", sa.String(), nullable=False),
        sa.Column("competence", sa.String(32), nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("assessor", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("replaces", sa.Integer(), nullable=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
    )
    op.create_index("uq_competence_records_form", "competence_records", ["facility", "form"], unique=True)
    op.create_index("uq_competence_records_replaces", "competence_records", ["facility", "replaces"], unique=True)
    op.create_index("ix_competence_records_staff", "competence_records", ["facility", "staff", "competence"])
    op.create_table(
        "competence_settings",
        sa.Column("facility", sa.String(64), primary_key=True),
        sa.Column("at_cart", sa.String(16), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("competence_settings")
    op.drop_table("competence_records")
