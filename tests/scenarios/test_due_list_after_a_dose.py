"""After a dose only its patient's lines are made anew: what the nurse then reads is what the whole ward's list would say."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cart_client import inbox
from cart_client.screen import DUES_EVERY_S, DueList
from pointofcare.wire.messages import TableKind
from tests.support.cart_ward import AMOX, Stand, a_table, band, chart_body, issued, orders, pack


def whole(stand: Stand) -> tuple[object, ...]:
    return DueList(stand.chart, stand.journal).of(None, stand.clock.at)


def give(stand: Stand, lot: str = "L1") -> None:
    stand.hold(band("P2"))
    stand.lease("P2")
    stand.hold(pack(AMOX, lot=lot))
    assert stand.state == "giving"
    stand.press(inbox.Confirm, record_id=stand.view.session.record_id)


def test_the_lines_after_a_dose_are_those_of_the_whole_ward_made_anew(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.sign_in()
    before = whole(stand)
    give(stand)
    assert stand.bedside.visit.dues.of(None, stand.clock.at) == whole(stand)
    assert whole(stand) != before
    assert stand.journal.last_seq() == 1


def test_a_line_of_another_patient_is_never_older_than_it_may_be(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.sign_in()
    dues = stand.bedside.visit.dues
    for _ in range(4):  # something of P2 again and again must not keep the ward's lines from growing old
        stand.clock.pass_by(timedelta(seconds=DUES_EVERY_S / 2))
        dues.stale("P2")
        dues.of(None, stand.clock.at)
    assert dues.of(None, stand.clock.at) == whole(stand)


def test_another_chart_makes_all_lines_anew(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.sign_in()
    dues = stand.bedside.visit.dues
    assert {line.patient.id for line in dues.of(None, stand.clock.at)} >= {"P1", "P2"}
    fewer = tuple(order for order in orders() if order.patient != "P1")
    stand.chart.take(issued(a_table(TableKind.PATIENT_CHART, chart_body(fewer), version=2)), stand.clock.at)
    dues.stale("P2")
    assert {line.patient.id for line in dues.of(None, stand.clock.at)} == {"P2"}
    assert dues.of(None, stand.clock.at) == whole(stand)
