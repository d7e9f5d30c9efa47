"""Queries of the outbox, for the verbs that fill it, the dispatcher that empties it and the worklist that shows it.

A row is never deleted. A row that waits or is parked holds back the later rows of its own chain (a correction never overtakes
what it corrects) and nobody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import JSON, ColumnElement, Table, func, or_, select, type_coerce, update
from sqlalchemy.orm import aliased

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import ConflictError, NotFoundError
from server.store import beside, driver, mapping_record, observations, reach
from server.store.beside import Blocked, CartDevice
from server.store.driver import Json
from server.store.observations import Measurement
from server.store.tables import OutboxRow, PatientRow
from server.store.transaction import Transaction
from server.store.versions import insertion

ADMINISTRATION = "administration"
OBSERVATION = "observation"
BLOCKED = "blocked"
DEVICE = "device"
# A number that nobody decides by is not counted to its end.
MOST_COUNTED = 10_000
PENDING = "pending"
SENT = "sent"
PARKED = "parked"
# `last_error_code` of a row that was on its way to an EMR that stores what comes twice twice; whoever finds it so does not know.
SENDING = "emr-sending"
# The EMR said yes, and the look back did not find it there, twice; or found it more than once.
MISSING, SEVERAL = "emr-missing", "emr-several"
# A row that waits longer is shown as a fault.
LATE = timedelta(minutes=5)
MOST_TOLD = 500  # rows that carts are told of at once
# What the cart of a row has on its list of what is under way; of the rest it is told nothing.
_OF_THE_CART = (ADMINISTRATION, OBSERVATION)
_READ: Mapping[str, Callable[[Mapping[str, Any]], AdministrationRecord | Measurement | Blocked | CartDevice]] = {
    ADMINISTRATION: mapping_record.from_document,
    OBSERVATION: observations.from_document,
    BLOCKED: beside.blocked_from,
    DEVICE: beside.device_from,
}
# Where a record names the one before which it must not go.
_GOES_ON_WITH = ("amends", "continues")
_INSERT = cast("Table", OutboxRow.__table__).insert


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxItem:
    """One row. `payload` None: not built yet. `attempts` counts sends so far."""

    id: int
    kind: str
    record_id: str
    cart: str
    ordering_key: str
    record: AdministrationRecord | Measurement | Blocked | CartDevice
    payload: bytes | None
    state: str
    attempts: int
    created_at: datetime
    next_attempt_at: datetime
    last_error: str | None
    last_error_code: str | None
    emr_id: str | None
    emr_version: str | None
    settled_at: datetime | None
    lost: int = 0


def _item(row: OutboxRow) -> OutboxItem:
    return OutboxItem(
        id=row.id,
        kind=row.kind,
        record_id=row.record_id,
        cart=row.cart,
        ordering_key=row.ordering_key,
        record=_READ[row.kind](row.record),
        payload=row.payload,
        state=row.state,
        attempts=row.attempts,
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        last_error=row.last_error,
        last_error_code=row.last_error_code,
        emr_id=row.emr_id,
        emr_version=row.emr_version,
        settled_at=row.settled_at,
        lost=row.lost,
    )


def put(
    tx: Transaction, *, record_id: str, cart: str, ordering_key: str, document: Mapping[str, Any] | Json, kind: str = ADMINISTRATION
) -> None:
    """Adds the row of one record: one INSERT."""
    row = _new(tx, record_id=record_id, cart=cart, ordering_key=ordering_key, document=document, kind=kind)
    driver.put(tx.connection, driver.kept(tx.connection, _INSERT, columns=tuple(row)), row)


def put_once(tx: Transaction, *, kind: str, record_id: str, cart: str, document: Mapping[str, Any]) -> None:
    """The same for what several may be the first to say: the row that is there stays."""
    row = _new(tx, record_id=record_id, cart=cart, ordering_key=record_id, document=document, kind=kind)
    tx.session.execute(insertion(tx, OutboxRow).values(**row).on_conflict_do_nothing())


def _new(tx: Transaction, *, record_id: str, cart: str, ordering_key: str, document: Mapping[str, Any] | Json, kind: str) -> dict[str, Any]:
    return {
        "facility": tx.facility,
        "kind": kind,
        "record_id": record_id,
        "cart": cart,
        "ordering_key": ordering_key,
        "record": document if isinstance(document, Json) else dict(document),
        "state": PENDING,
        "attempts": 0,
        "created_at": tx.at,
        "next_attempt_at": tx.at,
        "lost": 0,
    }


def chain_of(tx: Transaction, record_id: str) -> str:
    """The ordering key of the record that is corrected; its own id when the outbox does not know it."""
    found = tx.session.scalar(
        select(OutboxRow.ordering_key).where(
            OutboxRow.facility == tx.facility, OutboxRow.kind == ADMINISTRATION, OutboxRow.record_id == record_id
        )
    )
    return found or record_id


def join_chains(tx: Transaction, *, key: str, chain: str) -> None:
    """What went on with a record before that came, under the record's own id, belongs to its chain from now on."""
    tx.session.execute(update(OutboxRow).where(OutboxRow.facility == tx.facility, OutboxRow.ordering_key == key).values(ordering_key=chain))


