"""Who did what to what, when and where, and the sealed log of it. Append-only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class AuditRow(Model):
    """`subject` is "kind/id": "order/O1"; `roles` those that the actor had, with spaces between; `place` the caller's address."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String)
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String)
    detail: Mapped[dict[str, Any]] = mapped_column(Document)
    roles: Mapped[str] = mapped_column(String, default="", server_default="")
    place: Mapped[str] = mapped_column(String, default="", server_default="")

    __table_args__ = (
        Index("ix_audit_at", "facility", "at"),
        Index("ix_audit_subject", "facility", "subject", "at"),
        # Of other languages than C an ordinary index does not find what begins alike.
        Index("ix_audit_subject_begins", "facility", "subject", postgresql_ops={"subject": "text_pattern_ops"}),
    )


class AuditLeafRow(Model):
    """The place of one audit row in the sealed log, counted from 0 without gaps. `hash` is the Merkle leaf of the row, as hex."""

    __tablename__ = "audit_leaves"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    place: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    audit_id: Mapped[int] = mapped_column(ForeignKey("audit.id"), unique=True)
    hash: Mapped[str] = mapped_column(String(64))


class AuditCheckpointRow(Model):
    """One seal: what the first `size` entries of the log were. `frontier` are the complete subtrees' hashes as hex, largest first,
    `jws` the signed statement that others keep."""

    __tablename__ = "audit_checkpoints"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[str] = mapped_column(String(64))
    frontier: Mapped[list[str]] = mapped_column(Document)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    jws: Mapped[str] = mapped_column(Text)
