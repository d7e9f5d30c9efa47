"""What people owe: tasks with their steps, the controlled stock of each cart's drawer, and recalls.

Steps and stock moves are append-only. A task is raised in the transaction of what causes it, once for each key of its kind; nothing
here refers to a patient, an order or a person by foreign key, so that a record which names something unknown still raises its task.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class TaskRow(Model):
    """`status` is a FHIR Task status: requested, accepted, completed, rejected, cancelled. `revision` rises with every step, so that
    an answer to an older page is told apart. `answer_code` says which of the kind's answers it was, `answer` holds the words."""

    __tablename__ = "tasks"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String)
    kind: Mapped[str] = mapped_column(String)
    key: Mapped[str] = mapped_column(String)
    status: Mapped[str] = mapped_column(String)
    revision: Mapped[int] = mapped_column(Integer, default=1)
    repeats: Mapped[int] = mapped_column(Integer, default=0)
    ward: Mapped[str] = mapped_column(String, default="")
    patient: Mapped[str | None] = mapped_column(String)
    order: Mapped[str | None] = mapped_column("order_id", String)
    due: Mapped[datetime | None] = mapped_column(UtcDateTime)
    product: Mapped[str | None] = mapped_column(String)
    record_id: Mapped[str | None] = mapped_column(String)
    detail: Mapped[dict[str, Any]] = mapped_column(Document)
    raised_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_by: Mapped[datetime | None] = mapped_column(UtcDateTime)
    owner: Mapped[str | None] = mapped_column(String)
    answer_code: Mapped[str | None] = mapped_column(String)
    answer: Mapped[str | None] = mapped_column(Text)
    answered_by: Mapped[str | None] = mapped_column(String)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_tasks_key", "facility", "kind", "key", unique=True),
        Index("ix_tasks_open", "facility", "status", "kind", "raised_at"),
        Index("ix_tasks_patient", "facility", "patient", "status"),
        Index("ix_tasks_record", "facility", "record_id"),
    )


class TaskStepRow(Model):
    """One step in the life of a task: raised, repeated, or an answer. Append-only."""

    __tablename__ = "task_steps"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String)
    task: Mapped[int] = mapped_column(Integer, ForeignKey("tasks.id"))
    step: Mapped[str] = mapped_column(String)
    status: Mapped[str] = mapped_column(String)
    by: Mapped[str] = mapped_column(String)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    text: Mapped[str] = mapped_column(Text, default="")
    detail: Mapped[dict[str, Any]] = mapped_column(Document)

    __table_args__ = (Index("ix_task_steps_task", "facility", "task", "id"),)


class StockMoveRow(Model):
    """One movement of a controlled product in a cart's drawer (0: not known in which), in units of the product. `units` is signed
    (+ in, - out); for a count it is what was counted. `key` makes a repeat one row. Append-only."""

    __tablename__ = "stock_moves"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String)
    key: Mapped[str] = mapped_column(String)
    cart: Mapped[str] = mapped_column(String)
    drawer: Mapped[int] = mapped_column(Integer)
    product: Mapped[str] = mapped_column(String)
    kind: Mapped[str] = mapped_column(String)
    units: Mapped[str] = mapped_column(String)
    record_id: Mapped[str | None] = mapped_column(String)
    by: Mapped[str] = mapped_column(String)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)
    note: Mapped[str] = mapped_column(Text, default="")

    __table_args__ = (
        Index("ix_stock_moves_key", "facility", "key", unique=True),
        Index("ix_stock_moves_drawer", "facility", "cart", "product", "at"),
        Index("ix_stock_moves_kind", "facility", "kind", "at"),
    )


class RecallRow(Model):
    """Lots of one trade item that nobody may give any more. `serials` empty: the whole lots. Append-only."""

    __tablename__ = "recalls"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String)
    product: Mapped[str] = mapped_column(String)
    gtin: Mapped[str] = mapped_column(String)
    lots: Mapped[list[str]] = mapped_column(Document)
    serials: Mapped[list[str]] = mapped_column(Document)
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String)
    at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_recalls_at", "facility", "at"),)
