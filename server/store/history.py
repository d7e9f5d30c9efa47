"""Which of a patient's records count: the fold from everything that was ever written to what holds now. No queries here.

The order in which records arrived is never looked at, only when each thing happened, so that late, doubled and reordered arrivals
fold to the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from pointofcare.administration.lifecycle import Status
from pointofcare.administration.record import AdministrationRecord
from pointofcare.verdict.facts import Action, HistoryEntry
from server.store.plain import amount, to_amount


class Given(NamedTuple):
    """One record of `administrations`, as far as later doses depend on it. A tuple, for each dose makes one of every earlier dose of
    the patient, and a frozen class sets its fields one by one."""

    record_id: str
    patient: str
    order: str | None
    status: str
    product: str | None
    dose: str | None
    lot: str | None
    serial: str | None
    reason: str | None
    amends: str | None
    action: str
    at: datetime
    due: datetime | None
    bag: str | None = None
    continues: str | None = None
    rate: str | None = None
    site: str | None = None
    prn_reason: str | None = None
    effect: str | None = None
    nurse: str | None = None


def of_record(record: AdministrationRecord) -> Given:
    return Given(
        record_id=record.record_id,
        patient=record.patient,
        order=record.order,
        status=record.status,
        product=record.product,
        dose=amount(record.dose),
        lot=record.lot,
        serial=record.serial,
        reason=record.status_reason,
        amends=record.amends,
        action=record.action,
        at=record.effective_at,
        due=record.due,
        bag=record.bag,
        continues=record.continues,
        rate=amount(record.rate),
        site=record.site,
        prn_reason=record.prn_reason,
        effect=record.effect,
        nurse=record.nurse,
    )


# At one instant a thing begins before it changes, and changes before it ends.
_RANK = {Action.START: 0, Action.GIVE: 0, Action.RATE: 1, Action.HOLD: 2, Action.STOP: 3}


def _place(row: Given) -> tuple[datetime, int, str]:
    return (row.at, _RANK.get(row.action, 1), row.record_id)  # type: ignore[call-overload]


class Standing:
    """What each record stands for after every correction and withdrawal."""

    def __init__(self, rows: Iterable[Given]) -> None:
        self._rows = {row.record_id: row for row in rows}
        self._amended_by: dict[str, str] = {}
        for row in sorted([row for row in self._rows.values() if row.amends is not None], key=_place):
            if row.amends is not None:
                self._amended_by[row.amends] = row.record_id

    def current(self, record_id: str) -> str | None:
        """The record that `record_id` was corrected to, itself when it was not; None: it was withdrawn."""
        seen = {record_id}
        while (later := self._amended_by.get(record_id)) is not None and later not in seen:
            seen.add(later)
            record_id = later
        row = self._rows.get(record_id)
        return None if row is not None and row.status == Status.ENTERED_IN_ERROR else record_id

    def root(self, row: Given) -> str | None:
        """The record that this one goes on with at the last, itself when it goes on with none; None: that one was withdrawn."""
        if row.continues is None:
            return row.record_id
        seen: set[str] = set()
        found: str | None = row.record_id
        while found is not None and found not in seen:
            seen.add(found)
            here = self._rows.get(found)
            if here is None or here.continues is None:
                return found
            found = self.current(here.continues)
        return found

    def get(self, record_id: str | None) -> Given | None:
        return None if record_id is None else self._rows.get(record_id)

    @property
    def counting(self) -> list[Given]:
        """The records that count, in the order in which it happened: not corrected, not withdrawn, and not going on with a
        record that was withdrawn."""
        rows = (row for row in self._rows.values() if row.record_id not in self._amended_by and row.status != Status.ENTERED_IN_ERROR)
        return sorted((row for row in rows if self.root(row) is not None), key=_place)


def effective(given: Iterable[Given]) -> tuple[HistoryEntry, ...]:
    """What holds, oldest first: a record that another amends is replaced by it, a withdrawn one never counts, a patch that was
    taken off says when, and a dose as needed what became of it. An act on a running infusion has the due time, the order and the
    bag of its start where it names none."""
    standing = Standing(given)
    entries: dict[str, HistoryEntry] = {}
    later: list[Given] = []
    for row in standing.counting:
        if row.action in (Action.REMOVE, Action.ASSESS):
            later.append(row)
        elif row.action != Action.WASTE:
            entries[row.record_id] = _entry(row, standing)
    for row in later:
        if row.action == Action.ASSESS:
            assessed = entries.get((standing.current(row.continues) or "") if row.continues else "")
            if assessed is not None:
                entries[assessed.record_id or ""] = replace(assessed, effect=row.effect, effect_at=row.at)
        elif row.status == Status.COMPLETED:
            removed = _removed(row, standing, entries)
            if removed is not None:
                entries[removed.record_id or ""] = replace(removed, removed_at=row.at)
    return tuple(sorted(entries.values(), key=lambda entry: (entry.at, entry.record_id or "")))


def _entry(row: Given, standing: Standing) -> HistoryEntry:
    if row.continues is None:
        return _of(row)
    root = standing.root(row)
    start = standing.get(root)
    if start is not None:
        row = row._replace(order=row.order or start.order, due=row.due or start.due, bag=row.bag or start.bag)
    return _of(row._replace(continues=root))


@lru_cache(maxsize=16384)
def _of(row: Given) -> HistoryEntry:
    """Kept, for each further dose of a patient is judged by the same earlier ones. What became of it is laid over it later."""
    return HistoryEntry(
        order=row.order or "",
        patient=row.patient,
        status=row.status,
        at=row.at,
        product=row.product,
        due=row.due,
        dose=to_amount(row.dose),
        lot=row.lot,
        serial=row.serial,
        reason=row.reason,
        record_id=row.record_id,
        action=row.action,
        bag=row.bag,
        rate=to_amount(row.rate),
        continues=row.continues,
        site=row.site,
        prn_reason=row.prn_reason,
        nurse=row.nurse,
    )


def _removed(row: Given, standing: Standing, entries: dict[str, HistoryEntry]) -> HistoryEntry | None:
    """The patch that a removal took off: the one that it names, else the newest of the order that was on then."""
    if row.continues is not None:
        named = entries.get(standing.current(row.continues) or "")
        return named if named is not None and named.removed_at is None else None
    on = [
        entry
        for entry in entries.values()
        if entry.order == (row.order or "")
        and entry.patient == row.patient
        and entry.status == Status.COMPLETED
        and entry.removed_at is None
        and entry.at <= row.at
    ]
    return max(on, key=lambda entry: (entry.at, entry.record_id or ""), default=None)


# What happened to the patient: an infusion that runs or was paused is not final yet.
FINAL = frozenset({Status.COMPLETED, Status.NOT_DONE, Status.STOPPED})
# Acts on what was given before, never one more dose.
_NOT_A_DOSE = (Action.REMOVE, Action.WASTE, Action.ASSESS)


def second_actions(
    given: Iterable[Given],
    *,
    record_id: str,
    order: str | None,
    due: datetime | None,
    amends: str | None,
    action: str = Action.GIVE,
    continues: str | None = None,
) -> tuple[Given, ...]:
    """Other final actions on the same due dose that still count. Empty for a dose without a due time, and for an act on an earlier
    record: the end of an infusion is no second dose beside its start, nor is the end of one bag beside that of the next."""
    if order is None or due is None or continues is not None or action in _NOT_A_DOSE:
        return ()
    rows = tuple(given)
    amended = {row.amends for row in rows if row.amends is not None} | ({amends} if amends is not None else set())
    return tuple(
        row
        for row in rows
        if row.order == order
        and row.due == due
        and row.status in FINAL
        and row.action not in _NOT_A_DOSE
        and row.continues is None
        and row.record_id != record_id
        and row.record_id not in amended
    )
