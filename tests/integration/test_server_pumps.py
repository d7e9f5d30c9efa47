"""What infusion pumps say: the newest of each channel counts, and charts are issued anew only when it matters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.errors import NotPermittedError, UnreadableError
from pointofcare.products import PumpReading
from pointofcare.quantity import Quantity
from pointofcare.wire.messages import TableKind
from server.store import bedside, versions
from server.store.transaction import reading, transaction
from server.usecases import pumps
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import NOW, NURSE, WARD, open_ward
from tests.support.web import FLEET, signed_in, ward_app

READING = PumpReading(
    pump="PUMP-3",
    channel="A",
    at=NOW,
    patient="P1",
    bag="BAG7",
    associated_at=NOW - timedelta(minutes=1),
    drug="sodium chloride",
    rate=Quantity.parse("83 mL/h"),
)


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        open_ward(patient_count=2)
        yield made


def receive(reading_: PumpReading, *, after: timedelta = timedelta(minutes=30)) -> bool:
    with transaction(FLEET, at=NOW + after) as tx:
        return pumps.receive(tx, FLEET, reading_)


def charted() -> tuple[tuple[PumpReading, ...], int]:
    with reading(at=NOW + timedelta(minutes=30)) as tx:
        return bedside.of_ward(tx, WARD).pumps, versions.of_ward(tx, WARD)[TableKind.PATIENT_CHART]


def test_the_newest_reading_of_a_channel_is_in_the_chart(app: Flask) -> None:
    assert receive(READING)
    newer = replace(READING, at=NOW + timedelta(minutes=1), rate=Quantity.parse("120 mL/h"))
    assert receive(newer)
    assert not receive(READING), "one that comes late changes nothing"
    assert not receive(newer)
    assert charted()[0] == (newer,)


def test_a_reading_that_says_the_same_sends_no_chart_until_it_has_aged(app: Flask) -> None:
    receive(READING)
    before = charted()[1]
    for seconds in range(10, 200, 10):
        receive(replace(READING, at=NOW + timedelta(seconds=seconds)))
    assert charted()[1] == before
    receive(replace(READING, at=NOW + timedelta(minutes=6)))
    assert charted()[1] == before + 1
    receive(replace(READING, at=NOW + timedelta(minutes=7), rate=Quantity.parse("84 mL/h")))
    assert charted()[1] == before + 2


def test_a_reading_of_the_future_keeps_no_true_one_out(app: Flask) -> None:
    with pytest.raises(UnreadableError):
        receive(replace(READING, at=NOW + timedelta(days=1)))
    assert receive(READING)


def test_only_the_gateway_of_the_pumps_may_speak_for_them(app: Flask) -> None:
    with pytest.raises(NotPermittedError), transaction(NURSE, at=NOW) as tx:
        pumps.receive(tx, NURSE, READING)


def test_a_pump_speaks_over_the_api(tmp_path: Path) -> None:
    with ward_app(tmp_path, verified=True) as app:
        body = {"pump": "PUMP-3", "channel": "A", "at": datetime.now(UTC).isoformat(), "patient": "P1", "rate": "83 mL/h"}
        client = signed_in(app, FLEET)
        token = client.get("/").text.split('name="csrf_token" value="')[1].split('"')[0]
        headers = {"X-CSRFToken": token}
        answer = client.post("/api/v1/pump-readings", json=body, headers=headers)
        assert (answer.status_code, answer.json) == (200, {"newest": True})
        assert client.post("/api/v1/pump-readings", json=body, headers=headers).json == {"newest": False}
        for change in ({"rate": "fast"}, {"rate": "83 furlong"}, {"at": "now"}, {"pump": "a b"}, {"extra": 1}):
            assert client.post("/api/v1/pump-readings", json={**body, **change}, headers=headers).status_code == 422, change
        assert signed_in(app, NURSE).post("/api/v1/pump-readings", json=body, headers=headers).status_code in (400, 403)
