"""The one place where a camera thread and its reader meet: it holds the newest picture and nothing older.

A bedside camera must show what is under it now. A queue would make a slow decoder look at the past, so there is none: a
picture that nobody took in time is replaced. Must never grow, and never make a reader wait past a close.
"""

from __future__ import annotations

import threading
import time
from typing import Generic, TypeVar

from pointofcare.errors import DeviceError

T = TypeVar("T")


class Newest(Generic[T]):
    """A slot for one value, with an end and a failure. Safe between any number of threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._value: T | None = None
        self._put_mono_s = 0.0
        self._waiting = 0
        self._ended = False
        self._failure: DeviceError | None = None

    def put(self, value: T) -> None:
        with self._changed:
            if self._value is None:
                self._put_mono_s = time.monotonic()
            self._value = value
            self._changed.notify_all()

    def end(self, failure: DeviceError | None = None) -> None:
        """No more values. `failure` is raised to whoever waits; the first end counts."""
        with self._changed:
            if not self._ended:
                self._ended = True
                self._failure = failure
            self._changed.notify_all()

    def wanted(self, for_s: float) -> bool:
        """Whether a further value is worth making: somebody waits, or has not left the one that is here for `for_s`."""
        with self._changed:
            return self._waiting > 0 or self._value is None or time.monotonic() - self._put_mono_s < for_s

    @property
    def ended(self) -> bool:
        with self._changed:
            return self._ended

    def take(self, timeout_s: float) -> T | None:
        """The newest value, once. None when the source ended.

        Raises: TimeoutError after `timeout_s` without a value; the failure that ended the source."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while self._value is None:
                if self._failure is not None:
                    raise self._failure
                if self._ended:
                    return None
                remaining_s = deadline - time.monotonic()
                if remaining_s <= 0:
                    raise TimeoutError
                self._waiting += 1
                self._changed.wait(remaining_s)
                self._waiting -= 1
            if self._ended and self._failure is None:
                return None
            value, self._value = self._value, None
            return value
