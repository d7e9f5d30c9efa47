"""The upkeep that carts need from people: work with a day by which it is due, done once, coming back where it must; and asset facts.

What is done twice is done once: the second time changes nothing. Problems of a form are (field, text code), so that a page says them
in the reader's language.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from pointofcare.errors import MessageError, NotFoundError
from pointofcare.people import StaffRole
from pointofcare.wire import routes
from server.store import fleet_care
from server.store.fleet_care import DONE, DROPPED, Asset
from server.store.transaction import Actor, Transaction
from server.usecases.permission import require

KINDS = ("battery", "cleaning", "inspection", "calibration", "other")
# Days; what a form offers. Anything from 1 to `MOST_DAYS` is taken.
RECURRENCES = (7, 30, 90, 180, 365, 730)
MOST_DAYS = 3660
FARTHEST = timedelta(days=20 * 366)
LONGEST_NOTE = 500
MOST_IMPORTED = 5000
MOST_IMPORT_BYTES = 2_000_000
ASSET_FIELDS = ("tag", "serial", "model", "purchased_on", "warranty_until", "ward_home", "note")
_LENGTHS = {"tag": 64, "serial": 64, "model": 120, "ward_home": 64, "note": LONGEST_NOTE}
_MAY = (StaffRole.FLEET_MANAGER, StaffRole.ADMINISTRATOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Of a file: `line` counts from 1, the head is 1; `code` is a text code."""

    line: int
    field: str
    code: str


def plan(tx: Transaction, actor: Actor, *, cart: str, kind: str, due_on: str, every_days: str = "", note: str = "") -> int:
    """Raises: NotPermittedError, NotFoundError, MessageError."""
    require(tx, actor, *_MAY)
    problems: list[tuple[str, str]] = []
    due, every = _day(due_on), _days(every_days)
    if kind not in KINDS:
        problems.append(("kind", "care-fault-kind"))
    if due is None or not -FARTHEST <= due - tx.at.date() <= FARTHEST:
        problems.append(("due_on", "care-fault-day"))
    if every_days.strip() and every is None:
        problems.append(("every_days", "care-fault-days"))
    if not fleet_care.known(tx, (cart,)):
        problems.append(("cart", "care-fault-cart"))
    if problems or due is None:
        raise MessageError("this is no piece of work", problems=tuple(problems))
    made = fleet_care.add(tx, cart=cart, kind=kind, due_on=due, every_days=every, note=_note(note))
    assert made is not None
    tx.audit("cart-care.plan", f"cart/{cart}", {"care": made, "kind": kind, "due_on": due.isoformat(), "every_days": every})
    return made


def done(tx: Transaction, actor: Actor, care: int, *, on: str, note: str = "") -> int | None:
    """It was done on the day `on`; the next one that comes of it, None where it does not come back or was done before.

    Raises: NotPermittedError, NotFoundError, MessageError."""
    require(tx, actor, *_MAY)
    found = _open(tx, care)
    day = _day(on)
    if day is None or day > tx.at.date() + timedelta(days=1) or tx.at.date() - day > FARTHEST:
        raise MessageError("this is no day on which it can have been done", problems=(("on", "care-fault-done"),))
    if not fleet_care.end(tx, care, outcome=DONE, done_on=day, note=_note(note)):
        return None
    tx.audit("cart-care.done", f"cart/{found.cart}", {"care": care, "kind": found.kind, "on": day.isoformat()})
    if found.every_days is None:
        return None
    due = day + timedelta(days=found.every_days)
    return fleet_care.add(tx, cart=found.cart, kind=found.kind, due_on=due, every_days=found.every_days, note=found.note, follows=care)


def drop(tx: Transaction, actor: Actor, care: int, *, why: str) -> None:
    """It is not going to be done, and does not come back. Raises: NotPermittedError, NotFoundError, MessageError (no reason)."""
    require(tx, actor, *_MAY)
    found = _open(tx, care)
    if not why.strip():
        raise MessageError("why it is dropped must be said", problems=(("why", "care-fault-why"),))
    if fleet_care.end(tx, care, outcome=DROPPED, done_on=None, note=_note(why)):
        tx.audit("cart-care.drop", f"cart/{found.cart}", {"care": care, "kind": found.kind, "why": _note(why)})


def set_asset(tx: Transaction, actor: Actor, cart: str, fields: Mapping[str, str]) -> None:
    """Raises: NotPermittedError, MessageError."""
    require(tx, actor, *_MAY)
    if not fleet_care.known(tx, (cart,)):
        raise NotFoundError(f"cart {cart!r} is not known", cart=cart)
    made, problems = _asset(cart, fields)
    if made.tag and made.tag in fleet_care.tags_elsewhere(tx, (made.tag,), but=(cart,)):
        problems.append(("tag", "care-fault-tag-taken"))
    if problems:
        raise MessageError("these are no asset facts", problems=tuple(problems))
    before = fleet_care.asset(tx, cart)
    if before is not None and replace(before, changed_at=None, changed_by="") == made:
        return
    fleet_care.put_asset(tx, made)
    changed = [name for name in ASSET_FIELDS if before is None or getattr(before, name) != getattr(made, name)]
    tx.audit("cart-asset.set", f"cart/{cart}", {"fields": changed})


