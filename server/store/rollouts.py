"""Rollouts as rows: kept as their values are, one row a cart, and what happened, which is only added to.

What a state means and which follows which is `pointofcare.fleet`. Nothing here sends or decides.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, not_, or_, select, update

from pointofcare import firmware
from pointofcare.errors import ImageRejectedError, NotFoundError
from pointofcare.firmware import Target
from pointofcare.fleet.plan import Gates, Newcomers, Plan, Wave
from pointofcare.fleet.rollout import ACTIVE, Rollout
from pointofcare.fleet.rollout import State as RolloutState
from pointofcare.fleet.update import IN_FLIGHT, CartUpdate, Seen, State
from server.store import reach
from server.store.tables import CartFirmwareRow, CartRow, RolloutCartRow, RolloutEventRow, RolloutRow
from server.store.transaction import Transaction
from server.store.versions import insertion
from server.store.views_fleet import ONLINE_PHASES, is_silent

MOST_LISTED = 200
_UPDATE = tuple(name for name in CartUpdate.__slots__ if name not in ("cart", "state"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRollout:
    """A rollout with what is kept beside it. `is_open`: some cart of it has not come to its end."""

    id: int
    title: str
    rollout: Rollout
    is_open: bool
    created_by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def state(self) -> RolloutState:
        return self.rollout.state


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """`cart` None: to all of it. `kind` and `why` are stable codes, but `why` of what a person did is their reason."""

    rollout: int
    cart: str | None
    at: datetime
    kind: str
    by: str
    attempt: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a cart should have been sent: the job of this update, or nothing any more (`wanted` False)."""

    id: int
    rollout: StoredRollout
    update: CartUpdate
    issued_at: datetime
    offered: int


def add(tx: Transaction, *, title: str, rollout: Rollout, placed: Mapping[str, int], jobs: Mapping[str, str]) -> int:
    """`placed`: cart -> wave; `jobs`: cart -> id of its job."""
    row = RolloutRow(
        facility=tx.facility,
        title=title,
        hardware=rollout.target.hardware,
        release=rollout.target.name,
        version=str(rollout.target.version),
        target={"name": rollout.target.name, "length": rollout.target.length, "sha256": rollout.target.sha256}
        | {"custom": firmware.custom(rollout.target)},
        plan=_plan_document(rollout.plan),
        state=rollout.state.value,
        wave=rollout.wave,
        why=rollout.why,
        since=rollout.since,
        is_open=False,
        created_by=tx.actor.id,
        created_at=tx.at,
    )
    tx.session.add(row)
    tx.session.flush()
    for cart, wave in placed.items():
        join(tx, row.id, cart, wave, jobs[cart])
    return row.id


def join(tx: Transaction, rollout: int, cart: str, wave: int, job: str) -> None:
    """A cart is in it. A cart that is in it already stays as it is."""
    new = insertion(tx, RolloutCartRow).values(
        facility=tx.facility,
        rollout=rollout,
        offered=0,
        to_send=False,
        **_row(CartUpdate(cart=cart, job=job, wave=wave, since=tx.at)),
    )
    tx.session.execute(new.on_conflict_do_nothing())


def get(tx: Transaction, rollout: int, *, lock: bool = False) -> StoredRollout:
    """`lock`: nobody else steps it until this transaction ends. Raises: NotFoundError."""
    query = select(RolloutRow).where(RolloutRow.facility == tx.facility, RolloutRow.id == rollout)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    row = tx.session.scalars(query).one_or_none()
    if row is None:
        raise NotFoundError(f"rollout {rollout} is not known", remedy="look at the list of rollouts", rollout=rollout)
    return _stored(row)


def listed(tx: Transaction, *, before: int | None = None, limit: int = 50) -> tuple[StoredRollout, ...]:
    """Newest first."""
    query = select(RolloutRow).where(RolloutRow.facility == tx.facility)
    if before is not None:
        query = query.where(RolloutRow.id < before)
    return tuple(_stored(row) for row in tx.session.scalars(query.order_by(RolloutRow.id.desc()).limit(min(limit, MOST_LISTED))))


def open_ones(tx: Transaction) -> tuple[int, ...]:
    """Those that a look may change."""
    return tuple(
        tx.session.scalars(select(RolloutRow.id).where(RolloutRow.facility == tx.facility, RolloutRow.is_open).order_by(RolloutRow.id))
    )


