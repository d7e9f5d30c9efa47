"""Queries about labels of single units: the batches, each label, what the carts of a ward must know, and print jobs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import case, func, insert, or_, select, update

from pointofcare.errors import NotFoundError
from pointofcare.products import IssuedLabels
from server.store.tables import LabelBatchRow, PrintJobRow, UnitLabelRow
from server.store.transaction import Transaction

MADE, PRINTED, VOID = "made", "printed", "void"
SENDING, DONE, REFUSED, UNKNOWN = "sending", "done", "refused", "unknown"
# A used label is known to the carts as long as their history goes back; then it is unknown, and stops all the same.
_AFTER_USE = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """`of` labels, `printed` of them handed to a printer or a file, `void` withdrawn, `used` given."""

    id: str
    kind: str
    ward: str
    title: str
    stock: str
    made_by: str
    made_at: datetime
    of: int = 0
    printed: int = 0
    void: int = 0
    used: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitLabel:
    """One label as it stands. `words` is what is printed beside its symbol."""

    serial: str
    batch: str
    place: int
    ward: str
    product: str
    gtin: str
    lot: str
    expiry: date
    words: Mapping[str, str]
    until: datetime
    patient: str | None = None
    state: str = MADE
    used_at: datetime | None = None
    void_by: str | None = None
    void_at: datetime | None = None
    reason: str | None = None
    replaced_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    id: str
    kind: str
    subject: str
    printer: str
    items: tuple[str, ...]
    sent: int
    state: str
    faults: tuple[str, ...]
    made_by: str
    made_at: datetime
    changed_at: datetime


def add(tx: Transaction, batch: Batch, labels: Iterable[UnitLabel]) -> None:
    row = {name: getattr(batch, name) for name in ("id", "kind", "ward", "title", "stock", "made_by", "made_at")}
    tx.session.execute(insert(LabelBatchRow).values(facility=tx.facility, **row))
    add_labels(tx, labels)


def add_labels(tx: Transaction, labels: Iterable[UnitLabel]) -> None:
    rows = [
        {"facility": tx.facility, **{name: getattr(one, name) for name in UnitLabel.__slots__}, "words": dict(one.words)} for one in labels
    ]
    if rows:
        tx.session.execute(insert(UnitLabelRow), rows)


def issued(tx: Transaction, ward: str) -> tuple[IssuedLabels, ...]:
    """What the carts of a ward must know, alike labels together: one statement."""
    rows = tx.session.execute(
        select(UnitLabelRow.serial, UnitLabelRow.gtin, UnitLabelRow.lot, UnitLabelRow.expiry, UnitLabelRow.patient, UnitLabelRow.state)
        .where(UnitLabelRow.facility == tx.facility, UnitLabelRow.ward.in_((ward, "")), UnitLabelRow.until > tx.at)
        .order_by(UnitLabelRow.serial)
    )
    serials: defaultdict[tuple[str, str, date, str | None], list[tuple[str, str]]] = defaultdict(list)
    for row in rows:
        serials[row.gtin, row.lot, row.expiry, row.patient].append((row.serial, row.state))
    return tuple(
        IssuedLabels(
            gtin=gtin,
            lot=lot,
            expiry=expiry,
            patient=patient,
            serials=tuple(serial for serial, _ in found),
            void=tuple(serial for serial, state in found if state == VOID),
        )
        for (gtin, lot, expiry, patient), found in sorted(serials.items(), key=lambda each: each[1][0])
    )


def live(tx: Transaction, ward: str) -> int:
    """How many labels the carts of the ward carry; of the whole hospital for ""."""
    where = UnitLabelRow.ward.in_((ward, "")) if ward else UnitLabelRow.facility == tx.facility
    query = select(func.count()).select_from(UnitLabelRow).where(UnitLabelRow.facility == tx.facility, where, UnitLabelRow.until > tx.at)
    return int(tx.session.scalar(query) or 0)


def wards_of(tx: Transaction, batch: str) -> str:
    return str(tx.session.scalar(select(LabelBatchRow.ward).where(LabelBatchRow.facility == tx.facility, LabelBatchRow.id == batch)) or "")


def batches(tx: Transaction, *, ward: str | None = None, before: datetime | None = None, limit: int = 30) -> tuple[Batch, ...]:
    """Newest first; `before`: those that were made earlier."""
    query = select(LabelBatchRow).where(LabelBatchRow.facility == tx.facility)
    if ward is not None:
        query = query.where(LabelBatchRow.ward == ward)
    if before is not None:
        query = query.where(LabelBatchRow.made_at < before)
    rows = tx.session.scalars(query.order_by(LabelBatchRow.made_at.desc(), LabelBatchRow.id).limit(limit)).all()
    return _with_counts(tx, rows)


def batch(tx: Transaction, batch_id: str) -> Batch:
    """Raises: NotFoundError."""
    row = tx.session.get(LabelBatchRow, (tx.facility, batch_id))
    if row is None:
        raise NotFoundError(f"label batch {batch_id!r} is not known", remedy="look at the list of batches", batch=batch_id)
    return _with_counts(tx, [row])[0]


def _with_counts(tx: Transaction, rows: Iterable[Any]) -> tuple[Batch, ...]:
    found = list(rows)
    u = UnitLabelRow
    counts = {
        row.batch: row
        for row in tx.session.execute(
            select(
                u.batch,
                func.count().label("of"),
                func.sum(case((u.state != MADE, 1), else_=0)).label("printed"),
                func.sum(case((u.state == VOID, 1), else_=0)).label("void"),
                func.sum(case((u.used_at.is_not(None), 1), else_=0)).label("used"),
            )
            .where(u.facility == tx.facility, u.batch.in_([row.id for row in found]))
            .group_by(u.batch)
        )
    }
    return tuple(
        Batch(
            **{name: getattr(row, name) for name in ("id", "kind", "ward", "title", "stock", "made_by", "made_at")},
            of=counts[row.id].of if row.id in counts else 0,
            printed=int(counts[row.id].printed or 0) if row.id in counts else 0,
            void=int(counts[row.id].void or 0) if row.id in counts else 0,
            used=int(counts[row.id].used or 0) if row.id in counts else 0,
        )
        for row in found
    )


def of_batch(tx: Transaction, batch_id: str, *, state: str | None = None, after: int = 0, limit: int = 100) -> tuple[UnitLabel, ...]:
    """By place; `after`: those behind that place."""
    query = select(UnitLabelRow).where(UnitLabelRow.facility == tx.facility, UnitLabelRow.batch == batch_id, UnitLabelRow.place > after)
    if state is not None:
        query = query.where(UnitLabelRow.state == state)
    return tuple(_label(row) for row in tx.session.scalars(query.order_by(UnitLabelRow.place).limit(limit)))


def named(tx: Transaction, serials: Collection[str]) -> tuple[UnitLabel, ...]:
    """By place; those that are not known stay away."""
    if not serials:
        return ()
    rows = tx.session.scalars(
        select(UnitLabelRow)
        .where(UnitLabelRow.facility == tx.facility, UnitLabelRow.serial.in_(list(serials)))
        .order_by(UnitLabelRow.place)
    )
    return tuple(_label(row) for row in rows)


def last_place(tx: Transaction, batch_id: str) -> int:
    query = select(func.max(UnitLabelRow.place)).where(UnitLabelRow.facility == tx.facility, UnitLabelRow.batch == batch_id)
    return int(tx.session.scalar(query) or 0)


def mark_printed(tx: Transaction, serials: Collection[str]) -> int:
    """Of those that never were: how many. Whoever asks for another number has lost against somebody else."""
    return tx.changed(
        update(UnitLabelRow)
        .where(UnitLabelRow.facility == tx.facility, UnitLabelRow.serial.in_(list(serials)), UnitLabelRow.state == MADE)
        .values(state=PRINTED)
    )


def unprint(tx: Transaction, serials: Collection[str]) -> None:
    """Nothing of them was sent."""
    tx.session.execute(
        update(UnitLabelRow)
        .where(UnitLabelRow.facility == tx.facility, UnitLabelRow.serial.in_(list(serials)), UnitLabelRow.state == PRINTED)
        .values(state=MADE)
    )


def void(tx: Transaction, serials: Collection[str], *, reason: str, replaced_by: Mapping[str, str] | None = None) -> int:
    """How many were withdrawn now."""
    done = tx.changed(
        update(UnitLabelRow)
        .where(UnitLabelRow.facility == tx.facility, UnitLabelRow.serial.in_(list(serials)), UnitLabelRow.state != VOID)
        .values(state=VOID, void_by=tx.actor.id, void_at=tx.at, reason=reason)
    )
    for old, new in (replaced_by or {}).items():
        tx.session.execute(
            update(UnitLabelRow).where(UnitLabelRow.facility == tx.facility, UnitLabelRow.serial == old).values(replaced_by=new)
        )
    return done


def use(tx: Transaction, serials: Collection[str]) -> None:
    """A record says that they were given: the carts need not know them for long."""
    tx.session.execute(
        update(UnitLabelRow)
        .where(UnitLabelRow.facility == tx.facility, UnitLabelRow.serial.in_(list(serials)), UnitLabelRow.used_at.is_(None))
        .values(used_at=tx.at, until=case((UnitLabelRow.until < tx.at + _AFTER_USE, UnitLabelRow.until), else_=tx.at + _AFTER_USE))
    )


def add_job(tx: Transaction, job: Job) -> None:
    row = {name: getattr(job, name) for name in Job.__slots__}
    tx.session.execute(
        insert(PrintJobRow).values(facility=tx.facility, **{**row, "items": list(job.items), "faults": " ".join(job.faults)})
    )


def put_job(tx: Transaction, job: str, *, state: str, sent: int, faults: Collection[str] = ()) -> None:
    """Only of one that is being sent: what has ended stays as it ended."""
    tx.session.execute(
        update(PrintJobRow)
        .where(PrintJobRow.facility == tx.facility, PrintJobRow.id == job, PrintJobRow.state == SENDING)
        .values(state=state, sent=sent, faults=" ".join(faults)[:200], changed_at=tx.at)
    )


def jobs(tx: Transaction, *, subject: str | None = None, limit: int = 10) -> tuple[Job, ...]:
    query = select(PrintJobRow).where(PrintJobRow.facility == tx.facility)
    if subject is not None:
        query = query.where(PrintJobRow.subject == subject)
    return tuple(_job(row) for row in tx.session.scalars(query.order_by(PrintJobRow.made_at.desc()).limit(limit)))


def job(tx: Transaction, job_id: str) -> Job | None:
    row = tx.session.get(PrintJobRow, (tx.facility, job_id))
    return None if row is None else _job(row)


def sending(tx: Transaction, printer: str, *, since: datetime) -> bool:
    """Is something on its way to this printer, that was heard of since then?"""
    query = select(PrintJobRow.id).where(
        PrintJobRow.facility == tx.facility,
        PrintJobRow.printer == printer,
        PrintJobRow.state == SENDING,
        or_(PrintJobRow.changed_at >= since, PrintJobRow.made_at >= since),
    )
    return tx.session.scalar(query.limit(1)) is not None


def _label(row: UnitLabelRow) -> UnitLabel:
    return UnitLabel(**{name: getattr(row, name) for name in UnitLabel.__slots__})


def _job(row: PrintJobRow) -> Job:
    values = {name: getattr(row, name) for name in Job.__slots__}
    return Job(**{**values, "items": tuple(row.items), "faults": tuple(row.faults.split())})


def doses_labelled(tx: Transaction, ward: str, *, since: datetime) -> set[tuple[str, str]]:
    """(order, due) of the doses of a ward whose labels were made since then and hold."""
    rows = tx.session.execute(
        select(UnitLabelRow.words)
        .join(LabelBatchRow, (LabelBatchRow.facility == UnitLabelRow.facility) & (LabelBatchRow.id == UnitLabelRow.batch))
        .where(
            UnitLabelRow.facility == tx.facility,
            UnitLabelRow.ward == ward,
            UnitLabelRow.patient.is_not(None),
            UnitLabelRow.state != VOID,
            LabelBatchRow.made_at >= since,
        )
    )
    return {(str(words.get("order")), str(words.get("due_at"))) for (words,) in rows}
