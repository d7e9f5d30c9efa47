"""The prescriber's form: place an order, amend it, hold, resume or stop it, answer the pharmacist.

The form reads with the same rules as an import and names the field and what to do; it never fills in a dose, a unit or a time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from flask import Blueprint, abort, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError
from pointofcare.orders.order import DayOfWeek, Dosage, Order, OrderCategory, OrderStatus
from pointofcare.products import Product
from server.security import viewing
from server.security.permissions import PLACE_ORDERS
from server.security.person import actor, requires
from server.store import orders, patients, products
from server.store.transaction import reading, transaction
from server.usecases import admission, import_csv, import_orders, order_checks
from server.usecases import orders as verbs
from server.usecases.import_rows import FieldError, Place, Problem, clarify_parts
from server.web import faults, moments, order_preview, page
from server.web.order_preview import AMOUNTS, Preview

_TRAILING_ZERO = re.compile(r"\d\.\d*0(?!\d)")

room = Blueprint("orders", __name__, url_prefix="/orders")

_ROW = re.compile(r"dosages\[([0-9]+)\]")
ROUTES = ("PO", "IV", "IM", "SC", "SL", "PR", "INH", "TOP", "TD", "NASAL", "NG")
FORM_COLUMNS = (
    "ingredient", "form", "route", "category", "dose", "dose_max", "times", "every", "start", "end", "time_critical",
    "needs_double_check", "prn_reasons", "prn_min_interval", "prn_max_24h", "rate", "rate_max", "additives", "indication", "display",
    "days_of_week", "own_supply", "counts_days",
)  # fmt: skip
FLAGS = ("time_critical", "needs_double_check", "own_supply", "counts_days")
# The rows of a taper. "together": the row holds beside the one above it instead of following it.
STEP_COLUMNS = ("dose", "dose_max", "rate", "times", "every", "days_of_week", "start", "end", "together")
FEWEST_ROWS, MOST_ROWS = 3, 20


def read(
    cells: Mapping[str, str], *, order_id: str, patient: str, prescriber: str, rows: Sequence[Mapping[str, str]] = ()
) -> tuple[Order | None, dict[str, str]]:
    """The order that the form asks for, or the faults by field, each saying what to do. `rows` are those of its taper."""
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
    built = import_orders.build(place=place, certain=told, uncertain=uncertain, steps=_steps(rows))
    for code, value in built.clarify:
        if found and not code.endswith("-unreadable"):
            continue
        name = import_orders.field_of(code, value)
        row = _ROW.match(value)
        said = "; ".join(clarify_parts(language, ((code, value),)))
        found.setdefault(name, f"{int(row[1]) + 1}. {said}" if row else said)
    return (None, found) if found else (replace(built.order, status=OrderStatus.ACTIVE), {})


def _steps(rows: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The filled rows as steps, each after the one above it or beside it."""
    steps: list[dict[str, str]] = []
    sequence = 0
    for row in rows:
        cells = {name: row.get(name, "").strip() for name in STEP_COLUMNS}
        together = bool(cells.pop("together")) and bool(steps)
        if not any(cells.values()):
            continue
        sequence += 0 if together else 1
        bounds = {name: _with_zone(cells[name]) for name in ("start", "end") if cells[name]}
        steps.append({**cells, **bounds, "sequence": str(sequence)})
    return steps


def _rows(asked: MultiDict[str, str]) -> list[dict[str, str]]:
    """The taper's rows of a sent form."""
    found = []
    for number in range(1, MOST_ROWS + 1):
        row = {name: asked.get(f"step-{number}-{name}", "") for name in STEP_COLUMNS}
        row["days_of_week"] = "|".join(asked.getlist(f"step-{number}-days_of_week"))
        found.append(row)
    used = max((number for number, row in enumerate(found, start=1) if any(row.values())), default=0)
    return found[:used]


def _rows_of(order: Order) -> list[dict[str, str]]:
    """The steps of an order as the form shows them."""
    rows = []
    before = None
    for step in order.dosages:
        rows.append({**_timed_cells(step), "rate": str(step.rate or ""), "together": "yes" if step.sequence == before else ""})
        before = step.sequence
    return rows


