"""How old PINs are and until when they count. Never a PIN, and never its hash out of here but as "there is one"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select, update

from pointofcare.people import StaffRole
from server.store import drawer_rules, mapping, staff_wards
from server.store import staff as staff_store
from server.store.tables import PinStateRow, RoleRow, StaffRow, StaffWardRow
from server.store.transaction import Transaction
from server.store.versions import insertion

STATES = ("none", "old", "locked", "ended")
LOCKED_SHOWN = timedelta(minutes=15)  # a cart's longest pause


@dataclass(frozen=True, slots=True, kw_only=True)
class PinLine:
    """`until` None: without end. `set_at` None: from before this was kept. `locked_at`: a cart paused the badge then, and nobody ended
    that; `web_locked_until` is of the sign-in on pages."""

    id: str
    name: str
    roles: tuple[StaffRole, ...]
    wards: tuple[str, ...]
    has_pin: bool
    set_at: datetime | None
    until: datetime | None
    why: str
    locked_at: datetime | None
    locked_cart: str
    web_locked_until: datetime | None

    def counts(self, now: datetime) -> bool:
        return self.has_pin and (self.until is None or self.until > now)

    def is_locked(self, now: datetime) -> bool:
        return self.locked_at is not None and self.locked_at > now - LOCKED_SHOWN


def listed(
    tx: Transaction, *, ward: str = "", role: str = "", state: str = "", text: str = "", after: str = "", limit: int = 51
) -> tuple[PinLine, ...]:
    """People who are active, by id. Who is bound to wards sees those of these wards only."""
    pin = PinStateRow
    query = (
        select(StaffRow, pin)
        .outerjoin(pin, and_(pin.facility == StaffRow.facility, pin.staff == StaffRow.id))
        .where(StaffRow.facility == tx.facility, StaffRow.active.is_(True), StaffRow.id > after)
    )
    wards = tx.actor.wards if not ward else frozenset({ward}) if tx.actor.wards is None else tx.actor.wards & {ward}
    if wards is not None:
        member = select(StaffWardRow.staff).where(
            StaffWardRow.facility == tx.facility,
            StaffWardRow.ward.in_(sorted(wards)),
            or_(StaffWardRow.valid_to.is_(None), StaffWardRow.valid_to > tx.at),
        )
        query = query.where(StaffRow.id.in_(member))
    if role:
        query = query.where(StaffRow.roles.any(RoleRow.name == role))
    if text:
        query = query.where(or_(StaffRow.id.icontains(text, autoescape=True), StaffRow.name.icontains(text, autoescape=True)))
    days = drawer_rules.settings(tx).pin_days
    if state == "none":
        query = query.where(StaffRow.pin_hash.is_(None))
    elif state == "old":
        aged = pin.set_at <= tx.at - timedelta(days=days) if days else pin.set_at <= tx.at - timedelta(days=365)
        query = query.where(StaffRow.pin_hash.is_not(None), or_(pin.set_at.is_(None), aged))
    elif state == "locked":
        recent = and_(pin.locked_at > tx.at - LOCKED_SHOWN, or_(pin.cleared_at.is_(None), pin.cleared_at < pin.locked_at))
        query = query.where(or_(recent, StaffRow.locked_until > tx.at))
    elif state == "ended":
        query = query.where(StaffRow.pin_hash.is_not(None), pin.ends_at <= tx.at)
    rows = tx.session.execute(query.order_by(StaffRow.id).limit(limit)).all()
    homes = staff_wards.homes(tx)
    return tuple(_line(person, held, days, homes) for person, held in rows)


def of(tx: Transaction, people: tuple[str, ...]) -> tuple[PinLine, ...]:
    """Of these people, wherever they work, in their order of id."""
    pin = PinStateRow
    query = (
        select(StaffRow, pin)
        .outerjoin(pin, and_(pin.facility == StaffRow.facility, pin.staff == StaffRow.id))
        .where(StaffRow.facility == tx.facility, StaffRow.id.in_(people))
        .order_by(StaffRow.id)
    )
    days, homes = drawer_rules.settings(tx).pin_days, staff_wards.homes(tx)
    return tuple(_line(person, held, days, homes) for person, held in tx.session.execute(query))


def _line(person: StaffRow, held: PinStateRow | None, days: int, homes: Mapping[str, object]) -> PinLine:
    found = homes.get(person.id, ())
    cleared = held.cleared_at if held is not None else None
    locked = held.locked_at if held is not None else None
    return PinLine(
        id=person.id,
        name=person.name,
        roles=mapping.roles(person),
        wards=tuple(sorted(str(one) for one in found)) if isinstance(found, set | frozenset | tuple | list) else (),
        has_pin=person.pin_hash is not None,
        set_at=held.set_at if held is not None else None,
        until=staff_store.pin_until(held, days) if held is not None else None,
        why=held.why if held is not None else "",
        locked_at=locked if locked is not None and (cleared is None or cleared < locked) else None,
        locked_cart=held.locked_cart if held is not None else "",
        web_locked_until=person.locked_until,
    )


def end(tx: Transaction, staff: str, *, at: datetime, why: str) -> None:
    _put(tx, staff, ends_at=at, why=why)


def locked(tx: Transaction, staff: str, *, at: datetime, cart: str) -> None:
    """A cart paused the badge. An older pause than the one that is known changes nothing."""
    before = tx.session.get(PinStateRow, (tx.facility, staff))
    if before is None or before.locked_at is None or before.locked_at < at:
        _put(tx, staff, locked_at=at, locked_cart=cart)


def clear(tx: Transaction, staff: str) -> None:
    _put(tx, staff, cleared_at=tx.at)
    mine = (StaffRow.facility == tx.facility, StaffRow.id == staff)
    tx.session.execute(update(StaffRow).where(*mine).values(locked_until=None, failed_sign_ins=0))


def revoke(tx: Transaction, staff: str) -> None:
    """Neither badge nor PIN are known to any cart any more."""
    tx.session.execute(update(StaffRow).where(StaffRow.facility == tx.facility, StaffRow.id == staff).values(pin_hash=None, badge=None))
    _put(tx, staff, ends_at=tx.at, why="revoked")


def _put(tx: Transaction, staff: str, **values: object) -> None:
    new = insertion(tx, PinStateRow).values(facility=tx.facility, staff=staff, **{"why": "", "locked_cart": "", **values})
    tx.session.execute(new.on_conflict_do_update(index_elements=["facility", "staff"], set_=values))
    tx.session.expire_all()
