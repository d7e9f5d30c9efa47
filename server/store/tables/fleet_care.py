"""What is known of a cart as a thing that was bought, and the work that it needs: one row of facts a cart, one row a piece of work."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import UtcDateTime
from server.store.database import Model

_OPEN = text("ended_at IS NULL")


class CartAssetRow(Model):
    """`ward_home` is where the cart belongs, wherever it stands now."""

    __tablename__ = "cart_assets"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    cart: Mapped[str] = mapped_column(String(64), primary_key=True)
    tag: Mapped[str] = mapped_column(String(64), default="")
    serial: Mapped[str] = mapped_column(String(64), default="")
    model: Mapped[str] = mapped_column(String(120), default="")
    purchased_on: Mapped[date | None] = mapped_column(Date)
    warranty_until: Mapped[date | None] = mapped_column(Date)
    ward_home: Mapped[str] = mapped_column(String(64), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_by: Mapped[str] = mapped_column(String)

    __table_args__ = (Index("ix_cart_assets_tag", "facility", "tag"),)


class CartCareRow(Model):
    """A piece of work on a cart. Open while `ended_at` is None; then `outcome` is "done" (on `done_on`, by `ended_by`) or "dropped".
    What comes back does so `every_days` after it was done, as a row of its own that `follows` this one, which has one successor at most."""

    __tablename__ = "cart_care"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    cart: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(32))
    due_on: Mapped[date] = mapped_column(Date)
    every_days: Mapped[int | None] = mapped_column(Integer)
    note: Mapped[str] = mapped_column(Text, default="")
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by: Mapped[str] = mapped_column(String)
    follows: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    outcome: Mapped[str | None] = mapped_column(String(16))
    done_on: Mapped[date | None] = mapped_column(Date)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(String)
    ended_note: Mapped[str] = mapped_column(Text, default="")

    __table_args__ = (
        Index("ix_cart_care_open", "facility", "due_on", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_cart_care_cart", "facility", "cart", "due_on"),
    )
