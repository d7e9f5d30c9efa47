"""Infusion bags, opened multi-dose containers, what pumps say, and the facts of bedside measurements.

A bag's state, rate and times are computed from the records that name it; nobody writes them by hand. Nothing here refers to a
patient or an order by foreign key: what happened is stored whatever it names.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class BagRow(Model):
    """One bag that the pharmacy or the ward prepared for one version of one order.

    `state` prepared, infusing, paused, stopped, completed, missing or discarded. `printed` is what stood on its label, `contents`
    the packs that went in. `record_id` is the start that runs, or ran, from it; `changed_at` when its state last changed."""

    __tablename__ = "bags"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    order: Mapped[str] = mapped_column("order_id", String(64))
    order_version: Mapped[int] = mapped_column(BigInteger)
    patient: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), default="prepared")
    printed: Mapped[dict[str, Any]] = mapped_column(Document)
    contents: Mapped[list[dict[str, Any]]] = mapped_column(Document, default=list)
    use_by: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rate: Mapped[str | None] = mapped_column(String)
    record_id: Mapped[str | None] = mapped_column(String)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    prepared_by: Mapped[str] = mapped_column(String(64))
    prepared_at: Mapped[datetime] = mapped_column(UtcDateTime)
    discarded_by: Mapped[str | None] = mapped_column(String(64))
    discarded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_bags_patient", "facility", "patient", "state"),
        Index("ix_bags_order", "facility", "order_id"),
        Index("ix_bags_state", "facility", "state", "changed_at"),
    )


class ContainerUseRow(Model):
    """One record that drew from a multi-dose container. Append-only; the opening is the earliest that still counts."""

    __tablename__ = "container_uses"

    facility: Mapped[str] = mapped_column(String, primary_key=True)
    gtin: Mapped[str] = mapped_column(String, primary_key=True)
    serial: Mapped[str] = mapped_column(String, primary_key=True)
    record_id: Mapped[str] = mapped_column(String, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    ward: Mapped[str] = mapped_column(String, default="")

    __table_args__ = (Index("ix_container_uses_record", "facility", "record_id"),)


class OpenedContainerRow(Model):
    """An opened multi-dose container. `record_id` is the record of its opening, `ward` where that was."""

    __tablename__ = "opened_containers"

    facility: Mapped[str] = mapped_column(String, primary_key=True)
    gtin: Mapped[str] = mapped_column(String, primary_key=True)
    serial: Mapped[str] = mapped_column(String, primary_key=True)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    record_id: Mapped[str] = mapped_column(String)
    ward: Mapped[str] = mapped_column(String, default="")

    __table_args__ = (
        Index("ix_opened_containers_opened", "facility", "opened_at"),
        Index("ix_opened_containers_record", "facility", "record_id"),
    )


class ObservationRecordRow(Model):
    """One measurement as it came from a bedside. Append-only. `doubt` says why it does not stand in the chart, None: it does."""

    __tablename__ = "observation_records"

    facility: Mapped[str] = mapped_column(String, primary_key=True)
    record_id: Mapped[str] = mapped_column(String, primary_key=True)
    ward: Mapped[str] = mapped_column(String, default="")
    cart: Mapped[str] = mapped_column(String)
    cart_epoch: Mapped[str] = mapped_column(String, default="")
    cart_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    patient: Mapped[str] = mapped_column(String)
    code: Mapped[str] = mapped_column(String)
    value: Mapped[str] = mapped_column(String)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    nurse: Mapped[str] = mapped_column(String)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    doubt: Mapped[str | None] = mapped_column(String)

    __table_args__ = (
        Index("ix_observation_records_patient", "facility", "patient", "at"),
        Index("ix_observation_records_sequence", "facility", "cart", "cart_epoch", "cart_seq"),
    )


class PumpReadingRow(Model):
    """The newest reading of one channel of one pump. `told_at` is the `at` of the reading that the charts last got."""

    __tablename__ = "pump_readings"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    pump: Mapped[str] = mapped_column(String(64), primary_key=True)
    channel: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    bag: Mapped[str | None] = mapped_column(String(64))
    patient: Mapped[str | None] = mapped_column(String(64))
    associated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    drug: Mapped[str | None] = mapped_column(String(200))
    rate: Mapped[str | None] = mapped_column(String(64))
    concentration: Mapped[str | None] = mapped_column(String(64))
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_pump_readings_patient", "facility", "patient"),
        Index("ix_pump_readings_bag", "facility", "bag"),
    )