def active(tx: Transaction, hardware: str) -> StoredRollout | None:
    """The one that runs for this hardware."""
    row = tx.session.scalars(
        select(RolloutRow).where(
            RolloutRow.facility == tx.facility, RolloutRow.hardware == hardware, RolloutRow.state.in_([state.value for state in ACTIVE])
        )
    ).one_or_none()
    return None if row is None else _stored(row)


def started_counters(tx: Transaction, hardware: str) -> int:
    """The highest security counter that any rollout of this hardware ever began with; carts never go below one that they had."""
    rows = tx.session.scalars(
        select(RolloutRow).where(RolloutRow.facility == tx.facility, RolloutRow.hardware == hardware, RolloutRow.started_at.is_not(None))
    )
    return max((_target(row.target).security_counter for row in rows), default=0)


def keep(tx: Transaction, stored: StoredRollout, rollout: Rollout, *, is_open: bool, ticked: bool = False) -> None:
    """The rollout as it is now."""
    values: dict[str, Any] = {
        "state": rollout.state.value,
        "wave": rollout.wave,
        "why": rollout.why,
        "since": rollout.since,
        "is_open": is_open,
    }
    if rollout.state is not RolloutState.DRAFT and stored.started_at is None:
        values["started_at"] = tx.at
    if rollout.state in (RolloutState.FINISHED, RolloutState.STOPPED) and stored.ended_at is None:
        values["ended_at"] = tx.at
    if ticked:
        values["ticked_at"] = tx.at
    tx.session.execute(update(RolloutRow).where(RolloutRow.facility == tx.facility, RolloutRow.id == stored.id).values(**values))
    if rollout.state is not stored.state:
        in_flight = [state.value for state in IN_FLIGHT]
        mine = (RolloutCartRow.facility == tx.facility, RolloutCartRow.rollout == stored.id, RolloutCartRow.state.in_(in_flight))
        tx.session.execute(update(RolloutCartRow).where(*mine).values(to_send=True))


def ticked_at(tx: Transaction, rollout: int) -> datetime | None:
    return tx.session.scalar(select(RolloutRow.ticked_at).where(RolloutRow.facility == tx.facility, RolloutRow.id == rollout))


def updates(tx: Transaction, rollout: int) -> tuple[CartUpdate, ...]:
    """Every cart of it, by id."""
    rows = tx.session.scalars(
        select(RolloutCartRow)
        .where(RolloutCartRow.facility == tx.facility, RolloutCartRow.rollout == rollout)
        .order_by(RolloutCartRow.cart)
        .execution_options(populate_existing=True)
    )
    return tuple(_update(row) for row in rows)


# What a person looks for first.
_RANK = (State.FAILED, State.PENALTY, State.UNKNOWN, State.IN_PROGRESS, State.WAITING, State.ASSIGNED, State.BAKING, State.QUEUED)


def some_updates(
    tx: Transaction, rollout: int, *, states: Collection[str] = (), wave: int | None = None, offset: int = 0, limit: int = 100
) -> tuple[CartUpdate, ...]:
    """Those that need somebody first."""
    query = select(RolloutCartRow).where(RolloutCartRow.facility == tx.facility, RolloutCartRow.rollout == rollout)
    if states:
        query = query.where(RolloutCartRow.state.in_(sorted(states)))
    if wave is not None:
        query = query.where(RolloutCartRow.wave == wave)
    rank = case({state.value: place for place, state in enumerate(_RANK)}, value=RolloutCartRow.state, else_=len(_RANK))
    rows = tx.session.scalars(query.order_by(rank, RolloutCartRow.wave, RolloutCartRow.cart).offset(offset).limit(limit))
    return tuple(_update(row) for row in rows)


def failed_now(tx: Transaction, rollout: int) -> int:
    """How many carts failed, or fell silent, since a person last looked."""
    mine = (RolloutCartRow.facility == tx.facility, RolloutCartRow.rollout == rollout, RolloutCartRow.counted)
    return int(tx.session.scalar(select(func.count()).select_from(RolloutCartRow).where(*mine)) or 0)


def update_of(tx: Transaction, rollout: int, cart: str) -> CartUpdate | None:
    mine = (RolloutCartRow.facility == tx.facility, RolloutCartRow.rollout == rollout, RolloutCartRow.cart == cart)
    row = tx.session.scalars(select(RolloutCartRow).where(*mine).execution_options(populate_existing=True)).one_or_none()
    return None if row is None else _update(row)


