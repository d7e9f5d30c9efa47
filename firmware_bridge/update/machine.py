"""The update of a microcontroller, as one table: in which state what that happened leads where. Pure.

Only what is seen moves it past a reset: which image runs, by its hash, and whether the microcontroller has started since. An outcome
that nobody can see is a state of its own (`UNCLEAR`), which whatever is seen next resolves. docs/firmware.md shows this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pointofcare.errors import IllegalTransitionError
from pointofcare.wire.messages import JobState


class State(StrEnum):
    RECEIVED = "received"  # the job is ours; the image is fetched and checked
    READY = "ready"  # the image lies here; the gates decide
    UPLOADING = "uploading"  # into the slot that does not run: drawers go on working
    UPLOADED = "uploaded"  # it lies in the other slot; the gates decide once more
    MARKING = "marking"  # it is to run once after the next reset
    RESETTING = "resetting"  # the next start is waited for
    TRYING = "trying"  # the new image runs on trial: self-test, then a time without faults on the line
    CONFIRMING = "confirming"  # it has proved itself, and is to stay
    REVERTING = "reverting"  # it has not, and the bootloader is to take it back
    UNCLEAR = "unclear"  # the microcontroller is silent: nobody knows what it runs
    SUCCEEDED = "succeeded"
    REVERTED = "reverted"
    FAILED = "failed"
    REJECTED = "rejected"
    TIMED_OUT = "timed-out"
    WITHDRAWN = "withdrawn"


class Event(StrEnum):
    VERIFIED = "verified"  # both signatures, hardware, version, counter
    REFUSED = "refused"  # the image is not what the job names, or not for this cart
    GATES_OPEN = "gates-open"
    GATES_CLOSED = "gates-closed"
    UPLOADED = "uploaded"
    IMAGE_LOST = "image-lost"  # it is not in the slot (any more)
    MARKED = "marked"
    ALREADY_RUNS = "already-runs"  # before anything was done: the wanted image runs, confirmed
    SEEN_TARGET = "seen-target"  # the wanted image runs
    SEEN_OLD = "seen-old"  # it started anew, and another image runs
    SEEN_PENDING = "seen-pending"  # another image runs, and the wanted one is to run after the next reset
    SEEN_UNTOUCHED = "seen-untouched"  # the same start as before, and nothing is to run next
    STILL_TARGET = "still-target"  # it started anew to go back, and did not
    PROVEN = "proven"
    NOT_PROVEN = "not-proven"
    CONFIRMED = "confirmed"
    SILENT = "silent"  # nothing was heard for longer than a start takes
    GAVE_UP = "gave-up"  # tried as often as makes sense
    EXPIRED = "expired"
    WITHDREW = "withdrew"


_S, _E = State, Event
_LATE = {_E.EXPIRED: _S.TIMED_OUT, _E.WITHDREW: _S.WITHDRAWN}
_BEFORE = {**_LATE, _E.REFUSED: _S.REJECTED, _E.ALREADY_RUNS: _S.SUCCEEDED, _E.SEEN_TARGET: _S.TRYING}

TRANSITIONS: Mapping[State, Mapping[Event, State]] = {
    _S.RECEIVED: {**_BEFORE, _E.VERIFIED: _S.READY},
    _S.READY: {**_BEFORE, _E.GATES_OPEN: _S.UPLOADING},
    _S.UPLOADING: {
        **_BEFORE,
        _E.GATES_CLOSED: _S.READY,
        _E.UPLOADED: _S.UPLOADED,
        _E.IMAGE_LOST: _S.READY,
        _E.GAVE_UP: _S.FAILED,
    },
    _S.UPLOADED: {**_BEFORE, _E.GATES_OPEN: _S.MARKING, _E.IMAGE_LOST: _S.READY, _E.GAVE_UP: _S.FAILED},
    _S.MARKING: {
        _E.MARKED: _S.RESETTING,
        _E.SEEN_PENDING: _S.RESETTING,
        _E.SEEN_TARGET: _S.TRYING,
        _E.SEEN_OLD: _S.REVERTED,
        _E.IMAGE_LOST: _S.READY,
        _E.GAVE_UP: _S.FAILED,
        _E.SILENT: _S.UNCLEAR,
    },
    _S.RESETTING: {
        _E.SEEN_TARGET: _S.TRYING,
        _E.SEEN_OLD: _S.REVERTED,
        _E.SEEN_UNTOUCHED: _S.FAILED,
        _E.GAVE_UP: _S.UNCLEAR,
        _E.SILENT: _S.UNCLEAR,
    },
    _S.TRYING: {
        _E.PROVEN: _S.CONFIRMING,
        _E.NOT_PROVEN: _S.REVERTING,
        _E.SEEN_OLD: _S.REVERTED,
        _E.SILENT: _S.UNCLEAR,
    },
    _S.CONFIRMING: {_E.CONFIRMED: _S.SUCCEEDED, _E.SEEN_OLD: _S.REVERTED, _E.SILENT: _S.UNCLEAR},
    _S.REVERTING: {
        _E.SEEN_OLD: _S.REVERTED,
        _E.STILL_TARGET: _S.FAILED,
        _E.GAVE_UP: _S.UNCLEAR,
        _E.SILENT: _S.UNCLEAR,
    },
    _S.UNCLEAR: {
        _E.SEEN_TARGET: _S.TRYING,
        _E.SEEN_PENDING: _S.RESETTING,
        _E.SEEN_OLD: _S.REVERTED,
        _E.SEEN_UNTOUCHED: _S.FAILED,
        _E.WITHDREW: _S.FAILED,
    },
    **{state: {} for state in (_S.SUCCEEDED, _S.REVERTED, _S.FAILED, _S.REJECTED, _S.TIMED_OUT, _S.WITHDRAWN)},
}

FINAL = frozenset(state for state, ways in TRANSITIONS.items() if not ways)
# From the moment when any reset may exchange the image until it is known which one stays: drawers are left locked, keys work.
LOCKED = frozenset({_S.MARKING, _S.RESETTING, _S.TRYING, _S.CONFIRMING, _S.REVERTING, _S.UNCLEAR})
# Where one look at the microcontroller after a power cut leads again, though the disk names the state before: a full disk keeps no
# drawer locked there. What a person or a clock ended is not seen again.
SEEN_AGAIN = frozenset({_S.TRYING, _S.CONFIRMING, _S.REVERTING, _S.SUCCEEDED, _S.REVERTED, _S.FAILED})
# Nothing was done to the microcontroller that its next start would show.
HARMLESS = frozenset({_S.RECEIVED, _S.READY, _S.UPLOADING, _S.UPLOADED})

TOLD: Mapping[State, JobState] = {
    _S.RECEIVED: JobState.QUEUED,
    _S.READY: JobState.WAITING,
    _S.UPLOADING: JobState.IN_PROGRESS,
    _S.UPLOADED: JobState.WAITING,
    _S.MARKING: JobState.IN_PROGRESS,
    _S.RESETTING: JobState.IN_PROGRESS,
    _S.TRYING: JobState.IN_PROGRESS,
    _S.CONFIRMING: JobState.IN_PROGRESS,
    _S.REVERTING: JobState.IN_PROGRESS,
    _S.UNCLEAR: JobState.UNKNOWN,
    _S.SUCCEEDED: JobState.SUCCEEDED,
    _S.REVERTED: JobState.REVERTED,
    _S.FAILED: JobState.FAILED,
    _S.REJECTED: JobState.REJECTED,
    _S.TIMED_OUT: JobState.TIMED_OUT,
    _S.WITHDRAWN: JobState.REJECTED,
}


def after(state: State, event: Event) -> State:
    """Raises: IllegalTransitionError; nothing was changed."""
    following = TRANSITIONS[state].get(event)
    if following is None:
        raise IllegalTransitionError("firmware-update", state.value, event.value)
    return following


def takes(state: State, event: Event) -> bool:
    return event in TRANSITIONS[state]


def diagram() -> str:
    """The table as a Mermaid diagram, for docs/firmware.md."""
    lines = ["stateDiagram-v2", f"    [*] --> {_id(_S.RECEIVED)}"]
    for state, ways in TRANSITIONS.items():
        lines += [f"    {_id(state)} --> {_id(following)}: {event.value}" for event, following in ways.items()]
        lines += [f"    {_id(state)} --> [*]"] if not ways else []
    return "\n".join(lines) + "\n"


def _id(state: State) -> str:
    return state.value.replace("-", "_")
