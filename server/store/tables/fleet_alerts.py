"""Rules of fleet managers over what carts say, where each stands at a cart, and what is to be sent of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Float, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class AlertRuleRow(Model):
    """`measure` is one of `server.usecases.alert_rules.MEASURES`, `ward` "" for every one. The alert is set once the measure was beyond
    `set_level` for `hold_min`, and cleared once it is back over `clear_level`. `channels` beside the page: "email", "webhook"."""

    __tablename__ = "alert_rules"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(Text)
    measure: Mapped[str] = mapped_column(String(32))
    ward: Mapped[str] = mapped_column(String(64), default="")
    set_level: Mapped[float] = mapped_column(Float)
    clear_level: Mapped[float] = mapped_column(Float)
    hold_min: Mapped[int] = mapped_column(Integer)
    severity: Mapped[str] = mapped_column(String(16))
    channels: Mapped[list[str]] = mapped_column(Document, default=list)
    enabled: Mapped[bool] = mapped_column(default=True)
    revision: Mapped[int] = mapped_column(Integer, default=1)
    changed_by: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_alert_rules_facility", "facility", "removed_at"),)


class AlertPendingRow(Model):
    """A cart is beyond a rule's level since `since`, and the rule's hold time is not over yet."""

    __tablename__ = "alert_pending"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    rule: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    cart: Mapped[str] = mapped_column(String(64), primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime)


class AlertNoticeRow(Model):
    """One e-mail or one call of the webhook: several alerts that began or ended close together. `state`: waiting, sent, given-up; `items`
    are alert numbers with what became of them, of which at most so many are named and the others counted in `more`."""

    __tablename__ = "alert_notices"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    channel: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    items: Mapped[list[Any]] = mapped_column(Document, default=list)
    more: Mapped[int] = mapped_column(Integer, default=0)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_alert_notices_due", "facility", "state", "due_at"),
        Index(
            "ux_alert_notices_collecting",
            "facility",
            "channel",
            unique=True,
            sqlite_where=text("state = 'waiting' AND tries = 0"),
            postgresql_where=text("state = 'waiting' AND tries = 0"),
        ),
    )


class CartEventLineRow(Model):
    """How far the fleet events of one of a cart's epochs are here without a gap: a cart has one for each program that tells events."""

    __tablename__ = "cart_event_lines"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    cart: Mapped[str] = mapped_column(String(64), primary_key=True)
    epoch: Mapped[str] = mapped_column(String(64), primary_key=True)
    upto: Mapped[int] = mapped_column(BigInteger)
    gap_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
