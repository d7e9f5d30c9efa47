"""Whether somebody uses the cart: what the cart program last said, for as long as it said. Silence is "not known", never "no"."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Use:
    """Any thread may call it. `mono` gives seconds that never jump."""

    def __init__(self, mono: Callable[[], float] = time.monotonic) -> None:
        self._mono = mono
        self._guard = threading.Lock()
        self._busy: bool | None = None
        self._until = 0.0
        self._idle_since: float | None = None

    def told(self, *, busy: bool, ttl_ms: int) -> None:
        """The cart program says so, for `ttl_ms` from now on."""
        now = self._mono()
        with self._guard:
            if busy:
                self._idle_since = None
            elif self._idle_since is None or self._busy is not False or now > self._until:
                self._idle_since = now  # nobody knows what was between two words that did not meet
            self._busy, self._until = busy, now + ttl_ms / 1000

    def now(self) -> tuple[bool | None, float | None]:
        """(busy, seconds without use); None each for what is not known."""
        now = self._mono()
        with self._guard:
            if self._busy is None or now > self._until:
                return None, None
            return self._busy, None if self._idle_since is None else now - self._idle_since
