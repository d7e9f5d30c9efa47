"""Rollouts in the server's store: who may, one at a time, what carts tell and report, and what they are sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from joserfc import jws

from pointofcare.errors import ConflictError, IllegalTransitionError, MessageError, NotFoundError, NotPermittedError
from pointofcare.fleet.plan import Plan, Wave
from pointofcare.fleet.rollout import State as RolloutState
from pointofcare.fleet.update import State
from pointofcare.people import StaffRole
from pointofcare.wire.messages import CartPhase, CartState, JobAssigned, JobState, JobTold, Telemetry, TelemetryKind
from server.mqtt.fleet_end import Hooks, Posted
from server.mqtt.jobs import Jobs
from server.security import signing
from server.store import fleet, rollouts
from server.store.reach import OtherWardError
from server.store.transaction import Actor, reading, transaction
from server.usecases import rollouts as verbs
from server.usecases.firmware import Release
from tests.support.databases import FACILITY, KINDS, migrated_app
from tests.support.rollouts import HARDWARE, NEW, NOW, OLD, minutes

MANAGER = Actor(id="F1", roles=frozenset({StaffRole.FLEET_MANAGER}))
NURSE = Actor(id="N1", roles=frozenset({StaffRole.NURSE}))
GATEWAY = Actor(id="gateway")
RELEASE = Release(
    name="cart-mcu/cart-mcu-r2-1.1.0.bin",
    version="1.1.0+7",
    hardware=HARDWARE,
    length=40_000,
    sha256="c" * 64,
    image_hash=NEW,
    security_counter=2,
    released_at=NOW,
    notes="",
)
PLAN = Plan(waves=(Wave(wards=("icu",)), Wave(wards=("er",))), at_once=2, bake_min=1, pause_at_failures=1)


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        for number, ward in enumerate(("icu", "icu", "er"), start=1):
            here(f"cart-{number:02}", ward, NOW)
            reports(f"cart-{number:02}", NOW)
        yield made


def here(cart: str, ward: str, at: datetime) -> None:
    with transaction(GATEWAY, at=at) as tx:
        fleet.put_state(tx, cart, CartState(phase=CartPhase.READY, ward=ward, at=at), sid="s1", sent_at=at)


def reports(cart: str, at: datetime, image: str = OLD, **more: Any) -> None:
    slots = [{"slot": 0, "version": "1.0.0.1", "hash": image, "active": True, "confirmed": True, "pending": False}]
    body = Telemetry(kind=TelemetryKind.MCU, at=at, values={"connected": True, "hardware": HARDWARE, "slots": slots, **more})
    power = Telemetry(kind=TelemetryKind.POWER, at=at, values={"battery_percent": 90, "on_mains": True, "charging": False})
    with transaction(GATEWAY, at=at) as tx:
        fleet.put_telemetry(tx, cart, body)
        fleet.put_telemetry(tx, cart, power)
        verbs.heard(tx, cart, body)


def says(cart: str, at: datetime, state: JobState, *, attempt: int = 1, **more: Any) -> None:
    with transaction(GATEWAY, at=at) as tx:
        job = rollouts.of_cart(tx, cart)[0][1].job
        verbs.told(tx, cart, JobTold(job=job, attempt=attempt, state=state, step="upload", at=at, **more))


def made(plan: Plan = PLAN, *, start: bool = True) -> int:
    with transaction(MANAGER, at=NOW) as tx:
        rollout = verbs.create(tx, MANAGER, title="1.1.0 everywhere", release=RELEASE, plan=plan)
        if start:
            verbs.start(tx, MANAGER, rollout, released=lambda _name: RELEASE)
    return rollout


def ticked(rollout: int, at: datetime) -> bool:
    with transaction(GATEWAY, at=at) as tx:
        return verbs.tick(tx, rollout)


def states(rollout: int) -> dict[str, State]:
    with reading(GATEWAY) as tx:
        return {one.cart: one.state for one in rollouts.updates(tx, rollout)}


def state(rollout: int) -> tuple[RolloutState, str]:
    with reading(GATEWAY) as tx:
        found = rollouts.get(tx, rollout).rollout
        return found.state, found.why


def test_a_rollout_goes_through_its_waves_and_a_person_lets_the_second_begin(app: Flask) -> None:
    rollout = made()
    assert ticked(rollout, NOW)
    assert states(rollout) == {"cart-01": State.ASSIGNED, "cart-02": State.ASSIGNED, "cart-03": State.QUEUED}
    for cart in ("cart-01", "cart-02"):
        says(cart, NOW + minutes(1), JobState.IN_PROGRESS, percent=40)
        says(cart, NOW + minutes(2), JobState.SUCCEEDED)
        reports(cart, NOW + minutes(2), NEW)
    ticked(rollout, NOW + minutes(2.5))
    assert set(states(rollout).values()) == {State.BAKING, State.QUEUED}
    for cart in ("cart-01", "cart-02"):
        reports(cart, NOW + minutes(4), NEW)
    ticked(rollout, NOW + minutes(4))
    assert state(rollout) == (RolloutState.AWAITING, "wave-done")
    with transaction(MANAGER, at=NOW + minutes(5)) as tx, pytest.raises(ConflictError):
        verbs.approve(tx, MANAGER, rollout, wave=2, reason="seen")
    with transaction(MANAGER, at=NOW + minutes(5)) as tx:
        verbs.approve(tx, MANAGER, rollout, wave=1, reason="two days without a fault")
    here("cart-03", "er", NOW + minutes(5))
    reports("cart-03", NOW + minutes(5))
    ticked(rollout, NOW + minutes(5))
    assert states(rollout)["cart-03"] is State.ASSIGNED
    with reading(MANAGER) as tx:
        kinds = [each.kind for each in rollouts.happenings(tx, rollout=rollout, whole_only=True)]
    assert kinds == ["approved", "wave-ended", "started", "created"]


def test_a_failed_self_test_pauses_it_and_nothing_more_begins(app: Flask) -> None:
    rollout = made(replace(PLAN, at_once=1))
    ticked(rollout, NOW)
    says("cart-01", NOW + minutes(1), JobState.REVERTED, why="self-test")
    ticked(rollout, NOW + minutes(1))
    assert state(rollout) == (RolloutState.PAUSED, "failures")
    assert states(rollout)["cart-02"] is State.QUEUED
    with reading(MANAGER, at=NOW + minutes(1)) as tx:
        standing = verbs.standing(tx, rollout)
    assert [each.reason.code for each in standing.carts] == ["penalty", "tripped", "tripped"]
    with transaction(MANAGER, at=NOW + minutes(1.5)) as tx:
        verbs.resume(tx, MANAGER, rollout, reason="a broken lock of this one cart")
    ticked(rollout, NOW + minutes(1.5))
    assert states(rollout)["cart-02"] is State.ASSIGNED


def test_two_processes_look_once(app: Flask) -> None:
    rollout = made()
    assert ticked(rollout, NOW)
    assert not ticked(rollout, NOW + timedelta(seconds=1))
    assert ticked(rollout, NOW + timedelta(seconds=5))


def test_one_runs_for_a_hardware(app: Flask) -> None:
    first, second = made(), made(start=False)
    with transaction(MANAGER, at=NOW) as tx, pytest.raises(ConflictError):
        verbs.start(tx, MANAGER, second, released=lambda _name: RELEASE)
    with transaction(MANAGER, at=NOW) as tx:
        verbs.stop(tx, MANAGER, first, reason="another one")
        verbs.start(tx, MANAGER, second, released=lambda _name: RELEASE)
    assert state(second)[0] is RolloutState.RUNNING


def test_a_cart_with_a_job_of_a_stopped_rollout_waits_for_its_end(app: Flask) -> None:
    first = made()
    ticked(first, NOW)
    with transaction(MANAGER, at=NOW) as tx:
        verbs.stop(tx, MANAGER, first, reason="another one")
    second = made()
    ticked(second, NOW)
    with reading(MANAGER, at=NOW) as tx:
        standing = verbs.standing(tx, second)
    assert [each.reason.code for each in standing.carts] == ["busy", "busy", "waits-for-wave"]


def test_a_withdrawn_release_a_lower_counter_and_an_unknown_cart_are_refused(app: Flask) -> None:
    rollout = made(start=False)
    for found in (None, replace(RELEASE, image_hash="d" * 64)):
        with transaction(MANAGER, at=NOW) as tx, pytest.raises(ConflictError):
            verbs.start(tx, MANAGER, rollout, released=lambda _name, found=found: found)
    with transaction(MANAGER, at=NOW) as tx:
        verbs.start(tx, MANAGER, rollout, released=lambda _name: RELEASE)
        with pytest.raises(MessageError) as lower:
            verbs.create(tx, MANAGER, title="back", release=replace(RELEASE, security_counter=1), plan=PLAN)
        with pytest.raises(MessageError) as unknown:
            verbs.create(tx, MANAGER, title="x", release=RELEASE, plan=replace(PLAN, waves=(Wave(carts=("cart-99",)),)))
        with pytest.raises(MessageError) as nobody:
            verbs.create(tx, MANAGER, title="x", release=RELEASE, plan=replace(PLAN, waves=(Wave(wards=("nowhere",)),)))
    problems = [each.value.problems for each in (lower, unknown, nobody)]
    assert problems == [(("release", "counter-lower"),), (("waves", "cart-unknown"),), (("waves", "nobody"),)]


def test_every_cart_of_it_must_be_reached_and_the_role_held(app: Flask) -> None:
    rollout = made(start=False)
    bound = Actor(id="F2", roles=MANAGER.roles, wards=frozenset({"icu"}))
    with transaction(bound, at=NOW) as tx:
        for verb in (verbs.pause, verbs.stop, verbs.resume):
            with pytest.raises(OtherWardError):
                verb(tx, bound, rollout, reason="x")
        with pytest.raises(OtherWardError):
            verbs.start(tx, bound, rollout, released=lambda _name: RELEASE)
        with pytest.raises(OtherWardError):
            verbs.create(tx, bound, title="x", release=RELEASE, plan=PLAN)
        with pytest.raises(MessageError):
            verbs.create(tx, bound, title="x", release=RELEASE, plan=replace(PLAN, waves=(Wave(carts=("cart-03",)),)))
    with transaction(NURSE, at=NOW) as tx, pytest.raises(NotPermittedError):
        verbs.stop(tx, NURSE, rollout, reason="x")
    app.config["POINTOFCARE_FACILITY"] = "h2"
    with transaction(MANAGER, at=NOW) as tx:
        tx.facility = "h2"
        with pytest.raises(NotFoundError):
            verbs.stop(tx, MANAGER, rollout, reason="x")


def test_a_cart_that_is_given_up_ends_and_one_that_is_at_it_does_not(app: Flask) -> None:
    rollout = made()
    ticked(rollout, NOW)
    says("cart-02", NOW, JobState.IN_PROGRESS)
    with transaction(MANAGER, at=NOW) as tx:
        verbs.leave_out(tx, MANAGER, rollout, "cart-01", reason="in repair")
        with pytest.raises(IllegalTransitionError):
            verbs.leave_out(tx, MANAGER, rollout, "cart-02", reason="in repair")
        with pytest.raises(NotFoundError):
            verbs.leave_out(tx, MANAGER, rollout, "cart-99", reason="in repair")
    with reading(MANAGER, at=NOW) as tx:
        found = verbs.why_not(tx, "cart-01")
    assert found is not None
    assert (found[2].code, dict(found[2].parameters)) == ("left-out", {"reason": "in repair"})


def test_what_is_told_of_another_job_or_cart_or_twice_changes_nothing(app: Flask) -> None:
    rollout = made()
    ticked(rollout, NOW)
    with transaction(GATEWAY, at=NOW) as tx:
        job = rollouts.of_cart(tx, "cart-01")[0][1].job
        for cart, named in (("cart-02", job), ("cart-01", "no-such-job")):
            verbs.told(tx, cart, JobTold(job=named, attempt=1, state=JobState.FAILED, step="upload", at=NOW))
    says("cart-01", NOW, JobState.FAILED, attempt=7)
    assert states(rollout)["cart-01"] is State.ASSIGNED
    says("cart-01", NOW, JobState.FAILED, why="image")
    says("cart-01", NOW, JobState.FAILED, why="image")
    with reading(MANAGER, at=NOW) as tx:
        one = rollouts.update_of(tx, rollout, "cart-01")
        events = [each.kind for each in rollouts.happenings(tx, rollout=rollout, cart="cart-01")]
    assert one is not None
    assert one.failures == 1
    assert events == ["penalty", "assigned"]


def test_a_job_that_ended_at_the_cart_before_it_began_is_no_failure(app: Flask) -> None:
    rollout = made()
    ticked(rollout, NOW)
    says("cart-01", NOW, JobState.WAITING, why="charge")
    says("cart-01", NOW + minutes(121), JobState.TIMED_OUT, why="expired")
    with reading(MANAGER, at=NOW) as tx:
        one = rollouts.update_of(tx, rollout, "cart-01")
    assert one is not None
    assert (one.state, one.failures) == (State.QUEUED, 0)


@pytest.mark.parametrize("why", ["withdrawn", "replaced", "expired"])
def test_a_job_that_was_taken_back_is_no_failure_and_comes_anew(app: Flask, why: str) -> None:
    rollout = made()
    ticked(rollout, NOW)
    says("cart-01", NOW, JobState.IN_PROGRESS)
    says("cart-01", NOW, JobState.REJECTED, why=why)
    assert states(rollout)["cart-01"] is State.QUEUED
    ticked(rollout, NOW + minutes(1))
    says("cart-01", NOW + minutes(1), JobState.REJECTED, why=why)
    with reading(MANAGER, at=NOW) as tx:
        one = rollouts.update_of(tx, rollout, "cart-01")
    assert one is not None
    assert (one.state, one.attempt, one.failures) == (State.ASSIGNED, 2, 0)


def test_a_cart_that_cannot_read_its_order_is_in_the_penalty_box(app: Flask) -> None:
    rollout = made()
    ticked(rollout, NOW)
    says("cart-01", NOW, JobState.REJECTED, attempt=0, why="not-signed")
    assert states(rollout)["cart-01"] is State.PENALTY


def test_newcomers_join_the_last_wave(app: Flask) -> None:
    rollout = made()
    here("cart-04", "icu", NOW)
    here("cart-05", "surgery", NOW)
    ticked(rollout, NOW)
    with reading(MANAGER, at=NOW) as tx:
        placed = {one.cart: one.wave for one in rollouts.updates(tx, rollout)}
    assert placed == {"cart-01": 0, "cart-02": 0, "cart-03": 1, "cart-04": 1}


def test_the_preview_says_who_falls_into_which_wave_and_who_gets_nothing(app: Flask) -> None:
    reports("cart-02", NOW, NEW)
    reports("cart-03", NOW, hardware="cart-mcu-r1")
    with reading(MANAGER, at=NOW) as tx:
        waves = verbs.preview(tx, PLAN, RELEASE)
    assert [[(each.cart, each.without) for each in wave] for wave in waves] == [
        [("cart-01", ""), ("cart-02", "already-has-it")],
        [("cart-03", "other-hardware")],
    ]


def test_the_one_job_is_signed_sent_when_it_is_its_turn_again_on_connecting_and_taken_back(app: Flask, tmp_path: Path) -> None:
    key = signing.load_or_generate(tmp_path / "key.json")
    jobs = Jobs(actor=GATEWAY, facility=FACILITY, key=key)
    hooks = jobs.hooked(Hooks())
    rollout = made(replace(PLAN, at_once=1))
    ticked(rollout, NOW)

    def sent(*, left: bool = True) -> list[Posted]:
        with reading(GATEWAY) as tx:
            offers = rollouts.to_send(tx)
        found = [posted for offer in offers if (posted := jobs._posted(offer)) is not None]
        for posted in found:
            assert posted.sent is not None
            posted.sent(left)
        return found

    assert [each.cart for each in sent(left=False)] == ["cart-01"]
    (posted,) = sent()
    assert isinstance(posted.body, JobAssigned)
    opened = jws.deserialize_compact(posted.body.signed or "", key.key, algorithms=["Ed25519"])
    order = json.loads(opened.payload)
    assert opened.headers()["typ"] == "cart-job"
    assert (order["cart"], order["job"], order["attempt"], order["target"]["image_hash"]) == ("cart-01", posted.body.job, 1, NEW)
    assert order["gates"] == {"docked": True, "idle_min": 10, "charge_percent": 40, "no_dose": True}
    assert sent() == []
    with transaction(GATEWAY, at=NOW) as tx:
        hooks.births[0](tx, "cart-01", None)  # type: ignore[arg-type]
    assert [each.body.job for each in sent() if isinstance(each.body, JobAssigned)] == [posted.body.job]
    with transaction(MANAGER, at=NOW) as tx:
        verbs.pause(tx, MANAGER, rollout, reason="wait")
    assert [each.body for each in sent()] == [JobAssigned()]
    with transaction(MANAGER, at=NOW) as tx:
        verbs.resume(tx, MANAGER, rollout, reason="go on")
    assert [each.body.job for each in sent() if isinstance(each.body, JobAssigned)] == [posted.body.job]
    says("cart-01", NOW, JobState.FAILED, why="image")
    assert [each.body for each in sent()] == [JobAssigned()]
    assert sent() == []


def test_a_rollout_that_cannot_be_stepped_and_a_job_that_cannot_be_told_keep_no_other_back(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = Jobs(actor=GATEWAY, facility=FACILITY, key=signing.load_or_generate(tmp_path / "key.json"))
    rollout = made(replace(PLAN, at_once=2))
    ticked(rollout, NOW)
    order_of, tick, stepped = verbs.order_of, verbs.tick, []

    def unreadable(offer: Any, facility: str) -> Any:
        if offer.update.cart == "cart-01":
            raise ValueError("a row of a newer server")
        return order_of(offer, facility)

    def broken(tx: Any, number: int) -> Any:
        stepped.append(number)
        if number == rollout:
            raise ValueError("a plan of a newer server")
        return tick(tx, number)

    monkeypatch.setattr(verbs, "order_of", unreadable)
    monkeypatch.setattr(verbs, "tick", broken)
    monkeypatch.setattr(rollouts, "open_ones", lambda _tx: (rollout, rollout + 1))
    assert [each.cart for each in jobs.look()] == ["cart-02"]
    assert stepped == [rollout, rollout + 1]


def test_rubbish_in_what_a_microcontroller_reports_says_nothing(app: Flask) -> None:
    for values in (
        {"slots": "x"},
        {"slots": [7, {"active": "yes"}]},
        {"slots": [{"active": True, "hash": "short", "confirmed": "yes", "version": 7}], "hardware": "R 2"},
        {"connected": False, "slots": [{"active": True, "hash": NEW, "confirmed": True}]},
    ):
        with transaction(GATEWAY, at=NOW) as tx:
            verbs.heard(tx, "cart-03", Telemetry(kind=TelemetryKind.MCU, at=NOW, values=values))
    with reading(MANAGER, at=NOW) as tx:
        seen = rollouts.seen_of(tx, ["cart-03"])["cart-03"]
    assert (seen.image_hash, seen.confirmed, seen.hardware) == (None, None, None)


def test_a_cart_that_tells_its_numbers_seldom_is_not_away_between_two_of_them(app: Flask) -> None:
    app_told = Telemetry(kind=TelemetryKind.APP, at=NOW, values={"interval_s": 300})
    with transaction(GATEWAY, at=NOW) as tx:
        fleet.put_telemetry(tx, "cart-03", app_told)
        fleet.put_telemetry(tx, "cart-04", replace(app_told, values={"interval_s": 10}))
    with reading(MANAGER, at=NOW + minutes(5)) as tx:
        seen = rollouts.seen_of(tx, ["cart-03", "cart-04"])
    assert (seen["cart-03"].online, seen["cart-03"].offline_since) == (True, None)
    assert (seen["cart-04"].online, seen["cart-04"].offline_since) == (False, NOW)
