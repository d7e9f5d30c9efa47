"""Signing in and out on the pages: name and password, then the second factor of who has one.

Between the two nobody is signed in: the cookie only says who is half-way, for a few minutes. The two steps tell a stranger nothing
about a name.
"""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, Flask, Response, make_response, request, session, url_for
from flask_login import current_user
from flask_security.proxies import _security
from flask_security.utils import logout_user
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import NotFoundError
from server.security import obligations, person
from server.security import sign_in as security
from server.security.obligations import TooSoonError
from server.store import sign_ins
from server.store.transaction import Actor, transaction
from server.web import page

room = Blueprint("sign_in", __name__)
HALF_WAY = "half_way"
HALF_WAY_S = 300


def register(app: Flask) -> None:
    """Puts these pages in place of Flask-Security's own."""
    app.register_blueprint(room)
    app.view_functions["security.login"] = enter
    app.view_functions["security.logout"] = leave
    security.limit_more(app, "security.login", "sign_in.second_code")


def enter() -> BaseResponse | str:
    wanted = page.inside(request.values.get("next", "/"))
    if person.is_somebody():
        return page.back(wanted)
    if request.method != "POST":
        return page.render("sign_in.html", wanted=wanted, username="", wait_s=0, failed=False)
    name = request.form.get("username", "")
    judged = security.by_password(name, request.form.get("password", ""))
    if judged.found is None:
        text = page.render("sign_in.html", wanted=wanted, username=name[:255], wait_s=judged.wait_s, failed=True)
        return _waiting(text, judged.wait_s)
    if obligations.has_factor(Actor(id=judged.found.id)):
        language = session.get("language")
        session.clear()
        session[HALF_WAY] = {"staff": judged.found.fs_uniquifier, "at": time.time(), "next": wanted}
        if language:
            session["language"] = language
        return _away(url_for("sign_in.second"))
    security.open_web(judged.found, factor=False)
    return _away(wanted)


@room.get("/sign-in/second")
def second() -> BaseResponse | str:
    if _half_way() is None:
        return page.back(url_for("security.login"))
    return page.render("second.html", address=url_for("sign_in.second_code"), wait_s=0, failed=False, wanted="")


@room.post("/sign-in/second")
def second_code() -> BaseResponse | str:
    found = _half_way()
    if found is None:
        return page.back(url_for("security.login"))
    wait_s = 0
    try:
        holds = obligations.code_holds(found.id, request.form.get("code", ""), address=request.remote_addr or "")
    except TooSoonError as exc:
        holds, wait_s = False, exc.wait_s
    if not holds:
        text = page.render("second.html", address=url_for("sign_in.second_code"), wait_s=wait_s, failed=True, wanted="")
        return _waiting(text, wait_s)
    wanted = page.inside(str(session[HALF_WAY].get("next", "/")))
    security.open_web(found, factor=True)
    return _away(wanted)


def leave() -> BaseResponse:
    """Ends the sign-in itself, so that a copy of the cookie is worth nothing either."""
    if request.method != "POST":
        raise NotFoundError("this address takes a form only", remedy="press sign out")
    if person.is_somebody():
        who, running = person.actor(), person.signed_in()
        with transaction(who) as tx:
            sign_ins.end(tx, who.id, running.id)
            tx.audit("staff.sign-out", f"staff/{who.id}")
    language = session.get("language")
    if current_user.is_authenticated:
        logout_user()
    session.clear()
    if language:
        session["language"] = language
    person.forget()
    return _away(url_for("security.login"))


def _half_way() -> Any | None:
    """The staff row of who has named the password lately in this browser, and may still sign in."""
    held = session.get(HALF_WAY)
    if not isinstance(held, dict) or not 0 <= time.time() - float(held.get("at", 0)) < HALF_WAY_S:
        return None
    found = _security.datastore.find_user(fs_uniquifier=str(held.get("staff")))
    return found if found is not None and found.active else None


def _away(address: str) -> BaseResponse:
    answer = page.back(address)
    answer.status_code = 302
    return answer


def _waiting(text: str, wait_s: int) -> Response:
    answer = make_response(text, 429 if wait_s else 200)
    if wait_s:
        answer.headers["Retry-After"] = str(wait_s)
    return answer
