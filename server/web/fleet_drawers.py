"""Drawers and PINs for managers of the fleet and of wards: what is to be explained, who may open what, whose PIN is old or paused.

Must never show a PIN, a badge's content or what lies in a drawer; findings here name a cart and a drawer, and no patient.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError, UnreadableError
from pointofcare.fleet.drawer_access import ANY, KINDS, DrawerRule
from pointofcare.people import StaffRole
from server.security import person
from server.security.permissions import MANAGE_DRAWERS, MANAGE_PINS, SEE_FLEET
from server.security.person import actor, requires
from server.store import drawer_findings, drawer_rules, patients, pins
from server.store.drawer_findings import Found
from server.store.drawer_rules import Settings
from server.store.pins import STATES
from server.store.transaction import reading, transaction
from server.usecases import drawer_closing, task_kinds
from server.usecases import drawer_rules as rule_verbs
from server.usecases import pins as pin_verbs
from server.web import faults, fleet, page

room = Blueprint("fleet_drawers", __name__, url_prefix="/fleet")

PAGE = 30
PEOPLE = 50
# Roles that work at a cart.
ROLES = (
    StaffRole.NURSE, StaffRole.CHARGE_NURSE, StaffRole.PHARMACIST, StaffRole.STUDENT, StaffRole.WITNESS_ONLY, StaffRole.FLEET_MANAGER
)  # fmt: skip


def of_cart(cart: str) -> tuple[Found, ...]:
    with reading(actor()) as tx:
        return drawer_findings.of_cart(tx, cart, limit=10)


def may_close() -> bool:
    return bool(task_kinds.answers(task_kinds.DRAWER_FINDING, "requested", actor().roles))


@room.app_context_processor
def _for_pages() -> dict[str, object]:
    """For the cart's page, which includes its findings."""
    return {"drawer_findings_of": of_cart, "may_close_drawer_findings": may_close}


@room.get("/drawers")
@requires(SEE_FLEET)
def show() -> str:
    is_open = request.args.get("view") != "all"
    before = page.whole(request.args.get("before", ""))
    with reading(actor()) as tx:
        found = drawer_findings.listed(tx, before=before, limit=PAGE + 1, is_open=is_open)
        held = drawer_rules.rules(tx)
        settings = drawer_rules.settings(tx)
        wards = patients.wards(tx)
    mine = actor()
    return page.render(
        "fleet_drawers.html",
        found=found[:PAGE],
        older=found[PAGE - 1].id if len(found) > PAGE else None,
        is_open=is_open,
        rules=[kept for kept in held if mine.wards is None or kept.ward in mine.wards or not kept.ward],
        settings=settings,
        wards=wards,
        roles=ROLES,
        kinds=KINDS,
        tabs=fleet.tabs(),
        may_rule=person.may(MANAGE_DRAWERS),
        of_facility=bool(mine.roles & set(rule_verbs.FACILITY_MANAGERS)),
        named=True,
    )


@room.post("/drawers/findings/<int:finding>")
@requires(SEE_FLEET)
def close(finding: int) -> BaseResponse:
    who = actor()
    to_list = request.form.get("back") == "list"
    try:
        with transaction(who) as tx:
            found = drawer_findings.get(tx, finding)
            revision = page.whole(request.form.get("revision", "")) or 0
            drawer_closing.close(tx, who, finding, revision=revision, words=request.form.get("words", "")[:2000])
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        found = None if to_list else found
    else:
        page.say("drawers-closed")
    if found is None or to_list:
        return page.back(url_for("fleet_drawers.show"))
    return page.back(url_for("fleet.cart", cart_id=found.cart) + "#drawers")


@room.post("/drawers/rules")
@requires(MANAGE_DRAWERS)
def add() -> BaseResponse:
    who = actor()
    try:
        drawer = _whole("drawer") if request.form.get("drawer", "").strip() else 0
        rule = DrawerRule(
            role=request.form.get("role", "")[:80],
            drawer=drawer,
            kind=request.form.get("kind", ANY)[:16] if not drawer else ANY,
            two_people=request.form.get("two") == "yes",
        )
        with transaction(who) as tx:
            rule_verbs.add(tx, who, request.form.get("ward", "")[:64], rule)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("drawers-rule-added")
    return page.back(url_for("fleet_drawers.show") + "#rules")


@room.post("/drawers/rules/<int:rule>/end")
@requires(MANAGE_DRAWERS)
def end(rule: int) -> BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            rule_verbs.end(tx, who, rule)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("drawers-rule-ended")
    return page.back(url_for("fleet_drawers.show") + "#rules")


@room.post("/drawers/settings")
@requires(MANAGE_DRAWERS)
def set_settings() -> BaseResponse:
    who = actor()
    try:
        numbers = {name: _whole(name) for name in ("open_min", "pin_digits", "pin_days", "revision")}
        with transaction(who) as tx:
            rule_verbs.set_settings(tx, who, Settings(**numbers))
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("drawers-settings-saved")
    return page.back(url_for("fleet_drawers.show") + "#settings")


@room.get("/pins")
@requires(MANAGE_PINS)
def people() -> str:
    chosen = {name: request.args.get(name, "")[:64] for name in ("ward", "role", "state", "q", "after")}
    state = chosen["state"] if chosen["state"] in STATES else ""
    with reading(actor()) as tx:
        lines = pins.listed(
            tx, ward=chosen["ward"], role=chosen["role"], state=state, text=chosen["q"], after=chosen["after"], limit=PEOPLE + 1
        )
        wards = patients.wards(tx)
        now = tx.at
    return page.render(
        "fleet_pins.html",
        lines=lines[:PEOPLE],
        following=lines[PEOPLE - 1].id if len(lines) > PEOPLE else None,
        chosen=chosen,
        wards=wards,
        roles=ROLES,
        states=STATES,
        acts=pin_verbs.ACTS,
        tabs=fleet.tabs(),
        now=now,
    )


@room.post("/pins")
@requires(MANAGE_PINS)
def act() -> BaseResponse:
    who = actor()
    people_chosen = request.form.getlist("person")[: pin_verbs.MOST]
    kept: dict[str, Any] = {name: value for name in ("ward", "role", "state", "q") if (value := request.form.get(name))}
    back = url_for("fleet_drawers.people", **kept)
    if not people_chosen:
        page.say("pins-choose-someone", "warning")
        return page.back(back)
    try:
        with transaction(who) as tx:
            done = pin_verbs.do(tx, who, request.form.get("act", ""), people_chosen, reason=request.form.get("reason", "")[:2000])
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return page.back(back)
    if done.done:
        page.say("pins-done", n=len(done.done))
    if done.refused:
        page.say("pins-refused", "warning", names=", ".join(done.refused[:10]))
    return page.back(back)


def _whole(name: str) -> int:
    """Raises: UnreadableError."""
    value = request.form.get(name, "").strip()
    if not (value.isascii() and value.isdigit()) or len(value) > 9:
        raise UnreadableError(f"{value!r} is no whole number", remedy="write digits", field=name)
    return int(value)
