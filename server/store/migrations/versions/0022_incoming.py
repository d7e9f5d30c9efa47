"""What other systems sent, each item whole with what became of it, and how far each feed has read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "incoming_items",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("about", sa.String(200), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("patient", sa.String(64), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("payload_bytes", sa.Integer(), nullable=False),
        sa.Column("received_at", moment, nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=True),
        sa.Column("field", sa.String(200), nullable=True),
        sa.Column("found", sa.Text(), nullable=True),
        sa.Column("parameters", sa.JSON(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", moment, nullable=False),
        sa.Column("claimed_until", moment, nullable=True),
        sa.Column("settled_at", moment, nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", moment, nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("became", sa.String(300), nullable=True),
    )
    op.create_index("ix_incoming_key", "incoming_items", ["facility", "source", "key"], unique=True)
    op.create_index("ix_incoming_due", "incoming_items", ["facility", "state", "next_attempt_at", "id"])
    op.create_index("ix_incoming_about", "incoming_items", ["facility", "source", "about", "id"])
    op.create_index("ix_incoming_subject", "incoming_items", ["facility", "source", "subject", "state"])
    op.create_index("ix_incoming_patient", "incoming_items", ["facility", "patient", "kind"])
    op.create_index("ix_incoming_listed", "incoming_items", ["facility", "state", "source", "id"])
    op.create_index("ix_incoming_settled", "incoming_items", ["facility", "state", "settled_at"])
    op.create_table(
        "feeds",
        sa.Column("facility", sa.String(64), primary_key=True),
        sa.Column("source", sa.String(32), primary_key=True),
        sa.Column("part", sa.String(64), primary_key=True),
        sa.Column("mark_at", moment, nullable=True),
        sa.Column("looked_at", moment, nullable=True),
        sa.Column("succeeded_at", moment, nullable=True),
        sa.Column("fault", sa.String(64), nullable=True),
        sa.Column("told", sa.Text(), nullable=True),
    )
