"""Looking at a patient before the wristband: everything to be read, nothing to be given, and a mark goes only when its reader goes on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cart_client.inbox import ClosePatient, LookAt, SignOut, TablesChanged, Tick
from pointofcare.wire.messages import TableKind
from tests.support.cart_ward import AMOX, Stand, a_table, an_order, band, chart_body, issued, orders, pack


def new_order(stand: Stand, version: int = 2, order: str = "O9", patient: str = "P1") -> None:
    body = chart_body((*orders(), an_order(order, patient, "metformin", "850 mg")))
    stand.chart.take(issued(a_table(TableKind.PATIENT_CHART, body, version=version, issued_at=stand.clock.at)), stand.clock.at)
    stand.put(TablesChanged(kind="patient-chart"))


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    made = Stand(tmp_path)
    made.sign_in()
    return made


def test_a_look_shows_the_patients_lines_and_opens_nobody(stand: Stand) -> None:
    assert stand.press(LookAt, patient="P2").done
    assert (stand.state, stand.view.session.patient) == ("signed-in", None)
    assert stand.view.looking.id == "P2"
    assert {line.patient.id for line in stand.view.dues} == {"P2"}
    stand.hold(pack(AMOX))
    assert stand.view.notice == "band-first"
    assert stand.view.session.scans == ()


def test_nobody_is_looked_at_who_is_not_in_the_ward(stand: Stand) -> None:
    assert stand.press(LookAt, patient="somebody").notice == "out-of-date"
    assert stand.view.looking is None


def test_a_mark_goes_when_the_reader_goes_on(stand: Stand) -> None:
    stand.press(LookAt, patient="P1")
    stand.press(LookAt, patient="")
    new_order(stand)
    assert [mark.order for mark in stand.view.marks] == ["O9"]
    stand.press(LookAt, patient="P1")
    assert [mark.order for mark in stand.view.marks] == ["O9"]  # still there to be read
    stand.press(LookAt, patient="P2")
    assert stand.view.marks == ()


def test_what_came_while_somebody_looked_is_not_called_read(stand: Stand) -> None:
    stand.press(LookAt, patient="P1")
    new_order(stand)
    stand.press(LookAt, patient="")
    assert [mark.order for mark in stand.view.marks] == ["O9"]


def test_a_screen_that_locked_itself_was_read_by_nobody(stand: Stand) -> None:
    stand.press(LookAt, patient="P1")
    stand.press(LookAt, patient="")
    new_order(stand)
    stand.press(LookAt, patient="P1")
    stand.clock.pass_by(timedelta(hours=1))
    stand.put(Tick())
    assert stand.state == "idle"
    stand.sign_in()
    assert stand.view.looking is None
    assert [mark.order for mark in stand.view.marks] == ["O9"]


def test_looking_around_keeps_the_screen_from_locking(stand: Stand) -> None:
    for _ in range(10):
        stand.clock.pass_by(timedelta(minutes=1))
        stand.press(LookAt, patient="P1")
        stand.put(Tick())
    assert stand.state == "signed-in"


def test_the_wristband_of_another_patient_opens_that_one_and_says_so(stand: Stand) -> None:
    stand.press(LookAt, patient="P2")
    stand.hold(band("P1"))
    assert stand.view.session.patient == "P1"
    assert stand.view.looking is None
    assert stand.view.notice == "band-of-other"
    assert stand.view.notice_params == {"scanned": "P1", "looked": "P2"}


def test_the_right_wristband_after_a_look_says_nothing(stand: Stand) -> None:
    stand.press(LookAt, patient="P1")
    stand.hold(band("P1"))
    assert (stand.view.session.patient, stand.view.notice) == ("P1", "")


def test_closing_a_patient_may_lead_to_the_next_and_counts_as_read(stand: Stand) -> None:
    stand.hold(band("P1"))
    stand.press(ClosePatient, look="P2")
    assert (stand.state, stand.view.looking.id) == ("signed-in", "P2")
    new_order(stand)
    assert [mark.order for mark in stand.view.marks] == ["O9"]
    stand.hold(band("P1"))
    stand.press(ClosePatient)
    assert stand.view.marks == ()


def test_an_open_patient_is_not_left_for_a_look(stand: Stand) -> None:
    stand.hold(band("P1"))
    assert stand.press(LookAt, patient="P2").notice == "not-now"
    assert stand.view.session.patient == "P1"


def test_a_dose_that_nobody_confirmed_is_named_on_the_locked_screen_without_the_patient(stand: Stand) -> None:
    stand.hold(band("P1"))
    stand.lease("P1")
    stand.hold(pack(AMOX))
    assert stand.state == "giving"
    stand.press(SignOut)
    ((nurse, at),) = stand.view.waiting
    assert nurse == "N1"
    assert at <= stand.clock.at
    assert stand.view.opened == ()
