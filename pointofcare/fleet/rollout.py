"""How a release goes out in waves: one step at a time, as a table. Pure: time, carts and their reports are handed in.

`step` may be called as often as one likes, with whatever was stored last: all that it needs is in the values, so that a power cut at any
point changes nothing. Must never have more carts at it than the plan says, never go on past the plan's failures, never begin a wave that a
person has to approve, and never give a cart a release that it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from pointofcare.errors import IllegalTransitionError
from pointofcare.firmware import Target
from pointofcare.fleet import update as cart
from pointofcare.fleet.plan import Plan
from pointofcare.fleet.update import IN_FLIGHT, NEVER, TERMINAL, CartUpdate, Issued, Seen
from pointofcare.fleet.update import State as CartState


class State(StrEnum):
    """`awaiting`: a wave is done, and a person has to let the next one begin. `paused`: nothing begins; what began goes on."""

    DRAFT = "draft"
    RUNNING = "running"
    AWAITING = "awaiting"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A person lets it begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """A person holds it."""

    why: str = "by-hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tripped:
    """As many carts failed as the plan bears."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A person lets it go on; what failed so far counts no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveEnded:
    """The wave is done, and a person has to look. `why`: "wave-done" or "wave-with-failures"."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WentOn:
    """The wave is done well, and the plan needs nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """A person lets the next wave begin; what failed so far counts no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """Every cart of every wave came to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A person ends it: nothing begins any more, and it is never begun again."""


Event = Started | Paused | Tripped | Resumed | WaveEnded | WentOn | Approved | Completed | Stopped

TRANSITIONS: Mapping[State, Mapping[type[Event], State]] = MappingProxyType(
    {
        State.DRAFT: {Started: State.RUNNING, Stopped: State.STOPPED},
        State.RUNNING: {
            Paused: State.PAUSED,
            Tripped: State.PAUSED,
            WaveEnded: State.AWAITING,
            WentOn: State.RUNNING,
            Completed: State.FINISHED,
            Stopped: State.STOPPED,
        },
        State.AWAITING: {Approved: State.RUNNING, Paused: State.PAUSED, Tripped: State.PAUSED, Stopped: State.STOPPED},
        State.PAUSED: {Resumed: State.RUNNING, Stopped: State.STOPPED},
        State.FINISHED: {},
        State.STOPPED: {},
    }
)

# One of these a kind of hardware at most.
ACTIVE = frozenset({State.RUNNING, State.AWAITING, State.PAUSED})
TERMINAL_STATES = frozenset({State.FINISHED, State.STOPPED})
_UNDER_WAY = IN_FLIGHT - {CartState.WAITING} | {CartState.BAKING, CartState.PENALTY}
# While it is in one of these, a job that was issued and has not begun may begin.
OFFERING = frozenset({State.RUNNING, State.AWAITING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """`wave` is the newest that may begin, from 0. `why` says why it is paused or waits for a person."""

    target: Target
    plan: Plan
    since: datetime
    state: State = State.DRAFT
    wave: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one look changed. `events` are those of the rollout, in order; `issued` the carts whose job is new."""

    rollout: Rollout
    updates: tuple[CartUpdate, ...]
    events: tuple[Event, ...] = ()
    issued: tuple[str, ...] = ()


def advance(rollout: Rollout, event: Event, at: datetime) -> Rollout:
    """The rollout after `event`. Raises: IllegalTransitionError."""
    target = TRANSITIONS[rollout.state].get(type(event))
    if target is None:
        raise IllegalTransitionError("rollout", rollout.state.value, type(event).__name__)
    moved = replace(rollout, state=target, since=at)
    match event:
        case Paused(why=why) | WaveEnded(why=why):
            return replace(moved, why=why)
        case Tripped():
            return replace(moved, why="failures")
        case Approved() | WentOn():
            return replace(moved, wave=min(rollout.wave + 1, len(rollout.plan.waves) - 1), why="")
        case _:
            return replace(moved, why="")


def looked_at(updates: Iterable[CartUpdate]) -> tuple[CartUpdate, ...]:
    """A person looked: what failed so far counts no more towards the next pause."""
    return tuple(replace(one, counted=False) if one.counted else one for one in updates)


