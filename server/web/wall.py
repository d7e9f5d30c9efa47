"""The ward on a wall screen: what is about to be late, to be read from four metres; and who lets a screen in.

Anybody may pass a wall: it shows beds and times, and of patients and drugs only what the hospital's settings allow. It is for reading;
nothing on it can be pressed but its help, which closes by itself. A screen that hears nothing says so over the whole picture.
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources

from flask import Blueprint, Response, current_app, make_response, render_template, request, session, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import NotFoundError, PointOfCareError
from pointofcare.people import Patient
from server.security import viewing
from server.security.permissions import RUN_WARD, SEE_BOARD
from server.security.person import actor, requires
from server.store import patients, reach, views_patients, views_pharmacy, walls
from server.store.transaction import Actor, reading, transaction
from server.store.walls import Screen
from server.usecases import radar
from server.usecases import walls as verbs
from server.usecases.radar import Radar
from server.web import faults, page

room = Blueprint("wall", __name__)

COOKIE = "pointofcare_wall"
KEPT_S = 400 * 24 * 3600
ASK_EVERY_S = 10
BEDS_SHOWN = 9
READER = Actor(id="wall-screen", name="Wall screen")


@dataclass(slots=True)
class _Kept:
    at: float
    radar: Radar


@dataclass(slots=True)
class _Memory:
    """One look a ward serves every screen for a few seconds, so that screens cost what wards cost and not what screens do."""

    seconds: float = 5.0
    lock: threading.Lock = field(default_factory=threading.Lock)
    kept: dict[tuple[str, str], _Kept] = field(default_factory=dict)


_MEMORY = "pointofcare_radar"


def look(who: Actor, ward: str) -> Radar:
    """The radar of a ward, at most a few seconds old. Who may see it was asked before."""
    memory: _Memory = current_app.extensions.setdefault(_MEMORY, _Memory())
    key = (page.config().facility, ward)
    with memory.lock:
        kept = memory.kept.get(key)
        if kept is not None and time.monotonic() - kept.at < memory.seconds:
            return kept.radar
    with reading(who) as tx:
        line = patients.ward(tx, ward)
        found = radar.look(tx, ward, zone=(line.timezone if line is not None else "") or page.config().timezone)
    with memory.lock:
        memory.kept[key] = _Kept(at=time.monotonic(), radar=found)
    return found


@room.get("/wall/")
def show() -> BaseResponse:
    """The screen's own address: its ward when it is let in, else the code that lets it in."""
    held = request.cookies.get(COOKIE, "")
    if not 40 <= len(held) <= 60:
        answer = _code_page(held := verbs.draw())
        config = page.config().http
        answer.set_cookie(COOKIE, held, max_age=KEPT_S, httponly=True, secure=config.secure_cookies, samesite="Strict", path="/wall/")
        return answer
    screen = _screen(held)
    return _code_page(held) if screen is None else _ward_page(screen)


def _screen(held: str) -> Screen | None:
    place = request.remote_addr or ""
    secret = page.config().secret_key
    with reading(READER) as tx:
        found = verbs.known(tx, held)
        waits = verbs.expected(tx, secret, held) if found is None else None
        now = tx.at
    if waits is not None:
        with transaction(READER) as tx:
            if not verbs.come(tx, waits, held, place=place):
                return None
        with reading(READER) as tx:
            return verbs.known(tx, held)
    if found is not None and (found.seen_at is None or now - found.seen_at >= verbs.SAW_EVERY):
        with transaction(READER) as tx:
            walls.saw(tx, found.id, place=place)
    return found


def _code_page(held: str) -> BaseResponse:
    made = verbs.code(page.config().secret_key, held)
    shown = f"{made[:4]}-{made[4:]}"
    state = hashlib.sha256(shown.encode()).hexdigest()[:16]
    if request.args.get("part") == "live":
        return _part("_wall_code.html", state, code=shown)
    heading = page.t("wall-title")
    return make_response(render_template("wall.html", section="_wall_code.html", code=shown, state=state, ask_every_s=5, heading=heading))


def _ward_page(screen: Screen) -> BaseResponse:
    if screen.language in page.config().languages and session.get("language") != screen.language:
        session["language"] = screen.language
    return _board(look(READER, screen.ward), screen.ward)


