"""What happened at the bedside: administrations and stopped attempts (both append-only), and what people must look at.

An administration is a fact: nothing here refers to a patient, an order or a person by foreign key, so that a record which names
something unknown is stored all the same; and no column has a length that a record could break.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, Integer, String, Text, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class AdministrationRow(Model):
    """`document` is the whole record as the cart sent it; the columns beside it are those that are searched or listed.

    `level` is what the cart's engine said, `server_level` and `server_order` what the server's own facts say,
    `server_verdict` that answer in full. `overridden`: a reason or a witness answered a finding. `facts` is what the verdict was a
    function of (the text of `pointofcare.wire.snapshot`): None from a cart that sent none, or where the time to keep them is over; it
    is read only where it is asked for."""

    __tablename__ = "administrations"

    facility: Mapped[str] = mapped_column(String, primary_key=True)
    record_id: Mapped[str] = mapped_column(String, primary_key=True)
    ward: Mapped[str] = mapped_column(String)
    cart: Mapped[str] = mapped_column(String)
    cart_epoch: Mapped[str] = mapped_column(String, default="")
    cart_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    patient: Mapped[str] = mapped_column(String)
    mrn: Mapped[str] = mapped_column(String, default="")
    order: Mapped[str | None] = mapped_column("order_id", String)
    order_version: Mapped[int | None] = mapped_column(BigInteger)
    due: Mapped[datetime | None] = mapped_column(UtcDateTime)
    action: Mapped[str] = mapped_column(String)
    status: Mapped[str] = mapped_column(String)
    status_reason: Mapped[str | None] = mapped_column(String)
    product: Mapped[str | None] = mapped_column(String)
    product_name: Mapped[str | None] = mapped_column(String)
    dose: Mapped[str | None] = mapped_column(String)
    lot: Mapped[str | None] = mapped_column(String)
    serial: Mapped[str | None] = mapped_column(String)
    route: Mapped[str | None] = mapped_column(String)
    nurse: Mapped[str] = mapped_column(String)
    witness: Mapped[str | None] = mapped_column(String)
    effective_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    amends: Mapped[str | None] = mapped_column(String)
    bag: Mapped[str | None] = mapped_column(String)
    continues: Mapped[str | None] = mapped_column(String)
    rate: Mapped[str | None] = mapped_column(String)
    site: Mapped[str | None] = mapped_column(String)
    prn_reason: Mapped[str | None] = mapped_column(String)
    effect: Mapped[str | None] = mapped_column(String)
    level: Mapped[str] = mapped_column(String)
    overridden: Mapped[bool] = mapped_column(default=False)
    server_level: Mapped[str | None] = mapped_column(String)
    server_order: Mapped[str | None] = mapped_column(String)
    server_verdict: Mapped[dict[str, Any] | None] = mapped_column(Document)
    document: Mapped[dict[str, Any]] = mapped_column(Document)
    facts: Mapped[str | None] = mapped_column(Text, deferred=True)

    __table_args__ = (
        Index("ix_administrations_patient", "facility", "patient", "effective_at"),
        Index("ix_administrations_cart", "facility", "cart", "effective_at"),
        Index("ix_administrations_ward", "facility", "ward", "effective_at"),
        Index("ix_administrations_not_given", "facility", "status", "effective_at"),
        Index("ix_administrations_overridden", "facility", "overridden", "effective_at"),
        Index("ix_administrations_amends", "facility", "amends"),
        Index("ix_administrations_bag", "facility", "bag"),
        Index("ix_administrations_product", "facility", "product", "effective_at"),
        Index("ix_administrations_recorded", "facility", "recorded_at", "record_id"),
        Index("ix_administrations_received", "facility", "received_at"),
        Index("ix_administrations_effective", "facility", "effective_at", "record_id"),
        Index("ix_administrations_order", "facility", "order_id"),
        Index("ix_administrations_serial", "facility", "serial"),
        Index(
            "ix_administrations_packs",
            "facility",
            "recorded_at",
            sqlite_where=text("serial LIKE '%, %'"),
            postgresql_where=text("serial LIKE '%, %'"),
        ),
        Index("ix_administrations_sequence", "facility", "cart", "cart_epoch", "cart_seq"),
    )


# A dose of several packs. Written as its index is, for which a database looks word by word.
SEVERAL_PACKS = AdministrationRow.serial.like(literal_column("'%, %'"))


class AttemptRow(Model):
    """A dose that the verdict stopped or the nurse abandoned: evidence, never a dose. `facts` as an administration's."""

    __tablename__ = "attempts"

    facility: Mapped[str] = mapped_column(String, primary_key=True)
    record_id: Mapped[str] = mapped_column(String, primary_key=True)
    ward: Mapped[str] = mapped_column(String, default="")
    cart: Mapped[str] = mapped_column(String)
    cart_epoch: Mapped[str] = mapped_column(String, default="")
    cart_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    patient: Mapped[str | None] = mapped_column(String)
    order: Mapped[str | None] = mapped_column("order_id", String)
    product: Mapped[str | None] = mapped_column(String)
    nurse: Mapped[str | None] = mapped_column(String)
    level: Mapped[str] = mapped_column(String)
    rules: Mapped[list[str]] = mapped_column(Document)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    document: Mapped[dict[str, Any]] = mapped_column(Document)
    facts: Mapped[str | None] = mapped_column(Text, deferred=True)

    __table_args__ = (
        Index("ix_attempts_ward", "facility", "ward", "at"),
        Index("ix_attempts_at", "facility", "at", "record_id"),
        Index("ix_attempts_received", "facility", "received_at"),
        Index("ix_attempts_sequence", "facility", "cart", "cart_epoch", "cart_seq"),
    )


class DiscrepancyRow(Model):
    """Something about a record that a person must look at. `code` says what, `detail` holds the facts; `state` open or resolved."""

    __tablename__ = "discrepancies"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String)
    record_id: Mapped[str] = mapped_column(String)
    code: Mapped[str] = mapped_column(String)
    ward: Mapped[str] = mapped_column(String, default="")
    patient: Mapped[str] = mapped_column(String, default="")
    detail: Mapped[dict[str, Any]] = mapped_column(Document)
    state: Mapped[str] = mapped_column(String, default="open")
    raised_at: Mapped[datetime] = mapped_column(UtcDateTime)
    resolved_by: Mapped[str | None] = mapped_column(String)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_discrepancies_state", "facility", "state", "raised_at"),
        Index("ix_discrepancies_record", "facility", "record_id", "code", unique=True),
    )


class ConflictSeenRow(Model):
    """A nurse whom a conflict concerns has read of it at a cart. Append-only."""

    __tablename__ = "conflicts_seen"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    discrepancy: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    staff: Mapped[str] = mapped_column(String(64), primary_key=True)
    cart: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class OverrideReviewRow(Model):
    """A person looked at an override. Append-only."""

    __tablename__ = "override_reviews"

    facility: Mapped[str] = mapped_column(String, primary_key=True)
    record_id: Mapped[str] = mapped_column(String, primary_key=True)
    by: Mapped[str] = mapped_column(String)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    comment: Mapped[str] = mapped_column(Text, default="")

    __table_args__ = (ForeignKeyConstraint(["facility", "record_id"], ["administrations.facility", "administrations.record_id"]),)
