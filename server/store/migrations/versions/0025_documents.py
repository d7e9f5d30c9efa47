"""Documents that were issued, their files, and a ward's that are made one after the other."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "issued_documents",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("code", sa.String(20), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("ward", sa.String(64), nullable=False),
        sa.Column("since", moment, nullable=False),
        sa.Column("until", moment, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("signatures", sa.JSON(), nullable=False),
        sa.Column("batch", sa.String(32), nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("replaced_by", sa.String(20)),
        sa.Column("ended_by", sa.String(64)),
        sa.Column("ended_at", moment),
        sa.Column("reason", sa.Text()),
        sa.PrimaryKeyConstraint("facility", "code", name="pk_issued_documents"),
    )
    op.create_index("ix_issued_documents_subject", "issued_documents", ["facility", "subject", "kind", "made_at"])
    op.create_index("ix_issued_documents_made", "issued_documents", ["facility", "made_at"])
    op.create_index("ix_issued_documents_batch", "issued_documents", ["facility", "batch"])
    op.create_index("ix_issued_documents_digest", "issued_documents", ["facility", "digest"])
    op.create_table(
        "document_files",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("code", sa.String(20), nullable=False),
        sa.Column("pdf", sa.LargeBinary(), nullable=False),
        sa.Column("until", moment, nullable=False),
        sa.PrimaryKeyConstraint("facility", "code", name="pk_document_files"),
    )
    op.create_index("ix_document_files_until", "document_files", ["facility", "until"])
    op.create_table(
        "document_batches",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("ward", sa.String(64), nullable=False),
        sa.Column("since", moment, nullable=False),
        sa.Column("until", moment, nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failed", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("changed_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("facility", "id", name="pk_document_batches"),
    )
    op.create_index("ix_document_batches_made", "document_batches", ["facility", "made_at"])
