"""Asking the server for the lease of a patient's doses, until it has answered. Whether a lease holds is decided elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from cart_client.chart import Chart
from cart_client.inbox import LeaseTold
from cart_client.journal import Journal
from pointofcare.wire.messages import LeaseAction, LeaseAnswered, LeaseAsked

LEASE_WAIT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    message_id: str
    asked: LeaseAsked
    at_mono_s: float
    tries: int
    # The lease is counted from here, on the clock that a suspend does not stop.
    asked_s: float


class LeaseAsking:
    """`send` sends a question if there is anybody to ask, and gives the id under which its answer comes. Safe from several threads."""

    def __init__(
        self,
        chart: Chart,
        journal: Journal,
        tell: Callable[[object], None],
        *,
        send: Callable[[LeaseAsked], str],
        steady_s: Callable[[], float],
    ) -> None:
        self._chart, self._journal, self._tell, self._send, self._steady_s = chart, journal, tell, send, steady_s
        self._lock = threading.Lock()
        self._question: _Question | None = None

    def ask(self, asked: LeaseAsked) -> None:
        """A question that stays unanswered is asked again, a release is not."""
        # An answer may come before this thread goes on: nobody takes it before its id is known.
        with self._lock:
            asked_s = self._steady_s()
            message_id = self._send(asked)
            question = _Question(message_id=message_id, asked=asked, at_mono_s=time.monotonic(), tries=0, asked_s=asked_s)
            self._question = None if asked.action is LeaseAction.RELEASE else question

    def ask_again(self, mono_s: float) -> None:
        """What nobody answered in time, once more."""
        with self._lock:
            question = self._question
            if question is None or mono_s - question.at_mono_s < LEASE_WAIT_S * 2 ** min(question.tries, 4):
                return
            asked_s = self._steady_s()
            message_id = self._send(question.asked)
            self._question = replace(question, message_id=message_id, at_mono_s=mono_s, tries=question.tries + 1, asked_s=asked_s)

    def answered(self, body: LeaseAnswered) -> bool:
        """Whether the lease needs a newer chart than is here."""
        if body.tell is not None:
            self._tell_unsettled(body.patient, body.tell)
            return False
        with self._lock:
            question = self._question
            if question is None or question.message_id != body.asked:
                return False  # an answer to a question that nobody has any more
            self._question = None
        self._tell(
            LeaseTold(
                patient=body.patient,
                lease=body.state,
                holder=body.holder,
                fence=body.fence,
                until_mono_s=question.asked_s + body.lasts_s if body.lasts_s is not None else None,
                chart_version=body.chart_version,
                doubts=body.doubts,
            )
        )
        return body.chart_version is not None and body.chart_version > self._chart.version()

    def _tell_unsettled(self, patient: str, token: str) -> None:
        """The server is in doubt about this cart: what it may not know of this patient. A journal that cannot be read says nothing."""
        unsettled = self._journal.unsettled(patient)
        self._send(LeaseAsked(action=LeaseAction.TELL, patient=patient, unsettled=unsettled, token=token))
