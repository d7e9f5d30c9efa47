"""The day of treatment of every order whose days are counted, from the whole record of its course.

Must never name a day that the record cannot tell: such an order is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from pointofcare.errors import PointOfCareError
from pointofcare.orders import course
from pointofcare.orders.course import CourseDay
from pointofcare.orders.order import Order
from pointofcare.verdict.facts import HistoryEntry
from server.store import bags, history
from server.store.transaction import Transaction

# As far back as a course of treatment is looked for.
LOOKED_BACK = timedelta(days=120)


def days(tx: Transaction, orders: Iterable[Order], *, zone: str) -> dict[str, CourseDay]:
    """Order -> its day of treatment. `orders` are all those of the patients, ended ones too, for they belong to the course. One
    statement, whatever the number of patients and the length of their history; none without an order whose days are counted."""
    of_patient: dict[str, list[Order]] = defaultdict(list)
    for order in orders:
        of_patient[order.patient].append(order)
    counted = [order for listed in of_patient.values() for order in listed if order.counts_days]
    if not counted:
        return {}
    named = {(order.patient, course.ingredients(order)) for order in counted}
    wanted = {one.id for patient, _ in named for one in of_patient[patient] if (patient, course.ingredients(one)) in named}
    since = tx.at - LOOKED_BACK
    given = bags.of_orders(tx, patients={patient for patient, _ in named}, orders=wanted, since=since)
    entries: dict[str, list[HistoryEntry]] = defaultdict(list)
    for entry in history.effective(given):
        entries[entry.patient].append(entry)
    found: dict[str, CourseDay] = {}
    for order in counted:
        try:
            day = course.day_number(order, entries[order.patient], zone, tx.at, others=of_patient[order.patient], complete_from=since)
        except PointOfCareError:
            day = None
        if day is not None:
            found[order.id] = day
    return found
