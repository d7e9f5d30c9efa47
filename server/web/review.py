"""Overrides and discrepancies: what was given over a finding, and where record and server differ. A person says why it is settled."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError
from server.security import viewing
from server.security.permissions import RESOLVE, SEE_REVIEW
from server.security.person import actor, requires
from server.store import conflicts, views_patients, views_pharmacy, views_review
from server.store.transaction import reading, transaction
from server.usecases import discrepancies as verbs
from server.usecases import doubted, leases
from server.web import faults, page, sentences

room = Blueprint("review", __name__, url_prefix="/review")

VIEWS = ("open", "done", "stopped")


@room.get("/")
@requires(SEE_REVIEW)
def show() -> Response | str:
    ward = request.args.get("ward", "")
    view = request.args.get("view", "open")
    view = view if view in VIEWS else "open"
    with reading(actor()) as tx:
        wards = views_patients.wards(tx)
        overrides = () if view == "stopped" else views_review.overrides(tx, ward=ward or None, reviewed=view == "done")
        state = "open" if view == "open" else "resolved"
        found = () if view == "stopped" else views_review.discrepancies(tx, ward=ward or None, state=state)
        attempts = views_review.attempts(tx, ward=ward or None) if view == "stopped" else ()
        doubts = views_review.lease_doubts(tx, ward=ward or None) if view == "open" else ()
        people = [one.record.nurse for one in overrides] + [one.record.witness for one in overrides]
        people += [one.resolved_by for one in found] + [one.reviewed_by for one in overrides] + [one.nurse for one in attempts]
        people += [str(one.detail.get("nurse") or "") for one in found if one.code in doubted.DOUBTED]
        people += [one.nurse for one in doubts]
        told = conflicts.listed(tx, [one.id for one in found if one.code in conflicts.CODES])
        seen = conflicts.seen_of(tx, tuple(told))
        people += [staff for one in told.values() for staff in one.concerns]
        names = views_pharmacy.names(tx, people + [one.record.nurse for one in found if one.record])
    viewing.seen(ward=ward, count=len(overrides) + len(found) + len(attempts))
    return page.render(
        "review.html",
        overrides=overrides,
        discrepancies=found,
        attempts=attempts,
        doubts=doubts,
        wards=wards,
        ward=ward,
        view=view,
        views=VIEWS,
        names=names,
        told=told,
        seen={number: {each.staff: each for each in those} for number, those in seen.items()},
        doubted=doubted.DOUBTED,
        may_be_true=doubted.MAY_BE_TRUE,
        measured=_measured,
        moment_of=_moment,
        sentence=sentences.of_evidence,
        rule=sentences.of_rule,
    )


def _measured(text: object) -> str:
    """A value of a detail as people read it; as it came where it is no amount."""
    try:
        return page.amount(str(text))
    except PointOfCareError:
        return str(text)[:64]


def _moment(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _again() -> str:
    return url_for("review.show", ward=request.form.get("ward") or None)


@room.post("/discrepancies/<int(max=2147483647):discrepancy>")
@requires(RESOLVE)
def resolve(discrepancy: int) -> BaseResponse:
    who = actor()
    reason = request.form.get("reason", "")
    if not reason.strip():
        page.say("resolve-needs-text", "danger")
        return page.back(_again())
    try:
        with transaction(who) as tx:
            verbs.resolve(tx, who, discrepancy, reason=reason)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("done-resolve")
    return page.back(_again())


@room.post("/measurements/<int(max=2147483647):discrepancy>")
@requires(RESOLVE)
def measured(discrepancy: int) -> BaseResponse:
    """A doubted measurement: true and into the chart, or withdrawn."""
    who = actor()
    reason = request.form.get("reason", "")
    verb = {"accept": doubted.accept, "withdraw": doubted.withdraw}.get(request.form.get("action", ""))
    if verb is None:
        page.say("form-broken", "danger")
        return page.back(_again())
    if not reason.strip():
        page.say("resolve-needs-text", "danger")
        return page.back(_again())
    try:
        with transaction(who) as tx:
            verb(tx, who, discrepancy, reason=reason)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("done-measure-accept" if verb is doubted.accept else "done-measure-withdraw")
    return page.back(_again())


@room.post("/leases/<patient>/<cart>")
@requires(RESOLVE)
def resolve_doubt(patient: str, cart: str) -> BaseResponse:
    """A person knows what a cart did that has not told it."""
    who = actor()
    reason = request.form.get("reason", "")
    if not reason.strip():
        page.say("resolve-needs-text", "danger")
        return page.back(_again())
    try:
        with transaction(who) as tx:
            leases.resolve(tx, who, patient=patient, cart=cart, reason=reason)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("done-resolve")
    return page.back(_again())


@room.post("/overrides/<record_id>")
@requires(RESOLVE)
def review(record_id: str) -> BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            verbs.review_override(tx, who, record_id, comment=request.form.get("comment", "")[:2000])
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("done-review")
    return page.back(_again())
