"""What the monitor on the cart shows now, for the forms that ask for a value: a press writes it into the field, and the nurse records it.

It reads and commands nothing. Values are of the device, not of a patient, and are asked for only while such a form is on the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from decimal import Decimal

from flask import Blueprint, Response, jsonify
from flask.blueprints import BlueprintSetupState

from cart_client.monitor import Shown
from cart_client.web.words import Words
from pointofcare.administration.observation import KINDS
from pointofcare.texts import written


def blueprint(shown: Callable[[], Shown] | None, words: Callable[[], Words], codes: Collection[str] = ()) -> Blueprint:
    """`shown` None: this cart has no monitor, and its forms never ask. `codes`: the observations that it can tell."""
    room = Blueprint("monitor", __name__)

    @room.record
    def tell_templates(state: BlueprintSetupState) -> None:
        state.app.jinja_env.globals["has_monitor"] = shown is not None
        state.app.jinja_env.globals["monitored"] = codes

    @room.get("/monitor.json")
    def now() -> Response:
        """`values`: observation code -> {"value", "words"}; `fault`: why there are none, in words, "" when there are."""
        found = shown() if shown is not None else Shown()
        w = words()
        values = {
            code: {
                "value": str(value),
                "words": w.t("monitor-take", value=written.number(w.language, Decimal(value)), unit=w.unit(KINDS[code].unit)),
            }
            for code, value in found.values.items()
        }
        return jsonify(values=values, fault=w.t(f"monitor-{found.fault}") if found.fault else "")

    return room
