"""Infusion bags: which orders want one, preparing one with its label, the list with what became of each, and opened containers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta

import segno
from flask import Blueprint, Response, abort, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError
from pointofcare.orders import dosage
from pointofcare.orders.order import OrderStatus
from server.security import viewing
from server.security.permissions import PREPARE_BAGS, SEE_BOARD
from server.security.person import actor, requires
from server.store import bags, bedside, containers, orders, patients, products, views_patients, views_pharmacy
from server.store.bags import Content
from server.store.infusions import RunState
from server.store.orders import Verification
from server.store.transaction import reading, transaction
from server.usecases import bags as verbs
from server.web import care, faults, page, printing
from server.web.ward import chosen_ward

room = Blueprint("bags", __name__, url_prefix="/bags")

VIEWS: Mapping[str, tuple[RunState, ...]] = {
    "open": (RunState.PREPARED, RunState.INFUSING, RunState.PAUSED, RunState.STOPPED, RunState.MISSING),
    "ended": (RunState.COMPLETED, RunState.DISCARDED),
}
USE_WITHIN_H = (4, 8, 12, 24, 48)
ROWS = 4
DROP_FACTORS = (15, 20, 60)
_LOT = re.compile(r"[!-~]{1,20}")


@room.get("/")
@requires(SEE_BOARD)
def listed() -> Response | str:
    view = request.args.get("view", "open")
    view = view if view in VIEWS else "open"
    with reading(actor()) as tx:
        wards = views_patients.wards(tx)
        ward = chosen_ward(wards)
        found = bags.listed(tx, ward=ward.id, states=VIEWS[view]) if ward is not None else ()
        look = bedside.of_ward(tx, ward.id) if ward is not None else None
        stock = products.listed(tx)
        opened = care.opened(containers.of_ward(tx, ward.id), stock, tx.at) if ward is not None else ()
        names = views_pharmacy.names(tx, [bag.prepared_by for bag in found] + [bag.discarded_by for bag in found])
        now = tx.at
    viewing.seen(ward=ward.id if ward is not None else "", count=len(found))
    waiting = {bag.order for bag in found if bag.state is RunState.PREPARED}
    whose = {patient.id: patient for patient in look.patients} if look is not None else {}
    wanted = [
        order
        for order in (look.orders if look is not None else ())
        if order.status is OrderStatus.ACTIVE and order.verified and verbs.is_for_bags(order)
    ]
    return page.live(
        "bags.html",
        "_bags.html",
        arguments={"ward": ward.id if ward else "", "view": view},
        wards=wards,
        ward=ward.id if ward else "",
        view=view,
        views=VIEWS,
        bags=found,
        wanted=sorted(wanted, key=lambda order: (order.id in waiting, (whose[order.patient].bed or ""), order.id)),
        waiting=waiting,
        whose=whose,
        opened=opened,
        names=names,
        now=now,
    )


@room.get("/find")
@requires(SEE_BOARD)
def find() -> BaseResponse:
    typed = request.args.get("q", "")[:100]
    try:
        with reading(actor()) as tx:
            found = verbs.known(tx, typed)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return page.back(url_for("bags.listed"))
    return page.back(url_for("bags.show", bag=found))


@room.get("/prepare/<order_id>")
@requires(PREPARE_BAGS)
def form(order_id: str) -> str:
    return _form(order_id, {})


def _form(order_id: str, cells: Mapping[str, str]) -> str:
    with reading(actor()) as tx:
        view = orders.get(tx, order_id)
        order = dosage.effective(view.order, tx.at)
        patient = patients.get(tx, order.patient)
        stock = products.listed(tx)
        ready = bags.listed(tx, order=order_id, states=VIEWS["open"])
    viewing.seen(patient=order.patient)
    return page.render(
        "bag_form.html",
        view=view,
        order=order,
        printed=verbs.printed_for(order),
        patient=patient,
        can=order.status is OrderStatus.ACTIVE and view.verification is Verification.VERIFIED and verbs.is_for_bags(order),
        fitting=[product for product in stock if verbs.fits(product, order)],
        others=[product for product in stock if not verbs.fits(product, order)],
        ready=ready,
        rows=range(ROWS),
        cells=cells,
        hours=USE_WITHIN_H,
        drops=[(factor, care.drops(order.rate, factor)) for factor in DROP_FACTORS],
    )


@room.post("/prepare/<order_id>")
@requires(PREPARE_BAGS)
def prepare(order_id: str) -> BaseResponse | tuple[str, int]:
    who = actor()
    version, hours = request.form.get("version", ""), request.form.get("use_within", "24")
    if not (version.isascii() and version.isdigit()) or len(version) > 6 or hours not in {str(one) for one in USE_WITHIN_H}:
        abort(400)
    contents, fault = _contents()
    if fault:
        page.say(fault, "danger")
        return _form(order_id, request.form), 422
    try:
        with transaction(who) as tx:
            bag = verbs.prepare(tx, who, order_id, int(version), contents=contents, use_within=timedelta(hours=int(hours)))
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return _form(order_id, request.form), 409
    page.say("bag-was-prepared", bag=bag.id)
    return page.back(url_for("bags.show", bag=bag.id))


def _contents() -> tuple[list[Content], str]:
    found = []
    for row in range(ROWS):
        product = request.form.get(f"product{row}", "")
        lot, expiry = request.form.get(f"lot{row}", "").strip(), request.form.get(f"expiry{row}", "").strip()
        if not product:
            if lot or expiry:
                return [], "bag-needs-product"
            continue
        if lot and not _LOT.fullmatch(lot):
            return [], "bag-bad-lot"
        try:
            day = date.fromisoformat(expiry).isoformat() if expiry else None
        except ValueError:
            return [], "bag-bad-expiry"
        found.append(Content(product=product, name="", lot=lot or None, expiry=day))
    return found, ""


@room.get("/<bag>")
@requires(SEE_BOARD)
def show(bag: str) -> str:
    with reading(actor()) as tx:
        found = bags.get(tx, bag)
        names = views_pharmacy.names(tx, [found.prepared_by, found.discarded_by])
    viewing.seen(patient=found.patient)
    return page.render("bag.html", bag=found, names=names, code=code(found.id), drops=_drops(found), **printing.choices("bag"))


def code(bag: str) -> Markup:
    """The bag's id as a QR code, drawn into the page: 2 mm a module on paper at the size that the style gives it."""
    drawn = segno.make(bag, error="q", micro=False)
    return Markup(drawn.svg_inline(border=4, scale=1, omitsize=True, svgclass="code", lineclass=None))


def _drops(found: bags.BagView) -> list[tuple[int, int | None]]:
    return [(factor, care.drops(found.printed_for.rate, factor)) for factor in DROP_FACTORS]


@room.post("/<bag>")
@requires(PREPARE_BAGS)
def act(bag: str) -> BaseResponse:
    who = actor()
    action = request.form.get("action", "")
    if action not in ("discard", "missing"):
        abort(400)
    try:
        with transaction(who) as tx:
            if action == "discard":
                verbs.discard(tx, who, bag, reason=request.form.get("reason", ""))
            else:
                verbs.miss(tx, who, bag)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say(f"bag-done-{action}", bag=bag)
    return page.back(url_for("bags.show", bag=bag))
