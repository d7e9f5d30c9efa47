"""A rollout in a world that does what it wants: carts that fall silent, fail, lie, lose power and come back, messages that come late and
twice, and a server that is started again from what it stored. What is promised holds after every step; once the world is fair, every
cart ends."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from datetime import datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pointofcare.fleet import rollout as rollouts
from pointofcare.fleet import update as cart
from pointofcare.fleet.plan import Wave
from pointofcare.fleet.rollout import Approved, Paused, Resumed, Rollout, Started, Step, Stopped
from pointofcare.fleet.rollout import State as RolloutState
from pointofcare.fleet.update import Began, CartUpdate, Claimed, Event, Held, Lapsed, Seen, State, WentSilent
from tests.support.rollouts import HARDWARE, NEW, NOW, OLD, a_plan, a_target, an_update, minutes

INDEX = st.integers(0, 11)


@dataclass
class Truth:
    """What a cart really is. `job`: the attempt that it holds and until when it may begin. `starts` counts real installations."""

    image: str = OLD
    confirmed: bool = True
    online: bool = True
    heard_at: datetime = NOW
    offline_since: datetime | None = None
    attempt: int = 0
    may_begin_until: datetime = NOW
    is_at_it: bool = False
    ill: bool = False


class Rollouts(RuleBasedStateMachine):
    @initialize(
        number=st.integers(1, 8), at_once=st.integers(1, 3), pause_at=st.integers(1, 4), goes_on=st.booleans(), waves=st.integers(1, 3)
    )
    def begin(self, number: int, at_once: int, pause_at: int, goes_on: bool, waves: int) -> None:
        shares = tuple(Wave(upto_percent=share) for share in (20, 60, 100)[-waves:])
        plan = a_plan(waves=shares, at_once=at_once, pause_at_failures=pause_at, goes_on=goes_on, attempts=2)
        self.now = NOW
        self.rollout = rollouts.advance(Rollout(target=a_target(), plan=plan, since=NOW), Started(), NOW)
        self.updates: tuple[CartUpdate, ...] = tuple(an_update(f"c{each}", wave=each % waves) for each in range(number))
        self.truth = {one.cart: Truth() for one in self.updates}
        self.late: list[tuple[str, int, Event]] = []
        self.issued_after_success: list[str] = []

    # The server.

    def _seen(self) -> dict[str, Seen]:
        return {
            name: Seen(
                online=truth.online,
                offline_since=truth.offline_since,
                heard_at=truth.heard_at,
                image_hash=truth.image,
                confirmed=truth.confirmed,
                hardware=HARDWARE,
                self_test=not truth.ill,
                docked=True,
                charge_percent=90.0,
            )
            for name, truth in self.truth.items()
        }

    @rule()
    def tick(self) -> None:
        """The server is started again in the middle: the same values stepped twice give the same, and what was stepped is at rest."""
        stored = copy.deepcopy((self.rollout, self.updates))
        step = rollouts.step(self.rollout, self.updates, self._seen(), self.now)
        assert rollouts.step(*stored, self._seen(), self.now) == step, "a power cut before the commit changed something"
        again = rollouts.step(step.rollout, step.updates, self._seen(), self.now)
        assert (again.rollout, again.updates, again.issued) == (step.rollout, step.updates, ()), "a second look changed something"
        self._take(step)

    def _take(self, step: Step) -> None:
        running = self.rollout.state
        for name in step.issued:
            truth = self.truth[name]
            assert truth.online, "a job for a cart that is not there"
            assert not (truth.image == NEW and truth.confirmed), "a job for a cart that runs the release"
            assert running is RolloutState.RUNNING or step.rollout.state is RolloutState.RUNNING
            one = next(each for each in step.updates if each.cart == name)
            assert one.wave <= step.rollout.wave, "a job before its wave"
            truth.attempt, truth.may_begin_until = one.attempt, one.expires_at or self.now
        if step.issued:
            assert rollouts.failed_now(step.updates) < step.rollout.plan.pause_at_failures, "a job after the threshold"
        self.rollout, self.updates = step.rollout, step.updates

    @rule(number=st.integers(1, 45))
    def time_goes_on(self, number: int) -> None:
        self.now += minutes(number)
        for truth in self.truth.values():
            if truth.online:
                truth.heard_at = self.now

    # People.

    @precondition(lambda self: self.rollout.state is RolloutState.PAUSED)
    @rule()
    def a_person_resumes(self) -> None:
        self.rollout, self.updates = rollouts.advance(self.rollout, Resumed(), self.now), rollouts.looked_at(self.updates)

    @precondition(lambda self: self.rollout.state is RolloutState.AWAITING)
    @rule()
    def a_person_approves(self) -> None:
        self.rollout, self.updates = rollouts.advance(self.rollout, Approved(), self.now), rollouts.looked_at(self.updates)

    @precondition(lambda self: self.rollout.state in rollouts.OFFERING)
    @rule()
    def a_person_pauses(self) -> None:
        self.rollout = rollouts.advance(self.rollout, Paused(), self.now)

    @precondition(lambda self: self.rollout.state in rollouts.ACTIVE)
    @rule(sure=st.integers(0, 9))
    def a_person_stops(self, sure: int) -> None:
        if sure == 0:
            self.rollout = rollouts.advance(self.rollout, Stopped(), self.now)

    # Carts.

    def _chosen(self, place: int) -> tuple[CartUpdate, Truth]:
        one = self.updates[place % len(self.updates)]
        return one, self.truth[one.cart]

    def _tell(self, one: CartUpdate, attempt: int, event: Event, *, is_late: bool = False) -> None:
        if is_late:
            self.late.append((one.cart, attempt, event))
            return
        self._arrives(one.cart, attempt, event)

    def _arrives(self, name: str, attempt: int, event: Event) -> None:
        self.updates = tuple(cart.take(each, event, attempt=attempt, at=self.now) if each.cart == name else each for each in self.updates)

    @rule(place=INDEX)
    def a_gate_holds_it(self, place: int) -> None:
        one, truth = self._chosen(place)
        if truth.online and truth.attempt and not truth.is_at_it:
            self._tell(one, truth.attempt, Held(why="not-docked"))

    @rule(place=INDEX, is_late=st.booleans())
    def a_cart_begins(self, place: int, is_late: bool) -> None:
        one, truth = self._chosen(place)
        if truth.online and truth.attempt and not truth.is_at_it and self.now <= truth.may_begin_until and truth.image == OLD:
            assert not (one.state in cart.TERMINAL and one.state is State.SUCCEEDED)
            truth.is_at_it = True
            self._tell(one, truth.attempt, Began(step="upload", percent=10), is_late=is_late)

    @rule(place=INDEX, is_late=st.booleans())
    def it_works(self, place: int, is_late: bool) -> None:
        one, truth = self._chosen(place)
        if truth.is_at_it:
            truth.is_at_it, truth.image, truth.confirmed = False, NEW, True
            self._tell(one, truth.attempt, Claimed(), is_late=is_late)

    @rule(place=INDEX, is_late=st.booleans())
    def it_is_reverted(self, place: int, is_late: bool) -> None:
        one, truth = self._chosen(place)
        if truth.is_at_it:
            truth.is_at_it = False
            self._tell(one, truth.attempt, cart.failing(one, "self-test", self.rollout.plan, self.now), is_late=is_late)

    @rule(place=INDEX)
    def it_tries_and_fails(self, place: int) -> None:
        one, truth = self._chosen(place)
        if truth.online and truth.attempt and not truth.is_at_it and one.state in (State.ASSIGNED, State.WAITING):
            self._tell(one, truth.attempt, Began(step="upload", percent=10))
            self._tell(one, truth.attempt, cart.failing(one, "self-test", self.rollout.plan, self.now))

    @rule(place=INDEX)
    def power_is_lost_and_it_says_done(self, place: int) -> None:
        one, truth = self._chosen(place)
        if truth.is_at_it:
            truth.is_at_it = False
            self._tell(one, truth.attempt, Claimed())

    @rule(place=INDEX)
    def it_is_taken_from_its_dock(self, place: int) -> None:
        one, truth = self._chosen(place)
        if truth.is_at_it:
            truth.is_at_it = False
            self._tell(one, truth.attempt, Held(why="not-docked"))

    @rule(place=INDEX)
    def its_job_is_replaced(self, place: int) -> None:
        one, truth = self._chosen(place)
        if truth.attempt and not truth.is_at_it and truth.online:
            truth.may_begin_until = NOW
            self._tell(one, truth.attempt, Lapsed())

    @rule(place=INDEX)
    def it_does_not_know(self, place: int) -> None:
        one, truth = self._chosen(place)
        if truth.is_at_it and truth.online:
            self._tell(one, truth.attempt, WentSilent(why="link"))

    @rule(place=INDEX)
    def it_goes_away(self, place: int) -> None:
        _, truth = self._chosen(place)
        if truth.online:
            truth.online, truth.offline_since = False, self.now

    @rule(place=INDEX)
    def it_comes_back(self, place: int) -> None:
        _, truth = self._chosen(place)
        truth.online, truth.offline_since, truth.heard_at = True, None, self.now

    @rule(place=INDEX)
    def it_falls_ill(self, place: int) -> None:
        _, truth = self._chosen(place)
        truth.ill = not truth.ill

    @rule(place=INDEX)
    def an_older_word_arrives(self, place: int) -> None:
        if self.late:
            self._arrives(*self.late[place % len(self.late)])

    # What is promised.

    @invariant()
    def never_more_than_n(self) -> None:
        if hasattr(self, "rollout"):
            assert rollouts.in_flight(self.updates) <= self.rollout.plan.at_once

    @invariant()
    def no_more_attempts_than_the_plan_says(self) -> None:
        if hasattr(self, "rollout"):
            assert all(one.failures <= self.rollout.plan.attempts for one in self.updates)

    @invariant()
    def success_is_of_the_release_only(self) -> None:
        if hasattr(self, "rollout"):
            assert all(self.truth[one.cart].image == NEW for one in self.updates if one.state is State.SUCCEEDED)

    def teardown(self) -> None:
        """From here the world is fair: everybody is there and well, does its job, and a person looks."""
        if not hasattr(self, "rollout"):
            return
        for truth in self.truth.values():
            truth.online, truth.offline_since, truth.ill, truth.is_at_it = True, None, False, False
        if self.rollout.state is RolloutState.DRAFT:
            return
        for _ in range(200):
            self.time_goes_on(45)
            self.tick()
            if self.rollout.state is RolloutState.PAUSED:
                self.a_person_resumes()
            if self.rollout.state is RolloutState.AWAITING:
                self.a_person_approves()
            for one in self.updates:
                truth = self.truth[one.cart]
                if one.state is State.ASSIGNED and truth.image == OLD and rollouts.is_offered(self.rollout.state, one):
                    truth.image, truth.confirmed = NEW, True
                    self._arrives(one.cart, one.attempt, Began())
                    self._arrives(one.cart, one.attempt, Claimed())
            self.never_more_than_n()
            if all(one.state in cart.TERMINAL for one in self.updates) and self.rollout.state in rollouts.TERMINAL_STATES:
                break
        assert all(one.state in cart.TERMINAL for one in self.updates), [one for one in self.updates if one.state not in cart.TERMINAL]
        assert self.rollout.state in rollouts.TERMINAL_STATES


TestRollouts = Rollouts.TestCase
TestRollouts.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_a_second_rollout_of_the_same_release_gives_nobody_a_job_twice() -> None:
    done = tuple(an_update(f"c{each}") for each in range(3))
    seen = {one.cart: Seen(online=True, heard_at=NOW, image_hash=NEW, confirmed=True, hardware=HARDWARE) for one in done}
    running = rollouts.advance(Rollout(target=a_target(), plan=a_plan(), since=NOW), Started(), NOW)
    step = rollouts.step(running, tuple(replace(one, job="other") for one in done), seen, NOW)
    assert step.issued == ()
    assert {one.state for one in step.updates} == {State.SKIPPED}
