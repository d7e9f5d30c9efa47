"""Queries about second factors. Secrets come and go sealed, recovery codes as keyed digests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update

from server.store.tables import RecoveryCodeRow, SecondFactorRow, StaffRow
from server.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A drawn secret; it counts only once a code of it was shown (`confirmed_at`)."""

    sealed: str
    drawn_at: datetime
    confirmed_at: datetime | None


def find(tx: Transaction, staff: str) -> Factor | None:
    row = tx.session.get(SecondFactorRow, staff)
    return None if row is None else Factor(sealed=row.sealed, drawn_at=row.drawn_at, confirmed_at=row.confirmed_at)


def draw(tx: Transaction, staff: str, sealed: str) -> bool:
    """Puts a new unconfirmed secret in place of another unconfirmed one. False: a confirmed one is there, and stays."""
    row = tx.session.get(SecondFactorRow, staff)
    if row is not None and row.confirmed_at is not None:
        return False
    if row is None:
        row = SecondFactorRow(staff=staff)
        tx.session.add(row)
    row.sealed, row.drawn_at, row.last_step = sealed, tx.at, -1
    return True


def take_step(tx: Transaction, staff: str, step: int) -> bool:
    """Marks the code of a time step as used. False: this one, or a later one, was used before; then nothing is changed."""
    fresh = (SecondFactorRow.staff == staff, SecondFactorRow.last_step < step)
    return bool(tx.changed(update(SecondFactorRow).where(*fresh).values(last_step=step)))


def confirm(tx: Transaction, staff: str, digests: Iterable[str]) -> None:
    """The secret counts from now on, with these recovery codes and no others."""
    tx.session.execute(update(SecondFactorRow).where(SecondFactorRow.staff == staff).values(confirmed_at=tx.at))
    put_recovery(tx, staff, digests)


def put_recovery(tx: Transaction, staff: str, digests: Iterable[str]) -> None:
    tx.session.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.staff == staff))
    tx.session.add_all([RecoveryCodeRow(staff=staff, digest=digest) for digest in digests])


def take_recovery(tx: Transaction, staff: str, digest: str) -> bool:
    """Uses up one recovery code. False: it is none of this person's, or was used."""
    unused = (RecoveryCodeRow.staff == staff, RecoveryCodeRow.digest == digest, RecoveryCodeRow.used_at.is_(None))
    return bool(tx.changed(update(RecoveryCodeRow).where(*unused).values(used_at=tx.at)))


def recovery_left(tx: Transaction, staff: str) -> int:
    unused = (RecoveryCodeRow.staff == staff, RecoveryCodeRow.used_at.is_(None))
    return int(tx.session.scalar(select(func.count()).select_from(RecoveryCodeRow).where(*unused)) or 0)


def remove(tx: Transaction, staff: str) -> bool:
    """Takes the second factor and its recovery codes away. False: there was none that counted."""
    had = find(tx, staff)
    tx.session.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.staff == staff))
    tx.session.execute(delete(SecondFactorRow).where(SecondFactorRow.staff == staff))
    return had is not None and had.confirmed_at is not None


def with_factor(tx: Transaction) -> frozenset[str]:
    """The ids of everybody who has a second factor that counts."""
    rows = tx.session.execute(
        select(SecondFactorRow.staff)
        .join(StaffRow, StaffRow.id == SecondFactorRow.staff)
        .where(StaffRow.facility == tx.facility, SecondFactorRow.confirmed_at.is_not(None))
    )
    return frozenset(staff for (staff,) in rows)
