"""Queries about labels that gave nurses trouble: each sighting once, and of one code how often, where, since when. Append-only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from server.store.plain import storable
from server.store.tables import BarcodeSightingRow
from server.store.transaction import Transaction
from server.store.versions import insertion

UNKNOWN = "unknown"
UNREADABLE = "unreadable"
TYPED = "typed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """`kind` and `key` are those of the code's task, `cause` one of the three above, `text` what was read or typed."""

    kind: str
    key: str
    record_id: str
    cause: str
    text: str
    ward: str
    cart: str
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ward:
    ward: str
    times: int
    carts: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Of one code: `wards` with most sightings first, `causes` and `reasons` with how often."""

    times: int
    first: datetime
    last: datetime
    wards: tuple[Ward, ...]
    causes: tuple[tuple[str, int], ...]
    reasons: tuple[tuple[str, int], ...]


def add(tx: Transaction, sighting: Sighting) -> bool:
    """False: it is noted already."""
    row = storable(
        {
            "facility": tx.facility,
            "kind": sighting.kind,
            "key": sighting.key,
            "record_id": sighting.record_id,
            "cause": sighting.cause,
            "text": sighting.text[:200],
            "reason": None if sighting.reason is None else sighting.reason[:200],
            "ward": sighting.ward,
            "cart": sighting.cart,
            "at": sighting.at,
        }
    )
    return tx.inserted(insertion(tx, BarcodeSightingRow).values(**row).on_conflict_do_nothing().returning(BarcodeSightingRow.id))


def summaries(tx: Transaction, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Summary]:
    """(kind, key) -> what was seen of it; two statements, whatever the number of sightings. A key without any stays away."""
    if not keys:
        return {}
    s = BarcodeSightingRow
    mine = (s.facility == tx.facility, s.kind.in_({kind for kind, _ in keys}), s.key.in_({key for _, key in keys}))
    wards: dict[tuple[str, str], list[Ward]] = {}
    of_wards = (
        select(s.kind, s.key, s.ward, func.count(), func.count(s.cart.distinct()), func.min(s.at), func.max(s.at))
        .where(*mine)
        .group_by(s.kind, s.key, s.ward)
    )
    for kind, key, ward, times, carts, first, last in tx.session.execute(of_wards):
        wards.setdefault((kind, key), []).append(Ward(ward=ward, times=int(times), carts=int(carts), first=first, last=last))
    causes: dict[tuple[str, str], dict[str, int]] = {}
    reasons: dict[tuple[str, str], dict[str, int]] = {}
    of_causes = select(s.kind, s.key, s.cause, s.reason, func.count()).where(*mine).group_by(s.kind, s.key, s.cause, s.reason)
    for kind, key, cause, reason, times in tx.session.execute(of_causes):
        told = causes.setdefault((kind, key), {})
        told[cause] = told.get(cause, 0) + int(times)
        if reason:
            why = reasons.setdefault((kind, key), {})
            why[reason] = why.get(reason, 0) + int(times)
    return {
        name: Summary(
            times=sum(one.times for one in found),
            first=min(one.first for one in found),
            last=max(one.last for one in found),
            wards=tuple(sorted(found, key=lambda one: (-one.times, one.ward))),
            causes=_often(causes.get(name, {})),
            reasons=_often(reasons.get(name, {})),
        )
        for name, found in wards.items()
        if name in keys
    }


def newest(tx: Transaction, kind: str, key: str, *, limit: int = 20) -> tuple[Sighting, ...]:
    rows = tx.session.scalars(
        select(BarcodeSightingRow)
        .where(BarcodeSightingRow.facility == tx.facility, BarcodeSightingRow.kind == kind, BarcodeSightingRow.key == key)
        .order_by(BarcodeSightingRow.at.desc(), BarcodeSightingRow.id.desc())
        .limit(limit)
    )
    return tuple(
        Sighting(
            kind=row.kind,
            key=row.key,
            record_id=row.record_id,
            cause=row.cause,
            text=row.text,
            ward=row.ward,
            cart=row.cart,
            at=row.at,
            reason=row.reason,
        )
        for row in rows
    )


def _often(counted: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counted.items(), key=lambda each: (-each[1], each[0])))
