"""The pharmacist's queue: orders to verify, with the patient's allergies, weight and history beside each.

An action names the version that was on the screen: an order that changed meanwhile is shown again, never judged unseen.
"""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError
from pointofcare.orders.order import OrderCategory
from server.security import viewing
from server.security.permissions import VERIFY_ORDERS
from server.security.person import actor, requires
from server.store import bedside, orders, views_patients, views_pharmacy
from server.store.orders import OrderView, Verification
from server.store.transaction import reading, transaction
from server.usecases import orders as verbs
from server.web import faults, page

room = Blueprint("pharmacy", __name__, url_prefix="/pharmacy")

HISTORY_SHOWN = 12


def urgency(view: OrderView) -> tuple[bool, bool, object]:
    return (view.order.category is not OrderCategory.STAT, view.verification is Verification.QUERIED, view.placed_at)


@room.get("/")
@requires(VERIFY_ORDERS)
def queue() -> Response | str:
    wanted = request.args.get("order", "")
    ward = request.args.get("ward", "")
    with reading(actor()) as tx:
        waiting = sorted(orders.queue(tx, ward=ward or None, limit=300), key=urgency)
        wards = views_patients.wards(tx)
        # Whoever opens the queue sees the most urgent order at once.
        current = wanted or (waiting[0].order.id if waiting else "")
        queried = [view.order.id for view in waiting if view.verification is Verification.QUERIED]
        asked = orders.questions(tx, queried) if queried else ()
        answered = set(queried) - {question.order for question in asked if question.answer is None}
        chosen = None
        if current and request.args.get("part") != "live":
            chosen = orders.find(tx, current)
        context: dict[str, object] = {}
        if chosen is not None:
            look = bedside.of_patient(tx, chosen.order.patient)
            questions = orders.questions(tx, [chosen.order.id])
            versions = tuple(reversed(orders.versions(tx, chosen.order.id)))
            given = sorted(look.history, key=lambda entry: entry.at, reverse=True)[:HISTORY_SHOWN]
            people = [question.asked_by for question in questions] + [question.answered_by for question in questions]
            people += [version.by for version in versions] + [chosen.order.prescriber, chosen.verification_by]
            context = {
                "patient": look.patients[0] if look.patients else None,
                "others": [order for order in look.orders if order.id != chosen.order.id],
                "lines": {order.id: order.display or order.ingredient for order in look.orders},
                "given": given,
                "products": {product.id: product.name for product in look.products},
                "questions": questions,
                "versions": versions,
                "names": views_pharmacy.names(tx, people),
            }
    viewing.seen(patient=chosen.order.patient if chosen is not None else None, ward=ward, count=len(waiting))
    return page.live(
        "pharmacy.html",
        "_pharmacy.html",
        arguments={"order": current} if current else None,
        queue=waiting,
        answered=answered,
        wards=wards,
        ward=ward,
        chosen=chosen,
        wanted=wanted,
        current=current,
        **context,
    )


@room.post("/<order_id>")
@requires(VERIFY_ORDERS)
def judge(order_id: str) -> BaseResponse:
    who = actor()
    action = request.form.get("action", "")
    text = request.form.get("text", "")
    ward = request.form.get("ward", "") or None
    here = url_for("pharmacy.queue", order=order_id, ward=ward)
    version = request.form.get("version", "")
    if not (version.isascii() and version.isdigit()) or len(version) > 6 or action not in ("verify", "ask", "reject"):
        page.say("form-broken", "danger")
        return page.back(here)
    if action != "verify" and not text.strip():
        page.say(f"{action}-needs-text", "danger")
        return page.back(here)
    known = {state.value: state for state in Verification}
    seen = known.get(request.form.get("seen", ""))
    try:
        with transaction(who) as tx:
            if action == "verify":
                verbs.verify(tx, who, order_id, int(version), comment=text.strip() or None, seen=seen)
            elif action == "ask":
                verbs.question(tx, who, order_id, int(version), text_=text, seen=seen)
            else:
                verbs.reject(tx, who, order_id, int(version), reason=text, seen=seen)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return page.back(here)
    page.say(f"done-{action}", order=order_id)
    with reading(who) as tx:
        rest = sorted(orders.queue(tx, ward=ward, limit=300), key=urgency)
    following = next((view.order.id for view in rest if view.order.id != order_id and view.verification is Verification.PENDING), None)
    return page.back(url_for("pharmacy.queue", order=following, ward=ward))
