"""Gaps in what a cart sent: each of its records has a number, so that one that never came is seen though nobody misses it.

A gap of a cart that is there is asked for again, and is a person's task when it stays. A journal that another one replaced is a
person's task at once: what it recorded after its last word is not known. Must never lose, change or refuse a record, and costs the
recording of a dose nothing: what is here is read afterwards from the records' own rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from pointofcare.wire import routes
from pointofcare.wire.messages import CartPhase
from server.store import sequences, tasks
from server.store.sequences import Range, SequenceLine, Speaking
from server.store.tasks import NewTask, Task
from server.store.transaction import Transaction
from server.store.views_fleet import ONLINE_PHASES, SILENT_AFTER
from server.usecases.task_kinds import RECORD_GAP, RECORDS_LOST

# A cart that drains its queue closes its gaps by itself; one that does not is asked.
ASKED_AFTER = timedelta(seconds=30)
RAISED_AFTER = timedelta(minutes=10)
# So many ranges are kept and asked for of one journal; the rest comes when these are closed.
MOST_RANGES = 20
# So far back numbers that were drawn twice are looked for: a copy of a journal that is older than that is seen by its newer ones.
LOOKED_BACK = 2000
# What a cart may say at most; more than that is no number of a record.
MOST_SEQ = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Ask this connection of a cart for the records of these numbers."""

    cart: str
    sid: str
    epoch: str
    ranges: tuple[Range, ...]


