"""Holds what the nurses did against journals, server, EMR and audit, and names whatever does not agree.

Pure functions over `Evidence`; each yields findings of one kind with the ids that it is about. It must say nothing about what it did
not see: an act of which the nurse never heard the end may be there once or not at all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from simulation.chaos import sealed_log
from simulation.chaos.evidence import Act, Book, Entry, Evidence, Row, plain

KINDS = ("lost", "doubled", "wrong_order", "stuck", "forged", "audit")
# After everything was quiet for so long nothing may still be on its way.
_QUIET = timedelta(seconds=30)
# A record's own moment and the nurse's: a page that was slow, and a kill between the two.
_SAME_TIME = timedelta(minutes=10)
_SECOND_ACTION = frozenset({"given-twice", "second-action"})
_NOT_COMPARED = frozenset({"findings", "scans", "seq", "epoch", "facts"})
_TABLE = {"administration": "administrations", "attempt": "attempts", "observation": "observations"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be. `ids` name what it is about: record, cart, order ..."""

    kind: str
    what: str
    ids: Mapping[str, object]


def _found(kind: str, what: str, **ids: object) -> Finding:
    return Finding(kind=kind, what=what, ids={name: value for name, value in ids.items() if value is not None})


def compare(evidence: Evidence) -> tuple[Finding, ...]:
    """Every finding of every check."""
    known = _Known(evidence)
    return tuple(finding for check in CHECKS for finding in check(evidence, known))


class _Known:
    """Each record where it is looked for more than once."""

    def __init__(self, evidence: Evidence) -> None:
        self.entries: dict[str, list[tuple[Book, Entry]]] = defaultdict(list)
        for book in evidence.books.values():
            for entry in book.entries:
                self.entries[entry.record_id].append((book, entry))
        server = evidence.server
        self.rows: dict[str, dict[str, Row]] = {
            kind: {row["record_id"]: row for row in getattr(server, table)} for kind, table in _TABLE.items()
        }
        self.outbox: dict[str, list[Row]] = defaultdict(list)
        for row in server.outbox:
            self.outbox[row["record_id"]].append(row)
        self.audited = Counter((row["action"], _audited(row)) for row in server.audit)
        self.acts: dict[str, list[Act]] = defaultdict(list)
        for act in evidence.diary:
            if act.record is not None:
                self.acts[act.record].append(act)


def _audited(row: Row) -> str:
    """The record that an audit row is about."""
    return str(row["detail"].get("record_id") or str(row["subject"]).rpartition("/")[2])


# Lost.


def lost_after_the_screen(evidence: Evidence, known: _Known) -> Iterator[Finding]:
    """What a screen called recorded is in the journal of that cart, as the nurse did it."""
    for act in evidence.diary:
        if act.said != "recorded":
            continue
        where = {"record": act.record, "cart": act.cart, "diary_line": act.line}
        if act.record is None:
            yield _found("lost", "a screen said recorded, and named no record", **where)
            continue
        entry = next((entry for book, entry in known.entries[act.record] if book.cart == act.cart), None)
        if entry is None or entry.kind != "administration":
            yield _found("lost", "a screen said recorded, and the cart's journal has no such record", **where)
            continue
        yield from _as_done(act, entry, where)
        row = known.rows["administration"].get(act.record)
        knows_time = entry.body.get("clock_offset_s") is not None and "server" not in evidence.jumped
        if row is not None and knows_time and abs(row["effective_at"] - min(one.at for one in known.acts[act.record])) > _SAME_TIME:
            yield _found("lost", f"the record's time is {row['effective_at']}, the nurse did it at {act.at}", **where)


def _as_done(act: Act, entry: Entry, where: Mapping[str, object]) -> Iterator[Finding]:
    body = entry.body
    pairs: list[tuple[str, object, object]] = [("cart", act.cart, body.get("cart")), ("nurse", act.nurse, body.get("nurse"))]
    pairs.append(("status", act.action, body.get("status")))
    if act.patient is not None and act.patient not in (body.get("patient"), body.get("mrn")):
        pairs.append(("patient", act.patient, body.get("patient")))
    if act.order is not None:
        pairs += [("order", act.order, body.get("order")), ("due", act.due_at, plain(body.get("due")))]
    for name, done, recorded in pairs:
        if done != recorded:
            yield _found("lost", f"the nurse did it with {name} {done}, the journal has {recorded}", **where)


