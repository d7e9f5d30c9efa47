"""Queries about tasks. A task is raised once for each key of its kind, and answered by whoever was first; its steps are only added."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, func, insert, or_, select, update

from pointofcare.errors import NotFoundError
from server.store import reach
from server.store.plain import storable
from server.store.tables import PatientRow, TaskRow, TaskStepRow
from server.store.transaction import Transaction
from server.store.versions import insertion

REQUESTED = "requested"
ACCEPTED = "accepted"
COMPLETED = "completed"
REJECTED = "rejected"
CANCELLED = "cancelled"
OPEN = (REQUESTED, ACCEPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """What is owed. `key` names it within its kind: the same key again is a repeat. `detail` holds plain JSON values."""

    kind: str
    key: str
    ward: str = ""
    patient: str | None = None
    order: str | None = None
    due: datetime | None = None
    product: str | None = None
    record_id: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    due_by: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """`revision` rises with each step; an answer names the one that was on the screen. `repeats`: how often it came again."""

    id: int
    kind: str
    key: str
    status: str
    revision: int
    repeats: int
    ward: str
    patient: str | None
    patient_name: str
    bed: str | None
    order: str | None
    due: datetime | None
    product: str | None
    record_id: str | None
    detail: Mapping[str, Any]
    raised_at: datetime
    due_by: datetime | None
    owner: str | None
    answer_code: str | None
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def is_late(self, now: datetime) -> bool:
        return self.is_open and self.due_by is not None and now >= self.due_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    step: str
    status: str
    by: str
    at: datetime
    text: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """`outcome`: raised, repeated (it was open, or its answer still holds), or reopened."""

    id: int
    outcome: str


def put(tx: Transaction, new: NewTask, *, reopen: bool = False) -> Raised:
    """Raises it, or notes that it came again; with `reopen` one that was answered is open again."""
    detail = dict(new.detail)
    written = tx.session.execute(
        insertion(tx, TaskRow)
        .values(
            **storable(
                {
                    "facility": tx.facility,
                    "kind": new.kind,
                    "key": new.key,
                    "status": REQUESTED,
                    "revision": 1,
                    "repeats": 0,
                    "ward": new.ward,
                    "patient": new.patient,
                    "order": new.order,
                    "due": new.due,
                    "product": new.product,
                    "record_id": new.record_id,
                    "detail": detail,
                    "raised_at": tx.at,
                    "due_by": new.due_by,
                }
            )
        )
        .on_conflict_do_nothing()
        .returning(TaskRow.id)
    ).first()
    if written is not None:
        _step(tx, written[0], "raised", REQUESTED, "", {"record_id": new.record_id} if new.record_id else {})
        return Raised(id=written[0], outcome="raised")
    row = tx.session.scalars(
        select(TaskRow)
        .where(TaskRow.facility == tx.facility, TaskRow.kind == new.kind, TaskRow.key == storable({"key": new.key})["key"])
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    again = reopen and row.status not in OPEN
    row.repeats += 1
    row.revision += 1
    if again:
        row.status = REQUESTED
        row.raised_at, row.due_by = tx.at, new.due_by
        row.record_id, row.detail = new.record_id, detail
        row.answer_code = row.answer = row.answered_by = row.answered_at = row.owner = None
    tx.session.flush()
    outcome = "reopened" if again else "repeated"
    _step(tx, row.id, outcome, row.status, "", {"record_id": new.record_id} if new.record_id else {})
    return Raised(id=row.id, outcome=outcome)


def answer(
    tx: Transaction,
    task: int,
    *,
    revision: int,
    status: str,
    code: str,
    text: str = "",
    owner: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> bool:
    """False: somebody was faster, or it came again; nothing was changed then."""
    changed: dict[str, Any] = {
        "status": status,
        "revision": revision + 1,
        "answer_code": code,
        "answer": storable({"text": text})["text"],
        "answered_by": tx.actor.id,
        "answered_at": tx.at,
        "owner": owner,
    }
    if detail is not None:
        changed["detail"] = dict(detail)
    done = tx.changed(
        update(TaskRow)
        .where(TaskRow.facility == tx.facility, TaskRow.id == task, TaskRow.revision == revision, TaskRow.status.in_(OPEN))
        .values(**changed)
        .execution_options(synchronize_session=False)
    )
    if done != 1:
        return False
    _step(tx, task, code, status, text, {})
    return True


def cancel(tx: Transaction, tasks: Collection[int], *, why: str, by_record: str | None = None) -> None:
    """What caused them is gone or settled: nobody owes them any more."""
    for task in sorted(set(tasks)):
        done = tx.changed(
            update(TaskRow)
            .where(TaskRow.facility == tx.facility, TaskRow.id == task, TaskRow.status.in_(OPEN))
            .values(status=CANCELLED, revision=TaskRow.revision + 1, answer_code=why, answered_by=tx.actor.id, answered_at=tx.at)
            .execution_options(synchronize_session=False)
        )
        if done:
            _step(tx, task, why, CANCELLED, "", {"record_id": by_record} if by_record else {})


def note(tx: Transaction, task: int, *, step: str, detail: Mapping[str, Any], record_id: str | None = None) -> None:
    """What is known of an open task changed; whoever answers the older page is told so."""
    done = tx.changed(
        update(TaskRow)
        .where(TaskRow.facility == tx.facility, TaskRow.id == task, TaskRow.status.in_(OPEN))
        .values(detail=dict(detail), revision=TaskRow.revision + 1)
        .execution_options(synchronize_session=False)
    )
    if done:
        _step(tx, task, step, REQUESTED, "", {"record_id": record_id} if record_id else {})


def open_again(tx: Transaction, task: int, *, revision: int, step: str, text: str, detail: Mapping[str, Any]) -> bool:
    """What was answered waits again: the answer was wrong. False: somebody was faster; nothing was changed then."""
    row = {"status": REQUESTED, "revision": revision + 1, "detail": dict(detail), "owner": None}
    row |= {"answer_code": None, "answer": None, "answered_by": None, "answered_at": None}
    done = tx.changed(
        update(TaskRow)
        .where(TaskRow.facility == tx.facility, TaskRow.id == task, TaskRow.revision == revision, TaskRow.status.not_in(OPEN))
        .values(**row)
        .execution_options(synchronize_session=False)
    )
    if done == 1:
        _step(tx, task, step, REQUESTED, text, {})
    return done == 1


def get(tx: Transaction, task: int) -> Task:
    """Raises: NotFoundError, OtherWardError."""
    row = tx.session.execute(_query().add_columns(PatientRow.ward).where(TaskRow.facility == tx.facility, TaskRow.id == task)).first()
    if row is None:
        raise NotFoundError(f"task {task} does not exist", remedy="look at the list again", task=task)
    found, name, bed, ward = row
    reach.must_see_thing(tx, ward=found.ward, patient=found.patient, patient_ward=ward)
    return _task(found, name, bed)


def listed(
    tx: Transaction,
    *,
    kinds: Collection[str],
    is_open: bool = True,
    ward: str | None = None,
    late: bool = False,
    after: int | None = None,
    limit: int = 100,
) -> tuple[Task, ...]:
    """Open ones with the nearest time first, answered ones newest first. `after`: only those with a smaller id (answered ones)."""
    query = _query().where(TaskRow.facility == tx.facility, TaskRow.kind.in_(kinds), *reach.of_ward(tx, TaskRow.ward, TaskRow.patient))
    query = query.where(TaskRow.status.in_(OPEN) if is_open else TaskRow.status.not_in(OPEN))
    if ward:
        query = query.where(or_(TaskRow.ward == ward, TaskRow.ward == ""))
    if late:
        query = query.where(TaskRow.due_by <= tx.at)
    if is_open:
        query = query.order_by(case((TaskRow.due_by.is_(None), 1), else_=0), TaskRow.due_by, TaskRow.raised_at, TaskRow.id)
    else:
        query = query.order_by(TaskRow.id.desc())
        if after is not None:
            query = query.where(TaskRow.id < after)
    return tuple(_task(*row) for row in tx.session.execute(query.limit(limit)))


def of_record(tx: Transaction, record_id: str) -> tuple[Task, ...]:
    rows = tx.session.execute(_query().where(TaskRow.facility == tx.facility, TaskRow.record_id == record_id).order_by(TaskRow.id))
    return tuple(_task(*row) for row in rows)


def find(tx: Transaction, kind: str, key: str) -> Task | None:
    row = tx.session.execute(_query().where(TaskRow.facility == tx.facility, TaskRow.kind == kind, TaskRow.key == key)).first()
    return None if row is None else _task(*row)


def by_key(tx: Transaction, kind: str, keys: Collection[str]) -> dict[str, Task]:
    """Key -> task, in one statement."""
    if not keys:
        return {}
    rows = tx.session.execute(_query().where(TaskRow.facility == tx.facility, TaskRow.kind == kind, TaskRow.key.in_(keys)))
    return {row[0].key: _task(*row) for row in rows}


def counts(tx: Transaction, kinds: Collection[str], *, ward: str | None = None) -> dict[str, tuple[int, int]]:
    """Kind -> (open, of these late), in one statement."""
    if not kinds:
        return {}
    late = func.sum(case((TaskRow.due_by <= tx.at, 1), else_=0))
    query = (
        select(TaskRow.kind, func.count(), late)
        .where(
            TaskRow.facility == tx.facility,
            TaskRow.status.in_(OPEN),
            TaskRow.kind.in_(kinds),
            *reach.of_ward(tx, TaskRow.ward, TaskRow.patient),
        )
        .group_by(TaskRow.kind)
    )
    if ward:
        query = query.where(or_(TaskRow.ward == ward, TaskRow.ward == ""))
    return {kind: (int(number), int(overdue or 0)) for kind, number, overdue in tx.session.execute(query)}


def steps(tx: Transaction, tasks: Collection[int]) -> dict[int, tuple[Step, ...]]:
    """Task -> its steps, oldest first, in one statement."""
    found: dict[int, list[Step]] = {}
    if not tasks:
        return {}
    rows = tx.session.scalars(
        select(TaskStepRow).where(TaskStepRow.facility == tx.facility, TaskStepRow.task.in_(tasks)).order_by(TaskStepRow.id)
    )
    for row in rows:
        found.setdefault(row.task, []).append(
            Step(step=row.step, status=row.status, by=row.by, at=row.at, text=row.text, detail=dict(row.detail or {}))
        )
    return {task: tuple(listed) for task, listed in found.items()}


def of_ward(tx: Transaction, ward: str, *, kind: str, since: datetime) -> tuple[Task, ...]:
    """Tasks of one kind about patients who are in the ward now: the open ones, and those answered since: one statement."""
    rows = tx.session.execute(
        _query()
        .where(
            TaskRow.facility == tx.facility,
            TaskRow.kind == kind,
            PatientRow.ward == ward,
            or_(TaskRow.status.in_(OPEN), TaskRow.answered_at >= since),
        )
        .order_by(TaskRow.id)
    )
    return tuple(_task(*row) for row in rows)


def _query() -> Any:
    return select(TaskRow, PatientRow.name, PatientRow.bed).outerjoin(
        PatientRow, and_(PatientRow.facility == TaskRow.facility, PatientRow.id == TaskRow.patient)
    )


def _step(tx: Transaction, task: int, step: str, status: str, text: str, detail: Mapping[str, Any]) -> None:
    tx.session.execute(
        insert(TaskStepRow).values(
            facility=tx.facility,
            task=task,
            step=step,
            status=status,
            by=tx.actor.id,
            at=tx.at,
            text=storable({"text": text})["text"],
            detail=dict(detail),
        )
    )


def _task(row: TaskRow, name: str | None, bed: str | None) -> Task:
    return Task(
        id=row.id,
        kind=row.kind,
        key=row.key,
        status=row.status,
        revision=row.revision,
        repeats=row.repeats,
        ward=row.ward,
        patient=row.patient,
        patient_name=name or "",
        bed=bed,
        order=row.order,
        due=row.due,
        product=row.product,
        record_id=row.record_id,
        detail=dict(row.detail or {}),
        raised_at=row.raised_at,
        due_by=row.due_by,
        owner=row.owner,
        answer_code=row.answer_code,
        answer=row.answer,
        answered_by=row.answered_by,
        answered_at=row.answered_at,
    )
