"""Drawers: what was found about them, who may open which without a patient, and how old PINs are. No drawer's content, and no PIN."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Index, Integer, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import UtcDateTime
from server.store.database import Model


class DrawerFindingRow(Model):
    """`key` as in `pointofcare.fleet.drawers.Finding`; `task` is whose answer closes it, None for what is a note. `withdrawn_at`: what
    came later explained it."""

    __tablename__ = "drawer_findings"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(200))
    cart: Mapped[str] = mapped_column(String(64))
    ward: Mapped[str] = mapped_column(String(64))
    code: Mapped[str] = mapped_column(String(32))
    drawer: Mapped[int | None] = mapped_column(Integer)
    wanted: Mapped[int | None] = mapped_column(Integer)
    record_id: Mapped[str | None] = mapped_column(String(128))
    count: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    found_at: Mapped[datetime] = mapped_column(UtcDateTime)
    task: Mapped[int | None] = mapped_column(Integer)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_drawer_findings_key", "facility", "cart", "key", unique=True),
        Index("ix_drawer_findings_cart", "facility", "cart", "at"),
        Index("ix_drawer_findings_found", "facility", "found_at"),
    )


class DrawerPendingRow(Model):
    """A cart of which something came that is still to be judged, from `since` on, not before `due_at`."""

    __tablename__ = "drawer_pending"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    cart: Mapped[str] = mapped_column(String(64), primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_drawer_pending_due", "facility", "due_at"),)


class DrawerRuleRow(Model):
    """Who may open drawers without a patient: `ward` "" every one, `drawer` 0 every one of the `kind` ("any" or "controlled"). Ended,
    never deleted."""

    __tablename__ = "drawer_rules"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    ward: Mapped[str] = mapped_column(String(64), default="")
    drawer: Mapped[int] = mapped_column(Integer, default=0)
    kind: Mapped[str] = mapped_column(String(16), default="any")
    role: Mapped[str] = mapped_column(String(80))
    two_people: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    added_by: Mapped[str] = mapped_column(String(64))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(String(64))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_drawer_rules_open", "facility", "ended_at"),)


class DrawerSettingRow(Model):
    """One row a facility: for how many minutes a drawer may stand open, and what a PIN must be like. `pin_days` 0: no age is too old."""

    __tablename__ = "drawer_settings"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    open_min: Mapped[int] = mapped_column(Integer, default=5)
    pin_digits: Mapped[int] = mapped_column(Integer, default=6)
    pin_days: Mapped[int] = mapped_column(Integer, default=0)
    revision: Mapped[int] = mapped_column(Integer, default=1)
    changed_by: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PinStateRow(Model):
    """How old a person's PIN is, and until when it counts. `ends_at` was set by a person ("expired", "must-change", "revoked" say why in
    `why`); a new PIN forgets it. `cleared_at`: a manager ended the pause after wrong tries."""

    __tablename__ = "pin_states"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff: Mapped[str] = mapped_column(String(64), primary_key=True)
    set_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    why: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))
    locked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    locked_cart: Mapped[str] = mapped_column(String(64), default="", server_default=text("''"))
    cleared_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
