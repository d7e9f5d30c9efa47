"""The settings that the hospital gave this cart from afar: taken only when the server signed them for this cart, kept over a restart.

A forged, older or foreign one changes nothing. A file that cannot be written or read leaves the defaults: settings are a convenience, and
no dose waits for them.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from cart_client import trust
from pointofcare.errors import MessageError
from pointofcare.wire import settings
from pointofcare.wire.messages import ConfigDesired, ConfigOrder, ConfigReported
from pointofcare.wire.settings import Value

log = logging.getLogger(__name__)
FILE = "settings.jws"
NOT_SIGNED, FOREIGN, OLDER, NOT_KEPT = "not-signed", "other-cart", "older", "not-kept"
# An honest one has fifteen settings.
_LONGEST = 64_000
_HIGHEST = 2**40


class SettingsHeld:
    """`own` are settings that the cart's own file says, under those from afar. Safe to read from any thread.

    `nothing_here` are settings for which this cart lacks the hardware."""

    def __init__(
        self,
        directory: Path,
        *,
        cart: str,
        facility: str,
        keys: Callable[[], Sequence[OKPKey]],
        own: Mapping[str, Value],
        nothing_here: frozenset[str] = frozenset(),
    ) -> None:
        self._path, self._cart, self._facility, self._keys = directory / FILE, cart, facility, keys
        self._own, self._nothing_here = dict(own), nothing_here
        self._lock = threading.Lock()
        self._version, self._refused = 0, dict[str, str]()
        self._running: dict[str, Value] = {**settings.whole({}), **self._own}
        self._load()
        # What needs a restart runs with what was there at the start.
        self._at_start = {name: self._running[name] for name, one in settings.SETTINGS.items() if one.restart}

    def whole_number(self, name: str) -> int:
        value = self._running[name]
        return value if isinstance(value, int) else 0

    def text(self, name: str) -> str:
        return str(self._running[name])

    def truth(self, name: str) -> bool:
        return self._running[name] is True

    @property
    def version(self) -> int:
        return self._version

    @property
    def report(self) -> ConfigReported:
        """What this cart really runs with, and why not with the rest of what was wanted."""
        with self._lock:
            running = dict(self._running)
            refused = dict(self._refused)
            for name, before in getattr(self, "_at_start", {}).items():
                if running[name] != before:
                    refused[name] = settings.RESTART
                    running[name] = before
            return ConfigReported(version=self._version, document=running, hash=settings.hash_of(running), refused=refused)

    def take(self, desired: ConfigDesired) -> str | None:
        """The code why it was refused as a whole; None: it is kept and runs. The same one again is no fault and changes nothing."""
        order = self._read(desired.signed)
        if isinstance(order, str):
            return order
        with self._lock:
            if order.version < self._version:
                return OLDER
            if order.version == self._version:
                return None
            try:
                _write(self._path, desired.signed)
            except OSError as exc:
                log.error("the settings from afar cannot be kept: %s", exc)
                return NOT_KEPT
            self._run(order)
        return None

    def _load(self) -> None:
        try:
            text = self._path.read_text(encoding="ascii")
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError) as exc:
            log.error("the settings from afar cannot be read: %s", exc)
            return
        order = self._read(text)
        if isinstance(order, str):
            log.error("the settings that were kept are not used: %s", order)
            return
        self._run(order)

    def _run(self, order: ConfigOrder) -> None:
        accepted, refused = settings.sifted(order.document)
        refused |= dict.fromkeys(self._nothing_here & set(accepted), "setting-nothing-here")
        running = {**settings.whole({}), **self._own, **{name: value for name, value in accepted.items() if name not in refused}}
        self._version, self._refused, self._running = order.version, refused, running

    def _read(self, text: str) -> ConfigOrder | str:
        if len(text) > _LONGEST:
            return NOT_SIGNED
        signed = trust.payload(text, self._keys())
        if signed is None:
            return NOT_SIGNED
        try:
            if jws.extract_compact(text.encode("ascii")).headers().get("typ") != settings.TYPE:
                return NOT_SIGNED
            order = settings.read_claims(signed)
        except (JoseError, MessageError, ValueError):
            return NOT_SIGNED
        if order.facility != self._facility or order.cart != self._cart or not 0 < order.version < _HIGHEST:
            return FOREIGN
        return order


def _write(path: Path, text: str) -> None:
    """Whole or not at all, also when the power fails. Raises: OSError."""
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
