"""The one thread that carries out commands of the fleet, one after the other, and answers each.

A command that waited too long behind another is refused, not done late. It is written down as begun before anything happens.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cart_client.commanded import bundle, doing
from cart_client.commanded.doing import Doing, Done, Refusal
from cart_client.commanded.memory import Memory
from pointofcare.errors import JournalError
from pointofcare.wire.messages import CommandAnswered, CommandOutcome

log = logging.getLogger(__name__)
RESTART = "restart"
# So long the word that a restart comes has to leave this machine.
SAID_S = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A command for this cart. `until_mono_s`: it may not begin after this, on the clock that nobody sets. `refused`: why it may not begin
    at all; a copy of one that was carried out is answered all the same."""

    id: str
    name: str
    params: Mapping[str, object]
    until_mono_s: float
    refused: str = ""


class _Halt:
    """The program stops."""


class Carrier:
    """`restart` ends the program in order, unless a dose is in hand: then it does nothing, and is False. `say` publishes an answer; it
    is set by the uplink, which owns the connection."""

    def __init__(
        self,
        doing_: Doing,
        memory: Memory,
        *,
        restart: Callable[[], bool],
        mono_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._doing, self._memory, self._restart, self._mono_s, self._sleep = doing_, memory, restart, mono_s, sleep
        self.say: Callable[[CommandAnswered], object] = lambda _answer: None
        self._queue: queue.Queue[Taken | _Halt] = queue.Queue()
        self._thread = self._made()
        self._stopped = False
        self._left = _left_in(memory)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        self._queue.put(_Halt())
        if self._thread.is_alive():
            self._thread.join(3.0)
        self._memory.close()

    def take(self, command: Taken) -> None:
        """The answer comes through `say`. A thread that died is begun anew: of what killed it nobody knows the outcome."""
        self._queue.put(command)
        if self._thread.ident is not None and not self._thread.is_alive() and not self._stopped:
            log.critical("the thread of commands died: it is begun anew")
            self._thread = self._made()
            self._thread.start()

    def tell_left(self) -> None:
        """What was under way when the program ended, told once: a restart has happened, of anything else nobody knows."""
        left, self._left = self._left, ()
        for each in left:
            restarted = each.name == RESTART and each.outcome is CommandOutcome.ACCEPTED
            outcome = CommandOutcome.DONE if restarted else CommandOutcome.OUTCOME_UNKNOWN
            self._end(CommandAnswered(command=each.command, name=each.name, outcome=outcome, why=None if restarted else "interrupted"))

    def _made(self) -> threading.Thread:
        return threading.Thread(target=self._run, name="commands", daemon=True)

    def _run(self) -> None:
        while True:
            command = self._queue.get()
            if isinstance(command, _Halt):
                return
            try:
                self.carry_out(command)
            except Exception as exc:
                log.exception("a command could not be carried out")
                try:
                    self._end(_answer(command, CommandOutcome.OUTCOME_UNKNOWN, type(exc).__name__))
                except Exception:
                    log.exception("the outcome of a command could not be told")

    def carry_out(self, command: Taken) -> None:
        """Once: a second copy gets the answer of the first, however late it comes."""
        refused = command.refused or ("too-late" if self._mono_s() > command.until_mono_s else "")
        try:
            before = self._memory.known(command.id)
            if before is None and refused:
                self.say(_answer(command, CommandOutcome.REFUSED, refused))
                return
            before = before or self._memory.begin(command.id, command.name, self._doing.now())
        except JournalError as exc:
            log.error("%s", exc)
            self.say(_answer(command, CommandOutcome.REFUSED, "memory-fault"))
            return
        if before is not None:
            self.say(before)
            return
        log.info("command %s", command.name)
        try:
            done = doing.do(self._doing, command.name, command.params, command.id)
        except Refusal as exc:
            done = Done(outcome=CommandOutcome.REFUSED, why=exc.why, values={})
        if isinstance(text := done.values.get("bundle"), str):
            self._end(_answer(command, done.outcome, done.why), tuple(bundle.parts(text)))
            return
        self._end(_answer(command, done.outcome, done.why, done.values))
        if command.name == RESTART and done.outcome is CommandOutcome.ACCEPTED:
            self._sleep(SAID_S)
            if not self._restart():
                self._end(_answer(command, CommandOutcome.REFUSED, "in-use"))

    def _end(self, answer: CommandAnswered, parts: tuple[Mapping[str, object], ...] = ()) -> None:
        """Written down, then told. What cannot be written down is told all the same: it did happen."""
        try:
            self._memory.end(answer)
        except JournalError as exc:
            log.error("%s", exc)
        for values in parts:
            self.say(_with(answer, values))
        if not parts:
            self.say(answer)


def _left_in(memory: Memory) -> tuple[CommandAnswered, ...]:
    """What nobody can read is told by nobody: the server waits in vain and says that it does not know."""
    try:
        return memory.unsettled()
    except JournalError as exc:
        log.error("%s", exc)
        return ()


def _with(answer: CommandAnswered, values: Mapping[str, object]) -> CommandAnswered:
    return CommandAnswered(command=answer.command, name=answer.name, outcome=answer.outcome, why=answer.why, values=values)


def _answer(command: Taken, outcome: CommandOutcome, why: str = "", values: Mapping[str, object] | None = None) -> CommandAnswered:
    return CommandAnswered(command=command.id, name=command.name, outcome=outcome, why=why or None, values=dict(values or {}))
