"""A person's own account: password, second factor, and where one is signed in.

Changing the password asks for the one of before, so that an unattended screen gives nobody the account. What a second factor is made
of is shown while it is being set up, and never again.
"""

from __future__ import annotations

import segno
from flask import Blueprint, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from server.security import lockout, obligations, person, second_factor, sessions, sign_in
from server.security.obligations import TooSoonError
from server.security.person import actor
from server.store import second_factors, sign_ins
from server.store.transaction import reading, transaction
from server.usecases import import_fields as fields
from server.usecases import imports
from server.usecases import staff as verbs
from server.usecases.import_rows import FieldError, Problem
from server.web import page

room = Blueprint("account", __name__, url_prefix="/account")

# The first sign that stands in the User-Agent wins: each browser names those before it too.
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@room.get("/")
def show() -> str:
    return _shown({})


def _shown(faults: dict[str, str]) -> str:
    who = actor()
    config = page.config()
    with reading(who) as tx:
        running = sessions.running(tx, config, who.id, who.roles)
        enrolled = second_factor.is_enrolled(tx, who.id)
        left = second_factors.recovery_left(tx, who.id)
    return page.render(
        "account.html",
        faults=faults,
        running=running,
        current=person.signed_in().id,
        device=_device,
        enrolled=enrolled,
        left=left,
        needed=config.second_factor.required and sessions.is_privileged(config, who.roles),
    )


def _device(agent: str) -> str:
    """What a browser calls itself, in two words that a person knows; "" where it says nothing of the kind."""
    found = [next((word for sign, word in signs if sign in agent), "") for signs in (_BROWSERS, _SYSTEMS)]
    return " · ".join(word for word in found if word)


@room.post("/")
def change() -> BaseResponse | tuple[str, int]:
    who = actor()
    new = request.form.get("new", "")
    found: dict[str, str] = {}
    try:
        fields.password(new, about=(current_user.username or "", who.name))
    except FieldError as exc:
        found["new"] = Problem(file="", row=0, field="password", value="", code=exc.reason, parameters=exc.parameters).remedy_in(
            page.language()
        )
    if not found and request.form.get("again", "") != new:
        found["again"] = page.t("password-differs")
    # Asked last, because it is slow on purpose.
    if not found:
        judged = sign_in.own_password_holds(current_user, request.form.get("current", ""))
        if judged.wait_s:
            raise TooSoonError(judged.wait_s)
        if judged.found is None:
            found["current"] = page.t("password-not-right")
    if not found and new == request.form.get("current", ""):
        found["new"] = page.t("password-same")
    if found:
        return _shown(found), 422
    hashed = imports.hash_password(new)
    with transaction(who) as tx:
        verbs.set_own_password(tx, who, hashed)
    page.say("done-password")
    return page.back(url_for("security.login"))


@room.get("/second-factor")
def factor() -> str | BaseResponse | tuple[str, int]:
    """The QR code of the secret that waits to be confirmed."""
    return _enrolment("")


@room.post("/second-factor")
def confirm_factor() -> str | BaseResponse | tuple[str, int]:
    """A code of the app is shown: from now on it is asked for. The recovery codes stand on this answer alone."""
    who = actor()
    guessed = sign_in.guessed_factor(who.id)
    if wait_s := lockout.begin(guessed, "enrol"):
        raise TooSoonError(wait_s)
    if not obligations.is_young():  # whoever passes an open screen must not make it theirs
        judged = sign_in.own_password_holds(current_user, request.form.get("current", ""))
        if judged.wait_s:
            raise TooSoonError(judged.wait_s)
        if judged.found is None:
            return _enrolment(page.t("password-not-right"))
    with transaction(who) as tx:
        codes = second_factor.confirm(tx, who, request.form.get("code", "")[:64])
        if codes is not None:
            sign_ins.showed_factor(tx, person.signed_in().id)
            # Those of before were let in by the password alone, perhaps by somebody else's hand.
            if ended := sign_ins.end_all(tx, who.id, but=person.signed_in().id):
                tx.audit("staff.sign-in-end", f"staff/{who.id}", {"count": ended})
    if codes is None:
        return _enrolment(page.t("code-not-right"))
    lockout.passed(guessed, "enrol")
    return page.render("recovery_codes.html", codes=codes)


def _enrolment(fault: str) -> str | BaseResponse | tuple[str, int]:
    who = actor()
    if obligations.has_factor(who):
        return page.back(url_for("account.show"))
    with transaction(who) as tx:
        made = second_factor.begin(tx, who, issuer=f"{page.t('site-name')} {page.config().facility}", name=current_user.username or who.id)
    code = segno.make(made.address, error="m", micro=False).svg_data_uri(scale=4, border=4, light="#fff")
    typed = " ".join(made.secret[start : start + 4] for start in range(0, len(made.secret), 4))
    text = page.render("second_factor.html", code=code, secret=typed, fault=fault, asks_password=not obligations.is_young())
    return (text, 422) if fault else text


@room.post("/recovery-codes")
def renew_codes() -> str:
    who = actor()
    with transaction(who) as tx:
        codes = second_factor.new_recovery_codes(tx, who)
    return page.render("recovery_codes.html", codes=codes)


@room.get("/confirm")
def prove() -> str | BaseResponse:
    """The second factor once more, before something sensitive."""
    wanted = page.inside(request.args.get("next", "/"))
    if obligations.is_fresh(actor()):
        return page.back(wanted)
    return page.render("second.html", address=url_for("account.prove_code"), wait_s=0, failed=False, wanted=wanted)


@room.post("/confirm")
def prove_code() -> BaseResponse | tuple[str, int]:
    who = actor()
    wanted = page.inside(request.form.get("next", "/"))
    if not obligations.code_holds(who.id, request.form.get("code", ""), address=who.place):
        return page.render("second.html", address=url_for("account.prove_code"), wait_s=0, failed=True, wanted=wanted), 422
    with transaction(who) as tx:
        sign_ins.showed_factor(tx, person.signed_in().id)
        tx.audit("staff.second-factor-shown", f"staff/{who.id}")
    page.say("done-factor-shown")
    return page.back(wanted)


@room.post("/sign-ins/<sign_in_id>/end")
def end(sign_in_id: str) -> BaseResponse:
    who = actor()
    with transaction(who) as tx:
        sign_ins.end(tx, who.id, sign_in_id)
        tx.audit("staff.sign-in-end", f"staff/{who.id}", {"count": 1})
    page.say("done-sign-in-ended")
    return page.back(url_for("account.show"))


@room.post("/sign-ins/end")
def end_all() -> BaseResponse:
    """Everywhere, this browser included, and every token."""
    who = actor()
    with transaction(who) as tx:
        tx.audit("staff.sign-in-end", f"staff/{who.id}", {"count": sign_ins.end_all(tx, who.id)})
    page.say("done-sign-ins-ended")
    return page.back(url_for("security.login"))
