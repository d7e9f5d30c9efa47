"""Every payload, as frozen values: `Message` is the envelope, its `body` one of the types below.

A type's meaning never changes; it grows by optional fields, which older readers ignore.
"""

from __future__ import annotations

from pointofcare.wire.messages.dose import (
    AdministrationRecorded,
    AttemptOutcome,
    AttemptStopped,
    DiscrepancyNote,
    EmrSettled,
    EmrState,
    LeaseAction,
    LeaseAnswered,
    LeaseAsked,
    ObservationRecorded,
    RecordReceived,
)
from pointofcare.wire.messages.envelope import VERSION, Body, Message
from pointofcare.wire.messages.fleet import (
    ClockAsked,
    ClockTold,
    Command,
    CommandAnswered,
    CommandOutcome,
    EventsAcknowledged,
    FleetEvent,
)
from pointofcare.wire.messages.note import BedsideNoted, NoteKind
from pointofcare.wire.messages.state import TELLS_EMR_WAITING, CartBirth, CartPhase, CartState, HostState, Telemetry, TelemetryKind
from pointofcare.wire.messages.table import HeldTable, TableIssued, TableKind, TablesHeld
from pointofcare.wire.messages.upkeep import (
    AlertRaised,
    AlertSeverity,
    ConfigDesired,
    ConfigOrder,
    ConfigReported,
    JobAssigned,
    JobOrder,
    JobState,
    JobTarget,
    JobTold,
)
from pointofcare.wire.messages.witness import (
    CallState,
    LookedAtDose,
    LookedAtPack,
    WitnessAnswered,
    WitnessAsked,
    WitnessCalled,
    WitnessProof,
    WitnessState,
    WitnessTold,
)

__all__ = [
    "TELLS_EMR_WAITING",
    "VERSION",
    "Message",
    "Body",
    "AdministrationRecorded",
    "AlertRaised",
    "AlertSeverity",
    "AttemptOutcome",
    "AttemptStopped",
    "BedsideNoted",
    "CallState",
    "CartBirth",
    "CartPhase",
    "CartState",
    "ClockAsked",
    "ClockTold",
    "Command",
    "CommandAnswered",
    "CommandOutcome",
    "ConfigDesired",
    "ConfigOrder",
    "ConfigReported",
    "DiscrepancyNote",
    "EmrSettled",
    "EmrState",
    "EventsAcknowledged",
    "FleetEvent",
    "HeldTable",
    "HostState",
    "JobAssigned",
    "JobOrder",
    "JobState",
    "JobTarget",
    "JobTold",
    "LeaseAction",
    "LeaseAnswered",
    "LeaseAsked",
    "LookedAtDose",
    "LookedAtPack",
    "NoteKind",
    "ObservationRecorded",
    "RecordReceived",
    "TableIssued",
    "TableKind",
    "TablesHeld",
    "Telemetry",
    "TelemetryKind",
    "WitnessAnswered",
    "WitnessAsked",
    "WitnessCalled",
    "WitnessProof",
    "WitnessState",
    "WitnessTold",
]
