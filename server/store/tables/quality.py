"""What is counted of a ward's days, the doses that nobody charted in time, and the wall screens that are let in.

A day is always counted anew as a whole from the records, so that a row here may be thrown away at any time. Nothing here names a nurse.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class QualityDayRow(Model):
    """One ward's day, or its week (`span` "day" or "week", `day` then its Monday); ward "" is all wards together.

    `cells` maps the name of a count to {"n", "of", "who"}, where `who` holds tokens of people, only to tell whether they are enough;
    `headline` those few that a comparison of wards needs. `basis` "records", or "simulated" for a demonstration: no record stands
    behind it. `counting` is the version of the definitions."""

    __tablename__ = "quality_days"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    ward: Mapped[str] = mapped_column(String(64), primary_key=True)
    span: Mapped[str] = mapped_column(String(8), primary_key=True, default="day", server_default="day")
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    cells: Mapped[dict[str, Any]] = mapped_column(Document)
    headline: Mapped[dict[str, Any]] = mapped_column(Document)
    basis: Mapped[str] = mapped_column(String(16), default="records", server_default="records")
    counting: Mapped[int] = mapped_column(Integer)
    counted_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_quality_days_day", "facility", "span", "day", "ward"),)


class UnfilledDoseRow(Model):
    """A dose whose window ended without a record, in the ward where its patient was then. Append-only: whether it was charted later is
    asked of the records."""

    __tablename__ = "unfilled_doses"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    order: Mapped[str] = mapped_column("order_id", String(64), primary_key=True)
    due: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    ward: Mapped[str] = mapped_column(String(64))
    patient: Mapped[str] = mapped_column(String(64))
    noticed_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_unfilled_doses_due", "facility", "due", "ward"),)


class QualityMarkRow(Model):
    """How far the records were counted, by which definitions."""

    __tablename__ = "quality_marks"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    upto: Mapped[datetime] = mapped_column(UtcDateTime)
    counting: Mapped[int] = mapped_column(Integer)


class WallScreenRow(Model):
    """A screen on a ward's wall. `code` is the digest of what it shows while it waits, None once it came; `token` the digest of what it
    keeps. It is let in until `until`, or until somebody ends it."""

    __tablename__ = "wall_screens"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    ward: Mapped[str] = mapped_column(String(64))
    label: Mapped[str] = mapped_column(String(80), default="")
    language: Mapped[str] = mapped_column(String(8), default="")
    code: Mapped[str | None] = mapped_column(String(64))
    token: Mapped[str | None] = mapped_column(String(64))
    added_by: Mapped[str] = mapped_column(String(64))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    came_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    place: Mapped[str] = mapped_column(String(64), default="")
    until: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(String(64))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_wall_screens_token", "facility", "token", unique=True),
        Index("ix_wall_screens_code", "facility", "code", unique=True),
        Index("ix_wall_screens_ward", "facility", "ward"),
    )
