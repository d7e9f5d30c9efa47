"""Who was trained and assessed in what. Appended, never changed: a correction names what it replaces."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import UtcDateTime
from server.store.database import Model


class CompetenceRow(Model):
    """`form` is drawn with the page, so that a double tap is one row. `result`: passed, not-passed, or withdrawn (entered in error).
    `valid_until` None: for good. `assessor` is a person here or a name from outside; `replaces` the row that this one corrects."""

    __tablename__ = "competence_records"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    form: Mapped[str] = mapped_column(String(64))
    staff: Mapped[str] = mapped_column(String)
    competence: Mapped[str] = mapped_column(String(32))
    result: Mapped[str] = mapped_column(String(16))
    held_on: Mapped[date] = mapped_column(Date)
    valid_until: Mapped[date | None] = mapped_column(Date)
    assessor: Mapped[str] = mapped_column(String)
    note: Mapped[str] = mapped_column(Text)
    replaces: Mapped[int | None] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(64))

    __table_args__ = (
        Index("uq_competence_records_form", "facility", "form", unique=True),
        Index("uq_competence_records_replaces", "facility", "replaces", unique=True),
        Index("ix_competence_records_staff", "facility", "staff", "competence"),
    )


class CompetenceSettingRow(Model):
    """`at_cart`: warn or off. No row: warn, once anything is recorded at all."""

    __tablename__ = "competence_settings"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    at_cart: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(64))
