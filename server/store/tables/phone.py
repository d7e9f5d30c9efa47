"""Which phones may be a cart's screen and camera: claims that wait for a phone, and pairings. Pairings are never deleted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import UtcDateTime
from server.store.database import Model


class PhoneClaimRow(Model):
    """A one-time permission to pair one browser with `cart`. The token itself is nowhere: `token_hash` is its SHA-256."""

    __tablename__ = "phone_claims"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    cart: Mapped[str] = mapped_column(String(64))
    made_by: Mapped[str] = mapped_column(String)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_phone_claims_cart", "facility", "cart"),)


class PhonePairingRow(Model):
    """One browser and the cart that it is. `number` grows with each pairing of the cart, so that a late word of an older one is known.
    `cookie_hash` is the SHA-256 of the browser's cookie, `seen_at` when it last asked, to the minute."""

    __tablename__ = "phone_pairings"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    cart: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    cookie_hash: Mapped[str] = mapped_column(String(64))
    claimed_by: Mapped[str] = mapped_column(String)
    paired_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    browser: Mapped[str] = mapped_column(String(200))
    place: Mapped[str] = mapped_column(String(64))
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(String)
    reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (UniqueConstraint("facility", "cookie_hash"), Index("ix_phone_pairings_ended", "facility", "ended_at"))
