"""The bridge against Zephyr and MCUboot of another project, in QEMU: what an update does there, and what lines and power do to it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from smpclient.requests.os_management import EchoWrite

from firmware_bridge.images import Images
from pointofcare.errors import ConflictError, DeviceProtocolError, ImageRejectedError, OutcomeUnknownError
from tests.support.bridge import eventually
from tests.support.zephyr import Board, Wire, board, build, running_board

__all__ = ["board", "running_board"]
IMAGE, OS, UPLOAD, RESET = 1, 0, 1, 5


def test_an_image_is_uploaded_tested_swapped_in_and_stays_once_it_is_confirmed(board: Board) -> None:
    old, new = board.images.image_states()[0], build()
    board.images.upload(new.data)
    board.images.mark_test(new.hash)
    assert board.images.image_states()[0].hash == old.hash, "nothing runs before the reset"
    board.restart()
    running, other = board.images.image_states()
    assert (running.hash, running.active, running.confirmed) == (new.hash, True, False)
    assert (other.hash, other.confirmed) == (old.hash, True)
    assert board.images.confirm(new.hash).confirmed
    board.restart()
    assert (board.images.image_states()[0].hash, board.images.image_states()[0].confirmed) == (new.hash, True)


def test_an_image_that_is_not_confirmed_is_taken_back_by_the_next_reset_and_confirming_it_then_is_refused(board: Board) -> None:
    old, new = board.images.image_states()[0], build()
    board.images.upload(new.data)
    board.images.mark_test(new.hash)
    board.restart()
    assert board.images.image_states()[0].hash == new.hash
    board.microbit.pull_plug()
    eventually(lambda: board.images.image_states()[0].hash == old.hash, "the old image is back", within_s=60)
    with pytest.raises(DeviceProtocolError):
        board.images.confirm(new.hash)
    states = board.images.image_states()
    assert [(state.hash, state.pending, state.permanent) for state in states] == [(old.hash, False, False), (new.hash, False, False)]


def test_a_corrupt_image_is_refused_by_mcuboot_and_its_slot_erased(board: Board) -> None:
    old, new = board.images.image_states()[0], build()
    damaged = bytearray(new.data)
    damaged[len(damaged) // 2] ^= 1
    board.images.upload(bytes(damaged))
    board.images.mark_test(new.hash)
    board.restart()
    assert [(state.hash, state.confirmed) for state in board.images.image_states()] == [(old.hash, True)]


def test_power_that_fails_in_the_middle_of_an_upload_costs_that_upload_and_nothing_else(board: Board) -> None:
    old, new, cut = board.images.image_states()[0], build(), threading.Event()

    def halfway(there: int, whole: int) -> None:
        if there > whole // 2 and not cut.is_set():
            cut.set()
            board.microbit.pull_plug()

    board.images.upload(new.data, progress=halfway)
    assert [state.hash for state in board.images.image_states()] == [old.hash, new.hash]
    assert cut.is_set()


def test_power_that_fails_around_the_swap_leaves_one_whole_image_that_runs_and_the_other_beside_it(board: Board) -> None:
    old, new = board.images.image_states()[0], build()
    board.images.upload(new.data)
    board.images.mark_test(new.hash)
    before = board.microbit.boots
    board.images.reset()
    eventually(lambda: b"Starting swap" in board.microbit.console, "the swap begins", within_s=60)
    board.microbit.pull_plug()
    board.images.await_boot(str(before + 1), within_s=60)
    running, other = board.images.image_states()
    assert {running.hash, other.hash} == {old.hash, new.hash}
    assert (running.active, other.active) == (True, False)
    # Cut short, the swap is gone on with; cut after its end, this was the second start of an image on test.
    assert running.confirmed == (running.hash == old.hash)


def test_finding_1_a_damaged_line_is_asked_again_though_the_decoder_raises_what_nobody_expects(board: Board) -> None:
    board.microbit.on_wire = Wire(damage={0})
    before = board.link.status.retries
    assert board.images.image_states()[0].active
    assert board.link.status.retries == before + 1


def test_finding_2_an_answer_that_comes_too_late_is_never_taken_for_the_next_ones(board: Board) -> None:
    board.microbit.on_wire = Wire(delay={0})
    asked: list[str] = []

    def ask() -> EchoWrite:
        asked.append(f"question {len(asked)}")
        return EchoWrite(d=asked[-1])

    assert board.link.ask(ask).r == asked[-1]
    assert len(asked) > 1, "the first answer did come too late"
    assert board.link.ask(ask).r == asked[-1]


def test_finding_2_two_who_ask_at_once_get_each_their_own_answer(board: Board) -> None:
    def ask(name: str) -> list[bool]:
        return [board.link.ask(lambda: EchoWrite(d=f"{name}-{number}")).r == f"{name}-{number}" for number in range(15)]  # noqa: B023

    with ThreadPoolExecutor(3) as pool:
        assert all(all(told) for told in pool.map(ask, ("relay", "door", "job")))


def test_finding_3_a_reset_is_answered_before_it_happens_and_is_never_sent_twice(board: Board) -> None:
    wire = Wire(lose={1})
    board.images.image_states()
    boots = board.microbit.boots
    board.microbit.on_wire = wire
    board.images.image_states()
    with pytest.raises(OutcomeUnknownError):
        board.images.reset()
    assert [(group, command) for group, command, _ in wire.requests].count((OS, RESET)) == 1
    assert board.images.await_boot(str(boots), within_s=60) == str(boots + 1), "it did happen, though nobody said so"


def test_finding_4_an_upload_goes_on_from_where_the_line_was_lost(board: Board) -> None:
    new, wire, pulled = build(), Wire(lose={40, 41, 80}, damage={60}), threading.Event()

    def at_half(there: int, whole: int) -> None:
        if there > whole // 2 and not pulled.is_set():
            pulled.set()
            board.microbit.unplug()

    board.microbit.on_wire = wire
    patient = Images(board.link, at_once=256, answer_s=0.3, erase_s=2.0, pause=lambda _s: board.microbit.plug())
    patient.upload(new.data, progress=at_half)
    pieces = [body for group, command, body in wire.requests if (group, command) == (IMAGE, UPLOAD)]
    assert sum(body["off"] == 0 for body in pieces) >= 2, "it was begun anew"
    assert sum(len(bytes(body["data"])) for body in pieces) < 1.1 * len(new.data), "and not sent anew"  # type: ignore[call-overload]
    assert board.images.image_states()[1].hash == new.hash


def test_finding_7_tools_write_a_version_differently_and_the_hash_alone_says_which_image_it_is(board: Board) -> None:
    new = build("1.2.3+4")
    board.images.upload(new.data)
    state = board.images.image_states()[1]
    assert (state.version, state.hash) == ("1.2.3.4", new.hash)


def test_finding_8_an_upload_never_says_upgrade_and_ends_when_who_asked_for_it_gives_up(board: Board) -> None:
    wire = Wire()

    def give_up(there: int, _whole: int) -> None:
        if there > 2000:
            raise ConflictError("the cart is needed")

    board.microbit.on_wire = wire
    with pytest.raises(ConflictError):
        board.images.upload(build().data, progress=give_up)
    keys = {key for group, command, body in wire.requests if (group, command) == (IMAGE, UPLOAD) for key in body}
    assert keys == {"off", "data", "len", "sha"}
    assert len(board.images.image_states()) == 1


def test_what_is_no_image_at_all_is_refused_at_its_first_bytes(board: Board) -> None:
    with pytest.raises(ImageRejectedError):
        board.images.upload(b"not an image " * 400)
    assert len(board.images.image_states()) == 1


def test_the_image_that_runs_is_neither_tested_nor_erased_and_what_is_not_there_is_not_tested(board: Board) -> None:
    running = board.images.image_states()[0]
    for wrong in (running.hash, "00" * 32, ""):
        with pytest.raises(DeviceProtocolError):
            board.images.mark_test(wrong)
    with pytest.raises(DeviceProtocolError):
        board.images.erase(0)
    assert board.images.image_states() == (running,)