def _timed_cells(step: Order | Dosage) -> dict[str, str]:
    zone = page.zone()
    return {
        "dose": str(step.dose_range[0]) if step.dose_range else str(step.dose or ""),
        "dose_max": str(step.dose_range[1]) if step.dose_range else "",
        "times": "|".join(at.strftime("%H:%M") for at in step.times),
        "every": f"{step.every.total_seconds() / 3600:g} h" if step.every else "",
        "days_of_week": "|".join(day.value for day in step.days_of_week),
        "start": moments.shown(step.start.astimezone(zone)) if step.start else "",
        "end": moments.shown(step.end.astimezone(zone)) if step.end else "",
    }


def _with_zone(cell: str) -> str:
    """A form's moment is wall clock of the ward."""
    at = moments.typed(cell)
    if at is None:
        return cell
    return cell if at.tzinfo is not None else at.replace(tzinfo=page.zone()).isoformat()


def _cells(order: Order) -> dict[str, str]:
    """An order as the form shows it."""
    prn = order.prn
    return {
        **_timed_cells(order),
        "ingredient": order.ingredient,
        "form": order.form,
        "route": order.route,
        "category": order.category.value,
        **{name: "yes" if getattr(order, name) else "" for name in FLAGS},
        "prn_reasons": "|".join(prn.reasons) if prn else "",
        "prn_min_interval": f"{prn.min_interval.total_seconds() / 3600:g} h" if prn and prn.min_interval else "",
        "prn_max_24h": str(prn.max_per_24h) if prn and prn.max_per_24h else "",
        "rate": str(order.rate_range[0] if order.rate_range else order.rate or ""),
        "rate_max": str(order.rate_range[1]) if order.rate_range else "",
        "additives": "|".join(order.additives),
        "indication": order.indication or "",
        # A line that was made from the fields is made again: kept, it would go on saying what was amended.
        "display": "" if order.display == import_orders.display_line(order) else order.display,
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
    rows = _rows_of(before.order) if before is not None else []
    return _shown(wanted, cells, {}, rows=rows, amend=amend, version=str(before.order.version) if before else "")


def _now() -> str:
    return moments.shown(datetime.now(page.zone()))


def _shown(
    patient_id: str,
    cells: Mapping[str, str],
    found: Mapping[str, str],
    *,
    rows: Sequence[Mapping[str, str]],
    amend: str,
    version: str,
    preview: Preview | None = None,
    order_id: str = "",
) -> str:
    empty: Mapping[str, str] = {}
    spare = max(FEWEST_ROWS, min(len(rows) + 2, MOST_ROWS)) - len(rows)
    with reading(actor()) as tx:
        patient = patients.get(tx, patient_id)
        stock = products.listed(tx)
        alike = admission.alike_in_ward(tx, patient.ward, patient_id)
    viewing.seen(patient=patient_id)
    return page.render(
        "order_form.html",
        **form_context(stock),
        alike=alike,
        preview=preview,
        order_id=order_id or order_preview.new_id(),
        sentence=order_preview.sentence,
        patient=patient,
        cells=cells,
        rows=[*rows, *([empty] * spare)],
        stepped=bool(rows),
        days=[day.value for day in DayOfWeek],
        faults=found,
        amend=amend,
        version=version,
    )


def form_context(stock: Sequence[Product]) -> dict[str, object]:
    """What the form offers to choose from."""
    return {
        "categories": [category.value for category in OrderCategory],
        "routes": ROUTES,
        "forms": sorted({product.form for product in stock}),
        "ingredients": sorted({"/".join(part.name for part in product.ingredients) for product in stock}),
    }


def _trailing_zeros(cells: Mapping[str, str], rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Amounts such as "1.000 mg" or "5.0 mg": a thousand to one reader and one to another, fifty where the point is not seen. Nobody
    types one by hand; where a point groups thousands, as in Vietnamese and French, it would be a thousandth of what was meant."""
    faults = {name: page.t("amount-trailing-zero") for name in AMOUNTS if _TRAILING_ZERO.search(cells.get(name, ""))}
    if any(_TRAILING_ZERO.search(str(row.get(name) or "")) for row in rows for name in AMOUNTS):
        faults["steps"] = page.t("amount-trailing-zero")
    return faults


@room.post("/new")
@requires(PLACE_ORDERS)
def place() -> BaseResponse | tuple[str, int]:
    who = actor()
    patient_id = request.form.get("patient_id", "")
    amend = request.form.get("amend", "")
    version = request.form.get("version", "")
    cells, rows = sent_cells(), _rows(request.form)
    order_id = amend or order_preview.id_of(request.form.get("order_id", ""))
    order, found = read_written(cells, rows, order_id=order_id, patient=patient_id, prescriber=who.id)
    reason = request.form.get("reason", "")
    if amend and not reason.strip():
        found = {**found, "reason": page.t("amend-needs-reason")}
    if amend and not (version.isascii() and version.isdigit()):
        abort(400)
    shown = {**cells, "reason": reason, "override": request.form.get("override", "")}
    again = {"rows": rows, "amend": amend, "version": version, "order_id": order_id}
    if order is None or found:
        return _shown(patient_id, shown, found, **again), 422  # type: ignore[arg-type]
    with reading(who) as tx:
        preview = order_preview.made(tx, order)
    override = request.form.get("override", "").strip()
    if request.form.get("step") == "look":
        return _shown(patient_id, shown, {}, preview=preview, **again), 200  # type: ignore[arg-type]
    if preview.is_blocked or (preview.must_be_seen and request.form.get("seen") != preview.seen):
        return _shown(patient_id, shown, {}, preview=preview, **again), 422  # type: ignore[arg-type]
    if preview.needs_reason and not override:
        return _shown(patient_id, shown, {"override": page.t("order-override-needed")}, preview=preview, **again), 422  # type: ignore[arg-type]
    order = order_checks.accepted(order, preview.notes, reason=override, prescriber=who.id)
    try:
        with transaction(who) as tx:
            if amend:
                why = f"{reason.strip()} | {override}" if override and preview.needs_reason else reason
                verbs.amend(tx, who, order, version=int(version), reason=why)
            else:
                verbs.place(tx, who, order, reason=override if preview.needs_reason else None)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return _shown(patient_id, shown, {}, **again), 409  # type: ignore[arg-type]
    page.say("done-amend" if amend else "done-place")
    return page.back(url_for("patients.show", patient_id=patient_id, _anchor=f"order-{order.id}"))


def sent_cells() -> dict[str, str]:
    """The cells of a sent form, as they were typed."""
    cells = {name: request.form.get(name, "") for name in FORM_COLUMNS}
    cells["days_of_week"] = "|".join(request.form.getlist("days_of_week"))
    return cells


def read_written(
    cells: Mapping[str, str], rows: Sequence[Mapping[str, str]], *, order_id: str, patient: str, prescriber: str
) -> tuple[Order | None, dict[str, str]]:
    """As `read`, of a form as people write it: a decimal comma, "8h", "sáng", "mỗi 8 giờ"."""
    plain, unclear = order_preview.written(cells)
    plain_rows, unclear_rows = order_preview.written_rows(rows)
    order, found = read(plain, order_id=order_id, patient=patient, prescriber=prescriber, rows=plain_rows)
    return order, {**found, **_trailing_zeros(plain, plain_rows), **unclear_rows, **unclear}


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


@room.post("/questions/<int(max=2147483647):question>")
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
    # Whoever answers from the own list goes on with the next of it.
    if "at_whose" in request.form:
        back = {name: request.form.get(f"at_{name}", "")[:64] or None for name in ("whose", "ward")}
        return page.back(url_for("prescriber.show", _anchor="asked", **back))  # type: ignore[arg-type]
    return page.back(url_for("patients.show", patient_id=request.args.get("patient_id", "")))
