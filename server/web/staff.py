"""Staff: an administrator adds people, gives roles, and sets badge, PIN and password. Secrets are hashed here and shown nowhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import NotFoundError, PointOfCareError
from pointofcare.people import StaffRole
from server.security import second_factor
from server.security.permissions import MANAGE_STAFF
from server.security.person import actor, requires
from server.store import competences, drawer_rules, patients, staff_wards, views_audit
from server.store.transaction import reading, transaction
from server.usecases import import_fields as fields
from server.usecases import imports, passwords, ward_staff
from server.usecases import staff as verbs
from server.usecases.import_rows import FieldError, Problem
from server.web import faults, page, printing

room = Blueprint("staff", __name__, url_prefix="/staff")

READERS: dict[str, Callable[[str], Any]] = {
    "id": fields.identifier,
    "name": fields.text,
    "username": fields.text,
    "badge": fields.text,
    "licence_number": fields.text,
    "pin": fields.pin,
    "password": fields.password,
}
NEEDED = ("id", "name")


@room.get("/")
@requires(MANAGE_STAFF)
def everybody() -> str:
    with reading(actor()) as tx:
        found = views_audit.staff(tx)
        told = competences.told_at_carts(tx)
    today = datetime.now(page.zone()).date()
    due = {} if told is None else {one.id: len(competences.due(told, one.id, one.roles, today)) for one in found}
    return page.render("staff.html", people=found, due=due)


@room.get("/new")
@room.get("/<staff_id>")
@requires(MANAGE_STAFF)
def form(staff_id: str = "") -> str:
    line = None
    if staff_id:
        with reading(actor()) as tx:
            line = views_audit.person(tx, staff_id)
        if line is None:
            raise NotFoundError(f"nobody has the id {staff_id!r}", remedy="look at the list of staff", staff=staff_id)
    cells: dict[str, Any] = {"roles": [], "active": True, "licensed": "", "language": "vi"}
    if line is not None:
        cells = {
            "id": line.id,
            "name": line.name,
            "username": line.username or "",
            "badge": line.badge or "",
            "licence_number": line.licence_number or "",
            "roles": [role.value for role in line.roles],
            "active": line.active,
            "licensed": {True: "yes", False: "no", None: ""}[line.licensed],
            "language": line.language or "vi",
            "wards": _homes(line.id),
        }
    return _shown(cells, {}, line)


def _homes(staff_id: str) -> list[str]:
    with reading(actor()) as tx:
        return list(staff_wards.homes(tx).get(staff_id, ()))


def _shown(cells: dict[str, Any], found: dict[str, str], line: object) -> str:
    has_factor = False
    if line is not None:
        with reading(actor()) as tx:
            has_factor = second_factor.is_enrolled(tx, cells["id"])
    with reading(actor()) as tx:
        wards = patients.wards(tx)
    return page.render(
        "staff_form.html",
        cells=cells,
        faults=found,
        line=line,
        roles=list(StaffRole),
        has_factor=has_factor,
        wards=wards,
        **printing.choices("badge"),
    )


@room.post("/<staff_id>/reset-second-factor")
@requires(MANAGE_STAFF)
def reset_second_factor(staff_id: str) -> BaseResponse:
    """For somebody whose phone and recovery codes are lost; never for oneself."""
    who = actor()
    with transaction(who) as tx:
        second_factor.reset(tx, who, staff_id)
    page.say("done-factor-reset")
    return page.back(url_for("staff.form", staff_id=staff_id))


@room.post("/")
@requires(MANAGE_STAFF)
def save() -> BaseResponse | tuple[str, int]:
    who = actor()
    language = page.language()
    is_new = request.form.get("new") == "yes"
    cells: dict[str, Any] = {name: request.form.get(name, "").strip() for name in READERS}
    cells |= {"wards": request.form.getlist("wards"), "roles": request.form.getlist("roles"), "active": request.form.get("active") == "yes"}
    cells |= {name: request.form.get(name, "") for name in ("licensed", "language")}
    values: dict[str, Any] = {}
    found: dict[str, str] = {}
    for name, read in READERS.items():
        if not cells[name]:
            if name in NEEDED:
                found[name] = Problem(file="", row=0, field=name, value="", code="needed").remedy_in(language)
            continue
        try:
            values[name] = read(cells[name])
        except FieldError as exc:
            problem = Problem(file="", row=0, field=name, value="", code=exc.reason, parameters=exc.parameters)
            found[name] = problem.remedy_in(language)
    known = {role.value: role for role in StaffRole}
    roles = tuple(known[name] for name in cells["roles"] if name in known)
    if not roles:
        found["roles"] = page.t("roles-needed")
    with reading(who) as tx:
        line = views_audit.person(tx, cells["id"]) if cells["id"] else None
        others = views_audit.staff(tx)
        least = drawer_rules.settings(tx).pin_digits
    if values.get("pin") and len(values["pin"]) < least:
        found["pin"] = page.t("pin-shorter", n=least)
    if is_new and line is not None:
        found["id"] = page.t("staff-id-taken")
    if (line is None or values.get("username") != line.username) and passwords.names_nobody(values.get("username") or cells["id"]):
        found["username"] = page.t("staff-names-nobody")
    for name in ("username", "badge"):
        if values.get(name) and any((getattr(one, name) or "").lower() == values[name].lower() and one.id != cells["id"] for one in others):
            found[name] = page.t("staff-taken")
    if cells["password"] and cells["id"] == who.id:  # an unattended screen must not give the account away
        found["password"] = page.t("staff-own-password")
    administrators = [one for one in others if StaffRole.ADMINISTRATOR in one.roles and one.active and one.id != cells["id"]]
    if line and StaffRole.ADMINISTRATOR in line.roles and not administrators and not (StaffRole.ADMINISTRATOR in roles and cells["active"]):
        found["roles"] = page.t("last-administrator")
    if found:
        return _shown({**cells, "pin": "", "password": ""}, found, None if is_new else line), 422
    member = imports.staff_member(
        id=values["id"],
        name=values["name"],
        username=values.get("username") or values["id"],
        roles=roles,
        active=cells["active"],
        licensed={"yes": True, "no": False}.get(cells["licensed"]),
        badge=values.get("badge"),
        licence_number=values.get("licence_number"),
        language=cells["language"] if cells["language"] in page.config().languages else None,
        valid_until=line.valid_until if line else None,
        email=line.email if line else None,
        pin=values.get("pin"),
    )
    try:
        with transaction(who) as tx:
            verbs.put(tx, who, member)
            if request.form.get("wards_asked") == "yes":  # a form that does not ask for wards frees nobody from them
                ward_staff.set_homes(tx, member.id, cells["wards"])
            if values.get("password"):
                verbs.set_password(tx, member.id, imports.hash_password(values["password"]), temporary=member.id != who.id)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return _shown({**cells, "pin": "", "password": ""}, {}, line), 409
    page.say("done-staff", name=member.name)
    return page.back(url_for("staff.everybody"))
