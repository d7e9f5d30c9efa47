"""What people asked carts to do, and what became of it: one row a command and cart, and the parts of an answer too long for one message."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Float, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model

_OPEN = text("state IN ('waiting', 'requested', 'sent', 'accepted')")


class CartCommandRow(Model):
    """As in `server.store.commands.CartCommand`. `id` is the id of the message, the same in the cart's answer."""

    __tablename__ = "cart_commands"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    facility: Mapped[str] = mapped_column(String(64))
    cart: Mapped[str] = mapped_column(String(64))
    ward: Mapped[str] = mapped_column(String(64), default="")
    name: Mapped[str] = mapped_column(String(32))
    params: Mapped[dict[str, Any]] = mapped_column(Document)
    batch: Mapped[str | None] = mapped_column(String(64))
    asked_by: Mapped[str] = mapped_column(String)
    second_by: Mapped[str | None] = mapped_column(String)
    state: Mapped[str] = mapped_column(String(16))
    why: Mapped[str] = mapped_column(String(64), default="")
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ttl_s: Mapped[float] = mapped_column(Float)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sid: Mapped[str] = mapped_column(String(64), default="")
    boot_id: Mapped[str] = mapped_column(String(64), default="")
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    told: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)

    __table_args__ = (
        Index("ix_cart_commands_open", "facility", "state", "issued_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_cart_commands_cart", "facility", "cart", "issued_at"),
        Index("ix_cart_commands_batch", "facility", "batch"),
        Index("ix_cart_commands_issued", "facility", "issued_at"),
    )


class CartCommandPartRow(Model):
    """One part of an answer in several messages, numbered from 1."""

    __tablename__ = "cart_command_parts"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    command: Mapped[str] = mapped_column(String(64), primary_key=True)
    part: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(Text)