def keep_update(tx: Transaction, rollout: int, before: CartUpdate, after: CartUpdate) -> None:
    """One cart as it is now. What the cart should have been sent is looked at again when its state or attempt changed."""
    values = _row(after)
    if (before.state, before.attempt) != (after.state, after.attempt):
        values["to_send"] = True
    if before.attempt != after.attempt:
        values["issued_at"] = tx.at
    mine = (RolloutCartRow.facility == tx.facility, RolloutCartRow.rollout == rollout, RolloutCartRow.cart == after.cart)
    tx.session.execute(update(RolloutCartRow).where(*mine).values(**values))


def of_job(tx: Transaction, cart: str, job: str) -> int | None:
    """The rollout of this job of this cart."""
    mine = (RolloutCartRow.facility == tx.facility, RolloutCartRow.cart == cart, RolloutCartRow.job == job)
    return tx.session.scalar(select(RolloutCartRow.rollout).where(*mine))


def of_cart(tx: Transaction, cart: str, *, limit: int = 20) -> tuple[tuple[StoredRollout, CartUpdate], ...]:
    """The rollouts in which this cart is, newest first."""
    rows = tx.session.execute(
        select(RolloutRow, RolloutCartRow)
        .join(RolloutCartRow, and_(RolloutCartRow.facility == RolloutRow.facility, RolloutCartRow.rollout == RolloutRow.id))
        .where(RolloutRow.facility == tx.facility, RolloutCartRow.cart == cart)
        .order_by(RolloutRow.id.desc())
        .limit(limit)
    )
    return tuple((_stored(rollout), _update(line)) for rollout, line in rows)


def newcomers(tx: Transaction, rollout: int, *, limit: int = 200) -> tuple[tuple[str, str], ...]:
    """(cart, ward) of carts that are not in it."""
    inside = select(RolloutCartRow.cart).where(RolloutCartRow.facility == tx.facility, RolloutCartRow.rollout == rollout)
    rows = tx.session.execute(
        select(CartRow.id, CartRow.ward)
        .where(CartRow.facility == tx.facility, CartRow.ward != "", CartRow.id.not_in(inside))
        .order_by(CartRow.id)
        .limit(limit)
    )
    return tuple((row.id, row.ward) for row in rows)


def wards_of_carts(tx: Transaction) -> dict[str, str]:
    """Cart -> ward, of every cart that the person reaches."""
    rows = tx.session.execute(select(CartRow.id, CartRow.ward).where(CartRow.facility == tx.facility).order_by(CartRow.id))
    return {row.id: row.ward for row in rows if reach.sees(tx, row.ward)}


def wards_of(tx: Transaction, carts: Collection[str]) -> dict[str, str]:
    """Cart -> ward, of these."""
    rows = tx.session.execute(select(CartRow.id, CartRow.ward).where(CartRow.facility == tx.facility, CartRow.id.in_(sorted(carts))))
    return {row.id: row.ward for row in rows}


def seen(tx: Transaction, rollout: int, carts: Collection[str] | None = None) -> dict[str, Seen]:
    """What the carts of a rollout, or these of them, report of themselves now."""
    busy = set(
        tx.session.scalars(
            select(RolloutCartRow.cart).where(
                RolloutCartRow.facility == tx.facility,
                RolloutCartRow.rollout != rollout,
                RolloutCartRow.state.in_([state.value for state in IN_FLIGHT]),
            )
        )
    )
    inside = select(RolloutCartRow.cart).where(RolloutCartRow.facility == tx.facility, RolloutCartRow.rollout == rollout)
    hardware = tx.session.scalars(select(RolloutRow.hardware).where(RolloutRow.facility == tx.facility, RolloutRow.id == rollout)).one()
    return _seen(tx, CartRow.id.in_(inside if carts is None else sorted(carts)), busy, hardware)


def seen_of(tx: Transaction, carts: Collection[str], *, hardware: str = "") -> dict[str, Seen]:
    """As `seen`, of these carts, before there is a rollout for this hardware."""
    return _seen(tx, CartRow.id.in_(sorted(carts)), set(), hardware)


