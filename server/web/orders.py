"""The prescriber's form: place an order, amend it, hold, resume or stop it, answer the pharmacist.

The form reads with the same rules as an import and names the field and what to do; it never fills in a dose, a unit or a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from flask import Blueprint, abort, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError
from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from server.security.permissions import PLACE_ORDERS
from server.security.person import actor, requires
from server.store import orders, patients, products
from server.store.transaction import reading, transaction
from server.usecases import import_csv, import_orders
from server.usecases import orders as verbs
from server.usecases.import_rows import FieldError, Place, Problem, clarify_parts
from server.web import faults, page

room = Blueprint("orders", __name__, url_prefix="/orders")

ROUTES = ("PO", "IV", "IM", "SC", "SL", "PR", "INH", "TOP", "TD", "NASAL", "NG")
FORM_COLUMNS = (
    "ingredient", "form", "route", "category", "dose", "dose_max", "times", "every", "start", "end", "time_critical",
    "needs_double_check", "prn_reasons", "prn_min_interval", "prn_max_24h", "rate", "additives", "indication", "display",
)  # fmt: skip


def read(cells: Mapping[str, str], *, order_id: str, patient: str, prescriber: str) -> tuple[Order | None, dict[str, str]]:
    """The order that the form asks for, or the faults by field, each saying what to do."""
    language = page.language()
    place = Place(file="", row=0)
    certain: dict[str, object] = {"id": order_id, "patient": patient, "status": OrderStatus.ACTIVE, "prescriber": prescriber}
    uncertain: dict[str, str] = {}
    found: dict[str, str] = {}
    for name in FORM_COLUMNS:
        column = import_csv.ORDERS[name]
        cell = cells.get(name, "").strip()
        if name in ("start", "end") and cell:
            cell = _with_zone(cell)
        if not cell:
            if column.needed:
                found[name] = Problem(file="", row=0, field=name, value="", code="needed").remedy_in(language)
        elif column.later:
            uncertain[name] = cell
        else:
            try:
                certain[name] = column.read(cell)
            except FieldError as exc:
                problem = Problem(file="", row=0, field=name, value=cell[:100], code=exc.reason, parameters=exc.parameters)
                found[name] = f"{problem.message_in(language)} {problem.remedy_in(language)}"
    # A form that lacks a needed field still gets each unreadable one named in the same answer.
    told = dict(certain) if not found else {"ingredient": "", "form": "", "route": "", "category": OrderCategory.ON_CALL, **certain}
    built = import_orders.build(place=place, certain=told, uncertain=uncertain)
    for code, value in built.clarify:
        if found and not code.endswith("-unreadable"):
            continue
        name = import_orders.field_of(code, value)
        found.setdefault(name, "; ".join(clarify_parts(language, ((code, value),))))
    return (None, found) if found else (replace(built.order, status=OrderStatus.ACTIVE), {})


def _with_zone(cell: str) -> str:
    """A form's moment is wall clock of the ward."""
    try:
        at = datetime.fromisoformat(cell)
    except ValueError:
        return cell
    return cell if at.tzinfo is not None else at.replace(tzinfo=page.zone()).isoformat()


def _cells(order: Order) -> dict[str, str]:
    """An order as the form shows it."""
    zone = page.zone()
    prn = order.prn
    return {
        "ingredient": order.ingredient,
        "form": order.form,
        "route": order.route,
        "category": order.category.value,
        "dose": str(order.dose_range[0]) if order.dose_range else str(order.dose or ""),
        "dose_max": str(order.dose_range[1]) if order.dose_range else "",
        "times": "|".join(at.strftime("%H:%M") for at in order.times),
        "every": f"{order.every.total_seconds() / 3600:g} h" if order.every else "",
        "start": order.start.astimezone(zone).strftime("%Y-%m-%dT%H:%M") if order.start else "",
        "end": order.end.astimezone(zone).strftime("%Y-%m-%dT%H:%M") if order.end else "",
        "time_critical": "yes" if order.time_critical else "",
        "needs_double_check": "yes" if order.needs_double_check else "",
        "prn_reasons": "|".join(prn.reasons) if prn else "",
        "prn_min_interval": f"{prn.min_interval.total_seconds() / 3600:g} h" if prn and prn.min_interval else "",
        "prn_max_24h": str(prn.max_per_24h) if prn and prn.max_per_24h else "",
        "rate": str(order.rate or ""),
        "additives": "|".join(order.additives),
        "indication": order.indication or "",
        "display": order.display,
    }


