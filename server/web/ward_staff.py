"""Who works in a ward: the charge nurse's page with helpers for a shift, and a nurse's own page where she takes on a ward."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError
from server.security.permissions import RUN_WARD, TAKE_ON_WARD
from server.security.person import actor, requires
from server.store import patients, staff_wards, views_audit, views_patients
from server.store.transaction import reading, transaction
from server.usecases import ward_staff as verbs
from server.web import faults, page

room = Blueprint("ward_staff", __name__, url_prefix="/ward-staff")

HOURS = (4, 8, 12, 24)


@room.get("/")
@requires(RUN_WARD)
def show() -> str:
    with reading(actor()) as tx:
        wards = views_patients.wards(tx)
        known = [line.id for line in wards]
        wanted = request.args.get("ward", "")
        ward = wanted if wanted in known else next(iter(known), "")
        found = staff_wards.of_ward(tx, ward) if ward else ()
        everybody = views_audit.staff(tx)
        homes = staff_wards.homes(tx)
    there = {one.staff for one in found}
    at_bedside = [one for one in everybody if one.active and set(one.roles) & set(verbs.AT_BEDSIDE)]
    return page.render(
        "ward_staff.html",
        wards=wards,
        ward=ward,
        found=found,
        names={one.id: one.name for one in everybody},
        others=[one for one in at_bedside if one.id not in there],
        unbound=[one for one in at_bedside if one.id not in homes],
        homes=homes,
        hours=HOURS,
        usual=page.config().access.shift_h,
    )


@room.post("/")
@requires(RUN_WARD)
def add() -> BaseResponse:
    who = actor()
    ward, person, hours = request.form.get("ward", ""), request.form.get("staff", ""), request.form.get("hours", "")
    if hours not in {str(one) for one in HOURS}:
        page.say("form-broken", "danger")
        return page.back(url_for("ward_staff.show", ward=ward))
    try:
        with transaction(who) as tx:
            verbs.add_for_shift(tx, who, person, ward, lasts=timedelta(hours=int(hours)))
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("done-ward-staff")
    return page.back(url_for("ward_staff.show", ward=ward))


@room.post("/<int(max=2147483647):membership>/end")
@requires(TAKE_ON_WARD)
def leave(membership: int) -> BaseResponse:
    """One's own."""
    return _end(membership, url_for("ward_staff.own"))


@room.post("/<int(max=2147483647):membership>/remove")
@requires(RUN_WARD)
def remove(membership: int) -> BaseResponse:
    return _end(membership, url_for("ward_staff.show", ward=request.form.get("ward") or None))


def _end(membership: int, back: str) -> BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            verbs.end(tx, who, membership)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("done-ward-staff")
    return page.back(back)


@room.get("/own")
@requires(TAKE_ON_WARD)
def own() -> str:
    who = actor()
    with reading(who) as tx:
        found = staff_wards.of_staff(tx, who.id)
        wards = patients.wards(tx)
    mine = {one.ward for one in found}
    return page.render(
        "ward_own.html",
        found=found,
        others=[one for one in wards if one.id not in mine] if who.wards is not None else [],
        is_bound=who.wards is not None,
        is_allowed=page.config().access.take_on,
        hours=page.config().access.shift_h,
    )


@room.post("/own")
@requires(TAKE_ON_WARD)
def take_on() -> BaseResponse:
    who = actor()
    settings = page.config().access
    try:
        with transaction(who) as tx:
            verbs.take_on(
                tx,
                who,
                request.form.get("ward", ""),
                words=request.form.get("reason", ""),
                lasts=timedelta(hours=settings.shift_h),
                is_allowed=settings.take_on,
            )
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("done-ward-staff")
    return page.back(url_for("ward_staff.own"))
