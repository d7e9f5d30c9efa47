"""What the fleet pages read: carts as last heard of, their events, and messages that could not be understood. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from server.store import reach
from server.store.tables import CartEventRow, CartRow, DrawerAssignmentRow, LeaseRow, PatientRow, RejectedMessageRow
from server.store.transaction import Transaction

ONLINE_PHASES = frozenset({"init", "ready", "degraded", "updating"})
# A cart sends telemetry every few seconds; silence for longer than this is shown, whatever the broker still says.
SILENT_AFTER = timedelta(minutes=2)


def is_silent(last_seen_at: datetime | None, silent_at: datetime | None, now: datetime) -> bool:
    """`silent_at` is by the interval at which the cart tells its numbers, None: it was written down before that was kept."""
    if last_seen_at is None:
        return True
    return now >= silent_at if silent_at is not None else now - last_seen_at > SILENT_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class CartLine:
    """A cart as the server last heard of it. Every None means that the cart has not said."""

    id: str
    ward: str
    phase: str
    phase_at: datetime | None
    last_seen_at: datetime | None
    versions: dict[str, Any]
    hardware: dict[str, Any]
    telemetry: dict[str, Any]
    held: dict[str, Any]
    battery_percent: float | None
    charging: bool | None
    chart_version: int | None
    chart_age_s: float | None
    unsent: int | None
    clock_offset_s: float | None
    mcu: dict[str, Any] | None
    silent_at: datetime | None = None

    def online(self, now: datetime) -> bool:
        return self.phase in ONLINE_PHASES and not self.silent(now)

    def silent(self, now: datetime) -> bool:
        return is_silent(self.last_seen_at, self.silent_at, now)

    @property
    def software(self) -> str | None:
        for name in ("software", "app", "pointofcare", "cart_client"):
            if self.versions.get(name):
                return str(self.versions[name])
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class CartEvent:
    epoch: str
    seq: int
    kind: str
    at: datetime
    received_at: datetime
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedMessage:
    id: int
    topic: str
    reason: str
    payload_start: str
    payload_bytes: int
    at: datetime


def carts(tx: Transaction, *, ward: str | None = None) -> tuple[CartLine, ...]:
    query = select(CartRow).where(CartRow.facility == tx.facility).order_by(CartRow.id)
    if ward:
        query = query.where(CartRow.ward == ward)
    return tuple(_line(row) for row in tx.session.scalars(query))


def cart(tx: Transaction, cart_id: str) -> CartLine | None:
    row = tx.session.get(CartRow, (tx.facility, cart_id))
    return None if row is None else _line(row)


def events(tx: Transaction, cart_id: str, *, limit: int = 100) -> tuple[CartEvent, ...]:
    """Newest first."""
    rows = tx.session.scalars(
        select(CartEventRow)
        .where(CartEventRow.facility == tx.facility, CartEventRow.cart == cart_id)
        .order_by(CartEventRow.received_at.desc(), CartEventRow.seq.desc())
        .limit(limit)
    )
    return tuple(
        CartEvent(epoch=row.epoch, seq=row.seq, kind=row.kind, at=row.at, received_at=row.received_at, detail=dict(row.detail or {}))
        for row in rows
    )


def drawers(tx: Transaction, cart_id: str) -> tuple[tuple[int, str, str], ...]:
    """(drawer, patient id, patient name), by drawer; a patient whom the person does not reach is not named."""
    rows = tx.session.execute(
        select(DrawerAssignmentRow.drawer, DrawerAssignmentRow.patient, PatientRow.name, PatientRow.ward)
        .outerjoin(PatientRow, (PatientRow.facility == DrawerAssignmentRow.facility) & (PatientRow.id == DrawerAssignmentRow.patient))
        .where(DrawerAssignmentRow.facility == tx.facility, DrawerAssignmentRow.cart == cart_id)
        .order_by(DrawerAssignmentRow.drawer)
    )
    seen = ((drawer, patient, name or "", reach.sees(tx, ward, patient)) for drawer, patient, name, ward in rows)
    return tuple((drawer, patient if named else "", name if named else "") for drawer, patient, name, named in seen)


def leases(tx: Transaction, cart_id: str) -> tuple[tuple[str, datetime], ...]:
    """(patient, until) of the leases that run now."""
    rows = tx.session.execute(
        select(LeaseRow.patient, LeaseRow.until)
        .where(LeaseRow.facility == tx.facility, LeaseRow.cart == cart_id, LeaseRow.until > tx.at)
        .order_by(LeaseRow.patient)
    )
    return tuple((patient, until) for patient, until in rows if until is not None)


def rejected(tx: Transaction, *, limit: int = 100) -> tuple[RejectedMessage, ...]:
    """Newest first."""
    rows = tx.session.scalars(
        select(RejectedMessageRow)
        .where(RejectedMessageRow.facility == tx.facility)
        .order_by(RejectedMessageRow.at.desc(), RejectedMessageRow.id.desc())
        .limit(limit)
    )
    return tuple(
        RejectedMessage(
            id=row.id, topic=row.topic, reason=row.reason, payload_start=row.payload_start, payload_bytes=row.payload_bytes, at=row.at
        )
        for row in rows
    )


def _line(row: CartRow) -> CartLine:
    return CartLine(
        id=row.id,
        ward=row.ward,
        phase=row.phase,
        phase_at=row.phase_at,
        last_seen_at=row.last_seen_at,
        versions=dict(row.versions or {}),
        hardware=dict(row.hardware or {}),
        telemetry=dict(row.telemetry or {}),
        held=dict(row.held or {}),
        battery_percent=row.battery_percent,
        charging=row.charging,
        chart_version=row.chart_version,
        chart_age_s=row.chart_age_s,
        unsent=row.unsent,
        clock_offset_s=row.clock_offset_s,
        mcu=dict(row.mcu) if row.mcu else None,
        silent_at=row.silent_at,
    )
