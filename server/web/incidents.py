"""Incidents and near misses: told from any page with what that page was about, and looked at by who reviews them.

The form asks for a kind and one line; everything else the system attaches. A page may never ask who is to blame, and never shows who
reported where no name was wanted.
"""

from __future__ import annotations

import uuid
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Flask, Response, current_app, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.administration.incident import HARM, KINDS, LONGEST, REACHED
from pointofcare.errors import ConflictError, NotFoundError, PointOfCareError
from server.security import viewing
from server.security.permissions import REVIEW_INCIDENTS
from server.security.person import actor, requires
from server.store import incidents, patients, views_pharmacy
from server.store.incidents import STATES, Report
from server.store.transaction import reading, transaction
from server.usecases import incidents as verbs
from server.web import faults, page
from server.web.work import period, spreadsheet

room = Blueprint("incidents", __name__, url_prefix="/incidents")

MONTHS = 6
MOST_EXPORTED = 20_000
# What an address is about -> what the report calls it.
ABOUT = {"patient_id": "patient", "order_id": "order", "record_id": "record", "cart_id": "cart"}
COLUMNS = (
    "id", "at", "received_at", "source", "ward", "kind", "reached", "words", "patient", "order", "record", "cart", "reporter", "state",
    "harm", "outcome",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """`counts` are by kind, `height` is of a hundred."""

    first: datetime
    total: int
    counts: dict[str, int]
    height: int


def address() -> str:
    """The form of the page that is shown. The link names nothing beside that page's own address: a page of a fault has it too."""
    return url_for("incidents.report", of=request.path)


def register(app: Flask) -> None:
    @app.context_processor
    def _everywhere() -> dict[str, object]:
        return {"incident_address": address}


@room.get("/report")
def report() -> str:
    return _form(_about(request.args.get("of", "")[:400]))


def _about(path: str) -> dict[str, str]:
    """What one of these pages is about, from its address; nothing of what is none of them."""
    adapter = current_app.create_url_adapter(request)
    assert adapter is not None
    for method in ("GET", "POST"):
        with suppress(HTTPException):
            endpoint, values = adapter.match(page.inside(path), method=method)
            told = {mine: str(values[name])[:64] for name, mine in ABOUT.items() if name in values}
            return {"page": endpoint, "back": path if method == "GET" else "/", **told}
    return {}


def _form(about: dict[str, str]) -> str:
    who = actor()
    with reading(who) as tx:
        own = incidents.own(tx, who.id)
    return page.render(
        "incident_form.html",
        kinds=KINDS,
        reached=REACHED,
        longest=LONGEST,
        about={name: about.get(name, "")[:64] for name in ("patient", "order", "record", "cart", "page")},
        leads_back=page.inside(about.get("back", "")[:400]),
        form=about.get("form") or str(uuid.uuid4()),
        cells=request.form,
        own=own,
    )


@room.post("/report")
def send() -> str | BaseResponse:
    who = actor()
    form = request.form.to_dict()
    try:
        told = verbs.Told(
            form=str(uuid.UUID(form.get("form", ""))),
            kind=form.get("kind", "")[:64],
            reached=form.get("reached", "unknown")[:16],
            words=form.get("words", "")[:4000],
            anonymous=form.get("anonymous") == "yes",
            **{name: form.get(name, "")[:64] for name in ("page", "patient", "order", "record", "cart")},
        )
    except ValueError:
        page.say("form-broken", "danger")
        return page.back(url_for("incidents.report"))
    try:
        with transaction(who) as tx:
            verbs.report(tx, who, told)
    except ConflictError as exc:  # what is written stays; sent again it is a report of its own
        page.say_plain(faults.told(exc))
        return _form({**form, "form": ""})
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return _form(form)
    page.say("incident-sent")
    return page.back(page.inside(form.get("back", "")[:400]))


@room.get("/")
@requires(REVIEW_INCIDENTS)
def listed() -> str:
    asked = {name: request.args.get(name, "")[:64] for name in ("kind", "ward")}
    state = request.args.get("state", incidents.OPEN)
    state = state if state in STATES else incidents.OPEN
    with reading(actor()) as tx:
        found = list(
            incidents.listed(tx, state=state, kind=asked["kind"], ward=asked["ward"], limit=500, pressing=state != incidents.CLOSED)
        )
        wards = patients.wards(tx)
        names = views_pharmacy.names(tx, [one.reporter for one in found])
        begin = _first_of_month(tx.at, back=MONTHS - 1)
        moments = incidents.moments(tx, since=begin)
        now = tx.at
    viewing.seen(patients=[one.patient for one in found if one.patient], ward=asked["ward"], count=len(found))
    # What reached a patient, or may have, stands first; then what waits longest.
    found.sort(key=lambda one: (one.state == incidents.CLOSED, one.reached != "yes", one.at))
    return page.render(
        "incidents.html",
        found=found,
        state=state,
        states=(incidents.OPEN, *STATES),
        kinds=KINDS,
        wards=wards,
        asked=asked,
        names=names,
        months=_months(moments, now),
        waits=lambda one: (now - one.at).days,
    )


@room.get("/incidents.csv")
@requires(REVIEW_INCIDENTS)
def export() -> Response:
    since, until = period(request.args, days=365)
    with reading(actor()) as tx:
        found = incidents.listed(tx, since=since, until=until, limit=MOST_EXPORTED)
    viewing.seen(patients=[one.patient for one in found if one.patient], count=len(found))
    return spreadsheet("incidents.csv", COLUMNS, [_row(one) for one in found])


def _row(one: Report) -> tuple[object, ...]:
    about = (one.patient or "", one.order or "", one.record or "", one.cart, one.reporter)
    when = (one.at.isoformat(), one.received_at.isoformat())
    return (one.id, *when, one.source, one.ward, one.kind, one.reached, one.words, *about, one.state, one.harm, one.outcome)


@room.get("/<report_id>")
@requires(REVIEW_INCIDENTS)
def one(report_id: str) -> str:
    with reading(actor()) as tx:
        found = incidents.get(tx, report_id)
        if found is None:
            raise NotFoundError("this report is not known", remedy="look at the list of reports", report=report_id[:64])
        steps = incidents.steps(tx, found.id)
        names = views_pharmacy.names(tx, [found.reporter, *(step.by for step in steps)])
    viewing.seen(patient=found.patient, count=1)
    verdict = found.facts.get("verdict")
    return page.render(
        "incident.html",
        one=found,
        steps=steps,
        names=names,
        harms=HARM,
        verdict=verdict if isinstance(verdict, dict) else {},
        cart={name: value for name, value in found.facts.items() if name not in ("verdict", "events", "page") and value not in (None, "")},
        events=[event for event in found.facts.get("events") or () if isinstance(event, dict)],
    )


@room.post("/<report_id>")
@requires(REVIEW_INCIDENTS)
def move(report_id: str) -> BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            verbs.move(
                tx,
                who,
                report_id,
                revision=page.whole(request.form.get("revision", "")) or 0,
                state=request.form.get("state", "")[:16],
                words=request.form.get("words", ""),
                harm=request.form.get("harm", "")[:1],
            )
    except NotFoundError:
        raise
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("incident-moved")
    return page.back(url_for("incidents.one", report_id=report_id))


def _first_of_month(at: datetime, *, back: int) -> datetime:
    """Of the ward's calendar."""
    local = at.astimezone(page.zone()).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    place = local.year * 12 + local.month - 1 - back
    return local.replace(year=place // 12, month=place % 12 + 1)


def _months(moments: tuple[tuple[datetime, str], ...], now: datetime) -> tuple[Month, ...]:
    """The oldest first, a month without a report too."""
    firsts = [_first_of_month(now, back=back) for back in range(MONTHS - 1, -1, -1)]
    counted: dict[datetime, Counter[str]] = {first: Counter() for first in firsts}
    for at, kind in moments:
        first = _first_of_month(at, back=0)
        if first in counted:
            counted[first][kind if kind in KINDS else "other"] += 1
    most = max((sum(each.values()) for each in counted.values()), default=0) or 1
    return tuple(
        Month(first=first, total=sum(each.values()), counts=dict(each), height=round(100 * sum(each.values()) / most))
        for first, each in counted.items()
    )
