"""How long records are kept: what would go today, erasing it in small steps, and holding it back for a court or an inquiry.

What goes are records of machines alone. Of patients' records it says how many are past the shortest time that the law names, and erases
none: which kind a record is, and whether it may go, people decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from pointofcare.errors import ConflictError, NotFoundError, UnreadableError
from pointofcare.vietnam import retention as law
from server.store import patients, record_kinds, staff
from server.store import retention as store
from server.store.record_kinds import RecordKind, Then
from server.store.transaction import Actor, Transaction, transaction

HOLD_KINDS = (store.SITE, store.CART, store.PATIENT)
MOST_BATCHES = 200
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Of `table`, `rows` written before `before` would go."""

    table: str
    kind: str
    before: datetime
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    lines: tuple[Line, ...]
    patients_past: int
    patients_before: datetime
    holds: tuple[store.Hold, ...]


def years(kind: RecordKind, today: date) -> int | None:
    """As the law of that day says; None where it says nothing, 0 for ever."""
    return None if kind.law is None else law.kept(kind.law, today, today=today).years


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One kind of record as a person is told of it: `years` as in `years`."""

    kind: RecordKind
    years: int | None
    tables: tuple[str, ...]


def stored(today: date) -> tuple[Stored, ...]:
    return tuple(
        Stored(kind=kind, years=years(kind, today), tables=record_kinds.tables_of(kind.code)) for kind in record_kinds.KINDS.values()
    )


def before(kind: RecordKind, today: date, zone: ZoneInfo) -> datetime:
    """What was closed before that moment has been kept until 31 December of its year and so many years. Raises: NotFoundError where
    nothing says for how long, or it is for ever."""
    found = years(kind, today)
    if not found:
        raise NotFoundError(f"records of the kind {kind.code} have no end", kind=kind.code)
    return datetime(today.year - found, 1, 1, tzinfo=zone)


def plan(tx: Transaction, *, today: date, zone: ZoneInfo) -> Plan:
    lines = []
    for table in store.PRUNED:
        kind = _erasable(table)
        old = before(kind, today, zone)
        lines.append(Line(table=table, kind=kind.code, before=old, rows=store.count(tx, table, before=old)))
    shortest = before(record_kinds.KINDS["patient-record"], today, zone)
    standing = tuple(one for one in store.holds(tx) if one.ended_at is None)
    return Plan(lines=tuple(lines), patients_past=store.stays_over(tx, before=shortest), patients_before=shortest, holds=standing)


def run(actor: Actor, *, today: date, zone: ZoneInfo, batches: int = MOST_BATCHES) -> Iterator[tuple[str, int]]:
    """(table, rows) of each step, which is a transaction of its own with its audit row: broken off, nothing is half done, and the next
    run goes on. At most `batches` steps."""
    left = batches
    for table in store.PRUNED:
        old = before(_erasable(table), today, zone)
        while left > 0:
            left -= 1
            with transaction(actor) as tx:
                gone = store.erase(tx, table, before=old)
                if gone:
                    tx.audit("retention.erase", f"table/{table}", {"rows": gone, "before": old.isoformat()})
            if gone:
                yield table, gone
            if gone < store.BATCH:
                break


def place_hold(tx: Transaction, *, kind: str, subject: str, reason: str, by: str) -> int:
    """Raises: UnreadableError, NotFoundError."""
    if kind not in HOLD_KINDS:
        raise UnreadableError("what is held?", remedy=f"one of {', '.join(HOLD_KINDS)}", field="kind")
    if bool(subject) == (kind == store.SITE):
        raise UnreadableError("a cart or a patient has an id, the site has none", remedy="name exactly that", field="subject")
    if kind == store.PATIENT:
        patients.get(tx, subject)
    if kind == store.CART and not store.has_cart(tx, subject):  # a hold with a slip in its name would hold nothing
        raise NotFoundError(f"there is no cart {subject}", cart=subject)
    _answers(tx, by)
    number = store.hold(tx, kind=kind, subject=subject, reason=_reason(reason))
    tx.audit("retention.hold", f"legal-hold/{number}", {"kind": kind, "of": subject, "by": by, "reason": _reason(reason)})
    return number


def end_hold(tx: Transaction, number: int, *, reason: str, by: str) -> None:
    """Raises: ConflictError, UnreadableError, NotFoundError."""
    _answers(tx, by)
    if not store.end_hold(tx, number, reason=_reason(reason)):
        raise ConflictError(f"no hold {number} stands", remedy="pointofcare-server retention holds")
    tx.audit("retention.release", f"legal-hold/{number}", {"by": by, "reason": _reason(reason)})


def _erasable(table: str) -> RecordKind:
    """Raises: ConflictError for what no program may erase, whatever stands in the code of the store."""
    kind = record_kinds.KINDS[record_kinds.TABLES[table]]
    if kind.then is not Then.COMMAND or kind.personal == "patient":
        raise ConflictError(f"{table} is not erased by a program")
    return kind


def _answers(tx: Transaction, by: str) -> None:
    if staff.of_id(tx, by) is None:
        raise NotFoundError(f"{by} is nobody here", remedy="name the id of the person who answers for it", staff=by)


def _reason(text: str) -> str:
    found = " ".join(text.split())
    if not 3 <= len(found) <= LONGEST_REASON:
        raise UnreadableError("a hold needs a reason", remedy=f"3 to {LONGEST_REASON} letters", field="reason")
    return found
