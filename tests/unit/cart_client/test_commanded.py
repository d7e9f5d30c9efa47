"""Commands at the cart, one thread, without a broker: what is remembered, refused, told as unknown, and what a bundle may hold."""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cart_client.commanded import Carrier, Doing, Located, Memory, Taken, bundle
from devices.drawers.none import NoDrawers
from devices.drawers.simulated import SimulatedDrawers
from devices.ports import Hardware
from pointofcare.wire.messages import CommandAnswered, CommandOutcome
from server.mqtt import unfit
from server.usecases import cart_commands

NOW = datetime(2026, 3, 2, 1, 5, tzinfo=UTC)


class Bench:
    def __init__(self, directory: Path, hardware: Hardware | None = None, **changes: object) -> None:
        self.hardware = hardware or SimulatedDrawers()
        self.located = Located(lambda: self.mono_s)
        self.mono_s = 100.0
        self.said: list[CommandAnswered] = []
        self.restarts = True
        doing = Doing(
            cart="c1",
            data_dir=directory,
            hardware=self.hardware,
            located=self.located,
            versions={"app": "1"},
            config_hash="h",
            numbers=dict,
            lines=lambda: ("a line",),
            journal_works=lambda: True,
            is_idle=lambda: True,
            is_updating=lambda: False,
            now=lambda: NOW,
            sleep=lambda _s: None,
        )
        self.memory = Memory(directory / "commands.sqlite")
        self.carrier = Carrier(
            replace(doing, **changes),  # type: ignore[arg-type]
            self.memory,
            restart=lambda: self.restarts,
            mono_s=lambda: self.mono_s,
            sleep=lambda _s: None,
        )
        self.carrier.say = self.said.append

    def do(self, name: str, params: Mapping[str, object] | None = None, *, key: str = "x", left_s: float = 5.0) -> CommandAnswered:
        self.carrier.carry_out(Taken(id=key, name=name, params=params or {}, until_mono_s=self.mono_s + left_s))
        return self.said[-1]


