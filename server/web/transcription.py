"""Orders from paper or by word of mouth: the nurse's form, and the list of copies that wait for a second person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError
from pointofcare.orders.order import DayOfWeek
from server.security import viewing
from server.security.permissions import COMPARE_ORDERS, TRANSCRIBE
from server.security.person import actor, requires
from server.store import patients, products, transcriptions, views_patients, views_pharmacy, views_prescriber
from server.store.transaction import reading, transaction
from server.usecases import admission
from server.usecases import transcription as verbs
from server.web import faults, moments, order_preview, orders, page

room = Blueprint("transcription", __name__, url_prefix="/transcription")


@room.get("/new")
@requires(TRANSCRIBE)
def form() -> str:
    now = moments.shown(datetime.now(page.zone()))
    return _form(request.args.get("patient_id", "")[:64], {"start": now, "ordered_at": now}, {})


@room.post("/new")
@requires(TRANSCRIBE)
def enter() -> str | BaseResponse | tuple[str, int]:
    who = actor()
    patient_id = request.form.get("patient_id", "")[:64]
    cells = orders.sent_cells() | {name: request.form.get(name, "")[:64] for name in ("way", "ordered_by", "ordered_at", "read_back")}
    order_id = order_preview.id_of(request.form.get("order_id", ""))
    order, found = orders.read_written(cells, (), order_id=order_id, patient=patient_id, prescriber=cells["ordered_by"])
    at = _moment(cells["ordered_at"])
    for name, ok in (("way", cells["way"]), ("ordered_by", cells["ordered_by"]), ("ordered_at", at)):
        if not ok:
            found.setdefault(name, page.t(f"transcribe-fault-{name.replace('_', '-')}"))
    if cells["way"] in verbs.SAID and cells["read_back"] != "yes":
        found.setdefault("read_back", page.t("transcribe-fault-read-back"))
    if order is None or found or at is None:
        return _form(patient_id, cells, found, order_id=order_id), 422
    with reading(who) as tx:
        preview = order_preview.made(tx, order)
    if request.form.get("step") == "look":
        return _form(patient_id, cells, {}, order_id=order_id, preview=preview), 200
    if preview.is_blocked or (preview.must_be_seen and request.form.get("seen") != preview.seen):
        return _form(patient_id, cells, {}, order_id=order_id, preview=preview), 422
    try:
        with transaction(who) as tx:
            verbs.transcribe(
                tx, who, order, way=cells["way"], ordered_by=cells["ordered_by"], ordered_at=at, read_back=cells["read_back"] == "yes"
            )
    except PointOfCareError as exc:
        field = exc.fields.get("field")
        if isinstance(field, str) and field in cells:
            return _form(patient_id, cells, {field: told(exc)}, order_id=order_id), 422
        page.say_plain(told(exc))
        return _form(patient_id, cells, {}, order_id=order_id), 409
    page.say("transcribe-done")
    return page.back(url_for("patients.show", patient_id=patient_id, _anchor=f"order-{order.id}"))


@room.get("/")
@requires(COMPARE_ORDERS)
def waiting() -> str:
    """Copies that nobody has compared yet, longest waiting first."""
    who = actor()
    with reading(who) as tx:
        wards = views_patients.wards(tx)
        ward = request.args.get("ward", "")
        ward = ward if ward in {line.id for line in wards} else ""
        views = views_prescriber.drafts(tx, marked=verbs.UNCHECKED, ward=ward or None)
        copied = transcriptions.of_orders(tx, [view.order.id for view in views])
        names = views_pharmacy.names(tx, {one.by for one in copied.values()} | {one.ordered_by for one in copied.values()})
        now = tx.at
    viewing.seen(patients=[view.order.patient for view in views], ward=ward, count=len(views))
    return page.render("transcriptions.html", views=views, copied=copied, names=names, wards=wards, ward=ward, me=who.id, now=now)


@room.post("/<order_id>")
@requires(COMPARE_ORDERS)
def compare(order_id: str) -> BaseResponse:
    who = actor()
    version, judged = request.form.get("version", ""), request.form.get("judged", "")
    if judged not in ("right", "wrong") or not (version.isascii() and version.isdigit()) or len(version) > 6:
        abort(400)
    try:
        with transaction(who) as tx:
            verbs.check(tx, who, order_id, int(version), right=judged == "right", comment=request.form.get("comment", ""))
    except PointOfCareError as exc:
        page.say_plain(told(exc))
    else:
        page.say("compare-done" if judged == "right" else "compare-wrong")
    return page.back(url_for("transcription.waiting"))


def told(exc: PointOfCareError) -> str:
    says = exc.fields.get("says")
    if exc.code == "text-missing":
        says = "comment"
    code = f"transcribe-fault-{says}"
    return page.t(code) if says and page.has(code) else faults.told(exc)


def _moment(text: str) -> datetime | None:
    at = moments.typed(text)
    return None if at is None else at.replace(tzinfo=page.zone()).astimezone(UTC)


def _form(patient_id: str, cells: dict[str, str], found: dict[str, str], *, order_id: str = "", preview: Any = None) -> str:
    with reading(actor()) as tx:
        patient = patients.get(tx, patient_id)
        stock = products.listed(tx)
        prescribers = views_prescriber.prescribers(tx)
        alike = admission.alike_in_ward(tx, patient.ward, patient_id)
    viewing.seen(patient=patient_id)
    return page.render(
        "order_form.html",
        **orders.form_context(stock),
        transcribe=True,
        ways=verbs.WAYS,
        prescribers={key: name for key, name in prescribers.items() if key != actor().id},
        patient=patient,
        alike=alike,
        cells=cells,
        rows=[],
        stepped=False,
        days=[day.value for day in DayOfWeek],
        faults=found,
        amend="",
        version="",
        preview=preview,
        order_id=order_id or order_preview.new_id(),
        sentence=order_preview.sentence,
    )
