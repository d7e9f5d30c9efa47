"""Versions of the signed tables: they rise in the transaction that changes what a table holds, never apart from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from pointofcare.wire.messages import TableKind
from pointofcare.wire.routes import is_level
from server.store import driver
from server.store.tables import TableVersionRow
from server.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class TableVersion:
    ward: str
    kind: TableKind
    version: int
    changed_at: datetime


def insertion(tx: Transaction, table: Any) -> Any:
    """An INSERT that can say what to do on conflict, in the dialect at hand."""
    return postgresql.insert(table) if tx.session.get_bind().dialect.name == "postgresql" else sqlite.insert(table)


def bump(tx: Transaction, *wards: str | None) -> None:
    """The charts of these wards changed: one statement for each ward. None is ignored, and so is what no ward can be called."""
    for ward in sorted({ward for ward in wards if ward and is_level(ward)}):
        _raise(tx, ward, TableKind.PATIENT_CHART)


def bump_kind(tx: Transaction, kind: TableKind, *wards: str | None) -> None:
    """One table of these wards changed, as it stands there; None is ignored."""
    for ward in sorted({ward for ward in wards if ward}):
        _raise(tx, ward, kind)


def bump_one(tx: Transaction, ward: str, kind: TableKind) -> None:
    """One table of one ward changed."""
    _raise(tx, ward, kind)


def hold(tx: Transaction, kind: TableKind) -> None:
    """Lets nobody else change a table of this kind until the transaction ends: what is read after this is the newest."""
    same = {TableVersionRow.version: TableVersionRow.version}
    tx.session.execute(
        update(TableVersionRow).where(TableVersionRow.facility == tx.facility, TableVersionRow.kind == kind.value).values(same)
    )


def bump_everywhere(tx: Transaction, kind: TableKind) -> None:
    """A table that every ward has changed in all of them."""
    tx.session.execute(
        update(TableVersionRow)
        .where(TableVersionRow.facility == tx.facility, TableVersionRow.kind == kind.value)
        .values(version=TableVersionRow.version + 1, changed_at=tx.at)
    )


def _raise(tx: Transaction, ward: str, kind: TableKind) -> None:
    row = {"facility": tx.facility, "ward": ward, "kind": kind.value, "version": 2, "changed_at": tx.at}
    driver.put(tx.connection, driver.kept(tx.connection, _raising, tx.connection.dialect.name, columns=tuple(row)), row)


def _raising(dialect: str) -> Any:
    table = cast("Table", TableVersionRow.__table__)
    new = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    risen = {"version": table.c.version + 1, "changed_at": new.excluded.changed_at}
    return new.on_conflict_do_update(index_elements=["facility", "ward", "kind"], set_=risen)


def raise_above(tx: Transaction, ward: str, kind: TableKind, version: int) -> int:
    """A cart holds a version that is newer than ours: this database is new, or was restored. Returns the version from now on."""
    open_ward(tx, ward)
    tx.session.execute(
        update(TableVersionRow)
        .where(
            TableVersionRow.facility == tx.facility,
            TableVersionRow.ward == ward,
            TableVersionRow.kind == kind.value,
            TableVersionRow.version <= version,
        )
        .values(version=version + 1, changed_at=tx.at)
    )
    return of_ward(tx, ward)[kind]


def open_ward(tx: Transaction, ward: str) -> None:
    """Gives a ward a version of every kind, where it has none."""
    for kind in TableKind:
        new = insertion(tx, TableVersionRow).values(facility=tx.facility, ward=ward, kind=kind.value, version=1, changed_at=tx.at)
        tx.session.execute(new.on_conflict_do_nothing())


def of_ward(tx: Transaction, ward: str) -> dict[TableKind, int]:
    """Kind -> version; a ward that nothing was ever written for has version 1 of each."""
    rows = tx.session.execute(
        select(TableVersionRow.kind, TableVersionRow.version).where(TableVersionRow.facility == tx.facility, TableVersionRow.ward == ward)
    )
    found = {TableKind(kind): version for kind, version in rows}
    return {kind: found.get(kind, 1) for kind in TableKind}


def current(tx: Transaction) -> tuple[TableVersion, ...]:
    """Every version there is."""
    rows = tx.session.execute(
        select(TableVersionRow.ward, TableVersionRow.kind, TableVersionRow.version, TableVersionRow.changed_at).where(
            TableVersionRow.facility == tx.facility
        )
    )
    return tuple(TableVersion(ward=row.ward, kind=TableKind(row.kind), version=row.version, changed_at=row.changed_at) for row in rows)


def total(tx: Transaction) -> int:
    """One number that rises with every change of any table."""
    mine: ColumnElement[bool] = TableVersionRow.facility == tx.facility
    return int(tx.session.scalar(select(func.coalesce(func.sum(TableVersionRow.version), 0)).where(mine)) or 0)
