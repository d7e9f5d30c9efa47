"""What came and is not yet dealt with, a lane for each cart: a cart that comes back with a whole shift must not keep the others waiting.

The order of one cart's messages is kept. Between carts it is their turn, one message each; a cart of which nothing waited comes first
(as new flows do in RFC 8290), and having had that turn it queues with the others, so that none can starve one. Nothing is dropped.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from typing import Generic, TypeVar

from devices.broker import Arrival, BrokerEvent, Cleared, Rejected
from pointofcare.errors import MessageError
from pointofcare.wire import routes
from pointofcare.wire.messages import Body, CartBirth, CartState, TablesHeld

T = TypeVar("T")


class Lanes(Generic[T]):
    """A queue with `put` from any thread, and `get` for the one that works."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[str, deque[T]] = {}
        # Names of `_waiting`, each in one of both.
        self._new: deque[str] = deque()
        self._turns: deque[str] = deque()

    def put(self, event: T, lane: str = "") -> None:
        with self._changed:
            if lane not in self._waiting:
                self._waiting[lane] = deque()
                self._new.append(lane)
            self._waiting[lane].append(event)
            self._changed.notify()

    def get(self, *, timeout_s: float) -> T:
        """The next one. Raises: queue.Empty when none came in time."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                while self._new or self._turns:
                    lane = self._new.popleft() if (fresh := bool(self._new)) else self._turns.popleft()
                    waiting = self._waiting[lane]
                    if not waiting:
                        del self._waiting[lane]
                        continue
                    event = waiting.popleft()
                    if waiting or (fresh and self._turns):
                        self._turns.append(lane)
                    else:
                        del self._waiting[lane]
                    return event
                left_s = deadline - time.monotonic()
                if left_s <= 0 or not self._changed.wait(left_s):
                    if self._new or self._turns:
                        continue
                    raise queue.Empty


def lane_of(event: BrokerEvent) -> str:
    """The cart that it came from, "" where it is of none."""
    if isinstance(event, Arrival | Cleared):
        return event.levels.get("cart", "")
    if isinstance(event, Rejected):
        with contextlib.suppress(MessageError):
            return routes.match(event.topic)[1].get("cart", "")
    return ""


def is_said_once(body: Body) -> bool:
    """A cart says it once a connection, or an hour, and says nothing again because we failed."""
    return isinstance(body, CartBirth | CartState) or (isinstance(body, TablesHeld) and bool(body.emr_waiting or body.audit_checkpoints))
