"""The life of one cart's update in a rollout, as a table. Pure.

What a cart tells of its job moves it along; that it runs the release is believed only from what it reports of itself: the hash of the
image in the slot that runs, confirmed. A cart that says "done" and reports the older image after a power cut has failed. An outcome that
nobody knows is a state that holds its place, never a success and never quietly tried again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from pointofcare.errors import IllegalTransitionError
from pointofcare.firmware import Target
from pointofcare.fleet.plan import Plan


class State(StrEnum):
    """`queued`: no job. `assigned`: a job was issued, the cart said nothing of it yet. `waiting`: a gate at the cart holds it.
    `baking`: it runs the release, which must prove itself. `penalty`: it failed, and is left alone for a while."""

    QUEUED = "queued"
    ASSIGNED = "assigned"
    WAITING = "waiting"
    IN_PROGRESS = "in-progress"
    UNKNOWN = "unknown"
    BAKING = "baking"
    PENALTY = "penalty"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A job goes to the cart, good for beginning until `expires_at`."""

    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The cart says that a gate holds the job."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """The cart says that it is at it."""

    step: str = ""
    percent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """The cart says that it is done. Nothing counts but what it reports to run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The cart reports that it runs the release, confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baked:
    """It ran long enough, and was heard all the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """This attempt failed, another one may follow."""

    why: str
    not_before: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GaveUp:
    """It failed for the last time."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WentSilent:
    """Nobody can say what became of it."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapsed:
    """The job ended before anything was changed: its time ran out at the gates, it was taken back, or another took its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The penalty is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """It needs nothing, cannot have it, or a person decided so."""

    why: str


Event = Issued | Held | Began | Claimed | Runs | Baked | Failed | GaveUp | WentSilent | Lapsed | Released | LeftOut

TRANSITIONS: Mapping[State, Mapping[type[Event], State]] = MappingProxyType(
    {
        State.QUEUED: {
            Issued: State.ASSIGNED,
            Began: State.IN_PROGRESS,  # a cart whose clock is slow begins a job that had ended
            Runs: State.BAKING,
            GaveUp: State.FAILED,
            LeftOut: State.SKIPPED,
        },
        State.ASSIGNED: {
            Held: State.WAITING,
            Began: State.IN_PROGRESS,
            Claimed: State.IN_PROGRESS,
            Runs: State.BAKING,
            Failed: State.PENALTY,
            GaveUp: State.FAILED,
            WentSilent: State.UNKNOWN,
            Lapsed: State.QUEUED,
            LeftOut: State.SKIPPED,
        },
        State.WAITING: {
            Held: State.WAITING,
            Began: State.IN_PROGRESS,
            Claimed: State.IN_PROGRESS,
            Runs: State.BAKING,
            Failed: State.PENALTY,
            GaveUp: State.FAILED,
            WentSilent: State.UNKNOWN,
            Lapsed: State.QUEUED,
            LeftOut: State.SKIPPED,
        },
        State.IN_PROGRESS: {
            Held: State.WAITING,  # somebody took the cart from its dock: nothing is changed before the gates are open again
            Began: State.IN_PROGRESS,
            Claimed: State.IN_PROGRESS,
            Runs: State.BAKING,
            Failed: State.PENALTY,
            GaveUp: State.FAILED,
            WentSilent: State.UNKNOWN,
            Lapsed: State.QUEUED,
        },
        State.UNKNOWN: {
            Held: State.WAITING,
            Began: State.UNKNOWN,
            Claimed: State.UNKNOWN,
            Runs: State.BAKING,
            Failed: State.PENALTY,
            GaveUp: State.FAILED,
            Lapsed: State.QUEUED,
            LeftOut: State.SKIPPED,
        },
        State.BAKING: {Baked: State.SUCCEEDED, Failed: State.PENALTY, GaveUp: State.FAILED},
        State.PENALTY: {Released: State.QUEUED, GaveUp: State.FAILED, LeftOut: State.SKIPPED},
        State.SUCCEEDED: {},
        State.FAILED: {},
        State.SKIPPED: {},
    }
)

