"""Since when what another system said of a thing holds, by that system's clock."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import Document, UtcDateTime
from server.store.database import Model


class ReceivedVersionRow(Model):
    """The newest version of `about` ("order/17", "stay/26-000001") that was taken from `source`. `at` is when that version was made and
    `sent_at` when it was sent, both by the sender's clock and never later than ours; `detail` is what the next one is compared with."""

    __tablename__ = "received_versions"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    source: Mapped[str] = mapped_column(String(32), primary_key=True)
    about: Mapped[str] = mapped_column(String(200), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    detail: Mapped[dict[str, Any]] = mapped_column(Document)
