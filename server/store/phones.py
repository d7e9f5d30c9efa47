"""Queries about phones: claims that wait for one, and pairings. Nothing here judges; a token and a cookie are only known by their hash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select, tuple_, update

from server.store.tables import PhoneClaimRow as Claim
from server.store.tables import PhonePairingRow as Row
from server.store.transaction import Transaction
from server.store.versions import insertion

# More phones than any hospital pairs at once: a gate holds no more in its memory, and a page lists no more.
MOST = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPairing:
    """`browser` is what it says of itself, `place` the address that it came from."""

    cart: str
    number: int
    cookie_hash: str
    claimed_by: str
    paired_at: datetime
    expires_at: datetime
    browser: str = ""
    place: str = ""
    seen_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None
    reason: str | None = None

    def stands(self, at: datetime) -> bool:
        return self.ended_at is None and at < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPhoneClaim:
    cart: str
    made_by: str
    expires_at: datetime


def put_claim(tx: Transaction, *, token_hash: str, cart: str, expires_at: datetime) -> None:
    """A claim of the actor; those of the same cart that no phone used end with it."""
    end_claims(tx, cart)
    row = {"token_hash": token_hash, "cart": cart, "made_by": tx.actor.id, "made_at": tx.at, "expires_at": expires_at}
    tx.session.add(Claim(facility=tx.facility, **row))
    tx.session.flush()


def end_claims(tx: Transaction, cart: str) -> int:
    """Claims of this cart that no phone used end now; how many."""
    waiting = (Claim.facility == tx.facility, Claim.cart == cart, Claim.used_at.is_(None), Claim.expires_at > tx.at)
    return tx.changed(update(Claim).where(*waiting).values(expires_at=tx.at))


def use_claim(tx: Transaction, token_hash: str) -> StoredPhoneClaim | None:
    """The claim, when this call is the one that uses it: of any number at once exactly one is."""
    fits = (Claim.facility == tx.facility, Claim.token_hash == token_hash)
    used = update(Claim).where(*fits, Claim.used_at.is_(None), Claim.expires_at > tx.at).values(used_at=tx.at)
    if tx.changed(used.execution_options(synchronize_session=False)) != 1:
        return None
    row = tx.session.execute(select(Claim.cart, Claim.made_by, Claim.expires_at).where(*fits)).one()
    return StoredPhoneClaim(cart=row.cart, made_by=row.made_by, expires_at=row.expires_at)


def next_number(tx: Transaction, cart: str) -> int:
    """Higher than every one before, also than those that a restored backup has forgotten and the cart has not: never below the minutes of
    the clock."""
    found = tx.session.scalar(select(func.max(Row.number)).where(Row.facility == tx.facility, Row.cart == cart))
    return max((found or 0) + 1, int(tx.at.timestamp()) // 60)


def put(tx: Transaction, found: StoredPairing) -> bool:
    """Whether it was written: not when another pairing of this cart came first."""
    values = {"facility": tx.facility, **{name: getattr(found, name) for name in StoredPairing.__dataclass_fields__}}
    return tx.inserted(insertion(tx, Row).values(**values).on_conflict_do_nothing().returning(Row.number))


def end(tx: Transaction, cart: str, *, reason: str) -> tuple[int, ...]:
    """The numbers of the pairings of this cart that this call ended."""
    standing = (Row.facility == tx.facility, Row.cart == cart, Row.ended_at.is_(None))
    found = tuple(tx.session.scalars(select(Row.number).where(*standing).order_by(Row.number).with_for_update()))
    if found:
        values = {"ended_at": tx.at, "ended_by": tx.actor.id, "reason": reason}
        tx.session.execute(update(Row).where(*standing, Row.number.in_(found)).values(**values))
    return found


def standing(tx: Transaction) -> tuple[StoredPairing, ...]:
    """Every pairing with which a phone may come now, by cart."""
    query = _mine(tx).where(Row.ended_at.is_(None), Row.expires_at > tx.at).order_by(Row.cart, Row.number)
    return tuple(_stored(row) for row in tx.session.scalars(query.limit(MOST)))


def waiting(tx: Transaction) -> tuple[StoredPhoneClaim, ...]:
    """Pairing codes that were shown and that no phone has used, by cart."""
    query = select(Claim.cart, Claim.made_by, Claim.expires_at).where(
        Claim.facility == tx.facility, Claim.used_at.is_(None), Claim.expires_at > tx.at
    )
    return tuple(StoredPhoneClaim(**row._mapping) for row in tx.session.execute(query.order_by(Claim.cart).limit(MOST)))


def listed(tx: Transaction, *, limit: int = MOST) -> tuple[StoredPairing, ...]:
    """The newest pairing of every cart, by cart: whoever stands is on it, so that every phone can be cut off."""
    rank = func.row_number().over(partition_by=Row.cart, order_by=Row.number.desc()).label("rank")
    ranked = select(Row.cart, Row.number, rank).where(Row.facility == tx.facility).subquery()
    newest = select(ranked.c.cart, ranked.c.number).where(ranked.c.rank == 1)
    query = _mine(tx).where(tuple_(Row.cart, Row.number).in_(newest)).order_by(Row.cart).limit(limit)
    return tuple(_stored(row) for row in tx.session.scalars(query))


def saw(tx: Transaction, pairings: Iterable[tuple[str, int]]) -> None:
    """These phones asked for something a moment ago."""
    for cart, number in sorted(pairings):
        tx.session.execute(update(Row).where(Row.facility == tx.facility, Row.cart == cart, Row.number == number).values(seen_at=tx.at))


def _mine(tx: Transaction) -> Select[Row]:
    return select(Row).where(Row.facility == tx.facility).execution_options(populate_existing=True)


def _stored(row: Row) -> StoredPairing:
    return StoredPairing(**{name: getattr(row, name) for name in StoredPairing.__dataclass_fields__})
