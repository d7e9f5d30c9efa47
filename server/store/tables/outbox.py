"""The outbox: what the EMR must get. One row a record, written in the same transaction as the record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class OutboxRow(Model):
    """`state` pending, sent or parked. `ordering_key` names the chain of a record and its corrections: they go in order of `id`, but
    nothing before what it goes on with.

    `record` is what the payload is made of; `payload` is built, validated and stored once, and every resend sends these bytes.
    `claimed_until` keeps a second worker away; `told_at` says that the cart was told of the outcome.
    `looked_at` says that the EMR was asked after it was sent, `lost` how often it was not there then."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(32))
    record_id: Mapped[str] = mapped_column(String)
    cart: Mapped[str] = mapped_column(String, default="")
    ordering_key: Mapped[str] = mapped_column(String)
    record: Mapped[dict[str, Any]] = mapped_column(Document)
    payload: Mapped[bytes | None] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(16), default="pending")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime)
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(Text)
    last_error_code: Mapped[str | None] = mapped_column(String(64))
    emr_id: Mapped[str | None] = mapped_column(String)
    emr_version: Mapped[str | None] = mapped_column(String)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    looked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lost: Mapped[int] = mapped_column(Integer, default=0, server_default="0")

    __table_args__ = (
        Index("ix_outbox_record", "facility", "kind", "record_id", unique=True),
        Index("ix_outbox_due", "facility", "state", "next_attempt_at"),
        Index("ix_outbox_chain", "facility", "ordering_key", "id"),
        Index("ix_outbox_told", "facility", "told_at", "settled_at"),
        Index("ix_outbox_looked", "facility", "state", "looked_at", "settled_at"),
    )
