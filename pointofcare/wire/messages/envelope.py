"""The envelope that every payload travels in.

MQTT 5 properties are not relied on: sender, session, id, age and version are inside the payload.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pointofcare.wire.messages.dose import (
    AdministrationRecorded,
    AttemptStopped,
    EmrSettled,
    LeaseAnswered,
    LeaseAsked,
    ObservationRecorded,
    RecordReceived,
)
from pointofcare.wire.messages.fleet import ClockAsked, ClockTold, Command, CommandAnswered, EventsAcknowledged, FleetEvent
from pointofcare.wire.messages.note import BedsideNoted
from pointofcare.wire.messages.state import CartBirth, CartState, HostState, Telemetry
from pointofcare.wire.messages.table import TableIssued, TablesHeld
from pointofcare.wire.messages.upkeep import AlertRaised, ConfigDesired, ConfigReported, JobAssigned, JobTold
from pointofcare.wire.messages.witness import WitnessAnswered, WitnessAsked, WitnessCalled, WitnessTold

VERSION = "1.0"

Body = (
    CartState
    | CartBirth
    | Telemetry
    | HostState
    | AdministrationRecorded
    | AttemptStopped
    | ObservationRecorded
    | BedsideNoted
    | RecordReceived
    | EmrSettled
    | LeaseAsked
    | LeaseAnswered
    | ClockAsked
    | ClockTold
    | FleetEvent
    | EventsAcknowledged
    | Command
    | CommandAnswered
    | TablesHeld
    | TableIssued
    | WitnessAsked
    | WitnessAnswered
    | WitnessCalled
    | WitnessTold
    | AlertRaised
    | ConfigDesired
    | ConfigReported
    | JobAssigned
    | JobTold
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. `id` is the sender's, a uuid, the same in every resend; `sender` ("from" on the wire) the cart's id or the
    server's; `sid` the sender's random id of one MQTT connection, which the broker client fills in when it publishes; `ttl_s`
    how long after `sent_at` it is worth anything, None for ever."""

    id: str
    sent_at: datetime
    sender: str
    body: Body
    sid: str = ""
    ttl_s: float | None = None
    v: str = VERSION

    @property
    def type(self) -> str:
        return type(self.body).__name__
