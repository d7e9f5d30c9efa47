"""Bags, opened containers, bedside measurements, pumps; what later acts need of an administration."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_LATER = ("bag", "continues", "rate", "site", "prn_reason", "effect")


def upgrade() -> None:
    with op.batch_alter_table("administrations", schema=None) as batch_op:
        for name in _LATER:
            batch_op.add_column(sa.Column(name, sa.String(), nullable=True))
        batch_op.create_index("ix_administrations_bag", ["facility", "bag"], unique=False)
    _fill()
    with op.batch_alter_table("observations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("record_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("cart", sa.String(), nullable=True))
    op.create_table(
        "bags",
        sa.Column("facility", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("order_version", sa.BigInteger(), nullable=False),
        sa.Column("patient", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("printed", sa.JSON(), nullable=False),
        sa.Column("contents", sa.JSON(), nullable=False),
        sa.Column("use_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rate", sa.String(), nullable=True),
        sa.Column("record_id", sa.String(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("prepared_by", sa.String(length=64), nullable=False),
        sa.Column("prepared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("discarded_by", sa.String(length=64), nullable=True),
        sa.Column("discarded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("facility", "id", name=op.f("pk_bags")),
    )
    with op.batch_alter_table("bags", schema=None) as batch_op:
        batch_op.create_index("ix_bags_order", ["facility", "order_id"], unique=False)
        batch_op.create_index("ix_bags_patient", ["facility", "patient", "state"], unique=False)
        batch_op.create_index("ix_bags_state", ["facility", "state", "changed_at"], unique=False)
    op.create_table(
        "container_uses",
        sa.Column("facility", sa.String(), nullable=False),
        sa.Column("gtin", sa.String(), nullable=False),
        sa.Column("serial", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ward", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("facility", "gtin", "serial", "record_id", name=op.f("pk_container_uses")),
    )
    with op.batch_alter_table("container_uses", schema=None) as batch_op:
        batch_op.create_index("ix_container_uses_record", ["facility", "record_id"], unique=False)
    op.create_table(
        "opened_containers",
        sa.Column("facility", sa.String(), nullable=False),
        sa.Column("gtin", sa.String(), nullable=False),
        sa.Column("serial", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("ward", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("facility", "gtin", "serial", name=op.f("pk_opened_containers")),
    )
    with op.batch_alter_table("opened_containers", schema=None) as batch_op:
        batch_op.create_index("ix_opened_containers_opened", ["facility", "opened_at"], unique=False)
        batch_op.create_index("ix_opened_containers_record", ["facility", "record_id"], unique=False)
    op.create_table(
        "observation_records",
        sa.Column("facility", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("ward", sa.String(), nullable=False),
        sa.Column("cart", sa.String(), nullable=False),
        sa.Column("cart_epoch", sa.String(), nullable=False),
        sa.Column("cart_seq", sa.BigInteger(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("nurse", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("doubt", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("facility", "record_id", name=op.f("pk_observation_records")),
    )
    with op.batch_alter_table("observation_records", schema=None) as batch_op:
        batch_op.create_index("ix_observation_records_patient", ["facility", "patient", "at"], unique=False)
    op.create_table(
        "pump_readings",
        sa.Column("facility", sa.String(length=64), nullable=False),
        sa.Column("pump", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bag", sa.String(length=64), nullable=True),
        sa.Column("patient", sa.String(length=64), nullable=True),
        sa.Column("associated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("drug", sa.String(length=200), nullable=True),
        sa.Column("rate", sa.String(length=64), nullable=True),
        sa.Column("concentration", sa.String(length=64), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("facility", "pump", "channel", name=op.f("pk_pump_readings")),
    )
    with op.batch_alter_table("pump_readings", schema=None) as batch_op:
        batch_op.create_index("ix_pump_readings_patient", ["facility", "patient"], unique=False)


def _fill() -> None:
    """Older records hold the site and the PRN reason in their document alone; the other columns are of acts younger than them."""
    table = sa.table(
        "administrations",
        sa.column("site", sa.String()),
        sa.column("prn_reason", sa.String()),
        sa.column("document", sa.JSON()),
    )
    op.execute(table.update().values(site=table.c.document["site"].as_string(), prn_reason=table.c.document["prn_reason"].as_string()))
