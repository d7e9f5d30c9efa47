"""What each verdict at a bedside was a function of. Append-only, like the record that it belongs to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import UtcDateTime
from server.store.database import Model


class VerdictFactsRow(Model):
    """`kind` is administration or attempt, `record_id` that row's id, `at` the moment of the verdict. `facts` is the text of
    `pointofcare.wire.snapshot`, None from a cart that sent none or where the time to keep them is over."""

    __tablename__ = "verdict_facts"

    facility: Mapped[str] = mapped_column(String, primary_key=True)
    kind: Mapped[str] = mapped_column(String, primary_key=True)
    record_id: Mapped[str] = mapped_column(String, primary_key=True)
    ward: Mapped[str] = mapped_column(String)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    engine: Mapped[str] = mapped_column(String)
    policy: Mapped[str] = mapped_column(String)
    level: Mapped[str] = mapped_column(String)
    facts: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index("ix_verdict_facts_at", "facility", "at", "kind", "record_id"),)
