"""Requests for a second person at another cart."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class WitnessRequestRow(Model):
    """One request of a cart, and the one answer that counted. `dose` is what the colleague sees, `digest` what it is about to the letter;
    `heard_at` when the cart said last that it still asks. `witnessed_at` is the answering cart's time, `answered_at` the server's.
    Nothing refers to a patient or a person by foreign key."""

    __tablename__ = "witness_requests"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    request: Mapped[str] = mapped_column(String(64), primary_key=True)
    cart: Mapped[str] = mapped_column(String(64))
    ward: Mapped[str] = mapped_column(String(64))
    nurse: Mapped[str] = mapped_column(String)
    patient: Mapped[str] = mapped_column(String)
    digest: Mapped[str] = mapped_column(String(64))
    dose: Mapped[dict[str, Any]] = mapped_column(Document)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    heard_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(16))
    witness: Mapped[str | None] = mapped_column(String)
    witness_cart: Mapped[str | None] = mapped_column(String(64))
    witnessed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    blind_value: Mapped[str | None] = mapped_column(String)
    reason: Mapped[str | None] = mapped_column(String)
    reason_text: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index("ix_witness_requests_cart", "facility", "cart", "state"),)
