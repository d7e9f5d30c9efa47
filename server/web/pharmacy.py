"""The pharmacist's queue: orders to verify, with the patient's allergies, weight, renal function, other orders and history beside each,
and what the engine and the other orders have to say of it.

An action names the version that was on the screen, and what was shown of the patient: an order that changed, or whose patient did, is
shown again, never judged unseen. A dangerous order is verified only with a reason.
"""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError
from pointofcare.orders.order import OrderCategory
from pointofcare.texts import findings
from pointofcare.verdict.finding import Finding, Level
from server.security import viewing
from server.security.permissions import VERIFY_ORDERS
from server.security.person import actor, requires
from server.store import bedside, orders, views_morning, views_patients, views_pharmacy
from server.store.bedside import Look
from server.store.orders import OrderView, Verification
from server.store.transaction import Transaction, reading, transaction
from server.usecases import acknowledging, renal, screening, task_kinds
from server.usecases import orders as verbs
from server.usecases.screening import Concern, Screened
from server.web import faults, page

room = Blueprint("pharmacy", __name__, url_prefix="/pharmacy")

HISTORY_SHOWN = 12
# Values that stand beside every order, each with its age.
BESIDE = ("creatinine", "potassium", "inr", "glucose")
TASKS = (task_kinds.DOSE_REQUEST, task_kinds.UNKNOWN_BARCODE, task_kinds.LABEL_TROUBLE)


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
            patient = look.patients[0] if look.patients else None
            questions = orders.questions(tx, [chosen.order.id])
            versions = tuple(reversed(orders.versions(tx, chosen.order.id)))
            given = sorted(look.history, key=lambda entry: entry.at, reverse=True)[:HISTORY_SHOWN]
            people = [question.asked_by for question in questions] + [question.answered_by for question in questions]
            people += [version.by for version in versions] + [chosen.order.prescriber, chosen.verification_by]
            context = {
                "patient": patient,
                "others": sorted(
                    (order for order in look.orders if order.id != chosen.order.id), key=lambda order: order.status not in screening.LIVE
                ),
                "live": screening.LIVE,
                "screened": _screened(tx, chosen, look),
                "renal": renal.of_patient(patient, tx.at.astimezone(page.zone()).date()) if patient is not None else None,
                "beside": [one for one in patient.observations if one.code in BESIDE] if patient is not None else [],
                "lines": {order.id: order.display or order.ingredient for order in look.orders},
                "given": given,
                "products": {product.id: product.name for product in look.products},
                "questions": questions,
                "versions": versions,
                "names": views_pharmacy.names(tx, people),
            }
        # One that is not among those listed (another ward's, or past the end of the list) is looked at by itself.
        now = next((view for view in waiting if view.order.id == current), chosen)
        if now is None and current:
            now = orders.find(tx, current)
        morning = _morning(tx) if request.args.get("part") != "live" else ()
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
        now_shown=_mark(now) if now is not None else "",
        mark=_mark(chosen) if chosen is not None else "",
        morning=morning,
        sentence=_sentence,
        concern=_concern,
        **context,
    )


def _mark(view: OrderView) -> str:
    """What tells a page that its order is no longer as it shows it."""
    return f"{view.order.id}@{view.order.version}@{view.verification.value}"


def _screened(tx: Transaction, view: OrderView, look: Look) -> Screened:
    return acknowledging.screened(tx, view, look, timezone=page.config().timezone)


def _morning(tx: Transaction) -> list[dict[str, object]]:
    """What else waits for a pharmacist, with the age of the oldest."""
    tasks = views_morning.of_tasks(tx, TASKS)
    found = [("overrides", url_for("review.show"), views_morning.overrides(tx))]
    found.append(("discrepancies", url_for("review.show"), views_morning.discrepancies(tx)))
    for kind in TASKS:
        waiting = tasks.get(kind, views_morning.Waiting(number=0, oldest=None))
        is_label = kind in (task_kinds.UNKNOWN_BARCODE, task_kinds.LABEL_TROUBLE)
        found.append((kind, url_for("barcodes.queue" if is_label else "work.show", kind=kind), waiting))
    most = views_morning.MOST
    return [{"code": code, "address": address, "waiting": waiting, "more": waiting.number >= most} for code, address, waiting in found]


def _concern(one: Concern) -> str:
    facts: dict[str, object] = dict(one.facts)
    if one.code.startswith(screening.PAIR):
        why = one.code.removeprefix(screening.PAIR)
        return page.t(f"order-check-interaction-{why}", other=facts["other"], drug=facts["name"])
    facts |= {name: page.amount(str(facts[name])) for name in ("total", "limit") if name in facts}
    if "form" in facts:
        facts["form"] = page.word("form", facts["form"])
    return page.t(f"concern-{one.code}", **facts)


def _sentence(finding: Finding) -> str:
    said, remedy = findings.sentence(page.language(), finding)
    return " ".join(part for part in (said, remedy) if part)


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
            if action == "verify" and not _may_verify(tx, order_id, request.form.get("look"), text):
                return page.back(here)
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


def _may_verify(tx: Transaction, order_id: str, shown: str | None, text: str) -> bool:
    """Is what is known of the patient still what was on the screen, and is a dangerous order given a reason? Says why not. A form that
    leaves out what was on the screen is asked for the reason all the same."""
    view = orders.get(tx, order_id)
    screened = _screened(tx, view, bedside.of_patient(tx, view.order.patient))
    if shown is not None and screened.digest != shown:
        page.say("verify-patient-changed", "danger")
        return False
    if screened.level >= Level.STOP and not text.strip():
        page.say("verify-needs-reason", "danger")
        return False
    return True
