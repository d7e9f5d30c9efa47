"""Moving what belongs to one patient's record to another's, and back. Nothing is deleted: each row keeps its id and its document, and
only whose it is changes. What was moved is written down row by row, so that exactly that can be moved back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, insert, select, text, update
from sqlalchemy.orm import aliased

from pointofcare.errors import NotFoundError
from server.store.tables import (
    AdministrationRow,
    AllergyRow,
    AttemptRow,
    BagRow,
    BandRow,
    DiscrepancyRow,
    DrawerAssignmentRow,
    LeaseDoubtRow,
    LeaseRow,
    ObservationRecordRow,
    ObservationRow,
    OrderRow,
    OrderVersionRow,
    PatientIdentityRow,
    PatientMergeRow,
    PumpReadingRow,
    TaskRow,
    WeightRow,
)
from server.store.tables.bedside_note import BedsideNoteRow
from server.store.tables.incident import IncidentReportRow
from server.store.tables.label import UnitLabelRow
from server.store.tables.national import InsuranceCardRow, StayRow
from server.store.transaction import Transaction

# Table -> what names a row of it. Orders move by a new version of theirs, allergies by joining the lists.
MOVED: Mapping[Any, tuple[str, ...]] = MappingProxyType(
    {
        AdministrationRow: ("record_id",),
        AttemptRow: ("record_id",),
        DiscrepancyRow: ("id",),
        TaskRow: ("id",),
        ObservationRecordRow: ("record_id",),
        BedsideNoteRow: ("record_id",),
        IncidentReportRow: ("id",),
        ObservationRow: ("id",),
        WeightRow: ("id",),
        BagRow: ("id",),
        PumpReadingRow: ("pump", "channel"),
        BandRow: ("gsrn", "srin"),
        DrawerAssignmentRow: ("cart", "drawer"),
        UnitLabelRow: ("serial",),
        InsuranceCardRow: ("id",),
        StayRow: ("id",),
    }
)
# Table -> why it stays with the record that it was written of.
STAYS: Mapping[str, str] = MappingProxyType(
    {
        "orders": "moved by a new version of each order",
        "allergies": "the lists are joined",
        "leases": "none may run while records are merged",
        "lease_doubts": "none may be open while records are merged",
        "emergency_access": "whose chart was opened is a fact of its time",
        "patient_identities": "names what was merged",
        "patient_photos": "each record keeps its own",
        "unfilled_doses": "numbers of their time, by order",
        "witness_requests": "asked about one moment, with what stood on the screen then",
        "patient_words": "each record's own name and number",
        "downtime_lines": "what stands on paper; what is entered from it goes to the record that holds",
        "incoming_items": "what another system sent, as it came",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    id: int
    kept: str
    gone: str
    reason: str
    by: str
    at: datetime
    moved: Mapping[str, Any]
    undone_by: str | None
    undone_at: datetime | None
    undo_reason: str | None


def hold(tx: Transaction) -> None:
    """On PostgreSQL no dose is written until the merge has ended, so that one that is under way finds the record it belongs to. SQLite
    has one writer anyway."""
    if tx.session.get_bind().dialect.name == "postgresql":
        tx.session.execute(text("LOCK TABLE administrations, attempts IN SHARE ROW EXCLUSIVE MODE"))


def is_at_a_cart(tx: Transaction, patients: tuple[str, ...]) -> bool:
    """Does a cart have one of them open, or owe an answer of what it gave? A lease that ran out and was never given back is such a one."""
    lease, doubt = LeaseRow, LeaseDoubtRow
    running = exists().where(lease.facility == tx.facility, lease.patient.in_(patients), lease.cart.is_not(None))
    owed = exists().where(doubt.facility == tx.facility, doubt.patient.in_(patients))
    return bool(tx.session.scalar(select(running)) or tx.session.scalar(select(owed)))


def move(tx: Transaction, gone: str, kept: str) -> dict[str, list[list[Any]]]:
    """Table -> keys of the rows that were moved. Two values of one moment cannot both be in a chart: such a one stays with `gone`."""
    moved: dict[str, list[list[Any]]] = {}
    for table, names in MOVED.items():
        conditions = [table.facility == tx.facility, table.patient == gone, *_FREE.get(table, _always)(kept)]
        columns = [getattr(table, name) for name in names]
        rows = [list(row) for row in tx.session.execute(select(*columns).where(*conditions).order_by(*columns))]
        if rows:
            tx.session.execute(update(table).where(*conditions).values(patient=kept).execution_options(synchronize_session=False))
            moved[table.__tablename__] = rows
    return moved


def move_back(tx: Transaction, moved: Mapping[str, Any], kept: str, gone: str) -> None:
    for table, names in MOVED.items():
        for row in moved.get(table.__tablename__, ()):
            key = [getattr(table, name) == value for name, value in zip(names, row, strict=True)]
            tx.session.execute(
                update(table)
                .where(table.facility == tx.facility, table.patient == kept, *key)
                .values(patient=gone)
                .execution_options(synchronize_session=False)
            )


def orders_to(tx: Transaction, orders: list[str], patient: str) -> None:
    """Whose these orders are; their newest versions say so already."""
    tx.session.execute(
        update(OrderRow)
        .where(OrderRow.facility == tx.facility, OrderRow.id.in_(orders))
        .values(patient=patient)
        .execution_options(synchronize_session=False)
    )


def counts(tx: Transaction, patient: str) -> dict[str, int]:
    """How many rows of each kind a record has, for the page and for the proof that none is lost."""
    tables = {"orders": OrderRow, **{table.__tablename__: table for table in MOVED}}
    return {
        name: int(
            tx.session.scalar(select(func.count()).select_from(table).where(table.facility == tx.facility, table.patient == patient)) or 0
        )
        for name, table in tables.items()
    }


def written_since(tx: Transaction, patient: str, since: datetime) -> tuple[str, ...]:
    """What came to the record after `since`: such a merge can no longer be undone by itself."""
    a, t, o, r, b, g, n = AdministrationRow, AttemptRow, OrderRow, ObservationRecordRow, BandRow, BagRow, BedsideNoteRow
    of: dict[str, tuple[Any, ...]] = {
        "administrations": (a.facility == tx.facility, a.patient == patient, a.received_at > since),
        "attempts": (t.facility == tx.facility, t.patient == patient, t.received_at > since),
        "orders": (o.facility == tx.facility, o.patient == patient, o.updated_at > since),
        "observations": (r.facility == tx.facility, r.patient == patient, r.received_at > since),
        "bedside_notes": (n.facility == tx.facility, n.patient == patient, n.received_at > since),
        "bands": (b.facility == tx.facility, b.patient == patient, b.printed_at > since),
        "bags": (g.facility == tx.facility, g.patient == patient, g.changed_at > since),
    }
    return tuple(name for name, conditions in of.items() if tx.session.scalar(select(exists().where(*conditions))))


# What is told about a patient at any moment, by whom ever.
_FACTS = (AdministrationRow, AttemptRow, OrderRow, ObservationRecordRow, BedsideNoteRow)


def facts(tx: Transaction, patient: str) -> dict[str, int]:
    """How many doses, attempts, orders, measurements and notes a record has: more of them later are new, whatever moment they carry."""
    return {
        table.__tablename__: int(
            tx.session.scalar(select(func.count()).select_from(table).where(table.facility == tx.facility, table.patient == patient)) or 0
        )
        for table in _FACTS
    }


def differing(tx: Transaction, found: Merge) -> tuple[str, ...]:
    """Of which kinds the record has not as many as right after the merge; () for a merge that does not remember."""
    then = found.moved.get("facts")
    if not isinstance(then, Mapping):
        return ()
    return tuple(name.replace("observation_records", "observations") for name, n in facts(tx, found.kept).items() if then.get(name) != n)


def point(tx: Transaction, gone: str, kept: str) -> tuple[str, ...]:
    """Records that were merged into `gone` before are part of `kept` now; their ids."""
    row = PatientIdentityRow
    earlier = tuple(tx.session.scalars(select(row.patient).where(row.facility == tx.facility, row.merged_into == gone)))
    tx.session.execute(update(row).where(row.facility == tx.facility, row.merged_into == gone).values(merged_into=kept))
    return earlier


def point_back(tx: Transaction, earlier: tuple[str, ...], gone: str) -> None:
    row = PatientIdentityRow
    tx.session.execute(update(row).where(row.facility == tx.facility, row.patient.in_(earlier)).values(merged_into=gone))


def add(tx: Transaction, *, kept: str, gone: str, reason: str, moved: Mapping[str, Any]) -> int:
    new = insert(PatientMergeRow).values(
        facility=tx.facility, kept=kept, gone=gone, reason=reason, by=tx.actor.id, at=tx.at, moved=dict(moved)
    )
    return int(tx.session.execute(new.returning(PatientMergeRow.id)).scalar_one())


def get(tx: Transaction, merge: int) -> Merge:
    """Raises: NotFoundError."""
    row = tx.session.scalar(
        select(PatientMergeRow)
        .where(PatientMergeRow.facility == tx.facility, PatientMergeRow.id == merge)
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFoundError(f"merge {merge} does not exist", remedy="look at the patient again", merge=merge)
    return _merge(row)


def of_patient(tx: Transaction, patient: str) -> tuple[Merge, ...]:
    """Every merge that this record was part of, newest first."""
    m = PatientMergeRow
    rows = tx.session.scalars(
        select(m).where(m.facility == tx.facility, (m.kept == patient) | (m.gone == patient)).order_by(m.id.desc()).limit(50)
    )
    return tuple(_merge(row) for row in rows)


def undo(tx: Transaction, merge: int, *, reason: str) -> bool:
    """False: somebody was faster."""
    done = tx.changed(
        update(PatientMergeRow)
        .where(PatientMergeRow.facility == tx.facility, PatientMergeRow.id == merge, PatientMergeRow.undone_at.is_(None))
        .values(undone_by=tx.actor.id, undone_at=tx.at, undo_reason=reason)
        .execution_options(synchronize_session=False)
    )
    return done == 1


def newest_documents(tx: Transaction, orders: list[str]) -> dict[str, str]:
    """Order -> the patient whom its newest version names: for the proof that both say the same."""
    v = OrderVersionRow
    newest = and_(v.facility == OrderRow.facility, v.order == OrderRow.id, v.version == OrderRow.version)
    rows = tx.session.execute(
        select(OrderRow.id, v.document).join(v, newest).where(OrderRow.facility == tx.facility, OrderRow.id.in_(orders))
    )
    return {row.id: row.document for row in rows}


def _always(_kept: str) -> tuple[ColumnElement[bool], ...]:
    return ()


def _free_observation(kept: str) -> tuple[ColumnElement[bool], ...]:
    other = aliased(ObservationRow)
    same = (other.facility == ObservationRow.facility, other.code == ObservationRow.code, other.at == ObservationRow.at)
    return (~exists().where(other.patient == kept, *same).correlate(ObservationRow),)


def _free_weight(kept: str) -> tuple[ColumnElement[bool], ...]:
    other = aliased(WeightRow)
    return (~exists().where(other.patient == kept, other.facility == WeightRow.facility, other.at == WeightRow.at).correlate(WeightRow),)


_FREE: Mapping[Any, Callable[[str], tuple[ColumnElement[bool], ...]]] = {ObservationRow: _free_observation, WeightRow: _free_weight}


def _merge(row: PatientMergeRow) -> Merge:
    return Merge(
        id=row.id,
        kept=row.kept,
        gone=row.gone,
        reason=row.reason,
        by=row.by,
        at=row.at,
        moved=dict(row.moved or {}),
        undone_by=row.undone_by,
        undone_at=row.undone_at,
        undo_reason=row.undo_reason,
    )


def allergies_of(tx: Transaction, patient: str) -> list[list[str]]:
    """Kind, substance, severity ("" for none said), and whether it was tolerated."""
    rows = tx.session.execute(
        select(AllergyRow.kind, AllergyRow.substance, AllergyRow.severity, AllergyRow.tolerated_before)
        .where(AllergyRow.facility == tx.facility, AllergyRow.patient == patient)
        .order_by(AllergyRow.kind, AllergyRow.substance)
    )
    return [[row.kind, row.substance, row.severity or "", "yes" if row.tolerated_before else ""] for row in rows]
