"""Verifying several orders of one ward in one go: only those about which nothing at all is to be weighed, each listed with what will
happen, each judged and audited for itself.

An order with any finding, a question, a draft or a drug that needs care is never among them, and whether it is so is asked anew when the
form comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import ConflictError, PointOfCareError
from server.security import viewing
from server.security.permissions import VERIFY_ORDERS
from server.security.person import actor, requires
from server.store import bedside, orders, products, views_patients
from server.store.orders import OrderView, Verification
from server.store.transaction import Transaction, reading, transaction
from server.usecases import orders as verbs
from server.usecases import screening
from server.usecases.screening import Screened
from server.web import faults, page

room = Blueprint("together", __name__, url_prefix="/pharmacy/together")

MOST = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    view: OrderView
    screened: Screened

    @property
    def may_go(self) -> bool:
        view = self.view
        unclear = view.clarification or view.order.clarification or view.order.status not in (None, *_PLAIN)
        return view.verification is Verification.PENDING and not unclear and self.screened.is_clean and bool(self.screened.products)


_PLAIN = tuple(status for status in screening.LIVE if status.value == "active")


def screened(tx: Transaction, ward: str, views: Sequence[OrderView]) -> dict[str, Screened]:
    """Order -> what is known about it, for waiting orders of one ward: a few statements, whatever their number."""
    if not views:
        return {}
    look = bedside.of_ward(tx, ward)
    policy = products.policy(tx, ward)
    patients = {patient.id: patient for patient in look.patients}
    of_patient = {key: [order for order in look.orders if order.patient == key] for key in {view.order.patient for view in views}}
    wanted: set[str] = set()
    for key, listed in of_patient.items():
        wanted |= screening.words(patients.get(key), listed)
    stock = products.about(tx, wanted)
    zone = look.timezone or page.config().timezone
    return {
        view.order.id: screening.of_order(
            view.order,
            patient=patients.get(view.order.patient),
            others=of_patient[view.order.patient],
            products=stock,
            policy=policy,
            zone=zone,
            now=tx.at,
        )
        for view in views
    }


def lines(tx: Transaction, ward: str) -> tuple[Line, ...]:
    views = orders.queue(tx, ward=ward, verification=(Verification.PENDING,), limit=MOST)
    found = screened(tx, ward, views)
    return tuple(Line(view=view, screened=found[view.order.id]) for view in views)


@room.get("/")
@requires(VERIFY_ORDERS)
def listed() -> str | BaseResponse:
    ward = request.args.get("ward", "")
    with reading(actor()) as tx:
        wards = views_patients.wards(tx)
        ward = ward if ward in {line.id for line in wards} else ""
        found = lines(tx, ward) if ward else ()
    viewing.seen(patients=[line.view.order.patient for line in found], ward=ward, count=len(found))
    return page.render(
        "together.html",
        wards=wards,
        ward=ward,
        ready=[line for line in found if line.may_go],
        rest=[line for line in found if not line.may_go],
        most=MOST,
    )


@room.post("/")
@requires(VERIFY_ORDERS)
def verify() -> BaseResponse:
    """Each order in a transaction of its own, by version and by what was on the screen; one that changed meanwhile is left out in words."""
    who = actor()
    ward = request.form.get("ward", "")
    chosen = request.form.getlist("order")[: MOST + 1]
    here = url_for("together.listed", ward=ward or None)
    if not ward or not chosen or len(chosen) > MOST:
        page.say("together-none-chosen", "danger")
        return page.back(here)
    if request.form.get("sure") != "yes":
        page.say("together-not-sure", "danger")
        return page.back(here)
    done = 0
    for told in chosen:
        try:
            _one(ward, told)
            done += 1
        except PointOfCareError as exc:
            page.say_plain(f"{told.partition('~')[0]}: {faults.told(exc)}", "warning")
    if done:
        page.say("together-done", n=done, name=who.name or who.id)
    return page.back(here if done < len(chosen) else url_for("pharmacy.queue", ward=ward))


def _one(ward: str, told: str) -> None:
    """Raises: ConflictError (it changed, there is something to weigh by now, or it is of another ward), and as `orders.verify`."""
    who = actor()
    key, _, rest = told.partition("~")
    number, _, digest = rest.partition("~")
    if not (number.isascii() and number.isdigit()) or len(number) > 6:
        raise ConflictError(f"order {key} came without its version", remedy="look at the list again", order=key)
    with transaction(who) as tx:
        view = orders.get(tx, key)
        found = screened(tx, ward, [view]).get(key)
        if view.ward != ward or found is None:
            raise ConflictError(f"order {key} is not of this ward any more", remedy="look at it in the queue", order=key)
        if view.order.version != int(number) or found.digest != digest or not Line(view=view, screened=found).may_go:
            raise ConflictError(
                f"order {key} or what is known of its patient changed meanwhile", remedy="look at it in the queue", order=key
            )
        verbs.verify(tx, who, key, int(number), comment=page.t("together-comment"), seen=Verification.PENDING)
