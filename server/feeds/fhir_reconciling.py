"""Everybody's orders compared: who is admitted there and here, and which of their orders hold.

The net under the looks by time, which a server may hide things from. An order is stopped here only when the server itself says that it
has ended or is gone, of a patient whom the server still knows: an empty answer alone stops nothing. A patient who was removed there
is told, and keeps nobody else from being compared.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from server.feeds import fhir_items as items
from server.feeds import fhir_reading
from server.feeds.fhir_items import SOURCE
from server.feeds.fhir_reading import ACTOR
from server.feeds.fhir_source import GoneError, Resource
from server.feeds.fhir_takers import Taker, lost
from server.store import incoming, orders
from server.store.orders import OrderView
from server.store.transaction import reading, transaction
from server.usecases import arrivals

PART = "reconcile"
_MOST_PAGES = 500
LIVE = "active,on-hold,draft,unknown"
# What waited so long for its patient is put away; it comes back with the patient.
NEVER_CAME = timedelta(days=7)
_MOST_TOLD = 10


def reconcile(taker: Taker, *, stopping: Callable[[], bool] = lambda: False) -> int:
    """Keeps what was missed, and stops what is gone there; how many orders were stopped. Raises: EmrError, what the store raises."""
    with transaction(ACTOR) as tx:
        incoming.recall(tx, SOURCE)  # of somebody who was admitted by hand
        incoming.give_up(tx, SOURCE, arrivals.PATIENT_AWAITED, before=tx.at - NEVER_CAME)
        here = incoming.here(tx, SOURCE)
    there = _admitted(taker)
    removed: set[str] = set()
    for subject in set(here.values()) - there:  # their stay has ended, and nobody told
        try:
            _keep_stays(taker, subject)
        except GoneError:
            removed.add(subject)
    stopped = 0
    for patient, subject in here.items():
        if stopping():
            return stopped
        try:
            stopped += of_patient(taker, patient, subject, removed)
        except GoneError:
            removed.add(subject)
    if not stopping():
        with transaction(ACTOR) as tx:
            incoming.looked(tx, SOURCE, PART)
            if removed:
                told = ", ".join(f"Patient/{subject}" for subject in sorted(removed)[:_MOST_TOLD])
                incoming.looked(tx, SOURCE, PART, fault=GoneError.code, told=f"404/410 ({len(removed)}): {told}")
    return stopped


def _keep_stays(taker: Taker, subject: str) -> None:
    for page in taker.source.search("Encounter", [("patient", subject)], pages=5):
        mine = [one for one, _ in items.about_patient(page.found, subject)]
        with transaction(ACTOR) as tx:
            fhir_reading.keep(tx, mine, taker.settings, taker.reference, whatever=True)


def of_patient(taker: Taker, patient: str, subject: str, removed: set[str]) -> int:
    """One patient's orders there and here; `removed` gets the patient whom the server does not know any more. What ended of theirs is
    stopped all the same. How many were stopped. Raises: EmrError."""
    named: dict[str, Resource] = {}
    for page in taker.source.search(items.ORDER, [("patient", subject), ("status", LIVE)], pages=20):
        listed = list(items.about_patient(page.found, subject))
        named |= {one.about: one for one, parsed in listed if not items.is_elsewhere(parsed)}
        with transaction(ACTOR) as tx:
            fhir_reading.keep(tx, [one for one, _ in listed], taker.settings, taker.reference)
    with reading(ACTOR) as tx:
        held = [one for one in orders.named_in_emr(tx, patient, source=SOURCE) if one.order.status not in arrivals.ENDED]
    stopped = 0
    for one in held:
        if one.emr_id not in named:
            try:
                stopped += _missing(taker, one, subject)
            except GoneError:
                removed.add(subject)
    return stopped


def _missing(taker: Taker, held: OrderView, subject: str) -> bool:
    """An order that holds here and not there: whether it was stopped here. Raises: EmrError; GoneError: the patient is gone too."""
    assert held.emr_id is not None
    try:
        found = taker.source.read(held.emr_id)
    except GoneError:
        taker.source.read(f"Patient/{subject}")  # a server that has lost the patient too is not asked about orders
        why = "the EMR does not have it any more"
    else:
        with transaction(ACTOR) as tx:
            if fhir_reading.keep(tx, (found,), taker.settings, taker.reference):
                return False  # a version that was missed: it is taken like any other
        resource = items.parsed(found.payload)
        with reading(ACTOR) as tx:
            gone = "ended in the EMR" if str(resource.get("status")) in items.ENDED_THERE else lost(tx, held, resource)
        if gone is None:
            return False
        why = gone
    with transaction(ACTOR) as tx:
        for now in orders.named_in_emr(tx, held.order.patient, source=SOURCE):
            if now.emr_id == held.emr_id and now.order.status not in arrivals.ENDED:
                arrivals.stop(tx, now, reason=why)
                return True
    return False


def _admitted(taker: Taker) -> set[str]:
    """Who has an open stay there; stays that are not known yet are kept."""
    found: set[str] = set()
    for page in taker.source.search("Encounter", [("status", "in-progress,onleave")], pages=_MOST_PAGES):
        with transaction(ACTOR) as tx:
            fhir_reading.keep(tx, page.found, taker.settings, taker.reference)
        for one in page.found:
            parsed = items.parsed(one.payload)
            if items.is_stay(parsed, taker.settings.classes) and parsed.get("status") in ("in-progress", "onleave"):
                found.add(items.subject("Encounter", parsed))
    return found
