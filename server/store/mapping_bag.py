"""Bags and pump readings as rows and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pointofcare.products import Bag, PrintedFor, PumpReading
from server.store.infusions import BAG_STATES, RunState
from server.store.plain import amount, to_amount


def printed_document(printed: PrintedFor) -> dict[str, Any]:
    return {"volume": amount(printed.volume), "rate": amount(printed.rate), "additives": list(printed.additives)}


def printed_for(document: Mapping[str, Any]) -> PrintedFor:
    return PrintedFor(
        volume=to_amount(document.get("volume")), rate=to_amount(document.get("rate")), additives=tuple(document.get("additives") or ())
    )


def bag(
    *,
    id: str,
    order: str,
    order_version: int,
    state: str,
    printed: Mapping[str, Any],
    patient: str,
    rate: str | None,
    record_id: str | None,
    started_at: datetime | None,
) -> Bag:
    return Bag(
        id=id,
        order=order,
        order_version=order_version,
        state=BAG_STATES[RunState(state)],
        printed_for=printed_for(printed),
        patient=patient,
        started_at=started_at,
        rate=to_amount(rate),
        record_id=record_id,
    )


def pump(
    *,
    pump: str,
    channel: str,
    at: datetime,
    bag: str | None,
    patient: str | None,
    associated_at: datetime | None,
    drug: str | None,
    rate: str | None,
    concentration: str | None,
) -> PumpReading:
    return PumpReading(
        pump=pump,
        channel=channel,
        at=at,
        bag=bag,
        patient=patient,
        associated_at=associated_at,
        drug=drug,
        rate=to_amount(rate),
        concentration=to_amount(concentration),
    )