# These may be changing their firmware now: never more of them than the plan says.
IN_FLIGHT = frozenset({State.ASSIGNED, State.WAITING, State.IN_PROGRESS, State.UNKNOWN})
TERMINAL = frozenset({State.SUCCEEDED, State.FAILED, State.SKIPPED})
NOT_BEGUN = frozenset({State.QUEUED, State.ASSIGNED, State.WAITING})

# What clocks of a cart and of the server may differ by, before a job that ended is taken as ended there too.
CLOCK_GRACE = timedelta(minutes=5)
# A report this much younger than what was said is of afterwards.
SETTLE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class CartUpdate:
    """One cart of a rollout. `attempt` numbers the newest job, `closed` the newest that ended in a failure: what is told of it later
    changes nothing. `counted`: it failed, or fell silent, since a person last looked. `since`: when it came into its state.
    `percent` is of `step`."""

    cart: str
    job: str
    wave: int
    since: datetime
    state: State = State.QUEUED
    attempt: int = 0
    closed: int = 0
    failures: int = 0
    counted: bool = False
    not_before: datetime | None = None
    expires_at: datetime | None = None
    began_at: datetime | None = None
    claimed_at: datetime | None = None
    why: str = ""
    step: str = ""
    percent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a cart reports of itself; every None: it has not said. `image_hash` and `confirmed` are of the slot that runs, heard at
    `heard_at` by the server's clock. `offline_since` None: it is there. `busy`: it has a job of another rollout."""

    online: bool
    offline_since: datetime | None = None
    heard_at: datetime | None = None
    image_hash: str | None = None
    confirmed: bool | None = None
    hardware: str | None = None
    docked: bool | None = None
    charge_percent: float | None = None
    in_use: bool | None = None
    self_test: bool | None = None
    busy: bool = False


NEVER = Seen(online=False)


def advance(update: CartUpdate, event: Event, at: datetime) -> CartUpdate:
    """The update after `event`. Raises: IllegalTransitionError."""
    target = TRANSITIONS[update.state].get(type(event))
    if target is None:
        raise IllegalTransitionError("cart-update", update.state.value, type(event).__name__)
    moved = replace(update, state=target, since=at if target is not update.state or target is State.UNKNOWN else update.since)
    match event:
        case Issued(expires_at=expires_at):
            return replace(
                moved,
                attempt=update.attempt + 1,
                expires_at=expires_at,
                began_at=None,
                claimed_at=None,
                not_before=None,
                why="",
                step="",
                percent=None,
            )
        case Held(why=why):
            return replace(moved, why=why, began_at=None, step="", percent=None)
        case Began(step=step, percent=percent):
            kept = update.why if target is State.UNKNOWN else ""
            return replace(moved, began_at=update.began_at or at, step=step, percent=percent, why=kept)
        case Claimed():
            return replace(moved, began_at=update.began_at or at, claimed_at=update.claimed_at or at, step="", percent=None)
        case Runs() | Baked():
            return replace(moved, why="", step="", percent=None, not_before=None)
        case Failed(why=why, not_before=not_before):
            return replace(
                moved, why=why, not_before=not_before, failures=update.failures + 1, closed=update.attempt, counted=True, percent=None
            )
        case GaveUp(why=why):
            ended_now = update.state not in (State.QUEUED, State.PENALTY)  # these were counted when they failed
            failures = update.failures + ended_now
            return replace(moved, why=why, failures=failures, closed=update.attempt, counted=True, not_before=None, percent=None)
        case WentSilent(why=why):
            return replace(moved, why=why, counted=True)
        case Lapsed():
            return replace(moved, why="job-expired", step="", percent=None)
        case Released():
            return replace(moved, not_before=None)
        case LeftOut(why=why):
            return replace(moved, why=why)


def failing(update: CartUpdate, why: str, plan: Plan, at: datetime, *, last: bool = False) -> Failed | GaveUp:
    """What one more failure is: the penalty box, or the end. `last`: there will be no other attempt."""
    if last or update.failures + 1 >= plan.attempts:
        return GaveUp(why=why)
    return Failed(why=why, not_before=at + timedelta(minutes=plan.penalty_min))


