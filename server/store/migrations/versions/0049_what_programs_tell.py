"""What each running program tells of itself, so that the pages know of gateway and dispatcher in another process. Only adds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None
change = "expand"


def upgrade() -> None:
    op.add_column("server_programs", sa.Column("facility", sa.String(64), nullable=True))
    op.add_column("server_programs", sa.Column("told", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("server_programs") as table:
        table.drop_column("told")
        table.drop_column("facility")
