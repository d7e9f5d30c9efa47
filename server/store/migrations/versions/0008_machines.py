"""machines: claims and certificates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "machine_claims",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("machine", sa.String(64), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("used_at", moment, nullable=True),
        sa.Column("key_hash", sa.String(64), nullable=True),
        sa.Column("serial", sa.String(64), nullable=True),
        sa.PrimaryKeyConstraint("facility", "token_hash"),
    )
    op.create_index("ix_machine_claims_machine", "machine_claims", ["facility", "machine"])
    op.create_table(
        "machine_certificates",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("serial", sa.String(64), nullable=False),
        sa.Column("machine", sa.String(64), nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("issued_at", moment, nullable=False),
        sa.Column("not_before", moment, nullable=False),
        sa.Column("not_after", moment, nullable=False),
        sa.Column("renews", sa.String(64), nullable=True),
        sa.Column("replaced_by", sa.String(64), nullable=True),
        sa.Column("replaced_at", moment, nullable=True),
        sa.Column("revoked_at", moment, nullable=True),
        sa.Column("revoked_by", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("facility", "serial"),
        sa.UniqueConstraint("facility", "key_hash"),
        sa.UniqueConstraint("facility", "renews"),
    )
    op.create_index("ix_machine_certificates_machine", "machine_certificates", ["facility", "machine"])
