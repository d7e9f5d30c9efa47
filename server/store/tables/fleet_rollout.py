"""Rollouts of firmware: what is to go where, each cart's part of it, what happened, and what each cart's microcontroller reports to run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model

_ACTIVE = text("state IN ('running', 'awaiting', 'paused')")
_OPEN = text("is_open")
_TO_SEND = text("to_send")


class RolloutRow(Model):
    """As in `pointofcare.fleet.rollout.Rollout`. `is_open`: some cart of it has not come to its end. `ticked_at`: the newest look at it."""

    __tablename__ = "rollouts"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(200))
    hardware: Mapped[str] = mapped_column(String(64))
    release: Mapped[str] = mapped_column(String(200))
    version: Mapped[str] = mapped_column(String(64))
    target: Mapped[dict[str, Any]] = mapped_column(Document)
    plan: Mapped[dict[str, Any]] = mapped_column(Document)
    state: Mapped[str] = mapped_column(String(16))
    wave: Mapped[int] = mapped_column(Integer)
    why: Mapped[str] = mapped_column(String(64))
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    is_open: Mapped[bool] = mapped_column(Boolean)
    created_by: Mapped[str] = mapped_column(String)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ticked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ux_rollouts_active", "facility", "hardware", unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
        Index("ix_rollouts_open", "facility", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )


class RolloutCartRow(Model):
    """As in `pointofcare.fleet.update.CartUpdate`. `offered` is the attempt whose job the cart was sent last, 0: none, or it was taken
    back; `to_send`: what the cart has may differ from what it should have."""

    __tablename__ = "rollout_carts"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    rollout: Mapped[int] = mapped_column(Integer)
    cart: Mapped[str] = mapped_column(String(64))
    job: Mapped[str] = mapped_column(String(64), unique=True)
    wave: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    attempt: Mapped[int] = mapped_column(Integer)
    closed: Mapped[int] = mapped_column(Integer)
    failures: Mapped[int] = mapped_column(Integer)
    counted: Mapped[bool] = mapped_column(Boolean)
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    began_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    why: Mapped[str] = mapped_column(String(200))
    step: Mapped[str] = mapped_column(String(64))
    percent: Mapped[int | None] = mapped_column(Integer)
    issued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    offered: Mapped[int] = mapped_column(Integer)
    offered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    to_send: Mapped[bool] = mapped_column(Boolean)

    __table_args__ = (
        Index("ux_rollout_carts", "facility", "rollout", "cart", unique=True),
        Index("ix_rollout_carts_cart", "facility", "cart"),
        Index("ix_rollout_carts_to_send", "facility", sqlite_where=_TO_SEND, postgresql_where=_TO_SEND),
    )


class RolloutEventRow(Model):
    """What happened in a rollout, to one cart of it or to all (`cart` None)."""

    __tablename__ = "rollout_events"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    rollout: Mapped[int] = mapped_column(Integer)
    cart: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(32))
    by: Mapped[str] = mapped_column(String)
    attempt: Mapped[int] = mapped_column(Integer)
    why: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        Index("ix_rollout_events", "facility", "rollout", "id"),
        Index("ix_rollout_events_cart", "facility", "cart", "id"),
    )


class CartFirmwareRow(Model):
    """What a cart's microcontroller reports to run; `heard_at` is the server's clock."""

    __tablename__ = "cart_firmware"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    cart: Mapped[str] = mapped_column(String(64), primary_key=True)
    hardware: Mapped[str | None] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(64))
    image_hash: Mapped[str | None] = mapped_column(String(64))
    confirmed: Mapped[bool | None] = mapped_column(Boolean)
    self_test: Mapped[bool | None] = mapped_column(Boolean)
    slots: Mapped[list[dict[str, Any]]] = mapped_column(Document)
    heard_at: Mapped[datetime] = mapped_column(UtcDateTime)
