"""The update's table: whatever happens in whatever order, it ends where a person knows what the cart runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.update import machine
from firmware_bridge.update.machine import FINAL, HARMLESS, LOCKED, TOLD, TRANSITIONS, Event, State
from pointofcare.errors import IllegalTransitionError
from pointofcare.fleet import gates
from pointofcare.fleet.gates import Hardware
from pointofcare.wire.messages import JobState

FREE = Hardware(connected=True, charge_percent=80, on_mains=False, open_drawers=(), busy=False, idle_s=3600)


def test_every_state_is_a_key_and_every_event_leads_somewhere() -> None:
    assert set(TRANSITIONS) == set(State)
    assert {event for ways in TRANSITIONS.values() for event in ways} == set(Event)
    assert set(TOLD) == set(State)


def test_every_state_is_harmless_locked_or_final_and_never_two_of_them() -> None:
    assert set(State) == HARMLESS | LOCKED | FINAL
    assert not HARMLESS & LOCKED
    assert not (HARMLESS | LOCKED) & FINAL


def test_from_every_state_an_end_can_be_reached() -> None:
    ends = set(FINAL)
    while True:
        more = {state for state, ways in TRANSITIONS.items() if set(ways.values()) & ends} | ends
        if more == ends:
            break
        ends = more
    assert ends == set(State)


@given(st.lists(st.sampled_from(list(Event)), max_size=60))
def test_no_order_of_events_confirms_an_image_that_did_not_prove_itself(events: list[Event]) -> None:
    state, seen = State.RECEIVED, []
    for event in events:
        if machine.takes(state, event):
            state = machine.after(state, event)
            seen.append(event)
        else:
            with pytest.raises(IllegalTransitionError):
                machine.after(state, event)
    if state is State.SUCCEEDED and Event.ALREADY_RUNS not in seen:
        assert Event.PROVEN in seen
        assert seen[-1] is Event.CONFIRMED
    if state in LOCKED and Event.SEEN_TARGET not in seen:
        assert Event.VERIFIED in seen
        assert seen.count(Event.GATES_OPEN) >= 2


@given(st.lists(st.sampled_from(list(Event)), max_size=60))
def test_what_has_touched_the_microcontroller_is_never_withdrawn_or_expired_silently(events: list[Event]) -> None:
    state = State.RECEIVED
    for event in events:
        if event in (Event.WITHDREW, Event.EXPIRED) and state in LOCKED:
            assert not machine.takes(state, event) or state is State.UNCLEAR
        state = machine.after(state, event) if machine.takes(state, event) else state


def test_silence_is_told_as_an_unknown_outcome_and_what_is_seen_next_resolves_it() -> None:
    assert TOLD[State.UNCLEAR] is JobState.UNKNOWN
    for event in (Event.SEEN_TARGET, Event.SEEN_OLD, Event.SEEN_PENDING, Event.SEEN_UNTOUCHED):
        assert machine.after(State.UNCLEAR, event) is not State.UNCLEAR


def test_the_diagram_in_the_guide_is_this_table() -> None:
    from pathlib import Path

    guide = Path(__file__).parents[3] / "docs" / "firmware.md"
    assert f"```mermaid\n{machine.diagram()}```" in guide.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"connected": False}, "mcu-silent"),
        ({"busy": None}, "use-unknown"),
        ({"busy": True}, "in-use"),
        ({"open_drawers": None}, "drawers-unknown"),
        ({"open_drawers": (3,)}, "drawer-open"),
        ({"charge_percent": None}, "charge-unknown"),
        ({"charge_percent": 39.0}, "charge-low"),
        ({"idle_s": None}, "not-idle"),
        ({"idle_s": 599.0}, "not-idle"),
    ],
)
def test_what_is_not_known_or_not_right_holds_the_update(change: dict[str, object], why: str) -> None:
    from dataclasses import replace

    assert gates.holding({}, FREE) is None
    assert gates.holding({}, replace(FREE, **change)) == why  # type: ignore[arg-type]


def test_a_cart_on_mains_needs_no_charge_and_a_minute_without_use_but_nobody_may_use_it() -> None:
    from dataclasses import replace

    docked = replace(FREE, on_mains=True, charge_percent=3, idle_s=60)
    assert gates.holding({"docked": True}, docked) is None
    assert gates.holding({"docked": True}, replace(docked, idle_s=59)) == "not-idle"
    assert gates.holding({"docked": True}, replace(docked, idle_s=None)) == "not-idle"
    assert gates.holding({}, replace(docked, busy=True)) == "in-use"
    assert gates.holding({"docked": True}, FREE) == "not-docked"


@given(st.integers(0, 1440), st.floats(0, 100_000), st.booleans())
def test_the_idle_time_that_a_job_names_holds_on_mains_as_well(idle_min: int, idle_s: float, on_mains: bool) -> None:
    from dataclasses import replace

    held = gates.holding({"idle_min": idle_min}, replace(FREE, on_mains=on_mains, idle_s=idle_s))
    assert held == ("not-idle" if idle_s < idle_min * 60 else None)


@pytest.mark.parametrize("value", ["40", True, -1, float("nan"), [], 10**9])
def test_a_gate_that_cannot_be_read_stays_closed(value: object) -> None:
    assert gates.holding({"charge_percent": value}, FREE) == "gate-unreadable"
    assert gates.holding({"idle_min": value}, FREE) == "gate-unreadable"


@given(
    st.dictionaries(
        st.sampled_from(["docked", "idle_min", "charge_percent", "busy", "open_drawers", "force"]),
        st.none() | st.booleans() | st.integers(),
    )
)
def test_no_job_overrules_a_dose_in_progress_or_an_open_drawer(wanted: dict[str, object]) -> None:
    from dataclasses import replace

    assert gates.holding(wanted, replace(FREE, busy=True)) is not None
    assert gates.holding(wanted, replace(FREE, open_drawers=(1,))) is not None
    assert gates.holding(wanted, replace(FREE, busy=None)) is not None