def claim(tx: Transaction, *, limit: int, lease_s: float) -> tuple[OutboxItem, ...]:
    """Takes up to `limit` due rows, the first of their chains, for `lease_s` seconds; two workers never hold the same one.

    First is what came first of that which goes on with nothing that is yet to be sent: however a chain came, one row of it goes."""
    earlier = aliased(OutboxRow)
    blocked = (
        select(earlier.id)
        .where(
            earlier.facility == OutboxRow.facility,
            earlier.ordering_key == OutboxRow.ordering_key,
            earlier.id < OutboxRow.id,
            earlier.state != SENT,
            ~_goes_on_with_unsent(earlier),
        )
        .exists()
    )
    query = (
        select(OutboxRow)
        .where(
            OutboxRow.facility == tx.facility,
            OutboxRow.state == PENDING,
            OutboxRow.next_attempt_at <= tx.at,
            or_(OutboxRow.claimed_until.is_(None), OutboxRow.claimed_until <= tx.at),
            ~_goes_on_with_unsent(OutboxRow),
            ~blocked,
        )
        .order_by(OutboxRow.next_attempt_at, OutboxRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=OutboxRow)
    )
    rows = tx.session.scalars(query).all()
    for row in rows:
        row.claimed_until = tx.at + timedelta(seconds=lease_s)
    return tuple(_item(row) for row in rows)


def _goes_on_with_unsent(row: type[OutboxRow]) -> ColumnElement[bool]:
    """What it corrects or goes on with is here and has not been sent, whichever came first."""
    start, told = aliased(OutboxRow), type_coerce(row.record, JSON)
    return (
        select(start.id)
        .where(
            start.facility == row.facility,
            start.ordering_key == row.ordering_key,
            start.id != row.id,
            start.state != SENT,
            or_(*(start.record_id == told[name].as_string() for name in _GOES_ON_WITH)),
        )
        .exists()
    )


def is_held_back(tx: Transaction, item_id: int) -> bool:
    """What it corrects or goes on with is here and has not been sent; it may have come after this row was claimed."""
    query = select(OutboxRow.id).where(OutboxRow.facility == tx.facility, OutboxRow.id == item_id, _goes_on_with_unsent(OutboxRow))
    return tx.session.scalar(query) is not None


def keep_payload(tx: Transaction, item_id: int, payload: bytes) -> bytes:
    """Stores the bytes once and returns those that count: the first that were ever stored."""
    row = _row(tx, item_id)
    if row.payload is None:
        row.payload = payload
    return row.payload


