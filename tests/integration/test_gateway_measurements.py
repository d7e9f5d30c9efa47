"""A measurement over a real broker: its receipt, again and again the same, and the chart that it changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pointofcare.quantity import Quantity
from pointofcare.wire import routes
from pointofcare.wire.messages import ObservationRecorded, TableKind, TablesHeld
from pointofcare.wire.tables import PatientChartBody
from server.store import outbox
from server.store.transaction import reading
from tests.integration.test_server_gateway import Ground, ground
from tests.support.server_ward import WARD

__all__ = ["ground"]


def a_measurement(record_id: str, **changes: object) -> ObservationRecorded:
    plain = ObservationRecorded(
        record_id=record_id,
        facility="h1",
        ward=WARD,
        cart="c1",
        patient="P1",
        code="heart-rate",
        value=Quantity.parse("58 /min"),
        at=datetime.now(UTC) - timedelta(minutes=1),
        nurse="N1",
        seq=1,
        epoch="e1",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_a_measurement_gets_its_receipt_and_stands_in_the_next_chart(ground: Ground) -> None:
    with ground.gateway():
        measured = a_measurement("m1")
        for duplicate in (False, True):
            ground.send(routes.OBSERVATION, measured)
            assert ground.receipt("m1").duplicate is duplicate
        ground.send(routes.TABLES, TablesHeld(ward=WARD, held=()))
        body = ground.table(TableKind.PATIENT_CHART).body
        assert isinstance(body, PatientChartBody)
        patient = next(one for one in body.patients if one.id == "P1")
        assert [(one.code, str(one.value)) for one in patient.observations] == [("heart-rate", "58 /min")]
        with reading() as tx:
            assert outbox.counts(tx).pending == 1


def test_a_measurement_that_cannot_be_gets_a_receipt_that_says_so(ground: Ground) -> None:
    with ground.gateway() as gateway:
        ground.send(routes.OBSERVATION, a_measurement("m2", value=Quantity.parse("5800 /min")))
        assert [note.code for note in ground.receipt("m2").discrepancies] == ["observation-range"]
        ground.send(routes.OBSERVATION, a_measurement("m3", cart="c2"))
        assert "foreign-cart" in {note.code for note in ground.receipt("m3").discrepancies}
        ground.send(routes.OBSERVATION, a_measurement("m4", facility="elsewhere"))
        ground.send(routes.OBSERVATION, a_measurement("m5"))
        ground.receipt("m5")
        assert gateway.state.rejected == 1
