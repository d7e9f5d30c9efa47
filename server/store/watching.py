"""What those who watch the server ask of the database: is it there, is its schema ours, since when does what waits wait.

Every question is answered from an index or from as many rows as there are carts, so that watching costs the same in a hospital of any
size. No answer names a patient or a person. Needs a Flask application context.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, func, inspect, or_, select, text
from sqlalchemy.exc import SQLAlchemyError

from server.store import audit_log, migrate, outbox
from server.store.database import db
from server.store.tables import CartRow, OrderRow
from server.store.transaction import Transaction
from server.store.views_fleet import ONLINE_PHASES, SILENT_AFTER

DatabaseError = SQLAlchemyError


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """`found` None: the database is empty. `wanted`: what this release brings it to while older servers may run. `refused`: why this
    release may not run on it, "" when it may."""

    found: str | None
    wanted: str
    refused: str = ""

    @property
    def is_current(self) -> bool:
        return self.found == self.wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class WardOfCarts:
    """The carts of a ward. Of those that are there: the oldest chart and the clock that is furthest off, None: none told.
    `unsent_away` are records on carts that are not there."""

    online: int
    chart_age_s: float | None
    clock_offset_s: float | None
    unsent: int
    unsent_away: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Ages in seconds, 0: nothing waits. `newest_order_at` None: there never was one."""

    newest_order_at: datetime | None
    outbox_age_s: float
    parked: int
    seal_age_s: float


def schema() -> Schema:
    """Raises: DatabaseError: the database is not there."""
    found = _current()
    if found is None or not migrate.knows(found):
        return Schema(found=found, wanted=migrate.head(), refused=migrate.refused(found))
    todo = migrate.due(found)
    return Schema(found=found, wanted=todo[-1].revision if todo else found)


def _current() -> str | None:
    """As `migrate.current`, without its two lines in the log at each look."""
    with db.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.execute(text("select version_num from alembic_version")).scalar()
        return found


def database_ahead_s() -> float | None:
    """How far the database's clock is ahead of this machine's; None: it is the same clock. Raises: DatabaseError."""
    if db.engine.dialect.name == "sqlite":
        return None
    with db.engine.connect() as connection:
        before = datetime.now(UTC)
        told = connection.execute(text("select clock_timestamp()")).scalar_one()
        after = datetime.now(UTC)
    return float((told - (before + (after - before) / 2)).total_seconds())


def delays(tx: Transaction) -> Delays:
    left = outbox.waiting(tx)
    unsealed = audit_log.unsealed(tx, limit=1)
    return Delays(
        newest_order_at=tx.session.scalar(select(func.max(OrderRow.updated_at)).where(OrderRow.facility == tx.facility)),
        outbox_age_s=_age_s(tx, left.oldest_pending_at),
        parked=left.parked,
        seal_age_s=_age_s(tx, unsealed[0].at if unsealed else None),
    )


def _age_s(tx: Transaction, since: datetime | None) -> float:
    return 0.0 if since is None else max(0.0, (tx.at - since) / timedelta(seconds=1))


def carts_by_ward(tx: Transaction, *, limit: int) -> Mapping[str, WardOfCarts]:
    """Ward -> its carts, at most `limit` wards. One statement over the carts."""
    heard = or_(CartRow.silent_at > tx.at, and_(CartRow.silent_at.is_(None), CartRow.last_seen_at >= tx.at - SILENT_AFTER))
    online = and_(CartRow.phase.in_(sorted(ONLINE_PHASES)), CartRow.last_seen_at.is_not(None), heard)
    rows = tx.session.execute(
        select(
            CartRow.ward,
            func.count().filter(online),
            func.max(CartRow.chart_age_s).filter(online),
            func.max(func.abs(CartRow.clock_offset_s)).filter(online),
            func.coalesce(func.sum(CartRow.unsent), 0),
            func.coalesce(func.sum(CartRow.unsent).filter(or_(~online, online.is_(None))), 0),
        )
        .where(CartRow.facility == tx.facility)
        .group_by(CartRow.ward)
        .order_by(CartRow.ward)
        .limit(limit)
    )
    return {
        ward: WardOfCarts(online=int(count), chart_age_s=age, clock_offset_s=offset, unsent=int(unsent), unsent_away=int(away))
        for ward, count, age, offset, unsent, away in rows
    }