def mark_sending(tx: Transaction, item_id: int) -> None:
    """It goes out now; every other verb takes the mark away."""
    _row(tx, item_id).last_error_code = SENDING


def mark_sent(tx: Transaction, item_id: int, *, emr_id: str | None, emr_version: str | None = None) -> None:
    row = _row(tx, item_id)
    row.state = SENT
    row.attempts += 1
    row.emr_id = emr_id
    row.emr_version = emr_version
    row.claimed_until = None
    row.last_error = None
    row.last_error_code = None
    row.settled_at = tx.at
    row.told_at = _told(tx, row)
    row.looked_at = None


def _told(tx: Transaction, row: OutboxRow) -> datetime | None:
    """Not yet, for what a cart waits to hear of."""
    return None if row.kind in _OF_THE_CART else tx.at


def mark_waiting(tx: Transaction, item_id: int, *, error: str, code: str, next_attempt_at: datetime) -> None:
    """The send failed and may be repeated. A worker that comes late says nothing about a row that another has sent."""
    row = _row(tx, item_id)
    if row.state == SENT:
        return
    row.attempts += 1
    row.last_error = error
    row.last_error_code = code
    row.next_attempt_at = next_attempt_at
    row.claimed_until = None


def mark_parked(tx: Transaction, item_id: int, *, error: str, code: str) -> None:
    """A person must look. The administration counts as given all the same. What the EMR has taken is never parked: that answer is late."""
    row = _row(tx, item_id)
    if row.state == SENT:
        return
    row.state = PARKED
    row.attempts += 1
    row.last_error = error
    row.last_error_code = code
    row.claimed_until = None
    row.settled_at = tx.at
    row.told_at = _told(tx, row)


def requeue(tx: Transaction, item_id: int, *, rebuild: bool = False) -> None:
    """A parked row is sent again; with `rebuild` its payload is made anew, which is only for one that the EMR never took.

    Raises: NotFoundError, ConflictError when it is not parked."""
    row = _row(tx, item_id)
    if row.state != PARKED:
        raise ConflictError(f"outbox row {item_id} is {row.state}, not parked", remedy="look again: somebody may have requeued it")
    row.state = PENDING
    row.next_attempt_at = tx.at
    row.settled_at = None
    row.told_at = None
    if rebuild:
        row.payload = None


def _row(tx: Transaction, item_id: int) -> OutboxRow:
    row = tx.session.scalar(select(OutboxRow).where(OutboxRow.facility == tx.facility, OutboxRow.id == item_id))
    if row is None:
        raise NotFoundError(f"outbox row {item_id} does not exist", remedy="look at the worklist again", item=item_id)
    if tx.actor.wards is not None:
        patient = str(row.record.get("patient") or "")
        found = tx.session.get(PatientRow, (tx.facility, patient))
        reach.must_see(tx, found.ward if found is not None else None, patient)
    return row


def get(tx: Transaction, item_id: int) -> OutboxItem:
    """Raises: NotFoundError."""
    return _item(_row(tx, item_id))


def of_record(tx: Transaction, record_id: str, *, kind: str = ADMINISTRATION) -> OutboxItem | None:
    row = tx.session.scalar(
        select(OutboxRow).where(OutboxRow.facility == tx.facility, OutboxRow.kind == kind, OutboxRow.record_id == record_id)
    )
    return None if row is None else _item(row)


def chain(tx: Transaction, ordering_key: str) -> tuple[AdministrationRecord, ...]:
    """Every administration of a chain that is here by now, sent or not, as they came."""
    rows = tx.session.scalars(
        select(OutboxRow.record)
        .where(OutboxRow.facility == tx.facility, OutboxRow.ordering_key == ordering_key, OutboxRow.kind == ADMINISTRATION)
        .order_by(OutboxRow.id)
    )
    return tuple(mapping_record.from_document(document) for document in rows)


