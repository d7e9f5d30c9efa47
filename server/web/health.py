"""/health and /ready for load balancers, systemd and whoever watches; /healthz (server.app) tells people more. JSON, no names, no secrets.

/health: is this process worth keeping? It asks nothing outside, and 503 means: start it again. /ready: may people be sent here? 503 means:
send them to another one. Both are cheap, the same for a hospital of any size, and answered to anybody.
"""

from __future__ import annotations

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue

from server.usecases import readiness
from server.usecases.readiness import Looked, Lookout, State
from server.web import page

room = Blueprint("health", __name__)

_LOOKOUT = "pointofcare-lookout"
_UNCHANGING = {"Cache-Control": "no-store"}


@room.get("/health")
def alive() -> ResponseReturnValue:
    return _told(readiness.alive(_running()), good="alive")


@room.get("/ready")
def ready() -> ResponseReturnValue:
    # setdefault: of two who come first one lookout stays.
    lookout: Lookout = current_app.extensions.get(_LOOKOUT) or current_app.extensions.setdefault(_LOOKOUT, _lookout())
    return _told(lookout.told(), good="ready")


def _lookout() -> Lookout:
    app = current_app._get_current_object()  # type: ignore[attr-defined]

    def look() -> tuple[Looked, ...]:
        return readiness.ready(page.config(), app.extensions["pointofcare"])

    return Lookout(look)


def _running() -> object:
    return current_app.extensions["pointofcare"]


def _told(looks: tuple[Looked, ...], *, good: str) -> ResponseReturnValue:
    state = readiness.worst(looks)
    checks = {each.part: {"state": each.state.value, **({"reason": each.reason} if each.reason else {})} for each in looks}
    status = {State.OK: good, State.DEGRADED: f"{good}, degraded", State.FAILED: f"not {good}"}[state]
    return {"status": status, "checks": checks}, 503 if state is State.FAILED else 200, _UNCHANGING