def test_a_command_is_done_once_and_its_copy_gets_the_first_answer(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.do("unlock", {"drawer": 3}).outcome is CommandOutcome.DONE
    assert bench.do("unlock", {"drawer": 3}) == bench.said[0]
    assert isinstance(bench.hardware, SimulatedDrawers)
    assert len(bench.hardware.history) == 1
    bench.carrier.stop()
    again = Bench(tmp_path, bench.hardware)  # the program was started anew
    assert again.do("unlock", {"drawer": 3}).outcome is CommandOutcome.DONE
    assert len(bench.hardware.history) == 1
    again.carrier.stop()


def test_what_was_begun_when_the_power_failed_is_told_as_unknown_and_a_restart_as_done(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.memory.begin("cut", "unlock", NOW)
    assert bench.do("restart", key="r").outcome is CommandOutcome.ACCEPTED
    bench.carrier.stop()
    after = Bench(tmp_path)
    after.carrier.tell_left()
    assert [(one.command, one.outcome) for one in after.said] == [
        ("cut", CommandOutcome.OUTCOME_UNKNOWN),
        ("r", CommandOutcome.DONE),
    ]
    after.carrier.tell_left()
    assert len(after.said) == 2
    assert after.do("unlock", {"drawer": 1}, key="cut").outcome is CommandOutcome.OUTCOME_UNKNOWN  # never tried again
    after.carrier.stop()


def test_a_restart_never_ends_what_a_nurse_is_doing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, is_idle=lambda: False)
    refused = bench.do("restart")
    assert (refused.outcome, refused.why) == (CommandOutcome.REFUSED, "in-use")
    late = Bench(tmp_path)  # somebody signs in between the question and the end
    late.restarts = False
    assert late.do("restart", key="y").why == "in-use"
    assert [one.outcome for one in late.said] == [CommandOutcome.ACCEPTED, CommandOutcome.REFUSED]
    bench.carrier.stop()
    late.carrier.stop()


def test_nothing_moves_while_the_microcontroller_is_updated(tmp_path: Path) -> None:
    bench = Bench(tmp_path, is_updating=lambda: True)
    for number, name in enumerate(("lock", "unlock", "restart")):
        assert bench.do(name, {"drawer": 1} if name != "restart" else {}, key=f"k{number}").why == "updating"
    assert bench.do("locate", key="l").outcome is CommandOutcome.DONE
    bench.carrier.stop()


def test_a_command_that_waited_too_long_behind_another_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    late = bench.do("unlock", {"drawer": 1}, left_s=-0.001)
    assert (late.outcome, late.why) == (CommandOutcome.REFUSED, "too-late")
    assert isinstance(bench.hardware, SimulatedDrawers)
    assert bench.hardware.history == ()
    bench.carrier.stop()


@pytest.mark.parametrize("refused", ["", "other-session", "too-late"])
def test_a_late_copy_of_what_was_carried_out_is_never_told_as_refused(tmp_path: Path, refused: str) -> None:
    bench = Bench(tmp_path)
    assert bench.do("unlock", {"drawer": 3}, key="one").outcome is CommandOutcome.DONE
    for key, outcome in (("one", CommandOutcome.DONE), ("new", CommandOutcome.REFUSED), ("new", CommandOutcome.REFUSED)):
        bench.carrier.carry_out(Taken(id=key, name="unlock", params={"drawer": 3}, until_mono_s=bench.mono_s - 1, refused=refused))
        assert bench.said[-1].outcome is outcome
    assert bench.said[-1].why == (refused or "too-late")
    assert isinstance(bench.hardware, SimulatedDrawers)
    assert len(bench.hardware.history) == 1
    bench.carrier.stop()


@pytest.mark.parametrize("params", [{}, {"drawer": 0}, {"drawer": True}, {"drawer": "3"}, {"drawer": 65}, {"drawer": -1}])
def test_rubbish_moves_nothing(tmp_path: Path, params: Mapping[str, object]) -> None:
    bench = Bench(tmp_path)
    assert bench.do("unlock", params).outcome is CommandOutcome.REFUSED
    assert isinstance(bench.hardware, SimulatedDrawers)
    assert bench.hardware.history == ()
    bench.carrier.stop()


def test_an_answer_of_the_hardware_that_does_not_come_is_unknown(tmp_path: Path) -> None:
    bench = Bench(tmp_path, SimulatedDrawers(lose_answer=True))
    assert bench.do("lock").outcome is CommandOutcome.OUTCOME_UNKNOWN
    assert bench.do("unlock", {"drawer": 2}, key="u").outcome is CommandOutcome.OUTCOME_UNKNOWN
    bench.carrier.stop()


def test_a_cart_without_hardware_is_still_found_by_its_screen(tmp_path: Path) -> None:
    bench = Bench(tmp_path, NoDrawers())
    found = bench.do("locate", {"lasts_s": 20})
    assert (found.outcome, found.values["hardware"]) == (CommandOutcome.DONE, "unavailable")
    assert bench.located.showing == 1
    bench.mono_s += 21
    assert bench.located.showing == 0
    assert bench.do("lock", key="l").outcome is CommandOutcome.FAILED
    bench.carrier.stop()


def test_a_memory_that_cannot_be_written_lets_nothing_begin(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.memory.close()
    refused = bench.do("unlock", {"drawer": 1})
    assert (refused.outcome, refused.why) == (CommandOutcome.REFUSED, "memory-fault")
    assert isinstance(bench.hardware, SimulatedDrawers)
    assert bench.hardware.history == ()


@pytest.mark.parametrize("rubbish", ["whole", "page", "row", "away"])
def test_a_damaged_memory_keeps_no_cart_from_starting_and_lets_nothing_begin(tmp_path: Path, rubbish: str) -> None:
    path = tmp_path / "commands.sqlite"
    before = Bench(tmp_path)
    for number in range(40):
        before.memory.begin(f"{number:036}", "unlock", NOW)
    before.carrier.stop()
    if rubbish == "whole":
        path.write_bytes(b"no database at all, since the card wore out" * 200)
    elif rubbish == "page":
        body = bytearray(path.read_bytes())
        body[4096:] = b"\xa5" * (len(body) - 4096)
        path.write_bytes(body)
    elif rubbish == "row":
        with sqlite3.connect(path) as file:
            file.execute("UPDATE commands SET outcome = 'accepted', told = '{'")
        file.close()
    else:
        path.unlink()
        path.mkdir()
    bench = Bench(tmp_path)
    bench.carrier.tell_left()
    assert bench.said == []
    refused = bench.do("unlock", {"drawer": 1}, key=f"{1:036}")
    assert (refused.outcome, refused.why) == (CommandOutcome.REFUSED, "memory-fault")
    assert isinstance(bench.hardware, SimulatedDrawers)
    assert bench.hardware.history == ()
    bench.carrier.stop()
    if rubbish in ("whole", "page"):
        assert (tmp_path / "commands.sqlite.damaged").exists()
        anew = Bench(tmp_path)
        assert anew.do("unlock", {"drawer": 1}, key="new").outcome is CommandOutcome.DONE
        anew.carrier.stop()


def test_a_bundle_blanks_what_looks_like_the_number_of_a_person(tmp_path: Path) -> None:
    kept = bundle.Kept()
    for text in ("band 893600000000000125 read", "patient 24-000123 opened", "079203012345 scanned", "7 records wait"):
        kept.emit(logging.LogRecord("cart", logging.INFO, __file__, 1, text, (), None))
    told = "\n".join(kept.lines)
    assert not any(number in told for number in ("893600000000000125", "24-000123", "079203012345"))
    assert "7 records wait" in told


def test_a_line_of_the_log_that_cannot_be_written_harms_nobody_who_logs() -> None:
    kept = bundle.Kept()
    kept.handle(logging.LogRecord("cart", logging.INFO, __file__, 1, "%d drawers", ("many",), None))
    kept.handle(logging.LogRecord("cart", logging.INFO, __file__, 1, "7 records wait", (), None))
    assert len(kept.lines) == 2
    assert "many" not in kept.lines[0]
    assert "7 records wait" in kept.lines[1]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_answer_that_cannot_be_said_and_the_end_of_the_thread_keep_no_later_command_back(tmp_path: Path) -> None:
    faults: list[BaseException] = [SystemExit(), RuntimeError("no versions")]

    def numbers() -> Mapping[str, object]:
        if faults:
            raise faults.pop()
        return {}

    bench = Bench(tmp_path, numbers=numbers)
    heard: queue.Queue[CommandAnswered] = queue.Queue()
    said: list[str] = []

    def say(answer: CommandAnswered) -> None:
        if not said:
            said.append(answer.command)
            raise RuntimeError("no line")
        heard.put(answer)

    bench.carrier.say = say
    bench.carrier.start()
    for key in ("a", "b"):
        bench.carrier.take(Taken(id=key, name="diagnostics", params={}, until_mono_s=bench.mono_s + 5))
    thread = next(one for one in threading.enumerate() if one is bench.carrier._thread)
    thread.join(10)
    assert not thread.is_alive()
    bench.carrier.take(Taken(id="c", name="diagnostics", params={}, until_mono_s=bench.mono_s + 5))
    answer = heard.get(timeout=10)
    assert (answer.command, answer.outcome) == ("c", CommandOutcome.DONE)
    bench.carrier.stop()


def test_parts_of_a_bundle_are_the_whole_again() -> None:
    text = "điều dưỡng " * 999
    parts = bundle.parts(text, longest=1000)
    assert "".join(str(one["text"]) for one in parts) == text
    assert [one["part"] for one in parts] == list(range(1, len(parts) + 1))
    assert {one["parts"] for one in parts} == {len(parts)}


@pytest.mark.parametrize("letter", ["a", "ộ", "\x01", "\U0001f489"])
def test_every_part_of_a_full_log_is_an_answer_that_the_server_takes(letter: str) -> None:
    lines = (letter * bundle.LONGEST_LINE,) * bundle.LINES
    text = bundle.written(cart="c1", at=NOW, versions={}, config_hash="h", numbers={}, tested={}, hardware={}, lines=lines)
    for whole in (text, letter * len(text)):
        parts = bundle.parts(whole)
        assert len(parts) <= cart_commands.MOST_PARTS
        for part in parts:
            answer = CommandAnswered(command="0" * 36, name="diagnostics", outcome=CommandOutcome.DONE, values=part)
            assert unfit.why(answer) == ""
        assert whole.startswith("".join(str(part["text"]) for part in parts))
        assert sum(len(str(part["text"])) for part in parts) == min(len(whole), bundle.PART * bundle.MOST_PARTS)
