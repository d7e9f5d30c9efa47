"""Queries about sign-ins: running sessions, known browsers, and what was missed how often. What a person holds comes as a digest only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, true, update

from pointofcare.errors import NotFoundError
from server.store import staff_wards
from server.store.staff_wards import Reach
from server.store.tables import FailedSignInRow, KnownBrowserRow, SignInSessionRow, StaffRow
from server.store.transaction import Transaction
from server.store.versions import insertion

# What was missed is forgotten after so long without another miss.
FORGET_AFTER = timedelta(hours=24)
KEEP_ENDED = timedelta(days=30)
KEEP_BROWSER = timedelta(days=180)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """One running or ended sign-in. `id` is a digest, `kind` "web" or "token", `agent` what the browser called itself."""

    id: str
    staff: str
    kind: str
    started_at: datetime
    seen_at: datetime
    factor_at: datetime | None
    ended_at: datetime | None
    address: str
    agent: str


def _sign_in(row: SignInSessionRow) -> SignIn:
    names = ("id", "staff", "kind", "started_at", "seen_at", "factor_at", "ended_at", "address", "agent")
    return SignIn(**{name: getattr(row, name) for name in names})


def start(tx: Transaction, id_: str, staff: str, *, kind: str, factor: bool, address: str, agent: str) -> None:
    """`factor`: the second factor was shown just now."""
    tx.session.execute(delete(SignInSessionRow).where(SignInSessionRow.staff == staff, SignInSessionRow.seen_at < tx.at - KEEP_ENDED))
    tx.session.add(
        SignInSessionRow(
            id=id_,
            staff=staff,
            kind=kind,
            started_at=tx.at,
            seen_at=tx.at,
            factor_at=tx.at if factor else None,
            address=address[:64],
            agent=agent[:200],
        )
    )
    row = tx.session.get(StaffRow, staff)
    if row is not None:
        row.last_login_at = tx.at


def find(tx: Transaction, id_: str) -> SignIn | None:
    row = tx.session.get(SignInSessionRow, id_)
    return None if row is None else _sign_in(row)


def find_with_reach(tx: Transaction, id_: str, staff: str) -> tuple[SignIn | None, Reach]:
    """As `find`, and what `staff` reaches now: one statement."""
    theirs = staff_wards.reaching(tx, staff)
    rows = tx.session.execute(select(SignInSessionRow, theirs).outerjoin(theirs, true()).where(SignInSessionRow.id == id_)).all()
    found = _sign_in(rows[0][0]) if rows else None
    return found, staff_wards.of_rows(tx, [row for row in rows if row.what is not None])


def running(tx: Transaction, staff: str, *, since: datetime) -> tuple[SignIn, ...]:
    """The person's sign-ins that started after `since` and were not ended, newest use first."""
    rows = tx.session.scalars(
        select(SignInSessionRow)
        .where(SignInSessionRow.staff == staff, SignInSessionRow.ended_at.is_(None), SignInSessionRow.started_at > since)
        .order_by(SignInSessionRow.seen_at.desc())
    )
    return tuple(_sign_in(row) for row in rows)


def saw(tx: Transaction, id_: str) -> None:
    tx.session.execute(update(SignInSessionRow).where(SignInSessionRow.id == id_).values(seen_at=tx.at))


def showed_factor(tx: Transaction, id_: str) -> None:
    tx.session.execute(update(SignInSessionRow).where(SignInSessionRow.id == id_).values(factor_at=tx.at, seen_at=tx.at))


def end(tx: Transaction, staff: str, id_: str) -> None:
    """Ends one sign-in of this person. Raises: NotFoundError when there is none that runs."""
    mine = (SignInSessionRow.id == id_, SignInSessionRow.staff == staff, SignInSessionRow.ended_at.is_(None))
    if not tx.changed(update(SignInSessionRow).where(*mine).values(ended_at=tx.at)):
        raise NotFoundError("this sign-in does not run", remedy="look at the list again")


def end_all(tx: Transaction, staff: str, *, but: str = "") -> int:
    """How many were ended; the one with the id `but` goes on."""
    mine = (SignInSessionRow.staff == staff, SignInSessionRow.ended_at.is_(None), SignInSessionRow.id != but)
    return tx.changed(update(SignInSessionRow).where(*mine).values(ended_at=tx.at))


# Browsers in which somebody has signed in before.


def knows_browser(tx: Transaction, browser: str, staff: str) -> bool:
    row = tx.session.get(KnownBrowserRow, (browser, staff))
    return row is not None and row.seen_at > tx.at - KEEP_BROWSER


def remember_browser(tx: Transaction, browser: str, staff: str) -> None:
    row = tx.session.get(KnownBrowserRow, (browser, staff))
    if row is None:
        tx.session.add(KnownBrowserRow(browser=browser, staff=staff, seen_at=tx.at))
    else:
        row.seen_at = tx.at


def forget_browsers(tx: Transaction, staff: str) -> None:
    tx.session.execute(delete(KnownBrowserRow).where(KnownBrowserRow.staff == staff))


# What was guessed at.


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    failures: int
    locked_until: datetime | None


def missed(tx: Transaction, subject: str) -> Missed:
    """How often in a row, as of now; zero after a day without a miss. The row is made when there is none, and held until the
    transaction ends, so that two guesses at once count as two."""
    new = insertion(tx, FailedSignInRow).values(facility=tx.facility, subject=subject, failures=0, last_at=tx.at)
    tx.session.execute(new.on_conflict_do_nothing())
    query = select(FailedSignInRow).where(FailedSignInRow.facility == tx.facility, FailedSignInRow.subject == subject)
    row = tx.session.scalars(query.with_for_update()).one()
    if row.last_at < tx.at - FORGET_AFTER:
        return Missed(failures=0, locked_until=None)
    return Missed(failures=row.failures, locked_until=row.locked_until)


def put_missed(tx: Transaction, subject: str, missed: Missed) -> None:
    """Of a row that `missed` holds. Rows that nobody added to for a day go, so that made-up names never fill the disk."""
    old = FailedSignInRow.last_at < tx.at - FORGET_AFTER
    row = tx.session.get_one(FailedSignInRow, (tx.facility, subject))
    row.failures, row.locked_until, row.last_at = missed.failures, missed.locked_until, tx.at
    tx.session.flush()
    tx.session.execute(delete(FailedSignInRow).where(FailedSignInRow.facility == tx.facility, old))


def forget_missed(tx: Transaction) -> None:
    """Everything that was ever missed at this facility."""
    tx.session.execute(delete(FailedSignInRow).where(FailedSignInRow.facility == tx.facility))
