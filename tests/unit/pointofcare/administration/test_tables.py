"""The whole State x Event product of the two tables of administration: each pair moves as listed, or raises and changes nothing.

The listed moves are written out here by hand, so that a changed table shows as a changed test.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from pointofcare.administration import events, lifecycle
from pointofcare.administration.lifecycle import Status
from pointofcare.administration.session import AT_PATIENT, IN_HAND, QUESTIONS, TRANSITIONS, UNSETTLED, Session, State, advance
from pointofcare.errors import IllegalTransitionError
from pointofcare.people import Witness
from tests.unit.pointofcare.administration.test_session_machine import EVENTS, NURSE, a_verdict

LEAVE = {"SignedOut": "idle", "IdleExpired": "idle"}
AT_BED = {**LEAVE, "BandScanned": "patient", "PatientClosed": "signed-in"}
ASKED = {
    **AT_BED,
    "DrugScanned": "drug",
    "DrugsCleared": "patient",
    "Declined": "concluded",
    "AmountGiven": "drug",
    "RateGiven": "drug",
    "Measured": "drug",
    "Changed": "drug",
    "AskedAgain": "drug",
    "WitnessWithdrawn": "drug",
}
MOVES: dict[str, dict[str, str]] = {
    "idle": {"BadgeRead": "badge"},
    "badge": {**LEAVE, "BadgeRead": "badge", "SignedIn": "signed-in"},
    "signed-in": {**LEAVE, "BandScanned": "patient"},
    "patient": {
        **AT_BED,
        "DrugScanned": "drug",
        "ActBegun": "drug",
        "Measured": "patient",
        "Declined": "concluded",
        "Stopped": "stopped",
    },
    "drug": {
        **ASKED,
        "Permitted": "giving",
        "Warned": "warned",
        "ReasonWanted": "awaiting-reason",
        "WitnessWanted": "awaiting-witness",
        "ChoiceWanted": "choosing",
        "RateWanted": "awaiting-rate",
        "Stopped": "stopped",
    },
    "choosing": {**ASKED, "OrderChosen": "drug"},
    "awaiting-rate": ASKED,
    "warned": {**ASKED, "Acknowledged": "giving"},
    "awaiting-reason": {**ASKED, "ReasonGiven": "drug", "WitnessGiven": "drug", "WitnessKnown": "awaiting-blind"},
    "awaiting-witness": {**ASKED, "WitnessGiven": "drug", "WitnessKnown": "awaiting-blind"},
    "awaiting-blind": {
        **AT_BED,
        "DrugsCleared": "patient",
        "BlindGiven": "drug",
        "Changed": "drug",
        "AskedAgain": "drug",
        "WitnessWithdrawn": "drug",
    },
    "stopped": {**ASKED, "ActBegun": "drug", "EmergencyDeclared": "drug", "CalculatedAgain": "drug"},
    "giving": {
        **AT_BED,
        "Declined": "concluded",
        "Changed": "drug",
        "WitnessWithdrawn": "drug",
        "Confirmed": "concluded",
        "CountWanted": "counting",
        "ActDropped": "patient",
    },
    "counting": {**AT_BED, "Declined": "concluded", "Changed": "drug", "WitnessWithdrawn": "drug", "Counted": "giving"},
    "concluded": {**AT_BED, "DrugScanned": "drug", "ActBegun": "drug", "Measured": "concluded", "Declined": "concluded"},
}
KINDS = sorted(EVENTS, key=lambda kind: kind.__name__)


def a_session(state: State) -> Session:
    return Session(state=state, badge="N1", nurse=NURSE, patient="P1", verdict=a_verdict(), record_id="r9", second=Witness(id="N2"))


@pytest.mark.parametrize("state", State)
def test_the_row_of_a_state_is_the_listed_one(state: State) -> None:
    assert {kind.__name__: target.value for kind, target in TRANSITIONS[state].items()} == MOVES[state.value]


@pytest.mark.parametrize(("state", "kind"), list(product(State, KINDS)), ids=lambda value: getattr(value, "__name__", str(value)))
def test_every_pair_moves_as_listed_or_raises_and_changes_nothing(state: State, kind: type[events.Event]) -> None:
    before = a_session(state)
    same = replace(before)
    target = MOVES[state.value].get(kind.__name__)
    if target is None:
        with pytest.raises(IllegalTransitionError) as raised:
            advance(before, EVENTS[kind])
        assert (raised.value.machine, raised.value.state, raised.value.event) == ("session", state.value, kind.__name__)
    else:
        after = advance(before, EVENTS[kind])
        assert after.state.value == target
        assert after.last_at == EVENTS[kind].at if after.nurse is not None or after.badge is not None else after.nurse is None
    assert before == same


def test_the_only_ways_into_a_verified_dose_are_a_verdict_a_tap_and_a_finished_count() -> None:
    ways = {(state.value, kind.__name__) for state, row in TRANSITIONS.items() for kind, target in row.items() if target is State.GIVING}
    assert ways == {("drug", "Permitted"), ("warned", "Acknowledged"), ("counting", "Counted")}
    counting = {
        (state.value, kind.__name__) for state, row in TRANSITIONS.items() for kind, target in row.items() if target is State.COUNTING
    }
    assert counting == {("giving", "CountWanted")}


def test_the_only_ways_to_a_record_are_a_confirmation_and_a_refusal() -> None:
    ways = {kind.__name__ for state, row in TRANSITIONS.items() for kind, target in row.items() if target is State.CONCLUDED}
    assert ways == {"Confirmed", "Declined", "Measured"}  # a value measured after a record leaves it on the screen


def test_nobody_is_kept_in_a_state() -> None:
    for state in set(State) - {State.IDLE}:
        assert TRANSITIONS[state][events.SignedOut] is State.IDLE, state
        assert TRANSITIONS[state][events.IdleExpired] is State.IDLE, state


def test_every_state_can_be_reached() -> None:
    reached, new = {State.IDLE}, {State.IDLE}
    while new:
        new = {target for state in new for target in TRANSITIONS[state].values()} - reached
        reached |= new
    assert reached == set(State)


def test_the_sets_of_states_do_not_overlap_where_they_must_not() -> None:
    assert not QUESTIONS & IN_HAND
    assert QUESTIONS | IN_HAND | {State.STOPPED} == UNSETTLED
    assert UNSETTLED < AT_PATIENT


@pytest.mark.parametrize(
    "kind", [events.DrugScanned, events.AmountGiven, events.RateGiven, events.Measured, events.ActBegun, events.AskedAgain]
)
def test_what_makes_a_new_question_forgets_every_answer(kind: type[events.Event]) -> None:
    for state in State:
        if state not in UNSETTLED or kind not in TRANSITIONS[state]:
            continue
        intent = replace(
            a_session(state).intent, reason="emergency", reason_text="x", satisfies=("T1",), witness=Witness(id="N2"),
            blind_value=EVENTS[events.BlindGiven].value,  # type: ignore[union-attr]
        )  # fmt: skip
        after = advance(replace(a_session(state), intent=intent), EVENTS[kind]).intent
        assert (after.reason, after.reason_text, after.satisfies, after.witness, after.blind_value) == (None,) * 5


# The life of one administration.

LIFE: dict[str, dict[str, str]] = {
    "in-progress": {
        "Finished": "completed",
        "Halted": "stopped",
        "Paused": "on-hold",
        "RateChanged": "in-progress",
        "Withdrawn": "entered-in-error",
    },
    "on-hold": {"Resumed": "in-progress", "Halted": "stopped", "Withdrawn": "entered-in-error"},
    "completed": {"Withdrawn": "entered-in-error"},
    "not-done": {"Withdrawn": "entered-in-error"},
    "stopped": {"Withdrawn": "entered-in-error"},
    "entered-in-error": {},
}
STEPS = [
    lifecycle.Finished(),
    lifecycle.Halted(),
    lifecycle.Paused(),
    lifecycle.Resumed(),
    lifecycle.RateChanged(),
    lifecycle.Withdrawn(),
]


@pytest.mark.parametrize(
    ("status", "step"), list(product(Status, STEPS)), ids=lambda value: str(getattr(value, "value", type(value).__name__))
)
def test_every_status_moves_as_listed_or_raises(status: Status, step: lifecycle.Event) -> None:
    target = LIFE[status.value].get(type(step).__name__)
    if target is None:
        with pytest.raises(IllegalTransitionError):
            lifecycle.advance(status, step)
    else:
        assert lifecycle.advance(status, step).value == target


def test_the_table_of_the_life_is_the_listed_one() -> None:
    assert {s.value: {k.__name__: t.value for k, t in row.items()} for s, row in lifecycle.TRANSITIONS.items()} == LIFE
