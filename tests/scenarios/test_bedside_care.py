"""What goes on beside the dose itself: patches, effects, measured values, counts, emergencies, corrections."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cart_client import inbox
from cart_client.inbox import Link, LinkTold
from cart_client.web.words import Words
from devices.ports import DrawerOutcome
from pointofcare.errors import OutcomeUnknownError
from pointofcare.orders.order import Interaction
from pointofcare.products import HighAlert
from pointofcare.verdict import engine
from pointofcare.wire import snapshot
from pointofcare.wire.messages import AdministrationRecorded, ObservationRecorded, TableKind
from pointofcare.wire.tables import FormularyBody
from tests.support.cart_care import (
    ADRENALINE,
    FENTANYL,
    HEPARIN,
    METOPROLOL,
    PATCH,
    a_ward,
    at_patient,
    bodies,
    care_body,
    care_products,
    confirm,
    policy,
    records,
)
from tests.support.cart_ward import AMOX, PARACETAMOL, PIN, Stand, a_table, badge, issued, pack, products, q


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return a_ward(tmp_path)


def second(stand: Stand, number: str = "N2") -> None:
    stand.hold(badge(number))
    stand.press(inbox.EnterPin, pin=PIN)


# A patch.


def test_a_new_patch_waits_until_the_old_one_is_off(stand: Stand) -> None:
    at_patient(stand)
    assert [entry.site for entry in stand.view.care.patches] == ["ngực trái"]
    stand.hold(pack(PATCH))
    assert (stand.state, "S4" in stand.rules) == ("stopped", True)
    stand.press(inbox.BeginAct, act="remove", record_id="rec-patch")
    if stand.state == "warned":
        stand.press(inbox.Acknowledge)
    assert stand.state == "giving", stand.rules
    confirm(stand)
    (record,) = records(stand)
    assert (record.action, record.status, record.continues, record.site) == ("remove", "completed", "rec-patch", "ngực trái")
    assert stand.view.care.patches == ()
    stand.hold(pack(PATCH))
    assert "S4" not in stand.rules


# The effect of a dose as needed.


def test_the_effect_that_is_owed_is_asked_for_and_recorded(stand: Stand) -> None:
    at_patient(stand)
    assert [(owed.entry.record_id, owed.late) for owed in stand.view.care.owed] == [("rec-prn", True)]
    stand.press(inbox.BeginAct, act="assess", record_id="rec-prn", effect="")
    assert (stand.view.notice, stand.state) == ("effect-missing", "patient")
    stand.press(inbox.BeginAct, act="assess", record_id="rec-prn", effect="relieved")
    assert stand.state == "concluded", stand.rules
    (record,) = records(stand)
    assert (record.action, record.continues, record.effect, record.order) == ("assess", "rec-prn", "relieved", "N1")
    assert stand.view.care.owed == ()


def test_an_as_needed_order_shows_its_last_doses_and_the_earliest_next(stand: Stand) -> None:
    at_patient(stand)
    line = next(line for line in stand.view.dues if line.order.id == "N1")
    assert [(entry.dose, entry.prn_reason) for entry in line.gives] == [(q("500 mg"), "pain")]
    assert line.earliest == line.gives[0].at + timedelta(hours=4)


# Values that a drug asks for.


@pytest.mark.parametrize("link", [Link.ONLINE, Link.OFFLINE])
def test_a_value_entered_now_counts_for_the_very_next_verdict(stand: Stand, link: Link) -> None:
    at_patient(stand)
    stand.put(LinkTold(link=link))
    stand.hold(pack(METOPROLOL))
    assert (stand.state, "H1" in stand.rules) == ("awaiting-reason", True)
    stand.press(inbox.Measure, code="heart-rate", value="72")
    assert "H1" not in stand.rules
    (told,) = [body for body in bodies(stand) if isinstance(body, ObservationRecorded)]
    assert (told.patient, told.code, told.value, told.nurse) == ("P1", "heart-rate", q("72 /min"), "N1")
    assert [(value.code, value.value) for value in stand.view.care.vitals] == [("heart-rate", q("72 /min"))]


def test_a_value_out_of_range_for_the_drug_asks_for_more_than_a_missing_one(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(METOPROLOL))
    stand.press(inbox.GiveReason, reason="prescriber-confirmed", satisfies=("H1",))
    assert stand.state == "giving"
    stand.press(inbox.DropAct)
    assert stand.view.notice == "not-now"  # a dose is not dropped like an act


def test_a_reason_for_a_missing_value_is_none_for_a_bad_one(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(METOPROLOL))
    stand.press(inbox.Measure, code="heart-rate", value="42")
    assert (stand.state, "H1" in stand.rules) == ("awaiting-witness", True)
    assert stand.view.session.intent.reason is None


@pytest.mark.parametrize(("value", "notice"), [("720", "value-range"), ("0", "value-range"), ("abc", "value-unreadable"),
                                               ("72.55", "value-unreadable"), ("1e9999", "value-unreadable"), ("NaN", "value-unreadable"),
                                               ("", "value-unreadable")])  # fmt: skip
def test_a_slip_of_the_finger_is_no_value(stand: Stand, value: str, notice: str) -> None:
    at_patient(stand)
    stand.press(inbox.Measure, code="heart-rate", value=value)
    assert (stand.view.notice, bodies(stand), stand.state) == (notice, [], "patient")


def test_vital_signs_are_entered_without_any_drug(stand: Stand) -> None:
    at_patient(stand)
    stand.press(inbox.Measure, code="temperature", value="38,5")
    assert (stand.state, stand.view.notice) == ("patient", "")
    assert [body.value for body in bodies(stand) if isinstance(body, ObservationRecorded)] == [q("38.5 Cel")]


# The blind count.


def at_the_drawer(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(FENTANYL))
    if stand.state == "stopped":
        stand.press(inbox.GiveAmount, dose="100 ug")
    if stand.state == "awaiting-reason":
        stand.press(inbox.GiveReason, reason="prescriber-confirmed")


def test_the_rest_of_a_controlled_drug_is_counted_before_the_dose_is_confirmed(stand: Stand) -> None:
    at_the_drawer(stand)
    assert stand.state == "counting", (stand.state, stand.rules)
    confirm(stand)
    assert (stand.view.notice, records(stand)) == ("out-of-date", [])
    stand.press(inbox.Count, left="7x")
    assert (stand.view.notice, stand.state) == ("count-unreadable", "counting")
    stand.press(inbox.Count, left="7")
    assert stand.state == "giving"
    (event,) = [event for event in stand.journal.events() if event.kind == "controlled-count"]
    assert event.details == {"product": "FENT100", "drawer": 3, "counted": 7, "record_id": stand.view.session.record_id, "nurse": "N1"}
    confirm(stand)
    assert [record.order for record in records(stand)] == ["C1"]


def test_nobody_is_held_up_by_a_count_in_an_emergency(stand: Stand) -> None:
    at_the_drawer(stand)
    stand.press(inbox.Count)
    assert (stand.view.notice, stand.state) == ("reason-missing", "counting")
    stand.press(inbox.Count, reason="emergency")
    assert stand.state == "giving"
    (event,) = [event for event in stand.journal.events() if event.kind == "controlled-count-refused"]
    assert event.details["reason"] == "emergency"


def test_a_drawer_that_may_have_opened_is_counted_and_one_that_did_not_is_not(tmp_path: Path) -> None:
    stand = a_ward(tmp_path / "one")
    stand.drawers.fault = OutcomeUnknownError("no answer", remedy="look")
    at_the_drawer(stand)
    assert stand.state == "counting"
    other = a_ward(tmp_path / "two")
    other.drawers.outcome = DrawerOutcome.REFUSED
    at_the_drawer(other)
    assert other.state == "giving"


# An emergency without an order.


def test_a_listed_emergency_drug_is_given_without_an_order(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(ADRENALINE))
    assert (stand.state, [line.name for line in stand.view.emergency]) == ("stopped", ["adrenaline"])
    stand.press(inbox.DeclareEmergency, dose="0,5 mg", route="IM")
    assert stand.state in ("giving", "awaiting-witness", "awaiting-reason"), stand.rules
    while stand.state == "awaiting-reason":
        stand.press(inbox.GiveReason, reason="emergency", satisfies=tuple(stand.rules))
    assert stand.state == "giving", stand.rules
    confirm(stand)
    (record,) = records(stand)
    assert (record.order, record.dose, record.route, record.status_reason, record.product) == (
        None,
        q("0.5 mg"),
        "IM",
        "emergency",
        "ADRE1",
    )
    stand.hold(pack(ADRENALINE))
    stand.press(inbox.DeclareEmergency, dose="0.5 mg", route="IM")
    assert "T3" in [finding.rule for finding in stand.view.session.verdict.findings]  # type: ignore[union-attr]


@pytest.mark.parametrize(("dose", "route"), [("5 mg", "IM"), ("0.5 mg", "PO"), ("0.5", "IM"), ("-1 mg", "IM"), ("0.5 mg", "")])
def test_an_emergency_outside_the_list_stays_a_stop(stand: Stand, dose: str, route: str) -> None:
    at_patient(stand)
    stand.hold(pack(ADRENALINE))
    stand.press(inbox.DeclareEmergency, dose=dose, route=route)
    assert (stand.state, records(stand)) == ("stopped", [])


def test_a_drug_that_no_list_names_is_no_emergency(tmp_path: Path) -> None:
    stand = a_ward(tmp_path, policy(emergency=()))
    at_patient(stand)
    stand.hold(pack(ADRENALINE))
    assert (stand.state, stand.view.emergency) == ("stopped", ())
    stand.press(inbox.DeclareEmergency, dose="0.5 mg", route="IM")
    assert (stand.view.notice, stand.state) == ("not-now", "stopped")


# The second person's own figure.


def test_a_dose_by_weight_is_worked_out_twice(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(HEPARIN))
    stand.press(inbox.GiveAmount, dose="4000 [IU]", waste="21000 [IU]")
    assert stand.state == "awaiting-witness", (stand.state, stand.rules)
    second(stand)
    assert stand.state == "awaiting-blind"
    stand.press(inbox.EnterBlind, value="40000 [IU]")
    assert (stand.state, "H5" in stand.rules) == ("stopped", True)
    stand.press(inbox.CalculateAgain)
    second(stand)
    stand.press(inbox.EnterBlind, value="4000 [IU]")
    assert "H5" not in stand.rules
    assert stand.view.session.intent.blind_value == q("4000 [IU]")


@pytest.mark.parametrize("language", ["vi", "en", "fr"])
def test_from_a_vial_for_many_doses_the_amount_is_asked_before_the_second_person(stand: Stand, language: str) -> None:
    """A second person who came first would have checked nothing, and would have to come twice."""
    vial = [replace(one, multi_dose=True, volume=None) if one.gtin == HEPARIN else one for one in care_products()]
    fixed = [replace(one, dose=q("4000 [IU]")) if one.id == "W1" else one for one in care_body().orders]
    for kind, body in (
        (TableKind.FORMULARY, FormularyBody(products=tuple(vial))),
        (TableKind.PATIENT_CHART, care_body(orders=tuple(fixed))),
    ):
        stand.chart.take(issued(a_table(kind, body, version=3)), stand.clock.at)
        stand.put(inbox.TablesChanged(kind=kind.value))
    at_patient(stand)
    stand.hold(pack(HEPARIN))
    words = Words(language, stand.view, dict)
    assert words.face() == "amount", [(f.rule, f.level, f.remedy) for f in words.findings()]
    assert {finding.remedy for finding in words.listed()} == {"name-drawn-amount"}
    stand.press(inbox.GiveAmount, dose="4000 [IU]")
    assert Words(language, stand.view, dict).face() == "witness"


def test_the_witness_is_another_person_with_an_own_pin(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(HEPARIN))
    stand.press(inbox.GiveAmount, dose="4000 [IU]")
    stand.hold(badge("N1"))
    assert (stand.view.notice, stand.state) == ("witness-same", "awaiting-witness")
    stand.hold(badge("N2"))
    stand.press(inbox.EnterPin, pin="0000")
    assert (stand.view.notice, stand.state) == ("pin-wrong", "awaiting-witness")


# Withdrawing what was charted by mistake.


def test_the_giver_withdraws_an_entry_with_a_reason_and_nobody_else_does(stand: Stand) -> None:
    at_patient(stand)
    stand.press(inbox.BeginAct, act="undo", record_id="rec-amox", reason="clinical-judgement", reason_text="ghi nhầm")
    assert (stand.view.notice, stand.state) == ("only-the-giver", "patient")
    stand.press(inbox.BeginAct, act="undo", record_id="rec-prn")
    assert stand.view.notice == "reason-missing"
    stand.press(inbox.BeginAct, act="undo", record_id="rec-prn", reason="clinical-judgement", reason_text="ghi nhầm")
    assert stand.state == "giving", stand.rules
    assert stand.journal.open_doses() == ()  # nothing is in anybody's hand
    confirm(stand)
    (record,) = records(stand)
    assert (record.action, record.status, record.amends, record.order, record.dose) == (
        "undo", "entered-in-error", "rec-prn", "N1", q("500 mg"),
    )  # fmt: skip
    assert [owed.entry.record_id for owed in stand.view.care.owed] == []
    stand.hold(pack(PARACETAMOL))
    assert "N2" not in stand.rules


@pytest.mark.parametrize("language", ["vi", "en", "fr"])
def test_a_slip_of_the_pen_is_named_and_its_code_is_not_shown(stand: Stand, language: str) -> None:
    words = Words(language, stand.view, dict)
    for text in ("wrong-dose-entered", "wrong-dose-entered: 5 mg"):
        said = words.reason_said("clinical-judgement", text)
        assert "wrong-dose" not in said
        assert said.startswith(words.coded("reason", "wrong-dose-entered"))
    assert words.reason_said("clinical-judgement", "sốt cao").endswith(": sốt cao")
    assert words.reason_said(None, None) == ""


def test_a_charge_nurse_withdraws_what_another_charted(stand: Stand) -> None:
    at_patient(stand, "C1")
    stand.press(inbox.BeginAct, act="undo", record_id="rec-amox", reason="clinical-judgement", reason_text="ghi nhầm")
    assert stand.state == "giving", stand.rules


# The list.


def test_a_due_line_says_the_day_of_treatment_the_answer_of_the_pharmacy_and_what_is_unclear(stand: Stand) -> None:
    at_patient(stand)
    line = next(line for line in stand.view.dues if line.order.id == "A1" and line.request is not None)
    assert (line.day, line.request.status, line.request.answer) == (2, "accepted", "10 phút nữa")  # type: ignore[union-attr]
    unclear = [line for line in stand.view.dues if line.order.id == "U1"]
    assert unclear
    assert all("clarification" in line.unclear for line in unclear)


def test_a_missing_dose_is_asked_for_at_once_and_its_clock_is_shown(stand: Stand) -> None:
    at_patient(stand)
    line = next(line for line in stand.view.dues if line.order.id == "M1" and line.status == "due")
    stand.press(inbox.Decline, action="not-given", reason="unavailable", order="M1", due=line.due)
    asked = next(each for each in stand.view.dues if (each.order.id, each.due) == ("M1", line.due))
    assert asked.request is not None
    assert (asked.request.status, asked.request.answered_at, asked.request_late) == ("requested", None, False)
    stand.clock.pass_by(timedelta(minutes=31))
    stand.put(inbox.Tick())
    stand.put(inbox.TablesChanged(kind="patient-chart"))
    stand.sign_in()
    late = next(each for each in stand.view.dues if (each.order.id, each.due) == ("M1", line.due))
    assert late.request_late


def test_a_record_keeps_the_facts_that_its_verdict_was_a_function_of(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    assert stand.state == "giving", stand.rules
    confirm(stand)
    (body,) = [body for body in bodies(stand) if isinstance(body, AdministrationRecorded)]
    assert body.facts is not None
    again = engine.evaluate(snapshot.unpack(body.facts))
    assert (again.order, again.level.name, again.engine) == (body.record.order, body.record.level, body.record.engine)


def test_the_dose_on_the_screen_is_told_there_and_not_as_an_open_one(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(AMOX))
    record_id = stand.view.session.record_id
    stand.press(inbox.ResolveOpen, record_id=record_id, given=False, reason="network-down")
    assert (stand.view.notice, stand.state) == ("finish-this-dose", "giving")
    confirm(stand)
    assert [record.record_id for record in records(stand)] == [record_id]


def test_where_a_patch_was_put_on_is_on_its_record(stand: Stand) -> None:
    at_patient(stand)
    stand.press(inbox.BeginAct, act="remove", record_id="rec-patch")
    if stand.state == "warned":
        stand.press(inbox.Acknowledge)
    confirm(stand)
    stand.hold(pack(PATCH))
    while stand.state in ("warned", "awaiting-reason"):
        if stand.state == "warned":
            stand.press(inbox.Acknowledge)
        else:
            stand.press(inbox.GiveReason, reason="prescriber-confirmed", satisfies=tuple(stand.rules))
    assert stand.state == "giving", stand.rules
    stand.press(inbox.Confirm, record_id=stand.view.session.record_id, site="right-chest")
    assert records(stand)[-1].site == "right-chest"
    assert [entry.site for entry in stand.view.care.patches] == ["right-chest"]


def test_an_entry_by_mistake_is_withdrawn_with_its_own_words(stand: Stand) -> None:
    at_patient(stand)
    stand.press(inbox.BeginAct, act="undo", record_id="rec-prn", reason="entered-by-mistake")
    assert stand.state == "giving", stand.rules
    confirm(stand)
    (record,) = records(stand)
    assert (record.status_reason, record.reason_text) == ("clinical-judgement", "entered-by-mistake")


def test_a_recommended_second_person_does_instead_of_a_reason(tmp_path: Path) -> None:
    stand = a_ward(tmp_path)
    formulary = FormularyBody(products=(*care_products(), replace(products()[0], high_alert=HighAlert.WITNESS_RECOMMENDED)))
    kept = tuple(each for each in formulary.products if each.id != "AMOX500" or each.high_alert)
    stand.chart.take(issued(a_table(TableKind.FORMULARY, replace(formulary, products=kept), version=3)), stand.clock.at)
    at_patient(stand)
    stand.hold(pack(AMOX))
    assert (stand.state, stand.rules) == ("awaiting-reason", ["H2"])
    second(stand)
    assert stand.state == "giving", stand.rules
    confirm(stand)
    assert [(record.witness, record.status_reason) for record in records(stand)] == [("N2", None)]


def test_a_badge_beside_another_reason_is_no_second_person(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(pack(METOPROLOL))
    assert stand.state == "awaiting-reason"
    stand.hold(badge("N2"))
    assert (stand.view.notice, stand.view.witness_badge) == ("sign-out-first", "")


def test_what_was_typed_is_evidenced_with_its_kind_and_reason(stand: Stand) -> None:
    stand.sign_in()
    stand.press(inbox.KeyPatient, mrn="24-000123", birth_date="1958-04-11", reason="band-unreadable")
    stand.lease("P1")
    stand.hold(pack(AMOX))
    assert stand.state == "giving", stand.rules
    confirm(stand)
    typed = records(stand)[0].scans[0]
    assert (typed.keyed, typed.kind, typed.second_identifier, typed.reason) == (True, "patient", "1958-04-11", "band-unreadable")


def test_what_is_only_tried_is_on_record_and_not_on_the_screen(tmp_path: Path) -> None:
    stand = a_ward(tmp_path, policy(shadow=("D12",)))
    body = care_body()
    told = Interaction(other="warfarin", severity="severe", reason="theo dõi INR")
    warned = tuple(replace(order, interactions=(told,)) if order.id == "A1" else order for order in body.orders)
    stand.chart.take(issued(a_table(TableKind.PATIENT_CHART, replace(body, orders=warned), version=3)), stand.clock.at)
    at_patient(stand)
    stand.hold(pack(AMOX))
    assert (stand.state, stand.rules) == ("giving", [])
    confirm(stand)
    (record,) = records(stand)
    assert [(finding.rule, finding.level) for finding in record.findings if finding.shadow] == [("D12", "NOTE")]
