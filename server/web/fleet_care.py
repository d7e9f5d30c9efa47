"""The maintenance calendar of the carts: what is due and overdue, what was done and by whom; its file for other calendars; asset facts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import MessageError
from server.security import person
from server.security.permissions import MANAGE_MACHINES, SEE_FLEET
from server.security.person import actor, requires
from server.store import fleet_care as store
from server.store import patients, views_pharmacy
from server.store.fleet_care import Care
from server.store.transaction import Transaction, reading, transaction
from server.usecases import fleet_calendar
from server.usecases import fleet_care as verbs
from server.usecases.fleet_care import ASSET_FIELDS, KINDS, RECURRENCES
from server.web import fleet, page
from server.web.work import spreadsheet

room = Blueprint("fleet_care", __name__, url_prefix="/fleet-care")

SHOWN = 100
SOON = timedelta(days=30)
PROBLEMS_SHOWN = 100


@room.get("/")
@requires(SEE_FLEET)
def calendar() -> str:
    return _calendar()


def _calendar(
    *, cells: Mapping[str, str] | None = None, faults: Mapping[str, str] | None = None, problems: tuple[verbs.Problem, ...] = ()
) -> str:
    with reading(actor()) as tx:
        today = _today()
        chosen = _chosen()
        number = int(request.args.get("page", "1")) if request.args.get("page", "1") in {str(n) for n in range(1, 1000)} else 1
        found = store.open_ones(
            tx,
            ward=chosen.get("ward", ""),
            kind=chosen.get("kind", ""),
            before=_before(chosen.get("due", ""), today),
            offset=(number - 1) * SHOWN,
            limit=SHOWN + 1,
        )
        total, late = store.counts(tx, today)
        context = _form(tx)
    return page.render(
        "fleet_care.html",
        cares=found[:SHOWN],
        more=len(found) > SHOWN,
        number=number,
        total=total,
        late=late,
        today=today,
        soon=today + SOON,
        chosen=chosen,
        cells=cells or {},
        faults=faults or {},
        problems=problems[:PROBLEMS_SHOWN],
        problem_count=len(problems),
        may_change=person.may(MANAGE_MACHINES),
        tabs=fleet.tabs(),
        **context,
    )


def _form(tx: Transaction) -> dict[str, Any]:
    return {"kinds": KINDS, "recurrences": RECURRENCES, "wards": patients.wards(tx)}


def _chosen() -> dict[str, str]:
    told = {name: request.args.get(name, "")[:64].replace("\x00", "") for name in ("ward", "kind", "due")}
    told["kind"] = told["kind"] if told["kind"] in KINDS else ""
    told["due"] = told["due"] if told["due"] in ("late", "soon") else ""
    return {name: value for name, value in told.items() if value}


def _before(due: str, today: date) -> date | None:
    return {"late": today, "soon": today + SOON}.get(due)


def _today() -> date:
    return page.today()


@room.get("/care.ics")
@requires(SEE_FLEET)
def ics() -> Response:
    """What is open, as the filters of the page choose, for a calendar."""
    with reading(actor()) as tx:
        chosen = _chosen()
        found = store.open_ones(
            tx, ward=chosen.get("ward", ""), kind=chosen.get("kind", ""), before=_before(chosen.get("due", ""), _today()), limit=5000
        )
        told = fleet_calendar.written(found, facility=tx.facility, at=tx.at, summary=_summary)
    return Response(told, mimetype="text/calendar", headers={"Content-Disposition": "attachment; filename=cart-care.ics"})


def _summary(care: Care) -> str:
    return f"{page.word('care-kind', care.kind)}: {care.cart}"


@room.get("/care.csv")
@requires(SEE_FLEET)
def export() -> Response:
    with reading(actor()) as tx:
        found = store.open_ones(tx, limit=5000)
    head = ("cart", "ward", "kind", "due_on", "every_days", "note")
    return spreadsheet("cart-care.csv", head, [[c.cart, c.ward, c.kind, c.due_on.isoformat(), c.every_days, c.note] for c in found])


@room.post("/plan")
@requires(MANAGE_MACHINES)
def plan() -> str | BaseResponse | tuple[str, int]:
    cells = {name: request.form.get(name, "")[:1000] for name in ("cart", "kind", "due_on", "every_days", "note")}
    who = actor()
    try:
        with transaction(who) as tx:
            verbs.plan(tx, who, **cells)
    except MessageError as exc:
        return _calendar(cells=cells, faults=_told(exc)), 422
    page.say("care-planned", cart=cells["cart"])
    return page.back(_return())


@room.post("/<int:care>/done")
@requires(MANAGE_MACHINES)
def done(care: int) -> BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            following = verbs.done(tx, who, care, on=request.form.get("on", ""), note=request.form.get("note", ""))
            found = store.get(tx, following) if following is not None else None
    except MessageError as exc:
        _say_all(exc)
        return page.back(_return())
    if found is not None:
        page.say("care-done-next", day=page.day(found.due_on))
    else:
        page.say("care-done")
    return page.back(_return())


@room.post("/<int:care>/drop")
@requires(MANAGE_MACHINES)
def drop(care: int) -> BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            verbs.drop(tx, who, care, why=request.form.get("why", ""))
    except MessageError as exc:
        _say_all(exc)
    else:
        page.say("care-dropped")
    return page.back(_return())


@room.post("/asset/<cart_id>")
@requires(MANAGE_MACHINES)
def set_asset(cart_id: str) -> BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            verbs.set_asset(tx, who, cart_id, {name: request.form.get(name, "") for name in ASSET_FIELDS})
    except MessageError as exc:
        _say_all(exc)
    else:
        page.say("care-asset-kept")
    return page.back(url_for("fleet.cart", cart_id=cart_id) + "#asset")


@room.post("/assets")
@requires(MANAGE_MACHINES)
def import_assets() -> str | BaseResponse | tuple[str, int]:
    who = actor()
    file = request.files.get("file")
    content = file.read(verbs.MOST_IMPORT_BYTES + 1) if file is not None else b""
    try:
        with transaction(who) as tx:
            number, problems = verbs.import_assets(tx, who, content)
    except MessageError as exc:
        return _calendar(faults=_told(exc)), 422
    if problems:
        return _calendar(problems=problems), 422
    page.say("care-imported", n=number)
    return page.back(url_for("fleet_care.calendar"))


@room.get("/assets.csv")
@requires(SEE_FLEET)
def assets() -> Response:
    """The asset facts as the import takes them."""
    with reading(actor()) as tx:
        found = store.all_assets(tx)
    rows = [[one.cart, *(getattr(one, name) if getattr(one, name) is not None else "" for name in ASSET_FIELDS)] for one in found]
    return spreadsheet("cart-assets.csv", ("cart", *ASSET_FIELDS), rows)


def names(tx: Transaction, cares: tuple[Care, ...]) -> dict[str, str]:
    """Who planned and did these."""
    return dict(views_pharmacy.names(tx, {one.ended_by or one.made_by for one in cares}))


def _told(exc: MessageError) -> dict[str, str]:
    return {field: page.t(code) for field, code in exc.problems}


def _say_all(exc: MessageError) -> None:
    for _, code in exc.problems:
        page.say(code, "danger")


def _return() -> str:
    """The cart's page where the form stood there."""
    cart = request.form.get("back", "")
    return url_for("fleet.cart", cart_id=cart) + "#care" if cart else url_for("fleet_care.calendar")
