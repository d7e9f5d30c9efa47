"""The thread that keeps this server in step with the hospital's FHIR server: look, take, compare, and say on the page how far it is.

It holds no fact of its own: killed at any line, the next start reads from the same mark and finds what was kept. What cannot be
reached is asked again, later and later, and the fault stands on the page until it is over.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pointofcare.errors import EmrError
from server.config import EmrConfig, ServerConfig
from server.emr import retry
from server.feed_settings import FhirFeedConfig
from server.feeds import fhir_items as items
from server.feeds import fhir_reading, fhir_reconciling, fhir_source, fhir_taking, gnuhealth_source
from server.feeds.fhir_items import SOURCE
from server.feeds.fhir_reading import ACTOR, Reference
from server.feeds.fhir_source import Source
from server.feeds.fhir_takers import Taker
from server.store import incoming
from server.store.transaction import reading, transaction
from server.usecases.standard_times import StandardTimes

_log = logging.getLogger(__name__)
# A hook that another process heard stands under this name.
HOOK = "hook"
# So many items are taken before the next look: a stop must not wait behind a month of orders.
MOST_AT_ONCE = 500
_SLICE_S = 1.0
_PRUNE_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """What a page shows of it; `fault` "" when the newest round went well."""

    running: bool
    taken: int
    fault: str


class FhirFeed:
    """`scope` opens what the store needs around each round (the Flask application context). `changed` is called after a round in which
    something was taken, from this thread."""

    def __init__(
        self,
        taker: Taker,
        *,
        scope: Callable[[], AbstractContextManager[object]],
        changed: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._taker = taker
        self._scope = scope
        self._changed = changed
        self._now = now
        self._chance = chance
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._checked = False
        self._compared_at: datetime | None = None
        self._pruned_at: datetime | None = None
        self._heard_at: datetime | None = None
        self._failures = 0
        self._taken = 0
        self._fault = ""

    def start(self) -> None:
        self._thread = threading.Thread(target=self.run, name="fhir-feed", daemon=True)
        self._thread.start()

    def stop(self, *, timeout_s: float = 40.0) -> None:
        """Lets the item in hand end, then returns."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        self._taker.source.close()

    def wake(self) -> None:
        """Look now. Safe from any thread."""
        self._wake.set()

    @property
    def state(self) -> FeedState:
        return FeedState(running=self._thread is not None and self._thread.is_alive(), taken=self._taken, fault=self._fault)

    def run(self) -> None:
        """Until `stop`. A broad except is allowed here (decisions 0011, 0017): whatever fails, what was kept stays as it is."""
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                with self._scope():
                    self.round()
                pause_s = float(self._taker.settings.every_s)
            except EmrError as exc:
                pause_s = self._after(exc)
            except Exception as exc:  # noqa: BLE001 - see above
                _log.exception("a round of the FHIR feed failed; what was kept stays")
                self._fault = f"{type(exc).__name__}: {exc}"
                pause_s = retry.LONGEST_DELAY_S
            self._rest(pause_s)

    def round(self) -> int:
        """One look at everything, and what came of it taken; how many items. Raises: EmrError, what the store raises."""
        if not self._checked:
            self._taker.source.check(items.KINDS)
            self._checked = True
        taken, fault = 0, None
        for kind in items.KINDS:
            if self._stopping.is_set():
                return taken
            try:
                looked = fhir_reading.look(self._taker.source, kind, self._taker.settings, self._taker.reference, self._now())
                if not looked.is_whole:
                    self._wake.set()
            except EmrError as exc:  # one kind that this sign-in may not read must not keep the orders back
                fhir_reading.failed(kind, exc)
                fault = exc
        taken += self.take()
        if self._is_due(self._compared_at, timedelta(minutes=self._taker.settings.reconcile_min)):
            self._compare()
            taken += self.take()
        self._prune()
        self._taken += taken
        if taken:
            self._changed()
        if fault is not None:
            raise fault
        self._failures, self._fault = 0, ""
        return taken

    def take(self) -> int:
        """Takes what is due, up to a bound; how many."""
        taken = 0
        while taken < MOST_AT_ONCE and not self._stopping.is_set():
            count = fhir_taking.take_due(self._taker, stopping=self._stopping.is_set)
            if not count:  # what came of an item, such as the orders that waited for a patient, is due at once
                return taken
            taken += count
        self._wake.set()
        return taken

    def _compare(self) -> None:
        try:
            fhir_reconciling.reconcile(self._taker, stopping=self._stopping.is_set)
        except EmrError as exc:
            fhir_reading.failed(fhir_reconciling.PART, exc)
            raise
        self._compared_at = self._now()

    def _prune(self) -> None:
        if self._is_due(self._pruned_at, _PRUNE_EVERY):
            with transaction(ACTOR) as tx:
                incoming.prune(tx, before=self._now() - timedelta(days=self._taker.settings.keep_days))
            self._pruned_at = self._now()

    def _is_due(self, last: datetime | None, every: timedelta) -> bool:
        return last is None or not last <= self._now() < last + every  # a clock that was put back is no reason to rest

    def _after(self, error: EmrError) -> float:
        """How long to rest after a fault of the other side."""
        self._failures += 1
        self._fault = str(error)
        told = retry.decide(error, min(self._failures, retry.UNCLEAR_ATTEMPTS - 1), idempotent=True, chance=self._chance())
        _log.warning("the FHIR server cannot be read (%s, %d times)", error.code, self._failures)
        self._checked = self._checked and not isinstance(told, retry.Park)
        return told.after_s if isinstance(told, retry.Again) else retry.LONGEST_DELAY_S

    def _rest(self, pause_s: float) -> None:
        """Until it is time, somebody wakes us, or another process heard the hook."""
        rested_s = 0.0
        while rested_s < pause_s and not self._wake.wait(min(_SLICE_S, pause_s - rested_s)):
            rested_s += _SLICE_S
            if self._taker.settings.hook_secret is not None and self._was_hooked():
                return

    def _was_hooked(self) -> bool:
        try:
            with self._scope(), reading(ACTOR) as tx:
                heard = incoming.feed(tx, SOURCE, HOOK)
        except Exception:  # noqa: BLE001 - the database is away: the next round says so
            return False
        at = heard.looked_at if heard is not None else None
        before, self._heard_at = self._heard_at, at
        return at is not None and at != before


def opened(config: ServerConfig) -> Taker:
    """What the feed of a configuration needs; nothing is connected yet. Raises: ConfigError."""
    settings = config.fhir_feed
    from_gnuhealth = settings.base_url is None and config.emr.target == "gnuhealth"
    source: Source = gnuhealth_source.opened(config.emr) if from_gnuhealth else fhir_source.opened(_server(settings, config.emr))
    return Taker(
        source=source,
        reference=Reference(source),
        settings=settings,
        timezone=config.timezone,
        standard=StandardTimes(times=config.standard_times),
    )


def _server(settings: FhirFeedConfig, emr: EmrConfig) -> EmrConfig:
    """Where and how to sign in: the feed's own address with its own sign-in, or the EMR's. One address never gets the other's token."""
    if settings.base_url is None:
        return emr
    return EmrConfig(
        target="fhir",
        base_url=settings.base_url,
        token=settings.token,
        token_url=settings.token_url,
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        token_key=settings.token_key,
        token_audience=settings.token_audience,
        scope=settings.scope,
    )
