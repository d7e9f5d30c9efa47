"""Queries about conflicts: records of one dose that do not go together, whom they concern, and who has read of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import literal, select

from pointofcare.wire.tables import Conflict, Give
from server.store.discrepancies import OPEN
from server.store.plain import storable
from server.store.tables import AdministrationRow, DiscrepancyRow
from server.store.tables.dose import ConflictSeenRow
from server.store.transaction import Transaction
from server.store.versions import insertion

# The discrepancies that are between two nurses or two carts.
CODES = frozenset({"given-twice", "second-action", "lease-superseded"})
# A chart tells so many: nobody reads more at a bedside, and the review page has them all.
MOST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    staff: str
    cart: str
    at: datetime


def of_ward(tx: Transaction, ward: str) -> tuple[Conflict, ...]:
    """What is open in the ward, oldest first: one statement where there is nothing."""
    wanted = DiscrepancyRow.ward == ward, DiscrepancyRow.state == OPEN, DiscrepancyRow.code.in_(CODES)
    rows = tx.session.scalars(
        select(DiscrepancyRow).where(DiscrepancyRow.facility == tx.facility, *wanted).order_by(DiscrepancyRow.id).limit(MOST)
    ).all()
    return _conflicts(tx, rows)


def listed(tx: Transaction, discrepancies: Collection[int]) -> dict[int, Conflict]:
    """Those of them that are between two nurses or carts, open or not: nothing is asked where there is none."""
    if not discrepancies:
        return {}
    row = DiscrepancyRow
    rows = tx.session.scalars(select(row).where(row.facility == tx.facility, row.id.in_(discrepancies), row.code.in_(CODES))).all()
    return {each.id: each for each in _conflicts(tx, rows)}


def find(tx: Transaction, discrepancy: int) -> Conflict | None:
    """None: there is no such discrepancy, or it is not between two nurses or carts. Open or not."""
    return listed(tx, (discrepancy,)).get(discrepancy)


def _conflicts(tx: Transaction, rows: Collection[DiscrepancyRow]) -> tuple[Conflict, ...]:
    if not rows:
        return ()
    a = AdministrationRow
    ids = {row.record_id for row in rows} | {str(other) for row in rows for other in row.detail.get("others", ())}
    found = {
        record.record_id: record
        for record in tx.session.execute(
            select(a.record_id, a.cart, a.nurse, a.status, a.effective_at, a.order, a.due, a.product_name).where(
                a.facility == tx.facility, a.record_id.in_(ids)
            )
        )
    }
    seen = seen_of(tx, [row.id for row in rows])
    conflicts = []
    for row in rows:
        sides = [found[each] for each in (row.record_id, *map(str, row.detail.get("others", ()))) if each in found]
        first = found.get(row.record_id)
        conflicts.append(
            Conflict(
                id=row.id,
                code=row.code,
                patient=row.patient,
                at=row.raised_at,
                order=first.order if first is not None else None,
                drug=next((side.product_name for side in sides if side.product_name), ""),
                due=first.due if first is not None else None,
                gives=tuple(
                    Give(record_id=side.record_id, cart=side.cart, nurse=side.nurse, status=side.status, at=side.effective_at)
                    for side in sorted(sides, key=lambda side: (side.effective_at, side.record_id))
                ),
                concerns=tuple(sorted({side.nurse for side in sides} | _at_the_other_cart(row))),
                seen=tuple(sorted(each.staff for each in seen.get(row.id, ()))),
            )
        )
    return tuple(conflicts)


def _at_the_other_cart(row: DiscrepancyRow) -> set[str]:
    """Who had the patient at the cart that held the lease: that nurse has no record of this dose, and may be about to give it."""
    nurse = row.detail.get("nurse")
    return {nurse} if row.code == "lease-superseded" and isinstance(nurse, str) and nurse else set()


def seen_of(tx: Transaction, discrepancies: Collection[int]) -> dict[int, tuple[Seen, ...]]:
    """Who has read of each, in the order in which they did."""
    found: dict[int, list[Seen]] = defaultdict(list)
    if discrepancies:
        s = ConflictSeenRow
        for row in tx.session.scalars(select(s).where(s.facility == tx.facility, s.discrepancy.in_(discrepancies)).order_by(s.at)):
            found[row.discrepancy].append(Seen(staff=row.staff, cart=row.cart, at=row.at))
    return {discrepancy: tuple(each) for discrepancy, each in found.items()}


def see(tx: Transaction, discrepancy: int, *, staff: str, cart: str, at: datetime) -> bool:
    """False: this person had read of it before."""
    row = storable({"staff": staff, "cart": cart})
    new = insertion(tx, ConflictSeenRow).values(facility=tx.facility, discrepancy=discrepancy, at=at, **row)
    return tx.inserted(new.on_conflict_do_nothing().returning(literal(1)))
