"""Which machines were claimed, and the certificates that our authority gave them. Certificates are never deleted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import UtcDateTime
from server.store.database import Model


class MachineClaimRow(Model):
    """A one-time permission to enrol. The token itself is nowhere: `token_hash` is its SHA-256. `key_hash` and `serial` say who used it."""

    __tablename__ = "machine_claims"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    machine: Mapped[str] = mapped_column(String(64))
    made_by: Mapped[str] = mapped_column(String)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    key_hash: Mapped[str | None] = mapped_column(String(64))
    serial: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (Index("ix_machine_claims_machine", "facility", "machine"),)


class MachineCertificateRow(Model):
    """`key_hash` is the SHA-256 of the public key; `renews` the serial of the certificate before it, which has one successor at most."""

    __tablename__ = "machine_certificates"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    serial: Mapped[str] = mapped_column(String(64), primary_key=True)
    machine: Mapped[str] = mapped_column(String(64))
    pem: Mapped[str] = mapped_column(Text)
    key_hash: Mapped[str] = mapped_column(String(64))
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    not_before: Mapped[datetime] = mapped_column(UtcDateTime)
    not_after: Mapped[datetime] = mapped_column(UtcDateTime)
    renews: Mapped[str | None] = mapped_column(String(64))
    replaced_by: Mapped[str | None] = mapped_column(String(64))
    replaced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_by: Mapped[str | None] = mapped_column(String)
    reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        UniqueConstraint("facility", "key_hash"),
        UniqueConstraint("facility", "renews"),
        Index("ix_machine_certificates_machine", "facility", "machine"),
        Index("ix_machine_certificates_ends", "facility", "not_after"),
    )
