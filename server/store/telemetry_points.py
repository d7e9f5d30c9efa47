"""Points of telemetry for charts: at most one of a cart and a kind in five minutes, for ninety days. The newest numbers stand elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, or_, select

from pointofcare.wire.messages import TelemetryKind
from server.store.tables import CartTelemetryPointRow
from server.store.transaction import Transaction
from server.store.versions import insertion

EVERY = timedelta(minutes=5)
KEPT = timedelta(days=90)
_LONGEST = 2000
_MOST_VALUES = 40
_FORGOTTEN_AT_ONCE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    at: datetime
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)


def slot(at: datetime) -> datetime:
    """The five minutes that `at` is in."""
    return at.replace(minute=at.minute // 5 * 5, second=0, microsecond=0)


def keep(tx: Transaction, cart: str, kind: TelemetryKind, values: Mapping[str, object]) -> bool:
    """The first of each five minutes is kept; of its values what a chart can show: numbers, truths and short words."""
    shown = {
        name: value
        for name, value in list(values.items())[:_MOST_VALUES]
        if isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= 64)
    }
    if not shown or len(json.dumps(shown)) > _LONGEST:
        return False
    new = insertion(tx, CartTelemetryPointRow).values(facility=tx.facility, cart=cart, kind=kind.value, at=slot(tx.at), values=shown)
    tx.session.execute(new.on_conflict_do_nothing())
    return True


def between(tx: Transaction, cart: str, kind: TelemetryKind, since: datetime, until: datetime, *, limit: int = 5000) -> tuple[Point, ...]:
    """Oldest first, at most `limit`."""
    rows = tx.session.execute(
        select(CartTelemetryPointRow.at, CartTelemetryPointRow.values)
        .where(
            CartTelemetryPointRow.facility == tx.facility,
            CartTelemetryPointRow.cart == cart,
            CartTelemetryPointRow.kind == kind.value,
            CartTelemetryPointRow.at >= since,
            CartTelemetryPointRow.at < until,
        )
        .order_by(CartTelemetryPointRow.at)
        .limit(limit)
    )
    return tuple(Point(at=at, values=values) for at, values in rows)


def forget_old(tx: Transaction) -> int:
    """Removes points that are too old, some at a time."""
    row = CartTelemetryPointRow
    old = tx.session.execute(
        select(row.cart, row.kind, row.at)
        .where(row.facility == tx.facility, row.at < tx.at - KEPT)
        .order_by(row.at)
        .limit(_FORGOTTEN_AT_ONCE)
    ).all()
    for first in range(0, len(old), 200):
        part = old[first : first + 200]
        each = or_(*(and_(row.cart == cart, row.kind == kind, row.at == at) for cart, kind, at in part))
        tx.session.execute(delete(row).where(row.facility == tx.facility, each))
    return len(old)
