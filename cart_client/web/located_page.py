"""Somebody of the fleet looks for this cart: a banner over whatever the screen shows, and a button for whoever found it.

It says nothing of a patient and hides nothing of a dose: it stands above the page.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask_wtf.csrf import generate_csrf
from werkzeug.wrappers import Response as BaseResponse

from cart_client.commanded import Located
from cart_client.web.words import Words
from pointofcare.errors import DeviceError


def blueprint(located: Located | None, silence: Callable[..., None], words: Callable[[], Words]) -> Blueprint:
    """`located` None: nothing can look for this cart. `silence` is the hardware's signal, which is then asked to end."""
    room = Blueprint("located", __name__)

    @room.record
    def tell_templates(state: BlueprintSetupState) -> None:
        state.app.jinja_env.globals["can_be_located"] = located is not None

    @room.get("/part/located")
    def part() -> Response:
        """204 when the page has it already."""
        showing = located.showing if located is not None else 0
        if request.args.get("seen") == str(showing):
            return Response(status=204)
        return Response(render_template("located.html", w=words(), showing=showing, csrf=generate_csrf() if showing else ""))

    @room.post("/located/found")
    def found() -> BaseResponse:
        if located is not None:
            located.end()
            threading.Thread(target=_quiet, args=(silence,), name="found", daemon=True).start()  # the page does not wait for a serial line
        return redirect(url_for("page"), code=303)

    return room


def _quiet(silence: Callable[..., None]) -> None:
    try:
        silence(lasts_s=0.0)
    except DeviceError:
        return  # it ends by itself
