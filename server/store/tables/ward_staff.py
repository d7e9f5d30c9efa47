"""Who belongs to which ward, and who looked at a patient outside the own wards in an emergency. Rows are ended, not deleted, but for the
wards that an administrator takes away, which the audit holds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import UtcDateTime
from server.store.database import Model


class StaffWardRow(Model):
    """`kind`: "home" (an administrator or an import said so), "shift" (a charge nurse added the person), "self" (the person took the ward
    on, with `reason`), "cart" (a cart of the ward told that the person signed in there). `role` None: every role of the person counts
    in this ward; else only that one. `valid_to` None: for good."""

    __tablename__ = "staff_wards"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    staff: Mapped[str] = mapped_column(String(64))
    ward: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    role: Mapped[str | None] = mapped_column(String(80))
    valid_from: Mapped[datetime] = mapped_column(UtcDateTime)
    valid_to: Mapped[datetime | None] = mapped_column(UtcDateTime)
    added_by: Mapped[str] = mapped_column(String(64))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Text, default="", server_default="")

    __table_args__ = (
        Index("ix_staff_wards_staff", "facility", "staff"),
        Index("ix_staff_wards_ward", "facility", "ward", "valid_to"),
    )


class EmergencyAccessRow(Model):
    """One person's access to one patient. `ward` is where the patient was then. `judged` None: nobody has reviewed it yet; it must be
    reviewed by `review_by`."""

    __tablename__ = "emergency_access"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    staff: Mapped[str] = mapped_column(String(64))
    patient: Mapped[str] = mapped_column(String(64))
    ward: Mapped[str] = mapped_column(String(64), default="", server_default="")
    code: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    place: Mapped[str] = mapped_column(String, default="", server_default="")
    review_by: Mapped[datetime] = mapped_column(UtcDateTime)
    judged: Mapped[str | None] = mapped_column(String(16))
    judged_by: Mapped[str | None] = mapped_column(String(64))
    judged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    comment: Mapped[str] = mapped_column(Text, default="", server_default="")

    __table_args__ = (
        Index("ix_emergency_access_staff", "facility", "staff", "until"),
        Index("ix_emergency_access_open", "facility", "judged", "review_by"),
    )
