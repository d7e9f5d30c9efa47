"""Queries about opened multi-dose containers: opened by the earliest record that drew from one and still counts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, literal, select, tuple_
from sqlalchemy.orm import aliased

from pointofcare.products import Container
from server.store.plain import storable
from server.store.tables import AdministrationRow, ContainerUseRow, OpenedContainerRow
from server.store.transaction import Transaction
from server.store.versions import insertion

# A container that nobody threw away must not look unopened again; by then its own expiry date has passed.
REMEMBERED = timedelta(days=400)
# What a ward still has to look at.
SHOWN = timedelta(days=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedView:
    gtin: str
    serial: str
    opened_at: datetime
    record_id: str
    ward: str


def use(tx: Transaction, *, gtin: str, serial: str, record_id: str, at: datetime, ward: str) -> bool:
    """A record drew from a container. True: it is opened now, or was opened earlier than was known. A repeat changes nothing."""
    named = storable({"gtin": gtin, "serial": serial, "record_id": record_id, "ward": ward})
    new = insertion(tx, ContainerUseRow).values(facility=tx.facility, at=at, **named)
    if not tx.inserted(new.on_conflict_do_nothing().returning(literal(1))):
        return False
    row = {"opened_at": at, "record_id": named["record_id"], "ward": named["ward"]}
    opened = insertion(tx, OpenedContainerRow).values(facility=tx.facility, gtin=named["gtin"], serial=named["serial"], **row)
    return tx.inserted(
        opened.on_conflict_do_update(
            index_elements=["facility", "gtin", "serial"], set_=row, where=OpenedContainerRow.opened_at > opened.excluded.opened_at
        ).returning(literal(1))
    )


def withdraw(tx: Transaction, record_id: str) -> bool:
    """The record was a mistake: each container that it drew from is opened by the earliest other use that counts, or not at all.
    True: something changed. Three statements where the record drew from a container, else one."""
    mine = ContainerUseRow.facility == tx.facility
    drawn = tx.session.execute(
        select(ContainerUseRow.gtin, ContainerUseRow.serial).where(mine, ContainerUseRow.record_id == record_id)
    ).all()
    if not drawn:
        return False
    keys = [(row.gtin, row.serial) for row in drawn]
    later = aliased(AdministrationRow)
    amended = select(later.record_id).where(later.facility == tx.facility, later.amends == ContainerUseRow.record_id).exists()
    place = func.row_number().over(
        partition_by=(ContainerUseRow.gtin, ContainerUseRow.serial), order_by=(ContainerUseRow.at, ContainerUseRow.record_id)
    )
    first = (
        select(ContainerUseRow, place.label("place"))
        .where(mine, tuple_(ContainerUseRow.gtin, ContainerUseRow.serial).in_(keys), ContainerUseRow.record_id != record_id, ~amended)
        .subquery()
    )
    rest = tx.session.execute(select(first).where(first.c.place == 1)).all()
    tx.session.execute(
        delete(OpenedContainerRow).where(
            OpenedContainerRow.facility == tx.facility, tuple_(OpenedContainerRow.gtin, OpenedContainerRow.serial).in_(keys)
        )
    )
    if rest:
        tx.session.execute(
            insertion(tx, OpenedContainerRow),
            [
                {
                    "facility": tx.facility,
                    "gtin": row.gtin,
                    "serial": row.serial,
                    "opened_at": row.at,
                    "record_id": row.record_id,
                    "ward": row.ward,
                }
                for row in rest
            ],
        )
    return True


def listed(tx: Transaction) -> tuple[Container, ...]:
    """Those of the hospital that were opened of late, by GTIN and serial: one statement."""
    rows = tx.session.execute(
        select(OpenedContainerRow.gtin, OpenedContainerRow.serial, OpenedContainerRow.opened_at)
        .where(OpenedContainerRow.facility == tx.facility, OpenedContainerRow.opened_at >= tx.at - REMEMBERED)
        .order_by(OpenedContainerRow.gtin, OpenedContainerRow.serial)
    )
    return tuple(Container(gtin=row.gtin, serial=row.serial, opened_at=row.opened_at) for row in rows)


def of_ward(tx: Transaction, ward: str, *, limit: int = 100) -> tuple[OpenedView, ...]:
    """Those that were opened in the ward, newest first."""
    rows = tx.session.scalars(
        select(OpenedContainerRow)
        .where(
            OpenedContainerRow.facility == tx.facility,
            OpenedContainerRow.opened_at >= tx.at - SHOWN,
            OpenedContainerRow.ward == ward,
        )
        .order_by(OpenedContainerRow.opened_at.desc())
        .limit(limit)
    )
    return tuple(
        OpenedView(gtin=row.gtin, serial=row.serial, opened_at=row.opened_at, record_id=row.record_id, ward=row.ward) for row in rows
    )


def of_records(tx: Transaction, record_ids: Collection[str]) -> tuple[OpenedView, ...]:
    """The containers that these records drew from."""
    if not record_ids:
        return ()
    used = (
        select(ContainerUseRow.gtin, ContainerUseRow.serial)
        .where(ContainerUseRow.facility == tx.facility, ContainerUseRow.record_id.in_(record_ids))
        .distinct()
        .subquery()
    )
    rows = tx.session.scalars(
        select(OpenedContainerRow)
        .join(used, (used.c.gtin == OpenedContainerRow.gtin) & (used.c.serial == OpenedContainerRow.serial))
        .where(OpenedContainerRow.facility == tx.facility)
        .order_by(OpenedContainerRow.opened_at.desc())
    )
    return tuple(
        OpenedView(gtin=row.gtin, serial=row.serial, opened_at=row.opened_at, record_id=row.record_id, ward=row.ward) for row in rows
    )
