"""Queries about reports of incidents and near misses: kept once, read by who reviews them, counted by kind. No report is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import literal, select, update

from server.store import reach
from server.store.plain import storable, text
from server.store.tables import (
    AdministrationRow,
    AttemptRow,
    CartEventRow,
    CartRow,
    IncidentReportRow,
    IncidentStepRow,
)
from server.store.transaction import Transaction
from server.store.versions import insertion

NEW, LOOKING, CLOSED = "new", "looking", "closed"
STATES = (NEW, LOOKING, CLOSED)
OPEN = "open"  # of a question: new or being looked at
EVENTS_SHOWN = 12
MOST_WAITING = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`reporter` "": it was sent without a name. `harm` and `outcome` are "" until it is closed."""

    id: str
    source: str
    kind: str
    reached: str
    words: str
    ward: str
    patient: str | None
    order: str | None
    record: str | None
    cart: str
    reporter: str
    at: datetime
    received_at: datetime
    facts: Mapping[str, Any]
    state: str
    revision: int
    harm: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    at: datetime
    by: str
    state: str
    harm: str
    text: str


def add(tx: Transaction, row: Mapping[str, Any]) -> bool:
    """False: a report with this id is here already, and nothing was written."""
    told = storable({**row, "state": NEW, "revision": 1, "harm": "", "outcome": ""})
    new = insertion(tx, IncidentReportRow).values(facility=tx.facility, received_at=tx.at, **told)
    return tx.inserted(new.on_conflict_do_nothing().returning(literal(1)))


def digest(tx: Transaction, report: str) -> str | None:
    row = IncidentReportRow
    found: str | None = tx.session.scalar(select(row.digest).where(row.facility == tx.facility, row.id == text(report)))
    return found


def get(tx: Transaction, report: str) -> Report | None:
    """None: there is none, or the person does not reach it."""
    return next(iter(_read(tx, IncidentReportRow.id == text(report), limit=1)), None)


def listed(
    tx: Transaction,
    *,
    state: str = "",
    kind: str = "",
    ward: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 200,
    pressing: bool = False,
) -> tuple[Report, ...]:
    """What the person reaches, the newest first; `pressing`: what reached a patient, then what waits longest."""
    row = IncidentReportRow
    asked: list[Any] = []
    if state == OPEN:
        asked.append(row.state != CLOSED)
    elif state:
        asked.append(row.state == state)
    for column, value in ((row.kind, kind), (row.ward, ward)):
        if value:
            asked.append(column == value)
    if since is not None:
        asked.append(row.at >= since)
    if until is not None:
        asked.append(row.at < until)
    return _read(tx, *asked, limit=limit, order=(row.reached != "yes", row.at, row.id) if pressing else None)


def waiting(tx: Transaction, *, late: datetime) -> tuple[int, int]:
    """How many are not closed of what the person reaches, and how many of these nobody has taken that reached a patient or are older
    than `late`. Counted as far as `MOST_WAITING`."""
    row = IncidentReportRow
    query = select(row.state, row.reached, row.at).where(
        row.facility == tx.facility, row.state.in_((NEW, LOOKING)), *reach.of_ward(tx, row.ward, row.patient)
    )
    found = tx.session.execute(query.order_by(row.at).limit(MOST_WAITING)).all()
    return len(found), sum(state == NEW and (reached == "yes" or at < late) for state, reached, at in found)


def own(tx: Transaction, staff: str, *, limit: int = 10) -> tuple[Report, ...]:
    """What a person reported under the own name, the newest first."""
    row = IncidentReportRow
    query = select(row).where(row.facility == tx.facility, row.reporter == staff).order_by(row.at.desc(), row.id).limit(limit)
    return tuple(_report(one) for one in tx.session.scalars(query))


