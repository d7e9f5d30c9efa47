"""What people get: the same four medicines twice a day. Orders, versions and administrations as the store keeps them, as texts with
blanks that are made once by the store's own code: a million of them one by one would take an hour. Reads and writes no database.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from pointofcare.administration.record import AdministrationRecord, ScanEvidence
from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.products import Product
from pointofcare.quantity import Quantity
from server.store import mapping, mapping_record
from simulation import pharmacy
from simulation.scale.people import Person, moment

# product, dose, hours of the day in the ward
COURSES = (
    ("AMOX500", "500 mg", (8, 20)),
    ("OMEP20", "20 mg", (6, 18)),
    ("METF500", "500 mg", (7, 19)),
    ("PARA500", "500 mg", (10, 22)),
)
LATE = timedelta(minutes=5)
_PRODUCTS = {product.id: product for product in pharmacy.formulary()}
# Stand for what is different in each: no text of a record holds such a word.
_BLANKS = ("record", "facility", "ward", "cart", "patient", "mrn", "order", "gsrn", "nurse")
_AT = {
    "due": datetime(2001, 1, 1, tzinfo=UTC),
    "given": datetime(2002, 1, 1, tzinfo=UTC),
    "banded": datetime(2003, 1, 1, tzinfo=UTC),
    "scanned": datetime(2004, 1, 1, tzinfo=UTC),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blanks:
    """Three texts for `%` with a mapping of `_BLANKS` and `_AT`: the document, the server's verdict, the audit's detail."""

    document: str
    verdict: str
    audit: str


def products() -> tuple[Product, ...]:
    return tuple(_PRODUCTS[name] for name, _, _ in COURSES)


def product_of(course: int) -> Product:
    return _PRODUCTS[COURSES[course % len(COURSES)][0]]


def order(course: int, *, id: str, patient: str, prescriber: str, first_day: date, status: OrderStatus) -> Order:
    """The order as it is placed on the first day; version 1."""
    name, dose, hours = COURSES[course % len(COURSES)]
    product = _PRODUCTS[name]
    return Order(
        id=id,
        version=1,
        patient=patient,
        ingredient="/".join(part.name for part in product.ingredients),
        form=product.form,
        route=product.routes[0],
        dose=Quantity.parse(dose),
        category=OrderCategory.SCHEDULED,
        status=status,
        times=tuple(time(hour) for hour in hours),
        start=moment(first_day, 0),
        display=f"{product.name}, {dose}, {product.routes[0]}",
        prescriber=prescriber,
    )


@lru_cache(maxsize=4096)
def order_text(course: int, prescriber: str, first_day: date, status: OrderStatus, version: int) -> str:
    """An order's document, with `%(order)s` and `%(patient)s` left out."""
    made = order(course, id="@order@", patient="@patient@", prescriber=prescriber, first_day=first_day, status=status)
    return _with_blanks(mapping.order_document(replace(made, version=version)), {f"@{name}@": name for name in ("order", "patient")})


def doses_of(person: Person, course: int, until: datetime) -> list[datetime]:
    """Each due moment of the stay before `until`."""
    hours = COURSES[course % len(COURSES)][2]
    last = person.left or until.date() + timedelta(days=1)
    days = (last - person.first_day).days
    found = (moment(person.first_day + timedelta(days=day), hour) for day in range(days) for hour in hours)
    return [due for due in found if due + LATE < until]


def record(course: int, due: datetime, **texts: str) -> AdministrationRecord:
    """A dose that was given as it should be, `LATE` after it was due. `texts` are the values of `_BLANKS`."""
    product = product_of(course)
    given = due + LATE
    scans = (("8018" + texts["gsrn"] + "\x1d80191", 20), (f"01{product.gtin}10L{course + 1}\x1d17301231", 10))
    return AdministrationRecord(
        record_id=texts["record"],
        facility=texts["facility"],
        ward=texts["ward"],
        cart=texts["cart"],
        patient=texts["patient"],
        mrn=texts["mrn"],
        order=texts["order"],
        order_version=1,
        due=due,
        action="give",
        status="completed",
        status_reason=None,
        reason_text=None,
        product=product.id,
        product_name=product.name,
        gtin=product.gtin,
        lot=f"L{course + 1}",
        expiry=date(2030, 12, 31),
        serial=None,
        dose=Quantity.parse(COURSES[course % len(COURSES)][1]),
        route=product.routes[0],
        site=None,
        waste=None,
        prn_reason=None,
        effective_at=given,
        recorded_at=given,
        nurse=texts["nurse"],
        witness=None,
        level="PASS",
        findings=(),
        engine="1.4.0",
        policy="default-7",
        scans=tuple(ScanEvidence(identifier="]d2", text=text, at=given - timedelta(seconds=before)) for text, before in scans),
        chart_version=1,
        online=True,
        clock_offset_s=0.0,
        lease_fence=1,
    )


@lru_cache(maxsize=8)
def blanks(course: int) -> Blanks:
    """The texts of a dose of this course."""
    texts = {name: f"@{name}@" for name in _BLANKS}
    made = record(course, _AT["due"], **texts)
    scans = tuple(replace(scan, at=_AT[name]) for scan, name in zip(made.scans, ("banded", "scanned"), strict=True))
    made = replace(made, effective_at=_AT["given"], recorded_at=_AT["given"], scans=scans)
    marks = {f"@{name}@": name for name in _BLANKS} | {at.isoformat(): name for name, at in _AT.items()}
    verdict = {
        "level": made.level,
        "order": made.order,
        "order_version": 1,
        "due": _AT["due"].isoformat(),
        "products": [made.product],
        "engine": made.engine,
        "policy": made.policy,
        "findings": [],
    }
    audit: dict[str, Any] = {name: getattr(made, name) for name in ("cart", "nurse", "witness", "patient", "order", "status", "level")}
    audit |= {"discrepancies": [], "at": _AT["given"].isoformat()}
    documents = (mapping_record.to_document(made), verdict, audit)
    document, told, detail = (_with_blanks(json.dumps(one, ensure_ascii=False), marks) for one in documents)
    return Blanks(document=document, verdict=told, audit=detail)


def _with_blanks(text: str, marks: dict[str, str]) -> str:
    text = text.replace("%", "%%")
    for mark, name in marks.items():
        if mark not in text:
            continue
        text = text.replace(mark, f"%({name})s")
    return text
