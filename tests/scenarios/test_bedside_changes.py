"""The tables change under an open session: told on the screen, refused at the finger, judged again with one tap."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path

import pytest

from cart_client import change, inbox
from cart_client.inbox import TablesChanged
from cart_client.scanning import Seen
from cart_client.web import state as kiosk_state
from cart_client.web.words import Words
from pointofcare.orders.order import OrderStatus
from pointofcare.people import Allergy, BandStatus
from pointofcare.verdict.policy import Policy
from pointofcare.wire.messages import AttemptOutcome, TableKind
from pointofcare.wire.tables import Conflict, FormularyBody, Give, OrderChanged, PolicyBody, StaffEntry, StaffRosterBody, UsedPack
from tests.scenarios.test_bedside_dose import at_patient, attempts, given, records
from tests.support.cart_ward import (
    AMOX,
    MORPHINE,
    PIN,
    PIN_HASH,
    Stand,
    a_table,
    an_order,
    badge,
    chart_body,
    issued,
    orders,
    pack,
    patients,
    products,
    staff,
)


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def amended(dose: str = "250 mg", **more: object):  # type: ignore[no-untyped-def]
    return (an_order("O1", "P1", "amoxicillin", dose, version=2, display="Amoxicillin 500 mg", **more), *orders()[1:])


def charted(stand: Stand, body: object, kind: TableKind = TableKind.PATIENT_CHART, version: int = 2) -> None:
    stand.chart.take(issued(a_table(kind, body, version=version, issued_at=stand.clock.at)), stand.clock.at)  # type: ignore[arg-type]
    stand.put(TablesChanged(kind=kind.value))


def by(stand: Stand, action: str = "amended", order: str = "O1") -> tuple[OrderChanged, ...]:
    return (OrderChanged(order=order, version=2, action=action, by="BS. Bảo", at=stand.clock.at, reason="đau nhiều"),)


def words(stand: Stand, language: str) -> Words:
    return Words(language, stand.view, stand.chart.names)


def test_an_order_that_changed_takes_the_verified_dose_back_before_anybody_confirms(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    moment, record_id = stand.view.moment, stand.view.session.record_id
    charted(stand, replace(chart_body(amended()), changed=by(stand)))
    assert (stand.state, stand.view.notice, words(stand, "en").face()) == ("stopped", "order-changed", "changed")
    answer = stand.press(inbox.Confirm, record_id=record_id, moment=moment)
    assert (answer.notice, records(stand)) == ("order-changed", [])
    said = {language: words(stand, language).notice() for language in ("vi", "en", "fr")}
    assert "500 mg → 250 mg" in said["en"]
    assert said["en"].startswith("THE ORDER CHANGED: ")
    assert said["vi"].startswith("Y LỆNH ĐÃ THAY ĐỔI: ")
    assert said["fr"].startswith("LA PRESCRIPTION A CHANGÉ : ")
    assert all("BS. Bảo" in each and "đau nhiều" in each for each in said.values())


def test_one_tap_judges_the_same_scans_by_the_new_order_and_says_that_nothing_was_taken(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    first = stand.view.session.record_id
    charted(stand, chart_body(amended("500 mg", times=(time(8, 5), time(20, 0)))))
    assert (stand.state, stand.view.notice) == ("stopped", "order-changed")
    stand.press(inbox.JudgeAgain)
    assert (stand.state, stand.view.changes) == ("giving", ())
    assert [(each.record_id, each.outcome, each.reason) for each in attempts(stand)] == [(first, AttemptOutcome.LEFT_OPEN, "order-changed")]
    given(stand)
    done = records(stand)[0].record
    assert (done.order_version, done.record_id != first) == (2, True)


def test_a_dose_that_no_longer_fits_the_new_order_stays_stopped_after_the_tap(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    charted(stand, chart_body(amended("250 mg")))
    stand.press(inbox.JudgeAgain)
    assert stand.state != "giving"
    assert not {"D5"} & set(stand.rules)


def test_a_stopped_order_is_told_with_who_stopped_it(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    charted(stand, replace(chart_body(amended("500 mg", status=OrderStatus.STOPPED)), changed=by(stand, "stopped")))
    assert stand.state == "stopped"
    assert "order-stopped" in [each.code for each in stand.view.changes]
    assert "STOPPED (by BS. Bảo" in words(stand, "en").notice()
    stand.press(inbox.JudgeAgain)
    assert "D2" in stand.rules


def test_another_patients_change_and_a_verdict_that_stays_disturb_nobody(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    moment = stand.view.moment
    others = (*orders()[:3], an_order("O4", "P2", "amoxicillin", "250 mg", version=2))
    charted(stand, chart_body(others))
    assert (stand.view.moment, stand.state, stand.view.changes) == (moment, "giving", ())
    given(stand)
    assert len(records(stand)) == 1


def test_an_order_of_the_patient_that_is_not_in_hand_is_told_and_the_dose_goes_on(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    moment = stand.view.moment
    added = (*orders(), an_order("O9", "P1", "metformin", "850 mg"))
    charted(stand, chart_body(added))
    assert (stand.state, [each.code for each in stand.view.changes], stand.view.moment) == ("giving", ["order-added"], moment)
    given(stand)
    assert len(records(stand)) == 1
    assert [each.code for each in stand.view.changes] == ["order-added"]  # it is still to be read
    stand.press(inbox.ReadChanges)
    assert stand.view.changes == ()


def test_a_change_while_only_the_patient_is_open_is_told_and_the_next_scan_is_by_the_new_order(stand: Stand) -> None:
    at_patient(stand)
    moment = stand.view.moment
    charted(stand, chart_body(amended("500 mg", times=(time(8, 5), time(20, 0)))))
    assert [each.code for each in stand.view.changes] == ["order-times"]
    assert stand.view.moment > moment
    late = stand.press(inbox.Decline, action="refuse", reason="refused", order="O1", due=None, moment=moment)
    assert (late.notice, records(stand)) == ("order-changed", [])
    stand.hold(pack(AMOX))
    assert stand.state == "giving"


def test_a_question_on_the_screen_becomes_the_new_question(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(MORPHINE))
    assert stand.state == "awaiting-witness"
    changed = (orders()[0], an_order("O2", "P1", "morphine", "5 mg", version=2, needs_double_check=True), *orders()[2:])
    charted(stand, chart_body(changed))
    assert (stand.state, "D5" in stand.rules) == ("stopped", True)
    assert words(stand, "en").may_judge_again()
    stand.press(inbox.JudgeAgain)
    assert (stand.state, "D5" in stand.rules) != ("giving", True)


def test_a_new_allergy_takes_the_dose_back(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    people = (replace(patients()[0], allergies=(Allergy(substance="amoxicillin", severity="severe"),)), patients()[1])
    charted(stand, replace(chart_body(), patients=people))
    assert stand.state != "giving"
    assert {"allergy-added", "allergy-removed"} == {each.code for each in stand.view.changes}
    assert stand.view.notice == "facts-changed"
    assert "NEW ALLERGY: amoxicillin" in words(stand, "en").notice()


def test_a_recall_of_the_pack_in_hand_takes_the_dose_back(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    recalled = (replace(products()[0], recalled_lots=("A1",)), *products()[1:])
    charted(stand, FormularyBody(products=recalled), TableKind.FORMULARY)
    assert (stand.state, [each.code for each in stand.view.changes]) == ("stopped", ["product-recalled"])
    assert "RECALLED: Amoxicillin 500 mg, lot A1" in words(stand, "en").notice()


def test_a_product_that_changed_before_it_was_scanned_is_no_change_of_that_dose(stand: Stand) -> None:
    at_patient(stand)
    changed = (replace(products()[0], form="tablet"), *products()[1:])
    charted(stand, FormularyBody(products=changed), TableKind.FORMULARY)
    stand.hold(pack(AMOX))
    given(stand)
    moment = stand.view.moment
    charted(stand, chart_body())  # what was just given comes back with the chart
    assert (stand.view.changes, stand.view.moment) == ((), moment)


def test_a_product_that_changed_after_it_was_scanned_is_told_until_it_is_read(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    changed = (replace(products()[0], form="tablet"), *products()[1:])
    charted(stand, FormularyBody(products=changed), TableKind.FORMULARY)
    charted(stand, FormularyBody(products=(*changed, replace(products()[0], id="new", gtin="04150999999990"))), TableKind.FORMULARY, 3)
    charted(stand, FormularyBody(products=changed[1:]), TableKind.FORMULARY, 4)
    assert [each.code for each in stand.view.changes] == ["product-gone"]


@pytest.mark.parametrize("leave", [inbox.SignOut, inbox.ClosePatient])
def test_who_leaves_a_list_that_changed_under_the_finger_leaves(stand: Stand, leave: type[inbox.Command]) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    given(stand)
    moment = stand.view.moment
    charted(stand, chart_body((*orders(), an_order("O9", "P1", "metformin", "850 mg"))))
    assert stand.view.moment > moment
    assert stand.press(leave, moment=moment).notice == ""
    assert stand.state == ("idle" if leave is inbox.SignOut else "signed-in")


def test_beside_a_recorded_dose_no_late_tap_is_told_as_not_recorded(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    given(stand)
    moment = stand.view.moment
    charted(stand, chart_body((*orders(), an_order("O9", "P1", "metformin", "850 mg"))))
    late = stand.press(inbox.Decline, action="refuse", reason="refused", order="O9", due=None, moment=moment)
    assert (late.notice, stand.state, len(records(stand))) == ("out-of-date", "concluded", 1)
    assert [each.code for each in stand.view.changes] == ["order-added"]  # the list of what changed stays to be read


def test_a_tap_to_leave_from_before_the_dose_was_in_hand_does_not_count(stand: Stand) -> None:
    at_patient(stand)
    moment = stand.view.moment
    stand.hold(pack(AMOX))
    assert stand.press(inbox.SignOut, moment=moment).notice == "out-of-date"
    given(stand)
    assert (stand.press(inbox.SignOut, moment=moment).notice, stand.state) == ("out-of-date", "concluded")


def test_a_patient_who_left_the_ward_is_told_at_once_and_the_dose_may_still_be_told(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    record_id = stand.view.session.record_id
    charted(stand, replace(chart_body(orders()[3:]), patients=patients()[1:]))
    assert (stand.state, [each.code for each in stand.view.changes]) == ("stopped", ["patient-gone"])
    stand.press(inbox.ResolveOpen, record_id=record_id, given=True, reason="emergency", reason_text="")
    assert [each.record.record_id for each in records(stand)] == [record_id]


def test_a_band_that_was_revoked_while_the_patient_is_open_stops(stand: Stand) -> None:
    at_patient(stand)
    revoked = tuple(replace(each, status=BandStatus.REVOKED) for each in patients()[0].bands)
    charted(stand, replace(chart_body(), patients=(replace(patients()[0], bands=revoked), patients()[1])))
    assert stand.state == "stopped"
    assert "band-revoked" in [each.code for each in stand.view.changes]


def test_a_new_policy_is_told(stand: Stand) -> None:
    at_patient(stand)
    charted(stand, PolicyBody(policy=replace(Policy(), version="9")), TableKind.POLICY)
    assert [each.code for each in stand.view.changes] == ["policy"]


def test_what_came_between_the_screen_and_the_finger_is_not_called_read(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    charted(stand, chart_body((*orders(), an_order("O9", "P1", "metformin", "850 mg"))))
    moment, told = stand.view.moment, change.mark(stand.view.changes)
    more = (replace(patients()[0], allergies=(*(patients()[0].allergies or ()), Allergy(substance="penicillin V"))), patients()[1])
    charted(stand, replace(chart_body((*orders(), an_order("O9", "P1", "metformin", "850 mg"))), patients=more), version=3)
    assert stand.view.moment == moment  # the dose in hand goes on
    late = stand.press(inbox.ReadChanges, moment=moment, told=told)
    assert (late.notice, [each.code for each in stand.view.changes]) == ("order-changed", ["order-added", "allergy-added"])
    stand.press(inbox.ReadChanges, told=change.mark(stand.view.changes))
    assert stand.view.changes == ()


def test_judging_again_by_more_than_the_screen_told_waits_for_another_look(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    charted(stand, chart_body(amended("250 mg")))
    told = change.mark(stand.view.changes)
    charted(stand, chart_body((*amended("250 mg"), an_order("O9", "P1", "metformin", "850 mg"))), version=3)
    late = stand.press(inbox.JudgeAgain, told=told)
    assert (late.notice, stand.state, attempts(stand)) == ("order-changed", "stopped", [])


def test_a_full_disk_keeps_the_dose_open_when_it_is_judged_again(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    from pointofcare.errors import JournalError

    at_patient(stand)
    stand.hold(pack(AMOX))
    charted(stand, chart_body(amended("500 mg", times=(time(8, 5),))))

    def full(*_: object, **__: object) -> None:
        raise JournalError("full", remedy="", why="disk-full")

    monkeypatch.setattr(stand.journal, "append_attempt", full)
    stand.press(inbox.JudgeAgain)
    assert (stand.state, stand.view.notice, len(stand.view.opened)) == ("stopped", "journal-disk-full", 1)


# Who may be here.


def roster(stand: Stand, *people: StaffEntry, version: int = 2) -> None:
    charted(stand, StaffRosterBody(staff=people), TableKind.STAFF_ROSTER, version)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"active": False}, "not-active"),
        ({"badge": None}, "badge-changed"),
        ({"pin_hash": PIN_HASH.replace("argon2id", "argon2i")}, "pin-changed"),
        ({"roles": ()}, "rights-changed"),
        ({"licensed": False}, "rights-changed"),
    ],
)
def test_a_right_that_is_taken_back_ends_the_session_and_leaves_the_open_dose(stand: Stand, change: dict[str, object], why: str) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    record_id = stand.view.session.record_id
    roster(stand, *(replace(each, **change) if each.id == "N1" else each for each in staff()))  # type: ignore[arg-type]
    assert (stand.state, stand.view.notice) == ("idle", f"ended-{why}")
    assert all(words(stand, language).notice() != f"notice-ended-{why}" for language in ("vi", "en", "fr"))
    assert records(stand) == []
    stand.sign_in("C1")
    assert [each.record_id for each in stand.view.opened] == [record_id]
    stand.press(inbox.ResolveOpen, record_id=record_id, given=True, reason="emergency", reason_text="")
    assert [each.record.record_id for each in records(stand)] == [record_id]


def test_a_right_that_ended_while_the_pin_was_looked_at_ends_the_session(stand: Stand) -> None:
    """The roster comes in on another thread: the PIN was proven by the one before."""
    taken = stand.chart.person

    def slow(*given: object) -> object:
        found = taken(*given)  # type: ignore[arg-type]
        body = StaffRosterBody(staff=tuple(each for each in staff() if each.id != "N1"))
        stand.chart.take(issued(a_table(TableKind.STAFF_ROSTER, body, version=2, issued_at=stand.clock.at)), stand.clock.at)
        return found

    stand.chart.person = slow  # type: ignore[assignment, method-assign]
    stand.sign_in()
    stand.put(TablesChanged(kind="staff-roster"))
    assert (stand.state, stand.view.notice) == ("idle", "ended-badge-changed")


def test_a_scanner_that_never_rests_keeps_nobody_signed_in(stand: Stand) -> None:
    """A pack that lies before a presentation scanner is read again and again: there is never a second without anything."""
    at_patient(stand)
    stand.clock.pass_by(timedelta(minutes=30))
    for item in (Seen(symbol=badge("N2"), at=stand.clock.at), inbox.Halt()):
        stand.bedside.inbox.put(item)
    stand.bedside.run()
    assert (stand.state, stand.view.notice) == ("idle", "signed-out-idle")


def test_a_cart_that_locks_over_a_dose_that_was_taken_back_says_that_it_is_open(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    charted(stand, chart_body(amended("250 mg")))
    stand.clock.pass_by(timedelta(minutes=30))
    stand.put(inbox.Tick())
    assert (stand.state, stand.view.notice) == ("idle", "locked-dose-open")


def test_a_roster_that_says_the_same_ends_no_session(stand: Stand) -> None:
    at_patient(stand)
    roster(stand, *staff())
    assert stand.state == "patient"


def test_a_right_that_runs_out_refuses_the_sign_in_and_ends_the_session_offline_too(stand: Stand) -> None:
    stand.put(inbox.LinkTold(link=inbox.Link.OFFLINE))
    until = stand.clock.at + timedelta(minutes=3)
    roster(stand, *(replace(each, expires_at=until) if each.id == "N1" else each for each in staff()))
    at_patient(stand)
    stand.clock.pass_by(timedelta(minutes=4))
    stand.put(inbox.Tick())
    assert (stand.state, stand.view.notice) == ("idle", "ended-not-active")
    stand.hold(badge("N1"))
    stand.press(inbox.EnterPin, pin=PIN)
    assert (stand.state, stand.view.notice) == ("badge", "not-active")


def test_a_roster_that_runs_out_ends_the_session_and_lets_nobody_in(stand: Stand) -> None:
    stand.put(inbox.LinkTold(link=inbox.Link.OFFLINE))
    stand.sign_in()
    stand.chart.take(
        issued(
            a_table(TableKind.STAFF_ROSTER, StaffRosterBody(staff=staff()), version=2, issued_at=stand.clock.at, lasts=timedelta(minutes=2))
        ),
        stand.clock.at,
    )
    stand.put(TablesChanged(kind="staff-roster"))
    assert stand.state == "signed-in"
    stand.clock.pass_by(timedelta(minutes=3))
    stand.put(inbox.Tick())
    assert (stand.state, stand.view.notice) == ("idle", "ended-roster-missing")
    stand.hold(badge("N1"))
    assert (stand.state, stand.view.notice) == ("idle", "roster-missing")


def test_a_witness_whose_right_ends_has_witnessed_nothing(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(MORPHINE))
    stand.hold(badge("N2"))
    stand.press(inbox.EnterPin, pin=PIN)
    assert stand.state == "giving"
    moment, record_id = stand.view.moment, stand.view.session.record_id
    roster(stand, *(replace(each, active=False) if each.id == "N2" else each for each in staff()))
    assert (stand.state, stand.view.notice) == ("awaiting-witness", "witness-ended")
    stand.press(inbox.Confirm, record_id=record_id, moment=moment)
    assert records(stand) == []
    stand.hold(badge("C1"))
    stand.press(inbox.EnterPin, pin=PIN)
    given(stand)
    assert [each.record.witness for each in records(stand)] == ["C1"]


def test_after_a_power_failure_the_open_dose_names_the_witness_who_stayed(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(MORPHINE))
    stand.hold(badge("N2"))
    stand.press(inbox.EnterPin, pin=PIN)
    first = stand.view.session.record_id
    roster(stand, *(replace(each, active=False) if each.id == "N2" else each for each in staff()))
    stand.hold(badge("C1"))
    stand.press(inbox.EnterPin, pin=PIN)
    (opened,) = stand.journal.open_doses()
    assert (opened.witness, opened.record_id) == ("C1", stand.view.session.record_id)
    assert [(each.record_id, each.reason) for each in attempts(stand)] == [(first, "verified-anew")]
    given(stand)
    assert [(each.record.record_id, each.record.witness) for each in records(stand)] == [(opened.record_id, "C1")]
    assert stand.view.opened == ()


def test_a_pin_is_nowhere_in_clear(stand: Stand, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = "735911"
    caplog.set_level(0)
    stand.hold(badge("N1"))
    stand.press(inbox.EnterPin, pin=secret)
    stand.press(inbox.EnterPin, pin=PIN)
    stand.put(inbox.Tick())
    assert repr(inbox.EnterPin(moment=1, pin=secret)) == "EnterPin(...)"
    assert secret not in caplog.text
    assert PIN not in caplog.text.replace(PIN_HASH, "")
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes()
    entry = stand.chart.staff_of("N1", stand.clock.at)
    assert entry is not None
    assert (entry.pin_hash or "").startswith("$argon2id$")


# Packs that were used up elsewhere, and conflicts.


def test_a_pack_that_went_to_a_patient_who_left_stops_offline_too(stand: Stand) -> None:
    stand.put(inbox.LinkTold(link=inbox.Link.OFFLINE))
    used = UsedPack(serial="S77", at=stand.clock.at - timedelta(hours=3), product="AMOX500")
    charted(stand, replace(chart_body(), used_packs=(used,)))
    at_patient(stand)
    stand.hold(pack(AMOX, serial="S77"))
    assert stand.state == "stopped"
    assert "take-other-pack" in [finding.remedy for finding in stand.view.session.verdict.findings]


def conflict(**changes: object) -> Conflict:
    sides = (
        Give(record_id="r-1", cart="c1", nurse="N1", status="completed", at=orders()[0].start),  # type: ignore[arg-type]
        Give(record_id="r-2", cart="c2", nurse="N2", status="completed", at=orders()[0].start),  # type: ignore[arg-type]
    )
    made = Conflict(
        id=7, code="given-twice", patient="P1", at=sides[0].at, order="O1", drug="Amoxicillin", gives=sides, concerns=("N1", "N2")
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_conflict_is_told_to_each_nurse_whom_it_concerns_until_that_one_has_read_it(stand: Stand) -> None:
    stand.sign_in("N1")
    charted(stand, replace(chart_body(), conflicts=(conflict(),)))
    assert [each.id for each in stand.view.conflicts] == [7]
    assert kiosk_state.plain(stand.view)["conflicts"] == [7]
    stand.press(inbox.ReadConflict, conflict=7)
    assert stand.view.conflicts == ()
    assert [(each.kind, dict(each.details)) for each in stand.journal.events()] == [("conflict-seen", {"discrepancy": 7, "staff": "N1"})]
    stand.press(inbox.SignOut)
    stand.sign_in("C1")
    assert stand.view.conflicts == ()
    stand.press(inbox.SignOut)
    stand.sign_in("N2")
    assert [each.id for each in stand.view.conflicts] == [7]
    charted(stand, replace(chart_body(), conflicts=(conflict(seen=("N2",)),)), version=3)  # read at another cart
    assert stand.view.conflicts == ()


def test_only_what_is_on_the_screen_can_be_read(stand: Stand) -> None:
    stand.sign_in("C1")
    charted(stand, replace(chart_body(), conflicts=(conflict(),)))
    assert stand.press(inbox.ReadConflict, conflict=7).notice == "out-of-date"
    assert stand.journal.events() == ()


def test_the_age_of_each_table_is_on_the_screen(stand: Stand) -> None:
    assert set(stand.view.table_ages_s) == {kind.value for kind in TableKind}
    assert all(age is not None and age >= 0 for age in stand.view.table_ages_s.values())


def test_a_nurse_of_another_ward_is_told_so_and_works_and_the_server_is_told_too(stand: Stand) -> None:
    """Never a silent yes, and no dead end for the patient; a helper's time ends offline too."""
    roster(stand, *(replace(each, of_ward=False) if each.id == "N1" else each for each in staff()))
    stand.hold(badge("N1"))
    assert stand.view.asks_why
    assert stand.press(inbox.EnterPin, pin=PIN).notice == "why-here"
    assert stand.view.session.nurse is None
    assert stand.journal.wrong_pins() == ()
    stand.press(inbox.EnterPin, pin=PIN, why="emergency")
    assert not stand.view.asks_why
    assert stand.view.notice == "other-ward"
    assert stand.view.session.nurse is not None
    assert "another ward" in words(stand, "en").notice()
    (told,) = [event for event in stand.journal.events() if event.kind == "other-ward"]
    assert told.details == {"nurse": "N1", "why": "emergency"}


@pytest.mark.parametrize(("lasts_min", "notice"), [(60, ""), (-1, "other-ward")])
def test_a_helper_is_of_the_ward_until_the_shift_ends(stand: Stand, lasts_min: int, notice: str) -> None:
    until = stand.clock.at + timedelta(minutes=lasts_min)
    roster(stand, *(replace(each, of_ward=True, ward_until=until) if each.id == "N1" else each for each in staff()))
    stand.hold(badge("N1"))
    assert stand.view.asks_why == bool(notice)
    stand.press(inbox.EnterPin, pin=PIN, why="helping" if notice else "")
    assert stand.view.notice == notice
