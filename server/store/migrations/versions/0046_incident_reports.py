"""Reports of incidents and near misses, with the steps of each. Only adds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0042"
branch_labels = None
depends_on = None
change = "expand"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "incident_reports",
        sa.Column("facility", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("reached", sa.String(16), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("ward", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=True),
        sa.Column("about_order", sa.String(), nullable=True),
        sa.Column("about_record", sa.String(), nullable=True),
        sa.Column("cart", sa.String(), nullable=False),
        sa.Column("cart_epoch", sa.String(), nullable=False),
        sa.Column("cart_seq", sa.BigInteger(), nullable=False),
        sa.Column("reporter", sa.String(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("harm", sa.String(1), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
    )
    op.create_index("ix_incident_reports_state", "incident_reports", ["facility", "state", "at"])
    op.create_index("ix_incident_reports_at", "incident_reports", ["facility", "at"])
    op.create_index("ix_incident_reports_reporter", "incident_reports", ["facility", "reporter", "at"])
    op.create_index("ix_incident_reports_sequence", "incident_reports", ["facility", "cart", "cart_epoch", "cart_seq"])
    op.create_table(
        "incident_steps",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("report", sa.String(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("harm", sa.String(1), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
    )
    op.create_index("ix_incident_steps_report", "incident_steps", ["facility", "report", "id"])


def downgrade() -> None:
    op.drop_table("incident_steps")
    op.drop_table("incident_reports")
