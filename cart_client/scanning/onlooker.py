"""A phone's camera: its messages in, each newly held symbol out, once."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping

from cart_client.scanning.held import Held, step
from cart_client.scanning.told import CameraTold, Seen
from devices.ports import DistantCamera, Told

# A distant camera that tells nothing for this long is away.
SILENT_S = 3.0
# No fault: a phone's page sleeps whenever nobody looks at it.
PHONE_AWAY = "phone-away"


class Onlooker:
    """A distant camera's messages in, each newly held symbol out, once: the same rule as for a camera of the cart's own.

    `tell` is called from whichever thread a message came by. What was held stays held over a silence, however long."""

    def __init__(self, camera: DistantCamera, inbox: queue.Queue[object], *, mono_s: Callable[[], float] = time.monotonic) -> None:
        self._camera, self._inbox, self._mono_s = camera, inbox, mono_s
        self._lock = threading.Lock()
        self._held = Held()
        self._live: bool | None = None
        self._heard_mono_s = mono_s()

    def tell(self, message: Mapping[str, object]) -> tuple[Told, int]:
        """The answer, and how many symbols of it were new. Raises: MessageError."""
        told = self._camera.take(message)
        with self._lock:
            if told.why in ("too-often", "elsewhere"):
                return told, 0
            self._heard_mono_s = self._mono_s()
            if told.sighting is None:
                return told, 0
            if self._live is not True:
                self._live = True
                self._inbox.put(CameraTold(live=True, source=self._camera.describe()))
            found, at = told.sighting.symbols, told.sighting.at
            self._held, fresh = step(self._held, list(found), at)
            for symbol in fresh:
                beside = tuple(other for other in found if other.content != symbol.content)
                self._inbox.put(Seen(symbol=symbol, at=at, frame_at=at, beside=beside))
            return told, len(fresh)

    def silent_s(self) -> float:
        """Since the last message that was heard."""
        with self._lock:
            return self._mono_s() - self._heard_mono_s

    def look(self) -> None:
        """Says so when nothing is told any more; to be called every second."""
        with self._lock:
            if self._live is not False and self._mono_s() - self._heard_mono_s >= SILENT_S:
                self._live = False
                self._inbox.put(CameraTold(live=False, why=PHONE_AWAY, source=self._camera.describe()))
