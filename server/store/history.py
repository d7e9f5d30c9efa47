"""Which of a patient's records count: the fold from everything that was ever written to what holds now. No queries here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from pointofcare.administration.lifecycle import Status
from pointofcare.verdict.facts import Action, HistoryEntry
from server.store import mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One record of `administrations`, as far as later doses depend on it."""

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


def effective(given: Iterable[Given]) -> tuple[HistoryEntry, ...]:
    """What holds, oldest first: a record that another amends is replaced by it, a withdrawn one never counts, and a patch that
    was taken off says when."""
    rows = sorted(given, key=lambda row: (row.at, row.record_id))
    amended = {row.amends for row in rows if row.amends is not None}
    entries: list[HistoryEntry] = []
    for row in rows:
        if row.record_id in amended or row.status == Status.ENTERED_IN_ERROR:
            continue
        if row.action == Action.REMOVE and row.status == Status.COMPLETED:
            for place in range(len(entries) - 1, -1, -1):
                on = entries[place]
                if on.order == (row.order or "") and on.patient == row.patient and on.status == "completed" and on.removed_at is None:
                    entries[place] = replace(on, removed_at=row.at)
                    break
            continue
        if row.action == Action.WASTE:
            continue
        entries.append(
            mapping.history_entry(
                order=row.order,
                patient=row.patient,
                status=row.status,
                at=row.at,
                product=row.product,
                due=row.due,
                dose=row.dose,
                lot=row.lot,
                serial=row.serial,
                reason=row.reason,
                record_id=row.record_id,
            )
        )
    return tuple(entries)


# What happened to the patient: an infusion that runs or was paused is not final yet.
FINAL = frozenset({Status.COMPLETED, Status.NOT_DONE, Status.STOPPED})


def second_actions(
    given: Iterable[Given], *, record_id: str, order: str | None, due: datetime | None, amends: str | None
) -> tuple[Given, ...]:
    """Other final actions on the same due dose that still count. Empty for a dose without a due time."""
    if order is None or due is None:
        return ()
    rows = tuple(given)
    amended = {row.amends for row in rows if row.amends is not None} | ({amends} if amends is not None else set())
    return tuple(
        row
        for row in rows
        if row.order == order
        and row.due == due
        and row.status in FINAL
        and row.action not in (Action.REMOVE, Action.WASTE)
        and row.record_id != record_id
        and row.record_id not in amended
    )
