"""The cart's clock: measured, carried on, kept over a restart; whatever the wall clock does, time does not run backwards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cart_client.clock import DRIFT, HELD_S, UNSURE_S, CartClock, Kept, Reading, Sample, may_erase

T0 = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DEAD_BATTERY = datetime(1970, 1, 1, 0, 0, 30, tzinfo=UTC)


@dataclass
class Machine:
    """Two clocks that move only when told to."""

    wall: datetime = T0
    mono: float = 1000.0

    def pass_by(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.mono += seconds

    def clock(self, *, boot_id: str = "boot-1", kept: Kept | None = None, last_at: datetime | None = None) -> CartClock:
        return CartClock(wall=lambda: self.wall, mono_s=lambda: self.mono, boot_id=boot_id, kept=kept, last_at=last_at)


def sample(machine: Machine, server_at: datetime, error_s: float = 0.05) -> Sample:
    return Sample(server_at=server_at, mono_s=machine.mono, error_s=error_s)


def test_before_a_measure_the_time_is_the_walls_and_said_to_be_unmeasured() -> None:
    machine = Machine()
    reading = machine.clock().read()
    assert (reading.at, reading.offset_s, reading.age_s, reading.behind_s) == (T0, None, None, 0.0)


@pytest.mark.parametrize("wrong_s", [-7200.0, -61.0, 0.4, 90.0, 86400.0])
def test_a_measured_offset_is_subtracted_and_told_beside_the_wall_clock(wrong_s: float) -> None:
    machine = Machine(wall=T0 + timedelta(seconds=wrong_s))
    clock = machine.clock()
    clock.measured(sample(machine, T0))
    machine.pass_by(600)
    reading = clock.read()
    assert reading.at == T0 + timedelta(seconds=600)
    assert reading.wall_at == machine.wall
    assert reading.offset_s == pytest.approx(wrong_s)
    assert reading.age_s == 600


@pytest.mark.parametrize("jump", [timedelta(days=-3), timedelta(hours=-1), timedelta(hours=9), DEAD_BATTERY - T0])
def test_no_jump_of_the_wall_clock_moves_the_time_after_a_measure(jump: timedelta) -> None:
    machine = Machine()
    clock = machine.clock()
    clock.measured(sample(machine, T0))
    machine.wall += jump
    machine.pass_by(5)
    reading = clock.read()
    assert reading.at == T0 + timedelta(seconds=5)
    assert reading.offset_s == pytest.approx(jump.total_seconds())


def test_the_best_measure_is_kept_until_drift_has_made_it_worse() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.measured(sample(machine, T0, error_s=0.01))
    machine.pass_by(10)
    clock.measured(sample(machine, T0 + timedelta(seconds=12), error_s=2.4))  # agrees with the first, within what it may be wrong by
    assert clock.now() == T0 + timedelta(seconds=10)
    machine.pass_by(20_000)
    clock.measured(sample(machine, T0 + timedelta(seconds=20_011), error_s=1.0))
    assert clock.now() == T0 + timedelta(seconds=20_011)


def test_a_measure_that_contradicts_the_best_one_counts_for_the_server_leads() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.measured(sample(machine, T0, error_s=0.01))
    assert clock.measured(sample(machine, T0 + timedelta(hours=1), error_s=2.0)) == 3600
    assert clock.now() == T0 + timedelta(hours=1)


def test_a_small_correction_backwards_stands_still_and_a_big_one_is_told() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.now()
    assert clock.measured(sample(machine, T0 - timedelta(seconds=20))) is None
    assert clock.now() == T0
    machine.pass_by(19)
    assert clock.now() == T0
    machine.pass_by(2)
    assert clock.now() == T0 + timedelta(seconds=1)
    other = Machine()
    ahead = other.clock()
    ahead.now()
    assert ahead.measured(sample(other, T0 - timedelta(hours=2))) == -7200
    assert ahead.now() == T0 - timedelta(hours=2)


def test_a_program_that_was_killed_knows_the_time_as_before() -> None:
    machine = Machine(wall=T0 + timedelta(minutes=3))
    before = machine.clock()
    before.measured(sample(machine, T0))
    machine.pass_by(60)
    kept = before.kept()
    machine.wall = DEAD_BATTERY
    machine.mono += 7200
    reading = machine.clock(kept=kept).read()
    assert reading.at == T0 + timedelta(seconds=7260)
    assert reading.age_s == 7260
    assert reading.error_s == pytest.approx(0.05 + DRIFT * 7260)


def test_a_machine_that_was_started_anew_does_not_know_the_time_and_does_not_go_back() -> None:
    machine = Machine()
    before = machine.clock()
    before.measured(sample(machine, T0))
    kept = before.kept()
    for wall in (DEAD_BATTERY, T0 - timedelta(hours=1), T0 - timedelta(seconds=HELD_S + 1)):
        again = Machine(wall=wall, mono=12.0)
        clock = again.clock(boot_id="boot-2", kept=kept)
        again.pass_by(5)
        reading = clock.read()
        assert reading.at == T0 + timedelta(seconds=5)
        assert (reading.offset_s, reading.age_s) == (None, None)
        assert reading.behind_s == pytest.approx((T0 - wall).total_seconds())
    plausible = Machine(wall=T0 + timedelta(minutes=4), mono=12.0).clock(boot_id="boot-2", kept=kept).read()
    assert (plausible.at, plausible.offset_s, plausible.behind_s) == (T0 + timedelta(minutes=4), None, 0.0)


@pytest.mark.parametrize(
    "kept_change",
    [{"boot_id": ""}, {"mono_s": 9999.0}, {"error_s": None, "measured_mono_s": None}],
    ids=["no-boot-id", "ahead", "unmeasured"],
)
def test_what_was_kept_counts_as_measured_only_where_it_can_be_trusted(kept_change: dict[str, object]) -> None:
    kept = Kept(boot_id="boot-1", mono_s=900.0, at=T0, error_s=0.1, measured_mono_s=800.0)
    machine = Machine(wall=DEAD_BATTERY)
    boot_id = "" if "boot_id" in kept_change else "boot-1"
    reading = machine.clock(boot_id=boot_id, kept=replace(kept, **kept_change)).read()  # type: ignore[arg-type]
    assert reading.offset_s is None
    assert reading.at >= T0


def test_the_newest_record_bounds_the_time_when_the_power_failed_after_it() -> None:
    machine = Machine(wall=T0 - timedelta(hours=1), mono=5.0)
    kept = Kept(boot_id="boot-1", mono_s=900.0, at=T0 - timedelta(seconds=50), error_s=0.1, measured_mono_s=800.0)
    assert machine.clock(boot_id="boot-2", kept=kept, last_at=T0).now() == T0


def test_a_record_of_a_clock_that_was_ahead_does_not_move_the_next_start_into_the_future() -> None:
    kept = Kept(boot_id="boot-1", mono_s=900.0, at=T0, error_s=0.1, measured_mono_s=800.0)
    machine = Machine(wall=T0 + timedelta(minutes=2), mono=5.0)
    reading = machine.clock(boot_id="boot-2", kept=kept, last_at=T0 + timedelta(days=26_000)).read()
    assert (reading.at, reading.behind_s) == (T0 + timedelta(minutes=2), 0.0)


def test_a_measure_that_is_a_week_old_is_not_known_any_more() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.measured(sample(machine, T0))
    machine.pass_by(12 * 3600)
    assert clock.read().error_s == pytest.approx(0.05 + 12 * 3600 * DRIFT)
    machine.pass_by(UNSURE_S / DRIFT)
    assert (clock.read().offset_s, clock.read().at) == (None, machine.wall)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.floats(0, 5000)),
        st.tuples(st.just("jump"), st.floats(-4e9, 4e8)),
        st.tuples(st.just("restart"), st.just(0.0)),
        st.tuples(st.just("reboot"), st.floats(0, 90_000)),
    ),
    max_size=25,
)


@given(STEPS, st.booleans())
def test_offline_the_time_never_runs_backwards_whatever_happens(steps: list[tuple[str, float]], measured: bool) -> None:
    machine, boot = Machine(), 1
    clock = machine.clock(boot_id="b1")
    if measured:
        clock.measured(sample(machine, T0))
    last = clock.now()
    for what, seconds in steps:
        kept, boot = clock.kept(), boot + (what == "reboot")
        if what == "pass":
            machine.pass_by(seconds)
        elif what == "jump":
            machine.wall = max(DEAD_BATTERY, machine.wall + timedelta(seconds=seconds))
        else:
            if what == "reboot":
                machine.mono, machine.wall = 3.0, machine.wall + timedelta(seconds=seconds)
            clock = machine.clock(boot_id=f"b{boot}", kept=kept, last_at=last)
        now = clock.now()
        assert now >= last
        if measured and boot == 1:
            assert clock.read().offset_s is not None
        last = now


@pytest.mark.parametrize(
    ("offset_s", "on_s", "expected"),
    [(None, 0.0, False), (None, 86_399.0, False), (None, 86_400.0, True), (0.0, 0.0, True), (-3e8, 0.0, True)],
)
def test_a_clock_that_nobody_checked_erases_nothing_before_the_program_ran_as_long(
    offset_s: float | None, on_s: float, expected: bool
) -> None:
    """A cart that wakes in 2030 without a network must not lose the ward that it has: somebody may set its clock right."""
    wrong = datetime(2030, 1, 1, tzinfo=UTC)
    assert may_erase(Reading(at=wrong, wall_at=wrong, offset_s=offset_s), on_s, timedelta(hours=24)) is expected
