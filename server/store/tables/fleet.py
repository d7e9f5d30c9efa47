"""Carts as the server last heard of them, their events, drawers, leases and table versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Float, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class CartRow(Model):
    """`sid` is the random id of the cart's newest MQTT connection, `sid_at` when that connection began: a late last will of an
    older one is told apart by it. `held` maps a table kind to the version that the cart holds. `telemetry` maps a kind to its
    newest body."""

    __tablename__ = "carts"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    ward: Mapped[str] = mapped_column(String(64), default="")
    phase: Mapped[str] = mapped_column(String(16), default="init")
    phase_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sid: Mapped[str] = mapped_column(String(64), default="")
    sid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # From then on it is silent: three of its intervals without a word.
    silent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    boot_id: Mapped[str | None] = mapped_column(String(64))
    versions: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    hardware: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    telemetry: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    held: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    battery_percent: Mapped[float | None] = mapped_column(Float)
    charging: Mapped[bool | None] = mapped_column()
    chart_version: Mapped[int | None] = mapped_column(BigInteger)
    chart_age_s: Mapped[float | None] = mapped_column(Float)
    unsent: Mapped[int | None] = mapped_column(BigInteger)
    clock_offset_s: Mapped[float | None] = mapped_column(Float)
    mcu: Mapped[dict[str, Any] | None] = mapped_column(Document)
    event_epoch: Mapped[str] = mapped_column(String(64), default="")
    event_upto: Mapped[int] = mapped_column(BigInteger, default=0)
    # What the list of carts is chosen and sorted by, out of `versions` and `telemetry`: only what is of the agreed kind.
    app_version: Mapped[str] = mapped_column(String(64), default="", server_default="")
    mcu_version: Mapped[str] = mapped_column(String(64), default="", server_default="")
    health_percent: Mapped[float | None] = mapped_column(Float)
    battery_cycles: Mapped[int | None] = mapped_column(BigInteger)
    battery_cel: Mapped[float | None] = mapped_column(Float)
    # Rises with every change that the list of carts shows.
    revision: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")

    __table_args__ = (Index("ix_carts_revision", "facility", "revision"),)


class CartEventRow(Model):
    """One fleet event. Unique by the cart's epoch and sequence, so that a repeat is stored once."""

    __tablename__ = "cart_events"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    cart: Mapped[str] = mapped_column(String(64), primary_key=True)
    epoch: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    detail: Mapped[dict[str, Any]] = mapped_column(Document)

    __table_args__ = (
        Index("ix_cart_events_received", "facility", "received_at"),
        Index("ix_cart_events_at", "facility", "cart", "at"),
        Index("ix_cart_events_cart", "facility", "cart", "received_at"),
    )


class RecordSequenceRow(Model):
    """The numbers of one journal (`epoch`) of a cart: as in `server.store.sequences.SequenceLine`."""

    __tablename__ = "record_sequences"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    cart: Mapped[str] = mapped_column(String(64), primary_key=True)
    epoch: Mapped[str] = mapped_column(String(64), primary_key=True)
    upto: Mapped[int] = mapped_column(BigInteger, default=0)
    highest: Mapped[int] = mapped_column(BigInteger, default=0)
    told: Mapped[int] = mapped_column(BigInteger, default=0)
    missing: Mapped[list[list[int]]] = mapped_column(Document, default=list)
    since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heard_at: Mapped[datetime] = mapped_column(UtcDateTime)
    replaced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DrawerAssignmentRow(Model):
    """Whose drugs lie in which drawer (numbered from 1)."""

    __tablename__ = "drawer_assignments"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    cart: Mapped[str] = mapped_column(String(64), primary_key=True)
    drawer: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    patient: Mapped[str] = mapped_column(String(64))


class LeaseRow(Model):
    """Which cart may give a patient's due doses until when. `fence` only rises, `cart` None: released, or run out and in doubt.
    `nurse` asked for it."""

    __tablename__ = "leases"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    patient: Mapped[str] = mapped_column(String(64), primary_key=True)
    cart: Mapped[str | None] = mapped_column(String(64))
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    nurse: Mapped[str | None] = mapped_column(String)


class LeaseDoubtRow(Model):
    """A cart that had a patient's lease and may have given what is not here yet. `waits` are the ids of the records that would end the
    doubt, None: not known before the cart tells. `token` is what a telling must name, so that an old one ends nothing."""

    __tablename__ = "lease_doubts"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    patient: Mapped[str] = mapped_column(String(64), primary_key=True)
    cart: Mapped[str] = mapped_column(String(64), primary_key=True)
    nurse: Mapped[str | None] = mapped_column(String)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    fence: Mapped[int] = mapped_column(BigInteger)
    waits: Mapped[list[str] | None] = mapped_column(Document)
    token: Mapped[str] = mapped_column(String(64))

    __table_args__ = (Index("ix_lease_doubts_cart", "facility", "cart"),)


class TableVersionRow(Model):
    """The version of a signed table, which rises in the transaction that changes what the table holds."""

    __tablename__ = "table_versions"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    ward: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RejectedMessageRow(Model):
    """A message that could not be understood, for the fleet manager; the newest thousand are kept."""

    __tablename__ = "rejected_messages"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    topic: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(Text)
    payload_start: Mapped[str] = mapped_column(Text)
    payload_bytes: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_rejected_messages_at", "facility", "at"),)
