"""Sign-ins: sessions, second factors, recovery codes, known browsers and what went wrong. No secret stands here in the clear."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import UtcDateTime
from server.store.database import Model


class SignInSessionRow(Model):
    """One sign-in of one person. `id` is the SHA-256 of what the browser or the API's client holds; `kind` "web" or "token".

    `factor_at` is when the second factor was last shown, None: never in this session."""

    __tablename__ = "sign_in_sessions"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff: Mapped[str] = mapped_column(String(64), ForeignKey("staff.id"))
    kind: Mapped[str] = mapped_column(String(8))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    factor_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    address: Mapped[str] = mapped_column(String(64), default="")
    agent: Mapped[str] = mapped_column(String(200), default="")

    __table_args__ = (Index("ix_sign_in_sessions_staff", "staff", "started_at"),)


class SecondFactorRow(Model):
    """A TOTP secret (RFC 6238), sealed for this person. `last_step` is the newest time step whose code was taken: none is taken twice."""

    __tablename__ = "second_factors"

    staff: Mapped[str] = mapped_column(String(64), ForeignKey("staff.id"), primary_key=True)
    sealed: Mapped[str] = mapped_column(Text)
    drawn_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_step: Mapped[int] = mapped_column(BigInteger, default=-1)


class RecoveryCodeRow(Model):
    """`digest` is keyed with the site's secret; a used code stays, so that its use can be told."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    staff: Mapped[str] = mapped_column(String(64), ForeignKey("staff.id"))
    digest: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_recovery_codes_staff", "staff"),)


class KnownBrowserRow(Model):
    """A browser in which this person has signed in before. `browser` is the SHA-256 of its cookie."""

    __tablename__ = "known_browsers"

    browser: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff: Mapped[str] = mapped_column(String(64), ForeignKey("staff.id"), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class FailedSignInRow(Model):
    """How often something that is guessed at was missed in a row. `subject` is a digest: what was typed as a name may be a password."""

    __tablename__ = "failed_sign_ins"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
