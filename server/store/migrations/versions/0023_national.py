"""Insurance cards, stays as claims know them, and the lines of the hospital's drug catalogue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "insurance_cards",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("patient", sa.String(64), nullable=False),
        sa.Column("number", sa.String(15), nullable=False),
        sa.Column("form", sa.String(16), nullable=False),
        sa.Column("insurance", sa.String(10), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("first_facility", sa.String(5), nullable=True),
        sa.Column("way", sa.String(16), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("ended_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["facility", "patient"], ["patients.facility", "patients.id"], name="fk_insurance_cards_facility_patients"),
    )
    op.create_index("ix_insurance_cards_patient", "insurance_cards", ["facility", "patient"])
    op.create_index("ix_insurance_cards_number", "insurance_cards", ["facility", "number"])
    op.create_index("ix_insurance_cards_insurance", "insurance_cards", ["facility", "insurance"])
    op.create_table(
        "stays",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("patient", sa.String(64), nullable=False),
        sa.Column("admitted_at", moment, nullable=True),
        sa.Column("left_at", moment, nullable=True),
        sa.Column("claim", sa.String(100), nullable=True),
        sa.Column("kind", sa.String(2), nullable=True),
        sa.Column("prescription", sa.String(14), nullable=True),
        sa.Column("ended", sa.String(16), nullable=True),
        sa.Column("changed_by", sa.String(64), nullable=False),
        sa.Column("changed_at", moment, nullable=False),
        sa.ForeignKeyConstraint(["facility", "patient"], ["patients.facility", "patients.id"], name="fk_stays_facility_patients"),
    )
    op.create_index("ix_stays_patient", "stays", ["facility", "patient", "left_at"])
    op.create_index("ix_stays_claim", "stays", ["facility", "claim"], unique=True)
    op.create_table(
        "catalogue_lines",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("medicine", sa.String(255), nullable=False),
        sa.Column("registration", sa.String(64), nullable=False),
        sa.Column("name", sa.String(1024), nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column("cells", sa.JSON(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("product", sa.String(64), nullable=True),
        sa.Column("unclear", sa.String(32), nullable=True),
        sa.Column("changed_by", sa.String(64), nullable=False),
        sa.Column("changed_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("facility", "id"),
    )
    op.create_index("ix_catalogue_lines_name", "catalogue_lines", ["facility", "name", "id"])
    op.create_index("ix_catalogue_lines_product", "catalogue_lines", ["facility", "product"])
    # Whoever is here has a stay, of which nobody knows any more when it began.
    op.execute(
        "INSERT INTO stays (facility, patient, changed_by, changed_at) "
        "SELECT facility, id, 'migration', updated_at FROM patients WHERE status = 'admitted'"
    )
