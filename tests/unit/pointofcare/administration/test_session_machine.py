"""The bedside workflow as a table: what may follow what, and that nothing else changes anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.administration import events, lifecycle
from pointofcare.administration import session as workflow
from pointofcare.administration.conclusion import Place, conclude
from pointofcare.administration.session import TRANSITIONS, Session, State, advance
from pointofcare.errors import IllegalTransitionError
from pointofcare.labels.scan import BandScan, DrugScan, Keyed, LabelKind, TextScan, UnreadableLabel
from pointofcare.people import Nurse, Patient, StaffRole, Witness
from pointofcare.quantity import Quantity
from pointofcare.verdict.facts import Action, Intent
from pointofcare.verdict.finding import Finding, Level, ProposedRecord, Verdict

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
NURSE = Nurse(id="N1", role=StaffRole.NURSE, licensed=True)
PATIENT = Patient(id="P1", mrn="24-000123", name="AN")
PLACE = Place(facility="h1", ward="w1", cart="c1", chart_version=1, online=True, clock_offset_s=0.0, lease_fence=None)


def a_verdict(level: Level = Level.PASS, *, status: str = "completed") -> Verdict:
    findings = (Finding(rule="X1", level=level),) if level > Level.PASS else ()
    record = ProposedRecord(status=status) if level <= Level.WARN else None
    return Verdict(
        level=level,
        findings=findings,
        order="O1",
        order_version=1,
        patient="P1",
        products=(),
        due=AT,
        record=record,
        engine="1",
        policy="p",
    )


BAND = BandScan(gsrn="893600000000000125", srin="1")
PACK = DrugScan(gtin="08936000000011")
EVENTS = {
    events.BandScanned: events.BandScanned(scan=BAND, at=AT, patient="P1"),
    events.DrugScanned: events.DrugScanned(scan=PACK, at=AT),
    events.BadgeRead: events.BadgeRead(badge="N1", at=AT),
    events.SignedIn: events.SignedIn(nurse=NURSE, at=AT),
    events.SignedOut: events.SignedOut(at=AT),
    events.IdleExpired: events.IdleExpired(at=AT),
    events.PatientClosed: events.PatientClosed(at=AT),
    events.DrugsCleared: events.DrugsCleared(at=AT),
    events.OrderChosen: events.OrderChosen(order="O1", due=AT, at=AT),
    events.AmountGiven: events.AmountGiven(dose=None, at=AT),
    events.ReasonGiven: events.ReasonGiven(at=AT, reason="emergency"),
    events.WitnessGiven: events.WitnessGiven(witness=Witness(id="N2"), at=AT),
    events.Permitted: events.Permitted(verdict=a_verdict(), at=AT, record_id="r1"),
    events.Warned: events.Warned(verdict=a_verdict(Level.WARN), at=AT),
    events.ReasonWanted: events.ReasonWanted(verdict=a_verdict(Level.REASON), at=AT),
    events.WitnessWanted: events.WitnessWanted(verdict=a_verdict(Level.WITNESS), at=AT),
    events.ChoiceWanted: events.ChoiceWanted(verdict=a_verdict(Level.REASON), at=AT),
    events.Stopped: events.Stopped(verdict=a_verdict(Level.STOP), at=AT),
    events.Acknowledged: events.Acknowledged(record_id="r2", at=AT),
    events.ActBegun: events.ActBegun(intent=Intent(action=Action.RATE, of_record="r0"), at=AT),
    events.ActDropped: events.ActDropped(at=AT),
    events.RateGiven: events.RateGiven(rate=Quantity.parse("83 mL/h"), drop_factor=20, at=AT),
    events.EmergencyDeclared: events.EmergencyDeclared(dose=Quantity.parse("1 mg"), route="IV", at=AT),
    events.Measured: events.Measured(at=AT),
    events.WitnessKnown: events.WitnessKnown(witness=Witness(id="N2"), at=AT),
    events.BlindGiven: events.BlindGiven(value=Quantity.parse("83 mL/h"), at=AT),
    events.CalculatedAgain: events.CalculatedAgain(at=AT),
    events.CountWanted: events.CountWanted(at=AT),
    events.Counted: events.Counted(at=AT),
    events.RateWanted: events.RateWanted(verdict=a_verdict(), at=AT),
    events.Changed: events.Changed(at=AT),
    events.AskedAgain: events.AskedAgain(at=AT),
    events.WitnessWithdrawn: events.WitnessWithdrawn(at=AT),
    events.Confirmed: events.Confirmed(verdict=a_verdict(), at=AT),
    events.Declined: events.Declined(action=Action.REFUSE, reason="refused", verdict=a_verdict(status="not-done"), record_id="r3", at=AT),
}
ANY_EVENT = st.sampled_from(sorted(EVENTS, key=lambda kind: kind.__name__)).map(EVENTS.__getitem__)


def test_every_state_is_a_key_and_every_event_is_somewhere() -> None:
    assert set(TRANSITIONS) == set(State)
    assert {kind for row in TRANSITIONS.values() for kind in row} == set(EVENTS)


@given(state=st.sampled_from(State), event=ANY_EVENT)
def test_an_event_that_the_table_lacks_changes_nothing(state: State, event: events.Event) -> None:
    before = Session(state=state, nurse=NURSE, patient="P1")
    if type(event) in TRANSITIONS[state]:
        assert advance(before, event).state is TRANSITIONS[state][type(event)]
    else:
        with pytest.raises(IllegalTransitionError) as raised:
            advance(before, event)
        assert raised.value.state == state.value
        assert before == Session(state=state, nurse=NURSE, patient="P1")


@given(st.lists(ANY_EVENT, max_size=40))
def test_a_dose_is_confirmed_at_most_once_and_never_unverified(told: list[events.Event]) -> None:
    session = Session()
    confirmed = 0
    permitted = False
    for event in told:
        try:
            session = advance(session, event)
        except IllegalTransitionError:
            continue
        if isinstance(event, events.Permitted | events.Acknowledged):
            permitted = True
        if isinstance(event, events.Confirmed):
            assert permitted, "given was confirmed without a verdict that permits"
            confirmed += 1
            permitted = False
        if session.state in (State.IDLE, State.BADGE, State.SIGNED_IN):
            assert session.patient is None
            assert session.scans == ()
        if session.state is State.IDLE:
            assert session.nurse is None
    assert confirmed <= sum(isinstance(event, events.Permitted | events.Acknowledged) for event in told)


@given(st.lists(ANY_EVENT, max_size=40))
def test_no_way_leads_from_a_stop_to_given_without_a_new_verdict(told: list[events.Event]) -> None:
    session = Session()
    stopped = False
    for event in told:
        try:
            session = advance(session, event)
        except IllegalTransitionError:
            continue
        if isinstance(event, events.Stopped):
            stopped = True
        elif isinstance(event, events.Permitted | events.Acknowledged | events.Warned):
            stopped = False
        assert not (stopped and session.state is State.GIVING)


def giving() -> Session:
    session = Session()
    for kind in (events.BadgeRead, events.SignedIn, events.BandScanned, events.DrugScanned, events.Permitted):
        session = advance(session, EVENTS[kind])
    return session


def test_the_record_says_who_what_when_and_where() -> None:
    session = giving()
    record = conclude(session, a_verdict(Level.WARN), "r1", AT, patient=PATIENT, products=(), place=PLACE)
    assert (record.record_id, record.patient, record.nurse, record.order, record.status) == ("r1", "P1", "N1", "O1", "completed")
    assert (record.level, record.effective_at, record.recorded_at, record.cart) == ("WARN", AT, AT, "c1")
    assert [evidence.keyed for evidence in record.scans] == [False, False]


@pytest.mark.parametrize("state", [state for state in State if state is not State.GIVING])
def test_given_is_concluded_from_giving_only(state: State) -> None:
    session = replace(giving(), state=state)
    with pytest.raises(IllegalTransitionError):
        conclude(session, a_verdict(), "r1", AT, patient=PATIENT, products=(), place=PLACE)


def test_a_verdict_without_a_record_concludes_nothing() -> None:
    with pytest.raises(IllegalTransitionError):
        conclude(giving(), a_verdict(Level.STOP), "r1", AT, patient=PATIENT, products=(), place=PLACE)


def test_a_record_of_another_patient_than_the_scanned_one_is_impossible() -> None:
    with pytest.raises(IllegalTransitionError):
        conclude(giving(), a_verdict(), "r1", AT, patient=replace(PATIENT, id="P2"), products=(), place=PLACE)


def test_a_new_pack_forgets_the_reason_and_the_witness_of_the_old_question() -> None:
    session = replace(giving(), state=State.AWAITING_WITNESS)
    session = advance(session, EVENTS[events.WitnessGiven])
    session = replace(session, state=State.AWAITING_REASON)
    session = advance(session, EVENTS[events.DrugScanned])
    assert session.intent.witness is None
    assert session.intent.reason is None


def test_the_next_dose_of_the_same_patient_starts_without_the_last_ones_packs() -> None:
    session = advance(giving(), EVENTS[events.Confirmed])
    session = advance(session, EVENTS[events.DrugScanned])
    assert len(workflow.drugs(session)) == 1
    assert session.record_id is None


def test_kinds_of_scans() -> None:
    assert isinstance(workflow.scanned(BAND, AT), events.BandScanned)
    assert isinstance(workflow.scanned(Keyed(value="1"), AT), events.BandScanned)
    assert isinstance(workflow.scanned(UnreadableLabel(kind=LabelKind.PATIENT, reason="x"), AT), events.BandScanned)
    assert isinstance(workflow.scanned(UnreadableLabel(kind=LabelKind.UNKNOWN, reason="x"), AT), events.DrugScanned)
    assert isinstance(workflow.scanned(TextScan(text="BAG1"), AT), events.DrugScanned)


@pytest.mark.parametrize(
    ("level", "kind"),
    [
        (Level.PASS, events.Permitted),
        (Level.NOTE, events.Permitted),
        (Level.WARN, events.Warned),
        (Level.REASON, events.ReasonWanted),
        (Level.WITNESS, events.WitnessWanted),
        (Level.STOP, events.Stopped),
    ],
)
def test_each_level_leads_to_its_own_screen(level: Level, kind: type[events.Event]) -> None:
    assert type(workflow.judged(a_verdict(level), AT, "r1")) is kind


def test_the_same_serial_number_and_the_second_code_of_a_pack_are_not_another_unit() -> None:
    session = advance(giving(), EVENTS[events.Changed])
    rich = DrugScan(gtin="08936000000028", lot="A", serial="S1")
    session = advance(session, events.DrugScanned(scan=rich, at=AT))
    assert workflow.same_pack(session, replace(rich, lot=None), AT + timedelta(minutes=2))
    assert workflow.same_pack(session, DrugScan(gtin=rich.gtin), AT + timedelta(seconds=2))
    assert not workflow.same_pack(session, DrugScan(gtin=rich.gtin), AT + timedelta(seconds=30))
    assert not workflow.same_pack(session, replace(rich, serial="S2"), AT)


def test_every_status_is_a_key_of_the_lifecycle_and_a_mistake_is_final() -> None:
    assert set(lifecycle.TRANSITIONS) == set(lifecycle.Status)
    assert lifecycle.TRANSITIONS[lifecycle.Status.ENTERED_IN_ERROR] == {}
    assert set(lifecycle.FIRST) == set(Action)


CHANGES = [
    lifecycle.Finished(),
    lifecycle.Halted(),
    lifecycle.Paused(),
    lifecycle.Resumed(),
    lifecycle.RateChanged(),
    lifecycle.Withdrawn(),
]


@given(st.sampled_from(lifecycle.Status), st.lists(st.sampled_from(CHANGES), max_size=8))
def test_a_closed_administration_never_opens_again(status: lifecycle.Status, told: list[lifecycle.Event]) -> None:
    closed = status in lifecycle.CLOSING | lifecycle.TERMINAL
    for event in told:
        try:
            status = lifecycle.advance(status, event)
        except IllegalTransitionError:
            continue
        closed = closed or status in lifecycle.CLOSING | lifecycle.TERMINAL
        assert not (closed and status in lifecycle.OPEN)
