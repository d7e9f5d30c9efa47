"""What carts are watched by: their alerts, the configuration wanted and reported, and points of telemetry for charts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model

_OPEN = text("resolved_at IS NULL")


class CartAlertRow(Model):
    """One occurrence of an alert; at most one of a cart and `alert` is open. `source` is "cart" (the cart says so) or "rule" (a rule of
    this server does, `rule` names which). `since` is when it began by whoever found it, `heard_at` when something was last heard of it.
    `told_away`: it was taken for resolved because nobody kept it any more, not because the cart said so."""

    __tablename__ = "cart_alerts"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    cart: Mapped[str] = mapped_column(String(64))
    alert: Mapped[str] = mapped_column(String(64))
    code: Mapped[str] = mapped_column(String(64))
    severity: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(16), default="cart")
    rule: Mapped[int | None] = mapped_column(Integer)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    raised_at: Mapped[datetime] = mapped_column(UtcDateTime)
    heard_at: Mapped[datetime] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    told_away: Mapped[bool] = mapped_column(default=False)
    details: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    snoozed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    snoozed_by: Mapped[str | None] = mapped_column(String(64))
    snooze_reason: Mapped[str | None] = mapped_column(Text)
    acknowledged_by: Mapped[str | None] = mapped_column(String(64))
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ux_cart_alerts_open", "facility", "cart", "alert", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ux_cart_alerts_occurrence", "facility", "cart", "alert", "since", unique=True),
        Index("ix_cart_alerts_resolved", "facility", "resolved_at", "since"),
    )


class CartConfigRow(Model):
    """What a cart is to run with and what it says that it runs with. `desired_version` rises with each change, 0: nothing was ever
    desired. `reported_version` is None until the cart reported; `refused` maps a setting to the code why not."""

    __tablename__ = "cart_config"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    cart: Mapped[str] = mapped_column(String(64), primary_key=True)
    desired_version: Mapped[int] = mapped_column(BigInteger, default=0)
    desired_document: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    desired_by: Mapped[str | None] = mapped_column(String(64))
    desired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reported_version: Mapped[int | None] = mapped_column(BigInteger)
    reported_document: Mapped[dict[str, Any] | None] = mapped_column(Document)
    reported_hash: Mapped[str | None] = mapped_column(String(64))
    reported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    refused: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    # Whether the two differ, by `server.usecases.fleet_drift`; None: not compared yet.
    drifted: Mapped[bool | None] = mapped_column()


class ConfigGroupRow(Model):
    """What the carts of a ward are to run with by the hospital's word. It reaches a cart only when somebody applies it."""

    __tablename__ = "config_groups"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    ward: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    document: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    reason: Mapped[str] = mapped_column(Text, default="")
    changed_by: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CartTelemetryPointRow(Model):
    """The numbers of one subsystem at one moment, at most one in five minutes, for charts; `at` is the server's clock."""

    __tablename__ = "cart_telemetry_points"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    cart: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    values: Mapped[dict[str, Any]] = mapped_column(Document)

    __table_args__ = (Index("ix_cart_telemetry_points_at", "facility", "at"),)
