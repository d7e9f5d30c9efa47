"""What the drawers of carts did, beside the doses of the same time, and what was found about both. Bounded by one cart and a window."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, or_, select, update

from pointofcare.fleet import drawers
from pointofcare.fleet.drawers import Dose, Evidence, Finding, Happening
from pointofcare.wire import moments
from server.store.tables import (
    AdministrationRow,
    CartEventLineRow,
    CartEventRow,
    CartRow,
    DrawerFindingRow,
    DrawerPendingRow,
    TaskRow,
)
from server.store.tasks import OPEN
from server.store.transaction import Transaction
from server.store.versions import insertion

MOST_EVENTS = 1000
MOST_DOSES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    cart: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseHere:
    """A dose with whose it was: for the task, never for the page of the cart."""

    dose: Dose
    patient: str
    nurse: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A stored finding. `is_open`: its task waits for an answer; `revision` is the task's. `command` links an access to its event."""

    id: int
    key: str
    cart: str
    ward: str
    code: str
    drawer: int | None
    wanted: int | None
    record_id: str | None
    count: int
    at: datetime
    task: int | None
    withdrawn_at: datetime | None
    is_open: bool
    revision: int
    answer: str
    answered_by: str | None
    answered_at: datetime | None


def wait(tx: Transaction, cart: str, *, since: datetime, due_at: datetime) -> None:
    """Something of the cart is to be judged from `since` on: the earlier of two counts, and so does what is due sooner."""
    row = DrawerPendingRow
    new = insertion(tx, row).values(facility=tx.facility, cart=cart, since=since, due_at=due_at)
    earlier = case((new.excluded.since < row.since, new.excluded.since), else_=row.since)
    sooner = case((new.excluded.due_at < row.due_at, new.excluded.due_at), else_=row.due_at)
    tx.session.execute(new.on_conflict_do_update(index_elements=["facility", "cart"], set_={"since": earlier, "due_at": sooner}))


def due(tx: Transaction, *, limit: int) -> tuple[str, ...]:
    """Carts of which something is to be judged now, the longest waiting first."""
    row = DrawerPendingRow
    found = select(row.cart).where(row.facility == tx.facility, row.due_at <= tx.at).order_by(row.due_at).limit(limit)
    return tuple(tx.session.scalars(found))


def take(tx: Transaction, cart: str) -> Pending | None:
    """Takes it for this transaction; None when somebody else judged it meanwhile."""
    row = DrawerPendingRow
    mine = (row.facility == tx.facility, row.cart == cart, row.due_at <= tx.at)
    since = tx.session.scalar(select(row.since).where(*mine).with_for_update(skip_locked=True))
    if since is None:
        return None
    tx.session.execute(delete(row).where(row.facility == tx.facility, row.cart == cart))
    return Pending(cart=cart, since=max(since, moments.EARLIEST + drawers.LOOKS_BACK))


def put_off(tx: Transaction, cart: str, *, until: datetime) -> None:
    """Not before `until`, or when something more comes of the cart."""
    row = DrawerPendingRow
    tx.session.execute(update(row).where(row.facility == tx.facility, row.cart == cart, row.due_at <= tx.at).values(due_at=until))


def story(tx: Transaction, cart: str, *, since: datetime) -> tuple[tuple[Happening, ...], bool]:
    """What happened at its drawers, by time: `MOST_EVENTS` at most from `since` on, and as many of the time before that what is judged
    has to be looked at with. Whether it is cut off there."""
    row = CartEventRow
    query = select(row.epoch, row.seq, row.kind, row.at, row.detail).where(
        row.facility == tx.facility, row.cart == cart, row.kind.in_(drawers.KINDS), row.at < moments.LATEST
    )
    before = query.where(row.at >= since - drawers.LOOKS_BACK, row.at < since).order_by(row.at.desc(), row.seq.desc()).limit(MOST_EVENTS)
    after = query.where(row.at >= since).order_by(row.at, row.seq).limit(MOST_EVENTS)
    earlier, later = ([_happening(*one) for one in tx.session.execute(part)] for part in (before, after))
    return (*reversed(earlier), *later), len(later) == MOST_EVENTS


