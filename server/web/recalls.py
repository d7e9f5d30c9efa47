"""Recalls (G2): a pharmacist enters the lots, and everybody who may sees who already got them, also as a file."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import NotFoundError, PointOfCareError
from server.security import viewing
from server.security.permissions import RECALL, SEE_RECALLS
from server.security.person import actor, requires
from server.store import products, recalls, tasks, views_pharmacy
from server.store.recalls import Recall, Recipient
from server.store.transaction import Transaction, reading, transaction
from server.usecases import recalls as verbs
from server.usecases.task_kinds import QUARANTINE
from server.web import faults, page
from server.web.work import spreadsheet

room = Blueprint("recalls", __name__, url_prefix="/recalls")

COLUMNS = ("certain", "at", "patient", "mrn", "name", "ward", "bed", "status", "dose", "lot", "serial", "nurse", "nurse_name", "record_id")


@room.get("/")
@requires(SEE_RECALLS)
def show() -> str:
    return _page({})


def _page(cells: Mapping[str, str]) -> str:
    """`cells`: what was written into a form that could not be taken."""
    with reading(actor()) as tx:
        found = recalls.listed(tx)
        stocked = products.listed(tx)
        names = views_pharmacy.names(tx, {one.by for one in found})
    return page.render(
        "recalls.html", recalls=found, stocked=stocked, names=names, products={one.id: one.name for one in stocked}, cells=cells
    )


@room.post("/")
@requires(RECALL)
def enter() -> BaseResponse | str:
    """Cannot be taken back, so it wants a tick; what was written stays in the form until it is taken."""
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


@room.get("/<int(max=2147483647):recall>")
@requires(SEE_RECALLS)
def one(recall: int) -> str:
    with reading(actor()) as tx:
        found, listed = _recipients(tx, recall)
        wards = [task for task in _quarantines(tx) if task.detail.get("recall") == recall]
        names = views_pharmacy.names(tx, {found.by} | {task.answered_by for task in wards})
        name = next((product.name for product in products.listed(tx) if product.id == found.product), found.product)
    viewing.seen(patients=[one.patient for one in listed], count=len(listed))
    return page.render("recall.html", recall=found, name=name, recipients=listed, wards=wards, names=names, most=recalls.MOST_LISTED)


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


def _recipients(tx: Transaction, recall: int) -> tuple[Recall, tuple[Recipient, ...]]:
    found = recalls.get(tx, recall)
    if found is None:
        raise NotFoundError(f"recall {recall} does not exist", remedy="look at the list of recalls", recall=recall)
    return found, recalls.recipients(tx, found)


def _split(text: str) -> tuple[str, ...]:
    """Lots as people write them: one a line, or with commas or semicolons between."""
    return tuple(part.strip() for part in re.split(r"[\n,;]", text[:20_000]) if part.strip())
