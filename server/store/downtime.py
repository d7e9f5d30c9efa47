"""Queries about rounds sheets on paper: what was printed, and what was entered from it. Nothing here judges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, exists, or_, select, update
from sqlalchemy.orm import aliased

from pointofcare.administration.lifecycle import Status
from pointofcare.verdict.facts import Action
from server.store import reach
from server.store.tables import AdministrationRow as Record
from server.store.tables import DowntimeEntryRow as Entry
from server.store.tables import DowntimeLineRow as Line
from server.store.tables import DowntimeSheetRow as Sheet
from server.store.transaction import Transaction

MOST_LISTED = 100
# A dose that was due long before the print may have been charted before it.
LOOKED_BACK = timedelta(days=3)
_DOSES = (Action.GIVE, Action.START, Action.HOLD, Action.REFUSE, Action.NOT_GIVEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetView:
    sheet: str
    ward: str
    printed_at: datetime
    printed_by: str
    valid_until: datetime
    used_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    words: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """One line as it goes to the paper. `due` None: as needed. `printed` holds the words."""

    patient: str
    order: str
    order_version: int
    due: datetime | None
    printed: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Charted:
    """A record that stands for the line's dose: of this sheet (`entered`), or charted elsewhere."""

    record_id: str
    status: str
    at: datetime
    nurse: str
    cart: str
    entered: bool

    @property
    def was_given(self) -> bool:
        return self.status in (Status.COMPLETED, Status.IN_PROGRESS, Status.STOPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    sheet: str
    number: int
    patient: str
    order: str
    order_version: int
    due: datetime | None
    printed: Mapping[str, Any]
    nothing_at: datetime | None
    nothing_by: str | None
    nothing_why: str | None
    charted: tuple[Charted, ...] = field(default=())

    @property
    def is_settled(self) -> bool:
        """Whether somebody has said what became of it."""
        return bool(self.charted) or self.nothing_at is not None


def put(tx: Transaction, *, sheet: str, ward: str, valid_until: datetime, lines: Iterable[Printed]) -> None:
    """Writes a new sheet; its lines count from 1."""
    tx.session.add(Sheet(facility=tx.facility, sheet=sheet, ward=ward, printed_at=tx.at, printed_by=tx.actor.id, valid_until=valid_until))
    tx.session.add_all(
        Line(
            facility=tx.facility,
            sheet=sheet,
            number=number,
            patient=line.patient,
            order=line.order,
            order_version=line.order_version,
            due=line.due,
            printed=dict(line.printed),
        )
        for number, line in enumerate(lines, 1)
    )
    tx.session.flush()


def get(tx: Transaction, sheet: str) -> SheetView | None:
    """Raises: OtherWardError."""
    row = tx.session.get(Sheet, (tx.facility, sheet), populate_existing=True)
    if row is None:
        return None
    reach.must_see(tx, row.ward)
    return _sheet(row)


def listed(tx: Transaction, *, since: datetime) -> tuple[SheetView, ...]:
    """Those of the person's wards, newest first."""
    query = select(Sheet).where(Sheet.facility == tx.facility, Sheet.printed_at >= since)
    if tx.actor.wards is not None:
        query = query.where(Sheet.ward.in_(sorted(tx.actor.wards)))
    return tuple(_sheet(row) for row in tx.session.scalars(query.order_by(Sheet.printed_at.desc()).limit(MOST_LISTED)))


def lines(tx: Transaction, sheet: SheetView, *, number: int | None = None) -> tuple[LineView, ...]:
    """In the order of the paper, with what is on record for each: two statements."""
    mine = [Line.facility == tx.facility, Line.sheet == sheet.sheet]
    if number is not None:
        mine.append(Line.number == number)
    rows = tuple(tx.session.scalars(select(Line).where(*mine).order_by(Line.number).execution_options(populate_existing=True)))
    charted = _charted(tx, sheet.sheet, rows, sheet.printed_at - LOOKED_BACK)
    return tuple(_line(row, records) for row, records in zip(rows, charted, strict=True))


def _charted(tx: Transaction, sheet: str, rows: tuple[Line, ...], since: datetime) -> list[tuple[Charted, ...]]:
    """Of every line what was entered from it, and of a due dose whatever else is on record for it; what was withdrawn is neither."""
    if not rows:
        return []
    newer = aliased(Record)
    is_replaced = exists().where(newer.facility == Record.facility, newer.amends == Record.record_id)
    query = (
        select(Record, Entry.number)
        .outerjoin(Entry, and_(Entry.facility == Record.facility, Entry.record_id == Record.record_id, Entry.sheet == sheet))
        .where(Record.facility == tx.facility, Record.order.in_({row.order for row in rows}), Record.effective_at >= since)
        .where(~is_replaced, or_(Entry.number.is_not(None), Record.due.in_({row.due for row in rows if row.due is not None})))
        .where(Record.status != Status.ENTERED_IN_ERROR, Record.action.in_(_DOSES))
        .order_by(Record.effective_at, Record.record_id)
    )
    found: list[list[Charted]] = [[] for _ in rows]
    by_number = {row.number: place for place, row in enumerate(rows)}
    by_dose = {(row.order, row.due): place for place, row in enumerate(rows) if row.due is not None}
    for record, number in tx.session.execute(query):
        place = by_number.get(number) if number is not None else by_dose.get((record.order, record.due))
        if place is None:
            continue
        one = Charted(
            record_id=record.record_id,
            status=record.status,
            at=record.effective_at,
            nurse=record.nurse,
            cart=record.cart,
            entered=number is not None,
        )
        found[place].append(one)
    return [tuple(each) for each in found]


def entered(tx: Transaction, *, sheet: str, number: int, record_id: str) -> None:
    tx.session.add(Entry(facility=tx.facility, record_id=record_id, sheet=sheet, number=number, entered_by=tx.actor.id, entered_at=tx.at))
    tx.session.flush()


def is_entered(tx: Transaction, record_id: str) -> bool:
    return tx.session.get(Entry, (tx.facility, record_id)) is not None


def nothing(tx: Transaction, *, sheet: str, number: int, why: str) -> bool:
    """Whether this call said it; False: somebody had."""
    mine = (Line.facility == tx.facility, Line.sheet == sheet, Line.number == number, Line.nothing_at.is_(None))
    values = {"nothing_at": tx.at, "nothing_by": tx.actor.id, "nothing_why": why}
    return bool(tx.session.execute(update(Line).where(*mine).values(**values)).rowcount)  # type: ignore[attr-defined]


def use(tx: Transaction, sheet: str) -> None:
    mine = (Sheet.facility == tx.facility, Sheet.sheet == sheet, Sheet.used_at.is_(None))
    tx.session.execute(update(Sheet).where(*mine).values(used_at=tx.at))


def close(tx: Transaction, sheet: str, *, words: str) -> bool:
    """Whether this call closed it."""
    mine = (Sheet.facility == tx.facility, Sheet.sheet == sheet, Sheet.closed_at.is_(None))
    values = {"closed_at": tx.at, "closed_by": tx.actor.id, "words": words or None}
    return bool(tx.session.execute(update(Sheet).where(*mine).values(**values)).rowcount)  # type: ignore[attr-defined]


def _sheet(row: Sheet) -> SheetView:
    return SheetView(**{name: getattr(row, name) for name in SheetView.__dataclass_fields__})


def _line(row: Line, charted: tuple[Charted, ...]) -> LineView:
    return LineView(**{name: getattr(row, name) for name in LineView.__dataclass_fields__ if name != "charted"}, charted=charted)
