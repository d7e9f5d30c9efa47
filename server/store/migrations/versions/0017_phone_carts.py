"""Phones as carts: claims and pairings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "phone_claims",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("cart", sa.String(64), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("used_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("facility", "token_hash"),
    )
    op.create_index("ix_phone_claims_cart", "phone_claims", ["facility", "cart"])
    op.create_table(
        "phone_pairings",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("cart", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("cookie_hash", sa.String(64), nullable=False),
        sa.Column("claimed_by", sa.String(), nullable=False),
        sa.Column("paired_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("browser", sa.String(200), nullable=False),
        sa.Column("place", sa.String(64), nullable=False),
        sa.Column("seen_at", moment, nullable=True),
        sa.Column("ended_at", moment, nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("facility", "cart", "number"),
        sa.UniqueConstraint("facility", "cookie_hash"),
    )
    op.create_index("ix_phone_pairings_ended", "phone_pairings", ["facility", "ended_at"])
