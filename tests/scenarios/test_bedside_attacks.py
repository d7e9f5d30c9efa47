"""What a hurried or a hostile hand does at the bedside: each must end in a stop, a question, or one true record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from cart_client import inbox
from cart_client.inbox import Link, LinkTold
from cart_client.scanning import Seen
from pointofcare.administration import events
from pointofcare.administration import session as workflow
from pointofcare.errors import QuantityError
from pointofcare.labels.symbol import Symbol
from pointofcare.orders.order import OrderCategory
from pointofcare.products import Bag, BagState
from pointofcare.quantity import Quantity
from pointofcare.wire.messages import LeaseAction, TableKind
from pointofcare.wire.tables import FormularyBody
from tests.scenarios.test_bedside_dose import at_patient, attempts, given, records
from tests.support.cart_ward import (
    AMOX,
    GSRN,
    MORPHINE,
    PIN,
    Clock,
    Stand,
    a_product,
    a_table,
    an_order,
    badge,
    band,
    chart_body,
    issued,
    orders,
    pack,
    products,
    q,
)

SYRUP = "08936000000042"


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def due_of(stand: Stand, order: str):  # type: ignore[no-untyped-def]
    return next(line.due for line in stand.view.dues if line.order.id == order)


# What is recorded.


def test_a_dose_not_given_right_after_a_given_one_is_a_record_of_its_own(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    given(stand)
    answer = stand.press(inbox.Decline, action="refuse", reason="refused", order="O2", due=due_of(stand, "O2"))
    assert (answer.done, stand.state) == (True, "concluded")
    assert [(r.record.order, r.record.status) for r in records(stand)] == [("O1", "completed"), ("O2", "not-done")]
    assert len({r.record.record_id for r in records(stand)}) == 2
    refused = records(stand)[1].record
    assert (refused.gtin, refused.lot, len(refused.scans)) == (None, None, 1)  # the pack of the first dose is no part of it


def test_another_order_declined_from_an_old_page_does_not_close_the_verified_dose(stand: Stand) -> None:
    at_patient(stand)
    due = due_of(stand, "O2")
    stand.hold(pack(AMOX))
    answer = stand.press(inbox.Decline, action="refuse", reason="refused", order="O2", due=due)
    assert (answer.notice, stand.state, records(stand)) == ("finish-this-dose", "giving", [])
    assert [record.order for record in stand.journal.open_doses()] == ["O1"]


def test_a_due_time_that_is_not_on_the_list_is_refused(stand: Stand) -> None:
    at_patient(stand)
    answer = stand.press(inbox.Decline, action="refuse", reason="refused", order="O2", due=stand.clock.at)
    assert (answer.notice, records(stand)) == ("out-of-date", [])


def test_a_dose_confirmed_late_keeps_the_reason_for_which_it_was_given(stand: Stand) -> None:
    at_patient(stand)
    stand.put(LinkTold(link=Link.OFFLINE))
    stand.clock.pass_by(timedelta(seconds=400))
    stand.hold(band("P1"), pack(AMOX))
    assert stand.rules == ["O2"]
    stand.press(inbox.GiveReason, reason="clinical-judgement", reason_text="fever 40", satisfies=("O2",))
    assert stand.state == "giving"
    stand.press(inbox.ClosePatient)
    opened = stand.view.opened[0]
    stand.press(inbox.ResolveOpen, record_id=opened.record_id, given=True, reason="network-down", reason_text="phone rang")
    record = records(stand)[0].record
    assert record.status_reason == "clinical-judgement"
    assert "fever 40" in (record.reason_text or "")
    assert "network-down" in (record.reason_text or "")
    assert "phone rang" in (record.reason_text or "")


# What nobody knows is never a yes.


def test_a_dose_that_was_verified_and_never_confirmed_is_not_passed_again(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    stand.press(inbox.SignOut)
    at_patient(stand)
    stand.hold(pack(AMOX))
    assert (stand.state, stand.view.notice) == ("stopped", "open-dose-first")
    assert attempts(stand)[-1].level == "STOP"
    record_id = stand.view.opened[0].record_id
    stand.press(inbox.ResolveOpen, record_id=record_id, given=False, reason="emergency")
    assert stand.state == "patient"
    stand.hold(pack(AMOX))
    assert stand.state == "giving"


def test_the_lease_is_kept_while_a_dose_is_not_confirmed_so_that_no_other_cart_gives_it(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    stand.press(inbox.SignOut)
    assert LeaseAction.RELEASE not in [asked.action for asked in stand.leases]
    before = len(stand.leases)
    stand.clock.pass_by(timedelta(seconds=121))
    stand.put(inbox.Tick())
    assert [(asked.action, asked.patient) for asked in stand.leases[before:]] == [(LeaseAction.ACQUIRE, "P1")]
    stand.sign_in()
    stand.press(inbox.ResolveOpen, record_id=stand.view.opened[0].record_id, given=False, reason="emergency")
    stand.press(inbox.SignOut)
    before = len(stand.leases)
    stand.clock.pass_by(timedelta(seconds=121))
    stand.put(inbox.Tick())
    assert stand.leases[before:] == []


def test_an_open_dose_of_another_drug_or_patient_stops_nothing(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    stand.press(inbox.ClosePatient)
    stand.hold(band("P2"))
    stand.lease("P2")
    stand.hold(pack(AMOX))
    assert stand.state == "giving"


def test_an_open_dose_of_the_same_drug_by_another_order_stops_too(stand: Stand) -> None:
    more = (*orders(), an_order("O9", "P1", "amoxicillin", "500 mg", category=OrderCategory.PRN, times=()))
    stand.chart.take(issued(a_table(TableKind.PATIENT_CHART, chart_body(more), version=2)), stand.clock.at)
    at_patient(stand)
    stand.hold(pack(AMOX))
    first = stand.view.choices[0]
    stand.press(inbox.ChooseOrder, order=first.order.id, due=first.due)
    assert stand.state in ("giving", "warned")
    if stand.state == "warned":
        stand.press(inbox.Acknowledge)
    stand.press(inbox.ClosePatient)
    stand.hold(band("P1"))
    stand.lease("P1")
    stand.hold(pack(AMOX))
    assert (stand.state, stand.view.notice) == ("stopped", "open-dose-first")


# A second look is at one amount.


def syrup(stand: Stand) -> None:
    """Morphine as a liquid from a multi-dose bottle: needs a witness."""
    bottle = a_product(
        "MORPHSYR",
        SYRUP,
        "Morphine 10 mg/5 mL",
        "morphine",
        "10 mg",
        volume=q("5 mL"),
        high_alert=products()[1].high_alert,
    )
    body = FormularyBody(products=(*products(), bottle))
    stand.chart.take(issued(a_table(TableKind.FORMULARY, body, version=2)), stand.clock.at)


def witness(stand: Stand) -> None:
    stand.hold(badge("N2"))
    stand.press(inbox.EnterPin, pin=PIN)


def test_an_amount_changed_after_the_second_person_looked_needs_the_second_person_again(stand: Stand) -> None:
    syrup(stand)
    at_patient(stand)
    stand.put(LinkTold(link=Link.OFFLINE))
    stand.clock.pass_by(timedelta(seconds=301))
    stand.hold(band("P1"), pack(SYRUP))
    assert stand.state == "awaiting-witness"
    witness(stand)
    assert stand.state == "awaiting-reason"
    stand.press(inbox.GiveAmount, dose="4 mg")
    assert stand.state == "awaiting-witness"
    assert stand.view.session.intent.witness is None


def test_an_amount_changed_after_the_reason_needs_the_reason_again(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(MORPHINE))
    asked = replace(stand.view.session, state=workflow.State.AWAITING_REASON)
    reasoned = workflow.advance(asked, events.ReasonGiven(at=stand.clock.at, reason="emergency", satisfies=("Q2",)))
    changed = workflow.advance(reasoned, events.AmountGiven(dose=Quantity(value=Decimal(50), unit="mg"), at=stand.clock.at))
    assert (changed.intent.reason, changed.intent.satisfies, changed.intent.witness) == (None, None, None)


# Clocks.


def test_a_wall_clock_set_back_keeps_nobody_signed_in(stand: Stand) -> None:
    at_patient(stand)
    stand.clock.at -= timedelta(hours=3)
    stand.clock.pass_by(timedelta(minutes=6))
    stand.put(inbox.Tick())
    assert (stand.state, stand.view.notice) == ("idle", "signed-out-idle")


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_wall_clock_that_jumps_is_known_at_once_and_moves_no_dose(stand: Stand, hours: int) -> None:
    stand.sign_in()
    true_now = stand.clock.at
    stand.clock.at += timedelta(hours=hours)
    stand.put(inbox.Tick())
    assert stand.view.strip.clock_offset_s == pytest.approx(hours * 3600)
    stand.hold(band("P1"))
    stand.lease("P1")
    stand.hold(pack(AMOX))
    assert stand.state == "giving"
    assert [(f.rule, f.level.name) for f in stand.view.session.verdict.findings if f.rule == "T6"] == [("T6", "NOTE")]
    stand.press(inbox.Confirm, record_id=stand.view.session.record_id)
    (record,) = stand.journal.administrations(since=true_now)
    assert record.effective_at == record.recorded_at == true_now + timedelta(seconds=10)
    assert (record.clock_offset_s, record.clock_wall_at) == (hours * 3600.0, stand.clock.at)
    assert record.clock_age_s == pytest.approx(10, abs=11)


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_wall_clock_that_jumps_offline_stops_the_dose(stand: Stand, hours: int) -> None:
    stand.sign_in()
    stand.put(LinkTold(link=Link.OFFLINE))
    stand.clock.at += timedelta(hours=hours)
    stand.hold(band("P1"), pack(AMOX))
    assert stand.state == "stopped"
    assert "T6" in stand.rules


# Pictures.


def seen_together(stand: Stand, *symbols: Symbol) -> None:
    stand.clock.pass_by(timedelta(seconds=5))
    for symbol in symbols:
        others = tuple(other for other in symbols if other is not symbol)
        stand.put(Seen(symbol=symbol, at=stand.clock.at, beside=others))


def test_two_wristbands_in_one_picture_open_nobody(stand: Stand) -> None:
    stand.sign_in()
    seen_together(stand, band("P1"), band("P2"))
    assert (stand.state, stand.view.notice, stand.view.session.patient) == ("signed-in", "two-bands", None)
    stand.hold(band("P1"))
    assert stand.view.session.patient == "P1"


def test_a_second_wristband_that_comes_beside_the_first_changes_nobody(stand: Stand) -> None:
    at_patient(stand)
    stand.put(Seen(symbol=band("P2"), at=stand.clock.at, beside=(band("P1"),)))
    assert (stand.view.session.patient, stand.view.notice) == ("P1", "two-bands")


def test_the_codes_of_one_band_beside_each_other_are_one_band(stand: Stand) -> None:
    stand.sign_in()
    bare = Symbol(identifier="]C1", content=f"8018{GSRN['P1']}".encode())
    seen_together(stand, band("P1"), bare)
    assert stand.view.session.patient == "P1"


def test_a_pack_beside_another_patients_band_is_not_judged_for_the_patient_on_the_screen(stand: Stand) -> None:
    at_patient(stand)
    seen_together(stand, pack(AMOX), band("P2"))
    assert stand.view.session.patient == "P2"
    assert (stand.state, stand.drawers.unlocked, stand.journal.open_doses()) == ("patient", [], ())


def test_a_band_and_a_pack_in_one_picture_never_pass_without_the_band_first(stand: Stand) -> None:
    stand.sign_in()
    seen_together(stand, pack(AMOX), band("P1"))
    assert (stand.state, stand.view.session.patient) == ("patient", "P1")


def test_ten_packs_at_once_are_ten_units_and_too_much(stand: Stand) -> None:
    at_patient(stand)
    seen_together(stand, *(pack(AMOX, serial=f"S{n}") for n in range(10)))
    assert (len(stand.view.units) >= 1, stand.state == "giving" and len(stand.view.units) > 1) == (True, False)


# Who.


def test_a_students_badge_or_ones_own_is_no_second_person(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(MORPHINE))
    stand.hold(badge("N1"))
    assert (stand.view.notice, stand.state) == ("witness-same", "awaiting-witness")
    stand.hold(badge("N2"))
    for _ in range(6):
        stand.press(inbox.EnterPin, pin="1111")
    assert (stand.view.notice, stand.state) == ("pin-paused", "awaiting-witness")
    stand.press(inbox.EnterPin, pin=PIN)
    assert stand.state == "awaiting-witness"


# A bag is started.


def test_an_infusion_is_started_by_the_scan_of_its_bag(stand: Stand) -> None:
    infusion = an_order(
        "O7", "P1", "paracetamol", "1000 mg", category=OrderCategory.INFUSION, times=(), route="IV", form="infusion", rate=q("100 mL/h")
    )
    bag = Bag(id="BAG-0001", order="O7", order_version=1, state=BagState.PREPARED)
    body = replace(chart_body((infusion,)), bags=(bag,))
    stand.chart.take(issued(a_table(TableKind.PATIENT_CHART, body, version=2)), stand.clock.at)
    at_patient(stand)
    stand.hold(Symbol(identifier="]Q1", content=b"BAG-0001"))
    assert (stand.view.session.intent.action.value, stand.state) == ("start", "awaiting-rate")
    stand.press(inbox.SetRate, rate="100", unit="mL/h")
    assert (stand.rules, stand.state) == ([], "giving")
    given(stand)
    record = records(stand)[0].record
    assert (record.action, record.status, record.order, record.scans[-1].text) == ("start", "in-progress", "O7", "BAG-0001")


def test_an_amount_typed_without_a_space_is_understood_and_one_without_a_unit_is_not() -> None:
    assert inbox.GiveAmount(moment=0, dose=" 2,5mL ", waste="0.5 mL").quantities() == (q("2.5 mL"), q("0.5 mL"))
    for wrong in ("5", "mL", "0 mg", "-1 mg", "1e3 mg", "1,000.5 mg", "५ mg"):
        with pytest.raises(QuantityError):
            inbox.GiveAmount(moment=0, dose=wrong).quantities()


def test_a_tap_on_a_warning_answers_only_what_is_so_at_the_tap(stand: Stand) -> None:
    stand.clock.pass_by(timedelta(minutes=70))  # late: a warning to be read
    at_patient(stand)
    stand.hold(pack(AMOX))
    assert (stand.state, stand.rules) == ("warned", ["T1"])
    changed = (an_order("O1", "P1", "amoxicillin", "250 mg", version=2), *orders()[1:])
    stand.chart.take(issued(a_table(TableKind.PATIENT_CHART, chart_body(changed), version=2)), stand.clock.at)
    stand.press(inbox.Acknowledge)
    assert (stand.state, stand.drawers.unlocked, stand.journal.open_doses()) == ("stopped", [], ())


def test_after_a_restart_the_nurse_sees_how_far_the_last_doses_came(stand: Stand, tmp_path: Path) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    given(stand)
    stand.journal.close()
    stand.chart.close()
    again = Stand(tmp_path)
    assert [done.record.order for done in again.view.recorded] == ["O1"]


def test_a_cart_that_starts_in_1970_without_a_server_says_so_and_gives_nothing(tmp_path: Path) -> None:
    before = Stand(tmp_path)
    before.put(inbox.Tick())
    known = before.clock.at
    before.journal.close()
    before.chart.close()
    dead = Clock(at=datetime(1970, 1, 1, 0, 1, tzinfo=UTC), mono=20.0)
    again = Stand(tmp_path, link=Link.OFFLINE, clock=dead, measured=False)
    strip = again.view.strip
    assert (strip.clock_doubt, again.view.at >= known) == ("behind", True)
    assert strip.clock_offset_s is not None
    assert strip.clock_offset_s < -3600 * 24 * 365
    again.sign_in()
    again.hold(band("P1"), pack(AMOX))
    assert again.state == "stopped"
    assert "T6" in again.rules
    again.put(LinkTold(link=Link.ONLINE))
    again.put(inbox.ClockMeasured(offset_s=(dead.at - known).total_seconds() - 3600))
    assert (again.view.strip.clock_doubt, again.view.at) == ("", known + timedelta(hours=1))
    assert [event.kind for event in again.journal.events() if event.kind == "clock-set"] == ["clock-set"]


def test_tables_that_ran_out_offline_let_nobody_in_and_the_screen_still_tells_what_is_unsent(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    given(stand)
    stand.put(LinkTold(link=Link.OFFLINE))
    stand.clock.pass_by(timedelta(hours=23))
    stand.put(inbox.Tick())
    assert (stand.view.strip.missing, stand.view.strip.chart_age_s) == ((), pytest.approx(23 * 3600, abs=700))
    stand.clock.pass_by(timedelta(hours=1))
    stand.hold(badge("N1"))
    assert (stand.state, stand.view.notice) == ("idle", "roster-missing")
    assert (len(stand.view.strip.missing), stand.view.strip.unsent) == (4, 1)
