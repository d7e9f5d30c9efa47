from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation.fleet import firmware
from simulation.fleet.firmware import FINAL, Facts, Order, Slot, Slots, Update
from simulation.fleet.scenario import FAULTS

OLD = Slot(version="1.0.0.5", hash="aa", counter=3, active=True, confirmed=True)
DOCKED = Facts(now_s=1000.0, docked=True, idle_min=60, charge_percent=90)


def an_order(**changes: object) -> Order:
    made = Order(
        job="j-1",
        attempt=1,
        version="1.1.0+7",
        hardware="cart-r2",
        image_hash="bb",
        counter=4,
        expires_s=5000.0,
        gates={"docked": True, "idle_min": 10, "charge_percent": 40},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def done(update: Update, slots: Slots, *, fault: str = "", facts: Facts = DOCKED, limit: int = 400) -> tuple[list[Update], Slots, float]:
    """Every distinct update on the way, the slots at the end, and how long the cart had no power."""
    seen, out_s, now_s = [update], 0.0, facts.now_s
    for _ in range(limit):
        turn = firmware.turn(update, slots, replace(facts, now_s=now_s), fault=fault)
        if turn.update != update:
            seen.append(turn.update)
        update, slots = turn.update, turn.slots
        out_s += turn.out_s
        now_s += 0.5 + turn.out_s
        if update.over:
            break
    return seen, slots, out_s


def test_an_update_goes_through_every_step_and_is_confirmed() -> None:
    seen, slots, _ = done(Update(order=an_order()), (OLD, None))
    assert seen[-1].state == "succeeded"
    assert list(dict.fromkeys(update.step for update in seen)) == ["queued", *(name for name, _ in firmware.STEPS)]
    running, other = slots
    assert (running.version, running.hash, running.active, running.confirmed) == ("1.1.0.7", "bb", True, True)  # type: ignore[union-attr]
    assert other is not None
    assert not other.active


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"docked": False}, "not-docked"),
        ({"idle_min": 3}, "in-use"),
        ({"busy": True}, "in-use"),
        ({"charge_percent": 39}, "charge"),
    ],
)
def test_each_gate_holds_it_and_is_named(change: dict[str, object], why: str) -> None:
    facts = replace(DOCKED, **change)  # type: ignore[arg-type]
    held = firmware.turn(Update(order=an_order()), (OLD, None), facts).update
    assert (held.state, held.why) == ("waiting", why)
    assert firmware.turn(held, (OLD, None), DOCKED).update.state == "in-progress"


def test_a_job_that_waited_too_long_is_timed_out() -> None:
    held = firmware.turn(Update(order=an_order()), (OLD, None), replace(DOCKED, docked=False)).update
    late = firmware.turn(held, (OLD, None), replace(DOCKED, docked=False, now_s=5000.0)).update
    assert (late.state, late.why) == ("timed-out", "expired")


@pytest.mark.parametrize(("fault", "why"), [("self-test", "self-test"), ("no-boot", "not-started")])
def test_what_does_not_work_goes_back_to_what_was_there(fault: str, why: str) -> None:
    seen, slots, _ = done(Update(order=an_order()), (OLD, None), fault=fault)
    assert (seen[-1].state, seen[-1].why) == ("reverted", why)
    assert slots == (OLD, None)


def test_a_power_cut_in_the_middle_goes_on_where_it_broke_off() -> None:
    seen, slots, out_s = done(Update(order=an_order()), (OLD, None), fault="power-cut")
    assert out_s > 0
    assert seen[-1].state == "succeeded"
    assert [update.step for update in seen].count("download") == 1
    assert slots[0] is not None
    assert slots[0].hash == "bb"


def test_a_line_that_stalls_fails_and_leaves_the_cart_as_it_was() -> None:
    seen, slots, _ = done(Update(order=an_order()), (OLD, None), fault="stuck")
    assert (seen[-1].state, seen[-1].why) == ("failed", "upload-stalled")
    assert slots[0] == OLD


def test_wrong_hardware_a_lower_counter_and_an_old_job_are_refused() -> None:
    ask = lambda order: firmware.refusal(order, hardware="cart-r2", slots=(OLD, None), now_s=1000)  # noqa: E731
    assert ask(an_order()) == ""
    assert ask(an_order(hardware="cart-r1")) == "wrong-hardware"
    assert ask(an_order(counter=2)) == "security-counter"
    assert ask(an_order(expires_s=999.0)) == "expired"


def test_what_runs_already_is_not_loaded_again() -> None:
    seen, _, _ = done(Update(order=an_order(image_hash="aa")), (OLD, None))
    assert [update.state for update in seen] == ["queued", "succeeded"]


@given(
    st.sampled_from(["", *FAULTS]),
    st.lists(st.tuples(st.floats(0, 20), st.booleans(), st.integers(0, 30), st.integers(0, 100)), max_size=60),
)
def test_it_ends_and_never_runs_an_image_that_nobody_confirmed(fault: str, moments: list[tuple[float, bool, int, int]]) -> None:
    update, slots, now_s = Update(order=an_order()), (OLD, None), 1000.0
    for passes_s, docked, idle_min, charge in moments:
        now_s += passes_s
        facts = Facts(now_s=now_s, docked=docked, idle_min=idle_min, charge_percent=charge)
        turn = firmware.turn(update, slots, facts, fault=fault)
        assert not update.over or turn.update == update
        update, slots = turn.update, turn.slots
        assert slots[0] is not None
        assert slots[0].active
        assert slots[0].confirmed or (update.state == "in-progress" and update.step in ("selftest", "confirm"))
    seen, slots, _ = done(update, slots, fault=fault, facts=replace(DOCKED, now_s=now_s))
    assert seen[-1].state in FINAL
    assert slots[0] is not None
    assert slots[0].confirmed
