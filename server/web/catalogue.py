"""The hospital's drug catalogue: finding a line, saying which product it is, the empty spreadsheet, and the lists that are in force.

A line becomes a product only by a pharmacist who writes the product; until then it waits here.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import NotFoundError, PointOfCareError
from pointofcare.vietnam import lists, strength
from server.security.permissions import EDIT_FORMULARY, SEE_FORMULARY
from server.security.person import actor, requires
from server.store import catalogue, formulary
from server.store.transaction import reading, transaction
from server.usecases import catalogue as verbs
from server.usecases import catalogue_template, retention
from server.web import faults, page

room = Blueprint("catalogue", __name__, url_prefix="/catalogue")

SHOWN = 50
FOUND = 8
ONLY = ("", "open", "unclear")


@room.get("/")
@requires(SEE_FORMULARY)
def listed() -> str:
    text, only = request.args.get("q", "")[:100], request.args.get("only", "")
    only = only if only in ONLY else ""
    with reading(actor()) as tx:
        found = catalogue.search(tx, text, only=only, after=request.args.get("after", "")[:1100], limit=SHOWN + 1)
        total, waiting = catalogue.counts(tx)
    more = catalogue.place(found[SHOWN - 1]) if len(found) > SHOWN else None
    return page.render(
        "catalogue.html", found=found[:SHOWN], next_page=more, q=text, only=only, choices=ONLY, total=total, waiting=waiting, today=_today()
    )


@room.get("/lines/<line>")
@requires(SEE_FORMULARY)
def show(line: str) -> str:
    text = request.args.get("q", "")[:100]
    with reading(actor()) as tx:
        found = catalogue.get(tx, line)
        if found is None:
            raise NotFoundError("this line is not in the catalogue", remedy="look for it again", line=line)
        held = formulary.get(tx, found.product) if found.product else None
        gtin = found.cell("GTIN")
        near = formulary.search(tx, text or gtin or strength.ingredients(found.cell("TEN_HOAT_CHAT"))[0], limit=FOUND)
    return page.render(
        "catalogue_line.html",
        line=found,
        held=held,
        near=near,
        q=text,
        control=verbs.says_control(found, _today()),
        proposed=verbs.proposed(found, _today()),
        today=_today(),
    )


@room.post("/lines/<line>")
@requires(EDIT_FORMULARY)
def link(line: str) -> BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            verbs.link(tx, who, line, request.form.get("product") or None, seen=request.form.get("seen") or None)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("catalogue-linked" if request.form.get("product") else "catalogue-unlinked")
    return page.back(url_for("catalogue.show", line=line))


@room.get("/template.xlsx")
def template() -> Response:
    """The empty spreadsheet; it holds nothing of the hospital."""
    head = {"Content-Disposition": "attachment; filename=mau-03-danh-muc-thuoc.xlsx"}
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return Response(catalogue_template.make(_today()), mimetype=kind, headers=head)


@room.get("/lists")
def codes() -> str:
    """Which lists of codes are in force today, by which decision; how long records are kept; and what is stored where and why."""
    today = _today()
    stored = retention.stored(today)
    return page.render("code_lists.html", lists=lists.everything(), today=today, retention=lists.on("retention", today), stored=stored)


def _today() -> date:
    return datetime.now(UTC).astimezone(page.zone()).date()
