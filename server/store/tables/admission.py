"""What a ward that admits patients by itself keeps of them: who says who they are, mother and child, photo, and merged records.

A merge keeps both rows of `patients`; `moved` says what was moved, so that it can be moved back.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class PatientIdentityRow(Model):
    """`method`: id-card, document, told, relative, none. `is_temporary`: nobody knows yet who it is. `mother` is a patient's id, of a
    newborn whose place among several is `birth_order`. `merged_into` names the record that this one became part of."""

    __tablename__ = "patient_identities"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    patient: Mapped[str] = mapped_column(String(64), primary_key=True)
    national_id: Mapped[str | None] = mapped_column(String(12))
    method: Mapped[str] = mapped_column(String(16))
    is_temporary: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str] = mapped_column(Text, default="")
    mother: Mapped[str | None] = mapped_column(String(64))
    birth_order: Mapped[int | None] = mapped_column(Integer)
    born_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    merged_into: Mapped[str | None] = mapped_column(String(64))
    admitted_by: Mapped[str] = mapped_column(String(64))
    admitted_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        ForeignKeyConstraint(["facility", "patient"], ["patients.facility", "patients.id"]),
        Index("ix_patient_identities_national", "facility", "national_id"),
        Index("ix_patient_identities_mother", "facility", "mother"),
        Index("ix_patient_identities_merged", "facility", "merged_into"),
    )


class PatientPhotoRow(Model):
    """The newest photo, as the server made it anew (JPEG); `digest` names it in addresses."""

    __tablename__ = "patient_photos"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    patient: Mapped[str] = mapped_column(String(64), primary_key=True)
    picture: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[str] = mapped_column(String(64))
    by: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (ForeignKeyConstraint(["facility", "patient"], ["patients.facility", "patients.id"]),)


class PatientMergeRow(Model):
    """`kept` is the record that goes on, `gone` the one that became part of it."""

    __tablename__ = "patient_merges"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    kept: Mapped[str] = mapped_column(String(64))
    gone: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    moved: Mapped[dict[str, Any]] = mapped_column(Document)
    undone_by: Mapped[str | None] = mapped_column(String(64))
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    undo_reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_patient_merges_kept", "facility", "kept"),
        Index("ix_patient_merges_gone", "facility", "gone"),
    )


class DrawnNumberRow(Model):
    """The last number that was drawn of a name (patient numbers of a year, wristbands): none is drawn twice."""

    __tablename__ = "drawn_numbers"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)


class TranscriptionRow(Model):
    """An order that somebody else wrote on paper or said. `way`: paper, verbal, phone. `outcome` None: no second person has looked;
    right, wrong."""

    __tablename__ = "transcriptions"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    order: Mapped[str] = mapped_column("order_id", String(64), primary_key=True)
    way: Mapped[str] = mapped_column(String(16))
    ordered_by: Mapped[str] = mapped_column(String(64))
    ordered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    read_back: Mapped[bool] = mapped_column()
    by: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    outcome: Mapped[str | None] = mapped_column(String(16))
    checked_by: Mapped[str | None] = mapped_column(String(64))
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    comment: Mapped[str] = mapped_column(Text, default="")

    __table_args__ = (
        ForeignKeyConstraint(["facility", "order_id"], ["orders.facility", "orders.id"]),
        Index("ix_transcriptions_open", "facility", "outcome", "at"),
    )


class DoseSeenRow(Model):
    """A person has seen that a dose was refused, held or not given. Append-only."""

    __tablename__ = "doses_seen"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    record_id: Mapped[str] = mapped_column(String, primary_key=True)
    staff: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
