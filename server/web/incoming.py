"""What other systems sent and was not taken: why, what to do, the whole of it, and how far behind each feed is.

The payload is shown as it came and never as a page: it is another system's words.
"""

from __future__ import annotations

import json
import re
from datetime import date

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError
from pointofcare.texts import orders as order_texts
from server.security import viewing
from server.security.permissions import HANDLE_INCOMING
from server.security.person import actor, requires
from server.store import incoming, patients
from server.store.incoming import Item, Reason
from server.store.transaction import reading, transaction
from server.usecases import incoming as verbs
from server.usecases.import_rows import Problem
from server.web import faults, page

room = Blueprint("incoming", __name__, url_prefix="/incoming")

PER_PAGE = 50
# So much of a payload is shown; the whole of it is a file.
MOST_SHOWN = 100_000
_DAY = re.compile(r"\b[12][0-9]{3}-[01][0-9]-[0-3][0-9]\b", re.ASCII)


@room.get("/")
@requires(HANDLE_INCOMING)
def listed() -> Response | str:
    state, source = request.args.get("state", incoming.REJECTED), request.args.get("source", "")
    before = request.args.get("before", "")
    with reading(actor()) as tx:
        found = incoming.listed(
            tx,
            state=state if state in incoming.STATES else None,
            source=source or None,
            before=int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None,
            limit=PER_PAGE + 1,
        )
        counts = incoming.counts(tx)
        lags = verbs.lags(tx, page.config().fhir_feed)
    items = found[:PER_PAGE]
    viewing.seen(patients=[item.patient for item in items if item.patient], count=len(items))
    return page.live(
        "incoming.html",
        "_incoming.html",
        items=items,
        counts=counts,
        lags=lags,
        state=state,
        source=source,
        states=incoming.STATES,
        sources=sorted({lag.source for lag in lags} | {item.source for item in items} | ({source} if source else set())),
        before=items[-1].id if len(found) > PER_PAGE else None,
        words=words,
    )


@room.get("/<int(max=2147483647):item>")
@requires(HANDLE_INCOMING)
def one(item: int) -> str:
    with reading(actor()) as tx:
        found = incoming.get(tx, item)
        known = patients.find_any(tx, found.patient) if found.patient else None
        versions = incoming.of_thing(tx, found.source, found.about, limit=20) if found.about else ()
    viewing.seen(patient=found.patient, count=1)
    shown, is_cut = _readable(found)
    return page.render(
        "incoming_one.html",
        item=found,
        known=known,
        versions=[other for other in versions if other.id != found.id],
        shown=shown,
        is_cut=is_cut,
        words=words,
        dated=dated,
        may_accept=found.reason is not None and found.reason.code in verbs.ACCEPTABLE and found.state == incoming.REJECTED,
        may_again=found.state in (incoming.REJECTED, incoming.SET_ASIDE) and found.payload is not None,
        may_set_aside=found.state in (incoming.REJECTED, incoming.WAITING),
    )


@room.get("/<int(max=2147483647):item>/payload")
@requires(HANDLE_INCOMING)
def payload(item: int) -> Response:
    """The bytes as they came, as a file."""
    with reading(actor()) as tx:
        found = incoming.get(tx, item)
    viewing.seen(patient=found.patient, count=1)
    return Response(
        found.payload or b"",
        mimetype="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="incoming-{found.id}.{"json" if found.source == "fhir" else "txt"}"'},
    )


@room.post("/<int(max=2147483647):item>/decide")
@requires(HANDLE_INCOMING)
def decide(item: int) -> BaseResponse:
    who, wanted, comment = actor(), request.form.get("decision"), request.form.get("comment", "")[:2000]
    try:
        with transaction(who) as tx:
            if wanted == "again":
                verbs.requeue(tx, who, item)
            elif wanted == "accept":
                verbs.accept(tx, who, item, comment)
            elif wanted == "set-aside":
                verbs.set_aside(tx, who, item, comment)
            else:
                return page.back(url_for("incoming.one", item=item))
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return page.back(url_for("incoming.one", item=item))
    page.say(f"incoming-done-{wanted}")
    return page.back(url_for("incoming.listed"))


def words(reason: Reason | None) -> tuple[str, str]:
    """What kept an item and what to do about it, in the reader's language."""
    if reason is None:
        return "", ""
    told = {name: dated(value) if isinstance(value, str) else value for name, value in reason.parameters.items()}
    values = {**told, "value": reason.found, "found": reason.found, "field": reason.field}
    for code in (f"incoming-{reason.code}", reason.code):
        if page.has(code):
            return page.t(code, **values), page.t(f"{code}-remedy", **values) if page.has(f"{code}-remedy") else ""
    if reason.code.startswith(order_texts.PREFIX):
        return order_texts.part(page.language(), reason.code, reason.found), ""
    problem = Problem(file="", row=0, field=reason.field, value=reason.found, code=reason.code, parameters=reason.parameters)
    if problem.is_known_in(page.language()):
        return problem.message_in(page.language()), problem.remedy_in(page.language())
    return page.t("incoming-other", reason=reason.code, value=reason.found), page.t("incoming-other-remedy")


def dated(text: str) -> str:
    """With its days as the reader's language writes them; what is no day stays."""

    def written(found: re.Match[str]) -> str:
        try:
            return page.day(date.fromisoformat(found[0]))
        except ValueError:
            return found[0]

    return _DAY.sub(written, text)


def _readable(item: Item) -> tuple[str, bool]:
    """For a person: JSON on lines, a message a segment a line; and whether there is more of it."""
    if item.payload is None:
        return "", False
    told = item.payload.decode("utf-8", errors="replace")
    try:
        told = json.dumps(json.loads(told, parse_float=str), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        told = told.replace("\r\n", "\n").replace("\r", "\n")
    visible = "".join(sign if sign == "\n" or sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in told[:MOST_SHOWN])
    return visible, len(told) > MOST_SHOWN