def moments(tx: Transaction, *, since: datetime) -> tuple[tuple[datetime, str], ...]:
    """(when, kind) of each report that the person reaches, for counting."""
    row = IncidentReportRow
    query = select(row.at, row.kind).where(row.facility == tx.facility, row.at >= since, *reach.of_ward(tx, row.ward, row.patient))
    return tuple((at, kind) for at, kind in tx.session.execute(query.order_by(row.at).limit(20_000)))


def steps(tx: Transaction, report: str) -> tuple[Step, ...]:
    row = IncidentStepRow
    query = select(row).where(row.facility == tx.facility, row.report == text(report)).order_by(row.id)
    return tuple(Step(at=one.at, by=one.by, state=one.state, harm=one.harm, text=one.text) for one in tx.session.scalars(query))


def move(tx: Transaction, report: str, *, revision: int, state: str, harm: str, outcome: str, words: str) -> bool:
    """False: somebody else moved it since `revision`."""
    row = IncidentReportRow
    mine = (row.facility == tx.facility, row.id == text(report), row.revision == revision)
    done = update(row).where(*mine).values(state=state, harm=harm, outcome=text(outcome), revision=revision + 1)
    if not tx.session.execute(done.returning(literal(1))).all():
        return False
    step = {"report": report, "at": tx.at, "by": tx.actor.id, "state": state, "harm": harm, "text": words}
    tx.session.execute(insertion(tx, IncidentStepRow).values(facility=tx.facility, **storable(step)))
    return True


# What the system attaches by itself.


def of_record(tx: Transaction, record: str) -> tuple[str, dict[str, Any]] | None:
    """(patient, verdict as it was recorded) of a dose or of a stop; None: there is no such record."""
    for row, what in ((AdministrationRow, "dose"), (AttemptRow, "attempt")):
        found = tx.session.execute(
            select(row.patient, row.document).where(row.facility == tx.facility, row.record_id == text(record))
        ).first()
        if found is not None:
            names = ("level", "findings", "engine", "policy", "order", "order_version", "due", "action", "cart", "online", "chart_version")
            return found.patient or "", {"what": what, **{name: found.document.get(name) for name in names}}
    return None


def of_cart(tx: Transaction, cart: str) -> tuple[str, dict[str, Any]] | None:
    """(ward, how the server saw the cart last, with its last events); None: it is not known."""
    row = tx.session.get(CartRow, (tx.facility, text(cart)))
    if row is None:
        return None
    event = CartEventRow
    query = select(event.kind, event.at).where(event.facility == tx.facility, event.cart == row.id)
    last = tx.session.execute(query.order_by(event.received_at.desc()).limit(EVENTS_SHOWN))
    return row.ward, {
        "cart": row.id,
        "phase": row.phase,
        "versions": dict(row.versions or {}),
        "battery_percent": row.battery_percent,
        "last_seen_at": row.last_seen_at.isoformat() if row.last_seen_at is not None else None,
        "unsent": row.unsent,
        "clock_offset_s": row.clock_offset_s,
        "events": [{"kind": kind, "at": at.isoformat()} for kind, at in last],
    }


def _read(tx: Transaction, *asked: Any, limit: int, order: tuple[Any, ...] | None = None) -> tuple[Report, ...]:
    row = IncidentReportRow
    query = select(row).where(row.facility == tx.facility, *asked, *reach.of_ward(tx, row.ward, row.patient))
    return tuple(_report(one) for one in tx.session.scalars(query.order_by(*(order or (row.at.desc(), row.id))).limit(limit)))


def _report(row: IncidentReportRow) -> Report:
    return Report(
        id=row.id,
        source=row.source,
        kind=row.kind,
        reached=row.reached,
        words=row.words,
        ward=row.ward,
        patient=row.patient,
        order=row.about_order,
        record=row.about_record,
        cart=row.cart,
        reporter=row.reporter,
        at=row.at,
        received_at=row.received_at,
        facts=row.facts,
        state=row.state,
        revision=row.revision,
        harm=row.harm,
        outcome=row.outcome,
    )
