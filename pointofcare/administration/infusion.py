"""What an infusion is at: folded from the records of its start, its changes of rate, its pauses and its end.

The lifecycle table says what may follow what; a record that does not fit it (a rate set after the end) changes nothing. Must
never depend on the order in which records came, only on when each thing happened.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from pointofcare.administration import lifecycle
from pointofcare.administration.lifecycle import OPEN, Status
from pointofcare.errors import IllegalTransitionError, QuantityError
from pointofcare.orders import infusion
from pointofcare.orders.infusion import Segment
from pointofcare.quantity import Quantity
from pointofcare.verdict.facts import Action, HistoryEntry

BEGINS = frozenset({Action.START, Action.GIVE})
# At one instant a thing begins before it changes, and changes before it ends.
_RANK = {Action.START: 0, Action.GIVE: 0, Action.RATE: 1, Action.HOLD: 2, Action.STOP: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One infusion. `record_id` is its start's, which every later record goes on with; `unknown`: it ran for a time at a rate that
    nobody charted."""

    record_id: str
    patient: str
    order: str
    bag: str | None
    product: str | None
    status: Status
    started_at: datetime
    changed_at: datetime
    rate: Quantity | None = None
    segments: tuple[Segment, ...] = ()
    unknown: bool = False

    @property
    def paused(self) -> bool:
        return self.status is Status.ON_HOLD


def runs(history: Iterable[HistoryEntry]) -> tuple[Run, ...]:
    """Every infusion on record, oldest first, ended ones too."""
    entries = sorted(history, key=lambda entry: (entry.at, _RANK.get(entry.action, 1), entry.record_id or ""))  # type: ignore[call-overload]
    found: dict[str, Run] = {}
    for entry in entries:
        begins = entry.action in BEGINS and entry.continues is None and entry.record_id is not None
        if begins and entry.status in (Status.IN_PROGRESS, Status.ON_HOLD):
            found[entry.record_id or ""] = _begun(entry)
    for entry in entries:
        run = found.get(entry.continues or "")
        if run is not None:
            found[run.record_id] = _after(run, entry)
    return tuple(found.values())


def running(history: Iterable[HistoryEntry], patient: str | None = None) -> tuple[Run, ...]:
    """Those that run or are paused, of `patient` or of everybody."""
    return tuple(run for run in runs(history) if run.status in OPEN and patient in (None, run.patient))


def _begun(entry: HistoryEntry) -> Run:
    return Run(
        record_id=entry.record_id or "",
        patient=entry.patient,
        order=entry.order,
        bag=entry.bag,
        product=entry.product,
        status=Status(entry.status),
        started_at=entry.at,
        changed_at=entry.at,
        rate=entry.rate,
        segments=(Segment(at=entry.at, rate=entry.rate),),
        unknown=entry.rate is None,
    )


def _event(entry: HistoryEntry) -> lifecycle.Event | None:
    match entry.action, entry.status:
        case Action.RATE, _:
            return lifecycle.RateChanged()
        case Action.HOLD, Status.ON_HOLD:
            return lifecycle.Paused()
        case ((Action.START | Action.GIVE), Status.IN_PROGRESS):
            return lifecycle.Resumed()
        case Action.STOP, Status.STOPPED:
            return lifecycle.Halted()
        case _, Status.COMPLETED:
            return lifecycle.Finished()
    return None


def _after(run: Run, entry: HistoryEntry) -> Run:
    event = _event(entry)
    if event is None:
        return run
    try:
        status = lifecycle.advance(run.status, event)
    except IllegalTransitionError:
        return run
    rate = entry.rate if entry.rate is not None else run.rate
    flows = status is Status.IN_PROGRESS
    segments = (*run.segments, Segment(at=entry.at, rate=rate if flows else None))
    return replace(run, status=status, rate=rate, changed_at=entry.at, segments=segments, unknown=run.unknown or (flows and rate is None))


def empty_at(run: Run, volume: Quantity | None) -> datetime | None:
    """When a bag of `volume` will have run out at the rate of now; None while paused, or when volume or a rate are not known."""
    if volume is None or run.paused:
        return None
    try:
        return infusion.empty_at(volume, run.segments)
    except QuantityError:
        return None


def given_by(run: Run, volume: Quantity | None, at: datetime) -> Quantity | None:
    """What has run in by `at`, in whole mL, at most `volume`; None when some rate is not known."""
    try:
        given = infusion.volume_given(run.segments, at)
        if volume is not None:
            given = min(given, volume.to("L").exact() * 1000)
    except QuantityError:
        return None
    return Quantity(value=Decimal(round(given)), unit="mL") if not run.unknown else None


def as_flow(rate: Quantity, drop_factor: int | None) -> Quantity:
    """Drops a minute of that set as mL/h; every other rate as it is. Raises: QuantityError."""
    if drop_factor is None or not rate.converts_to("[drp]/min"):
        return rate
    return infusion.rate_of_drops(int(rate.to("[drp]/min").value), drop_factor)
