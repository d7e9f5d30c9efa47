"""Writing down what carts say of themselves. What is late or doubled changes nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, inspect, select, update

from pointofcare.wire.messages import CartBirth, CartPhase, CartState, FleetEvent, HeldTable, TableKind, Telemetry, TelemetryKind
from server.store import fleet_history
from server.store.tables import CartEventLineRow, CartEventRow, CartRow, RejectedMessageRow
from server.store.transaction import Transaction
from server.store.versions import insertion

KEPT_REJECTED = 1000
MOST_FOLLOWED = 1000
# The phase of a cart whose retained state was removed.
REMOVED = "removed"
SILENT_INTERVALS = 3
# Of a cart that does not say at which interval it tells its numbers, and what one may say.
INTERVAL_S = 40
_INTERVALS_S = (5, 600)
_HEAD_CHARACTERS = 400
# What the list of carts shows of a row, telemetry apart.
_SHOWN = (
    "ward", "phase", "versions", "battery_percent", "charging", "chart_version", "unsent", "app_version", "mcu_version", "health_percent",
    "battery_cycles",
)  # fmt: skip
_VERSION_NAMES = ("software", "app", "pointofcare", "cart_client")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCart:
    """A cart of a ward, as far as publishing tables to it needs."""

    id: str
    ward: str
    phase: str


def carts(tx: Transaction) -> tuple[KnownCart, ...]:
    """Every cart that ever said in which ward it is."""
    rows = tx.session.execute(
        select(CartRow.id, CartRow.ward, CartRow.phase).where(CartRow.facility == tx.facility, CartRow.ward != "").order_by(CartRow.id)
    )
    return tuple(KnownCart(id=row.id, ward=row.ward, phase=row.phase) for row in rows)


def ward_of(tx: Transaction, cart: str) -> str:
    """Where the cart says that it is, "" when it never said."""
    return tx.session.scalar(select(CartRow.ward).where(CartRow.facility == tx.facility, CartRow.id == cart)) or ""


def _row(tx: Transaction, cart: str) -> CartRow:
    """The cart's row, made where there is none. Looked for first: of each thousand messages one is of a cart that is new."""
    mine = select(CartRow).where(CartRow.facility == tx.facility, CartRow.id == cart).with_for_update()
    found = tx.session.scalars(mine).one_or_none()
    if found is not None:
        return found
    new = insertion(tx, CartRow).values(
        facility=tx.facility,
        id=cart,
        ward="",
        phase=CartPhase.INIT.value,
        sid="",
        versions={},
        hardware={},
        telemetry={},
        held={},
        event_epoch="",
        event_upto=0,
    )
    tx.session.execute(new.on_conflict_do_nothing())
    return tx.session.scalars(mine).one()


def _saw(tx: Transaction, row: CartRow) -> None:
    """Something came from the cart now. Without another word it is silent after three of the intervals at which it tells its numbers."""
    told = (row.telemetry or {}).get("app")
    interval = told.get("interval_s") if isinstance(told, Mapping) else None
    fits = isinstance(interval, int | float) and not isinstance(interval, bool) and _INTERVALS_S[0] <= interval <= _INTERVALS_S[1]
    row.last_seen_at = tx.at
    row.silent_at = tx.at + SILENT_INTERVALS * timedelta(seconds=interval if fits and isinstance(interval, int | float) else INTERVAL_S)


def put_state(tx: Transaction, cart: str, state: CartState, *, sid: str, sent_at: datetime, retained: bool = False) -> bool:
    """False: it is the late will of an older connection, or an older state, and was ignored. `retained`: a broker kept it, which says
    nothing of when the cart was there."""
    row = _row(tx, cart)
    lost = state.phase is CartPhase.LOST
    if sid != row.sid:
        if lost and row.sid:
            return False
        if row.sid_at is not None and sent_at < row.sid_at:
            return False
        # A cart whose clock was ahead must not be deaf for ever once it is right.
        row.sid, row.sid_at = sid, min(sent_at, tx.at)
    row.phase = state.phase.value
    row.phase_at = tx.at
    if state.ward:
        row.ward = state.ward
    if not lost and not retained:
        _saw(tx, row)
    _changed(row)
    fleet_history.note_phase(tx, cart, row.phase, state.why or "")
    return True


def put_away(tx: Transaction, cart: str) -> bool:
    """The cart's retained state was removed: it was taken out of service until it says something again. False: it is not known."""
    row = tx.session.get(CartRow, (tx.facility, cart))
    if row is None or row.phase == REMOVED:
        return False
    row.phase, row.phase_at = REMOVED, tx.at
    _changed(row)
    fleet_history.note_phase(tx, cart, REMOVED)
    return True


