"""What was shown to the patient, and what was asked; handovers; the steps of an emergency."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bedside_notes",
        sa.Column("facility", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("ward", sa.String(), nullable=False),
        sa.Column("cart", sa.String(), nullable=False),
        sa.Column("cart_epoch", sa.String(), nullable=False),
        sa.Column("cart_seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=True),
        sa.Column("of_record", sa.String(), nullable=True),
        sa.Column("nurse", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("facility", "record_id"),
    )
    op.create_index("ix_bedside_notes_patient", "bedside_notes", ["facility", "patient", "at"])
    op.create_index("ix_bedside_notes_ward", "bedside_notes", ["facility", "ward", "kind", "at"])
    op.create_index("ix_bedside_notes_of", "bedside_notes", ["facility", "of_record"])
    op.create_index("ix_bedside_notes_sequence", "bedside_notes", ["facility", "cart", "cart_epoch", "cart_seq"])