def _board(found: Radar, ward: str) -> BaseResponse:
    with reading(READER) as tx:
        line = patients.ward(tx, ward)
    name = line.name if line is not None else ward
    pending = [bed for bed in found.beds if bed.state in ("overdue", "pressing", "due")]
    context = {
        "radar": found,
        "beds": pending[:BEDS_SHOWN],
        "more": max(0, len(pending) - BEDS_SHOWN),
        "who": told,
        "minutes": minutes,
        "drugs": page.config().wall.drugs,
        "at": found.at,
        "ward_called": name,
    }
    if request.args.get("part") == "live":
        return _part("_wall_board.html", _version(), **context)
    whole = {"section": "_wall_board.html", "state": _version(), "ask_every_s": ASK_EVERY_S, "heading": name}
    return make_response(render_template("wall.html", **whole, **context))


def _part(template: str, state: str, **context: object) -> BaseResponse:
    """The section alone. `state` tells the page when it must load anew: it is another page, or another version of the program."""
    answer = make_response(render_template(template, **context))
    answer.headers["X-Wall-State"] = state
    return answer


@cache
def _version() -> str:
    """Changes with what the page is made of, and is the same in every process that serves it."""
    room_files = resources.files("server.web")
    parts = ("templates/_wall_board.html", "templates/wall.html", "static/wall.js", "static/wall.css")
    whole = b"".join(room_files.joinpath(*part.split("/")).read_bytes() for part in parts)
    return "board-" + hashlib.sha256(whole).hexdigest()[:12]


def told(patient: Patient) -> str:
    """What the hospital lets a wall say of a patient beside the bed, "" by default."""
    kind = page.config().wall.patients
    if kind == "name":
        return patient.name
    if kind == "initials":
        return " ".join(f"{word[0]}." for word in patient.name.split())
    return ""


def minutes(left: timedelta) -> int:
    """Whole minutes that are left, rounded down; below zero: how many have begun since, so that 0 is never said of what is late."""
    return int(left.total_seconds() // 60)


# For people who are signed in.


@room.get("/ward/wall/<ward>")
@requires(SEE_BOARD)
def desk(ward: str) -> BaseResponse:
    """The same picture, for somebody who is signed in."""
    who = actor()
    with reading(who) as tx:
        if patients.ward(tx, ward) is None:
            raise NotFoundError(f"ward {ward!r} is not known", remedy="choose a ward of the list", ward=ward)
        reach.must_see(tx, ward)
    found = look(who, ward)
    viewing.seen(ward=ward, count=len(found.beds))
    return _board(found, ward)


@room.get("/wall/screens")
@requires(RUN_WARD)
def screens() -> str:
    with reading(actor()) as tx:
        wards = views_patients.wards(tx)
        found = walls.listed(tx)
        names = views_pharmacy.names(tx, [one.added_by for one in found] + [one.ended_by for one in found])
    now = datetime.now(UTC)
    address = url_for("wall.show", _external=True)
    return page.render("wall_screens.html", screens=found, wards=wards, names=names, now=now, comes_within=verbs.COMES_WITHIN, wall=address)


@room.post("/wall/screens")
@requires(RUN_WARD)
def add() -> BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            verbs.let_in(
                tx,
                who,
                ward=request.form.get("ward", "")[:64],
                code=request.form.get("code", "")[:40],
                label=request.form.get("label", ""),
                language=request.form.get("language", ""),
            )
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("wall-done-add")
    return page.back(url_for("wall.screens"))


@room.post("/wall/screens/<int(max=2147483647):screen>/end")
@requires(RUN_WARD)
def end(screen: int) -> BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            verbs.end(tx, who, screen)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("wall-done-end")
    return page.back(url_for("wall.screens"))


# The radar for people who are signed in.


@room.get("/ward/radar")
@requires(SEE_BOARD)
def radar_page() -> Response | str:
    from server.web import ward as ward_board

    who = actor()
    with reading(who) as tx:
        wards = views_patients.wards(tx)
        chosen = ward_board.chosen_ward(wards)
    if chosen is None:
        return page.live("radar.html", "_radar.html", arguments={"ward": ""}, radar=None, wards=wards, ward="", names={}, minutes=minutes)
    found = look(who, chosen.id)
    with reading(who) as tx:
        names = views_pharmacy.names(tx, [one.nurse for one in found.people])
    viewing.seen(ward=chosen.id, count=len(found.beds))
    return page.live(
        "radar.html", "_radar.html", arguments={"ward": chosen.id}, radar=found, wards=wards, ward=chosen.id, names=names, minutes=minutes
    )
