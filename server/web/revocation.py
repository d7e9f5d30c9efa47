"""Ending what let a thing in, a cart's certificate or a phone's pairing: one form with a tick and a reason, and one answer to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from flask import request
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError
from server.security.person import actor
from server.store.transaction import transaction
from server.web import faults, page

Kind = Literal["machine", "phone"]


def answered(kind: Kind, name: str, revoke: Callable[..., Any], *, back: str) -> BaseResponse:
    """What the form of `_revocation.html` sent is done by `revoke(tx, actor, name, reason=...)`; nothing without the tick. Texts begin with
    `kind`."""
    who = actor()
    if request.form.get("sure") != "yes":
        page.say(f"{kind}-not-sure", "danger")
        return page.back(back)
    try:
        with transaction(who) as tx:
            revoke(tx, who, name, reason=request.form.get("reason", ""))
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say(f"{kind}-revoked", cart=name)
    return page.back(back)
