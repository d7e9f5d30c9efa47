"""Which browsers are paired now, in memory, read anew every second: a request costs no look into the database, and a revocation takes
a second.

A database that does not answer revokes nobody, so those who were paired go on for a short while, and nobody new comes in. What ended is
told to its cart until the cart has heard it. Must never know a cookie, only its hash.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import MappingProxyType

from server.store import phones as store
from server.store.phones import StoredPairing
from server.store.transaction import Actor, DatabaseFault, reading, transaction
from server.usecases import phones as verbs

log = logging.getLogger(__name__)

EVERY_S = 1.0
# So long do the paired go on while the database does not answer: a nurse in the middle of a dose is not thrown out by a restart.
GRACE_S = 300.0
SAW_EVERY_S = 60.0
# A cart that cannot be told for so long has no session of that phone any more: it locks by itself.
TELL_FOR_S = 600.0
_ACTOR = Actor(id="phone-gate")

_Key = tuple[str, int]


class Standing:
    """`scope` is the application's context. `tell_ended` tells a cart that a pairing is over, and says whether it heard."""

    def __init__(
        self,
        *,
        scope: Callable[[], AbstractContextManager[object]],
        tell_ended: Callable[[str, int], bool],
        mono_s: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._scope, self._tell_ended, self._mono_s, self._now = scope, tell_ended, mono_s, now
        self._known: Mapping[str, StoredPairing] = MappingProxyType({})
        self._read_s: float | None = None
        self._wrote_s = mono_s()
        self._to_end: dict[_Key, float] = {}
        self._asked: set[_Key] = set()
        self._lock = threading.Lock()
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._run, name="standing", daemon=True)

    def start(self) -> None:
        """Reads once before anybody is answered; what ended while no gate ran is told to its carts."""
        self.refresh(first=True)
        self._thread.start()

    def stop(self) -> None:
        self._halt.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def of(self, cookie: str) -> StoredPairing | None:
        """The pairing of the browser with this cookie, None when it has none that holds."""
        if not cookie or len(cookie) > 128:
            return None
        found = self._known.get(verbs.hashed(cookie))
        if found is None or not found.stands(self._now()) or self._blind():
            return None
        with self._lock:
            self._asked.add((found.cart, found.number))
        return found

    def refresh(self, *, first: bool = False) -> None:
        """Reads who is paired, and tells the carts of those who are not any more."""
        try:
            with self._scope(), reading(_ACTOR) as tx:
                found = {one.cookie_hash: one for one in store.standing(tx)}
                gone = [one for one in store.listed(tx) if not one.stands(tx.at)] if first else []
        except DatabaseFault:
            log.warning("who is paired cannot be read now")
            return
        now_s = self._mono_s()
        with self._lock:
            ended = [one for key, one in self._known.items() if key not in found] + gone
            self._known, self._read_s = MappingProxyType(found), now_s
            self._to_end.update({(one.cart, one.number): now_s for one in ended})

    def tell(self) -> None:
        """Every cart whose phone is gone, until it heard."""
        with self._lock:
            waiting = dict(self._to_end)
        for key, since_s in waiting.items():
            if self._tell_ended(*key) or self._mono_s() - since_s > TELL_FOR_S:
                with self._lock:
                    self._to_end.pop(key, None)

    def note(self) -> None:
        """When each phone was last here, once a minute for all of them."""
        if self._mono_s() - self._wrote_s < SAW_EVERY_S:
            return
        self._wrote_s = self._mono_s()
        with self._lock:
            asked, self._asked = self._asked, set()
        if not asked:
            return
        try:
            with self._scope(), transaction(_ACTOR) as tx:
                store.saw(tx, asked)
        except DatabaseFault:
            log.warning("when the phones were here could not be written")

    def _blind(self) -> bool:
        return self._read_s is None or self._mono_s() - self._read_s > GRACE_S

    def _run(self) -> None:
        while not self._halt.wait(EVERY_S):
            try:
                self.refresh()
                self.tell()
                self.note()
            except Exception:
                log.exception("who is paired could not be looked at")