def step(rollout: Rollout, updates: Sequence[CartUpdate], seen: Mapping[str, Seen], at: datetime) -> Step:
    """One look at everything. `updates` are all carts of the rollout; who is not in `seen` was never heard."""
    if rollout.state is State.DRAFT:
        return Step(rollout=rollout, updates=tuple(updates))
    stopping = rollout.state in TERMINAL_STATES
    known = {
        one.cart: one
        if one.state in TERMINAL
        else cart.look(one, seen.get(one.cart, NEVER), rollout.plan, rollout.target, at, stopping=stopping)
        for one in updates
    }
    events: list[Event] = []
    for _ in range(len(rollout.plan.waves) + 1):
        event = _due(rollout, known.values())
        if event is None:
            break
        rollout = advance(rollout, event, at)
        events.append(event)
    issued: list[str] = []
    if rollout.state is State.RUNNING:
        free = rollout.plan.at_once - in_flight(known.values())
        expires_at = at + timedelta(minutes=rollout.plan.job_min)
        for one in sorted(known.values(), key=lambda each: (each.wave, each.attempt, each.cart)):
            if free <= 0:
                break
            if one.wave > rollout.wave or one.state is not CartState.QUEUED or hold(rollout, seen.get(one.cart, NEVER)) is not None:
                continue
            known[one.cart] = cart.advance(one, Issued(expires_at=expires_at), at)
            issued.append(one.cart)
            free -= 1
    return Step(rollout=rollout, updates=tuple(known[one.cart] for one in updates), events=tuple(events), issued=tuple(issued))


def in_flight(updates: Iterable[CartUpdate]) -> int:
    """How many may be changing their firmware now."""
    return sum(one.state in IN_FLIGHT for one in updates)


def failed_now(updates: Iterable[CartUpdate]) -> int:
    """How many failed, or fell silent, since a person last looked."""
    return sum(one.counted for one in updates)


def is_offered(rollout_state: State, update: CartUpdate) -> bool:
    """Whether the cart is to have its job now: what began must be able to go on, what did not begins only while the rollout runs."""
    if update.state in (CartState.IN_PROGRESS, CartState.UNKNOWN):
        return update.began_at is not None or rollout_state in OFFERING
    return update.state in (CartState.ASSIGNED, CartState.WAITING) and rollout_state in OFFERING


def hold(rollout: Rollout, seen: Seen) -> str | None:
    """Why a cart whose turn it is gets no job now, by a stable code. What is not known of its gates is the cart's to say."""
    gates = rollout.plan.gates
    if seen.busy:
        return "busy"
    if seen.heard_at is None and seen.offline_since is None and not seen.online:
        return "never-heard"
    if not seen.online:
        return "offline"
    if seen.image_hash is None:
        return "version-unknown"
    if seen.hardware is None:
        return "hardware-unknown"
    if seen.hardware != rollout.target.hardware:
        return "other-hardware"
    if gates.docked and seen.docked is False:
        return "not-docked"
    if not seen.docked and seen.charge_percent is not None and seen.charge_percent < gates.charge_percent:
        return "charge-low"
    return "in-use" if seen.in_use else None


def _due(rollout: Rollout, updates: Iterable[CartUpdate]) -> Event | None:
    everyone = tuple(updates)
    if rollout.state in OFFERING and failed_now(everyone) >= rollout.plan.pause_at_failures:
        return Tripped()
    if rollout.state is not State.RUNNING:
        return None
    if all(one.state in TERMINAL for one in everyone):
        return Completed()
    last = len(rollout.plan.waves) - 1
    wave = tuple(one for one in everyone if one.wave == rollout.wave)
    if rollout.wave >= last or not _is_done(wave, rollout.plan):
        return None
    concerned = tuple(one for one in wave if one.state is not CartState.SKIPPED)
    failed = any(one.failures or one.state is CartState.FAILED for one in concerned)
    if not concerned or (rollout.plan.goes_on and not failed):
        return WentOn()
    return WaveEnded(why="wave-with-failures" if failed else "wave-done")


def _is_done(wave: Sequence[CartUpdate], plan: Plan) -> bool:
    """Nobody is at it, and enough of those that it is for succeeded; or nobody is left. Who only waits at its gates has not begun."""
    concerned = tuple(one for one in wave if one.state is not CartState.SKIPPED)
    if all(one.state in TERMINAL for one in concerned):
        return True
    if any(one.state in _UNDER_WAY for one in concerned):
        return False
    succeeded = sum(one.state is CartState.SUCCEEDED for one in concerned)
    return succeeded * 100 >= plan.success_percent * len(concerned)
