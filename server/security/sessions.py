"""Sign-ins as the server knows them: each is a row, so that it can be listed, ended, and ends by itself.

The cookie, or the API's token, carries 256 random bits; the row is found by their digest. A cookie without a running row is nobody's,
whatever it is signed with. A page that keeps itself fresh is no sign of life.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from flask import Response, g, request, session
from flask_login import current_user

from pointofcare.people import StaffRole
from server.config import ServerConfig
from server.security.lockout import digest
from server.store import sign_ins
from server.store.sign_ins import SignIn
from server.store.staff_wards import Reach
from server.store.transaction import Actor, Transaction, reading, transaction

COOKIE_KEY = "sid"
BROWSER_COOKIE = "pointofcare_browser"
# A sign of life is written down at most so often.
SAW_EVERY = timedelta(minutes=1)


def lifetimes(config: ServerConfig, roles: frozenset[StaffRole]) -> tuple[timedelta, timedelta]:
    """(idle, whole lifetime) of a sign-in of somebody with these roles; the shorter of each where several hold."""
    own = config.sessions
    idle, whole = own.idle_min, own.lifetime_h
    if is_privileged(config, roles):
        idle, whole = min(idle, own.privileged_idle_min), min(whole, own.privileged_lifetime_h)
    return timedelta(minutes=idle), timedelta(hours=whole)


def is_privileged(config: ServerConfig, roles: frozenset[StaffRole]) -> bool:
    return any(role.value in config.second_factor.roles for role in roles)


def start(tx: Transaction, staff: str, *, kind: str, factor: bool, address: str, agent: str) -> str:
    """A new sign-in; what the browser or client keeps. It is new at every sign-in, so that one planted before is worth nothing."""
    drawn = secrets.token_urlsafe(32)
    sign_ins.start(tx, digest(f"session:{drawn}"), staff, kind=kind, factor=factor, address=address, agent=agent)
    tx.audit("staff.sign-in", f"staff/{staff}", {"kind": kind, "second_factor": factor})
    return drawn


def current(config: ServerConfig, roles: frozenset[StaffRole]) -> tuple[SignIn, Reach] | None:
    """The running sign-in behind this request, of the person whom the cookie or token names, and what that person reaches now; None
    when it ended."""
    by_token = "_user_id" not in session
    held = g.get("pointofcare_token_sid") if by_token else session.get(COOKIE_KEY)
    if not isinstance(held, str) or not held:
        return None
    with reading() as tx:
        found, reach = sign_ins.find_with_reach(tx, digest(f"session:{held}"), current_user.id)
        now = tx.at
    if found is None or found.staff != current_user.id or found.ended_at is not None:
        return None
    if (found.kind == "token") != by_token or _is_over(found, now, *lifetimes(config, roles)):
        return None
    if now - found.seen_at >= SAW_EVERY and request.args.get("part") != "live":
        with transaction(Actor(id=found.staff)) as tx:
            sign_ins.saw(tx, found.id)
    return found, reach


def running(tx: Transaction, config: ServerConfig, staff: str, roles: frozenset[StaffRole]) -> tuple[SignIn, ...]:
    """What the person may see of the own sign-ins, and end."""
    idle, whole = lifetimes(config, roles)
    return tuple(each for each in sign_ins.running(tx, staff, since=tx.at - whole) if not _is_over(each, tx.at, idle, whole))


def _is_over(found: SignIn, now: datetime, idle: timedelta, whole: timedelta) -> bool:
    if now - found.started_at >= whole or found.started_at - now > timedelta(minutes=5):
        return True  # a clock that was set back makes no sign-in younger
    return found.kind == "web" and now - found.seen_at >= idle


# The browser's own cookie: it lets nobody in, it only says that somebody has signed in here before.


def browser() -> str:
    """The digest of this browser's cookie, "" where it has none."""
    held = request.cookies.get(BROWSER_COOKIE, "")
    return digest(f"browser:{held}") if 40 <= len(held) <= 60 else ""


def remember_browser(tx: Transaction, staff: str) -> None:
    """The next answer carries a cookie where this browser has none."""
    held = request.cookies.get(BROWSER_COOKIE, "")
    if not 40 <= len(held) <= 60:
        held = secrets.token_urlsafe(32)
        g.pointofcare_browser = held
    sign_ins.remember_browser(tx, digest(f"browser:{held}"), staff)


def put_browser(response: Response, *, secure: bool) -> Response:
    held = g.pop("pointofcare_browser", None)
    if held is not None:
        age_s = int(sign_ins.KEEP_BROWSER.total_seconds())
        response.set_cookie(BROWSER_COOKIE, held, max_age=age_s, httponly=True, secure=secure, samesite="Strict", path="/")
    return response
