"""Paper: a patient's medication record to file, and a ward's rounds sheet for when the network is down.

Each page of it names its patient or ward, who printed it and when. Must never leave a dose or an order out in silence: what does not
fit, or cannot be computed, is said on the paper.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from flask import Blueprint, request

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import NotFoundError
from pointofcare.orders.order import Order
from pointofcare.verdict.facts import HistoryEntry
from server.security import viewing
from server.security.permissions import SEE_BOARD, SEE_PATIENTS
from server.security.person import actor, requires
from server.store import administrations, bedside, orders, products, views_patients, views_pharmacy
from server.store.transaction import reading
from server.web import page, ward

room = Blueprint("printed", __name__)

# The longest that is printed at once, and how many records at most.
DAYS = (1, 3, 7)
MOST = 600
# A rounds sheet is good for so long, and shows the doses of this time.
VALID = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One order (None: no order, or one that is not of this patient any more) with its records, oldest first."""

    order: Order | None
    records: tuple[AdministrationRecord, ...]


@room.get("/patients/<patient_id>/record")
@requires(SEE_PATIENTS)
def record(patient_id: str) -> str:
    """`?from=2026-03-01&days=7` in the ward's days; without them the last day with today."""
    days = request.args.get("days", type=int, default=DAYS[0])
    days = days if days in DAYS else DAYS[0]
    first = _day(request.args.get("from", "")) or page.today() - timedelta(days=days - 1)
    since, until = (datetime.combine(each, time(), page.zone()).astimezone(UTC) for each in (first, first + timedelta(days=days)))
    with reading(actor()) as tx:
        look = bedside.of_patient(tx, patient_id)
        if not look.patients:
            raise NotFoundError(f"patient {patient_id!r} is not known", remedy="look for the patient again", patient=patient_id)
        found, following = views_patients.doses(tx, patient=patient_id, before=(until, ""), limit=MOST)
        records = tuple(dose.record for dose in reversed(found) if dose.record.effective_at >= since)
        listed = tuple(view.order for view in orders.of_patient(tx, patient_id))
        amended = administrations.amended(tx, [one.record_id for one in records])
        people = {one.nurse for one in records} | {one.witness for one in records} | {order.prescriber for order in listed}
        names = views_pharmacy.names(tx, people)
    viewing.seen(patient=patient_id, count=len(records))
    return page.render(
        "printed_record.html",
        patient=look.patients[0],
        sheets=_sheets(listed, records, since=since, until=until),
        amended=amended,
        names=names,
        # The page is full of records of the period: older ones of it may be missing.
        cut=following is not None and len(records) == len(found),
        first=first,
        last=first + timedelta(days=days - 1),
        days=days,
        choices=DAYS,
        printed_at=datetime.now(UTC),
        moment_on_paper=moment_on_paper,
    )


@room.get("/ward/sheet")
@requires(SEE_BOARD)
def sheet() -> str:
    with reading(actor()) as tx:
        wards = views_patients.wards(tx)
        chosen = ward.chosen_ward(wards)
        found: tuple[ward.Bed, ...] = ()
        last: dict[str, HistoryEntry] = {}
        at = tx.at
        if chosen is not None:
            look = bedside.of_ward(tx, chosen.id)
            zone = chosen.timezone or page.config().timezone
            found = ward.beds(
                look,
                policy=products.policy(tx, chosen.id),
                zone=zone,
                now=at,
                changed=orders.changed(tx, look.orders),
                ahead=VALID,
                most=None,
            )
            last = _newest(look.history)
    viewing.seen(ward=chosen.id if chosen is not None else "", count=len(found))
    return page.render(
        "printed_sheet.html",
        beds=found,
        last=last,
        wards=wards,
        ward=chosen.id if chosen is not None else "",
        printed_at=at,
        valid_until=at + VALID,
        moment_on_paper=moment_on_paper,
    )


def _sheets(listed: Iterable[Order], records: Iterable[AdministrationRecord], *, since: datetime, until: datetime) -> tuple[Sheet, ...]:
    """One an order that held in the period or has a record in it, and one for what has no order of this patient."""
    of: dict[str | None, list[AdministrationRecord]] = {}
    known = {order.id: order for order in listed}
    for one in records:
        of.setdefault(one.order if one.order in known else None, []).append(one)
    found = [
        Sheet(order=order, records=tuple(of.get(order.id, ())))
        for order in known.values()
        if order.id in of or ((order.start is None or order.start < until) and (order.end is None or order.end >= since))
    ]
    found.sort(key=lambda each: (not each.records, each.order.display or each.order.ingredient if each.order else ""))
    return (*found, *([Sheet(order=None, records=tuple(of[None]))] if None in of else []))


def _newest(history: Iterable[HistoryEntry]) -> dict[str, HistoryEntry]:
    """The newest dose of each order that was really given."""
    found: dict[str, HistoryEntry] = {}
    for entry in history:
        if entry.status in ("completed", "in-progress", "stopped") and (entry.order not in found or entry.at > found[entry.order].at):
            found[entry.order] = entry
    return found


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if date(1990, 1, 1) <= found <= date(2190, 1, 1) else None


def moment_on_paper(value: datetime | None) -> str:
    """Always with its date: paper is read on another day."""
    return page.t("unknown") if value is None else f"{page.day(value)} {page.clock(value)}"
