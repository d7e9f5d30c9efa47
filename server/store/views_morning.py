"""What waits for a pharmacist beside the orders, with the age of the oldest: overrides, discrepancies, requests, barcodes. Reads only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from server.store import reach
from server.store.tables import AdministrationRow, DiscrepancyRow, OverrideReviewRow, TaskRow
from server.store.tasks import OPEN
from server.store.transaction import Transaction
from server.store.views_review import SHOWN

# A badge needs no more.
MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """`number` up to `MOST`; `oldest` None: nothing waits."""

    number: int
    oldest: datetime | None


def of_tasks(tx: Transaction, kinds: Collection[str]) -> dict[str, Waiting]:
    """Kind -> what is open of it, in one statement; a kind of which nothing waits stays away."""
    rows = tx.session.execute(
        select(TaskRow.kind, func.count(), func.min(TaskRow.raised_at))
        .where(
            TaskRow.facility == tx.facility,
            TaskRow.status.in_(OPEN),
            TaskRow.kind.in_(kinds),
            *reach.of_ward(tx, TaskRow.ward, TaskRow.patient),
        )
        .group_by(TaskRow.kind)
    )
    return {kind: Waiting(number=int(number), oldest=oldest) for kind, number, oldest in rows}


def overrides(tx: Transaction) -> Waiting:
    seen = select(OverrideReviewRow.record_id).where(OverrideReviewRow.facility == tx.facility)
    return _counted(
        tx,
        select(AdministrationRow.effective_at.label("at"))
        .where(
            AdministrationRow.facility == tx.facility,
            AdministrationRow.overridden.is_(True),
            AdministrationRow.effective_at >= tx.at - SHOWN,
            AdministrationRow.record_id.not_in(seen),
            *reach.of_ward(tx, AdministrationRow.ward, AdministrationRow.patient),
        )
        .order_by(AdministrationRow.effective_at)
        .limit(MOST),
    )


def discrepancies(tx: Transaction) -> Waiting:
    return _counted(
        tx,
        select(DiscrepancyRow.raised_at.label("at"))
        .where(
            DiscrepancyRow.facility == tx.facility,
            DiscrepancyRow.state == "open",
            *reach.of_ward(tx, DiscrepancyRow.ward, DiscrepancyRow.patient),
        )
        .order_by(DiscrepancyRow.raised_at)
        .limit(MOST),
    )


def _counted(tx: Transaction, oldest_first: Select[Any]) -> Waiting:
    found: list[datetime] = list(tx.session.scalars(oldest_first))
    return Waiting(number=len(found), oldest=found[0] if found else None)
