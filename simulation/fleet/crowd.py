"""A fleet of virtual carts on one asyncio loop: who connects when, and a look at each about once a second.

No thread of its own for a cart: a few threads do the blocking part of connecting, everything else is the selector of one loop.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from simulation.fleet.cart import Count, Play, Verify, VirtualCart
from simulation.fleet.line import Door, Line
from simulation.fleet.roster import Build

LOOK_S = 1.0
# Each turn looks at one share of the carts, so that five hundred never speak in the same moment.
_SHARES = 20
_THREADS = 8
_CALM_S = 3.0


class Crowd:
    """The carts of one process. `doors` says how each comes in. `arrive_s`: over how long they come at first."""

    def __init__(self, builds: Sequence[Build], play: Play, doors: Callable[[Build], Door], *, arrive_s: float = 0.0) -> None:
        self.count = Count()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="fleet-connect")
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._ending = False
        began_s = time.monotonic()
        place = max(1, len(builds))
        self.carts: tuple[VirtualCart, ...] = tuple(
            VirtualCart(
                build,
                play,
                doors(build),
                self.count,
                connect=self._connect,
                wall_s=time.time,
                started_mono_s=began_s,
                start_at_s=arrive_s * number / place,
            )
            for number, build in enumerate(builds)
        )
        self.by_id: Mapping[str, VirtualCart] = {cart.build.id: cart for cart in self.carts}
        self._task = self._loop.create_task(self._turn())

    @property
    def online(self) -> int:
        return sum(cart.online for cart in self.carts)

    @property
    def published(self) -> int:
        """By all carts so far, of connections that ended and of those that run."""
        return self.count.published + sum(cart.line.published for cart in self.carts if cart.line is not None)

    @property
    def received(self) -> int:
        return self.count.received + sum(cart.line.received for cart in self.carts if cart.line is not None)

    @property
    def unacknowledged(self) -> int:
        """Messages that the broker has not taken yet."""
        return sum(cart.line.unacknowledged for cart in self.carts if cart.line is not None)

    async def all_online(self, *, timeout_s: float) -> float | None:
        """Seconds until every cart that may be there is; None: not in time."""
        began_s = time.monotonic()
        while time.monotonic() - began_s < timeout_s:
            if all(cart.online for cart in self.carts if cart.day.alive):
                return time.monotonic() - began_s
            self.check()
            await asyncio.sleep(0.05)
        return None

    def check(self) -> None:
        """Raises what ended the carts' life, if anything did."""
        if self._task.done() and not self._task.cancelled():
            self._task.result()

    async def stop(self, *, politely: bool = True) -> None:
        """Every cart says goodbye, and every socket is closed."""
        self._ending = True
        self._task.cancel()
        for cart in self.carts:
            if cart.line is not None:
                cart.line.close(politely=politely)
        if self._opening:
            await asyncio.wait(self._opening, timeout=_CALM_S)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _turn(self) -> None:
        share = 0
        while True:
            for cart in self.carts[share::_SHARES]:
                cart.look(time.monotonic())
            share = (share + 1) % _SHARES
            await asyncio.sleep(LOOK_S / _SHARES)

    def _connect(self, cart: VirtualCart) -> Line:
        line = Line(
            cart.door,
            loop=self._loop,
            filters=cart.topics.filters,
            will=cart.will,
            ready=lambda line: cart.ready(line, time.monotonic()),
            heard=lambda topic, payload, retained: cart.heard(topic, payload, retained, time.monotonic()),
            ended=lambda line, why: cart.ended(line, why, time.monotonic()),
        )
        task = self._loop.create_task(line.open(self._threads))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return line


def verifier(public_key: Path) -> Verify:
    """Checks what the server signed, with the public key that `pointofcare-server export-key` wrote."""
    key = OKPKey.import_key(json.loads(public_key.read_text(encoding="utf-8")))

    def verify(signed: str, kind: str) -> Mapping[str, Any] | None:
        try:
            found = jws.deserialize_compact(signed, key, algorithms=["Ed25519"])
            words = json.loads(found.payload or b"")
        except (JoseError, ValueError, TypeError):
            return None
        return words if found.headers().get("typ") == kind and isinstance(words, dict) else None

    return verify
