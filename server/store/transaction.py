"""One unit of work. The only file that knows the session: it opens, commits once, writes the audit rows, and closes.

`with transaction(actor) as tx:` writes; `with reading(actor) as tx:` only reads. Both need a Flask application context. What a
verb did is told with `tx.audit(...)` and written in the same commit, so nothing is done that the audit does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from flask import current_app
from sqlalchemy import Connection, CursorResult, Engine, Executable, Table
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from pointofcare.people import StaffRole
from server.store import driver, training
from server.store.database import FACILITY, WRITES, db
from server.store.tables import AuditRow

# A database that cannot be read or written now: full, locked, away.
DatabaseFault = OperationalError
# Two wrote the same thing at the same moment; the other one was faster.
Clash = IntegrityError


_AUDIT = cast("Table", AuditRow.__table__).insert

# Key of the application's extensions: the engines below, by what they are for.
_ENGINES = "pointofcare-engines"

__all__ = ["FACILITY", "Actor", "Clash", "DatabaseFault", "Transaction", "reading", "transaction"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: a person of the staff with roles, or a program ("gateway", "dispatcher") without any. `place` is the address from
    which a person asks, "" where there is none. `wards` are those whose patients the person reaches, None: all of the facility;
    `emergencies` the patients outside them whose charts the person opened with a reason."""

    id: str
    name: str = ""
    roles: frozenset[StaffRole] = frozenset()
    place: str = ""
    wards: frozenset[str] | None = None
    emergencies: frozenset[str] = frozenset()
    # Wards where the person only helps out -> the roles that count there.
    guest: Mapping[str, frozenset[str]] = field(default_factory=dict, hash=False)

    def has(self, *roles: StaffRole) -> bool:
        return not self.roles.isdisjoint(roles)


@dataclass(slots=True, kw_only=True)
class Transaction:
    """`at` is the moment of the transaction, aware UTC: every row it writes carries this one."""

    session: Session
    facility: str
    actor: Actor
    at: datetime
    audits: list[dict[str, object]] = field(default_factory=list)
    _connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """For statements that go round the session (`server.store.driver`)."""
        if self._connection is None:
            self._connection = self.session.connection()
        return self._connection

    def inserted(self, statement: Executable, row: Mapping[str, object] | None = None) -> bool:
        """Runs an INSERT of one row that may conflict and returns something; whether the row was written. A row count would not
        say it on every driver."""
        return self.session.connection().execute(statement, row).first() is not None

    def changed(self, statement: Executable) -> int:
        """Runs an UPDATE or DELETE; the number of rows that it touched."""
        return cast("CursorResult[Any]", self.session.execute(statement)).rowcount

    def audit(self, action: str, subject: str, detail: Mapping[str, object] | None = None) -> None:
        """Says what was done; written when the transaction commits. `detail` holds plain JSON values."""
        self.audits.append(
            {
                "facility": self.facility,
                "at": self.at,
                "actor": self.actor.id,
                "action": action,
                "subject": subject,
                "detail": self._marked(subject, dict(detail or {})),
                "roles": " ".join(sorted(role.value for role in self.actor.roles)),
                "place": self.actor.place,
            }
        )

    def _marked(self, subject: str, detail: dict[str, object]) -> dict[str, object]:
        """What is seen or done under an emergency access says so, with its patient."""
        if not self.actor.emergencies:
            return detail
        several = detail.get("patients")
        told = {subject.removeprefix("patient/"), detail.get("patient"), *(several if isinstance(several, (list, tuple)) else ())}
        under = sorted(self.actor.emergencies & told)
        return {**detail, "emergency": under} if under else detail


def _engine(purpose: str, **options: Any) -> Engine:
    """The database's engine with these options, made once for an application."""
    engine = db.engine
    made: dict[str, tuple[Engine, Engine]] = current_app.extensions.setdefault(_ENGINES, {})
    of, found = made.get(purpose, (None, engine))
    if of is not engine:
        found = engine.execution_options(**options)
        made[purpose] = (engine, found)
    return found


def _writing() -> Engine:
    """Its connections are going to write."""
    return _engine("writing", **{WRITES: True})


def _reading() -> Engine:
    """Its transactions see the database as it was at their first statement."""
    return _engine("reading", isolation_level="REPEATABLE READ") if db.engine.dialect.name == "postgresql" else db.engine


@contextmanager
def transaction(actor: Actor, *, at: datetime | None = None) -> Iterator[Transaction]:
    """Commits when the block ends, rolls back when it raises. Raises: ConfigError for a database of real patients in training, and the
    other way round."""
    training.require()
    with Session(_writing(), expire_on_commit=False) as session, session.begin():
        tx = Transaction(session=session, facility=current_app.config[FACILITY], actor=actor, at=at or datetime.now(UTC))
        yield tx
        session.flush()
        if tx.audits:
            statement = driver.kept(tx.connection, _AUDIT, columns=tuple(tx.audits[0]))
            for row in tx.audits:
                driver.put(tx.connection, statement, row)


@contextmanager
def reading(actor: Actor | None = None, *, at: datetime | None = None) -> Iterator[Transaction]:
    """One consistent look; nothing that was changed in the block is kept."""
    with Session(_reading(), autoflush=False) as session:
        yield Transaction(
            session=session,
            facility=current_app.config[FACILITY],
            actor=actor or Actor(id="reader"),
            at=at or datetime.now(UTC),
        )
        session.rollback()
