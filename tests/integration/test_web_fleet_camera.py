"""The page of a cart says in words what its camera is like, whatever the cart tells."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pointofcare.wire.messages import Telemetry, TelemetryKind
from server.store import fleet
from server.store.transaction import Actor, transaction
from tests.support import web
from tests.support.web import FLEET

WELL: Mapping[str, object] = {
    "live": True,
    "fault": "",
    "fault_since": None,
    "picture_rate_hz": 29.6,
    "searched_share": 0.97,
    "read_share": None,
    "light_percent": 46,
    "width_px": 1280,
    "height_px": 720,
    "losses": 0,
}
ODD: Mapping[str, object] = dict.fromkeys(WELL, "<b>7</b>") | {
    "fault_since": 3,
    "width_px": -1,
    "losses": True,
    "picture_rate_hz": 1e300,
}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (WELL, ("Works well", "30 a second", "1280 × 720", "46 %", "97 %", "no code in the last 30 seconds")),
        ({**WELL, "fault": "frozen", "fault_since": "2026-03-02T01:05:00+00:00", "read_share": 0.5}, ("Picture frozen", "08:05", "50 %")),
        (ODD, ("&lt;b&gt;7&lt;/b&gt;", "not known")),
        ({}, ("not known",)),
    ],
    ids=["well", "frozen", "odd", "empty"],
)
def test_what_a_cart_tells_of_its_camera_is_said_in_words(tmp_path: Path, values: Mapping[str, object], told: tuple[str, ...]) -> None:
    with web.ward_app(tmp_path) as app:
        with app.app_context(), transaction(Actor(id="gateway")) as tx:
            fleet.put_telemetry(tx, "c1", Telemetry(kind=TelemetryKind.CAMERA, at=datetime.now(UTC), values=values))
        shown = web.signed_in(app, FLEET).get("/fleet/c1").text
        assert [each for each in told if each.lower() not in shown.lower()] == []
        assert "<b>7" not in shown