def _seen(tx: Transaction, which: Any, busy: Collection[str], wanted: str) -> dict[str, Seen]:
    rows = tx.session.execute(
        select(
            CartRow.id,
            CartRow.phase,
            CartRow.phase_at,
            CartRow.last_seen_at,
            CartRow.silent_at,
            CartRow.telemetry,
            CartRow.battery_percent,
            CartFirmwareRow.image_hash,
            CartFirmwareRow.confirmed,
            CartFirmwareRow.hardware,
            CartFirmwareRow.self_test,
            CartFirmwareRow.heard_at,
        )
        .outerjoin(CartFirmwareRow, and_(CartFirmwareRow.facility == CartRow.facility, CartFirmwareRow.cart == CartRow.id))
        .where(CartRow.facility == tx.facility, which)
    )
    found = {}
    for row in rows:
        silent = is_silent(row.last_seen_at, row.silent_at, tx.at)
        online = row.phase in ONLINE_PHASES and not silent
        power, app = (row.telemetry or {}).get("power") or {}, (row.telemetry or {}).get("app") or {}
        found[row.id] = Seen(
            online=online,
            offline_since=None if online else (row.last_seen_at if silent else row.phase_at or row.last_seen_at),
            heard_at=row.heard_at,
            image_hash=row.image_hash,
            confirmed=row.confirmed,
            hardware=row.hardware,
            docked=_truth(power.get("docked", power.get("on_mains"))),
            charge_percent=row.battery_percent,
            in_use=_truth(app.get("in_use")),
            self_test=row.self_test,
            busy=row.id in busy,
        )
        if firmware.is_cart_software(wanted):
            found[row.id] = replace(found[row.id], **_software(app))
    return found


def _software(app: Mapping[str, Any]) -> dict[str, Any]:
    """What the cart's own program says that it is; its self-test was done before it was begun."""
    hardware, runs, heard = app.get("software_hardware"), app.get("software_hash"), app.get("heard_at")
    return {
        "heard_at": datetime.fromisoformat(heard) if isinstance(heard, str) else None,
        "image_hash": runs if isinstance(runs, str) and len(runs) == 64 else None,
        "confirmed": _truth(app.get("software_confirmed")),
        "hardware": hardware if isinstance(hardware, str) and firmware.is_hardware(hardware) else None,
        "self_test": None,
    }


def put_firmware(
    tx: Transaction,
    cart: str,
    *,
    hardware: str | None,
    version: str,
    image_hash: str | None,
    confirmed: bool | None,
    self_test: bool | None,
    slots: Sequence[Mapping[str, Any]],
) -> None:
    """What the microcontroller reports; the server's clock says when."""
    values = {
        "hardware": hardware,
        "version": version,
        "image_hash": image_hash,
        "confirmed": confirmed,
        "self_test": self_test,
        "slots": [dict(slot) for slot in slots],
        "heard_at": tx.at,
    }
    new = insertion(tx, CartFirmwareRow).values(facility=tx.facility, cart=cart, **values)
    tx.session.execute(new.on_conflict_do_update(index_elements=["facility", "cart"], set_=values))


def happened(tx: Transaction, rollout: int, kind: str, *, cart: str | None = None, attempt: int = 0, why: str = "") -> None:
    tx.session.add(
        RolloutEventRow(
            facility=tx.facility, rollout=rollout, cart=cart, at=tx.at, kind=kind, by=tx.actor.id, attempt=attempt, why=why[:2000]
        )
    )


def happenings(
    tx: Transaction, *, rollout: int | None = None, cart: str | None = None, whole_only: bool = False, limit: int = 100
) -> tuple[Happening, ...]:
    """Newest first. `whole_only`: those of the rollout, not of single carts."""
    query = select(RolloutEventRow).where(RolloutEventRow.facility == tx.facility)
    if rollout is not None:
        query = query.where(RolloutEventRow.rollout == rollout)
    if cart is not None:
        query = query.where(RolloutEventRow.cart == cart)
    if whole_only:
        query = query.where(RolloutEventRow.cart.is_(None))
    rows = tx.session.scalars(query.order_by(RolloutEventRow.id.desc()).limit(limit))
    names = Happening.__slots__
    return tuple(Happening(**{name: getattr(row, name) for name in names}) for row in rows)


def counts(tx: Transaction, rollouts: Collection[int]) -> dict[int, dict[tuple[int, str], int]]:
    """Rollout -> (wave, state) -> how many carts."""
    rows = tx.session.execute(
        select(RolloutCartRow.rollout, RolloutCartRow.wave, RolloutCartRow.state, func.count())
        .where(RolloutCartRow.facility == tx.facility, RolloutCartRow.rollout.in_(sorted(rollouts)))
        .group_by(RolloutCartRow.rollout, RolloutCartRow.wave, RolloutCartRow.state)
    )
    found: dict[int, dict[tuple[int, str], int]] = {}
    for rollout, wave, state, number in rows:
        found.setdefault(rollout, {})[(wave, state)] = int(number)
    return found


# What carts are to be sent.


def send_again(tx: Transaction, cart: str) -> None:
    """The cart's connection is new: what it was sent before may not have arrived."""
    in_flight = [state.value for state in IN_FLIGHT]
    mine = (RolloutCartRow.facility == tx.facility, RolloutCartRow.cart == cart, RolloutCartRow.state.in_(in_flight))
    tx.session.execute(update(RolloutCartRow).where(*mine).values(to_send=True))


