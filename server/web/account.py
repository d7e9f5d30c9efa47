"""A person's own account: changing the password. It asks for the one of before, so that an unattended screen gives nobody the account."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from server.security import sign_in
from server.security.person import actor
from server.store.transaction import transaction
from server.usecases import import_fields as fields
from server.usecases import imports
from server.usecases import staff as verbs
from server.usecases.import_rows import FieldError, Problem
from server.web import page

room = Blueprint("account", __name__, url_prefix="/account")


@room.get("/")
def show() -> str:
    actor()
    return page.render("account.html", faults={})


@room.post("/")
def change() -> BaseResponse | tuple[str, int]:
    who = actor()
    new = request.form.get("new", "")
    found: dict[str, str] = {}
    try:
        fields.password(new)
    except FieldError as exc:
        found["new"] = Problem(file="", row=0, field="password", value="", code=exc.reason, parameters=exc.parameters).remedy_in(
            page.language()
        )
    if not found and request.form.get("again", "") != new:
        found["again"] = page.t("password-differs")
    # Asked last, because it is slow on purpose.
    if not found and not sign_in.password_holds(current_user, request.form.get("current", "")[:200]):
        found["current"] = page.t("password-not-right")
    if not found and new == request.form.get("current", ""):
        found["new"] = page.t("password-same")
    if found:
        return page.render("account.html", faults=found), 422
    hashed = imports.hash_password(new)
    with transaction(who) as tx:
        verbs.set_own_password(tx, who, hashed)
    page.say("done-password")
    return page.back(url_for("security.login"))
