"""Queries about programs that read from us over FHIR: who is registered, and which signed statements were taken before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, literal, select, update

from server.store.tables.fhir import FhirAssertionRow, FhirClientRow
from server.store.transaction import Transaction
from server.store.versions import insertion


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A registered program. `keys` is its JWKS, `scopes` what it may be given, `wards` None: patients of all wards."""

    id: str
    name: str
    keys: Mapping[str, Any]
    scopes: str
    wards: frozenset[str] | None
    made_by: str
    made_at: datetime
    seen_at: datetime | None
    revoked_by: str | None
    revoked_at: datetime | None
    reason: str | None


def _client(row: FhirClientRow) -> Client:
    names = ("id", "name", "keys", "scopes", "made_by", "made_at", "seen_at", "revoked_by", "revoked_at", "reason")
    wards = None if row.wards is None else frozenset(row.wards)
    return Client(wards=wards, **{name: getattr(row, name) for name in names})


def find(tx: Transaction, client: str) -> Client | None:
    row = tx.session.get(FhirClientRow, (tx.facility, client), populate_existing=True)
    return None if row is None else _client(row)


def listed(tx: Transaction) -> tuple[Client, ...]:
    """By name; programs of one hospital, of which there are a handful."""
    query = select(FhirClientRow).where(FhirClientRow.facility == tx.facility).order_by(FhirClientRow.name, FhirClientRow.id).limit(500)
    return tuple(_client(row) for row in tx.session.scalars(query))


def add(tx: Transaction, client: str, *, name: str, keys: Mapping[str, Any], scopes: str, wards: frozenset[str] | None) -> bool:
    """False: this id is taken, by one that was revoked too."""
    row = {"id": client, "name": name, "keys": dict(keys), "scopes": scopes, "wards": None if wards is None else sorted(wards)}
    new = insertion(tx, FhirClientRow).values(facility=tx.facility, made_by=tx.actor.id, made_at=tx.at, **row)
    return tx.inserted(new.on_conflict_do_nothing().returning(literal(1)))


def revoke(tx: Transaction, client: str, *, reason: str) -> bool:
    """False: there is none, or it was revoked before."""
    mine = (FhirClientRow.facility == tx.facility, FhirClientRow.id == client, FhirClientRow.revoked_at.is_(None))
    return tx.changed(update(FhirClientRow).where(*mine).values(revoked_by=tx.actor.id, revoked_at=tx.at, reason=reason)) == 1


def saw(tx: Transaction, client: str) -> None:
    tx.session.execute(update(FhirClientRow).where(FhirClientRow.facility == tx.facility, FhirClientRow.id == client).values(seen_at=tx.at))


def take_once(tx: Transaction, client: str, *, jti: str, expires_at: datetime) -> bool:
    """False: it was shown before. Those that have run out go."""
    row = FhirAssertionRow
    tx.session.execute(delete(row).where(row.facility == tx.facility, row.expires_at < tx.at))
    new = insertion(tx, row).values(facility=tx.facility, client=client, jti=jti, expires_at=expires_at)
    return tx.inserted(new.on_conflict_do_nothing().returning(literal(1)))
