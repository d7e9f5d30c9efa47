"""Labels that the hospital prints for single units, the batches that they were made in, and what was sent to a printer.

A serial is never used again and no row is deleted: a label that was withdrawn must stay known as withdrawn. Nothing here refers to a
patient or a product by foreign key: what is on paper is on paper.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class LabelBatchRow(Model):
    """Labels that were made together. `kind` stock (one product, for nobody in particular) or round (a ward's next doses). `ward` ""
    is the whole hospital. `stock` is the label's size."""

    __tablename__ = "label_batches"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    ward: Mapped[str] = mapped_column(String(64), default="")
    title: Mapped[str] = mapped_column(String(300))
    stock: Mapped[str] = mapped_column(String(64))
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_label_batches_made", "facility", "made_at"),)


class UnitLabelRow(Model):
    """One label. `place` counts within its batch from 1. `state` made (never handed to a printer), printed or void. `words` is what
    stands on it beside the symbol. `until` is how long the carts must know it. `replaced_by` is the serial that came in its place."""

    __tablename__ = "unit_labels"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    serial: Mapped[str] = mapped_column(String(20), primary_key=True)
    batch: Mapped[str] = mapped_column(String(32))
    place: Mapped[int] = mapped_column(Integer)
    ward: Mapped[str] = mapped_column(String(64), default="")
    product: Mapped[str] = mapped_column(String(64))
    gtin: Mapped[str] = mapped_column(String(14))
    lot: Mapped[str] = mapped_column(String(20))
    expiry: Mapped[date] = mapped_column(Date)
    patient: Mapped[str | None] = mapped_column(String(64))
    words: Mapped[dict[str, Any]] = mapped_column(Document)
    state: Mapped[str] = mapped_column(String(16), default="made")
    until: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    void_by: Mapped[str | None] = mapped_column(String(64))
    void_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str | None] = mapped_column(Text)
    replaced_by: Mapped[str | None] = mapped_column(String(20))

    __table_args__ = (
        Index("ix_unit_labels_batch", "facility", "batch", "place"),
        Index("ix_unit_labels_ward", "facility", "ward", "until"),
    )


class PrintJobRow(Model):
    """What was given to one printer. `state` sending, done, refused (nothing was sent) or unknown: some of it may be on paper. It is
    written before the first byte leaves. `items` are the labels by their ids, `sent` how many were handed over."""

    __tablename__ = "print_jobs"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(100))
    printer: Mapped[str] = mapped_column(String(64))
    items: Mapped[list[str]] = mapped_column(Document)
    sent: Mapped[int] = mapped_column(Integer, default=0)
    state: Mapped[str] = mapped_column(String(16))
    faults: Mapped[str] = mapped_column(String(200), default="")
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_print_jobs_subject", "facility", "subject", "made_at"),
        Index("ix_print_jobs_printer", "facility", "printer", "state"),
    )
