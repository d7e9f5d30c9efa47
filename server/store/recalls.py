"""Queries about recalls: which lots, which were lifted, who already got them, and which wards ever had the product. Reads, and one insert.

A recall is never changed: it is lifted when the task about lifting it was answered so.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, String, and_, cast, func, insert, select

from server.store import reach
from server.store.tables import AdministrationRow, PatientRow, ProductRow, RecallRow, StaffRow, TaskRow
from server.store.tasks import COMPLETED
from server.store.transaction import Transaction

# Who got a recalled lot is listed to this many records; a recall that touches more says so.
MOST_LISTED = 5000
# The kind of the task by which one person asks to lift a recall and another does; its key is the recall's id.
LIFT = "recall-lift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    id: int
    product: str
    gtin: str
    lots: tuple[str, ...]
    serials: tuple[str, ...]
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One dose of the product. `certain` False: its lot was not in the label, so that nobody can say."""

    record_id: str
    patient: str
    mrn: str
    name: str
    ward: str
    bed: str | None
    status: str | None
    at: datetime
    dose: str | None
    lot: str | None
    serial: str | None
    nurse: str
    nurse_name: str
    certain: bool


def add(tx: Transaction, *, product: str, gtin: str, lots: Collection[str], serials: Collection[str], reason: str) -> int:
    return int(
        tx.session.execute(
            insert(RecallRow)
            .values(
                facility=tx.facility,
                product=product,
                gtin=gtin,
                lots=list(lots),
                serials=list(serials),
                reason=reason,
                by=tx.actor.id,
                at=tx.at,
            )
            .returning(RecallRow.id)
        ).scalar_one()
    )


def get(tx: Transaction, recall: int) -> Recall | None:
    row = tx.session.scalar(select(RecallRow).where(RecallRow.facility == tx.facility, RecallRow.id == recall))
    return None if row is None else _recall(row)


def listed(tx: Transaction, *, limit: int = 50) -> tuple[Recall, ...]:
    """Newest first."""
    rows = tx.session.scalars(select(RecallRow).where(RecallRow.facility == tx.facility).order_by(RecallRow.id.desc()).limit(limit))
    return tuple(_recall(row) for row in rows)


def of_product(tx: Transaction, product: str) -> tuple[Recall, ...]:
    """Oldest first, lifted ones too."""
    rows = tx.session.scalars(
        select(RecallRow).where(RecallRow.facility == tx.facility, RecallRow.product == product).order_by(RecallRow.id)
    )
    return tuple(_recall(row) for row in rows)


def lots_of(tx: Transaction, product: str) -> tuple[str, ...]:
    """Every lot of the product that was ever recalled here by a recall that was not lifted, each once."""
    rows = tx.session.scalars(
        select(RecallRow.lots).where(RecallRow.facility == tx.facility, RecallRow.product == product, _in_force(tx)).order_by(RecallRow.id)
    )
    return tuple(dict.fromkeys(lot for lots in rows for lot in lots or ()))


def _in_force(tx: Transaction) -> ColumnElement[bool]:
    lifted = select(TaskRow.key).where(TaskRow.facility == tx.facility, TaskRow.kind == LIFT, TaskRow.status == COMPLETED)
    return cast(RecallRow.id, String).not_in(lifted)


def hold_product(tx: Transaction, product: str) -> None:
    """Until the transaction ends nobody else changes the product: of two recalls at once neither is lost."""
    tx.session.execute(select(ProductRow.id).where(ProductRow.facility == tx.facility, ProductRow.id == product).with_for_update())


def wards_of(tx: Transaction, product: str) -> tuple[str, ...]:
    """Wards in which the product was ever given."""
    rows = tx.session.scalars(
        select(AdministrationRow.ward)
        .where(AdministrationRow.facility == tx.facility, AdministrationRow.product == product)
        .distinct()
        .order_by(AdministrationRow.ward)
    )
    return tuple(ward for ward in rows if ward)


def recipients(tx: Transaction, recall: Recall) -> tuple[Recipient, ...]:
    """Everybody who got the recalled lots, or a pack whose lot nobody read; newest first, at most `MOST_LISTED`. One statement."""
    later = select(AdministrationRow.amends).where(AdministrationRow.facility == tx.facility, AdministrationRow.amends.is_not(None))
    rows = tx.session.execute(
        select(AdministrationRow, PatientRow.name, PatientRow.bed, PatientRow.status, PatientRow.ward, StaffRow.name)
        .outerjoin(PatientRow, and_(PatientRow.facility == AdministrationRow.facility, PatientRow.id == AdministrationRow.patient))
        .outerjoin(StaffRow, and_(StaffRow.facility == AdministrationRow.facility, StaffRow.id == AdministrationRow.nurse))
        .where(
            AdministrationRow.facility == tx.facility,
            AdministrationRow.product == recall.product,
            AdministrationRow.action.in_(("give", "start")),
            AdministrationRow.status.in_(("completed", "in-progress", "stopped", "on-hold")),
            AdministrationRow.record_id.not_in(later),
            *reach.of_ward(tx, AdministrationRow.ward, AdministrationRow.patient),
        )
        .order_by(AdministrationRow.effective_at.desc(), AdministrationRow.record_id)
        .limit(MOST_LISTED)
    )
    lots, serials = set(recall.lots), set(recall.serials)
    found = []
    for row, name, bed, status, ward, nurse in rows:
        held = {lot.strip() for lot in (row.lot or "").split(",") if lot.strip()}
        mine = {serial.strip() for serial in (row.serial or "").split(",") if serial.strip()}
        certain = bool(held & lots) and (not serials or bool(mine & serials))
        unknown = not held or (bool(held & lots) and bool(serials) and not mine)
        if not certain and not unknown:
            continue
        found.append(
            Recipient(
                record_id=row.record_id,
                patient=row.patient,
                mrn=row.mrn,
                name=name or "",
                ward=ward or row.ward,
                bed=bed,
                status=status,
                at=row.effective_at,
                dose=row.dose,
                lot=row.lot,
                serial=row.serial,
                nurse=row.nurse,
                nurse_name=nurse or "",
                certain=certain,
            )
        )
    return tuple(found)


def number_given(tx: Transaction, product: str) -> int:
    """How many records of the product there are: more than `MOST_LISTED` and a list is not whole."""
    return int(
        tx.session.scalar(
            select(func.count())
            .select_from(AdministrationRow)
            .where(AdministrationRow.facility == tx.facility, AdministrationRow.product == product)
        )
        or 0
    )


def _recall(row: RecallRow) -> Recall:
    return Recall(
        id=row.id,
        product=row.product,
        gtin=row.gtin,
        lots=tuple(row.lots or ()),
        serials=tuple(row.serials or ()),
        reason=row.reason,
        by=row.by,
        at=row.at,
    )