def put_birth(tx: Transaction, cart: str, birth: CartBirth, *, sid: str = "") -> bool:
    """Whether it is of another connection than the newest one whose birth is here. A birth that the broker kept for us may be."""
    row = _row(tx, cart)
    fresh = (row.hardware or {}).get("sid") != sid
    row.boot_id = birth.boot_id
    row.versions = dict(birth.versions)
    row.hardware = {
        "name": birth.hardware,
        "capabilities": list(birth.capabilities),
        "config_hash": birth.config_hash,
        "epoch": birth.epoch,
        "last_seq": birth.last_seq,
        "sid": sid,
    }
    row.app_version = next((str(birth.versions[name])[:64] for name in _VERSION_NAMES if birth.versions.get(name)), "")
    if birth.versions.get("mcu"):
        row.mcu_version = str(birth.versions["mcu"])[:64]
    if birth.ward:
        row.ward = birth.ward
    _changed(row)
    return fresh


def put_telemetry(tx: Transaction, cart: str, told: Telemetry) -> None:
    """The newest numbers of one subsystem; those that lists show get columns of their own."""
    row = _row(tx, cart)
    # A database holds no number that is none, and one cart's must not keep those of the others out.
    numbers = {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in told.values.items()}
    row.telemetry = {**row.telemetry, told.kind.value: {"at": told.at.isoformat(), **numbers, "heard_at": tx.at.isoformat()}}
    _saw(tx, row)
    if told.kind is TelemetryKind.APP:
        row.chart_age_s = _number(numbers, "chart_age_s", row.chart_age_s)
        row.clock_offset_s = _number(numbers, "clock_offset_s", row.clock_offset_s)
        row.unsent = _whole(numbers, "unsent_records", row.unsent)
        row.chart_version = _whole(numbers, "patient_chart_version", row.chart_version)
    elif told.kind is TelemetryKind.POWER:
        row.battery_percent = _number(numbers, "battery_percent", row.battery_percent)
        charging = numbers.get("charging", numbers.get("on_mains"))
        row.charging = charging if isinstance(charging, bool) else row.charging
        row.health_percent = _percent(numbers, "health_percent", row.health_percent)
        row.battery_cycles = _whole(numbers, "cycles", row.battery_cycles)
        row.battery_cel = _number(numbers, "temperature_c", row.battery_cel)
    elif told.kind is TelemetryKind.MCU:
        row.mcu = numbers
        row.mcu_version = _mcu_version(numbers) or row.mcu_version
    _changed(row)


def _mcu_version(numbers: Mapping[str, object]) -> str:
    """Of the slot that runs, else what the microcontroller calls itself."""
    slots = numbers.get("slots")
    for slot in slots if isinstance(slots, list | tuple) else ():
        if isinstance(slot, Mapping) and slot.get("active") is True and isinstance(slot.get("version"), str):
            return str(slot["version"])[:64]
    told = numbers.get("firmware")
    return told[:64] if isinstance(told, str) else ""


def _changed(row: CartRow) -> None:
    """Counts a change that the list of carts shows: what asks for changes reads these numbers alone. A battery's tenths are none."""
    state = inspect(row)
    for name in _SHOWN:
        seen = state.attrs[name].history
        if seen.added and (not seen.deleted or _as_shown(seen.added[0]) != _as_shown(seen.deleted[0])):
            row.revision = (row.revision or 0) + 1
            return


def _as_shown(value: object) -> object:
    return round(value) if isinstance(value, float) else value


def touch(tx: Transaction, cart: str) -> None:
    """Something that the list of carts shows beside the cart's own row changed: an alert, its configuration."""
    mine = (CartRow.facility == tx.facility, CartRow.id == cart)
    tx.session.execute(update(CartRow).where(*mine).values(revision=CartRow.revision + 1).execution_options(synchronize_session=False))


def _percent(numbers: Mapping[str, object], name: str, before: float | None) -> float | None:
    found = _number(numbers, name, before)
    return found if found is not None and 0 <= found <= 100 else before


def _number(numbers: Mapping[str, object], name: str, before: float | None) -> float | None:
    value = numbers.get(name)
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if fits and isinstance(value, int | float) else before


def _whole(numbers: Mapping[str, object], name: str, before: int | None) -> int | None:
    value = numbers.get(name)
    fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53
    return value if fits and isinstance(value, int) else before


