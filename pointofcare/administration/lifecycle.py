"""The life of one administration on the record: FHIR MedicationAdministration statuses, as a table.

Source of the codes: FHIR R4 `medication-admin-status`, unaltered. A record is never changed: each step here is a new record that
names the older one in `amends`. Nothing leaves `entered-in-error`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from pointofcare.errors import IllegalTransitionError
from pointofcare.verdict.facts import Action


class Status(StrEnum):
    IN_PROGRESS = "in-progress"
    ON_HOLD = "on-hold"
    COMPLETED = "completed"
    NOT_DONE = "not-done"
    STOPPED = "stopped"
    ENTERED_IN_ERROR = "entered-in-error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """All of it was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted:
    """It was ended before all of it was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """A running infusion was paused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A paused infusion runs again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChanged:
    """A running infusion goes on at another rate. The rate of a paused one is set when it runs again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """The record was a mistake: what it says did not happen."""


Event = Finished | Halted | Paused | Resumed | RateChanged | Withdrawn

TRANSITIONS: Mapping[Status, Mapping[type[Event], Status]] = MappingProxyType(
    {
        Status.IN_PROGRESS: {
            Finished: Status.COMPLETED,
            Halted: Status.STOPPED,
            Paused: Status.ON_HOLD,
            RateChanged: Status.IN_PROGRESS,
            Withdrawn: Status.ENTERED_IN_ERROR,
        },
        Status.ON_HOLD: {
            Resumed: Status.IN_PROGRESS,
            Halted: Status.STOPPED,
            Withdrawn: Status.ENTERED_IN_ERROR,
        },
        Status.COMPLETED: {Withdrawn: Status.ENTERED_IN_ERROR},
        Status.NOT_DONE: {Withdrawn: Status.ENTERED_IN_ERROR},
        Status.STOPPED: {Withdrawn: Status.ENTERED_IN_ERROR},
        Status.ENTERED_IN_ERROR: {},
    }
)

# A due dose is settled by these; `in-progress` and a paused infusion keep it open, a withdrawn record never counts.
CLOSING = frozenset({Status.COMPLETED, Status.NOT_DONE, Status.STOPPED})
OPEN = frozenset({Status.IN_PROGRESS, Status.ON_HOLD})
TERMINAL = frozenset({Status.ENTERED_IN_ERROR})

FIRST: Mapping[Action, Status] = MappingProxyType(
    {
        Action.GIVE: Status.COMPLETED,
        Action.START: Status.IN_PROGRESS,
        Action.STOP: Status.STOPPED,
        Action.HOLD: Status.NOT_DONE,
        Action.REFUSE: Status.NOT_DONE,
        Action.NOT_GIVEN: Status.NOT_DONE,
        Action.REMOVE: Status.COMPLETED,
        Action.WASTE: Status.COMPLETED,
        Action.RATE: Status.IN_PROGRESS,
        Action.ASSESS: Status.COMPLETED,
        Action.UNDO: Status.ENTERED_IN_ERROR,
    }
)


def advance(status: Status, event: Event) -> Status:
    """The status that a new record has after `event`. Raises: IllegalTransitionError."""
    target = TRANSITIONS[status].get(type(event))
    if target is None:
        raise IllegalTransitionError("administration", status.value, type(event).__name__)
    return target
