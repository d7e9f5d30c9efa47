"""Who somebody is, by name and password, with limits; and the limits on machines.

The answer to a wrong name, a wrong password and a closed account is one and the same, and takes the same time. The expensive
hash, which takes four processors, is computed for as many people at once as there is room for, so that a change of shift never starves
the doses. What is guessed at waits, as
`lockout` says; the limit on all tries of one address below is each process's own, and only keeps the hashing from being exhausted.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, g, request, session
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_security.proxies import _security
from flask_security.utils import hash_password, login_user, lookup_identity, verify_password

from server.security import lockout, person, sessions
from server.security.lockout import Guessed
from server.store import staff
from server.store.transaction import Actor, transaction

limiter = Limiter(key_func=get_remote_address, storage_uri="memory://", strategy="moving-window")
TRIES_PER_ADDRESS = "120 per 5 minutes"
MACHINE_FAILURES = "30 per 5 minutes"
LONGEST_PASSWORD = 200
HASH_LANES = 4  # of one hash, as the settings of Argon2 say
_hashing = threading.BoundedSemaphore(max(1, (os.cpu_count() or 1) // HASH_LANES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """`found` is the staff row of who may sign in, None for everybody else; `wait_s` above 0: nothing was judged, it comes too soon."""

    found: Any = None
    wait_s: int = 0


def by_password(name: str, password: str) -> Judged:
    """Who `name` is, when `password` is theirs. A try is counted before it is judged."""
    name = name.strip()[:255]
    found = lookup_identity(name) if name else None
    guessed = _guessed(name, str(found.id) if found is not None else "")
    if wait_s := lockout.begin(guessed):
        return Judged(wait_s=wait_s)
    if not password_holds(found, password[:LONGEST_PASSWORD]):
        return Judged()
    lockout.passed(guessed)
    return Judged(found=found)


def password_holds(found: Any, password: str) -> bool:
    """Does `password` belong to `found`, who may sign in? Takes as long when there is no such person. A hash with older parameters
    is made anew, in a transaction of its own: the session that read the person holds a snapshot from before this try was counted."""
    with _hashing:
        if found is None or not found.password:
            hash_password(password)
            return False
        normal = _security.password_util.normalize(password)
        holds = bool(verify_password(normal, found.password)) and bool(found.active)
        renewed = hash_password(normal) if holds and _security.pwd_context.needs_update(found.password) else None
    if renewed is not None:
        with transaction(Actor(id=found.id)) as tx:
            staff.renew_hash(tx, found.id, before=found.password, after=renewed)
    return holds


def own_password_holds(found: Any, password: str) -> Judged:
    """As `by_password`, for somebody who is signed in and names the own password again."""
    guessed = Guessed(name=found.id, staff=found.id, address=request.remote_addr or "")
    if wait_s := lockout.begin(guessed, "own"):
        return Judged(wait_s=wait_s)
    if not password_holds(found, password[:LONGEST_PASSWORD]):
        return Judged()
    lockout.passed(guessed, "own")
    return Judged(found=found)


def open_web(found: Any, *, factor: bool) -> None:
    """Starts a sign-in of this person in this browser. Nothing of the session before is kept but the language."""
    language = session.get("language")
    session.clear()
    login_user(found)
    if language:
        session["language"] = language
    with transaction(Actor(id=found.id, place=request.remote_addr or "")) as tx:
        session[sessions.COOKIE_KEY] = sessions.start(tx, found.id, kind="web", factor=factor, address=_address(), agent=_agent())
        sessions.remember_browser(tx, found.id)
    session.permanent = False
    person.forget()


def open_token(found: Any, *, factor: bool) -> str:
    """A token for the header Authentication-Token; a sign-in of its own."""
    with transaction(Actor(id=found.id, place=request.remote_addr or "")) as tx:
        g.pointofcare_new_sid = sessions.start(tx, found.id, kind="token", factor=factor, address=_address(), agent=_agent())
    return str(found.get_auth_token())


def guessed_factor(staff_id: str) -> Guessed:
    """What a try at the second factor is counted on."""
    return _guessed(staff_id, staff_id)


def limit(app: Flask, *endpoints: str) -> None:
    """Starts the limits and puts the one on tries of an address before the views named."""
    limiter.init_app(app)
    limit_more(app, *endpoints)


def limit_more(app: Flask, *endpoints: str) -> None:
    by_address = limiter.limit(TRIES_PER_ADDRESS, methods=["POST"])
    for endpoint in endpoints:
        view: Any = app.view_functions[endpoint]
        app.view_functions[endpoint] = by_address(view)


def limit_machines(app: Flask, *endpoints: str) -> None:
    """Puts a limit on failures from one address before views where a machine shows a token or a key."""
    by_address = limiter.limit(MACHINE_FAILURES, methods=["POST"], deduct_when=_failed)
    for endpoint in endpoints:
        view: Any = app.view_functions[endpoint]
        app.view_functions[endpoint] = by_address(view)


def _failed(answer: Response) -> bool:
    return answer.status_code not in (201, 302, 303)


def _guessed(name: str, staff_id: str) -> Guessed:
    return Guessed(name=name, staff=staff_id, browser=sessions.browser(), address=_address())


def _address() -> str:
    return request.remote_addr or ""


def _agent() -> str:
    return request.headers.get("User-Agent", "")
