"""What Vietnamese rules add: insurance cards, stays as claims know them, and the lines of the hospital's drug catalogue."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKeyConstraint, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class InsuranceCardRow(Model):
    """A card as somebody saw it, never changed: another card, or other dates, is another row, and `ended_at` says when this one ceased to
    count here. `form`: card, number, national-id. `insurance` are the ten digits, None for an identity card."""

    __tablename__ = "insurance_cards"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    patient: Mapped[str] = mapped_column(String(64))
    number: Mapped[str] = mapped_column(String(15))
    form: Mapped[str] = mapped_column(String(16))
    insurance: Mapped[str | None] = mapped_column(String(10))
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    first_facility: Mapped[str | None] = mapped_column(String(5))
    way: Mapped[str] = mapped_column(String(16))
    by: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        ForeignKeyConstraint(["facility", "patient"], ["patients.facility", "patients.id"]),
        Index("ix_insurance_cards_patient", "facility", "patient"),
        Index("ix_insurance_cards_number", "facility", "number"),
        Index("ix_insurance_cards_insurance", "facility", "insurance"),
    )


class StayRow(Model):
    """One stay (đợt điều trị). `claim` is the link of its claim (MA_LK), `kind` the code of the kind of stay, `prescription` the national
    code of the prescription at discharge. `admitted_at` None: from before this program knew of stays."""

    __tablename__ = "stays"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    patient: Mapped[str] = mapped_column(String(64))
    admitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    claim: Mapped[str | None] = mapped_column(String(100))
    kind: Mapped[str | None] = mapped_column(String(2))
    prescription: Mapped[str | None] = mapped_column(String(14))
    ended: Mapped[str | None] = mapped_column(String(16))
    changed_by: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        ForeignKeyConstraint(["facility", "patient"], ["patients.facility", "patients.id"]),
        Index("ix_stays_patient", "facility", "patient", "left_at"),
        Index("ix_stays_claim", "facility", "claim", unique=True),
    )


class CatalogueLineRow(Model):
    """A line of the hospital's drug catalogue (Mẫu 03/DM). `id` is made of what tells lines apart, `cells` is every cell as text. `product`
    is the formulary's product that it is; None: nobody has said yet."""

    __tablename__ = "catalogue_lines"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    medicine: Mapped[str] = mapped_column(String(255))
    registration: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(1024))
    search: Mapped[str] = mapped_column(Text)
    cells: Mapped[dict[str, Any]] = mapped_column(Document)
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    product: Mapped[str | None] = mapped_column(String(64))
    unclear: Mapped[str | None] = mapped_column(String(32))
    changed_by: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_catalogue_lines_name", "facility", "name", "id"),
        Index("ix_catalogue_lines_product", "facility", "product"),
    )
