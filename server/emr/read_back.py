"""A look back: is what was sent really in the EMR, exactly once?

At a bounded pace that does not grow with the hospital: so many questions a minute, about what was sent within the last day, the oldest
first. Not there: it is sent again, with everything after it in its chain; not there a second time, or there more than once: a person's.
Holds no fact: what was looked for is noted on the outbox row. Must never send anything itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pointofcare.errors import EmrError, EmrRejectedError
from server.emr.port import EmrPort, NoReadBackError
from server.store import outbox
from server.store.outbox import OutboxItem
from server.store.transaction import Actor, reading, transaction

_log = logging.getLogger(__name__)
ACTOR = Actor(id="dispatcher", name="EMR dispatcher")
PER_MINUTE = 30
# An EMR may file what it took a little later than it answers.
SETTLES = timedelta(minutes=1)
# What was sent before that is no longer asked about: where the pace is too slow for the hospital, it is a sample.
REACHES_BACK = timedelta(hours=24)
_AFTER_A_FAULT_S = 60.0
_TWICE = 2
_MOST_UNANSWERED = 20


class ReadBack:
    """`now` gives aware UTC. Each `once` asks about one row at most, and at most `per_minute` in a minute; 0: never."""

    def __init__(
        self,
        emr: EmrPort,
        *,
        per_minute: int = PER_MINUTE,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._emr = emr
        self._every_s = 60.0 / per_minute if per_minute else None
        self._clock = clock
        self._now = now
        self._next = clock()
        self._unanswered: set[int] = set()
        self.looked = self.missing = self.several = 0

    def once(self) -> bool:
        """Whether something is to be sent again. Needs the application context; raises what the store raises."""
        at = self._clock()
        if self._every_s is None or at < self._next:
            return False
        self._next = at + self._every_s
        now = self._now()
        with reading(ACTOR) as tx:
            items = outbox.unseen(tx, since=now - REACHES_BACK, until=now - SETTLES, limit=len(self._unanswered) + 1)
        # One about which the EMR gives no answer must not keep the others from being asked about.
        left = [item for item in items if item.id not in self._unanswered]
        if not left:
            self._unanswered.clear()
        return self._look(left[0]) if left else False

    def _look(self, item: OutboxItem) -> bool:
        try:
            found = self._emr.read_back(item.record_id)
        except NoReadBackError:
            self._every_s = None
            _log.info("the EMR %s cannot be asked for what it holds: nothing is looked back at", self._emr.name)
            return False
        except EmrRejectedError as exc:
            if "emr_ids" not in exc.fields:  # it says no to the question, not what it holds
                return self._later(item, exc)
            return self._several(item, exc)
        except EmrError as exc:
            return self._later(item, exc)
        except Exception as exc:  # noqa: BLE001 - one answer that breaks this program must not keep the others from being asked about
            _log.exception("record %s: a fault of this program while it was looked for", item.record_id)
            return self._later(item, exc)
        self.looked += 1
        if found is None:
            return self._missing(item)
        with transaction(ACTOR) as tx:
            outbox.mark_seen(tx, item.id)
        return False

    def _later(self, item: OutboxItem, error: Exception) -> bool:
        if len(self._unanswered) >= _MOST_UNANSWERED:
            self._unanswered.clear()
        self._unanswered.add(item.id)
        self._next = self._clock() + _AFTER_A_FAULT_S
        _log.warning("the EMR did not say what it holds: %s", type(error).__name__)
        return False

    def _several(self, item: OutboxItem, error: EmrRejectedError) -> bool:
        self.looked += 1
        listed = error.fields.get("emr_ids")
        found = [str(each) for each in listed] if isinstance(listed, tuple) else []
        with transaction(ACTOR) as tx:
            if outbox.mark_doubtful(tx, item.id, error=str(error), code=outbox.SEVERAL):
                self.several += 1
                tx.audit("emr.several", item.record_id, {"emr_ids": found, "patient": item.record.patient})
                _log.error("record %s is in the EMR more than once: a person must look", item.record_id)
        return False

    def _missing(self, item: OutboxItem) -> bool:
        self.missing += 1
        told = {"emr_id": item.emr_id, "patient": item.record.patient}
        with transaction(ACTOR) as tx:
            if item.lost + 1 >= _TWICE:
                error = "the EMR took it twice and does not hold it (see in the EMR what became of it, then send it again)"
                outbox.mark_doubtful(tx, item.id, error=error, code=outbox.MISSING)
                tx.audit("emr.missing", item.record_id, {**told, "sent_again": 0})
                _log.error("record %s is not in the EMR, though it took it twice: a person must look", item.record_id)
                return False
            count = outbox.send_again(tx, item.id)
            tx.audit("emr.missing", item.record_id, {**told, "sent_again": count})
        _log.error("record %s is not in the EMR, though it said that it is: sent again", item.record_id)
        return True