def _reached(tx: Transaction) -> tuple[ColumnElement[bool], ...]:
    return reach.of_patient(tx, type_coerce(OutboxRow.record, JSON)["patient"].as_string())


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedReason:
    """So many rows are parked for this, which requeueing them all may mend."""

    code: str
    count: int


def parked_reasons(tx: Transaction) -> tuple[ParkedReason, ...]:
    """The most frequent first."""
    code = func.coalesce(OutboxRow.last_error_code, "")
    rows = tx.session.execute(
        select(code, func.count())
        .where(OutboxRow.facility == tx.facility, OutboxRow.state == PARKED, *_reached(tx))
        .group_by(code)
        .order_by(func.count().desc(), code)
        .limit(20)
    ).all()
    return tuple(ParkedReason(code=found, count=count) for found, count in rows)


def parked_for(tx: Transaction, code: str, *, limit: int) -> tuple[OutboxItem, ...]:
    """Rows that are parked for one reason, oldest first."""
    query = select(OutboxRow).where(
        OutboxRow.facility == tx.facility, OutboxRow.state == PARKED, OutboxRow.last_error_code == code, *_reached(tx)
    )
    return tuple(_item(row) for row in tx.session.scalars(query.order_by(OutboxRow.id).limit(limit)))


def unseen(tx: Transaction, *, since: datetime, until: datetime, limit: int) -> tuple[OutboxItem, ...]:
    """What was sent between the two moments and nobody has looked for in the EMR since, oldest first."""
    query = select(OutboxRow).where(
        OutboxRow.facility == tx.facility,
        OutboxRow.state == SENT,
        OutboxRow.looked_at.is_(None),
        OutboxRow.settled_at >= since,
        OutboxRow.settled_at <= until,
        OutboxRow.kind.in_((ADMINISTRATION, OBSERVATION)),
    )
    return tuple(_item(row) for row in tx.session.scalars(query.order_by(OutboxRow.settled_at).limit(limit)))


def mark_seen(tx: Transaction, item_id: int) -> None:
    """The EMR holds it once."""
    _row(tx, item_id).looked_at = tx.at


def send_again(tx: Transaction, item_id: int) -> int:
    """The EMR does not hold what it took: the row, everything after it in its chain, and what goes on with that though it came before,
    goes once more, in order. How many rows; 0 when it is no longer one that was sent."""
    found = _row(tx, item_id)
    if found.state != SENT:
        return 0
    found.lost += 1
    rows = tx.session.scalars(
        select(OutboxRow).where(
            OutboxRow.facility == tx.facility,
            OutboxRow.ordering_key == found.ordering_key,
            OutboxRow.state == SENT,
        )
    ).all()
    again = {row.record_id for row in rows if row.id >= found.id}
    while more := {row.record_id for row in rows if not again.isdisjoint(row.record.get(name) for name in _GOES_ON_WITH)} - again:
        again |= more
    rows = [row for row in rows if row.record_id in again]
    for row in rows:
        row.state = PENDING
        row.next_attempt_at = tx.at
        row.settled_at = None
        row.looked_at = None
    return len(rows)


