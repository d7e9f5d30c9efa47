"""What was said or done at a bedside and is neither a dose nor a value: drugs shown to a patient, handovers, steps of an emergency."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class BedsideNoteRow(Model):
    """One note as it came from a cart; `document` is all of it. Append-only. `of` names the note that it belongs to, `patient` None: it
    is about the ward. Nothing refers to a patient or a person by foreign key: a note that names something unknown is kept."""

    __tablename__ = "bedside_notes"

    facility: Mapped[str] = mapped_column(String, primary_key=True)
    record_id: Mapped[str] = mapped_column(String, primary_key=True)
    ward: Mapped[str] = mapped_column(String, default="")
    cart: Mapped[str] = mapped_column(String)
    cart_epoch: Mapped[str] = mapped_column(String, default="")
    cart_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    kind: Mapped[str] = mapped_column(String)
    patient: Mapped[str | None] = mapped_column(String)
    of: Mapped[str | None] = mapped_column("of_record", String)
    nurse: Mapped[str] = mapped_column(String)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    document: Mapped[dict[str, Any]] = mapped_column(Document)

    __table_args__ = (
        Index("ix_bedside_notes_patient", "facility", "patient", "at"),
        Index("ix_bedside_notes_ward", "facility", "ward", "kind", "at"),
        Index("ix_bedside_notes_of", "facility", "of_record"),
        Index("ix_bedside_notes_sequence", "facility", "cart", "cart_epoch", "cart_seq"),
    )
