"""The person behind a request, and the decorator that asks for a permission.

A person is read from the database at every request: a role that was taken away, an account that was closed or one that has run
out ends at once, whatever the cookie or the token says.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar

from flask import g, request, session
from flask_login import current_user
from flask_security.utils import logout_user

from pointofcare.errors import NotPermittedError, PointOfCareError
from pointofcare.people import StaffRole
from server.security import wards
from server.security.permissions import held_by, permits
from server.store.transaction import Actor

_P = ParamSpec("_P")
_R = TypeVar("_R")

# One long shift. A session ends then, however busy it was.
SESSION_MAX_AGE_S = 12 * 3600
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


def _actor() -> Actor | None:
    """Read once a request."""
    if "pointofcare_actor" not in g:
        g.pointofcare_actor = _read()
    found: Actor | None = g.pointofcare_actor
    return found


def _read() -> Actor | None:
    if not current_user.is_authenticated or not wards.is_of_this_facility():
        return None
    ended = current_user.valid_until is not None and current_user.valid_until <= datetime.now(UTC)
    by_token = "_user_id" not in session
    too_old = not by_token and time.time() - float(session.get("fs_paa", 0)) > SESSION_MAX_AGE_S
    if not current_user.active or ended or too_old:
        if not by_token:
            logout_user()
        return None
    known = {role.value for role in StaffRole}
    roles = frozenset(StaffRole(role.name) for role in current_user.roles if role.name in known)
    return wards.bounded(Actor(id=current_user.id, name=current_user.name, roles=roles, place=request.remote_addr or ""))
