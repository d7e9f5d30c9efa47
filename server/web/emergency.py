"""Emergency access: a nurse opens a chart outside her wards and says why; somebody else judges it. What is shown before it is open names
nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import NotFoundError, PointOfCareError
from server.security import viewing
from server.security.permissions import COUNT_EMERGENCIES, OPEN_EMERGENCY, REVIEW_EMERGENCY
from server.security.person import actor, requires
from server.store import emergencies, views_pharmacy
from server.store.transaction import reading, transaction
from server.usecases import emergencies as verbs
from server.web import audit, faults, page

room = Blueprint("emergency", __name__, url_prefix="/emergency")

VIEWS = ("open", "done")
COUNTED = timedelta(days=90)


@room.get("/open/<patient_id>")
@requires(OPEN_EMERGENCY)
def form(patient_id: str) -> str | BaseResponse:
    return _form(patient_id)


def _form(patient_id: str) -> str | BaseResponse:
    with reading(actor()) as tx:
        found = emergencies.outside(tx, patient_id)
    if found is None or found.id != patient_id:
        raise NotFoundError(f"patient {patient_id!r} is not known", remedy="look for the patient again", patient=patient_id)
    if found.is_reached:
        return page.back(url_for("patients.show", patient_id=patient_id))
    return page.render(
        "emergency_form.html",
        patient=found,
        codes=verbs.CODES,
        minutes=page.config().access.emergency_minutes,
        cells=request.form,
    )


@room.post("/open/<patient_id>")
@requires(OPEN_EMERGENCY)
def enter(patient_id: str) -> str | BaseResponse:
    who = actor()
    settings = page.config().access
    try:
        with transaction(who) as tx:
            verbs.open_(
                tx,
                who,
                patient_id,
                code=request.form.get("code", ""),
                words=request.form.get("reason", ""),
                lasts=timedelta(minutes=settings.emergency_minutes),
                review_within=timedelta(hours=settings.emergency_review_h),
            )
    except NotFoundError:
        raise
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return _form(patient_id)
    return page.back(url_for("patients.show", patient_id=patient_id))


@room.post("/<int(max=2147483647):emergency>/end")
@requires(OPEN_EMERGENCY)
def leave(emergency: int) -> BaseResponse:
    who = actor()
    with transaction(who) as tx:
        verbs.end(tx, who, emergency)
    page.say("done-emergency-end")
    return page.back(url_for("home.show"))


@room.get("/")
@requires(REVIEW_EMERGENCY)
def listed() -> str:
    who = actor()
    view = request.args.get("view", "open")
    view = view if view in VIEWS else "open"
    with reading(who) as tx:
        found = emergencies.listed(tx, is_open=view == "open")
        names = views_pharmacy.names(tx, {one.judged_by for one in found})
        now = tx.at
    viewing.seen(patients=[one.patient for one in found], count=len(found))
    return page.render("emergency_list.html", found=found, view=view, views=VIEWS, names=names, now=now, me=who.id)


@room.get("/<int(max=2147483647):emergency>")
@requires(REVIEW_EMERGENCY)
def one(emergency: int) -> str:
    return _one(emergency)


def _one(emergency: int) -> str:
    who = actor()
    with reading(who) as tx:
        found = emergencies.get(tx, emergency)
        looks = emergencies.looks(tx, found)
        names = views_pharmacy.names(tx, {found.judged_by})
        now = tx.at
    viewing.seen(patient=found.patient, count=len(looks))
    return page.render(
        "emergency_one.html",
        one=found,
        looks=looks,
        names=names,
        now=now,
        own=found.staff == who.id,
        most=emergencies.MOST_LOOKS,
        audited=audit.words,
    )


@room.post("/<int(max=2147483647):emergency>/review")
@requires(REVIEW_EMERGENCY)
def judge(emergency: int) -> str | BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            verbs.review(tx, who, emergency, judged=request.form.get("judged", ""), comment=request.form.get("comment", ""))
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return page.back(url_for("emergency.one", emergency=emergency))
    page.say("done-emergency-review")
    return page.back(url_for("emergency.listed"))


@room.get("/people")
@requires(COUNT_EMERGENCIES)
def people() -> str:
    with reading(actor()) as tx:
        found = emergencies.by_person(tx, since=datetime.now(UTC) - COUNTED)
    return page.render("emergency_people.html", found=found, days=COUNTED.days)
