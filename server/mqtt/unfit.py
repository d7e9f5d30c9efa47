"""Which messages are well formed and still none of ours: ids that no program of ours draws, and no table takes.

Rejected before they reach a table, or they would come again and again. It decides nothing else.
"""

from __future__ import annotations

from pointofcare.wire.messages import (
    AdministrationRecorded,
    AttemptStopped,
    BedsideNoted,
    Body,
    CartBirth,
    CartState,
    FleetEvent,
    LeaseAsked,
    ObservationRecorded,
    WitnessAnswered,
    WitnessAsked,
)

# Ids of what is recorded, and of what this server keys rows by.
LONGEST_ID = 200
LONGEST_KEY = 64
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
    long = [
        name for names, longest in ((keys, LONGEST_KEY), (ids, LONGEST_ID)) for name, value in names.items() if len(value or "") > longest
    ]
    return f"{long[0]} is longer than any of ours" if long else ""
