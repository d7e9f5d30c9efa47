"""The store of what comes in from other systems (FHIR, HL7 v2 ...): each item kept whole before anything is made of it.

Keep first, then answer the sender, then take: what was kept is never lost, whatever happens to the taking. An item that cannot be
taken holds back no other one, and nobody else's. Nothing here knows what a payload means. Life of an item:

    keep -> waiting -> taken | rejected (a person's) | set aside (by a person, or because a newer version was taken)
    rejected or set aside -> requeue -> waiting
    waiting for a patient -> give_up -> set aside -> recall, when the patient is here after all -> waiting

Taken and set-aside items are pruned after a time; those that wait for anybody never are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as field_of
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CompoundSelect, and_, delete, func, or_, select, union_all, update
from sqlalchemy.orm import aliased

from pointofcare.errors import ConflictError, NotFoundError, UnreadableError
from pointofcare.people import PatientStatus
from server.store.plain import storable, text
from server.store.tables.incoming import FeedRow
from server.store.tables.incoming import IncomingRow as Row
from server.store.tables.patient import PatientRow
from server.store.transaction import Transaction
from server.store.versions import insertion

WAITING = "waiting"
TAKEN = "taken"
REJECTED = "rejected"
SET_ASIDE = "set-aside"
STATES = (REJECTED, WAITING, TAKEN, SET_ASIDE)
# One resource or message; what is larger is refused to its sender, never cut.
MOST_BYTES = 1_000_000
# Reasons that are the store's own: a newer version took the place of this one, there was too much to keep.
NEWER = "newer-version"
TOO_LARGE = "too-large"
# Its patient was awaited too long; it comes back by itself with the patient.
NOBODY_CAME = "nobody-came"
_LONGEST = {"source": 32, "kind": 64, "key": 300, "about": 200, "subject": 200}


class TooLargeError(UnreadableError):
    """It is larger than one item may be, or its key longer than a key may be; nothing of it was kept."""

    code = "incoming-too-large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why an item waits or is rejected. `code` is the code of a text (`incoming-<code>` and `incoming-<code>-remedy`, or one of the
    import's), `field` the element or segment that it is about, `found` what stood there, `parameters` the values of the text."""

    code: str
    field: str = ""
    found: str = ""
    parameters: Mapping[str, object] = field_of(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """`is_new` False: the same key was here before, and nothing was changed; `state` is what became of that one."""

    item: int
    is_new: bool
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item; `payload` is None in lists, and where there was too much to keep."""

    id: int
    source: str
    kind: str
    key: str
    about: str
    subject: str
    patient: str | None
    payload: bytes | None
    payload_bytes: int
    received_at: datetime
    repeats: int
    state: str
    reason: Reason | None
    attempts: int
    next_attempt_at: datetime
    settled_at: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    comment: str | None
    accepted: bool
    became: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """`oldest_waiting_at` and `oldest_rejected_at` None: there is none."""

    by_state: Mapping[str, int]
    oldest_waiting_at: datetime | None
    oldest_rejected_at: datetime | None


def keep(
    tx: Transaction,
    *,
    source: str,
    kind: str,
    key: str,
    payload: bytes,
    about: str = "",
    subject: str = "",
    received_at: datetime | None = None,
    hold_s: float = 0.0,
) -> Kept:
    """Keeps the bytes as they came, once for each (source, key): whoever sends it again is told what became of the first, and the
    repeat is counted. `about` is the thing whatever its version ("MedicationRequest/17"), `subject` the patient in the sender's
    words. Commit before you answer the sender. `hold_s`: the caller takes it at once, and no other worker is given it for so long.

    Raises: TooLargeError."""
    for name, value in (("source", source), ("kind", kind), ("key", key), ("about", about), ("subject", subject)):
        if len(value) > _LONGEST[name]:
            raise TooLargeError(f"{name} is longer than {_LONGEST[name]} characters", remedy="send a shorter one", field=name)
    if len(payload) > MOST_BYTES:
        raise TooLargeError(
            f"{len(payload)} bytes are more than the {MOST_BYTES} that one item may have", remedy="send it in parts", field="payload"
        )
    row = {"source": source, "kind": kind, "key": key, "about": about, "subject": subject}
    return _kept(tx, row, payload=payload, size=len(payload), received_at=received_at, hold_s=hold_s, reason=None)


def keep_refused(tx: Transaction, *, source: str, kind: str, key: str, size: int, about: str = "", subject: str = "") -> Kept:
    """Of what we asked for and could not keep whole: that it came, and how large it was, as rejected. There is no sender to tell."""
    row = {"source": source, "kind": kind, "key": key, "about": about, "subject": subject}
    reason = Reason(code=TOO_LARGE, found=str(size), parameters={"most": MOST_BYTES})
    return _kept(tx, {name: value[: _LONGEST[name]] for name, value in row.items()}, payload=None, size=size, reason=reason)


def _kept(
    tx: Transaction,
    row: Mapping[str, str],
    *,
    payload: bytes | None,
    size: int,
    reason: Reason | None,
    received_at: datetime | None = None,
    hold_s: float = 0.0,
) -> Kept:
    values: dict[str, Any] = {
        **storable(row),
        "facility": tx.facility,
        "payload": payload,
        "payload_bytes": size,
        "received_at": received_at or tx.at,
        "repeats": 0,
        "state": WAITING if reason is None else REJECTED,
        "attempts": 0,
        "accepted": False,
        "next_attempt_at": tx.at,
        "claimed_until": tx.at + timedelta(seconds=hold_s) if hold_s else None,
        "settled_at": None if reason is None else tx.at,
        **_said(reason),
    }
    same = (Row.facility == tx.facility, Row.source == values["source"], Row.key == values["key"])
    new = tx.session.scalar(insertion(tx, Row).values(**values).on_conflict_do_nothing().returning(Row.id))
    if new is not None:
        return Kept(item=new, is_new=True, state=values["state"])
    tx.session.execute(update(Row).where(*same).values(repeats=Row.repeats + 1))
    known = tx.session.execute(select(Row.id, Row.state).where(*same)).one()
    return Kept(item=known.id, is_new=False, state=known.state)


def known(tx: Transaction, source: str, keys: list[str]) -> frozenset[str]:
    """Those of the keys that are here already: nothing is changed."""
    found: set[str] = set()
    for start in range(0, len(keys), 500):
        wanted = keys[start : start + 500]
        found |= set(tx.session.scalars(select(Row.key).where(Row.facility == tx.facility, Row.source == source, Row.key.in_(wanted))))
    return frozenset(found)


def claim(tx: Transaction, source: str, *, limit: int, lease_s: float, kinds: tuple[str, ...] = ()) -> tuple[Item, ...]:
    """Takes up to `limit` waiting items that are due, for `lease_s` seconds, with their payloads: what was never tried first, so that a
    stop queues behind nothing that waits for somebody, then the oldest. Two workers never hold the same one. `kinds`: only of these.
    Each is then settled in a transaction of its own."""
    query = (
        select(Row)
        .where(
            Row.facility == tx.facility,
            Row.source == source,
            Row.state == WAITING,
            Row.next_attempt_at <= tx.at,
            or_(Row.claimed_until.is_(None), Row.claimed_until <= tx.at),
        )
        .order_by(Row.attempts > 0, Row.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if kinds:
        query = query.where(Row.kind.in_(kinds))
    rows = tx.session.scalars(query).all()
    for row in rows:
        row.claimed_until = tx.at + timedelta(seconds=lease_s)
    return tuple(_item(row) for row in rows)


def take(tx: Transaction, item: int, *, became: str, patient: str | None = None, reason: Reason | None = None) -> None:
    """It is written, in this transaction; `became` names what it is here ("order/17/3"). Older versions of the same thing that waited
    or were rejected are set aside with it. `reason` says what is worth knowing all the same.

    Raises: NotFoundError, ConflictError when somebody settled it meanwhile: what was written for it must not stay."""
    row = _row(tx, item)
    if row.state != WAITING:
        raise ConflictError(f"item {item} is {row.state} by now", remedy="nothing: somebody was faster")
    row.state, row.became, row.settled_at = TAKEN, _short(became, 300), tx.at
    row.patient = patient or row.patient
    _settled(row, reason)
    supersede(tx, row.source, row.about, before=row.id)


def wait(tx: Transaction, item: int, reason: Reason, *, again_at: datetime) -> None:
    """It cannot be taken yet, and will be tried again then, or when `wake` says so. What was settled meanwhile stays settled."""
    row = _row(tx, item)
    if row.state == WAITING:
        row.next_attempt_at = again_at
        _settled(row, reason)


def reject(tx: Transaction, item: int, reason: Reason, *, patient: str | None = None) -> bool:
    """A person must look. False: it was settled meanwhile, and stays as it is."""
    row = _row(tx, item)
    if row.state != WAITING:
        return False
    row.state, row.settled_at = REJECTED, tx.at
    row.patient = patient or row.patient
    _settled(row, reason)
    return True


def pass_over(tx: Transaction, item: int, reason: Reason) -> None:
    """The program sets it aside: there is nothing in it that is taken here, or a newer version was before it."""
    row = _row(tx, item)
    if row.state in (WAITING, REJECTED):
        row.state, row.settled_at = SET_ASIDE, tx.at
        _settled(row, reason)


def supersede(tx: Transaction, source: str, about: str, *, before: int) -> int:
    """Items about the same thing, older than item `before`, that still wait for somebody are set aside; how many."""
    if not about:
        return 0
    return tx.changed(
        update(Row)
        .where(Row.facility == tx.facility, Row.source == source, Row.about == about, Row.id < before, Row.state.in_((WAITING, REJECTED)))
        .values(state=SET_ASIDE, settled_at=tx.at, claimed_until=None, **_said(Reason(code=NEWER)))
    )


def wake(tx: Transaction, source: str, subject: str) -> int:
    """What waits for this patient, or was put away because nobody came, is tried again now: the patient came. How many."""
    if not subject:
        return 0
    waiting = tx.changed(
        update(Row)
        .where(Row.facility == tx.facility, Row.source == source, Row.subject == subject, Row.state == WAITING)
        .values(next_attempt_at=tx.at)
    )
    return waiting + recall(tx, source, subject)


def give_up(tx: Transaction, source: str, awaited: str, *, before: datetime) -> int:
    """What came before then and still waits for its patient, which is the reason `awaited`, is set aside: it would be tried for ever. Not
    where somebody with this id or number is here. How many."""
    return tx.changed(
        update(Row)
        .where(Row.facility == tx.facility, Row.source == source, Row.state == WAITING, Row.reason == awaited)
        .where(Row.received_at < before, Row.subject.not_in(_admitted(tx)))
        .values(state=SET_ASIDE, settled_at=tx.at, claimed_until=None, reason=NOBODY_CAME)
        .execution_options(synchronize_session=False)
    )


def recall(tx: Transaction, source: str, subject: str | None = None) -> int:
    """What `give_up` set aside waits again: of this patient, or of everybody who is admitted here under the sender's id or number. How
    many."""
    return tx.changed(
        update(Row)
        .where(Row.facility == tx.facility, Row.source == source, Row.state == SET_ASIDE, Row.reason == NOBODY_CAME)
        .where(Row.payload.is_not(None), Row.subject.in_(_admitted(tx)) if subject is None else Row.subject == subject)
        .values(state=WAITING, settled_at=None, next_attempt_at=tx.at, claimed_until=None, **_said(None))
        .execution_options(synchronize_session=False)
    )


def _admitted(tx: Transaction) -> CompoundSelect[tuple[str]]:
    """The ids and the numbers of those who are admitted here."""
    here = (PatientRow.facility == tx.facility, PatientRow.status == PatientStatus.ADMITTED.value)
    return union_all(select(PatientRow.id).where(*here), select(PatientRow.mrn).where(*here, PatientRow.mrn.is_not(None)))


def requeue(tx: Transaction, item: int, *, accepted: bool = False, comment: str | None = None) -> None:
    """A person has it tried again; `accepted`: what kept it is right as it is, and the person says why in `comment`.

    Raises: NotFoundError, ConflictError when it is taken or waits anyway, or was never kept whole."""
    row = _row(tx, item)
    if row.state not in (REJECTED, SET_ASIDE) or row.payload is None:
        raise ConflictError(f"item {item} is {row.state} and cannot be tried again", remedy="look again: somebody may have been faster")
    row.state, row.settled_at, row.next_attempt_at, row.claimed_until = WAITING, None, tx.at, None
    row.decided_by, row.decided_at, row.accepted = tx.actor.id, tx.at, accepted
    row.comment = row.comment if comment is None else text(comment)


def set_aside(tx: Transaction, item: int, comment: str) -> None:
    """A person says that it shall not be taken, and why. Raises: NotFoundError, ConflictError when it is not rejected and does not wait."""
    row = _row(tx, item)
    if row.state not in (REJECTED, WAITING):
        raise ConflictError(f"item {item} is {row.state}", remedy="look again: somebody may have been faster")
    row.state, row.settled_at, row.comment = SET_ASIDE, tx.at, text(comment)
    row.decided_by, row.decided_at = tx.actor.id, tx.at


def get(tx: Transaction, item: int) -> Item:
    """With its payload. Raises: NotFoundError."""
    return _item(_row(tx, item))


def of_thing(tx: Transaction, source: str, about: str, *, limit: int = 200) -> tuple[Item, ...]:
    """Every item about this thing, newest first, without payloads."""
    columns = [column for column in Row.__table__.columns if column.name != "payload"]
    query = select(*columns).where(Row.facility == tx.facility, Row.source == source, Row.about == about)
    return tuple(_item(row, payload=None) for row in tx.session.execute(query.order_by(Row.id.desc()).limit(limit)))


def here(tx: Transaction, source: str) -> dict[str, str]:
    """Patient -> his id in the sender's words, of those who are admitted here and whose stay the sender told."""
    admitted = (PatientRow.facility == Row.facility) & (PatientRow.id == Row.patient)
    query = (
        select(Row.patient, Row.subject)
        .join(PatientRow, admitted)
        .where(Row.facility == tx.facility, PatientRow.status == PatientStatus.ADMITTED.value)
        .where(Row.source == source, Row.kind == "Encounter", Row.state == TAKEN)
        .distinct()
    )
    return {str(patient): subject for patient, subject in tx.session.execute(query)}


def newest_taken(tx: Transaction, source: str, about: str) -> Item | None:
    """The newest item about this thing that was taken."""
    row = tx.session.scalar(
        select(Row)
        .where(Row.facility == tx.facility, Row.source == source, Row.about == about, Row.state == TAKEN)
        .order_by(Row.id.desc())
        .limit(1)
    )
    return None if row is None else _item(row)


def listed(
    tx: Transaction, *, state: str | None = None, source: str | None = None, before: int | None = None, limit: int = 50
) -> tuple[Item, ...]:
    """A page, newest first, without payloads; `before` is the last id of the page above."""
    columns = [column for column in Row.__table__.columns if column.name != "payload"]
    query = select(*columns).where(Row.facility == tx.facility)
    if state is not None:
        query = query.where(Row.state == state)
    if source is not None:
        query = query.where(Row.source == source)
    if before is not None:
        query = query.where(Row.id < before)
    return tuple(_item(row, payload=None) for row in tx.session.execute(query.order_by(Row.id.desc()).limit(limit)))


def counts(tx: Transaction, *, source: str | None = None) -> Counts:
    """Of those that wait for somebody; taken ones and those set aside are not counted, for they are many."""
    open_ones = and_(Row.facility == tx.facility, Row.state.in_((WAITING, REJECTED)))
    query = select(Row.state, func.count(), func.min(Row.received_at)).where(open_ones)
    if source is not None:
        query = query.where(Row.source == source)
    rows = tx.session.execute(query.group_by(Row.state)).all()
    number = {state: count for state, count, _ in rows}
    oldest = {state: first for state, _, first in rows}
    return Counts(
        by_state={state: number.get(state, 0) for state in (REJECTED, WAITING)},
        oldest_waiting_at=oldest.get(WAITING),
        oldest_rejected_at=oldest.get(REJECTED),
    )


def prune(tx: Transaction, *, before: datetime, limit: int = 1000) -> int:
    """Forgets items that were taken or set aside before then, so many at most; how many. Those that wait for anybody stay. The newest
    item of each thing stays known without its bytes, so that what comes again after years is not taken again; not of one whose patient
    never came, which is read anew with the patient."""
    newer = aliased(Row)
    is_newest = and_(
        Row.about != "",
        or_(Row.reason.is_(None), Row.reason != NOBODY_CAME),
        ~select(newer.id)
        .where(newer.facility == Row.facility, newer.source == Row.source, newer.about == Row.about, newer.id > Row.id)
        .exists(),
    )
    old = (
        select(Row.id, is_newest.label("is_newest"))
        .where(Row.facility == tx.facility, Row.state.in_((TAKEN, SET_ASIDE)), Row.settled_at < before)
        .where(or_(Row.payload.is_not(None), ~is_newest))
        .order_by(Row.settled_at)
        .limit(limit)
    )
    found = tx.session.execute(old).all()
    emptied, dropped = ([row.id for row in found if row.is_newest is wanted] for wanted in (True, False))
    if emptied:
        tx.session.execute(update(Row).where(Row.id.in_(emptied)).values(payload=None))
    if dropped:
        tx.session.execute(delete(Row).where(Row.id.in_(dropped)))
    return len(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """How far a part of a source has been read. `mark_at` is by the other system's clock. `fault` None: the newest look went well."""

    source: str
    part: str
    mark_at: datetime | None = None
    looked_at: datetime | None = None
    succeeded_at: datetime | None = None
    fault: str | None = None
    told: str | None = None


def feeds(tx: Transaction, source: str | None = None) -> tuple[Feed, ...]:
    query = select(FeedRow).where(FeedRow.facility == tx.facility)
    if source is not None:
        query = query.where(FeedRow.source == source)
    return tuple(_feed(row) for row in tx.session.scalars(query.order_by(FeedRow.source, FeedRow.part)))


def feed(tx: Transaction, source: str, part: str) -> Feed | None:
    row = tx.session.get(FeedRow, (tx.facility, source, part))
    return None if row is None else _feed(row)


def looked(
    tx: Transaction, source: str, part: str, *, mark_at: datetime | None = None, fault: str | None = None, told: str | None = None
) -> None:
    """Says that this part was looked at now: with what fault, or how far it was read."""
    row = tx.session.get(FeedRow, (tx.facility, source, part))
    if row is None:
        row = FeedRow(facility=tx.facility, source=source, part=part)
        tx.session.add(row)
    row.looked_at = tx.at
    row.fault, row.told = fault, None if told is None else text(told)[:500]
    if fault is None:
        row.succeeded_at = tx.at
        row.mark_at = mark_at or row.mark_at


def _feed(row: FeedRow) -> Feed:
    return Feed(**{name: getattr(row, name) for name in Feed.__slots__})


def _row(tx: Transaction, item: int) -> Row:
    row = tx.session.scalar(select(Row).where(Row.facility == tx.facility, Row.id == item).with_for_update())
    if row is None:
        raise NotFoundError(f"item {item} does not exist", remedy="look at the list again", item=item)
    return row


def _settled(row: Row, reason: Reason | None) -> None:
    row.attempts += 1
    row.claimed_until = None
    for name, value in _said(reason).items():
        setattr(row, name, value)


def _said(reason: Reason | None) -> dict[str, Any]:
    if reason is None:
        return {"reason": None, "field": None, "found": None, "parameters": None}
    parameters = {name: text(value) if isinstance(value, str) else value for name, value in reason.parameters.items()}
    return {
        "reason": reason.code,
        "field": _short(reason.field, 200),
        "found": _short(reason.found, 500),
        "parameters": {name: value if isinstance(value, str | int | float | bool) else str(value) for name, value in parameters.items()},
    }


def _short(value: str, most: int) -> str:
    return str(text(value))[:most]


def _item(row: Any, **given: Any) -> Item:
    reason = None
    if row.reason is not None:
        reason = Reason(code=row.reason, field=row.field or "", found=row.found or "", parameters=row.parameters or {})
    names = [name for name in Item.__slots__ if name != "reason" and name not in given]
    return Item(**{name: getattr(row, name) for name in names}, **given, reason=reason)
