"""sequence numbers of each cart's records, for gaps."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_AT_ONCE = 500


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "record_sequences",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("cart", sa.String(64), nullable=False),
        sa.Column("epoch", sa.String(64), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("highest", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.BigInteger(), nullable=False),
        sa.Column("missing", sa.JSON(), nullable=False),
        sa.Column("since", moment, nullable=True),
        sa.Column("heard_at", moment, nullable=False),
        sa.Column("replaced_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("facility", "cart", "epoch"),
    )
    op.add_column("attempts", sa.Column("cart_epoch", sa.String(), nullable=False, server_default=""))
    op.add_column("attempts", sa.Column("cart_seq", sa.BigInteger(), nullable=False, server_default="0"))
    _number_attempts()
    for table in ("administrations", "attempts", "observation_records"):
        op.create_index(f"ix_{table}_sequence", table, ["facility", "cart", "cart_epoch", "cart_seq"])


def _number_attempts() -> None:
    """Their numbers stood in their documents alone: without them every attempt of before would be a gap."""
    attempts = sa.table(
        "attempts",
        sa.column("facility", sa.String),
        sa.column("record_id", sa.String),
        sa.column("document", sa.JSON),
        sa.column("cart_epoch", sa.String),
        sa.column("cart_seq", sa.BigInteger),
    )
    bind = op.get_bind()
    key = sa.tuple_(attempts.c.facility, attempts.c.record_id)
    after: tuple[str, str] | None = None
    while True:
        query = sa.select(attempts.c.facility, attempts.c.record_id, attempts.c.document)
        if after is not None:
            query = query.where(key > sa.tuple_(*(sa.literal(each) for each in after)))
        rows = bind.execute(query.order_by(attempts.c.facility, attempts.c.record_id).limit(_AT_ONCE)).fetchall()
        if not rows:
            return
        for facility, record_id, document in rows:
            said = json.loads(document) if isinstance(document, str) else document
            seq, epoch = (said.get("seq"), said.get("epoch")) if isinstance(said, dict) else (None, None)
            if isinstance(seq, int) and isinstance(epoch, str):
                here = (attempts.c.facility == facility) & (attempts.c.record_id == record_id)
                bind.execute(attempts.update().where(here).values(cart_seq=seq, cart_epoch=epoch))
        after = (rows[-1][0], rows[-1][1])
