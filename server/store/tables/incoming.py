"""What other systems sent about patients and orders, each item whole as it came, and how far each feed has read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class IncomingRow(Model):
    """One version of one thing, or one message. `key` is unique within its source: what comes again is known by it. `about` names the
    thing whatever its version, `subject` the patient in the sender's words, `patient` that patient here, once he is known.

    `state` waiting, taken, rejected or set-aside. `payload` holds the bytes as they came; none where they were too many to keep, and
    then `payload_bytes` says how many. `reason` is the code of a text, `field` and `found` what it is about, `parameters` its values.
    `decided_by` and `decided_at` are the person who set it aside or had it tried again, `comment` what they wrote, `accepted` that the
    difference which kept it is right; `became` is what it is here now."""

    __tablename__ = "incoming_items"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(300))
    about: Mapped[str] = mapped_column(String(200))
    subject: Mapped[str] = mapped_column(String(200))
    patient: Mapped[str | None] = mapped_column(String(64))
    payload: Mapped[bytes | None] = mapped_column(LargeBinary)
    payload_bytes: Mapped[int] = mapped_column(Integer)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    repeats: Mapped[int] = mapped_column(Integer, default=0)
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(64))
    field: Mapped[str | None] = mapped_column(String(200))
    found: Mapped[str | None] = mapped_column(Text)
    parameters: Mapped[dict[str, Any] | None] = mapped_column(Document)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime)
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(String)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    comment: Mapped[str | None] = mapped_column(Text)
    accepted: Mapped[bool] = mapped_column(Boolean, default=False)
    became: Mapped[str | None] = mapped_column(String(300))

    __table_args__ = (
        Index("ix_incoming_key", "facility", "source", "key", unique=True),
        Index("ix_incoming_due", "facility", "state", "next_attempt_at", "id"),
        Index("ix_incoming_about", "facility", "source", "about", "id"),
        Index("ix_incoming_subject", "facility", "source", "subject", "state"),
        Index("ix_incoming_patient", "facility", "patient", "kind"),
        Index("ix_incoming_listed", "facility", "state", "source", "id"),
        Index("ix_incoming_settled", "facility", "state", "settled_at"),
    )


class FeedRow(Model):
    """How far `source` has been read in one `part` of it: `mark_at` by the other system's clock, the rest by ours. `fault` is why the
    newest look failed, None when it did not."""

    __tablename__ = "feeds"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    source: Mapped[str] = mapped_column(String(32), primary_key=True)
    part: Mapped[str] = mapped_column(String(64), primary_key=True)
    mark_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    looked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    succeeded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fault: Mapped[str | None] = mapped_column(String(64))
    told: Mapped[str | None] = mapped_column(Text)
