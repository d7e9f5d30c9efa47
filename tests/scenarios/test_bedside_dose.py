"""The nurse's way with one dose, and what must stop it: symbols in, durable rows out."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path

import pytest

from cart_client import inbox
from cart_client.inbox import Link, LinkTold, TablesChanged
from cart_client.journal import Journal
from pointofcare.errors import JournalError, OutcomeUnknownError
from pointofcare.labels.symbol import Symbol
from pointofcare.verdict.facts import Lease
from pointofcare.wire.messages import AdministrationRecorded, AttemptOutcome, AttemptStopped, LeaseAction, TableKind
from tests.integration.test_cart_journal import a_record
from tests.support.cart_ward import (
    AMOX,
    AT_REST,
    CART,
    MORPHINE,
    PARACETAMOL,
    PIN,
    Stand,
    a_table,
    an_order,
    badge,
    band,
    chart_body,
    issued,
    orders,
    pack,
)


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def at_patient(stand: Stand, patient: str = "P1") -> None:
    stand.sign_in()
    stand.hold(band(patient))
    stand.lease(patient)


def given(stand: Stand) -> None:
    stand.press(inbox.Confirm, record_id=stand.view.session.record_id)


def rows(stand: Stand) -> list[AdministrationRecorded | AttemptStopped]:
    return [entry.message.body for entry in stand.journal.unsent(limit=1000)]  # type: ignore[misc]


def records(stand: Stand) -> list[AdministrationRecorded]:
    return [body for body in rows(stand) if isinstance(body, AdministrationRecorded)]


def attempts(stand: Stand) -> list[AttemptStopped]:
    return [body for body in rows(stand) if isinstance(body, AttemptStopped)]


def test_the_right_dose_is_verified_then_given_then_recorded(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX, lot="L7", expiry="270131"))
    assert (stand.state, records(stand)) == ("giving", [])
    assert [record.order for record in stand.journal.open_doses()] == ["O1"]
    given(stand)
    assert stand.state == "concluded"
    record = records(stand)[0].record
    assert (record.patient, record.order, record.status, record.lot, record.nurse) == ("P1", "O1", "completed", "L7", "N1")
    assert (record.lease_fence, record.online, record.clock_offset_s) == (7, True, 0.0)
    assert stand.view.recorded[0].standing.here
    assert stand.journal.open_doses() == ()


def test_wrong_wristband_stops_the_dose(stand: Stand) -> None:
    at_patient(stand, "P2")
    stand.hold(pack(MORPHINE))
    assert (stand.state, "D1" in stand.rules, records(stand)) == ("stopped", True, [])
    assert attempts(stand)[-1].outcome is AttemptOutcome.STOPPED
    assert attempts(stand)[-1].patient == "P2"


def test_a_band_that_names_nobody_stops_at_once(stand: Stand) -> None:
    stand.sign_in()
    stand.hold(Symbol(identifier="]d2", content=b"8018893600000000000293\x1d80191"))
    assert stand.state == "stopped"
    assert "P1" in stand.rules
    stand.hold(pack(AMOX))
    assert stand.state == "stopped"


def test_a_revoked_band_stops_at_once(stand: Stand) -> None:
    stand.sign_in()
    stand.hold(band("P1", srin="99"))
    assert stand.state == "stopped"
    assert "P3" in stand.rules


def test_an_expired_pack_is_stopped_and_kept_as_evidence(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX, expiry="250131"))
    assert stand.state == "stopped"
    assert [finding.rule for finding in attempts(stand)[0].findings if finding.level == "STOP"] == ["G1"]
    answer = stand.press(inbox.Confirm, record_id="anything")
    assert (answer.done, records(stand)) == (False, [])


def test_no_command_leads_past_a_stop(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX, expiry="250131"))
    for command, fields in (
        (inbox.Acknowledge, {}),
        (inbox.GiveReason, {"reason": "emergency", "satisfies": ("G1",)}),
        (inbox.EnterPin, {"pin": PIN}),
        (inbox.Confirm, {"record_id": stand.view.session.record_id or ""}),
        (inbox.GiveAmount, {"dose": "500 mg"}),
    ):
        stand.press(command, **fields)
        assert stand.state == "stopped"
    assert records(stand) == []


def test_drugs_before_the_band_do_not_count(stand: Stand) -> None:
    stand.sign_in()
    stand.hold(pack(AMOX))
    assert (stand.state, stand.view.notice) == ("signed-in", "band-first")


def test_nothing_happens_before_somebody_signed_in(stand: Stand) -> None:
    stand.hold(band("P1"), pack(AMOX))
    assert (stand.state, stand.view.notice, stand.view.dues) == ("idle", "sign-in-first", ())


def test_a_wrong_pin_opens_nothing_and_five_pause_it(stand: Stand) -> None:
    stand.hold(badge("N1"))
    for _ in range(5):
        assert stand.press(inbox.EnterPin, pin="0000").notice == "pin-wrong"
    assert stand.press(inbox.EnterPin, pin=PIN).notice == "pin-paused"
    stand.clock.pass_by(timedelta(seconds=61))
    assert stand.press(inbox.EnterPin, pin=PIN).done
    assert stand.state == "signed-in"


def test_a_dose_that_was_given_already_is_stopped(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    given(stand)
    stand.hold(pack(AMOX, lot="B"))
    assert stand.state == "stopped"
    assert "D5" in stand.rules
    assert len(records(stand)) == 1


def test_the_next_dose_hours_too_early_asks_why(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    given(stand)
    stand.press(inbox.ClosePatient)
    stand.clock.pass_by(timedelta(hours=2))
    stand.put(inbox.Tick())
    at_patient(stand)
    stand.hold(pack(AMOX, lot="B"))
    assert (stand.state, "T1" in stand.rules) == ("awaiting-reason", True)


def test_a_dose_given_offline_is_not_offered_again_before_the_chart_knows(stand: Stand) -> None:
    at_patient(stand)
    stand.put(LinkTold(link=Link.OFFLINE))
    stand.hold(pack(AMOX))
    assert stand.state == "giving"
    given(stand)
    assert not records(stand)[0].record.online
    stand.press(inbox.ClosePatient)
    assert {(d.order.id, d.status) for d in stand.view.dues if d.order.id == "O1"} == {("O1", "given")}


def test_offline_without_a_lease_asks_why(stand: Stand) -> None:
    stand.put(LinkTold(link=Link.OFFLINE))
    stand.sign_in()
    stand.hold(band("P1"), pack(AMOX))
    assert stand.state == "awaiting-reason"
    assert stand.rules == ["O2"]
    stand.press(inbox.GiveReason, reason="network-down", satisfies=("O2",))
    given(stand)
    assert records(stand)[0].record.status_reason == "network-down"


def test_a_lease_of_another_cart_stops_the_dose_online(stand: Stand) -> None:
    stand.sign_in()
    stand.hold(band("P1"))
    stand.lease("P1", Lease.OTHER_CART)
    stand.hold(pack(AMOX))
    assert stand.state == "stopped"
    assert "O2" in stand.rules


def test_a_lease_that_ran_out_is_none(stand: Stand) -> None:
    at_patient(stand)
    stand.put(LinkTold(link=Link.OFFLINE))
    stand.clock.mono += 301
    stand.hold(pack(AMOX))
    assert "O2" in stand.rules


def test_the_lease_is_asked_kept_and_given_back(stand: Stand) -> None:
    at_patient(stand)
    stand.clock.mono += 121
    stand.put(inbox.Tick())
    stand.press(inbox.ClosePatient)
    assert [(asked.action, asked.patient) for asked in stand.leases] == [
        (LeaseAction.ACQUIRE, "P1"),
        (LeaseAction.RENEW, "P1"),
        (LeaseAction.RELEASE, "P1"),
    ]
    assert stand.leases[1].fence == 7


def test_a_high_alert_drug_needs_another_person(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(MORPHINE))
    assert stand.state == "awaiting-witness"
    stand.hold(badge("N1"))
    assert stand.view.notice == "witness-same"
    stand.hold(badge("N2"))
    assert stand.press(inbox.EnterPin, pin="9999").notice == "pin-wrong"
    stand.press(inbox.EnterPin, pin=PIN)
    assert stand.state == "giving"
    given(stand)
    assert (records(stand)[0].record.witness, records(stand)[0].record.nurse) == ("N2", "N1")


def test_each_unit_is_its_own_scan_and_one_pack_never_counts_twice(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(PARACETAMOL, serial="S1"))
    assert "Q2" in stand.rules
    stand.hold(pack(PARACETAMOL, serial="S1"))
    assert (stand.view.notice, "Q2" in stand.rules) == ("same-pack", True)
    stand.hold(pack(PARACETAMOL, serial="S2"))
    assert "Q2" not in stand.rules
    stand.press(inbox.GiveReason, prn_reason="pain")
    given(stand)
    assert (str(records(stand)[0].record.dose), records(stand)[0].record.prn_reason) == ("1000 mg", "pain")


def test_a_confirm_against_an_order_that_changed_is_refused(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    changed = (an_order("O1", "P1", "amoxicillin", "250 mg", version=2), *orders()[1:])
    stand.chart.take(issued(a_table(TableKind.PATIENT_CHART, chart_body(changed), version=2)), stand.clock.at)
    stand.put(TablesChanged(kind="patient-chart"))
    given(stand)
    assert (stand.view.notice, stand.state, records(stand)) == ("order-changed", "stopped", [])
    dose = stand.journal.open_doses()[0]
    stand.press(inbox.ResolveOpen, record_id=dose.record_id, given=True, reason="emergency", reason_text="")
    assert [(body.record.record_id, body.record.status_reason) for body in records(stand)] == [(dose.record_id, "emergency")]
    assert stand.state == "patient"


def test_a_verified_dose_that_was_never_confirmed_shows_as_open(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    stand.clock.pass_by(timedelta(minutes=6))
    stand.put(inbox.Tick())
    assert (stand.state, stand.view.notice) == ("idle", "locked-dose-open")
    stand.sign_in("N2")
    assert [record.order for record in stand.view.opened] == ["O1"]
    assert next(d.open_record for d in stand.view.dues if d.order.id == "O1") == stand.view.opened[0].record_id
    record_id = stand.view.opened[0].record_id
    answer = stand.press(inbox.ResolveOpen, record_id=record_id, given=True, reason="battery", reason_text="")
    assert (answer.notice, records(stand)) == ("only-the-giver", [])
    stand.press(inbox.SignOut)
    stand.sign_in("C1")
    stand.press(inbox.ResolveOpen, record_id=record_id, given=False, reason="battery", reason_text="")
    assert [(attempt.record_id, attempt.outcome) for attempt in attempts(stand)] == [(record_id, AttemptOutcome.LEFT_OPEN)]
    assert stand.view.opened == ()


def test_power_lost_after_verify_keeps_the_dose_open(stand: Stand, tmp_path: Path) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    again = Journal(tmp_path / "journal.sqlite", cart=CART, at_rest=AT_REST)  # as after a restart: nothing was closed
    assert [record.order for record in again.open_doses()] == ["O1"]


def test_a_double_tap_on_given_is_one_record(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    moment, record_id = stand.view.moment, stand.view.session.record_id
    assert stand.press(inbox.Confirm, record_id=record_id, moment=moment).done
    assert stand.press(inbox.Confirm, record_id=record_id, moment=moment).notice == "out-of-date"
    assert len(records(stand)) == 1


def fill_the_disk(stand: Stand) -> None:
    pages = stand.journal._db.execute("PRAGMA page_count").fetchone()[0]
    stand.journal._db.execute(f"PRAGMA max_page_count={pages}")
    for write in (
        lambda record: stand.journal.append(record, message_id="m"),
        lambda record: stand.journal.open_dose(record, at=stand.clock.at),
    ):
        with contextlib.suppress(JournalError):
            for number in range(10_000):
                write(a_record(f"filler-{number}", order=None))


def test_disk_full_is_shown_and_nothing_is_said_to_be_given(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    given(stand)
    stand.hold(pack(MORPHINE), badge("N2"))
    stand.press(inbox.EnterPin, pin=PIN)
    record_id = stand.view.session.record_id
    fill_the_disk(stand)
    given(stand)
    assert (stand.state, stand.view.notice, stand.view.strip.journal_fault) == ("giving", "journal-disk-full", "disk-full")
    assert record_id not in [body.record.record_id for body in records(stand)]
    stand.journal._db.execute("PRAGMA max_page_count=100000")
    given(stand)
    assert (stand.state, records(stand)[-1].record.record_id, stand.view.strip.journal_fault) == ("concluded", record_id, "")


def test_disk_full_before_the_drug_is_given_permits_nothing(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    given(stand)
    fill_the_disk(stand)
    stand.hold(pack(MORPHINE), badge("N2"))
    stand.press(inbox.EnterPin, pin=PIN)
    assert (stand.state, stand.view.notice) == ("drug", "journal-disk-full")
    assert stand.drawers.unlocked[1:] == []


def test_not_given_is_recorded_with_its_reason_and_no_drug(stand: Stand) -> None:
    at_patient(stand)
    line = next(d for d in stand.view.dues if d.order.id == "O1")
    stand.press(inbox.Decline, action="refuse", reason="refused", order="O1", due=line.due)
    record = records(stand)[0].record
    assert (record.status, record.status_reason, record.dose, record.due) == ("not-done", "refused", None, line.due)
    assert next(d.status for d in stand.view.dues if d.order.id == "O1") == "not-given"


def test_a_verified_dose_that_the_patient_refuses_keeps_its_own_id(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    record_id = stand.view.session.record_id
    stand.press(inbox.Decline, action="refuse", reason="refused")
    record = records(stand)[0].record
    assert (record.record_id, record.status, stand.journal.open_doses()) == (record_id, "not-done", ())


def test_an_unreadable_band_is_keyed_with_a_second_identifier_and_marked(stand: Stand) -> None:
    stand.sign_in()
    stand.press(inbox.KeyPatient, mrn="24-000123", birth_date="1958-04-11", reason="band-unreadable")
    stand.lease("P1")
    assert stand.state == "patient"
    stand.clock.pass_by(timedelta(seconds=5))
    stand.hold(pack(AMOX))
    assert stand.state == "giving"
    given(stand)
    record = records(stand)[0].record
    assert [scan.keyed for scan in record.scans] == [True, False]
    assert any(finding.rule == "P6" and finding.satisfied for finding in record.findings)


def test_a_keyed_patient_with_a_wrong_birth_date_does_not_pass(stand: Stand) -> None:
    stand.sign_in()
    stand.press(inbox.KeyPatient, mrn="24-000123", birth_date="1990-01-01", reason="band-unreadable")
    stand.hold(pack(AMOX))
    assert stand.state != "giving"


def test_the_drawer_opens_once_a_dose_and_an_unknown_outcome_is_shown(stand: Stand) -> None:
    stand.drawers.fault = OutcomeUnknownError("no answer")
    at_patient(stand)
    stand.hold(pack(AMOX))
    assert stand.view.drawer is not None
    assert stand.view.drawer.outcome == "outcome-unknown"
    assert stand.drawers.unlocked == [(3, stand.view.session.record_id)]
    given(stand)
    assert len(stand.drawers.unlocked) == 1


def test_a_stopped_dose_opens_no_drawer(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX, expiry="250131"))
    assert stand.drawers.unlocked == []


def test_without_tables_nobody_signs_in_and_the_screen_says_why(tmp_path: Path) -> None:
    stand = Stand(tmp_path, full=False)
    stand.hold(badge("N1"))
    assert (stand.state, stand.view.notice) == ("idle", "roster-missing")
    assert len(stand.view.strip.missing) == 4


def test_a_chart_that_expires_during_the_session_stops_the_next_drug(stand: Stand) -> None:
    at_patient(stand)
    stand.clock.at += timedelta(minutes=1)
    stand.chart._tables = type(stand.chart._tables)()
    stand.hold(pack(AMOX))
    assert stand.state == "stopped"


def test_a_fault_in_the_loop_is_shown_and_touches_no_row(stand: Stand) -> None:
    at_patient(stand)
    stand.bedside.visit.evaluate = lambda _facts: 1 / 0  # type: ignore[assignment,return-value]
    stand.hold(pack(AMOX))
    assert stand.view.notice == "internal-fault"
    assert stand.state != "giving"
    assert rows(stand) == []


def test_the_pack_that_comes_back_into_the_picture_does_not_undo_a_verified_dose(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    stand.hold(pack(AMOX), band("P1"), Symbol(identifier="]Q1", content=b"https://example.invalid"))
    assert stand.state == "giving"


def test_a_foreign_code_is_told_and_counts_for_nothing(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(Symbol(identifier="]Q1", content=b"hello"))
    assert (stand.state, stand.view.notice) == ("patient", "foreign-symbol")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"01" + b"9" * 14, b"80181", b"0108936000000011\x1d17991332", b"x" * 5000])
def test_rubbish_before_the_camera_never_gives_and_never_ends_the_loop(stand: Stand, content: bytes) -> None:
    at_patient(stand)
    stand.hold(Symbol(identifier="]d2", content=content))
    assert stand.state != "giving"
    assert stand.view.notice != "internal-fault"