def mark_doubtful(tx: Transaction, item_id: int, *, error: str, code: str) -> bool:
    """What was sent is not in the EMR as it should be, and a person must look. False: it is no longer one that was sent. Its cart is
    told nothing: the dose is recorded."""
    row = _row(tx, item_id)
    if row.state != SENT:
        return False
    row.state = PARKED
    row.last_error = error
    row.last_error_code = code
    row.settled_at = tx.at
    row.told_at = tx.at
    row.looked_at = tx.at
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What has not reached the EMR. `is_late`: something has waited for it too long."""

    parked: int
    pending: int
    oldest_pending_at: datetime | None
    is_late: bool


def waiting(tx: Transaction) -> Waiting:
    """Without a look at what was sent, of which there is more every day."""
    rows = tx.session.execute(
        select(OutboxRow.state, func.count(), func.min(OutboxRow.created_at))
        .where(OutboxRow.facility == tx.facility, OutboxRow.state.in_((PENDING, PARKED)))
        .group_by(OutboxRow.state)
    ).all()
    found = {state: (count, oldest) for state, count, oldest in rows}
    pending, oldest = found.get(PENDING, (0, None))
    return Waiting(
        parked=found.get(PARKED, (0, None))[0],
        pending=pending,
        oldest_pending_at=oldest,
        is_late=oldest is not None and tx.at - oldest > LATE,
    )


def worklist(tx: Transaction, *, state: str | None = None, limit: int = 200) -> tuple[OutboxItem, ...]:
    """Parked ones, then those that wait, then those sent; each newest first. Of those sent, of which there is more every day, only the
    end is looked at."""
    found: list[OutboxItem] = []
    latest = func.coalesce(OutboxRow.settled_at, OutboxRow.next_attempt_at).desc()
    for each in (state,) if state is not None else (PARKED, PENDING, SENT):
        query = select(OutboxRow).where(OutboxRow.facility == tx.facility, OutboxRow.state == each, *_reached(tx))
        order = (OutboxRow.id.desc(),) if each == SENT else (latest, OutboxRow.id.desc())
        found += [_item(row) for row in tx.session.scalars(query.order_by(*order).limit(limit - len(found)))]
        if len(found) >= limit:
            break
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxCounts:
    """`oldest_pending_at` None: nothing waits. `sent` is counted as far as `MOST_COUNTED`."""

    pending: int
    sent: int
    parked: int
    oldest_pending_at: datetime | None


def counts(tx: Transaction) -> OutboxCounts:
    left = waiting(tx)
    sent = select(OutboxRow.id).where(OutboxRow.facility == tx.facility, OutboxRow.state == SENT).limit(MOST_COUNTED).subquery()
    number = tx.session.scalar(select(func.count()).select_from(sent)) or 0
    return OutboxCounts(pending=left.pending, sent=number, parked=left.parked, oldest_pending_at=left.oldest_pending_at)


def untold(tx: Transaction, *, limit: int = MOST_TOLD) -> tuple[OutboxItem, ...]:
    """Settled rows whose cart has not been told yet."""
    rows = tx.session.scalars(
        select(OutboxRow)
        .where(OutboxRow.facility == tx.facility, OutboxRow.settled_at.is_not(None), OutboxRow.told_at.is_(None))
        .order_by(OutboxRow.settled_at)
        .limit(limit)
    ).all()
    return tuple(_item(row) for row in rows)


def mark_told(tx: Transaction, items: tuple[OutboxItem, ...]) -> None:
    """Only where nothing new has happened since `items` were read."""
    for item in items:
        tx.session.execute(update(OutboxRow).where(OutboxRow.id == item.id, OutboxRow.settled_at == item.settled_at).values(told_at=tx.at))


def tell_of(tx: Transaction, cart: str, records: Sequence[str]) -> None:
    """These count as not told to this cart, as far as they are its own and settled."""
    tx.session.execute(
        update(OutboxRow)
        .where(
            OutboxRow.facility == tx.facility,
            OutboxRow.cart == cart,
            OutboxRow.record_id.in_(records[:MOST_TOLD]),
            OutboxRow.settled_at.is_not(None),
            OutboxRow.kind.in_(_OF_THE_CART),
        )
        .values(told_at=None)
    )


def tell_again(tx: Transaction, cart: str, *, since: datetime) -> None:
    """What was settled after `since` counts as not told to this cart."""
    tx.session.execute(
        update(OutboxRow)
        .where(
            OutboxRow.facility == tx.facility,
            OutboxRow.cart == cart,
            OutboxRow.settled_at >= since,
            OutboxRow.kind.in_(_OF_THE_CART),
        )
        .values(told_at=None)
    )
