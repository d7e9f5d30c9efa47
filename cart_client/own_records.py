"""What this cart did and the chart does not know yet, laid over the chart: a dose given offline is not given twice, an infusion that
was started here runs, a value that was measured here counts.

Pure: values in, values out. Each fold may see a record that the chart knows already, and then changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from pointofcare.administration import infusion, skin_reading
from pointofcare.administration.lifecycle import Status
from pointofcare.administration.record import AdministrationRecord
from pointofcare.people import Observation, Patient, SkinTest
from pointofcare.products import Bag, BagState
from pointofcare.verdict.facts import Action, HistoryEntry
from pointofcare.wire.messages import BedsideNoted, NoteKind, ObservationRecorded
from pointofcare.wire.tables import DoseRequest

_Value = TypeVar("_Value")
# The reason that asks the pharmacy for a dose (rule S5).
MISSING = "unavailable"
_OF_AN_EARLIER = frozenset({Action.REMOVE, Action.ASSESS})
_NO_ENTRY = _OF_AN_EARLIER | {Action.WASTE, Action.UNDO}


def history(charted: tuple[HistoryEntry, ...], journalled: tuple[AdministrationRecord, ...]) -> tuple[HistoryEntry, ...]:
    """The chart's history with this cart's own records that it lacks. A record that a later one amends counts as the later says;
    a removal says when its patch came off, an assessment what became of its dose; what goes on with a withdrawn record goes too."""
    known = {entry.record_id for entry in charted if entry.record_id is not None}
    amended = {record.amends for record in journalled if record.amends is not None}
    counting = [record for record in journalled if record.record_id not in amended]
    counting = [record for record in counting if record.continues not in amended]
    entries = [entry for entry in charted if not ({entry.record_id, entry.continues} & amended)]
    by_id = {entry.record_id or "": entry for entry in entries}
    for record in counting:
        if record.record_id not in known and record.action not in _NO_ENTRY:
            entries.append(_entry(record, by_id.get(record.continues or "")))
            by_id[record.record_id] = entries[-1]
    later = {record.continues: record for record in counting if record.action in _OF_AN_EARLIER and record.continues is not None}
    return _same_or(charted, tuple(_followed(entry, later.get(entry.record_id or "")) for entry in entries))


def _entry(record: AdministrationRecord, start: HistoryEntry | None) -> HistoryEntry:
    """An act on a running infusion has the order, the due time and the bag of its start where it names none."""
    return HistoryEntry(
        order=record.order or (start.order if start is not None else ""),
        patient=record.patient,
        status=record.status,
        at=record.effective_at,
        product=record.product,
        due=record.due or (start.due if start is not None else None),
        dose=record.dose,
        lot=record.lot,
        serial=record.serial,
        reason=record.status_reason,
        record_id=record.record_id,
        action=record.action,
        bag=record.bag or (start.bag if start is not None else None),
        rate=record.rate,
        continues=record.continues,
        site=record.site,
        prn_reason=record.prn_reason,
        nurse=record.nurse,
    )


def _followed(entry: HistoryEntry, later: AdministrationRecord | None) -> HistoryEntry:
    if later is None:
        return entry
    if later.action == Action.REMOVE:
        done = entry.removed_at is None and later.status == Status.COMPLETED
        return replace(entry, removed_at=later.effective_at) if done else entry
    newer = entry.effect_at is None or entry.effect_at <= later.effective_at
    return replace(entry, effect=later.effect, effect_at=later.effective_at) if newer else entry


def requests(charted: tuple[DoseRequest, ...], journalled: tuple[AdministrationRecord, ...]) -> tuple[DoseRequest, ...]:
    """What this cart asked the pharmacy for and the chart does not tell of yet: nobody has answered."""
    known = {request.record_id for request in charted}
    amended = {record.amends for record in journalled if record.amends is not None}
    return tuple(
        DoseRequest(record_id=record.record_id, order=record.order, due=record.due, status="requested", asked_at=record.effective_at)
        for record in journalled
        if record.action == Action.NOT_GIVEN
        and record.status_reason == MISSING
        and record.order is not None
        and record.record_id not in known | amended
    )


_STATES = {
    Status.IN_PROGRESS: BagState.INFUSING,
    Status.ON_HOLD: BagState.STOPPED,
    Status.STOPPED: BagState.STOPPED,
    Status.COMPLETED: BagState.COMPLETED,
}


def bags(charted: tuple[Bag, ...], entries: tuple[HistoryEntry, ...]) -> tuple[Bag, ...]:
    """Each bag as the newest records of it say, which may be newer than the chart."""
    runs = {run.bag: run for run in sorted(infusion.runs(entries), key=lambda run: run.changed_at) if run.bag is not None}
    return tuple(_as_run(bag, runs.get(bag.id)) for bag in charted)


def _as_run(bag: Bag, run: infusion.Run | None) -> Bag:
    if run is None or bag.state is BagState.MISSING:
        return bag
    return replace(
        bag,
        state=_STATES.get(run.status, bag.state),
        started_at=run.started_at,
        rate=run.rate,
        record_id=run.record_id,
        patient=run.patient,
    )


def patients(charted: tuple[Patient, ...], measured: tuple[ObservationRecorded, ...]) -> tuple[Patient, ...]:
    """Each patient with what was measured at this cart."""
    own: dict[str, list[Observation]] = {}
    for each in measured:
        own.setdefault(each.patient, []).append(Observation(code=each.code, value=each.value, at=each.at))
    return _same_or(charted, tuple(_with(patient, own[patient.id]) if patient.id in own else patient for patient in charted))


def with_skin_tests(charted: tuple[Patient, ...], noted: tuple[BedsideNoted, ...]) -> tuple[Patient, ...]:
    """Each patient with the skin tests that were read at this cart."""
    own: dict[str, list[SkinTest]] = {}
    for note in noted:
        found = skin_reading.read(note.details, read_at=note.at, read_by=note.nurse) if note.kind == NoteKind.SKIN_TEST else None
        if found is not None and note.patient is not None:
            own.setdefault(note.patient, []).append(found)
    return _same_or(charted, tuple(_tested(each, own[each.id]) if each.id in own else each for each in charted)) if own else charted


def _tested(patient: Patient, read: list[SkinTest]) -> Patient:
    known = patient.skin_tests or ()
    return replace(patient, skin_tests=(*known, *(each for each in read if each not in known)))


def _same_or(charted: tuple[_Value, ...], found: tuple[_Value, ...]) -> tuple[_Value, ...]:
    """The chart's own object where nothing was added: the verdict has sorted it already."""
    return charted if found == charted else found


def _with(patient: Patient, measured: list[Observation]) -> Patient:
    new = tuple(each for each in measured if each not in patient.observations)
    return replace(patient, observations=(*patient.observations, *new))
