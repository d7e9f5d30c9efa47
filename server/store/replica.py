"""Reads over every hospital from a copy of the database that follows: never from the one that doses are written to, where it can be helped.

A copy may lag, and then says less than is true; whoever asks is told by how much. Nothing here can write.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from pointofcare.errors import PointOfCareError


class ReplicaError(PointOfCareError):
    """It cannot be read, or is too far behind."""

    code = "replica"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facility:
    facility: str
    doses: int
    discrepancies_open: int
    outbox_waiting: int
    outbox_parked: int
    carts: int
    newest_dose_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """`lag_s` None: it was read from the primary itself. `clock_off_s`: how far the copy's clock is from that of who asks."""

    at: datetime
    lag_s: float | None
    clock_off_s: float = 0.0
    facilities: tuple[Facility, ...]


_COUNTS = """
SELECT f.facility,
  (SELECT count(*) FROM administrations a WHERE a.facility = f.facility AND a.recorded_at >= :since),
  (SELECT count(*) FROM discrepancies d WHERE d.facility = f.facility AND d.state = 'open'),
  (SELECT count(*) FROM outbox o WHERE o.facility = f.facility AND o.state = 'pending'),
  (SELECT count(*) FROM outbox o WHERE o.facility = f.facility AND o.state = 'parked'),
  (SELECT count(*) FROM carts c WHERE c.facility = f.facility),
  (SELECT max(a.recorded_at) FROM administrations a WHERE a.facility = f.facility)
FROM (SELECT DISTINCT facility FROM wards) f ORDER BY 1
"""
# Each program says that it runs every 45 seconds: where nothing was written for longer, the copy hears nothing.
_CLOCKS = "SELECT clock_timestamp(), pg_last_xact_replay_timestamp()"


def read(url: str, *, hours: int, most_lag_s: int) -> Seen:
    """Raises: ReplicaError."""
    engine = create_engine(url, poolclass=NullPool, connect_args={"prepare_threshold": None}, hide_parameters=True)
    try:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection:
            lag_s, clock_off_s = _lag(connection)
            if lag_s is not None and lag_s > most_lag_s:
                raise ReplicaError(
                    f"the replica is {lag_s:.0f} s behind, more than {most_lag_s} s", remedy="see 'replica lagging' in docs/province.md"
                )
            at = datetime.now(UTC)
            rows = connection.execute(text(_COUNTS), {"since": at - timedelta(hours=hours)}).all()
    except SQLAlchemyError as exc:
        raise ReplicaError(
            f"the replica cannot be read: {type(exc).__name__}", remedy="look at replica_url, and whether one follows"
        ) from exc
    finally:
        engine.dispose()
    names = ("facility", "doses", "discrepancies_open", "outbox_waiting", "outbox_parked", "carts", "newest_dose_at")
    return Seen(
        at=at, lag_s=lag_s, clock_off_s=clock_off_s, facilities=tuple(Facility(**dict(zip(names, row, strict=True))) for row in rows)
    )


def behind_s(replayed: datetime, *clocks: datetime) -> float:
    """How old what was replayed last is, by the clock that makes it oldest: one that is behind must not hide a lag."""
    return max(0.0, *((clock - replayed).total_seconds() for clock in clocks))


def _lag(connection: Connection) -> tuple[float | None, float]:
    if not connection.execute(text("SELECT pg_is_in_recovery()")).scalar():
        return None, 0.0
    before = datetime.now(UTC)
    clock, replayed = connection.execute(text(_CLOCKS)).one()
    if replayed is None:
        raise ReplicaError("the replica has replayed nothing yet", remedy="wait until it follows, or look at why it does not")
    return behind_s(replayed, clock, before), (clock - before).total_seconds()
