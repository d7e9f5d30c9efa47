"""Queries about infusion bags. A bag's state follows from the records that name it, and is written anew whenever one comes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update

from pointofcare.errors import NotFoundError
from pointofcare.products import Bag, PrintedFor
from pointofcare.quantity import Quantity
from server.store import infusions, mapping_bag, reach
from server.store.history import Given
from server.store.infusions import Run, RunState
from server.store.plain import amount, to_amount
from server.store.tables import AdministrationRow, BagRow, PatientRow
from server.store.transaction import Transaction

# What records say of a bag never outweighs that the pharmacy threw it away or lost it, until one says that it hangs.
_SET_BY_HAND = frozenset({RunState.DISCARDED, RunState.MISSING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """One pack that went into a bag."""

    product: str
    name: str
    gtin: str | None = None
    lot: str | None = None
    expiry: str | None = None
    amount: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BagView:
    """A bag as the pages show it. `rate` is that of the newest change, `record_id` the start it belongs to."""

    id: str
    order: str
    order_version: int
    patient: str
    patient_name: str
    mrn: str
    ward: str | None
    bed: str | None
    state: RunState
    printed_for: PrintedFor
    label: Mapping[str, Any]
    contents: tuple[Content, ...]
    use_by: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    rate: Quantity | None
    record_id: str | None
    changed_at: datetime
    prepared_by: str
    prepared_at: datetime
    discarded_by: str | None
    reason: str | None


def add(tx: Transaction, bag: Bag, *, label: Mapping[str, Any], contents: Iterable[Content] = (), use_by: datetime | None = None) -> None:
    """A bag that was just prepared."""
    tx.session.add(
        BagRow(
            facility=tx.facility,
            id=bag.id,
            order=bag.order,
            order_version=bag.order_version,
            patient=bag.patient,
            state=RunState.PREPARED.value,
            printed={**mapping_bag.printed_document(bag.printed_for), "label": dict(label)},
            contents=[{name: getattr(one, name) for name in Content.__slots__} for one in contents],
            use_by=use_by,
            changed_at=tx.at,
            prepared_by=tx.actor.id,
            prepared_at=tx.at,
        )
    )
    tx.session.flush()


def of_record(tx: Transaction, *, orders: Iterable[str], bag: str | None) -> dict[str, RunState]:
    """Bag -> state, of the bags of these orders and the named one, held against every other writer until the commit."""
    wanted: list[ColumnElement[bool]] = [BagRow.order.in_(list(orders))]
    if bag is not None:
        wanted.append(BagRow.id == bag)
    rows = tx.session.execute(
        select(BagRow.id, BagRow.state).where(BagRow.facility == tx.facility, or_(*wanted)).order_by(BagRow.id).with_for_update()
    )
    return {row.id: RunState(row.state) for row in rows}


def records(tx: Transaction, *, bags: Iterable[str], patient: str, order: str | None) -> tuple[Given, ...]:
    """Every record that names one of the bags, and every one of the patient's order: what may go on with them."""
    d = AdministrationRow
    rows = tx.session.scalars(
        select(d).where(d.facility == tx.facility, or_(d.bag.in_(list(bags)), (d.patient == patient) & (d.order == order)))
    )
    return tuple(
        Given(
            record_id=row.record_id,
            patient=row.patient,
            order=row.order,
            status=row.status,
            product=row.product,
            dose=row.dose,
            lot=row.lot,
            serial=row.serial,
            reason=row.status_reason,
            amends=row.amends,
            action=row.action,
            at=row.effective_at,
            due=row.due,
            bag=row.bag,
            continues=row.continues,
            rate=row.rate,
            nurse=row.nurse,
        )
        for row in rows
    )


def of_orders(tx: Transaction, *, patients: Iterable[str], orders: Iterable[str], since: datetime) -> tuple[Given, ...]:
    """The records of these patients' orders since then, as far as the days of a course depend on them: one statement."""
    d = AdministrationRow
    rows = tx.session.execute(
        select(d.record_id, d.patient, d.order, d.status, d.action, d.amends, d.continues, d.effective_at, d.due).where(
            d.facility == tx.facility,
            d.patient.in_(list(patients)),
            d.effective_at >= since,
            or_(d.order.in_(list(orders)), d.amends.is_not(None)),
        )
    )
    return tuple(
        Given(
            record_id=row.record_id,
            patient=row.patient,
            order=row.order,
            status=row.status,
            product=None,
            dose=None,
            lot=None,
            serial=None,
            reason=None,
            amends=row.amends,
            action=row.action,
            at=row.effective_at,
            due=row.due,
            continues=row.continues,
        )
        for row in rows
    )


def drop_factors(tx: Transaction, *, patient: str, starts: Iterable[str]) -> dict[str, int]:
    """Start -> drops per mL of its set, as the newest record of the infusion says: one statement."""
    wanted = list(starts)
    if not wanted:
        return {}
    d = AdministrationRow
    rows = tx.session.execute(
        select(d.record_id, d.continues, d.document)
        .where(d.facility == tx.facility, d.patient == patient, or_(d.record_id.in_(wanted), d.continues.in_(wanted)))
        .order_by(d.effective_at, d.record_id)
    )
    return {row.continues or row.record_id: row.document["drop_factor"] for row in rows if row.document.get("drop_factor")}


