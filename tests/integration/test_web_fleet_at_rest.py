"""The fleet page says of which cart the data are readable by whoever takes its disk."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pointofcare.wire.messages import Telemetry, TelemetryKind
from server.store import fleet
from server.store.transaction import Actor, transaction
from tests.support import web
from tests.support.web import FLEET


@pytest.mark.parametrize(("kept", "told", "in_list"), [("clear", "readable by whoever", True), ("sealed", "TPM", False), (None, "", False)])
def test_a_cart_whose_key_lies_in_clear_is_marked_in_words(tmp_path: Path, kept: str | None, told: str, in_list: bool) -> None:
    with web.ward_app(tmp_path) as app:
        with app.app_context(), transaction(Actor(id="gateway")) as tx:
            values = {"at_rest_key": kept} if kept else {}
            fleet.put_telemetry(tx, "c1", Telemetry(kind=TelemetryKind.APP, at=datetime.now(UTC), values=values))
        client = web.signed_in(app, FLEET)
        assert told in client.get("/fleet/c1").text
        assert ("readable by whoever" in client.get("/fleet/").text) is in_list
