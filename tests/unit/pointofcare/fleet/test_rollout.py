"""One thing at a time of what a rollout promises; all of it together is in test_rollout_machine.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointofcare.errors import IllegalTransitionError
from pointofcare.fleet import diagram
from pointofcare.fleet import rollout as rollouts
from pointofcare.fleet import update as cart
from pointofcare.fleet.plan import Wave
from pointofcare.fleet.rollout import Approved, Resumed, Started, Stopped
from pointofcare.fleet.rollout import State as RolloutState
from pointofcare.fleet.update import Began, Claimed, Failed, Held, Lapsed, State
from pointofcare.fleet.why import CODES, why
from tests.support.rollouts import NEW, NOW, a_cart, a_plan, a_rollout, a_target, an_update, minutes

RUNNING = rollouts.advance(a_rollout(), Started(), NOW)


def test_every_state_has_its_row_and_ends_have_none() -> None:
    assert set(cart.TRANSITIONS) == set(cart.State)
    assert set(rollouts.TRANSITIONS) == set(RolloutState)
    assert {state for state, row in cart.TRANSITIONS.items() if not row} == cart.TERMINAL
    assert {state for state, row in rollouts.TRANSITIONS.items() if not row} == rollouts.TERMINAL_STATES


def test_what_a_state_does_not_know_is_refused() -> None:
    with pytest.raises(IllegalTransitionError):
        cart.advance(an_update(), Claimed(), NOW)
    with pytest.raises(IllegalTransitionError):
        rollouts.advance(a_rollout(), Approved(), NOW)


def test_a_draft_gives_no_job() -> None:
    step = rollouts.step(a_rollout(), (an_update(),), {"cart-01": a_cart()}, NOW)
    assert step.issued == ()
    assert step.updates[0].state is State.QUEUED


def test_done_is_believed_of_the_reported_image_only() -> None:
    """Power lost in the middle of an update: the cart says that it is done and reports the older image."""
    told = cart.take(an_update(state=State.IN_PROGRESS, attempt=1, began_at=NOW), Claimed(), attempt=1, at=NOW)
    assert told.state is State.IN_PROGRESS
    early = cart.look(told, a_cart(NOW + minutes(1)), a_plan(), a_target(), NOW + minutes(1))
    assert early.state is State.IN_PROGRESS
    late = cart.look(told, a_cart(NOW + minutes(3)), a_plan(), a_target(), NOW + minutes(3))
    assert (late.state, late.why, late.failures, late.counted) == (State.PENALTY, "still-the-old-one", 1, True)
    again = cart.look(late, a_cart(NOW + minutes(63)), a_plan(), a_target(), NOW + minutes(63))
    assert again.state is State.QUEUED


def test_a_test_boot_that_is_not_confirmed_is_no_success() -> None:
    update = an_update(state=State.IN_PROGRESS, attempt=1, began_at=NOW)
    assert cart.look(update, a_cart(image_hash=NEW, confirmed=False), a_plan(), a_target(), NOW).state is State.IN_PROGRESS
    assert cart.look(update, a_cart(image_hash=NEW, confirmed=None), a_plan(), a_target(), NOW).state is State.IN_PROGRESS
    assert cart.look(update, a_cart(image_hash=NEW), a_plan(), a_target(), NOW).state is State.BAKING


def test_health_after_the_update_counts() -> None:
    update = an_update(state=State.BAKING, attempt=1)
    plan, target, later = a_plan(), a_target(), NOW + minutes(11)
    gone = a_cart(NOW, image_hash=NEW, online=False, offline_since=NOW)
    mute = a_cart(NOW, image_hash=NEW)
    assert cart.look(update, mute, plan, target, later).why == "mcu-silent"
    assert cart.look(update, gone, plan, target, NOW + minutes(9)).state is State.BAKING
    assert cart.look(update, gone, plan, target, later).why == "offline-after"
    assert cart.look(update, a_cart(later, image_hash=NEW, self_test=False), plan, target, later).why == "self-test"
    assert cart.look(update, a_cart(later), plan, target, later).why == "runs-another"
    well = a_cart(NOW + minutes(30), image_hash=NEW)
    assert cart.look(update, well, plan, target, NOW + minutes(29)).state is State.BAKING
    assert cart.look(update, well, plan, target, NOW + minutes(30)).state is State.SUCCEEDED


def test_a_cart_that_falls_silent_holds_its_place_and_counts() -> None:
    plan = a_plan(at_once=1, pause_at_failures=2)
    rollout = rollouts.advance(a_rollout(plan=plan), Started(), NOW)
    first = rollouts.step(rollout, (an_update("a"), an_update("b")), {"a": a_cart(), "b": a_cart()}, NOW)
    assert first.issued == ("a",)
    at = NOW + minutes(31)
    updates = tuple(cart.take(one, Began(), attempt=1, at=NOW) for one in first.updates)
    seen = {"a": a_cart(NOW, online=False, offline_since=NOW), "b": a_cart(at)}
    silent = rollouts.step(first.rollout, updates, seen, at)
    assert [one.state for one in silent.updates] == [State.UNKNOWN, State.QUEUED]
    assert silent.updates[0].counted
    assert silent.issued == ()
    back = rollouts.step(silent.rollout, silent.updates, {**seen, "a": a_cart(at + minutes(5))}, at + minutes(5))
    assert back.updates[0].state is State.PENALTY
    assert back.issued == ("b",)


def test_a_job_that_ended_at_the_gates_is_given_again_and_is_no_failure() -> None:
    update = an_update(state=State.WAITING, attempt=1, expires_at=NOW, why="not-docked")
    assert cart.look(update, a_cart(NOW + minutes(4)), a_plan(), a_target(), NOW + minutes(4)).state is State.WAITING
    ended = cart.look(update, a_cart(NOW + minutes(6)), a_plan(), a_target(), NOW + minutes(6))
    assert (ended.state, ended.failures, ended.why) == (State.QUEUED, 0, "job-expired")


def test_a_cart_taken_from_its_dock_in_the_middle_waits_and_is_not_timed_out() -> None:
    update = an_update(state=State.IN_PROGRESS, attempt=1, began_at=NOW, expires_at=NOW + minutes(120))
    held = cart.take(update, Held(why="not-docked"), attempt=1, at=NOW + minutes(5))
    assert held.state is State.WAITING
    assert cart.look(held, a_cart(NOW + minutes(60)), a_plan(), a_target(), NOW + minutes(60)).state is State.WAITING
    again = cart.take(held, Began(step="uploading"), attempt=1, at=NOW + minutes(61))
    assert cart.look(again, a_cart(NOW + minutes(62)), a_plan(), a_target(), NOW + minutes(62)).state is State.IN_PROGRESS
    assert cart.look(again, a_cart(NOW + minutes(92)), a_plan(), a_target(), NOW + minutes(92)).why == "timeout"


def test_a_job_that_was_taken_back_is_given_anew_with_another_attempt() -> None:
    back = cart.take(an_update(state=State.IN_PROGRESS, attempt=1, began_at=NOW), Lapsed(), attempt=1, at=NOW)
    assert (back.state, back.failures) == (State.QUEUED, 0)
    step = rollouts.step(RUNNING, (back,), {"cart-01": a_cart()}, NOW)
    assert step.updates[0].attempt == 2


def test_what_is_told_twice_late_or_of_an_older_attempt_changes_nothing() -> None:
    update = an_update(state=State.IN_PROGRESS, attempt=2, began_at=NOW)
    failed = Failed(why="self-test", not_before=NOW)
    assert cart.take(update, failed, attempt=1, at=NOW) == update
    assert cart.take(update, failed, attempt=3, at=NOW) == update
    assert cart.take(update, Held(why="not-docked"), attempt=1, at=NOW) == update
    penalty = cart.take(update, failed, attempt=2, at=NOW)
    assert cart.take(penalty, failed, attempt=2, at=NOW) == penalty
    free = cart.look(penalty, a_cart(), a_plan(), a_target(), NOW)
    assert free.state is State.QUEUED
    assert cart.take(free, Began(), attempt=2, at=NOW) == free


def test_the_threshold_pauses_and_a_person_resumes() -> None:
    rollout = rollouts.advance(a_rollout(plan=a_plan(pause_at_failures=1)), Started(), NOW)
    updates = (an_update("a", state=State.PENALTY, counted=True, failures=1, not_before=NOW + minutes(60)), an_update("b"))
    tripped = rollouts.step(rollout, updates, {"b": a_cart()}, NOW)
    assert (tripped.rollout.state, tripped.rollout.why, tripped.issued) == (RolloutState.PAUSED, "failures", ())
    resumed = rollouts.advance(tripped.rollout, Resumed(), NOW)
    assert rollouts.step(resumed, rollouts.looked_at(tripped.updates), {"b": a_cart()}, NOW).issued == ("b",)


def test_a_wave_that_is_done_waits_for_a_person_or_goes_on_when_the_plan_says_so() -> None:
    plan = a_plan(waves=(Wave(upto_percent=50), Wave(upto_percent=100)))
    updates = (an_update("a", state=State.SUCCEEDED), an_update("b", wave=1))
    waits = rollouts.step(rollouts.advance(a_rollout(plan=plan), Started(), NOW), updates, {"b": a_cart()}, NOW)
    assert (waits.rollout.state, waits.issued) == (RolloutState.AWAITING, ())
    approved = rollouts.advance(waits.rollout, Approved(), NOW)
    assert rollouts.step(approved, updates, {"b": a_cart()}, NOW).issued == ("b",)
    eager = a_plan(waves=plan.waves, goes_on=True)
    assert rollouts.step(rollouts.advance(a_rollout(plan=eager), Started(), NOW), updates, {"b": a_cart()}, NOW).issued == ("b",)
    failed = (an_update("a", state=State.SUCCEEDED, failures=1), updates[1])
    held = rollouts.step(rollouts.advance(a_rollout(plan=eager), Started(), NOW), failed, {"b": a_cart()}, NOW)
    assert (held.rollout.state, held.rollout.why) == (RolloutState.AWAITING, "wave-with-failures")


def test_a_share_that_succeeded_is_enough_when_the_others_are_away() -> None:
    plan = a_plan(waves=(Wave(upto_percent=50), Wave(upto_percent=100)), success_percent=50)
    rollout = rollouts.advance(a_rollout(plan=plan), Started(), NOW)
    updates = (an_update("a", state=State.SUCCEEDED), an_update("b"), an_update("c", wave=1))
    away = {"b": a_cart(online=False, offline_since=NOW)}
    assert rollouts.step(rollout, updates, away, NOW).rollout.state is RolloutState.AWAITING
    at_it = (updates[0], an_update("b", state=State.IN_PROGRESS, began_at=NOW), updates[2])
    assert rollouts.step(rollout, at_it, away, NOW).rollout.state is RolloutState.RUNNING


def test_stopping_ends_what_has_not_begun_and_leaves_what_has() -> None:
    stopped = rollouts.advance(RUNNING, Stopped(), NOW)
    updates = (
        an_update("a"),
        an_update("b", state=State.PENALTY, failures=1, why="self-test"),
        an_update("c", state=State.IN_PROGRESS, attempt=1, began_at=NOW),
        an_update("d", state=State.WAITING, attempt=1, expires_at=NOW),
    )
    step = rollouts.step(stopped, updates, {}, NOW)
    assert [one.state for one in step.updates] == [State.SKIPPED, State.FAILED, State.IN_PROGRESS, State.WAITING]
    assert [rollouts.is_offered(stopped.state, one) for one in step.updates] == [False, False, True, False]
    at = NOW + minutes(6)
    later = rollouts.step(stopped, step.updates, {"c": a_cart(at, image_hash=NEW), "d": a_cart(at)}, at)
    assert [one.state for one in later.updates] == [State.SKIPPED, State.FAILED, State.BAKING, State.SKIPPED]


def test_who_has_it_or_cannot_have_it_is_left_out() -> None:
    seen = {"a": a_cart(image_hash=NEW), "b": a_cart(hardware="cart-mcu-r1")}
    step = rollouts.step(RUNNING, (an_update("a"), an_update("b")), seen, NOW)
    assert [(one.state, one.why) for one in step.updates] == [(State.SKIPPED, "already-has-it"), (State.SKIPPED, "other-hardware")]
    assert step.rollout.state is RolloutState.FINISHED


@pytest.mark.parametrize(
    ("seen", "code", "parameters"),
    [
        (a_cart(online=False, offline_since=NOW), "offline", {"since": NOW}),
        (cart.NEVER, "never-heard", {}),
        (a_cart(busy=True), "busy", {}),
        (a_cart(image_hash=None), "version-unknown", {}),
        (a_cart(hardware=None), "hardware-unknown", {}),
        (a_cart(docked=False), "not-docked", {}),
        (a_cart(docked=None, charge_percent=31.0), "charge-low", {"found": 31, "wanted": 40}),
        (a_cart(in_use=True), "in-use", {}),
    ],
)
def test_what_holds_a_cart_is_said(seen: cart.Seen, code: str, parameters: dict[str, object]) -> None:
    step = rollouts.step(RUNNING, (an_update(),), {"cart-01": seen}, NOW)
    assert step.issued == ()
    told = why(step.rollout, step.updates[0], seen, in_flight=0)
    assert (told.code, dict(told.parameters)) == (code, parameters)


def test_every_state_has_a_sentence() -> None:
    for state in RolloutState:
        for each in State:
            told = why(a_rollout(state=state, why="failures"), an_update(state=each, not_before=NOW), a_cart(), in_flight=0)
            assert told.code in CODES
    assert why(RUNNING, an_update(), a_cart(), in_flight=10).code == "concurrency"
    assert why(RUNNING, an_update(wave=2), a_cart(), in_flight=0).parameters == {"wave": 3, "current": 1}
    assert why(RUNNING, an_update(state=State.WAITING, why="drawer-open"), a_cart(), in_flight=0).parameters == {"why": "drawer-open"}
    assert why(RUNNING, an_update(state=State.SKIPPED, why="broken"), a_cart(), in_flight=0).code == "left-out"
    assert why(RUNNING, an_update(state=State.SKIPPED, why="stopped"), a_cart(), in_flight=0).code == "stopped"


def test_the_diagrams_in_the_document_are_those_of_the_tables() -> None:
    text = (Path(__file__).parents[4] / "docs" / "rollouts.md").read_text(encoding="utf-8")
    assert diagram.of_rollout() in text
    assert diagram.of_cart() in text
