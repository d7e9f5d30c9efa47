"""Recalls (G2): a pharmacist enters the lots, and everybody who may sees at once who already got them and who is due for the product, also
as files, and which carts stop it already. Lifting one takes a second person, who answers a task."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import NotFoundError, PointOfCareError
from pointofcare.orders import timing
from server.security import viewing
from server.security.permissions import RECALL, SEE_RECALLS
from server.security.person import actor, requires
from server.store import formulary, products, recalls, tasks, views_due, views_formulary, views_pharmacy
from server.store.recalls import Recall, Recipient
from server.store.transaction import Transaction, reading, transaction
from server.store.views_due import DueOrder
from server.usecases import recalls as verbs
from server.usecases.task_kinds import QUARANTINE, RECALL_LIFT
from server.web import faults, page
from server.web.work import spreadsheet

room = Blueprint("recalls", __name__, url_prefix="/recalls")

COLUMNS = ("certain", "at", "patient", "mrn", "name", "ward", "bed", "status", "dose", "lot", "serial", "nurse", "nurse_name", "record_id")

DUE_COLUMNS = ("patient", "mrn", "name", "ward", "bed", "order", "display", "next_due")


@room.get("/")
@requires(SEE_RECALLS)
def show() -> str:
    # A link from another pack's recall brings its cells along.
    return _page({name: request.args.get(name, "")[:500] for name in ("gtin", "lots", "reason")})


def _page(cells: Mapping[str, str]) -> str:
    """`cells`: what was written into a form that could not be taken."""
    with reading(actor()) as tx:
        found = recalls.listed(tx)
        stocked = products.listed(tx)
        names = views_pharmacy.names(tx, {one.by for one in found})
        lifts = tasks.by_key(tx, RECALL_LIFT, [str(one.id) for one in found])
    return page.render(
        "recalls.html",
        recalls=found,
        stocked=stocked,
        names=names,
        lifts=lifts,
        products={one.id: one.name for one in stocked},
        cells=cells,
    )


@room.post("/")
@requires(RECALL)
def enter() -> BaseResponse | str:
    """Stops a lot everywhere, so it wants a tick; what was written stays in the form until it is taken."""
    who = actor()
    if request.form.get("sure") != "yes":
        page.say("recall-not-sure", "danger")
        return _page(request.form)
    try:
        with transaction(who) as tx:
            made = verbs.recall(
                tx,
                who,
                gtin=request.form.get("gtin", "").strip()[:14],
                lots=_split(request.form.get("lots", "")),
                serials=_split(request.form.get("serials", "")),
                reason=request.form.get("reason", ""),
            )
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return _page(request.form)
    page.say("done-recall")
    return page.back(url_for("recalls.one", recall=made.id))


@room.post("/<int(max=2147483647):recall>/lift")
@requires(RECALL)
def lift(recall: int) -> BaseResponse:
    """Asks; another person lifts it."""
    who = actor()
    here = url_for("recalls.one", recall=recall)
    if request.form.get("sure") != "yes":
        page.say("recall-lift-not-sure", "danger")
        return page.back(here)
    try:
        with transaction(who) as tx:
            verbs.ask_to_lift(tx, who, recall, reason=request.form.get("reason", ""))
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("done-recall-lift")
    return page.back(here)


@room.get("/<int(max=2147483647):recall>")
@requires(SEE_RECALLS)
def one(recall: int) -> str:
    with reading(actor()) as tx:
        found, listed = _recipients(tx, recall)
        wards = [task for task in _quarantines(tx) if task.detail.get("recall") == recall]
        lifting = tasks.find(tx, RECALL_LIFT, str(recall))
        people = {found.by} | {task.answered_by for task in wards}
        if lifting is not None:
            people |= {lifting.answered_by, str(lifting.detail.get("nurse") or "")}
        names = views_pharmacy.names(tx, people)
        product = products.find(tx, found.product)
        due = views_due.of_product(tx, product) if product is not None else ()
        held = formulary.get(tx, found.product)
        base = held.pack_of if held is not None and held.pack_of else found.product
        family = [one.product.gtin for one in (formulary.get(tx, base), *formulary.packs(tx, base)) if one is not None]
        reach = views_formulary.reach(tx)
        at = tx.at
    viewing.seen(patients=[*(one.patient for one in listed), *(one.order.patient for one in due)], count=len(listed) + len(due))
    return page.render(
        "recall.html",
        recall=found,
        name=product.name if product is not None else found.product,
        recipients=listed,
        wards=wards,
        lifting=lifting,
        names=names,
        most=recalls.MOST_LISTED,
        due=[(one, _next(one, at)) for one in due],
        most_due=views_due.MOST_LISTED,
        reach=reach,
        siblings=[gtin for gtin in family if gtin != found.gtin],
    )


def _next(one: DueOrder, now: datetime) -> datetime | None:
    """None: as needed, or not to be computed; the order stands on the list all the same."""
    try:
        return timing.next_due(one.order, one.timezone or page.config().timezone, now)
    except PointOfCareError:
        return None


def _quarantines(tx: Transaction) -> tuple[tasks.Task, ...]:
    kinds = (QUARANTINE,)
    return (*tasks.listed(tx, kinds=kinds, limit=500), *tasks.listed(tx, kinds=kinds, is_open=False, limit=500))


@room.get("/<int(max=2147483647):recall>/recipients.csv")
@requires(SEE_RECALLS)
def export(recall: int) -> Response:
    with reading(actor()) as tx:
        _, listed = _recipients(tx, recall)
    viewing.seen(patients=[one.patient for one in listed], count=len(listed))
    rows = [
        (
            "yes" if one.certain else "lot not known", one.at.isoformat(), one.patient, one.mrn, one.name, one.ward, one.bed, one.status,
            one.dose, one.lot, one.serial, one.nurse, one.nurse_name, one.record_id,
        )
        for one in listed
    ]  # fmt: skip
    return spreadsheet(f"recall-{recall}.csv", COLUMNS, rows)


@room.get("/<int(max=2147483647):recall>/due.csv")
@requires(SEE_RECALLS)
def export_due(recall: int) -> Response:
    with reading(actor()) as tx:
        found, _ = _recipients(tx, recall)
        product = products.find(tx, found.product)
        due = views_due.of_product(tx, product) if product is not None else ()
        at = tx.at
    viewing.seen(patients=[one.order.patient for one in due], count=len(due))
    rows = [
        (one.order.patient, one.mrn, one.patient_name, one.ward, one.bed, one.order.id, one.order.display, when.isoformat() if when else "")
        for one, when in ((one, _next(one, at)) for one in due)
    ]
    return spreadsheet(f"recall-{recall}-due.csv", DUE_COLUMNS, rows)


def _recipients(tx: Transaction, recall: int) -> tuple[Recall, tuple[Recipient, ...]]:
    found = recalls.get(tx, recall)
    if found is None:
        raise NotFoundError(f"recall {recall} does not exist", remedy="look at the list of recalls", recall=recall)
    return found, recalls.recipients(tx, found)


def _split(text: str) -> tuple[str, ...]:
    """Lots as people write them: one a line, or with commas or semicolons between."""
    return tuple(part.strip() for part in re.split(r"[\n,;]", text[:20_000]) if part.strip())
