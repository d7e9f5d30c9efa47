"""Orders, their versions (append-only) and the pharmacist's questions about them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import UtcDateTime
from server.store.database import Model


class OrderRow(Model):
    """Where an order stands. `version` points at its newest version, `status` repeats that version's; `verification` is
    pending, verified, queried or rejected and belongs to `verification_version` only: a newer content is pending again.
    `source` "emr" marks an imported order, `clarification` says why one cannot be given by scan until someone clarifies it."""

    __tablename__ = "orders"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    patient: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(Integer)
    status: Mapped[str | None] = mapped_column(String(16))
    verification: Mapped[str] = mapped_column(String(16), default="pending")
    verification_version: Mapped[int] = mapped_column(Integer, default=0)
    verification_by: Mapped[str | None] = mapped_column(String(64))
    verification_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    verification_comment: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(String(16), default="local")
    emr_id: Mapped[str | None] = mapped_column(String(128))
    clarification: Mapped[str | None] = mapped_column(Text)
    placed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # As the newest version's document says, for "my patients".
    prescriber: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (
        Index("ix_orders_prescriber", "facility", "prescriber", "status"),
        ForeignKeyConstraint(["facility", "patient"], ["patients.facility", "patients.id"]),
        Index("ix_orders_patient", "facility", "patient", "status"),
        Index("ix_orders_emr", "facility", "source", "emr_id"),
        Index("ix_orders_verification", "facility", "verification", "placed_at"),
        Index("ix_orders_updated", "facility", "updated_at", "id"),
        Index("ix_orders_status", "facility", "status", "updated_at", "id"),
    )


class OrderVersionRow(Model):
    """One version of an order, never changed. `document` is the whole order as canonical JSON, but for its verification."""

    __tablename__ = "order_versions"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    order: Mapped[str] = mapped_column("order_id", String(64), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    document: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (ForeignKeyConstraint(["facility", "order_id"], ["orders.facility", "orders.id"]),)


class OrderQuestionRow(Model):
    """A question to the prescriber, with its answer."""

    __tablename__ = "order_questions"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    order: Mapped[str] = mapped_column("order_id", String(64))
    version: Mapped[int] = mapped_column(Integer)
    text: Mapped[str] = mapped_column(Text)
    asked_by: Mapped[str] = mapped_column(String(64))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answer: Mapped[str | None] = mapped_column(Text)
    answered_by: Mapped[str | None] = mapped_column(String(64))
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        ForeignKeyConstraint(["facility", "order_id"], ["orders.facility", "orders.id"]),
        Index("ix_order_questions_order", "facility", "order_id"),
    )
