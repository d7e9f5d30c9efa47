"""Programs that read over FHIR, their exports, and indexes in whose order records are handed out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "fhir_clients",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("keys", sa.JSON(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("wards", sa.JSON(), nullable=True),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("seen_at", moment, nullable=True),
        sa.Column("revoked_by", sa.String(64), nullable=True),
        sa.Column("revoked_at", moment, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("facility", "id"),
    )
    op.create_table(
        "fhir_assertions",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("jti", sa.String(64), nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("facility", "client", "jti"),
    )
    op.create_index("ix_fhir_assertions_expires", "fhir_assertions", ["facility", "expires_at"])
    op.create_table(
        "fhir_exports",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("begun_at", moment, nullable=True),
        sa.Column("claimed_until", moment, nullable=True),
        sa.Column("done_at", moment, nullable=True),
        sa.Column("expires_at", moment, nullable=True),
        sa.Column("progress", sa.String(200), nullable=False),
        sa.Column("place", sa.JSON(), nullable=True),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("facility", "id"),
    )
    op.create_index("ix_fhir_exports_state", "fhir_exports", ["facility", "state", "made_at"])
    op.create_index("ix_fhir_exports_client", "fhir_exports", ["facility", "client", "made_at"])
    op.create_index("ix_administrations_effective", "administrations", ["facility", "effective_at", "record_id"])
    op.create_index("ix_administrations_order", "administrations", ["facility", "order_id"])
    op.create_index("ix_orders_updated", "orders", ["facility", "updated_at", "id"])
    op.create_index("ix_orders_status", "orders", ["facility", "status", "updated_at", "id"])
    op.create_index("ix_patients_updated", "patients", ["facility", "updated_at", "id"])
