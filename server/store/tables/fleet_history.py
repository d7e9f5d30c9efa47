"""What became of carts over time: their phases, and how their batteries are used up. Rows of a cart only."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Float, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class CartPhaseRow(Model):
    """From `at` on, by the server's clock, the cart was in this phase; `why` is the code that it gave."""

    __tablename__ = "cart_phases"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    cart: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    phase: Mapped[str] = mapped_column(String(16))
    why: Mapped[str] = mapped_column(String(64), default="")

    __table_args__ = (Index("ix_cart_phases_cart", "facility", "cart", "at"),)


class CartBatteryRow(Model):
    """What was learned of a cart's battery from its own numbers. `sums` is the state of `server.usecases.fleet_battery`; the columns beside
    it are what pages sort by: the load in percent of charge an hour with its spread, over so many hours of discharge, and when the
    state of health is going to be too low. None: not known."""

    __tablename__ = "cart_batteries"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    cart: Mapped[str] = mapped_column(String(64), primary_key=True)
    sums: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    load_percent_h: Mapped[float | None] = mapped_column(Float)
    spread_percent_h: Mapped[float | None] = mapped_column(Float)
    seen_h: Mapped[float] = mapped_column(Float, default=0.0)
    replace_on: Mapped[date | None] = mapped_column(Date)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
