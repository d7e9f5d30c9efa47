"""The steps of an update against a board whose answers and clock the test holds: what is not known is never taken for good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from devices.firmware.job import ServerKeys
from firmware_bridge import group
from firmware_bridge.images import ImageState
from firmware_bridge.update.machine import State
from firmware_bridge.update.sessions import Session, Sessions
from firmware_bridge.update.steps import MOST_RESETS, MOST_SOAKS, Tools
from firmware_bridge.update.updater import Updater
from pointofcare.errors import DeviceTimeoutError, JournalError
from pointofcare.fleet.gates import Hardware
from pointofcare.wire import jobs
from pointofcare.wire.messages import JobAssigned, JobOrder, JobState, JobTarget, JobTold

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
OLD, NEW = "0a" * 32, "0b" * 32
FREE = Hardware(connected=True, charge_percent=80, on_mains=True, open_drawers=(), busy=False, idle_s=3600)
ORDER = JobOrder(
    facility="h1",
    cart="c1",
    job="j1",
    kind=jobs.MCU_FIRMWARE,
    target=JobTarget(
        name="cart-mcu/one.bin",
        version="1.1.0+7",
        length=1500,
        sha256="0c" * 32,
        hardware="cart-mcu-r2",
        image_hash=NEW,
        security_counter=7,
    ),
    attempt=1,
    issued_at=NOW,
    expires_at=NOW + timedelta(hours=1),
    gates={},
)


def slot(image_hash: str, *, active: bool = False, confirmed: bool = False, pending: bool = False, number: int = 0) -> ImageState:
    return ImageState(
        slot=number, version="", hash=image_hash, bootable=True, pending=pending, confirmed=confirmed, active=active, permanent=False
    )


WAITS = (slot(OLD, active=True, confirmed=True), slot(NEW, number=1))
PENDING = (slot(OLD, active=True, confirmed=True), slot(NEW, number=1, pending=True))
TRIAL = (slot(NEW, active=True), slot(OLD, number=1))
CONFIRMED = (slot(NEW, active=True, confirmed=True), slot(OLD, number=1))
BACK = (slot(OLD, active=True, confirmed=True),)
UNKNOWN = (slot(NEW, active=True), slot(OLD, number=1, active=True))


@dataclass(slots=True)
class Board:
    """A microcontroller. `slots` None: it is silent. `bad` None: it does not answer the self-test. `loses` answers to being marked."""

    slots: tuple[ImageState, ...] | None = WAITS
    boot: str = "boot-1"
    bad: list[str] | None = field(default_factory=list)
    drawers: int | None = 0
    loses: int = 0
    takes_mark: bool = True
    resets: int = 0
    status: Any = field(default_factory=lambda: SimpleNamespace(failures=0))

    def ask(self, asked: Any) -> Any:
        if asked is group.Selftest and self.bad is not None:
            return SimpleNamespace(ok=not self.bad, bad=self.bad)
        if asked is group.Drawers and self.drawers is not None:
            return SimpleNamespace(open=self.drawers, free=0)
        raise DeviceTimeoutError("no answer", remedy="look at the cable")

    def boot_id(self) -> str:
        return self.boot

    def image_states(self) -> tuple[ImageState, ...]:
        if self.slots is None:
            raise DeviceTimeoutError("no answer", remedy="look at the cable")
        return self.slots

    def mark_test(self, _hash: str) -> None:
        if self.takes_mark and self.slots is not None:
            self.slots = PENDING
        if self.loses:
            self.loses -= 1
            raise DeviceTimeoutError("no answer", remedy="look at the cable")

    def confirm(self, _hash: str) -> None:
        self.slots = CONFIRMED

    def reset(self) -> None:
        self.resets += 1


@dataclass(slots=True)
class Bench:
    board: Board
    updater: Updater
    sessions: Sessions
    key: OKPKey
    told: list[JobTold]
    now_s: float = 1000.0
    wall: datetime = NOW
    hardware: Hardware = FREE

    def begin(self, state: State, slots: tuple[ImageState, ...] | None, **change: Any) -> None:
        """The update stands in `state`, as after the turns that led there."""
        self.board.slots = slots
        session = replace(self.sessions.begin(ORDER, state=state, why="", at=NOW), boot_before="boot-0", **change)
        self.sessions.write(session)
        self.updater._session = session
        self.updater._steps.entered()

    @property
    def session(self) -> Session:
        assert self.updater._session is not None
        return self.updater._session

    @property
    def state(self) -> State:
        return self.session.state

    def turn(self, *, after_s: float = 0.0) -> State:
        self.now_s += after_s
        self.updater.turn()
        return self.state

    def signed(self, order: JobOrder) -> JobAssigned:
        header = {"alg": "Ed25519", "typ": jobs.TYPE}
        return JobAssigned(job=order.job, signed=jws.serialize_compact(header, jobs.claims(order), self.key, algorithms=["Ed25519"]))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    board, key, told = Board(), OKPKey.generate_key("Ed25519"), cast("list[JobTold]", [])
    sessions = Sessions(tmp_path / "updates.sqlite")
    made = Bench(board=board, updater=cast(Any, None), sessions=sessions, key=key, told=told)
    tools = Tools(
        link=cast(Any, board),
        images=cast(Any, board),
        sessions=sessions,
        source=cast(Any, None),  # nothing is fetched from where these updates stand
        trusted=cast(Any, None),
        folder=tmp_path / "images",
        hardware=lambda: made.hardware,
        wall=lambda: made.wall,
        mono=lambda: made.now_s,
    )

    def tell(what: JobTold) -> bool:
        told.append(what)
        return True

    made.updater = Updater(tools, keys=ServerKeys(held=(key,)), facility="h1", cart="c1", tell=tell)
    yield made
    sessions.close()


def test_a_self_test_that_is_never_answered_proves_nothing_and_is_taken_back(bench: Bench) -> None:
    bench.board.bad = None
    bench.begin(State.TRYING, TRIAL)
    for _ in range(MOST_SOAKS):
        assert bench.turn(after_s=61) is State.TRYING
    assert bench.turn() is State.REVERTING
    assert bench.session.why == "selftest-unanswered"


def test_a_self_test_that_is_not_answered_at_the_end_begins_the_time_without_faults_anew(bench: Bench) -> None:
    bench.begin(State.TRYING, TRIAL)
    bench.turn()
    bench.board.bad = None
    assert bench.turn(after_s=61) is State.TRYING
    bench.board.bad = []
    assert bench.turn(after_s=61) is State.TRYING
    assert bench.turn(after_s=59) is State.TRYING
    assert bench.turn(after_s=2) is State.CONFIRMING


@pytest.mark.parametrize("slots", [UNKNOWN, (), (slot(NEW), slot(OLD, number=1)), (slot("", active=True),)])
@pytest.mark.parametrize(
    "state", [State.MARKING, State.RESETTING, State.TRYING, State.CONFIRMING, State.REVERTING, State.UNCLEAR], ids=lambda state: state.value
)
def test_when_nobody_knows_which_image_runs_the_update_is_unknown_and_drawers_stay_locked(
    bench: Bench, state: State, slots: tuple[ImageState, ...]
) -> None:
    bench.begin(state, slots, reset_boot="boot-0", resets=1)
    assert bench.turn(after_s=1) is state
    assert bench.turn(after_s=100) is State.UNCLEAR
    assert bench.turn(after_s=1000) is State.UNCLEAR
    assert bench.session.why == "running-unknown"
    assert bench.updater.refusal
    assert bench.board.resets == 0
    bench.board.slots = TRIAL
    assert bench.turn() is State.TRYING  # what is seen at last decides


@pytest.mark.parametrize("state", [State.RECEIVED, State.READY, State.UPLOADING, State.UPLOADED], ids=lambda state: state.value)
def test_no_update_goes_on_while_nobody_knows_which_image_runs(bench: Bench, state: State) -> None:
    bench.begin(state, (slot(NEW, active=True, confirmed=True), slot(OLD, number=1, active=True)))
    assert bench.turn(after_s=100) is state
    assert bench.session.why == "running-unknown"
    bench.wall = ORDER.expires_at
    assert bench.turn() is State.TIMED_OUT


def test_drawers_open_again_under_old_firmware_that_never_restarts_and_are_locked_again_once_it_does(bench: Bench) -> None:
    bench.begin(State.UNCLEAR, PENDING, reset_boot="boot-1", resets=MOST_RESETS, why="reset-not-taken")
    bench.turn(after_s=1)
    assert bench.updater.refusal  # the last one may still be on its way
    bench.turn(after_s=31)
    assert bench.state is State.UNCLEAR
    assert bench.updater.refusal == ""
    bench.board.slots = None
    bench.turn(after_s=1)
    assert bench.updater.refusal
    bench.board.slots = PENDING
    bench.turn(after_s=1)
    assert bench.updater.refusal  # it was away: from now on anew
    bench.turn(after_s=31)
    assert bench.updater.refusal == ""
    bench.board.boot = "boot-2"
    bench.turn(after_s=1)
    assert bench.updater.refusal
    bench.board.slots = TRIAL
    assert bench.turn(after_s=1) is State.TRYING  # and goes through its trial as any other
    assert bench.updater.refusal


def test_a_restart_of_the_cart_computer_begins_that_wait_anew(bench: Bench) -> None:
    bench.begin(State.UNCLEAR, PENDING, reset_boot="boot-1", resets=MOST_RESETS)
    bench.turn()
    bench.turn(after_s=31)
    assert bench.updater.refusal == ""
    again = Updater(bench.updater.tools, keys=ServerKeys(held=(bench.key,)), facility="h1", cart="c1", tell=lambda _told: True)
    assert again.refusal
    again.turn()
    assert again.refusal


@pytest.mark.parametrize(
    "state", [State.RESETTING, State.TRYING, State.CONFIRMING, State.REVERTING, State.MARKING], ids=lambda state: state.value
)
def test_a_withdrawal_that_came_too_late_does_not_end_the_trial_when_the_line_falls_silent(bench: Bench, state: State) -> None:
    bench.begin(state, None, reset_boot="boot-0", resets=1)
    bench.updater.assigned(JobAssigned(job=None, signed=None))
    assert bench.turn() is state
    assert bench.turn(after_s=100) is State.UNCLEAR
    assert bench.turn(after_s=1) is State.UNCLEAR
    assert bench.updater.refusal
    bench.board.slots = TRIAL
    assert bench.turn() is State.TRYING
    bench.board.slots = None
    assert bench.turn(after_s=100) is State.UNCLEAR
    assert bench.turn(after_s=1) is State.UNCLEAR


def test_an_unknown_outcome_is_withdrawn_by_whoever_knows_that_it_is_one(bench: Bench) -> None:
    bench.begin(State.UNCLEAR, None, reset_boot="boot-0", resets=1)
    bench.updater.assigned(JobAssigned(job=None, signed=None))
    assert bench.turn() is State.FAILED


def test_a_withdrawal_before_any_reset_is_remembered_until_it_can_be_done(bench: Bench) -> None:
    bench.begin(State.MARKING, None)
    bench.updater.assigned(JobAssigned(job=None, signed=None))
    assert bench.turn() is State.MARKING
    assert bench.turn(after_s=100) is State.UNCLEAR
    assert bench.turn(after_s=1) is State.FAILED
    assert bench.board.resets == 0


@pytest.mark.parametrize("busy", [True, None])
def test_what_is_taken_back_is_taken_back_while_somebody_waits_for_a_drawer(bench: Bench, busy: bool | None) -> None:
    bench.board.bad = ["gauge"]
    bench.begin(State.TRYING, TRIAL, reset_boot="boot-0", resets=1)
    bench.hardware = replace(FREE, busy=busy)
    assert bench.turn() is State.REVERTING
    bench.turn()
    assert bench.board.resets == 1
    bench.board.slots, bench.board.boot = BACK, "boot-2"
    assert bench.turn() is State.REVERTED
    assert bench.updater.refusal == ""


@pytest.mark.parametrize("drawers", [(3,), None])
def test_what_is_taken_back_waits_for_a_drawer_that_stands_open(bench: Bench, drawers: tuple[int, ...] | None) -> None:
    bench.begin(State.REVERTING, TRIAL, reset_boot="boot-0")
    bench.hardware = replace(FREE, open_drawers=drawers, busy=True)
    if drawers is None:
        bench.board.drawers = None
    bench.turn()
    assert bench.board.resets == 0
    assert bench.session.why in ("", "drawer-open")


def test_a_first_reset_still_waits_for_whoever_uses_the_cart(bench: Bench) -> None:
    bench.begin(State.RESETTING, PENDING)
    bench.hardware = replace(FREE, busy=True)
    bench.turn()
    assert bench.session.why == "in-use"
    assert bench.updater.refusal == ""
    assert bench.board.resets == 0


def test_a_full_disk_does_not_keep_drawers_locked_after_an_update_and_is_written_when_it_can(bench: Bench) -> None:
    bench.begin(State.TRYING, TRIAL, reset_boot="boot-0", resets=1)
    bench.sessions._db.execute("PRAGMA query_only=ON")  # SQLite refuses every write, as on a full disk
    bench.turn()
    assert bench.turn(after_s=61) is State.CONFIRMING
    bench.updater.tools.folder.mkdir()
    (bench.updater.tools.folder / f"{ORDER.target.sha256}.bin").mkdir()  # nor can the image be put away
    bench.turn()
    assert bench.turn() is State.SUCCEEDED
    assert bench.updater.refusal == ""
    assert bench.told[-1].state is JobState.SUCCEEDED
    bench.turn()
    on_disk = bench.sessions.current()
    assert on_disk is not None
    assert on_disk.state is State.TRYING  # after a power cut now it would look again, and find it confirmed
    assert bench.sessions.counter() == 0
    ended = bench.session
    bench.sessions._db.execute("PRAGMA query_only=OFF")
    bench.updater.assigned(bench.signed(replace(ORDER, job="j2")))  # even where another comes at once
    bench.turn()
    assert bench.session.order.job == "j2"
    assert bench.sessions.find("j1", 1) == ended
    assert bench.sessions.counter() == ORDER.target.security_counter


@pytest.mark.parametrize(("state", "slots"), [(State.RESETTING, BACK), (State.UNCLEAR, BACK), (State.REVERTING, BACK)])
def test_a_full_disk_does_not_keep_drawers_locked_after_the_old_image_came_back(
    bench: Bench, state: State, slots: tuple[ImageState, ...]
) -> None:
    bench.begin(state, slots, reset_boot="boot-0", resets=1)
    bench.sessions._db.execute("PRAGMA query_only=ON")
    assert bench.turn() is State.REVERTED
    assert bench.updater.refusal == ""


def test_what_a_person_ended_is_written_down_before_it_is_told(bench: Bench) -> None:
    bench.begin(State.READY, None)
    bench.sessions._db.execute("PRAGMA query_only=ON")
    bench.updater.assigned(JobAssigned(job=None, signed=None))
    with pytest.raises(JournalError):
        bench.turn()
    assert bench.told == []
    bench.sessions._db.execute("PRAGMA query_only=OFF")
    assert bench.turn() is State.WITHDRAWN


def test_no_reset_is_sent_that_was_not_written_down(bench: Bench) -> None:
    bench.begin(State.RESETTING, PENDING)
    bench.sessions._db.execute("PRAGMA query_only=ON")
    with pytest.raises(JournalError):
        bench.turn()
    assert bench.board.resets == 0
    assert bench.updater.refusal == ""


def test_a_mark_whose_answers_were_lost_is_seen_before_the_update_is_given_up(bench: Bench) -> None:
    bench.begin(State.MARKING, WAITS, resets=MOST_RESETS)
    bench.board.loses = 1
    assert bench.turn() is State.RESETTING


def test_marks_whose_answers_were_lost_do_not_count_as_resets(bench: Bench) -> None:
    bench.begin(State.MARKING, WAITS, resets=MOST_RESETS - 1)
    bench.board.loses = 1
    bench.turn()
    assert bench.turn() is State.RESETTING
    bench.turn()
    assert bench.board.resets == 1


def test_a_mark_that_is_refused_each_time_ends_the_update(bench: Bench) -> None:
    bench.begin(State.MARKING, WAITS)
    bench.board.takes_mark, bench.board.loses = False, 99
    for _ in range(MOST_RESETS):
        assert bench.turn() is State.MARKING
    assert bench.turn() is State.FAILED
    assert bench.session.why == "mark-refused"


def test_a_mark_after_which_nothing_is_heard_leaves_the_outcome_unknown(bench: Bench) -> None:
    bench.begin(State.MARKING, WAITS, resets=MOST_RESETS)

    def broken(_hash: str) -> None:
        bench.board.slots = None
        raise DeviceTimeoutError("no answer", remedy="look at the cable")

    bench.updater.tools.images = cast(
        Any, SimpleNamespace(boot_id=bench.board.boot_id, image_states=bench.board.image_states, mark_test=broken)
    )
    assert bench.turn() is State.MARKING
    assert bench.turn(after_s=100) is State.UNCLEAR


def test_a_running_job_that_is_sent_again_after_its_time_is_not_told_as_refused(bench: Bench) -> None:
    bench.begin(State.TRYING, TRIAL, reset_boot="boot-0", resets=1)
    bench.wall = ORDER.expires_at + timedelta(hours=1)
    bench.updater.assigned(bench.signed(ORDER))
    bench.turn()
    assert {each.state for each in bench.told} == {JobState.IN_PROGRESS}


@pytest.mark.parametrize("off", [timedelta(hours=2), -timedelta(hours=2)])
def test_a_finished_job_that_is_sent_again_at_any_time_of_the_cart_s_clock_is_told_as_it_ended(bench: Bench, off: timedelta) -> None:
    bench.begin(State.SUCCEEDED, CONFIRMED)
    bench.wall = NOW + off
    bench.updater.assigned(bench.signed(ORDER))
    bench.turn()
    assert {each.state for each in bench.told} == {JobState.SUCCEEDED}


@pytest.mark.parametrize(("off", "why"), [(timedelta(hours=2), "expired"), (-timedelta(hours=2), "clock-doubtful")])
def test_a_new_job_out_of_its_time_is_refused(bench: Bench, off: timedelta, why: str) -> None:
    bench.wall = NOW + off
    bench.updater.assigned(bench.signed(ORDER))
    bench.updater.turn()
    assert bench.sessions.current() is None
    bench.begin(State.SUCCEEDED, CONFIRMED)
    bench.turn()
    assert (bench.told[0].state, bench.told[0].why) == (JobState.REJECTED, why)
