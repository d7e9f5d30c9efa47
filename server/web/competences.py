"""The training log: who holds what until when, what ends soon, one person's entries with their corrections, and one's own.

A page may never say that somebody is kept from a patient: a competence that is missing is a person's task, not a lock.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import NotFoundError, PointOfCareError
from server.security.permissions import MANAGE_STAFF, RUN_WARD
from server.security.person import actor, requires
from server.store import competences, views_patients, views_pharmacy
from server.store.competences import COMPETENCES, RESULTS, Record
from server.store.transaction import reading, transaction
from server.usecases import competences as verbs
from server.web import faults, page
from server.web.work import spreadsheet

room = Blueprint("competences", __name__, url_prefix="/competences")

SHOWN = ("all", "due", "soon")
COLUMNS = (
    "id", "staff", "name", "competence", "result", "held_on", "valid_until", "assessor", "note", "replaces", "counts", "entered_at",
    "entered_by",
)  # fmt: skip


def _today() -> date:
    return datetime.now(page.zone()).date()


@room.get("/")
@requires(RUN_WARD)
def listed() -> str:
    show = request.args.get("show", "all")
    show = show if show in SHOWN else "all"
    wanted = request.args.get("ward", "")[:64]
    with reading(actor()) as tx:
        found = verbs.lines(tx, _today())
        wards = views_patients.wards(tx)
        at_cart = competences.at_cart(tx)
    if wanted:
        found = tuple(line for line in found if wanted in line.wards)
    kept = {"all": found, "due": [one for one in found if one.due], "soon": [one for one in found if one.is_soon]}
    return page.render(
        "competences.html",
        found=kept[show],
        counts={name: len(each) for name, each in kept.items()},
        codes=list(COMPETENCES),
        show=show,
        wards=wards,
        ward=wanted,
        at_cart=at_cart,
        choices=competences.AT_CART,
    )


@room.get("/competences.csv")
@requires(RUN_WARD)
def export() -> Response:
    with reading(actor()) as tx:
        names = {one.id: one.name for one in verbs.people(tx)}
        found = competences.listed(tx, list(names))
    return spreadsheet("competences.csv", COLUMNS, [_row(one, names) for one in found])


def _row(one: Record, names: dict[str, str]) -> tuple[object, ...]:
    until = one.valid_until.isoformat() if one.valid_until else ""
    what = (one.id, one.staff, names.get(one.staff, ""), one.competence, one.result, one.held_on.isoformat(), until)
    return (*what, one.assessor, one.note, one.replaces or "", "yes" if one.counts else "no", one.at.isoformat(), one.by)


@room.post("/at-cart")
@requires(MANAGE_STAFF)
def at_cart() -> BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            verbs.set_at_cart(tx, who, request.form.get("at_cart", "")[:16])
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("competence-saved")
    return page.back(url_for("competences.listed"))


@room.get("/own")
def own() -> str:
    who = actor()
    with reading(who) as tx:
        found = competences.listed(tx, [who.id])
        names = views_pharmacy.names(tx, [one.assessor for one in found])
    codes = competences.wanted(who.roles)
    return page.render("competence_own.html", found=found, cells=_cells(found, who.id, codes), names=names)


@room.get("/of/<staff_id>")
@requires(RUN_WARD)
def one(staff_id: str) -> str:
    return _one(staff_id)


def _one(staff_id: str) -> str:
    with reading(actor()) as tx:
        person = next((each for each in verbs.people(tx) if each.id == staff_id), None)
        if person is None:
            raise NotFoundError(f"nobody has the id {staff_id[:64]!r}", remedy="look at the training log", staff=staff_id[:64])
        found = competences.listed(tx, [person.id])
        names = views_pharmacy.names(tx, [*(each.assessor for each in found), *(each.by for each in found)])
    codes = competences.wanted(person.roles)
    return page.render(
        "competence.html",
        person=person,
        found=found,
        cells=_cells(found, person.id, codes),
        codes=list(COMPETENCES),
        results=RESULTS,
        names=names,
        form=str(uuid.uuid4()),
        today=_today(),
        typed=request.form,
        is_own=person.id == actor().id,
    )


def _cells(found: tuple[Record, ...], staff: str, codes: tuple[str, ...]) -> dict[str, tuple[competences.Standing, Record | None]]:
    newest = competences.newest(found)
    held = {code: newest.get((staff, code)) for code in codes}
    return {code: (competences.standing(record, _today()), record) for code, record in held.items()}


@room.post("/of/<staff_id>")
@requires(RUN_WARD)
def enter(staff_id: str) -> str | BaseResponse:
    who = actor()
    typed = request.form.to_dict()
    try:
        told = verbs.Told(
            form=str(uuid.UUID(typed.get("form", ""))),
            staff=staff_id,
            competence=typed.get("competence", "")[:32],
            result=typed.get("result", "")[:16],
            held_on=date.fromisoformat(typed.get("held_on", "")),
            valid_until=date.fromisoformat(typed["valid_until"]) if typed.get("valid_until") else None,
            assessor=typed.get("assessor", "")[:200],
            note=typed.get("note", "")[:2000],
            replaces=int(typed.get("replaces") or 0),
        )
    except ValueError:
        page.say("form-broken", "danger")
        return _one(staff_id)
    try:
        with transaction(who) as tx:
            verbs.record(tx, who, told, today=_today())
    except NotFoundError:
        raise
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return _one(staff_id)
    page.say("competence-saved")
    return page.back(url_for("competences.one", staff_id=staff_id))
