"""Queries about wall screens. What a screen shows or keeps comes here as a digest only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from server.store.tables import WallScreenRow
from server.store.transaction import Transaction

MOST = 200
# Of a screen that ended the row stays so long, so that people see that it did.
SHOWN_ENDED = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """`came_at` None: nobody has shown the code's own screen yet. `seen_at` is written down at most once a minute."""

    id: int
    ward: str
    label: str
    language: str
    added_by: str
    added_at: datetime
    came_at: datetime | None
    seen_at: datetime | None
    place: str
    until: datetime
    ended_by: str | None
    ended_at: datetime | None

    def is_let_in(self, now: datetime) -> bool:
        return self.came_at is not None and self.ended_at is None and now < self.until


def _screen(row: WallScreenRow) -> Screen:
    names = Screen.__dataclass_fields__
    return Screen(**{name: getattr(row, name) for name in names})


def add(tx: Transaction, *, ward: str, label: str, language: str, code: str, until: datetime) -> int:
    row = WallScreenRow(
        facility=tx.facility, ward=ward, label=label, language=language, code=code, added_by=tx.actor.id, added_at=tx.at, until=until
    )
    tx.session.add(row)
    tx.session.flush()
    return row.id


def of_token(tx: Transaction, token: str) -> Screen | None:
    row = tx.session.scalar(select(WallScreenRow).where(WallScreenRow.facility == tx.facility, WallScreenRow.token == token))
    return None if row is None else _screen(row)


def waiting(tx: Transaction, code: str, *, since: datetime) -> Screen | None:
    """The screen that was let in by this code since then and has not come yet."""
    row = tx.session.scalar(
        select(WallScreenRow).where(
            WallScreenRow.facility == tx.facility,
            WallScreenRow.code == code,
            WallScreenRow.token.is_(None),
            WallScreenRow.ended_at.is_(None),
            WallScreenRow.added_at >= since,
        )
    )
    return None if row is None else _screen(row)


def forget_code(tx: Transaction, code: str) -> None:
    """A code that is given anew is no older screen's."""
    mine = (WallScreenRow.facility == tx.facility, WallScreenRow.code == code, WallScreenRow.token.is_(None))
    tx.session.execute(update(WallScreenRow).where(*mine).values(code=None, ended_at=tx.at, ended_by=tx.actor.id))


def come(tx: Transaction, screen: int, *, token: str, place: str) -> bool:
    """The screen came: its code is used up. False: it had come before."""
    mine = (WallScreenRow.facility == tx.facility, WallScreenRow.id == screen, WallScreenRow.token.is_(None))
    values = {"token": token, "code": None, "came_at": tx.at, "seen_at": tx.at, "place": place[:64]}
    return bool(tx.changed(update(WallScreenRow).where(*mine).values(**values)))


def saw(tx: Transaction, screen: int, *, place: str) -> None:
    mine = (WallScreenRow.facility == tx.facility, WallScreenRow.id == screen)
    tx.session.execute(update(WallScreenRow).where(*mine).values(seen_at=tx.at, place=place[:64]))


def get(tx: Transaction, screen: int) -> Screen | None:
    row = tx.session.get(WallScreenRow, screen)
    return None if row is None or row.facility != tx.facility else _screen(row)


def end(tx: Transaction, screen: int) -> bool:
    mine = (WallScreenRow.facility == tx.facility, WallScreenRow.id == screen, WallScreenRow.ended_at.is_(None))
    return bool(tx.changed(update(WallScreenRow).where(*mine).values(ended_at=tx.at, ended_by=tx.actor.id, code=None)))


def listed(tx: Transaction) -> tuple[Screen, ...]:
    """Those of the wards that the person reaches: first those that are let in or waited for, newest first."""
    w = WallScreenRow
    query = select(w).where(w.facility == tx.facility, (w.ended_at.is_(None)) | (w.ended_at > tx.at - SHOWN_ENDED))
    if tx.actor.wards is not None:
        query = query.where(w.ward.in_(sorted(tx.actor.wards)))
    rows = tx.session.scalars(query.order_by(w.ended_at.is_not(None), w.added_at.desc(), w.id.desc()).limit(MOST))
    return tuple(_screen(row) for row in rows)
