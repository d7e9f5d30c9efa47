"""The fleet: clocks, events with a cumulative acknowledgement, commands and their answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockAsked:
    """`asked_at` is the cart's wall clock at sending."""

    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockTold:
    """`asked_at` echoes the question, `server_at` is the server's clock when it answered."""

    asked_at: datetime
    server_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetEvent:
    """Something that happened to the cart, never to a patient. `seq` counts within `epoch`, from 1, never reset.

    `at` is the wall clock, `mono_ms` the monotonic clock of boot `boot_id`, `clock_error_ms` what is known of the wall clock.
    `first` is the oldest number that the sender still has: older ones that did not come do not come any more. None: it does not say."""

    seq: int
    epoch: str
    kind: str
    at: datetime
    boot_id: str | None = None
    mono_ms: int | None = None
    clock_error_ms: int | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    first: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsAcknowledged:
    """Every fleet event of `epoch` up to and with `upto` is committed at the server."""

    epoch: str
    upto: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`for_sid` is the cart's session that it is meant for: any other session refuses it. The envelope's `ttl_s` counts from
    receipt on the cart's monotonic clock, its `id` makes it idempotent. A retained command is never carried out."""

    name: str
    for_sid: str
    by: str = ""
    params: Mapping[str, object] = field(default_factory=dict)


class CommandOutcome(StrEnum):
    ACCEPTED = "accepted"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    OUTCOME_UNKNOWN = "outcome-unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAnswered:
    """`command` is the id of the command's message; `why` a stable code where it was not done."""

    command: str
    name: str
    outcome: CommandOutcome
    why: str | None = None
    values: Mapping[str, object] = field(default_factory=dict)
