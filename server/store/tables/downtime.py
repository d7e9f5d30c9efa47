"""Rounds sheets on paper whose lines carry a code, and what was entered from them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class DowntimeSheetRow(Model):
    """One print. `used_at` when somebody began to enter from it: a sheet that was never needed asks nothing of anybody."""

    __tablename__ = "downtime_sheets"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    sheet: Mapped[str] = mapped_column(String(16), primary_key=True)
    ward: Mapped[str] = mapped_column(String(64))
    printed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    printed_by: Mapped[str] = mapped_column(String(64))
    valid_until: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_by: Mapped[str | None] = mapped_column(String(64))
    words: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index("ix_downtime_sheets_ward", "facility", "ward", "printed_at"),)


class DowntimeLineRow(Model):
    """One line. `printed` is what stands on the paper, word for word. `nothing_at`: somebody said that nothing was done on it. Nothing
    refers to a patient or an order by foreign key: paper outlives both."""

    __tablename__ = "downtime_lines"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    sheet: Mapped[str] = mapped_column(String(16), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    patient: Mapped[str] = mapped_column(String)
    order: Mapped[str] = mapped_column("order_id", String)
    order_version: Mapped[int] = mapped_column(Integer)
    due: Mapped[datetime | None] = mapped_column(UtcDateTime)
    printed: Mapped[dict[str, Any]] = mapped_column(Document)
    nothing_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    nothing_by: Mapped[str | None] = mapped_column(String(64))
    nothing_why: Mapped[str | None] = mapped_column(Text)


class DowntimeEntryRow(Model):
    """A record that was entered from a line. A line of a dose as needed may have several."""

    __tablename__ = "downtime_entries"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    record_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    sheet: Mapped[str] = mapped_column(String(16))
    number: Mapped[int] = mapped_column(Integer)
    entered_by: Mapped[str] = mapped_column(String(64))
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_downtime_entries_line", "facility", "sheet", "number"),)
