"""Labels of single units with their batches, and what was sent to a label printer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "label_batches",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("ward", sa.String(64), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("stock", sa.String(64), nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("facility", "id"),
    )
    op.create_index("ix_label_batches_made", "label_batches", ["facility", "made_at"])
    op.create_table(
        "unit_labels",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("serial", sa.String(20), nullable=False),
        sa.Column("batch", sa.String(32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("ward", sa.String(64), nullable=False),
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("gtin", sa.String(14), nullable=False),
        sa.Column("lot", sa.String(20), nullable=False),
        sa.Column("expiry", sa.Date(), nullable=False),
        sa.Column("patient", sa.String(64), nullable=True),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("void_by", sa.String(64), nullable=True),
        sa.Column("void_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("replaced_by", sa.String(20), nullable=True),
        sa.PrimaryKeyConstraint("facility", "serial"),
    )
    op.create_index("ix_unit_labels_batch", "unit_labels", ["facility", "batch", "place"])
    op.create_index("ix_unit_labels_ward", "unit_labels", ["facility", "ward", "until"])
    op.create_table(
        "print_jobs",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(100), nullable=False),
        sa.Column("printer", sa.String(64), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("faults", sa.String(200), nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("facility", "id"),
    )
    op.create_index("ix_print_jobs_subject", "print_jobs", ["facility", "subject", "made_at"])
    op.create_index("ix_print_jobs_printer", "print_jobs", ["facility", "printer", "state"])
