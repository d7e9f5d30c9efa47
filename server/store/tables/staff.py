"""Staff: who signs in on the web and at a cart. The rows are Flask-Security's user and role models."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from flask import current_app, g
from flask_security import RoleMixin, UserMixin
from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.store.columns import UtcDateTime
from server.store.database import FACILITY, Model, db


def _drawn() -> str:
    return uuid4().hex


def _here() -> str:
    return str(current_app.config[FACILITY])


staff_roles = Table(
    "staff_roles",
    db.metadata,
    Column("staff", String(64), ForeignKey("staff.id"), primary_key=True),
    Column("role", Integer, ForeignKey("roles.id"), primary_key=True),
)


class RoleRow(Model, RoleMixin):
    """`name` is a `pointofcare.people.StaffRole`."""

    __tablename__ = "roles"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    description: Mapped[str | None] = mapped_column(String(255))


class StaffRow(Model, UserMixin):
    """`id` is the id of `AdministrationRecord.nurse`. `licensed` None: not known, which no check takes for yes.

    `fs_uniquifier` is drawn anew to end all of a person's sessions. `pin_hash` goes to the carts, `password` never does;
    `must_change_password`: somebody else set it."""

    __tablename__ = "staff"

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=_drawn)  # type: ignore[assignment]
    facility: Mapped[str] = mapped_column(String(64), default=_here)
    email: Mapped[str] = mapped_column(String(255), unique=True)
    username: Mapped[str | None] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(200), default="")
    password: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True, default=_drawn)
    badge: Mapped[str | None] = mapped_column(String(64))
    pin_hash: Mapped[str | None] = mapped_column(String(255))
    must_change_password: Mapped[bool] = mapped_column(default=False, server_default=false())
    licensed: Mapped[bool | None] = mapped_column()
    licence_number: Mapped[str | None] = mapped_column(String(64))
    language: Mapped[str | None] = mapped_column(String(8))
    valid_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_login_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # type: ignore[assignment]

    roles: Mapped[list[RoleRow]] = relationship(RoleRow, secondary=staff_roles, lazy="selectin")  # type: ignore[assignment]

    def augment_auth_token(self, tdata: dict[str, Any]) -> None:
        """A token names its own sign-in, which can be ended alone."""
        tdata["sid"] = g.get("pointofcare_new_sid", "")

    def verify_auth_token(self, tdata: dict[str, Any]) -> bool:
        """Whether that sign-in still runs is asked where the person is read."""
        g.pointofcare_token_sid = tdata.get("sid")
        return True

    __table_args__ = (Index("ix_staff_badge", "facility", "badge", unique=True),)