def put_held(tx: Transaction, cart: str, ward: str, held: tuple[HeldTable, ...]) -> None:
    row = _row(tx, cart)
    row.ward = ward
    row.held = {table.kind.value: table.version for table in held}
    chart = next((table.version for table in held if table.kind is TableKind.PATIENT_CHART), None)
    row.chart_version = chart
    _saw(tx, row)
    _changed(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsHeld:
    """Up to `upto` nothing of the epoch is missing; `gap`: something behind it is here already. `lost`: so many were forgotten by the
    cart and never came."""

    upto: int
    gap: bool
    lost: int = 0


def put_event(tx: Transaction, cart: str, event: FleetEvent) -> EventsHeld:
    """Stores the event once, and says how far those of its epoch are here.

    A cart numbers from 1 and forgets what is acknowledged, so a server that never heard of an epoch starts at what comes first. Each
    program of a cart that tells events has an epoch of its own."""
    new = insertion(tx, CartEventRow).values(
        facility=tx.facility,
        cart=cart,
        epoch=event.epoch,
        seq=event.seq,
        kind=event.kind,
        at=event.at,
        received_at=tx.at,
        detail={
            **event.details,
            "boot_id": event.boot_id,
            "mono_ms": event.mono_ms,
            "clock_error_ms": event.clock_error_ms,
        },
    )
    row = _row(tx, cart)
    tx.session.execute(new.on_conflict_do_nothing())
    _saw(tx, row)
    line, lost = _event_line(tx, row, event)
    if event.seq > line.upto:
        line.upto = _followed(tx, cart, event.epoch, line.upto)
    gap = event.seq > line.upto
    line.gap_at = (line.gap_at or tx.at) if gap else None
    row.event_epoch, row.event_upto = event.epoch, line.upto
    return EventsHeld(upto=line.upto, gap=gap, lost=lost)


def _followed(tx: Transaction, cart: str, epoch: str, upto: int) -> int:
    """How far nothing is missing behind `upto`, looked at for `MOST_FOLLOWED` events at most: the cart's next one goes on from there.
    An event behind a gap costs one look for the next number."""
    mine = (CartEventRow.facility == tx.facility, CartEventRow.cart == cart, CartEventRow.epoch == epoch)
    if tx.session.scalar(select(CartEventRow.seq).where(*mine, CartEventRow.seq == upto + 1)) is None:
        return upto
    later = select(CartEventRow.seq).where(*mine, CartEventRow.seq > upto).order_by(CartEventRow.seq).limit(MOST_FOLLOWED)
    for seq in tx.session.scalars(later):
        if seq != upto + 1:
            break
        upto = seq
    return upto


def _event_line(tx: Transaction, row: CartRow, event: FleetEvent) -> tuple[CartEventLineRow, int]:
    """How far the epoch is here, and how many the cart has no more: it says which is the first that it still has."""
    key = (tx.facility, row.id, event.epoch)
    line = tx.session.get(CartEventLineRow, key)
    if line is None:
        # Before there were lines, a cart had one epoch at a time.
        upto = row.event_upto if row.event_epoch == event.epoch else event.seq - 1
        if event.first is not None and row.event_epoch != event.epoch:
            upto = max(0, min(upto, event.first - 1))
        line = CartEventLineRow(facility=tx.facility, cart=row.id, epoch=event.epoch, upto=upto)
        tx.session.add(line)
    lost = 0
    if event.first is not None and line.upto + 1 < event.first <= event.seq:
        lost = event.first - 1 - line.upto
        line.upto = event.first - 1
    return line, lost


def reject(tx: Transaction, *, topic: str, reason: str, head: bytes, payload_bytes: int | None = None) -> None:
    """Keeps a message that could not be understood; the newest thousand stay."""
    shown = head.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")[:_HEAD_CHARACTERS]
    written = tx.session.execute(
        insert(RejectedMessageRow)
        .values(
            facility=tx.facility,
            topic=topic.replace("\x00", "\ufffd")[:255],
            reason=reason.replace("\x00", "\ufffd")[:2000],
            payload_start=shown,
            payload_bytes=len(head) if payload_bytes is None else payload_bytes,
            at=tx.at,
        )
        .returning(RejectedMessageRow.id)
    ).scalar_one()
    if written % 100 == 0:
        mine = RejectedMessageRow.facility == tx.facility
        oldest = select(RejectedMessageRow.id).where(mine).order_by(RejectedMessageRow.id.desc()).offset(KEPT_REJECTED).limit(1)
        tx.session.execute(delete(RejectedMessageRow).where(mine, RejectedMessageRow.id <= oldest.scalar_subquery()))


def rejected_count(tx: Transaction) -> int:
    return int(
        tx.session.scalar(select(func.count()).select_from(RejectedMessageRow).where(RejectedMessageRow.facility == tx.facility)) or 0
    )


def cart_row(tx: Transaction, cart: str) -> Mapping[str, Any] | None:
    """One cart's columns by name."""
    row = tx.session.get(CartRow, (tx.facility, cart))
    return None if row is None else {column.name: getattr(row, column.name) for column in CartRow.__table__.columns}
