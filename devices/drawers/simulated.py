"""Drawers without a cart: for the demo, for training and for tests.

Its three knobs make a drawer do what real ones do on a bad day. Must behave as the port says in each of them.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from devices.ports import DrawerOutcome, DrawersTold, LockOutcome
from pointofcare.errors import DeviceUnavailableError, OutcomeUnknownError
from pointofcare.fleet import drawers as story
from pointofcare.fleet.drawers import Happening

DEFAULT_COUNT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlocking:
    """One command that the simulated lock carried out or refused."""

    drawer: int
    command_id: str
    ttl_s: float
    outcome: DrawerOutcome


class SimulatedDrawers:
    """`refuse`: these drawers refuse. `delay_s`: how long the lock thinks. `lose_answer`: it acts, and nobody hears of it."""

    def __init__(
        self, *, count: int = DEFAULT_COUNT, refuse: frozenset[int] = frozenset(), delay_s: float = 0.0, lose_answer: bool = False
    ):
        self._count = count
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._done: dict[str, Unlocking] = {}
        self._run = uuid.uuid4().hex
        self._story: list[Happening] = []
        self.refuse = refuse
        self.delay_s = delay_s
        self.lose_answer = lose_answer
        self.locked: list[int] = []
        self.signals: list[float] = []
        self.busy: bool | None = None

    @property
    def history(self) -> tuple[Unlocking, ...]:
        """What the lock did, in order, each command once."""
        with self._lock:
            return tuple(self._done.values())

    def pull(self, drawer: int) -> None:
        """Somebody opens a drawer, whether or not it was unlocked: with the key."""
        self._note(story.OPENED, drawer=drawer)

    def push(self, drawer: int) -> None:
        self._note(story.CLOSED, drawer=drawer)

    def happenings(self, *, run: str, after: int) -> DrawersTold | None:
        with self._lock:
            fresh = tuple(one for one in self._story if run != self._run or one.seq > after)
            told = {"upto": len(self._story), "at": datetime.now(UTC), "open": tuple(story.open_now(self._story))}
            return DrawersTold(run=self._run, connected=not self._closed.is_set(), happened=fresh, **told)  # type: ignore[arg-type]

    def _note(self, kind: str, *, drawer: int, command: str = "", outcome: str = "") -> None:
        with self._lock:
            seq = len(self._story) + 1
            happened = Happening(epoch=self._run, seq=seq, kind=kind, at=datetime.now(UTC), drawer=drawer, command=command, outcome=outcome)
            self._story.append(happened)

    def unlock(self, drawer: int, *, command_id: str, ttl_s: float) -> DrawerOutcome:
        if self._closed.is_set():
            raise DeviceUnavailableError("the drawers are closed", remedy="start the cart again", drawer=drawer)
        self._note(story.ASKED, drawer=drawer, command=command_id)
        with self._lock:
            unlocking = self._done.get(command_id)
            if unlocking is None:
                refused = drawer in self.refuse or not 1 <= drawer <= self._count
                outcome = DrawerOutcome.REFUSED if refused else DrawerOutcome.UNLOCKED
                unlocking = Unlocking(drawer=drawer, command_id=command_id, ttl_s=ttl_s, outcome=outcome)
                self._done[command_id] = unlocking
        lost = self._closed.wait(self.delay_s) or self.lose_answer
        self._note(story.ANSWERED, drawer=drawer, command=command_id, outcome="outcome-unknown" if lost else unlocking.outcome.value)
        if lost:
            raise OutcomeUnknownError("the drawer did not answer", remedy="look whether it is open", drawer=drawer, command_id=command_id)
        return unlocking.outcome

    def battery_percent(self) -> int | None:
        return None

    def lock(self, drawer: int) -> LockOutcome:
        self._thinks()
        self.locked.append(drawer)
        return LockOutcome.LOCKED if 0 <= drawer <= self._count and drawer not in self.refuse else LockOutcome.REFUSED

    def in_use(self, busy: bool, *, ttl_s: float) -> None:  # noqa: ARG002 the port's shape
        self.busy = busy

    def signal(self, *, lasts_s: float, sound: bool = True, lights: bool = True) -> None:  # noqa: ARG002 the port's shape
        self._thinks()
        self.signals.append(lasts_s)

    def selftest(self) -> tuple[str, ...]:
        self._thinks()
        return tuple(f"lock-{number}" for number in sorted(self.refuse))

    def condition(self) -> Mapping[str, object]:
        return {"connected": not self._closed.is_set(), "simulated": True}

    def _thinks(self) -> None:
        if self._closed.is_set():
            raise DeviceUnavailableError("the drawers are closed", remedy="start the cart again")
        if self._closed.wait(self.delay_s) or self.lose_answer:
            raise OutcomeUnknownError("the hardware did not answer", remedy="look at the cart")

    def close(self) -> None:
        self._closed.set()


def open_drawers(
    source: str = "",  # noqa: ARG001 one shape for every drawer adapter
    *,
    count: str = str(DEFAULT_COUNT),
    refuse: str = "",
    delay_s: str = "0",
    lose_answer: str = "0",
) -> SimulatedDrawers:
    """Options as text; `refuse` holds numbers with commas. Raises: ValueError for one that is no number."""
    refused = frozenset(int(number) for number in refuse.split(",") if number)
    return SimulatedDrawers(count=int(count), refuse=refused, delay_s=float(delay_s), lose_answer=lose_answer == "1")
