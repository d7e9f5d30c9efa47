"""Reports of incidents and near misses, and what became of each. Kept for ever; a report is never changed, only its state."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class IncidentReportRow(Model):
    """`reporter` "": colleagues are not to know; the audit's row of the report does. `facts` is what the system attached, `digest` tells
    the same report sent twice from another under its id. `state`: new, looking, closed (then `harm` and `outcome` say how). `source`:
    cart or web. Nothing refers to a patient or a person by foreign key: a report that names something unknown is kept."""

    __tablename__ = "incident_reports"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String, primary_key=True)
    source: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(64))
    reached: Mapped[str] = mapped_column(String(16))
    words: Mapped[str] = mapped_column(Text)
    ward: Mapped[str] = mapped_column(String)
    patient: Mapped[str | None] = mapped_column(String)
    about_order: Mapped[str | None] = mapped_column(String)
    about_record: Mapped[str | None] = mapped_column(String)
    cart: Mapped[str] = mapped_column(String)
    cart_epoch: Mapped[str] = mapped_column(String, default="")
    cart_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    reporter: Mapped[str] = mapped_column(String)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    facts: Mapped[dict[str, Any]] = mapped_column(Document)
    digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    revision: Mapped[int] = mapped_column(Integer)
    harm: Mapped[str] = mapped_column(String(1))
    outcome: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        Index("ix_incident_reports_state", "facility", "state", "at"),
        Index("ix_incident_reports_at", "facility", "at"),
        Index("ix_incident_reports_reporter", "facility", "reporter", "at"),
        Index("ix_incident_reports_sequence", "facility", "cart", "cart_epoch", "cart_seq"),
    )


class IncidentStepRow(Model):
    """One step of a report's way. Append-only."""

    __tablename__ = "incident_steps"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    report: Mapped[str] = mapped_column(String)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    harm: Mapped[str] = mapped_column(String(1))
    text: Mapped[str] = mapped_column(Text)

    __table_args__ = (Index("ix_incident_steps_report", "facility", "report", "id"),)
