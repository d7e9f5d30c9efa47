"""What asks the rules while the server runs, and sends what they found. Two threads of their own: a slow mail server keeps no rule back.

The rules look at carts of which something came, and at a bounded number of others each round: silence is no message. What is to be sent
lies in the database until it is sent or given up after hours, which the pages say.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from server.alert_settings import AlertsConfig
from server.alerts import sending
from server.alerts.sending import Letter, NoticeNotSentError
from server.store import alert_rules, cart_alerts
from server.store.alert_rules import Notice
from server.store.transaction import Actor, reading, transaction
from server.usecases import alert_rules as verbs

_log = logging.getLogger(__name__)
ACTOR = Actor(id="alert-watch", name="Alert rules")
EVERY_S = 5.0
SEND_EVERY_S = 2.0
AT_ONCE = 200
# A cart of which nothing comes is looked at when its turn comes: so many each time.
ROUND = 50
FIRST_PAUSE, LONGEST_PAUSE, MOST_TRIES = timedelta(seconds=30), timedelta(hours=1), 12
TIDY = timedelta(hours=1)
# After a start: the longest that a cart's own interval may be, three times over.
LISTENED_S = 1800.0


class AlertWatch:
    """`scope` opens the application context. `address` is where people read the list of alerts."""

    def __init__(
        self,
        config: AlertsConfig,
        *,
        facility: str,
        language: str,
        zone: ZoneInfo,
        scope: Callable[[], AbstractContextManager[object]],
        address: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._config, self._facility, self._language, self._zone = config, facility, language, zone
        self._scope, self._address, self._clock = scope, address, clock
        self._lock = threading.Lock()
        self._changed: set[str] = set()
        self._round_at = ""
        self._tidied_at = datetime.min.replace(tzinfo=UTC)
        self._halt = threading.Event()
        self._begun_mono_s: float | None = None
        self._threads = (
            threading.Thread(target=self._loop, args=(self.look, EVERY_S), name="alert-rules", daemon=True),
            threading.Thread(target=self._loop, args=(self.send, SEND_EVERY_S), name="alert-notices", daemon=True),
        )

    def start(self) -> None:
        self._begun_mono_s = time.monotonic()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Back within seconds; what is on its way is counted as tried and sent again."""
        self._halt.set()
        for thread in self._threads:
            thread.join(3.0)

    def changed(self, cart: str) -> None:
        """Something came from this cart. From any thread; costs nothing but a place in a set."""
        with self._lock:
            self._changed.add(cart)

    def look(self) -> int:
        """The carts that changed, and the next of the round. How many alerts began or ended with somebody to be told."""
        with self._lock:
            some = sorted(self._changed)[:AT_ONCE]
            self._changed.difference_update(some)
        try:
            with transaction(ACTOR) as tx:
                rules = alert_rules.rules(tx, enabled=True)
                turn = alert_rules.next_carts(tx, self._round_at, limit=ROUND) if rules else ()
                group = timedelta(seconds=self._config.group_s)
                found = verbs.look(tx, {*some, *turn}, rules, group=group, listened=self._listened())
        except BaseException:
            with self._lock:
                self._changed.update(some)
            raise
        self._round_at = turn[-1] if len(turn) == ROUND else ""
        return found

    def _listened(self) -> bool:
        return self._begun_mono_s is None or time.monotonic() - self._begun_mono_s >= LISTENED_S

    def send(self) -> int:
        """What is due. How many went out."""
        with reading(ACTOR) as tx:
            waiting = alert_rules.due(tx)
            now = tx.at
        if now - self._tidied_at >= TIDY:
            self._tidied_at = now
            with transaction(ACTOR) as tx:
                alert_rules.forget_old(tx)
        return sum(self._sent(notice) for notice in waiting if not self._halt.is_set())

    def _sent(self, notice: Notice) -> bool:
        with transaction(ACTOR) as tx:
            if not alert_rules.begun(tx, notice.id):
                return False
            found = [(cart_alerts.one(tx, number), became) for number, became in notice.items]
        lines = tuple((alert, became) for alert, became in found if alert is not None)
        letter = Letter(id=notice.id, facility=self._facility, made_at=notice.made_at, lines=lines, more=notice.more)
        error = self._tried(notice.channel, letter) if lines else None
        tries = notice.tries + 1
        again_at = self._clock() + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(tries - 1, 20)) if tries < MOST_TRIES else None
        with transaction(ACTOR) as tx:
            alert_rules.ended(tx, notice.id, error=error, again_at=again_at)
        if error is not None:
            _log.error("alerts could not be sent (try %s): %s", tries, error)
        return error is None

    def _tried(self, channel: str, letter: Letter) -> str | None:
        if channel not in self._config.channels:
            return f"{channel}: it is not set up here"
        try:
            if channel == "email":
                sending.email(self._config, letter, language=self._language, zone=self._zone, address=self._address)
            else:
                sending.webhook(self._config, letter, now=self._clock())
        except NoticeNotSentError as exc:
            return str(exc)
        except Exception as exc:  # noqa: BLE001 - a notice that breaks us must not keep the others back
            _log.exception("a notice broke what sends it")
            return f"{channel}: {type(exc).__name__}: {exc}"
        return None

    def _loop(self, step: Callable[[], int], every_s: float) -> None:
        while not self._halt.is_set():
            try:
                with self._scope():
                    step()
            except Exception:  # noqa: BLE001 - whatever the database does, the next look is in seconds
                _log.exception("the watch over alerts failed; it looks again")
            self._halt.wait(every_s)
