"""What a person must do before anything else, and what needs the second factor once more.

Signed in is not yet let in: a password that somebody else set is changed first, and who must have a second factor sets one up first.
What is sensitive asks for it again when it was shown too long ago, so that an unattended screen changes neither people nor rules.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from flask import request
from flask_login import current_user

from pointofcare.errors import NotPermittedError
from server.security import lockout, person, programs, second_factor, sessions, sign_in
from server.security.person import NotSignedInError
from server.store.transaction import Actor, reading, transaction

Owed = Literal["password", "second-factor", "fresh"]

# Whether this process is alive is asked while the database is away: nobody is looked up for it.
_WATCHED = ("healthz", "health.alive", "health.ready")
# Open while something is owed: one's own account, the way out, help, and what the pages are made of.
ALLOWED = frozenset({"home.language", "web.static", "security.login", "security.logout", "sign_in.second", *_WATCHED})
ALLOWED_ROOMS = frozenset({"account", "help"})
# User administration, rules, machines, imports (they bring people), reviews of emergency access, and one's own recovery codes.
SENSITIVE = frozenset(
    {
        "staff.save",
        "staff.reset_second_factor",
        "policy.act",
        "machines.claim",
        "machines.revoke",
        "imports.confirm",
        "api.bring_in",
        "account.renew_codes",
        "emergency.judge",
        "api.emergency_review",
    }
)
_TOLD: dict[Owed, tuple[str, str]] = {
    "password": ("somebody else set your password", "change it on the page of your account first"),
    "second-factor": ("your role needs a second factor", "set one up on the page of your account first"),
    "fresh": ("this asks for your second factor once more", "show it again, or take a new token"),
}


class OwedError(NotPermittedError):
    """Something must be done first; `owed` says what."""

    code = "sign-in-incomplete"

    def __init__(self, owed: Owed) -> None:
        super().__init__(_TOLD[owed][0], remedy=_TOLD[owed][1], owed=owed)
        self.owed: Owed = owed


def check() -> None:
    """Before a request: raises OwedError when its person owes something. Nobody signed in owes nothing."""
    endpoint = request.endpoint or ""
    if endpoint in ALLOWED or endpoint.endswith(".static") or programs.is_program() or not person.is_somebody():
        return
    who = person.actor()
    if request.blueprint not in ALLOWED_ROOMS and (owed := owed_by(who)):
        raise OwedError(owed)
    if endpoint in SENSITIVE and request.method == "POST" and not is_fresh(who):
        raise OwedError("fresh")


def owed_by(who: Actor) -> Owed | None:
    """What this person, who is signed in, must do before anything else."""
    if current_user.must_change_password:
        return "password"
    config = person.config()
    if not config.second_factor.required or not sessions.is_privileged(config, who.roles) or person.signed_in().factor_at is not None:
        return None
    return "fresh" if has_factor(who) else "second-factor"


def has_factor(who: Actor) -> bool:
    with reading(who) as tx:
        return second_factor.is_enrolled(tx, who.id)


def is_fresh(who: Actor) -> bool:
    """Was the second factor shown lately? Somebody who has none is asked for none."""
    if not has_factor(who):
        return True
    with reading(who) as tx:
        now = tx.at
    shown = person.signed_in().factor_at
    return shown is not None and now - shown < timedelta(minutes=person.config().second_factor.fresh_min)


def is_young() -> bool:
    """Did this sign-in begin lately, so that the person who named the password is still there?"""
    with reading() as tx:
        now = tx.at
    return now - person.signed_in().started_at < timedelta(minutes=person.config().second_factor.fresh_min)


class TooSoonError(NotPermittedError):
    """A guess that must wait; it was not judged."""

    code = "too-many-requests"

    def __init__(self, wait_s: int) -> None:
        message = "too many tries for this name or from this address"
        super().__init__(message, remedy=f"wait {wait_s} seconds, then try again", wait_s=wait_s)
        self.wait_s = wait_s


def code_holds(staff_id: str, typed: str, *, address: str = "") -> bool:
    """Is it this person's second factor? Raises: TooSoonError."""
    guessed = sign_in.guessed_factor(staff_id)
    if wait_s := lockout.begin(guessed, "factor"):
        raise TooSoonError(wait_s)
    with transaction(Actor(id=staff_id, place=address)) as tx:
        holds = second_factor.holds(tx, staff_id, typed[:64])
    if holds:
        lockout.passed(guessed, "factor")
    return holds


def code_for_token(found: Any, typed: str) -> bool:
    """Whether a second factor was shown. Raises: NotSignedInError, OwedError, TooSoonError."""
    roles = person.roles_of(found)
    if found.must_change_password:
        raise OwedError("password")
    with reading() as tx:
        enrolled = second_factor.is_enrolled(tx, found.id)
    if enrolled:
        if not code_holds(found.id, typed, address=request.remote_addr or ""):
            raise NotSignedInError("the code of the second factor is not right", remedy="send a new one as code")
        return True
    config = person.config()
    if config.second_factor.required and sessions.is_privileged(config, roles):
        raise OwedError("second-factor")
    return False


def lifetime_s(found: Any) -> int:
    """How long a token of this person holds."""
    return int(sessions.lifetimes(person.config(), person.roles_of(found))[1].total_seconds())
