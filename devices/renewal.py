"""Renews a machine's certificate at two thirds of its life, while it works. The one in use stays until the new one has worked.

Never touches the journal: changing the certificate ends one connection and begins another, and what was under way is sent again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from devices import identity as identities
from devices.identity import Identity
from pointofcare.errors import ConfigError, NotPermittedError, PointOfCareError

log = logging.getLogger(__name__)

EVERY_S = 600.0
# The broker learns of a new certificate within seconds; a connection that is refused is tried again for this long.
TRY_S = 45.0
ALERT = timedelta(days=7)
_POLL_S = 0.2


class Line(Protocol):
    """What of a connection to the broker is needed here."""

    @property
    def sid(self) -> str: ...

    def use_certificate(self, cert_file: Path) -> None: ...


class Renewal:
    """One thread. `ending` and `numbers` may be asked from others."""

    def __init__(
        self,
        identity: Identity,
        line: Line,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        every_s: float = EVERY_S,
        try_s: float = TRY_S,
    ) -> None:
        self._identity, self._line, self._now, self._every_s, self._try_s = identity, line, now, every_s, try_s
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._run, name="renewal", daemon=True)
        self._expires_at = identity.expires_at()
        self._fault = ""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Back within seconds; a request that is on its way is left to end by itself."""
        self._halt.set()
        self._thread.join(3.0)

    def ending(self, at: datetime) -> bool:
        """The certificate in use ends within a week, so the renewal has failed for long: a person must look."""
        return self._expires_at - at < ALERT

    @property
    def days_left(self) -> float:
        """Of the certificate in use."""
        return (self._expires_at - self._now()) / timedelta(days=1)

    def numbers(self) -> Mapping[str, object]:
        """For the telemetry."""
        left = self._expires_at - self._now()
        told: dict[str, object] = {"certificate_expires_at": self._expires_at.isoformat(), "certificate_days_left": left.days}
        return {**told, "certificate_fault": self._fault} if self._fault else told

    def once(self) -> bool:
        """One look: renew if it is time, and use what was renewed. Whether the certificate in use is another one now."""
        try:
            if not self._identity.renewed.is_file():
                if not self._identity.renewal_due(self._now()):
                    return False
                until = identities.renew(self._identity)
                log.info("certificate renewed until %s", until)
            return self._put_to_use()
        except NotPermittedError as exc:
            self._fault = exc.code
            log.error("the certificate is not renewed: %s", exc)
        except (PointOfCareError, OSError) as exc:
            self._fault = exc.code if isinstance(exc, PointOfCareError) else "disk"
            log.warning("the certificate is not renewed yet: %s", exc)
        return False

    def _put_to_use(self) -> bool:
        """Also while offline: the one in use may be what the broker refuses."""
        before = self._line.sid
        try:
            self._line.use_certificate(self._identity.renewed)
        except ConfigError:
            self._identity.drop_renewed()
            raise
        if self._came_in(before):
            self._identity.promote()
            self._expires_at = self._identity.expires_at()
            self._fault = ""
            return True
        self._fault = "renewed-refused"
        log.error("the broker refuses the renewed certificate: back to the one before")
        self._line.use_certificate(self._identity.in_use)
        return False

    def _came_in(self, before: str) -> bool:
        deadline = time.monotonic() + self._try_s
        while time.monotonic() < deadline and not self._halt.wait(_POLL_S):
            if self._line.sid not in ("", before):
                return True
        return False

    def _run(self) -> None:
        while not self._halt.is_set():
            self.once()
            self._halt.wait(self._every_s)
