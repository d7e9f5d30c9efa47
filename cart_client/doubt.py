"""What the cart cannot know, and therefore must not answer with yes: an open dose, and pictures with more than one patient in it.

Pure: values in, values out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from pointofcare.administration.events import BandScanned, DrugScanned
from pointofcare.administration.record import AdministrationRecord
from pointofcare.administration.session import Session
from pointofcare.labels.scan import BandScan, Scan
from pointofcare.products import Product
from pointofcare.verdict.facts import Action
from pointofcare.verdict.finding import Finding, Level, Verdict

# How long an unconfirmed dose stands in the way of the same drug by another order or at another time. Local choice: a long shift.
DOUBTFUL_FOR = timedelta(hours=12)
# What is done to an infusion or a patch that is there is no dose that could be given twice.
_DOSES = frozenset({Action.GIVE, Action.START})


def open_dose(
    opened: tuple[AdministrationRecord, ...], verdict: Verdict, session: Session, products: tuple[Product, ...], now: datetime
) -> AdministrationRecord | None:
    """The verified and never confirmed dose that may be what `verdict` is about: this patient's same dose, or the same drug lately."""
    contents = {product.id: frozenset(i.name for i in product.ingredients) for product in products}
    held = frozenset(name for product in verdict.products for name in contents.get(product, frozenset({product})))
    for record in opened:
        if record.patient != session.patient or record.record_id == session.record_id or record.action not in _DOSES:
            continue
        same_dose = record.order == verdict.order and record.due == verdict.due and record.due is not None
        names = contents.get(record.product, frozenset({record.product})) if record.product is not None else frozenset()
        same_drug = (record.order is not None and record.order == verdict.order) or bool(names & held)
        if same_dose or (same_drug and now - record.effective_at <= DOUBTFUL_FOR):
            return record
    return None


def stopped_by(verdict: Verdict, record: AdministrationRecord, now: datetime) -> Verdict:
    """`verdict` as a stop: nobody has said yet whether the patient took `record`."""
    minutes = max(0, int((now - record.effective_at).total_seconds() // 60))
    finding = Finding(rule="T3", level=Level.STOP, facts={"status": "unconfirmed", "minutes": minutes}, unknown=True)
    return replace(verdict, level=Level.STOP, findings=(finding, *verdict.findings), record=None)


def crowded(event: BandScanned | DrugScanned, beside: tuple[Scan, ...], session: Session, whom: Callable[[Scan], str | None]) -> str:
    """Why `event` must not count, "" when it may: wristbands of several people are in the picture, or a pack beside somebody else's.

    `whom` says whom a wristband names."""
    named = {whom(scan) for scan in beside if isinstance(scan, BandScan)}
    if isinstance(event, BandScanned):
        return "two-bands" if named - {event.patient} else ""
    return "band-beside" if session.patient is not None and named - {session.patient} else ""
