"""admission, newborns, merge of records, photo, transcription, who has seen a dose that was not given."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_AT_ONCE = 500


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "patient_identities",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("patient", sa.String(64), nullable=False),
        sa.Column("national_id", sa.String(12), nullable=True),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("is_temporary", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("mother", sa.String(64), nullable=True),
        sa.Column("birth_order", sa.Integer(), nullable=True),
        sa.Column("born_at", moment, nullable=True),
        sa.Column("merged_into", sa.String(64), nullable=True),
        sa.Column("admitted_by", sa.String(64), nullable=False),
        sa.Column("admitted_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("facility", "patient"),
        sa.ForeignKeyConstraint(["facility", "patient"], ["patients.facility", "patients.id"]),
    )
    op.create_index("ix_patient_identities_national", "patient_identities", ["facility", "national_id"])
    op.create_index("ix_patient_identities_mother", "patient_identities", ["facility", "mother"])
    op.create_index("ix_patient_identities_merged", "patient_identities", ["facility", "merged_into"])
    op.create_table(
        "patient_photos",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("patient", sa.String(64), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("facility", "patient"),
        sa.ForeignKeyConstraint(["facility", "patient"], ["patients.facility", "patients.id"]),
    )
    op.create_table(
        "patient_merges",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("kept", sa.String(64), nullable=False),
        sa.Column("gone", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.Column("undone_by", sa.String(64), nullable=True),
        sa.Column("undone_at", moment, nullable=True),
        sa.Column("undo_reason", sa.Text(), nullable=True),
    )
    op.create_index("ix_patient_merges_kept", "patient_merges", ["facility", "kept"])
    op.create_index("ix_patient_merges_gone", "patient_merges", ["facility", "gone"])
    op.create_table(
        "drawn_numbers",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("facility", "name"),
    )
    op.create_table(
        "transcriptions",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("way", sa.String(16), nullable=False),
        sa.Column("ordered_by", sa.String(64), nullable=False),
        sa.Column("ordered_at", moment, nullable=False),
        sa.Column("read_back", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=True),
        sa.Column("checked_by", sa.String(64), nullable=True),
        sa.Column("checked_at", moment, nullable=True),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("facility", "order_id"),
        sa.ForeignKeyConstraint(["facility", "order_id"], ["orders.facility", "orders.id"]),
    )
    op.create_index("ix_transcriptions_open", "transcriptions", ["facility", "outcome", "at"])
    op.create_table(
        "doses_seen",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("staff", sa.String(64), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("facility", "record_id", "staff"),
    )
    op.add_column("orders", sa.Column("prescriber", sa.String(64), nullable=True))
    _name_prescribers()
    op.create_index("ix_orders_prescriber", "orders", ["facility", "prescriber", "status"])
    op.create_index("ix_administrations_not_given", "administrations", ["facility", "status", "effective_at"])


def _name_prescribers() -> None:
    """They stood in the orders' documents alone."""
    orders = sa.table("orders", *(sa.column(name, sa.String) for name in ("facility", "id", "prescriber")), sa.column("version", sa.Integer))
    versions = sa.table(
        "order_versions", *(sa.column(name, sa.String) for name in ("facility", "order_id", "document")), sa.column("version", sa.Integer)
    )
    bind = op.get_bind()
    key = sa.tuple_(orders.c.facility, orders.c.id)
    newest = (versions.c.facility == orders.c.facility) & (versions.c.order_id == orders.c.id) & (versions.c.version == orders.c.version)
    after: tuple[str, str] | None = None
    while True:
        query = sa.select(orders.c.facility, orders.c.id, versions.c.document).join(versions, newest)
        if after is not None:
            query = query.where(key > sa.tuple_(*(sa.literal(each) for each in after)))
        rows = bind.execute(query.order_by(orders.c.facility, orders.c.id).limit(_AT_ONCE)).fetchall()
        if not rows:
            return
        for facility, order, document in rows:
            prescriber = json.loads(document).get("prescriber")
            if isinstance(prescriber, str):
                here = (orders.c.facility == facility) & (orders.c.id == order)
                bind.execute(orders.update().where(here).values(prescriber=prescriber[:64]))
        after = (rows[-1][0], rows[-1][1])