def _happening(epoch: str, seq: int, kind: str, at: datetime, detail: Mapping[str, Any]) -> Happening:
    """A field of another kind than agreed is as good as none: a cart may say anything."""
    drawer, ttl_ms, count = (_whole(detail.get(name)) for name in ("drawer", "ttl_ms", "count"))
    command, outcome = detail.get("command"), detail.get("outcome")
    return Happening(
        epoch=epoch,
        seq=seq,
        kind=kind,
        at=at,
        drawer=drawer,
        command=command[:128] if isinstance(command, str) else "",
        outcome=outcome if isinstance(outcome, str) else "",
        lasts=timedelta(milliseconds=ttl_ms) if ttl_ms is not None and 0 < ttl_ms <= 60_000 else drawers.LONGEST_FREE,
        count=count if count is not None and 0 <= count < 2**31 else 0,
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def doses(tx: Transaction, cart: str, *, since: datetime, until: datetime) -> tuple[DoseHere, ...]:
    """What was charted as given at the cart and was to come out of one of its drawers; nothing that was withdrawn."""
    row = AdministrationRow
    query = (
        select(row.record_id, row.effective_at, row.document, row.patient, row.nurse)
        .where(
            row.facility == tx.facility,
            row.cart == cart,
            row.effective_at >= since,
            row.effective_at <= until,
            row.action.in_(("give", "start")),
            row.status.in_(("completed", "in-progress")),
            row.amends.is_(None),
        )
        .order_by(row.effective_at)
        .limit(MOST_DOSES)
    )
    found = []
    for record_id, at, document, patient, nurse in tx.session.execute(query):
        drawer, evidence = _whole(document.get("drawer")), document.get("drawer_evidence")
        if drawer is not None and evidence in tuple(Evidence):
            dose = Dose(record_id=record_id, at=at, drawer=drawer, evidence=Evidence(evidence))
            found.append(DoseHere(dose=dose, patient=patient, nurse=nurse))
    return tuple(found)


def has_gap(tx: Transaction, cart: str, *, since: datetime, epochs: Collection[str]) -> bool:
    """Numbers of the cart's events are missing now, which may yet come: they began to be missing after `since`, or are of one of these
    `epochs`. What a program that is no more never sent says nothing of today."""
    row = CartEventLineRow
    query = select(row.epoch).where(
        row.facility == tx.facility, row.cart == cart, row.gap_at.is_not(None), or_(row.gap_at >= since, row.epoch.in_(epochs))
    )
    return tx.session.scalar(query.limit(1)) is not None


def heard_until(tx: Transaction, cart: str) -> datetime | None:
    """When the bridge last said that no event waits with it."""
    row = tx.session.get(CartRow, (tx.facility, cart))
    told = (row.telemetry or {}).get("mcu") if row is not None else None
    if not isinstance(told, Mapping) or told.get("events_waiting") != 0:
        return None
    try:
        at = datetime.fromisoformat(str(told.get("at")))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def put(tx: Transaction, cart: str, ward: str, finding: Finding) -> int | None:
    """The row's id, None where it stands already. One that was withdrawn and is found again counts again: it is the same row."""
    row = DrawerFindingRow
    new = insertion(tx, row).values(
        facility=tx.facility,
        key=finding.key[:200],
        cart=cart,
        ward=ward,
        code=finding.code.value,
        drawer=finding.drawer,
        wanted=finding.wanted,
        record_id=finding.record_id,
        count=finding.count,
        at=finding.at,
        found_at=tx.at,
    )
    again = new.on_conflict_do_update(
        index_elements=["facility", "cart", "key"], set_={"withdrawn_at": None, "ward": ward}, where=row.withdrawn_at.is_not(None)
    )
    return tx.session.scalar(again.returning(row.id))


def set_task(tx: Transaction, finding: int, task: int) -> None:
    tx.session.execute(update(DrawerFindingRow).where(DrawerFindingRow.id == finding).values(task=task))


def standing(tx: Transaction, cart: str, *, since: datetime, until: datetime) -> tuple[tuple[int, str, int | None], ...]:
    """(id, key, task) of what was found in the window and not withdrawn."""
    row = DrawerFindingRow
    query = select(row.id, row.key, row.task).where(
        row.facility == tx.facility, row.cart == cart, row.at >= since, row.at <= until, row.withdrawn_at.is_(None)
    )
    return tuple((one.id, one.key, one.task) for one in tx.session.execute(query.limit(MOST_EVENTS)))


def withdraw(tx: Transaction, findings: Collection[int]) -> None:
    tx.session.execute(update(DrawerFindingRow).where(DrawerFindingRow.id.in_(findings)).values(withdrawn_at=tx.at))


def of_cart(tx: Transaction, cart: str, *, limit: int = 20) -> tuple[Found, ...]:
    """The newest of one cart, by their own time."""
    return _read(tx, [DrawerFindingRow.cart == cart], limit=limit, order=DrawerFindingRow.at.desc())


def listed(tx: Transaction, *, before: int | None = None, limit: int = 50, is_open: bool = True) -> tuple[Found, ...]:
    """Of every cart that the person reaches, the newest first; `before` an id that was shown last."""
    more: list[Any] = [] if tx.actor.wards is None else [DrawerFindingRow.ward.in_(sorted(tx.actor.wards))]
    if before is not None:
        more.append(DrawerFindingRow.id < before)
    if is_open:
        more += [TaskRow.status.in_(OPEN), DrawerFindingRow.withdrawn_at.is_(None)]
    return _read(tx, more, limit=limit, order=DrawerFindingRow.id.desc())


def get(tx: Transaction, finding: int) -> Found | None:
    return next(iter(_read(tx, [DrawerFindingRow.id == finding], limit=1, order=DrawerFindingRow.id)), None)


def _read(tx: Transaction, more: list[Any], *, limit: int, order: Any) -> tuple[Found, ...]:
    row = DrawerFindingRow
    query = (
        select(row, TaskRow.status, TaskRow.revision, TaskRow.answer, TaskRow.answered_by, TaskRow.answered_at)
        .outerjoin(TaskRow, TaskRow.id == row.task)
        .where(row.facility == tx.facility, *more)
        .order_by(order)
        .limit(limit)
    )
    return tuple(
        Found(
            id=one.id,
            key=one.key,
            cart=one.cart,
            ward=one.ward,
            code=one.code,
            drawer=one.drawer,
            wanted=one.wanted,
            record_id=one.record_id,
            count=one.count,
            at=one.at,
            task=one.task,
            withdrawn_at=one.withdrawn_at,
            is_open=status in OPEN and one.withdrawn_at is None,
            revision=revision or 0,
            answer=answer or "",
            answered_by=by,
            answered_at=at,
        )
        for one, status, revision, answer, by, at in tx.session.execute(query)
    )
