"""A dose that was given before it could be charted: in an emergency, in a downtime. One form, one record, with its own time and reason.

The verdict is asked as of that time and goes with the record as evidence; it never refuses the fact. What may be a double of a dose that
is charted already is shown first, and recorded only when the nurse says that it was another one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from cart_client.beside import notes
from cart_client.beside.asked import ChartLate
from cart_client.care import Ward
from cart_client.inbox import GiveAmount
from cart_client.visit import Visit, ask, facts, packed, recorded, say, unread
from pointofcare.administration import late
from pointofcare.administration import session as workflow
from pointofcare.administration.session import UNSETTLED
from pointofcare.errors import QuantityError
from pointofcare.orders import course
from pointofcare.products import Product
from pointofcare.verdict.facts import Action, HistoryEntry, Intent

REASONS = ("emergency", "network-down", "battery", "scanner-fault", "clinical-judgement")
# So near another dose of the same drug it may be the same one (local choice).
NEAR = timedelta(hours=4)
OLDEST = timedelta(days=14)
# Which doses the form lists by their due time.
LISTED_BACK, LISTED_AHEAD = timedelta(hours=36), timedelta(hours=2)
_DONE = frozenset({"completed", "in-progress", "stopped", "on-hold"})
_DOSES = frozenset({None, "give", "start"})
_LONGEST = 400


def maybe_same(ward: Ward, *, patient: str, order: str, due: datetime | None, product: str, given_at: datetime) -> tuple[HistoryEntry, ...]:
    """Doses on record that may be this one: of the same due time, or of the same ingredients near that time. Oldest first."""
    names = _ingredients(ward, order, product)
    found = [
        entry
        for entry in ward.entries
        if entry.patient == patient
        and entry.status in _DONE
        and entry.action in _DOSES
        and (
            (order and entry.order == order and due is not None and entry.due == due)
            or (abs(entry.at - given_at) <= NEAR and bool(names & _ingredients(ward, entry.order, entry.product or "")))
        )
    ]
    return tuple(sorted(found, key=lambda entry: entry.at))


def _ingredients(ward: Ward, order: str, product: str) -> frozenset[str]:
    one = next((each for each in ward.body.orders if each.id == order), None)
    if one is not None:
        return course.ingredients(one)
    named = next((each for each in ward.products if each.id == product), None)
    return frozenset(part.name.casefold() for part in named.ingredients) if named is not None else frozenset()


def chart(visit: Visit, command: ChartLate, now: datetime) -> None:
    """Raises: JournalError when it is not on disk."""
    if notes.signer(visit, command) is None or notes.again(visit, command.form):
        return
    session = visit.session
    patient = visit.chart.patient(session.patient, now)
    ward = visit.dues.ward(now)
    if patient is None or patient.id != command.patient:
        say(visit, "beside-other-patient")
        return
    if ward is None:
        say(visit, "beside-no-chart")
        return
    order = visit.chart.order(command.order or None, now)
    product = _product(visit.chart.products(now), command.product)
    if (command.order and (order is None or order.patient != patient.id)) or (not command.order and product is None):
        say(visit, "beside-product-missing")
        return
    fault = _fault(command, now)
    if fault:
        say(visit, fault)
        return
    try:
        amount = GiveAmount(moment=0, dose=command.dose).quantities()[0]
    except QuantityError as exc:
        unread(visit, exc, "amount-unreadable", "dose", text=command.dose[:40])
        return
    if amount is None:
        say(visit, "amount-unreadable", text=command.dose[:40])
        return
    if session.state in UNSETTLED and session.verdict is not None and session.verdict.order == command.order:
        say(visit, "finish-this-dose")
        return
    if any(record.patient == patient.id and record.order == (command.order or None) for record in visit.journal.open_doses()):
        say(visit, "beside-open-dose")  # it was verified here: whether it was given is told there
        return
    same = maybe_same(ward, patient=patient.id, order=command.order, due=command.due, product=command.product, given_at=command.given_at)
    if same and not command.another:
        say(visit, "beside-maybe-same", records=",".join(entry.record_id or "" for entry in same))
        return
    words = command.reason_text.strip()[:_LONGEST]
    intent = Intent(
        action=Action.GIVE,
        order=command.order or None,
        due=command.due if command.order else None,
        dose=amount,
        route=command.route,
        site=command.site.strip() or None,
        given_at=command.given_at,
        reason=command.reason,
        reason_text=f"{late.CHARTED_LATE} {words}".strip(),
    )
    bare = replace(workflow.without_drugs(session), intent=intent)
    kept = visit.judged
    verdict = ask(visit, facts(visit, now, bare))
    about = packed(visit, verdict)
    visit.judged = kept  # what the main screen shows was made from other facts
    record = late.fact(
        record_id=command.form,
        intent=intent,
        verdict=verdict,
        patient=patient,
        nurse=command.nurse,
        place=visit.here.place(),
        now=now,
        product=product or _of_order(ward, command.order),
        order_version=order.version if order is not None else None,
        scans=bare.evidence,
    )
    visit.journal.append(record, message_id=visit.new_id(), facts=about)
    recorded(visit, record.record_id, record.patient)


def _fault(command: ChartLate, now: datetime) -> str:
    if command.given_at > now:
        return "beside-time-future"
    if now - command.given_at > OLDEST:
        return "beside-time-old"
    if not command.route.strip():
        return "route-missing"
    if command.reason not in REASONS:
        return "reason-missing"
    return "" if command.reason_text.strip() else "reason-needs-text"


def _product(products: Iterable[Product], named: str) -> Product | None:
    return next((each for each in products if each.id == named), None) if named else None


def _of_order(ward: Ward, order: str) -> Product | None:
    """The formulary's one product of the order's ingredients and form; several, or none: not known."""
    names = _ingredients(ward, order, "")
    found = [each for each in ward.products if frozenset(part.name.casefold() for part in each.ingredients) == names]
    return found[0] if len(found) == 1 else None