def take(update: CartUpdate, event: Event, *, attempt: int, at: datetime) -> CartUpdate:
    """What a cart told of `attempt`. Twice, late, or of an older attempt: nothing changes."""
    if attempt != update.attempt or attempt <= update.closed or type(event) not in TRANSITIONS[update.state]:
        return update
    return advance(update, event, at)


def look(update: CartUpdate, seen: Seen, plan: Plan, target: Target, at: datetime, *, stopping: bool = False) -> CartUpdate:
    """What time and the cart's own report change; until nothing changes any more. `stopping`: no further attempt will be made."""
    for _ in State:
        event = _due(update, seen, plan, target, at, stopping=stopping)
        if event is None:
            return update
        update = advance(update, event, at)
    return update


def _due(update: CartUpdate, seen: Seen, plan: Plan, target: Target, at: datetime, *, stopping: bool) -> Event | None:
    runs = seen.image_hash == target.image_hash and seen.confirmed is True
    older = seen.image_hash is not None and seen.image_hash != target.image_hash
    match update.state:
        case State.QUEUED:
            return _queued(update, seen, target, runs=runs, stopping=stopping)
        case State.PENALTY:
            if stopping:
                return GaveUp(why=update.why)
            return Released() if update.not_before is None or at >= update.not_before else None
        case State.ASSIGNED | State.WAITING:
            return Runs() if runs else _ended(update, seen, plan, at)
        case State.IN_PROGRESS:
            if runs:
                return Runs()
            if older and update.claimed_at is not None and _heard_after(seen, update.claimed_at + SETTLE):
                return failing(update, "still-the-old-one", plan, at, last=stopping)
            begun = update.began_at or update.since
            return WentSilent(why="timeout") if at >= begun + timedelta(minutes=plan.update_min) else None
        case State.UNKNOWN:
            if runs:
                return Runs()
            if not older or not _heard_after(seen, update.since + SETTLE):
                return None
            if update.began_at is None:
                return Lapsed()
            return failing(update, "still-the-old-one", plan, at, last=stopping)
        case State.BAKING:
            return _baking(update, seen, plan, at, runs=runs, last=stopping)
        case _:
            return None


def _queued(update: CartUpdate, seen: Seen, target: Target, *, runs: bool, stopping: bool) -> Event | None:
    if runs:
        return Runs() if update.attempt else LeftOut(why="already-has-it")
    if stopping:
        return GaveUp(why=update.why) if update.failures else LeftOut(why="stopped")
    if seen.hardware is not None and seen.hardware != target.hardware and not update.attempt:
        return LeftOut(why="other-hardware")
    return None


def _ended(update: CartUpdate, seen: Seen, plan: Plan, at: datetime) -> Event | None:
    """A job that was not begun in time."""
    ended = (update.expires_at or update.since) + CLOCK_GRACE
    if at < ended:
        return None
    if _heard_after(seen, ended):
        return Lapsed()
    return WentSilent(why="silent") if at >= ended + timedelta(minutes=plan.offline_min) else None


def _baking(update: CartUpdate, seen: Seen, plan: Plan, at: datetime, *, runs: bool, last: bool) -> Event | None:
    """Its health after the update counts: silence, another image or a failed self-test is a failure of the release."""
    if _heard_after(seen, update.since):
        if not runs:
            return failing(update, "runs-another", plan, at, last=last)
        if seen.self_test is False:
            return failing(update, "self-test", plan, at, last=last)
    # A cart that is there, and whose microcontroller says nothing, is no healthier than one that is away.
    if at >= max(seen.heard_at or update.since, update.since) + timedelta(minutes=plan.offline_min):
        return failing(update, "mcu-silent" if seen.online else "offline-after", plan, at, last=last)
    if not seen.online:
        return None
    if at >= update.since + timedelta(minutes=plan.bake_min) and _heard_after(seen, update.since):
        return Baked()
    return None


def _heard_after(seen: Seen, moment: datetime) -> bool:
    return seen.heard_at is not None and seen.heard_at > moment
