"""What the database tells a release that did not make it: which steps were taken, what may run on it, and which servers run now.

Of the whole database and no facility. Must stay readable by every release: columns are added here, never changed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class SchemaStepRow(Model):
    """A migration that was applied. `change`: "expand" or "contract"; `oldest_release` of a contracting one: no older one may run on it
    any more, "" else. `release` applied it."""

    __tablename__ = "schema_steps"

    revision: Mapped[str] = mapped_column(String(16), primary_key=True)
    change: Mapped[str] = mapped_column(String(16))
    oldest_release: Mapped[str] = mapped_column(String(32))
    release: Mapped[str] = mapped_column(String(32))
    applied_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ServerProgramRow(Model):
    """A program of the server that runs now, or ended without saying so. `part`: run, web, gateway, dispatcher or phones. `told`: what it
    tells of itself, of the facility that it works for."""

    __tablename__ = "server_programs"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    part: Mapped[str] = mapped_column(String(16))
    host: Mapped[str] = mapped_column(String(255))
    release: Mapped[str] = mapped_column(String(32))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    facility: Mapped[str | None] = mapped_column(String(64))
    told: Mapped[dict[str, Any] | None] = mapped_column(Document)
