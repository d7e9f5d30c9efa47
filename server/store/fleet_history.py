"""Queries about what became of carts over time: phases, points for charts, batteries, and the one list of everything that happened.

Every look at one cart is bounded and follows an index of that cart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select

from server.store.tables import CartBatteryRow, CartPhaseRow, CartTelemetryPointRow
from server.store.transaction import Transaction
from server.store.versions import insertion

KEPT = timedelta(days=90)
MOST_POINTS = 700
MOST_PHASES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    at: datetime
    phase: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The numbers of one subsystem at one moment."""

    at: datetime
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """`every` is 1 where all points of the time are here, n where every n-th is."""

    points: tuple[Point, ...]
    every: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """As in `CartBatteryRow`."""

    sums: Mapping[str, Any]
    load_percent_h: float | None
    spread_percent_h: float | None
    seen_h: float
    replace_on: date | None


def note_phase(tx: Transaction, cart: str, phase: str, why: str = "") -> None:
    """The cart is in this phase now; what is said again is kept once. What is older than `KEPT` goes, but for the newest."""
    mine = (CartPhaseRow.facility == tx.facility, CartPhaseRow.cart == cart)
    newest = tx.session.execute(
        select(CartPhaseRow.phase, CartPhaseRow.why).where(*mine).order_by(CartPhaseRow.at.desc(), CartPhaseRow.id.desc()).limit(1)
    ).first()
    if newest is not None and (newest.phase, newest.why) == (phase[:16], why[:64]):
        return
    if newest is not None:
        tx.session.execute(delete(CartPhaseRow).where(*mine, CartPhaseRow.at < tx.at - KEPT).execution_options(synchronize_session=False))
    tx.session.add(CartPhaseRow(facility=tx.facility, cart=cart, at=tx.at, phase=phase[:16], why=why[:64]))


def phases(tx: Transaction, cart: str, *, since: datetime) -> tuple[Phase, ...]:
    """Oldest first, beginning with the one that held at `since`."""
    mine = (CartPhaseRow.facility == tx.facility, CartPhaseRow.cart == cart)
    columns = select(CartPhaseRow.at, CartPhaseRow.phase, CartPhaseRow.why)
    newest_first = (CartPhaseRow.at.desc(), CartPhaseRow.id.desc())
    found = list(tx.session.execute(columns.where(*mine, CartPhaseRow.at > since).order_by(*newest_first).limit(MOST_PHASES)))
    found += tx.session.execute(columns.where(*mine, CartPhaseRow.at <= since).order_by(*newest_first).limit(1))
    return tuple(Phase(at=row.at, phase=row.phase, why=row.why) for row in reversed(found))


def points(tx: Transaction, cart: str, kind: str, *, since: datetime) -> Points:
    """Oldest first, `MOST_POINTS` at most, evenly taken from all of the time."""
    row = CartTelemetryPointRow
    mine = (row.facility == tx.facility, row.cart == cart, row.kind == kind, row.at > since)
    number = int(tx.session.scalar(select(func.count()).select_from(row).where(*mine)) or 0)
    every = max(1, math.ceil(number / MOST_POINTS))
    if every == 1:
        query = select(row.at, row.values).where(*mine).order_by(row.at)
    else:
        counted = select(row.at, func.row_number().over(order_by=row.at.desc()).label("place")).where(*mine).subquery()
        chosen = select(counted.c.at).where(counted.c.place % every == 1)
        query = select(row.at, row.values).where(*mine, row.at.in_(chosen)).order_by(row.at)
    found = tuple(Point(at=one.at, values=dict(one[1] or {})) for one in tx.session.execute(query.limit(MOST_POINTS + 1)))
    return Points(points=found, every=every)


def battery(tx: Transaction, cart: str) -> Battery | None:
    return batteries(tx, (cart,)).get(cart)


def batteries(tx: Transaction, carts: tuple[str, ...]) -> dict[str, Battery]:
    """Cart -> what is known of its battery, in one statement."""
    row = CartBatteryRow
    columns = (row.cart, row.sums, row.load_percent_h, row.spread_percent_h, row.seen_h, row.replace_on)
    found = tx.session.execute(select(*columns).where(row.facility == tx.facility, row.cart.in_(carts)))
    return {
        one.cart: Battery(
            sums=dict(one.sums or {}),
            load_percent_h=one.load_percent_h,
            spread_percent_h=one.spread_percent_h,
            seen_h=one.seen_h,
            replace_on=one.replace_on,
        )
        for one in found
    }


def put_battery(tx: Transaction, cart: str, **values: object) -> None:
    new = insertion(tx, CartBatteryRow).values(facility=tx.facility, cart=cart, changed_at=tx.at, **values)
    tx.session.execute(
        new.on_conflict_do_update(index_elements=["facility", "cart"], set_={**values, "changed_at": tx.at}).execution_options(
            synchronize_session=False
        )
    )