def import_assets(tx: Transaction, actor: Actor, content: bytes) -> tuple[int, tuple[Problem, ...]]:
    """(how many were written, every problem): all or none. The file is CSV with a head of `cart` and any of `ASSET_FIELDS`; a column that
    is not there changes nothing. A cart that never connected may be in it. Raises: NotPermittedError, MessageError (no such file)."""
    require(tx, actor, *_MAY)
    rows = _rows(content)
    problems: list[Problem] = []
    known = fleet_care.assets(tx, {(row.get("cart") or "").strip() for _, row in rows})
    made: dict[str, Asset] = {}
    tags: dict[str, str] = {}
    for line, row in rows:
        cart = (row.get("cart") or "").strip()
        if not routes.is_level(cart):
            problems.append(Problem(line=line, field="cart", code="care-fault-cart-name"))
            continue
        if cart in made:
            problems.append(Problem(line=line, field="cart", code="care-fault-twice"))
            continue
        before = known.get(cart)
        kept = {name: _cell(getattr(before, name)) for name in ASSET_FIELDS} if before else {}
        told = {name: (row.get(name) or "").strip() for name in ASSET_FIELDS if name in row}
        made[cart], faults = _asset(cart, kept | told)
        problems += [Problem(line=line, field=field, code=code) for field, code in faults]
        tag = made[cart].tag
        if tag and tags.setdefault(tag, cart) != cart:
            problems.append(Problem(line=line, field="tag", code="care-fault-tag-taken"))
    for tag in fleet_care.tags_elsewhere(tx, tags, but=made) if tags else ():
        line = next((line for line, row in rows if (row.get("tag") or "").strip() == tag), 1)
        problems.append(Problem(line=line, field="tag", code="care-fault-tag-taken"))
    if problems:
        return 0, tuple(sorted(problems, key=lambda one: one.line))
    for asset in made.values():
        fleet_care.put_asset(tx, asset)
    tx.audit("cart-asset.import", "list/cart-assets", {"count": len(made)})
    return len(made), ()


def _rows(content: bytes) -> list[tuple[int, dict[str, str]]]:
    if len(content) > MOST_IMPORT_BYTES:
        raise MessageError("the file is too large", problems=(("file", "care-fault-file-large"),))
    try:
        text = content.decode("utf-8-sig")
        head, _, _ = text.partition("\n")
        reader = csv.DictReader(io.StringIO(text), delimiter=";" if head.count(";") > head.count(",") else ",", strict=True)
        names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        rows = [(reader.line_num, {k: v for k, v in row.items() if isinstance(k, str) and isinstance(v, str | None)}) for row in reader]
    except (UnicodeDecodeError, csv.Error) as exc:
        raise MessageError("the file is no CSV in UTF-8", problems=(("file", "care-fault-file"),)) from exc
    if "cart" not in names or len(set(names)) != len(names):
        raise MessageError("the file has no column cart", problems=(("file", "care-fault-file-head"),))
    if len(rows) > MOST_IMPORTED:
        raise MessageError("the file has too many lines", problems=(("file", "care-fault-file-large"),))
    return [(line, {k: v or "" for k, v in row.items()}) for line, row in rows]


def _asset(cart: str, fields: Mapping[str, str]) -> tuple[Asset, list[tuple[str, str]]]:
    problems = []
    texts: dict[str, Any] = {}
    for name, most in _LENGTHS.items():
        texts[name] = " ".join(fields.get(name, "").replace("\x00", "").split())
        if len(texts[name]) > most:
            problems.append((name, "care-fault-long"))
    days: dict[str, Any] = {}
    for name in ("purchased_on", "warranty_until"):
        days[name] = _day(fields.get(name, ""))
        if fields.get(name, "").strip() and days[name] is None:
            problems.append((name, "care-fault-day"))
    return Asset(cart=cart, **texts, **days), problems


def _open(tx: Transaction, care: int) -> fleet_care.Care:
    found = fleet_care.get(tx, care)
    if found is None:
        raise NotFoundError(f"piece of work {care} is not known")
    return found


def _day(written: str) -> date | None:
    try:
        found = date.fromisoformat(written.strip())
    except ValueError:
        return None
    return found if found.year >= 1990 else None


def _days(written: str) -> int | None:
    told = written.strip()
    number = int(told) if told.isascii() and told.isdigit() and len(told) < 5 else 0
    return number if 1 <= number <= MOST_DAYS else None


def _note(text: str) -> str:
    return " ".join(text.replace("\x00", "").split())[:LONGEST_NOTE]


def _cell(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value or "")