class Standing(StrEnum):
    COMPLETE = "complete"
    AWAITED = "awaited"
    LOST = "lost"
    EXPLAINED = "explained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """One journal of a cart as people see it; `task` is the open or answered one about its loss."""

    line: SequenceLine
    standing: Standing
    task: Task | None = None

    @property
    def is_settled(self) -> bool:
        """Nothing that a person must know of."""
        return self.standing in (Standing.COMPLETE, Standing.EXPLAINED)


def journals(tx: Transaction, cart: str | None = None) -> dict[str, tuple[Journal, ...]]:
    """Cart -> its journals, the newest first."""
    return _standings(tx, sequences.lines(tx, cart))


def unsettled(tx: Transaction) -> dict[str, tuple[Journal, ...]]:
    """Cart -> those of its journals that a person must know of; carts without any stay away. Two statements for the whole fleet."""
    found = _standings(tx, sequences.doubtful(tx))
    open_ = {cart: tuple(each for each in listed if not each.is_settled) for cart, listed in found.items()}
    return {cart: listed for cart, listed in open_.items() if listed}


def _standings(tx: Transaction, lines: Sequence[SequenceLine]) -> dict[str, tuple[Journal, ...]]:
    lost = tasks.by_key(tx, RECORDS_LOST, [_key(each.cart, each.epoch) for each in lines if each.replaced_at is not None])
    found: dict[str, list[Journal]] = {}
    for each in lines:
        task = lost.get(_key(each.cart, each.epoch)) if each.replaced_at is not None else None
        if each.replaced_at is not None:
            standing = Standing.EXPLAINED if task is not None and task.status == tasks.COMPLETED else Standing.LOST
        else:
            standing = Standing.AWAITED if each.missing else Standing.COMPLETE
        found.setdefault(each.cart, []).append(Journal(line=each, standing=standing, task=task))
    return {each: tuple(listed) for each, listed in found.items()}


def gaps(upto: int, received: Iterable[int], last: int) -> tuple[int, int, tuple[Range, ...]]:
    """From the numbers that are here above `upto`, ascending: up to where nothing is missing now, the highest, and what is missing up
    to the highest or to `last`, the lowest ranges first."""
    missing: list[Range] = []
    reached = upto
    contiguous = upto
    for seq in received:
        if seq <= reached:
            continue
        if seq > reached + 1:
            missing.append((reached + 1, seq - 1))
        elif not missing:
            contiguous = seq
        reached = seq
    if last > reached:
        missing.append((reached + 1, last))
    return contiguous, reached, tuple(missing)


def can_be_followed(cart: str, epoch: str) -> bool:
    """Whether these are names that a program of ours draws: others are no keys of a table, and would fail at every look."""
    return routes.is_level(cart) and routes.is_level(epoch)


def heard(tx: Transaction, cart: str, epoch: str, last_seq: int, *, fresh: bool) -> None:
    """What a cart says of its journal; `fresh`: it came with it just now."""
    seq = min(max(last_seq, 0), MOST_SEQ)
    if not fresh:
        sequences.told(tx, cart, epoch, seq)
        return
    for replaced in sequences.begun(tx, cart, epoch, seq):
        follow(tx, ((cart, replaced),))
    back = tasks.find(tx, RECORDS_LOST, _key(cart, epoch))
    if back is not None and back.is_open:
        tasks.cancel(tx, (back.id,), why="journal-back")


def follow(tx: Transaction, of: Collection[tuple[str, str]]) -> tuple[Wanted, ...]:
    """Look at these (cart, epoch) anew: keep what is missing, raise and close tasks. What to ask the carts for."""
    carts = sequences.speaking(tx, {cart for cart, _ in of})
    wanted: list[Wanted] = []
    for cart, epoch in sorted(set(of)):
        before = sequences.line(tx, cart, epoch)
        received = sequences.received(tx, cart, epoch, above=before.upto)
        upto, highest, missing = gaps(before.upto, received, before.told)
        highest, missing = max(highest, before.highest), missing[:MOST_RANGES]
        speaks = carts.get(cart)
        since = _since(before, missing, there=speaks is not None and is_there(speaks, tx.at), now=tx.at)
        if (upto, highest, missing, since) != (before.upto, before.highest, before.missing, before.since):
            sequences.put(tx, cart, epoch, upto=upto, highest=highest, missing=missing, since=since)
        ward = speaks.ward if speaks is not None else ""
        _put_back(tx, cart, epoch, sequences.used_again(tx, cart, epoch, above=highest - LOOKED_BACK), ward)
        if before.replaced_at is not None:
            _lost(tx, before, missing, ward)
            continue
        waited = tx.at - since if since is not None else timedelta(0)
        _closed(tx, before, missing)
        if missing and waited >= RAISED_AFTER:
            _raised(tx, cart, epoch, missing, ward)
        if missing and waited >= ASKED_AFTER and speaks is not None and speaks.sid:
            wanted.append(Wanted(cart=cart, sid=speaks.sid, epoch=epoch, ranges=missing))
    return tuple(wanted)


def is_there(cart: Speaking, now: datetime) -> bool:
    live = cart.phase in ONLINE_PHASES and cart.phase != CartPhase.INIT.value
    return live and cart.last_seen_at is not None and now - cart.last_seen_at <= SILENT_AFTER


def _since(before: SequenceLine, missing: Sequence[Range], *, there: bool, now: datetime) -> datetime | None:
    """Since when the first missing one is awaited from a cart that is there; what comes nearer begins to wait anew."""
    if not missing or not there or before.replaced_at is not None:
        return None
    same = before.missing and before.missing[0][0] == missing[0][0]
    return before.since if same and before.since is not None else now


def _key(cart: str, epoch: str, first: int | None = None) -> str:
    text = f"{cart}:{epoch}" if first is None else f"{cart}:{epoch}:{first}"
    return text if len(text) <= 100 else sha256(text.encode()).hexdigest()


def _raised(tx: Transaction, cart: str, epoch: str, missing: Sequence[Range], ward: str) -> None:
    known = tasks.by_key(tx, RECORD_GAP, [_key(cart, epoch, first) for first, _ in missing])
    for first, last in missing:
        key = _key(cart, epoch, first)
        task = known.get(key)
        detail = {"cart": cart, "epoch": epoch, "first": first, "last": last, "count": last - first + 1}
        if task is None or task.status == tasks.CANCELLED:
            tasks.put(tx, NewTask(kind=RECORD_GAP, key=key, ward=ward, detail=detail), reopen=True)
        elif task.is_open and task.detail.get("last") != last:
            tasks.note(tx, task.id, step="recounted", detail=detail)


def _closed(tx: Transaction, before: SequenceLine, missing: Sequence[Range]) -> None:
    gone = {first for first, _ in before.missing} - {first for first, _ in missing}
    known = tasks.by_key(tx, RECORD_GAP, [_key(before.cart, before.epoch, first) for first in gone])
    filled = [task.id for task in known.values() if task.is_open]
    if filled:
        tasks.cancel(tx, filled, why="filled")


def _put_back(tx: Transaction, cart: str, epoch: str, again: Sequence[int], ward: str) -> None:
    """Numbers that were drawn twice: an older copy of the journal took its place. All that came is kept; what the copy lacked and had
    not come is not known, as with a new journal. A person's task, and again when it goes on after it was answered."""
    if not again:
        return
    key = sha256(f"{cart}:{epoch}:again".encode()).hexdigest()
    task = tasks.find(tx, RECORDS_LOST, key)
    known = task.detail.get("again") if task is not None else None
    upto = known if isinstance(known, int) else 0
    if task is not None and again[-1] <= upto:
        return
    after = task.detail.get("after") if task is not None and task.is_open else max(again[0] - 1, 0)
    detail: dict[str, object] = {"cart": cart, "epoch": epoch, "ranges": [], "count": 0, "after": after, "again": again[-1]}
    if task is not None and task.is_open:
        tasks.note(tx, task.id, step="recounted", detail=detail)
    else:
        tasks.put(tx, NewTask(kind=RECORDS_LOST, key=key, ward=ward, detail=detail), reopen=True)


def _lost(tx: Transaction, before: SequenceLine, missing: Sequence[Range], ward: str) -> None:
    """`after` is the last number that the journal was known to have drawn: what came after it nobody knows."""
    _closed(tx, before, ())
    ranges = [list(each) for each in missing]
    count = sum(last - first + 1 for first, last in missing)
    detail = {"cart": before.cart, "epoch": before.epoch, "ranges": ranges, "count": count, "after": before.last}
    key = _key(before.cart, before.epoch)
    task = tasks.find(tx, RECORDS_LOST, key)
    if task is None or task.status == tasks.CANCELLED:
        tasks.put(tx, NewTask(kind=RECORDS_LOST, key=key, ward=ward, detail=detail), reopen=True)
    elif task.is_open and dict(task.detail) != detail:
        tasks.note(tx, task.id, step="recounted", detail=detail)
