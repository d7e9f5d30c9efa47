"""Queries about machines: claims that wait to be used, and certificates. Nothing here judges; a token is only known by its hash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select, update

from server.store.tables import MachineCertificateRow as Row
from server.store.tables import MachineClaimRow as Claim
from server.store.transaction import Transaction
from server.store.versions import insertion


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCertificate:
    """`serial` as hex. `replaced_by` is the serial of its successor."""

    serial: str
    machine: str
    pem: str
    key_hash: str
    issued_at: datetime
    not_before: datetime
    not_after: datetime
    renews: str | None = None
    replaced_by: str | None = None
    replaced_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    reason: str | None = None

    def in_force(self, at: datetime) -> bool:
        return self.revoked_at is None and self.not_before <= at < self.not_after


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredClaim:
    machine: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None
    key_hash: str | None
    serial: str | None


def put_claim(tx: Transaction, *, token_hash: str, machine: str, expires_at: datetime) -> None:
    """A claim of the actor; those of the same machine that nobody used end with it."""
    end_claims(tx, machine)
    row = {"token_hash": token_hash, "machine": machine, "made_by": tx.actor.id, "made_at": tx.at, "expires_at": expires_at}
    tx.session.add(Claim(facility=tx.facility, **row))
    tx.session.flush()


def end_claims(tx: Transaction, machine: str) -> int:
    """Claims of this machine that nobody used end now; how many."""
    waiting = (Claim.facility == tx.facility, Claim.machine == machine, Claim.used_at.is_(None), Claim.expires_at > tx.at)
    return tx.changed(update(Claim).where(*waiting).values(expires_at=tx.at))


def use_claim(tx: Transaction, *, token_hash: str, machine: str, key_hash: str) -> bool:
    """Whether this call is the one that uses the claim: of any number at once exactly one is."""
    fits = (Claim.facility == tx.facility, Claim.token_hash == token_hash, Claim.machine == machine)
    return (
        tx.changed(
            update(Claim)
            .where(*fits, Claim.used_at.is_(None), Claim.expires_at > tx.at)
            .values(used_at=tx.at, key_hash=key_hash)
            .execution_options(synchronize_session=False)
        )
        == 1
    )


def note_serial(tx: Transaction, *, token_hash: str, serial: str) -> None:
    tx.session.execute(update(Claim).where(Claim.facility == tx.facility, Claim.token_hash == token_hash).values(serial=serial))


def claim(tx: Transaction, token_hash: str) -> StoredClaim | None:
    row = tx.session.scalars(select(Claim).where(Claim.facility == tx.facility, Claim.token_hash == token_hash)).first()
    if row is None:
        return None
    return StoredClaim(
        machine=row.machine,
        made_by=row.made_by,
        made_at=row.made_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
        key_hash=row.key_hash,
        serial=row.serial,
    )


def put(tx: Transaction, found: StoredCertificate) -> bool:
    """Whether it was written: not when its key has a certificate already, or the one that it renews has a successor."""
    columns = ("serial", "machine", "pem", "key_hash", "issued_at", "not_before", "not_after", "renews")
    values = {"facility": tx.facility, **{name: getattr(found, name) for name in columns}}
    written = tx.inserted(insertion(tx, Row).values(**values).on_conflict_do_nothing().returning(Row.serial))
    if written and found.renews is not None:
        old = (Row.facility == tx.facility, Row.serial == found.renews)
        tx.session.execute(update(Row).where(*old).values(replaced_by=found.serial, replaced_at=tx.at))
    return written


def get(tx: Transaction, serial: str) -> StoredCertificate | None:
    return _first(tx, _mine(tx).where(Row.serial == serial))


def of_key(tx: Transaction, key_hash: str) -> StoredCertificate | None:
    return _first(tx, _mine(tx).where(Row.key_hash == key_hash))


def held(tx: Transaction, serial: str) -> StoredCertificate | None:
    """As `get`, and nobody else changes it until the transaction ends."""
    return _first(tx, _mine(tx).where(Row.serial == serial).with_for_update())


def of_serials(tx: Transaction, serials: tuple[str, ...]) -> tuple[StoredCertificate, ...]:
    return _all(tx, _mine(tx).where(Row.serial.in_(serials)).order_by(Row.serial))


def of_machine(tx: Transaction, machine: str) -> tuple[StoredCertificate, ...]:
    """Newest first."""
    return _all(tx, _mine(tx).where(Row.machine == machine).order_by(Row.issued_at.desc(), Row.serial))


def listed(tx: Transaction, *, limit: int = 500) -> tuple[StoredCertificate, ...]:
    """The newest certificate of every machine, by machine."""
    rank = func.row_number().over(partition_by=Row.machine, order_by=(Row.issued_at.desc(), Row.serial)).label("rank")
    ranked = select(Row.serial, rank).where(Row.facility == tx.facility).subquery()
    newest = select(ranked.c.serial).where(ranked.c.rank == 1)
    return _all(tx, _mine(tx).where(Row.serial.in_(newest)).order_by(Row.machine).limit(limit))


def unexpired(tx: Transaction) -> tuple[StoredCertificate, ...]:
    """Every certificate whose time is not over, revoked ones too, by machine."""
    return _all(tx, _mine(tx).where(Row.not_after > tx.at).order_by(Row.machine, Row.issued_at, Row.serial))


def revoke(tx: Transaction, machine: str, *, reason: str) -> tuple[str, ...]:
    """The serials that were revoked by this call: every one of the machine that was not."""
    standing = (Row.facility == tx.facility, Row.machine == machine, Row.revoked_at.is_(None), Row.not_after > tx.at)
    found = tuple(tx.session.scalars(select(Row.serial).where(*standing).order_by(Row.serial).with_for_update()))
    if found:
        values = {"revoked_at": tx.at, "revoked_by": tx.actor.id, "reason": reason}
        tx.session.execute(update(Row).where(Row.facility == tx.facility, Row.serial.in_(found)).values(**values))
    return found


def revoke_serials(tx: Transaction, serials: tuple[str, ...], *, reason: str) -> tuple[str, ...]:
    """Those of them that were not revoked before."""
    mine = (Row.facility == tx.facility, Row.serial.in_(serials), Row.revoked_at.is_(None))
    found = tuple(tx.session.scalars(select(Row.serial).where(*mine).order_by(Row.serial).with_for_update()))
    values = {"revoked_at": tx.at, "revoked_by": tx.actor.id, "reason": reason}
    tx.session.execute(update(Row).where(Row.facility == tx.facility, Row.serial.in_(found)).values(**values))
    return found


def _mine(tx: Transaction) -> Select[Row]:
    return select(Row).where(Row.facility == tx.facility).execution_options(populate_existing=True)


def _first(tx: Transaction, query: Select[Row]) -> StoredCertificate | None:
    row = tx.session.scalars(query).first()
    return None if row is None else _stored(row)


def _all(tx: Transaction, query: Select[Row]) -> tuple[StoredCertificate, ...]:
    return tuple(_stored(row) for row in tx.session.scalars(query))


def _stored(row: Row) -> StoredCertificate:
    return StoredCertificate(**{name: getattr(row, name) for name in StoredCertificate.__dataclass_fields__})
