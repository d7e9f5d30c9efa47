"""The first page: it leads each role to its work, with how much of it waits. And the choice of language."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from server.security import permissions as may
from server.security import person
from server.store import emergencies, incidents, incoming, orders, outbox, views_fleet, views_pharmacy, views_review
from server.store.transaction import reading
from server.usecases import incoming as arriving
from server.web import page, work

room = Blueprint("home", __name__)

LATE_INCIDENT = timedelta(days=2)


@room.get("/")
def show() -> Response | str:
    who = person.actor()
    held = person.permissions()
    tiles: list[dict[str, object]] = []

    def tile(endpoint: str, code: str, count: int | None = None, bad: int = 0, text: str = "") -> None:
        words = page.t(text or f"tile-{code}")
        tiles.append({"address": url_for(endpoint), "title": page.t(f"menu-{code}"), "text": words, "n": count, "bad": bad})

    with reading(who) as tx:
        if may.VERIFY_ORDERS in held:
            tile("pharmacy.queue", "pharmacy", orders.queue_length(tx))
        if may.SEE_BOARD in held:
            tile("ward.board", "ward")
            tile("bags.listed", "bags")
        if may.PLACE_ORDERS in held:
            asked = len(views_pharmacy.open_questions(tx))
            tile("patients.find", "prescribe", asked, asked)
        elif may.SEE_PATIENTS in held:
            tile("patients.find", "patients")
        if may.SEE_WORK in held:
            owed = work.waiting()
            tile("work.show", "work", None if owed is None else owed[0], 0 if owed is None else owed[1])
        if may.SEE_REVIEW in held:
            waiting = views_review.waiting(tx)
            tile("review.show", "review", waiting, waiting)
        if may.REVIEW_EMERGENCY in held:
            unjudged, overdue = emergencies.waiting(tx)
            tile("emergency.listed", "emergency", unjudged, overdue)
        if may.REVIEW_INCIDENTS in held:
            unclosed, pressing = incidents.waiting(tx, late=tx.at - LATE_INCIDENT)
            tile("incidents.listed", "incidents", unclosed, pressing)
        if may.SEE_EMR in held:
            emr = outbox.waiting(tx)
            if emr.is_late:  # what waits too long is a person's business as much as what is parked
                tile("emr.worklist", "emr", emr.parked + emr.pending, emr.parked + emr.pending, text="tile-emr-late")
            else:
                tile("emr.worklist", "emr", emr.parked, emr.parked)
        if may.HANDLE_INCOMING in held:
            rejected = incoming.counts(tx).by_state[incoming.REJECTED]
            late = any(one.is_late for one in arriving.lags(tx, page.config().fhir_feed))
            tile("incoming.listed", "incoming", rejected, rejected + late, text="tile-incoming-late" if late else "")
        if may.SEE_FLEET in held:
            carts = views_fleet.carts(tx)
            tile("fleet.carts", "fleet", sum(cart.online(tx.at) for cart in carts))
        for permission, endpoint, code in (
            (may.SEE_FORMULARY, "formulary.listed", "formulary"),
            (may.SEE_POLICY, "policy.listed", "policy"),
            (may.IMPORT, "imports.show", "import"),
            (may.MANAGE_STAFF, "staff.everybody", "staff"),
            (may.SEE_AUDIT, "audit.entries", "audit"),
            (may.SEE_REJECTED, "audit.rejected", "rejected"),
        ):
            if permission in held:
                tile(endpoint, code)
    return page.live("home.html", "_home.html", tiles=tiles)


@room.post("/language")
def language() -> BaseResponse:
    page.choose_language(request.form.get("language", ""))
    return page.back(page.inside(request.form.get("next", "/")))