def send_old_again(tx: Transaction, rollout: int, *, older_than: timedelta) -> None:
    """A job that was sent long ago is sent once more: the cart says again how it stands."""
    in_flight = [state.value for state in IN_FLIGHT]
    old = or_(RolloutCartRow.offered_at.is_(None), RolloutCartRow.offered_at < tx.at - older_than)
    mine = (RolloutCartRow.facility == tx.facility, RolloutCartRow.rollout == rollout, RolloutCartRow.state.in_(in_flight), old)
    tx.session.execute(update(RolloutCartRow).where(*mine).values(to_send=True))


def to_send(tx: Transaction, *, limit: int = 50) -> tuple[Offer, ...]:
    rows = tx.session.execute(
        select(RolloutCartRow, RolloutRow)
        .join(RolloutRow, and_(RolloutRow.facility == RolloutCartRow.facility, RolloutRow.id == RolloutCartRow.rollout))
        .where(RolloutCartRow.facility == tx.facility, RolloutCartRow.to_send)
        .order_by(RolloutCartRow.id)
        .limit(limit)
    )
    return tuple(
        Offer(id=line.id, rollout=_stored(row), update=_update(line), issued_at=line.issued_at or line.since, offered=line.offered)
        for line, row in rows
    )


def sent(tx: Transaction, offer: Offer, *, attempt: int) -> None:
    """The cart was sent the job of this attempt, 0: that there is none. One that changed meanwhile is looked at again."""
    mine = (RolloutCartRow.facility == tx.facility, RolloutCartRow.id == offer.id)
    same = (RolloutCartRow.state == offer.update.state.value, RolloutCartRow.attempt == offer.update.attempt)
    tx.session.execute(update(RolloutCartRow).where(*mine, *same).values(offered=attempt, offered_at=tx.at, to_send=False))


def other_job(tx: Transaction, offer: Offer) -> bool:
    """Whether the cart has a job of another rollout on the same topic, which "there is none" would take away."""
    in_flight = [state.value for state in IN_FLIGHT]
    software = RolloutRow.hardware.startswith(f"{firmware.CART_SOFTWARE}-")
    same = software if firmware.is_cart_software(offer.rollout.rollout.target.hardware) else not_(software)
    theirs = and_(RolloutRow.facility == RolloutCartRow.facility, RolloutRow.id == RolloutCartRow.rollout)
    found = (
        select(RolloutCartRow.id)
        .join(RolloutRow, theirs)
        .where(
            same,
            RolloutCartRow.facility == tx.facility,
            RolloutCartRow.cart == offer.update.cart,
            RolloutCartRow.id != offer.id,
            RolloutCartRow.state.in_(in_flight),
        )
    )
    return tx.session.scalar(found.limit(1)) is not None


# Rows and values.


def _stored(row: RolloutRow) -> StoredRollout:
    return StoredRollout(
        id=row.id,
        title=row.title,
        rollout=Rollout(
            target=_target(row.target), plan=_plan(row.plan), since=row.since, state=RolloutState(row.state), wave=row.wave, why=row.why
        ),
        is_open=row.is_open,
        created_by=row.created_by,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def _row(one: CartUpdate) -> dict[str, Any]:
    return {"cart": one.cart, "state": one.state.value, **{name: getattr(one, name) for name in _UPDATE}}


def _update(row: RolloutCartRow) -> CartUpdate:
    return CartUpdate(cart=row.cart, state=State(row.state), **{name: getattr(row, name) for name in _UPDATE})


def _plan_document(plan: Plan) -> dict[str, Any]:
    return {**asdict(plan), "newcomers": plan.newcomers.value}


def _plan(document: Mapping[str, Any]) -> Plan:
    told = dict(document)
    waves = tuple(
        Wave(wards=tuple(each["wards"]), carts=tuple(each["carts"]), upto_percent=each["upto_percent"]) for each in told.pop("waves")
    )
    wards = tuple(told.pop("wards"))
    return Plan(waves=waves, wards=wards, gates=Gates(**told.pop("gates")), newcomers=Newcomers(told.pop("newcomers")), **told)


def _target(document: Mapping[str, Any]) -> Target:
    try:
        return firmware.told(document["name"], document["length"], document["sha256"], document["custom"])
    except ImageRejectedError as exc:  # it was one when it was written
        raise NotFoundError("the release of a rollout cannot be read any more", remedy="restore the database from its backup") from exc


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
