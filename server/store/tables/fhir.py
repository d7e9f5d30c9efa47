"""Programs that read from us over FHIR, what they showed to get a token, and the exports they asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class FhirClientRow(Model):
    """A registered program. `keys` is its JWKS, public keys alone; `wards` those whose patients it reaches, None: all."""

    __tablename__ = "fhir_clients"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    keys: Mapped[dict[str, Any]] = mapped_column(Document)
    scopes: Mapped[str] = mapped_column(Text)
    wards: Mapped[list[str] | None] = mapped_column(Document)
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_by: Mapped[str | None] = mapped_column(String(64))
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str | None] = mapped_column(Text)


class FhirAssertionRow(Model):
    """A signed statement that was taken once; `jti` is a digest. Gone when it would have run out anyway."""

    __tablename__ = "fhir_assertions"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    client: Mapped[str] = mapped_column(String(64), primary_key=True)
    jti: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_fhir_assertions_expires", "facility", "expires_at"),)


class FhirExportRow(Model):
    """One export. `state`: waiting, running, done, failed, cancelled. `asked` is what was asked for, `files` what was written, `place` how
    far the writing came (a type and where in it), so that another process goes on there. `key` opens the files."""

    __tablename__ = "fhir_exports"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    client: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(Text)
    asked: Mapped[dict[str, Any]] = mapped_column(Document)
    state: Mapped[str] = mapped_column(String(16))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    begun_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    progress: Mapped[str] = mapped_column(String(200), default="")
    place: Mapped[dict[str, Any] | None] = mapped_column(Document)
    files: Mapped[list[dict[str, Any]]] = mapped_column(Document, default=list)
    key: Mapped[str] = mapped_column(String(128))
    error: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_fhir_exports_state", "facility", "state", "made_at"),
        Index("ix_fhir_exports_client", "facility", "client", "made_at"),
    )
