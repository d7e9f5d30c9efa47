"""Carts as things that are bought and cared for, and what their list is sorted and chosen by in columns of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_OPEN = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.add_column("carts", sa.Column("app_version", sa.String(64), nullable=False, server_default=""))
    op.add_column("carts", sa.Column("mcu_version", sa.String(64), nullable=False, server_default=""))
    op.add_column("carts", sa.Column("health_percent", sa.Float(), nullable=True))
    op.add_column("carts", sa.Column("battery_cycles", sa.BigInteger(), nullable=True))
    op.add_column("carts", sa.Column("battery_cel", sa.Float(), nullable=True))
    op.add_column("carts", sa.Column("revision", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("ix_carts_revision", "carts", ["facility", "revision"])
    op.create_index("ix_machine_certificates_ends", "machine_certificates", ["facility", "not_after"])
    op.create_table(
        "cart_assets",
        sa.Column("facility", sa.String(64), primary_key=True),
        sa.Column("cart", sa.String(64), primary_key=True),
        sa.Column("tag", sa.String(64), nullable=False),
        sa.Column("serial", sa.String(64), nullable=False),
        sa.Column("model", sa.String(120), nullable=False),
        sa.Column("purchased_on", sa.Date(), nullable=True),
        sa.Column("warranty_until", sa.Date(), nullable=True),
        sa.Column("ward_home", sa.String(64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
    )
    op.create_index("ix_cart_assets_tag", "cart_assets", ["facility", "tag"])
    op.create_table(
        "cart_care",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("cart", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("every_days", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("follows", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(16), nullable=True),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_note", sa.Text(), nullable=False),
        sa.UniqueConstraint("follows", name="uq_cart_care_follows"),
    )
    op.create_index("ix_cart_care_open", "cart_care", ["facility", "due_on"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("ix_cart_care_cart", "cart_care", ["facility", "cart", "due_on"])
