"""Documents that were issued on paper or as files: what each is about, what stood in it, and whether it still holds.

A row is written before the file leaves the server and is never deleted: a paper may be looked up for as long as it lies somewhere. Nothing
refers to a patient or a person by foreign key.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class IssuedDocumentRow(Model):
    """One issue. `subject` is the patient or the ward; `since` and `until` bound what stands in it. `content` is the digest of its facts,
    `digest` that of the file, both SHA-256. `signatures` name who signed and how. `state` issued, replaced or withdrawn."""

    __tablename__ = "issued_documents"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(64))
    ward: Mapped[str] = mapped_column(String(64), default="")
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer)
    content: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    pages: Mapped[int] = mapped_column(Integer)
    size_bytes: Mapped[int] = mapped_column(Integer)
    signatures: Mapped[list[dict[str, Any]]] = mapped_column(Document)
    batch: Mapped[str] = mapped_column(String(32), default="")
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(16), default="issued")
    replaced_by: Mapped[str | None] = mapped_column(String(20))
    ended_by: Mapped[str | None] = mapped_column(String(64))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_issued_documents_subject", "facility", "subject", "kind", "made_at"),
        Index("ix_issued_documents_made", "facility", "made_at"),
        Index("ix_issued_documents_batch", "facility", "batch"),
        Index("ix_issued_documents_digest", "facility", "digest"),
    )


class DocumentFileRow(Model):
    """The file of an issue as it left the server, for as long as the hospital keeps files."""

    __tablename__ = "document_files"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    pdf: Mapped[bytes] = mapped_column(LargeBinary)
    until: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_document_files_until", "facility", "until"),)


class DocumentBatchRow(Model):
    """A ward's documents of one kind that are made one after the other. `state` making, done, failed or cut off; `changed_at` says when it
    was last heard of."""

    __tablename__ = "document_batches"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    ward: Mapped[str] = mapped_column(String(64))
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime] = mapped_column(UtcDateTime)
    total: Mapped[int] = mapped_column(Integer)
    done: Mapped[int] = mapped_column(Integer, default=0)
    failed: Mapped[list[str]] = mapped_column(Document)
    state: Mapped[str] = mapped_column(String(16))
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_document_batches_made", "facility", "made_at"),)