def put_run(tx: Transaction, bag: str, run: Run, *, before: RunState) -> None:
    """Writes what the records of a bag say. What was set by hand stays while no record says that it hangs."""
    state = before if run.state is RunState.PREPARED and before in _SET_BY_HAND else run.state
    tx.session.execute(
        update(BagRow)
        .where(BagRow.facility == tx.facility, BagRow.id == bag)
        .values(
            state=state.value,
            started_at=run.started_at,
            ended_at=run.ended_at,
            rate=amount(run.rate),
            record_id=run.record_id,
            changed_at=tx.at,
        )
    )


def recompute(tx: Transaction, *, order: str | None, patient: str, bag: str | None) -> dict[str, RunState]:
    """After a record of this order or bag was stored: bag -> its state from now on. At most two statements, and one for each bag."""
    held = of_record(tx, orders=[order] if order is not None else [], bag=bag)
    if not held:
        return {}
    rows = records(tx, bags=held, patient=patient, order=order)
    found: dict[str, RunState] = {}
    for one, before in held.items():
        run = infusions.of_bag(rows, one)
        if before is not RunState.PREPARED or run.state is not RunState.PREPARED:
            put_run(tx, one, run, before=before)
        found[one] = run.state
    return found


def discard(tx: Transaction, bag: str, *, reason: str) -> bool:
    """False: it is not there, or hangs, or was ended already."""
    ready = (RunState.PREPARED.value, RunState.STOPPED.value, RunState.MISSING.value)
    return bool(
        tx.changed(
            update(BagRow)
            .where(BagRow.facility == tx.facility, BagRow.id == bag, BagRow.state.in_(ready))
            .values(state=RunState.DISCARDED.value, changed_at=tx.at, discarded_by=tx.actor.id, discarded_at=tx.at, reason=reason)
        )
    )


def mark_missing(tx: Transaction, bag: str) -> bool:
    """False: it is not waiting to be hung."""
    return bool(
        tx.changed(
            update(BagRow)
            .where(BagRow.facility == tx.facility, BagRow.id == bag, BagRow.state == RunState.PREPARED.value)
            .values(state=RunState.MISSING.value, changed_at=tx.at)
        )
    )


def get(tx: Transaction, bag: str) -> BagView:
    """Raises: NotFoundError, OtherWardError."""
    found = _views(tx, BagRow.id == bag, limit=1)
    if not found:
        raise NotFoundError(f"bag {bag!r} is not known", remedy="scan its label again", bag=bag)
    reach.must_see(tx, found[0].ward, found[0].patient)
    return found[0]


def named(tx: Transaction, ids: Iterable[str]) -> tuple[BagView, ...]:
    return _views(tx, BagRow.id.in_(list(ids)), limit=100)


def listed(
    tx: Transaction, *, ward: str | None = None, states: Iterable[RunState] = (), order: str | None = None, limit: int = 200
) -> tuple[BagView, ...]:
    """Newest change first."""
    conditions: list[Any] = [*reach.of_patient(tx, BagRow.patient)]
    if ward is not None:
        conditions.append(PatientRow.ward == ward)
    if order is not None:
        conditions.append(BagRow.order == order)
    wanted = [state.value for state in states]
    if wanted:
        conditions.append(BagRow.state.in_(wanted))
    return _views(tx, *conditions, limit=limit)


def of_patient(tx: Transaction, patient: str, *, since: datetime) -> tuple[BagView, ...]:
    """Those that are not ended, and those that ended after `since`."""
    ended = [RunState.COMPLETED.value, RunState.DISCARDED.value]
    return _views(tx, BagRow.patient == patient, or_(BagRow.state.not_in(ended), BagRow.changed_at >= since), limit=100)


def _views(tx: Transaction, *conditions: Any, limit: int) -> tuple[BagView, ...]:
    rows = tx.session.execute(
        select(BagRow, PatientRow.name, PatientRow.mrn, PatientRow.ward, PatientRow.bed)
        .outerjoin(PatientRow, (PatientRow.facility == BagRow.facility) & (PatientRow.id == BagRow.patient))
        .where(BagRow.facility == tx.facility, *conditions)
        .order_by(BagRow.changed_at.desc(), BagRow.id)
        .limit(limit)
    )
    return tuple(
        BagView(
            id=row.id,
            order=row.order,
            order_version=row.order_version,
            patient=row.patient,
            patient_name=name or "",
            mrn=mrn or "",
            ward=ward,
            bed=bed,
            state=RunState(row.state),
            printed_for=mapping_bag.printed_for(row.printed),
            label=row.printed.get("label") or {},
            contents=tuple(Content(**one) for one in row.contents),
            use_by=row.use_by,
            started_at=row.started_at,
            ended_at=row.ended_at,
            rate=to_amount(row.rate),
            record_id=row.record_id,
            changed_at=row.changed_at,
            prepared_by=row.prepared_by,
            prepared_at=row.prepared_at,
            discarded_by=row.discarded_by,
            reason=row.reason,
        )
        for row, name, mrn, ward, bed in rows
    )
