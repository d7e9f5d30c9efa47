"""What an infusion is at now, folded from the records of it. No queries here.

The state is a function of the set of records: it never depends on the order in which they came, nor on how often.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pointofcare.administration.lifecycle import Status
from pointofcare.products import BagState
from pointofcare.quantity import Quantity
from pointofcare.verdict.facts import Action
from server.store.history import Given, Standing
from server.store.plain import to_amount


class RunState(StrEnum):
    PREPARED = "prepared"
    INFUSING = "infusing"
    PAUSED = "paused"
    STOPPED = "stopped"
    COMPLETED = "completed"
    MISSING = "missing"
    DISCARDED = "discarded"


# A paused bag may be started again like a stopped one; what was discarded has nothing left to give.
BAG_STATES = {
    RunState.PREPARED: BagState.PREPARED,
    RunState.INFUSING: BagState.INFUSING,
    RunState.PAUSED: BagState.STOPPED,
    RunState.STOPPED: BagState.STOPPED,
    RunState.COMPLETED: BagState.COMPLETED,
    RunState.MISSING: BagState.MISSING,
    RunState.DISCARDED: BagState.COMPLETED,
}
BEGINS = frozenset({Action.START, Action.GIVE})
ACTS = frozenset({Action.START, Action.GIVE, Action.RATE, Action.HOLD, Action.STOP})
_STATE_OF = {
    Status.IN_PROGRESS: RunState.INFUSING,
    Status.ON_HOLD: RunState.PAUSED,
    Status.STOPPED: RunState.STOPPED,
    Status.COMPLETED: RunState.COMPLETED,
}
_NOT_RUNNING = frozenset({RunState.PAUSED, RunState.STOPPED, RunState.COMPLETED})
_ENDED = frozenset({RunState.STOPPED, RunState.COMPLETED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From `at` on the infusion was in `state` at `rate` (None: not known; what it was before a pause stays)."""

    at: datetime
    state: RunState
    rate: Quantity | None
    record_id: str
    nurse: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """`record_id` is the start that everything else goes on with. `ended_at` None: it has not ended."""

    state: RunState = RunState.PREPARED
    record_id: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    rate: Quantity | None = None
    changes: tuple[Change, ...] = ()


def of_bag(rows: Iterable[Given], bag: str) -> Run:
    """What became of one bag: of the records that name it, or that go on with one that does."""
    standing = Standing(rows)
    return fold(row for row in standing.counting if _bag_of(row, standing) == bag)


def fold(rows: Iterable[Given]) -> Run:
    """`rows` count and are in the order in which it happened (`Standing.counting`)."""
    run = Run()
    changes: list[Change] = []
    for row in rows:
        state = _STATE_OF.get(row.status) if row.action in ACTS else None  # type: ignore[call-overload]
        if state is None:
            continue
        begins = row.action in BEGINS
        if row.action == Action.RATE and run.state in _NOT_RUNNING:
            continue  # nothing runs at it: what was paused gets its rate when it runs again, what was ended never
        fresh = begins and row.continues is None
        rate = to_amount(row.rate) or (None if fresh else run.rate)
        changes.append(Change(at=row.at, state=state, rate=rate, record_id=row.record_id, nurse=row.nurse))
        run = Run(
            state=state,
            record_id=row.record_id if fresh else (run.record_id or row.continues),
            started_at=row.at if fresh or run.started_at is None else run.started_at,
            ended_at=row.at if state in _ENDED else None,
            rate=rate,
        )
    return Run(
        state=run.state,
        record_id=run.record_id,
        started_at=run.started_at,
        ended_at=run.ended_at,
        rate=run.rate,
        changes=tuple(changes),
    )


def _bag_of(row: Given, standing: Standing) -> str | None:
    if row.bag is not None or row.continues is None:
        return row.bag
    start = standing.get(standing.root(row))
    return start.bag if start is not None else None
