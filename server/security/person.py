"""The person behind a request, and the decorator that asks for a permission.

A person and the sign-in are read from the database at every request: a role that was taken away, an account that was closed or has
run out, and a sign-in that was ended, end at once, whatever the cookie or the token says.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

from flask import current_app, g, request, session
from flask_login import current_user
from flask_security.utils import logout_user
from werkzeug.exceptions import BadRequest

from pointofcare.errors import NotPermittedError, PointOfCareError
from pointofcare.people import StaffRole
from server.config import ServerConfig
from server.security import programs, sessions, wards
from server.security.permissions import held_by, permits
from server.store.sign_ins import SignIn
from server.store.transaction import Actor

_P = ParamSpec("_P")
_R = TypeVar("_R")

# The longest that a signed cookie or token is looked at. Each sign-in ends by its own row, as the settings say, and never later.
SESSION_MAX_AGE_S = 24 * 3600
TOKEN_HEADER = "Authentication-Token"


class NotSignedInError(PointOfCareError):
    """Nobody, or somebody whose account no longer holds, asks."""

    code = "not-signed-in"


def actor() -> Actor:
    """Who asks. Raises: NotSignedInError."""
    found = _actor()
    if found is None:
        raise NotSignedInError("sign in first", remedy="sign in at /sign-in, or send a token in the header Authentication-Token")
    return found


def is_somebody() -> bool:
    return _actor() is not None


def may(permission: str) -> bool:
    """For pages that show or leave out a thing."""
    found = _actor()
    return found is not None and permits(found.roles, permission)


def permissions() -> frozenset[str]:
    found = _actor()
    return held_by(found.roles) if found is not None else frozenset()


def language() -> str | None:
    """The language the person chose for good, None when nobody is signed in or none was chosen."""
    return current_user.language if current_user.is_authenticated else None


def requires(permission: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """The view runs only for a person with `permission`. Raises: NotSignedInError, NotPermittedError."""

    def decorate(view: Callable[_P, _R]) -> Callable[_P, _R]:
        @functools.wraps(view)
        def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            who = actor()
            if not permits(who.roles, permission):
                raise NotPermittedError(
                    "your role does not permit this", remedy="ask an administrator for the role that does it", permission=permission
                )
            return view(*args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded

    return decorate


def signed_in() -> SignIn:
    """The sign-in behind this request. Raises: NotSignedInError."""
    actor()
    found: SignIn = g.pointofcare_sign_in
    return found


def roles_of(staff_row: Any) -> frozenset[StaffRole]:
    """The roles of a person as Flask-Security holds them; words that are no role count for nothing."""
    known = {role.value for role in StaffRole}
    return frozenset(StaffRole(role.name) for role in staff_row.roles if role.name in known)


def forget() -> None:
    """The next look at who asks is a new one: somebody signed in or out in this request."""
    g.pop("pointofcare_actor", None)


def config() -> ServerConfig:
    found: ServerConfig = current_app.config["POINTOFCARE_CONFIG"]
    return found


def _actor() -> Actor | None:
    """Read once a request. To the FHIR face a program comes with a token of its own, a person with one in a header, and no cookie counts
    there: what a browser sends by itself asks for nothing."""
    if "pointofcare_actor" not in g:
        g.pointofcare_actor = _read()
    found: Actor | None = g.pointofcare_actor
    return found


def _read() -> Actor | None:
    if programs.is_program():
        return programs.actor(config(), request.remote_addr or "")
    if request.blueprint == programs.BLUEPRINT and TOKEN_HEADER not in request.headers:
        return None
    try:
        known = current_user.is_authenticated
    except RecursionError:  # Flask-Security looks for a token in the body, which was nested on purpose
        raise BadRequest("the body is nested too deeply") from None
    if not known or not wards.is_of_this_facility():
        return None
    ended = current_user.valid_until is not None and current_user.valid_until <= datetime.now(UTC)
    roles = roles_of(current_user)
    running = sessions.current(config(), roles) if current_user.active and not ended else None
    if running is None:
        if "_user_id" in session:
            logout_user()
        return None
    g.pointofcare_sign_in, reach = running
    return wards.bounded(Actor(id=current_user.id, name=current_user.name, roles=roles, place=request.remote_addr or ""), reach)
