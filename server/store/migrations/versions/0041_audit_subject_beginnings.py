"""An index by which the audit finds the subjects that begin with something, in a database of any language. Only adds."""

from __future__ import annotations

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_audit_subject_begins", "audit", ["facility", "subject"], postgresql_ops={"subject": "text_pattern_ops"})


def downgrade() -> None:
    op.drop_index("ix_audit_subject_begins", "audit")
