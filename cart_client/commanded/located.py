"""Somebody looks for this cart: for how long its screen shows that, until it is found. Nothing else is known of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Located:
    """Safe from any thread. `mono_s` counts seconds."""

    def __init__(self, mono_s: Callable[[], float] = time.monotonic) -> None:
        self._mono_s = mono_s
        self._lock = threading.Lock()
        self._until_s = 0.0
        self._count = 0

    def begin(self, lasts_s: float) -> None:
        with self._lock:
            self._until_s = self._mono_s() + lasts_s
            self._count += 1

    def end(self) -> None:
        with self._lock:
            self._until_s = 0.0

    @property
    def showing(self) -> int:
        """The number of the call that is shown now, 0: none is."""
        with self._lock:
            return self._count if self._mono_s() < self._until_s else 0