def lost_on_the_way(evidence: Evidence, known: _Known) -> Iterator[Finding]:
    """What a journal has is at the server, in the EMR and in the audit, and says the same there."""
    for book in evidence.books.values():
        for entry in book.entries:
            where = {"record": entry.record_id, "cart": book.cart, "seq": entry.seq, "table": entry.kind}
            row = known.rows[entry.kind].get(entry.record_id)
            if row is None:
                yield _found("lost", "it is in the journal, and not at the server", **where)
                continue
            yield from _same(entry, row, book, where)
            subject = (f"{entry.kind}.record", entry.record_id)
            if known.audited[subject] == 0:
                yield _found("lost", "it is at the server, and not in the audit", **where)
            if entry.kind == "attempt" or row.get("doubt"):
                continue  # evidence, and values that cannot be true, stay with us
            if not known.outbox[entry.record_id]:
                yield _found("lost", "it is at the server, and was never queued for the EMR", **where)
            elif entry.record_id not in evidence.emr.resources:
                yield _found("lost", "it is at the server, and not in the EMR", **where)
            elif known.audited[("emr.sent", entry.record_id)] == 0 and any(row["state"] == "sent" for row in known.outbox[entry.record_id]):
                yield _found("lost", "it was sent to the EMR, and the audit does not say so", **where)


def _same(entry: Entry, row: Row, book: Book, where: Mapping[str, object]) -> Iterator[Finding]:
    if row["cart"] != book.cart:
        yield _found("lost", f"it was recorded at {book.cart}, the server says at {row['cart']}", **where)
    if "cart_seq" in row and (row["cart_epoch"], row["cart_seq"]) != (book.epoch, entry.seq):
        yield _found("lost", f"the server has it as number {row['cart_seq']} of {row['cart_epoch']}, the journal of {book.epoch}", **where)
    stored = row.get("document") or {name: value for name, value in row.items() if not name.startswith("cart_")}
    for name in sorted((entry.body.keys() | stored.keys()) - _NOT_COMPARED):
        ours, theirs = plain(entry.body.get(name)), plain(stored.get(name))
        if ours != theirs and name in entry.body:
            yield _found("lost", f"{name} is {ours} in the journal and {theirs} at the server", **where)
    columns = {"order": "order_id"}
    for name in ("patient", "order", "nurse", "status", "action", "due", "dose", "effective_at", "amends", "continues"):
        column = columns.get(name, name)
        if column in row and name in entry.body and plain(row[column]) != plain(entry.body[name]):
            yield _found("lost", f"{name} is {entry.body[name]} in the journal and {row[column]} in the server's column", **where)


def lost_in_the_emr(evidence: Evidence, known: _Known) -> Iterator[Finding]:
    """What the EMR holds says what the server has. Of a record that others go on with the whole is more than its own."""
    amended = {row["amends"] for row in evidence.server.administrations if row["amends"]}
    continued = {row["continues"] for row in evidence.server.administrations if row["continues"]}
    for record_id, row in known.rows["administration"].items():
        for resource in evidence.emr.resources.get(record_id, ())[:1]:
            alone = not row["amends"] and not row["continues"] and record_id not in continued and row["action"] == "give"
            pairs = [("patient", row["mrn"] or None, _logical(resource.get("subject")))]
            if alone:
                pairs += [(name, ours, read(resource)) for name, ours, read in _in_fhir(row)]
            if alone or record_id in amended:
                status = "entered-in-error" if record_id in amended else row["status"]
                pairs.append(("status", status, resource.get("status")))
            for name, ours, theirs in pairs:
                if ours != theirs:
                    where = {"record": record_id, "cart": row["cart"], "emr": f"{resource['resourceType']}/{resource.get('id', '')}"}
                    yield _found("lost", f"{name} is {ours} at the server and {theirs} in the EMR", **where)


_Read = Callable[[Row], object]


def _in_fhir(row: Row) -> list[tuple[str, object, _Read]]:
    """(name, what it should be, how it is read)"""
    document = row["document"]
    amount = plain(row["dose"]) if row["status"] != "not-done" else None
    found: list[tuple[str, object, _Read]] = [
        ("order", row["order_id"], lambda resource: _logical(resource.get("request"))),
        ("nurse", row["nurse"], _nurse),
        ("cart", row["cart"], lambda resource: _logical((resource.get("device") or [None])[0])),
        ("time", _to_ms(row["effective_at"]), lambda resource: _to_ms(plain(resource.get("effectiveDateTime")))),
        ("lot", document.get("lot"), lambda resource: _medication(resource).get("batch", {}).get("lotNumber")),
    ]
    if isinstance(amount, tuple) and "/" not in amount[1] and document.get("rate") is None:
        found.append(("dose", amount, _dose))
    return found


def _logical(reference: Row | None) -> object:
    return (reference or {}).get("identifier", {}).get("value")


def _nurse(resource: Row) -> object:
    for each in resource.get("performer", ()):
        if any(coding.get("code") == "performer" for coding in each.get("function", {}).get("coding", ())):
            return _logical(each.get("actor"))
    return None