@room.get("/new")
@requires(PLACE_ORDERS)
def form() -> str:
    wanted = request.args.get("patient_id", "")
    amend = request.args.get("amend", "")
    with reading(actor()) as tx:
        before = orders.get(tx, amend) if amend else None
        if before is not None:
            wanted = before.order.patient
    cells = _cells(before.order) if before is not None else {"start": _now()}
    return _shown(wanted, cells, {}, amend=amend, version=str(before.order.version) if before else "")


def _now() -> str:
    return datetime.now(page.zone()).strftime("%Y-%m-%dT%H:%M")


def _shown(patient_id: str, cells: Mapping[str, str], found: Mapping[str, str], *, amend: str, version: str) -> str:
    with reading(actor()) as tx:
        patient = patients.get(tx, patient_id)
        stock = products.listed(tx)
    return page.render(
        "order_form.html",
        patient=patient,
        cells=cells,
        faults=found,
        amend=amend,
        version=version,
        categories=[category.value for category in OrderCategory],
        routes=ROUTES,
        forms=sorted({product.form for product in stock}),
        ingredients=sorted({"/".join(part.name for part in product.ingredients) for product in stock}),
    )


@room.post("/new")
@requires(PLACE_ORDERS)
def place() -> BaseResponse | tuple[str, int]:
    who = actor()
    patient_id = request.form.get("patient_id", "")
    amend = request.form.get("amend", "")
    version = request.form.get("version", "")
    cells = {name: request.form.get(name, "") for name in FORM_COLUMNS}
    order, found = read(cells, order_id=amend or f"o-{uuid4().hex[:12]}", patient=patient_id, prescriber=who.id)
    reason = request.form.get("reason", "")
    if amend and not reason.strip():
        found = {**found, "reason": page.t("amend-needs-reason")}
    if amend and not (version.isascii() and version.isdigit()):
        abort(400)
    if order is None or found:
        return _shown(patient_id, {**cells, "reason": reason}, found, amend=amend, version=version), 422
    try:
        with transaction(who) as tx:
            if amend:
                verbs.amend(tx, who, order, version=int(version), reason=reason)
            else:
                verbs.place(tx, who, order)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return _shown(patient_id, {**cells, "reason": reason}, {}, amend=amend, version=version), 409
    page.say("done-amend" if amend else "done-place")
    return page.back(url_for("patients.show", patient_id=patient_id, _anchor=f"order-{order.id}"))


@room.post("/<order_id>/act")
@requires(PLACE_ORDERS)
def act(order_id: str) -> BaseResponse:
    who = actor()
    verb = {"hold": verbs.hold, "resume": verbs.resume, "stop": verbs.stop}.get(request.form.get("action", ""))
    version = request.form.get("version", "")
    if verb is None or not (version.isascii() and version.isdigit()) or len(version) > 6:
        abort(400)
    back = url_for("patients.show", patient_id=request.form.get("patient", ""), _anchor=f"order-{order_id}")
    if not request.form.get("reason", "").strip():
        page.say("act-needs-reason", "danger")
        return page.back(back)
    try:
        with transaction(who) as tx:
            verb(tx, who, order_id, int(version), reason=request.form.get("reason", ""))
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("done-act")
    return page.back(back)


@room.post("/questions/<int:question>")
@requires(PLACE_ORDERS)
def answer(question: int) -> BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            verbs.answer(tx, who, question, text_=request.form.get("text", ""))
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("done-answer")
    return page.back(url_for("patients.show", patient_id=request.args.get("patient_id", "")))
