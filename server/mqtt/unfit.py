"""Which messages are well formed and still none of ours: ids that no program of ours draws, moments at the ends of time.

Rejected before they reach a table, or they would come again and again. It decides nothing else.
"""

from __future__ import annotations

from pointofcare.wire import moments, values
from pointofcare.wire.messages import (
    AdministrationRecorded,
    AlertRaised,
    AttemptStopped,
    BedsideNoted,
    Body,
    CartBirth,
    CartState,
    CommandAnswered,
    ConfigReported,
    FleetEvent,
    JobTold,
    LeaseAsked,
    ObservationRecorded,
    Telemetry,
    WitnessAnswered,
    WitnessAsked,
)

# Ids of what is recorded, and of what this server keys rows by.
LONGEST_ID = 200
LONGEST_KEY = 64
# In bytes: what an alert or a job says beside its code, and a cart's settings or what a command brought back.
LONGEST_DETAILS = 4_000
LONGEST_DOCUMENT = 64_000
RECORD_IDS = (
    "record_id",
    "ward",
    "cart",
    "patient",
    "nurse",
    "witness",
    "order",
    "bag",
    "product",
    "code",
    "amends",
    "continues",
    "kind",
    "of",
)


def why(body: Body) -> str:
    """Why a message that is well formed is none of ours, "" when it may be: ids that no program of ours draws. They are keys of
    tables here, and what no table takes would come again and again."""
    keys: dict[str, str | None] = {}
    ids: dict[str, str | None] = {}
    match body:
        case (
            AdministrationRecorded(record=told, epoch=epoch)
            | (AttemptStopped(epoch=epoch) as told)
            | (ObservationRecorded(epoch=epoch) as told)
            | (BedsideNoted(epoch=epoch) as told)
        ):
            keys = {"epoch": epoch}
            ids = {name: getattr(told, name, None) for name in RECORD_IDS}
        case LeaseAsked():
            keys, ids = {"patient": body.patient}, {"nurse": body.nurse}
        case WitnessAsked():
            keys = {"request": body.request, "digest": body.digest}
            ids = {"nurse": body.nurse, "patient": body.dose.patient if body.dose is not None else None}
        case WitnessAnswered():
            keys, ids = {"request": body.request, "digest": body.digest}, {"witness": body.witness, "reason": body.reason}
        case CartState():
            keys = {"ward": body.ward}
        case CartBirth():
            keys = {"ward": body.ward, "boot_id": body.boot_id, "epoch": body.epoch}
        case FleetEvent():
            keys = {"epoch": body.epoch, "kind": body.kind}
        case AlertRaised():
            keys = {"code": body.code}
            if len(values.written(dict(body.details))) > LONGEST_DETAILS:
                return "details is longer than any of ours"
        case ConfigReported():
            keys = {"hash": body.hash}
            if not 0 <= body.version < 2**53 or len(values.written([body.document, body.refused])) > LONGEST_DOCUMENT:
                return "document is longer than any of ours"
        case JobTold():
            keys = {"job": body.job, "step": body.step, "why": body.why}
            if not 0 <= body.attempt < 2**31 or len(values.written(dict(body.details))) > LONGEST_DETAILS:
                return "details is longer than any of ours"
        case CommandAnswered():
            keys = {"command": body.command, "name": body.name}
            ids = {"why": body.why}
            if len(values.written(dict(body.values))) > LONGEST_DOCUMENT:
                return "values is longer than any of ours"
    if isinstance(body, FleetEvent | AlertRaised | JobTold | Telemetry) and not moments.is_possible(body.at):
        return "at is no moment at which any of ours was"
    long = [
        name for names, longest in ((keys, LONGEST_KEY), (ids, LONGEST_ID)) for name, value in names.items() if len(value or "") > longest
    ]
    return f"{long[0]} is longer than any of ours" if long else ""