def _medication(resource: Row) -> Row:
    return next((one for one in resource.get("contained", ()) if one.get("resourceType") == "Medication"), {})


def _dose(resource: Row) -> object:
    dose = resource.get("dosage", {}).get("dose")
    return (Decimal(str(dose["value"])).normalize(), dose.get("code")) if dose else None


def _to_ms(at: Any) -> datetime | None:
    return at.replace(microsecond=at.microsecond // 1000 * 1000) if isinstance(at, datetime) else None


# Doubled.


def doubled(evidence: Evidence, known: _Known) -> Iterator[Finding]:
    """One id twice, one record as two resources, one dose given twice without anybody seeing it."""
    for record_id, entries in known.entries.items():
        if len(entries) > 1:
            yield _found("doubled", f"it stands in {len(entries)} journals", record=record_id, carts=[book.cart for book, _ in entries])
    server = evidence.server
    counted = (("administrations", server.administrations), ("attempts", server.attempts), ("observations", server.observations))
    for table, rows in (*counted, ("outbox", server.outbox)):
        ids = Counter(str(row["record_id"]) for row in rows)
        for record_id, count in ids.items():
            if count > 1:
                yield _found("doubled", f"the server has it {count} times among its {table}", record=record_id)
    for (action, record_id), count in known.audited.items():
        if count > 1 and action in ("administration.record", "attempt.record", "observation.record"):
            yield _found("doubled", f"the audit says {count} times that it was recorded", record=record_id)
    for record_id, resources in evidence.emr.resources.items():
        if len(resources) > 1:
            yield _found("doubled", f"the EMR has {len(resources)} resources of it", record=record_id, emr=_names(resources))
    for code, count in evidence.emr.tags.items():
        if count > 1 and not (code.endswith(".ma") and len(evidence.emr.resources.get(code[:-3], ())) > 1):
            yield _found("doubled", f"the EMR has {count} resources of it, kind {code.rpartition('.')[2]}", record=code.rpartition(".")[0])


def _names(resources: Iterable[Row]) -> list[str]:
    return [f"{each['resourceType']}/{each.get('id', '')}" for each in resources]


def given_twice(evidence: Evidence, _known: _Known) -> Iterator[Finding]:
    """Two records of one due dose: the server shows it, and one of the nurses had to say why."""
    amended = {row["amends"] for row in evidence.server.administrations if row["amends"]}
    doses: dict[tuple[str, datetime], list[Row]] = defaultdict(list)
    for row in evidence.server.administrations:
        counts = row["action"] == "give" and row["status"] == "completed" and not row["continues"] and row["record_id"] not in amended
        if counts and row["order_id"] and row["due"]:
            doses[(row["order_id"], row["due"])].append(row)
    seen = {row["record_id"] for row in evidence.server.discrepancies if row["code"] in _SECOND_ACTION}
    for (order, due), rows in doses.items():
        if len(rows) < 2:
            continue
        where = {
            "records": [row["record_id"] for row in rows],
            "carts": [row["cart"] for row in rows],
            "order": order,
            "due": due.isoformat(),
        }
        if not seen.intersection(row["record_id"] for row in rows):
            yield _found("doubled", "one dose was given twice, and no discrepancy shows it", **where)
        asked = any(row["overridden"] or row["document"].get("status_reason") or row["document"].get("reason_text") for row in rows)
        if not asked:
            yield _found("doubled", "one dose was given twice, and nobody was asked for a reason", **where)


# Wrong order.


def wrong_order(evidence: Evidence, _known: _Known) -> Iterator[Finding]:
    for book in evidence.books.values():
        for before, entry in zip(book.entries, book.entries[1:], strict=False):
            if entry.journalled_at < before.journalled_at:
                yield _found("wrong_order", "time ran backwards in the journal", record=entry.record_id, cart=book.cart, seq=entry.seq)
        for number, entry in enumerate(book.entries, start=1):
            if entry.seq != number or entry.body.get("seq") != number:
                yield _found("wrong_order", f"number {number} of the journal is missing or twice", record=entry.record_id, cart=book.cart)
                break
    first = evidence.emr.first
    for row in evidence.server.administrations:
        for follows in (row["amends"], row["continues"]):
            if follows and row["record_id"] in first and first[row["record_id"]] < first.get(follows, float("inf")):
                yield _found("wrong_order", "the EMR had it before what it goes on with", record=row["record_id"], follows=follows)


# Stuck.


def stuck(evidence: Evidence, _known: _Known) -> Iterator[Finding]:
    quiet = evidence.ended_at - _QUIET
    told_in_time = {row["record_id"] for row in evidence.server.outbox if row["told_at"] is not None and row["told_at"] < quiet}
    for book in evidence.books.values():
        for entry in book.entries:
            where = {"record": entry.record_id, "cart": book.cart, "seq": entry.seq}
            if entry.record_id not in book.received:
                yield _found("stuck", "the cart has no receipt for it", **where)
            elif entry.record_id in told_in_time and book.emr.get(entry.record_id) != "settled":
                yield _found("stuck", f"the cart knows it as {book.emr.get(entry.record_id, 'not told')} in the EMR", **where)
        told = {entry.record_id for entry in book.entries}
        for record_id in book.opened:
            if record_id not in told:
                yield _found("stuck", "a verified dose of which nobody told what became", record=record_id, cart=book.cart)
        late = [seq for seq, at in book.events if seq > book.told_upto and at < quiet]
        if late:
            yield _found("stuck", f"{len(late)} events of the cart are not acknowledged, from {late[0]} on", cart=book.cart)
    for row in evidence.server.outbox:
        where = {"record": row["record_id"], "outbox": row["id"]}
        if row["state"] != "sent":
            yield _found("stuck", f"its row for the EMR is {row['state']} ({row['last_error_code'] or 'no error'})", **where)
        elif row["told_at"] is None and row["settled_at"] < quiet:
            yield _found("stuck", "the EMR has it, and its cart was not told", **where)
    for row in evidence.server.leases:
        if row["cart"] is not None and row["until"] is not None and row["until"] < quiet:
            yield _found("stuck", "a lease ran out, and nobody noticed", patient=row["patient"], cart=row["cart"], fence=row["fence"])
    for row in evidence.server.sequences:
        if row["missing"] and (row["since"] is None or row["since"] < quiet):
            yield _found("stuck", f"the server misses the numbers {row['missing']}", cart=row["cart"], epoch=row["epoch"])
    for row in evidence.server.doubts:
        if row["since"] < quiet:
            yield _found("stuck", f"the server is in doubt, waits for {row['waits']}", patient=row["patient"], cart=row["cart"])


# Forged.


def forged(evidence: Evidence, known: _Known) -> Iterator[Finding]:
    """Everything at the server and in the EMR was done by a nurse at a cart."""
    nameless = [act for act in evidence.diary if act.record is None and act.said == "unknown"]
    answered: set[int] = set()
    for kind, rows in known.rows.items():
        for record_id, row in rows.items():
            if not any(book.cart == row["cart"] and entry.kind == kind for book, entry in known.entries[record_id]):
                yield _found(
                    "forged",
                    f"the server has it among its {_TABLE[kind]}, and the journal of its cart does not",
                    record=record_id,
                    cart=row["cart"],
                )
    for record_id, row in known.rows["administration"].items():
        acts = known.acts[record_id]
        if any(act.said in ("recorded", "unknown") for act in acts):
            continue
        where = {"record": record_id, "cart": row["cart"], "nurse": row["nurse"], "order": row["order_id"]}
        if acts:
            yield _found("forged", "the nurse told that it was not given, and the server has it as given", **where)
            continue
        mine = next((act for act in nameless if act.line not in answered and _may_be(act, row)), None)
        if mine is not None:
            answered.add(mine.line)
        elif _again(evidence, row):
            yield _found("doubled", "one act of a nurse is recorded under a second id", **where)
        else:
            yield _found("forged", "no nurse did it", **where)
    sent = {row["record_id"] for row in evidence.server.outbox}
    for record_id, resources in evidence.emr.resources.items():
        if record_id not in sent:
            yield _found("forged", "the EMR has it, and the server never queued it", record=record_id, emr=_names(resources))


def _may_be(act: Act, row: Row) -> bool:
    patient = act.patient in (None, row["patient"], row["mrn"])
    return patient and (act.cart, act.nurse, act.order, act.action) == (row["cart"], row["nurse"], row["order_id"], row["status"])


def _again(evidence: Evidence, row: Row) -> bool:
    """Did this nurse do just this once already, and is that recorded?"""
    return any(
        act.record is not None and _may_be(act, row) and act.due_at == row["due"] and act.said == "recorded" for act in evidence.diary
    )


# The audit.


def audit(evidence: Evidence, known: _Known) -> Iterator[Finding]:
    for fault in sealed_log.faults(evidence.server, evidence.books):
        yield _found("audit", fault)
    told = {("administration.record", "administration"), ("attempt.record", "attempt"), ("observation.record", "observation")}
    kinds = dict(told)
    for action, record_id in known.audited:
        if action in kinds and record_id not in known.rows[kinds[action]]:
            yield _found("lost", "the audit says that it was recorded, and the server does not have it", record=record_id)


CHECKS: tuple[Callable[[Evidence, _Known], Iterator[Finding]], ...] = (
    lost_after_the_screen,
    lost_on_the_way,
    lost_in_the_emr,
    doubled,
    given_twice,
    wrong_order,
    stuck,
    forged,
    audit,
)
