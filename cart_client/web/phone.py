"""A cart whose screen and camera are a phone's browser: what its pages have beside those of any kiosk.

The phone comes through the server's gate, which knows who is paired and names the pairing by a number that only grows. One pairing at a
time uses the cart: a newer one, an end that the gate tells, and a long silence close the session that is open. What the camera tells goes
the way of every scan; the browser decides nothing. Must never serve a request that names no pairing, or one that is over.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from cart_client.inbox import Answer, Command, SignOut
from cart_client.journal import Journal
from cart_client.scanning import Onlooker
from cart_client.screen import View
from pointofcare.administration.lifecycle import Status
from pointofcare.administration.session import State
from pointofcare.errors import MessageError, PointOfCareError
from pointofcare.wire.messages import AdministrationRecorded

log = logging.getLogger(__name__)

PAIRING = "X-Phone-Pairing"
# The gate says it itself, and passes no such header on.
END = "X-Phone-End"
# A phone that is silent for so long lies somewhere, or is somebody else's: its session ends like one that nobody touches.
AWAY_S = 120.0
# "wasm-unsafe-eval" lets the browser compile the decoder, which is our own file; no script text can be run by it.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "style-src 'self'; media-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
PERMISSIONS = "camera=(self), microphone=(), geolocation=(), display-capture=(), usb=(), serial=(), bluetooth=()"
_LOOK_S = 1.0
_TRIES = 8
_LONGEST_ID = 64
_LONGEST_NUMBER = 15


class Phone:
    """One pairing at a time. `became` says what became of a record: recorded · not-given · open · unknown."""

    def __init__(
        self,
        onlooker: Onlooker,
        *,
        view: Callable[[], View],
        ask: Callable[[Command], Answer],
        became: Callable[[str], str],
        mono_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.onlooker, self.became = onlooker, became
        self._view, self._ask, self._mono_s = view, ask, mono_s
        self._lock = threading.Lock()
        self._pairing = 0
        self._over = 0
        self._seen_mono_s = mono_s()

    def admit(self, pairing: int) -> bool:
        """Whether the pairing of this number may go on. The first request of a newer one ends what the one before left open."""
        with self._lock:
            if pairing <= self._over or pairing < self._pairing:
                return False
            if pairing > self._pairing:
                if self._pairing and not self._close("phone-changed"):
                    return False
                self._pairing = pairing
            self._seen_mono_s = self._mono_s()
            return True

    def end(self, pairing: int) -> bool:
        """The pairing was revoked or ran out: whether its session is closed. It is admitted no more, whatever comes late."""
        with self._lock:
            self._over = max(self._over, pairing)
            return pairing < self._pairing or self._close("phone-revoked")

    def look(self) -> None:
        """To be called every second: an absent phone is told, and in time ends its session."""
        self.onlooker.look()
        with self._lock:
            if self._mono_s() - self._seen_mono_s >= AWAY_S:
                self._close("phone-away")

    def watch(self, halt: threading.Event) -> None:
        while not halt.wait(_LOOK_S):
            try:
                self.look()
            except PointOfCareError:
                log.exception("the phone could not be looked at")

    def _close(self, why: str) -> bool:
        """Signs out whoever is in. A dose that was verified stays open, for whoever can tell what became of it."""
        for _ in range(_TRIES):
            view = self._view()
            if view.session.state is State.IDLE:
                return True
            try:
                self._ask(SignOut(moment=view.moment))
            except TimeoutError:
                break
        done = self._view().session.state is State.IDLE
        if done:
            log.warning("the session on the phone was ended: %s", why)
        else:
            log.error("the session on the phone could not be ended: %s", why)
        return done


def became(journal: Journal, record_id: str) -> str:
    """recorded: the journal has it as given · not-given: as not given · open: verified, and nobody said · unknown. Raises: JournalError."""
    entry = journal.entry(record_id)
    if entry is not None:
        body = entry.message.body
        given = isinstance(body, AdministrationRecorded) and body.record.status not in (Status.NOT_DONE, Status.ENTERED_IN_ERROR)
        return "recorded" if given else "not-given"
    return "open" if any(record.record_id == record_id for record in journal.open_doses()) else "unknown"


def blueprint(phone: Phone) -> Blueprint:
    """The addresses that only a phone's cart has, and the guard before all of the application's."""
    room = Blueprint("phone", __name__, url_prefix="/phone")

    @room.before_app_request
    def only_the_paired() -> Response | None:
        if request.endpoint == "phone.end":
            return None  # from the gate itself, of a pairing that is over
        number = _number(request.headers.get(PAIRING, ""))
        if number is None or not phone.admit(number):
            abort(403)
        return None

    @room.after_app_request
    def only_its_own(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Permissions-Policy"] = PERMISSIONS
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response

    @room.post("/seen")
    def seen() -> Response:
        """What the newest picture showed. 400 for what breaks the agreed form, 429 for a flood."""
        message = request.get_json(silent=True)
        try:
            told, fresh = phone.onlooker.tell(message if isinstance(message, dict) else {})
        except MessageError as exc:
            answer = jsonify({"beat": "", "why": "message", "what": [where for where, _ in exc.problems]})
            answer.status_code = 400
            return answer
        answer = jsonify({"beat": told.beat, "why": told.why, "fresh": fresh})
        answer.status_code = 429 if told.why == "too-often" else 200
        return answer

    @room.get("/record/<record_id>")
    def record(record_id: str) -> dict[str, Any]:
        """For a confirmation that got no answer: asked by its id, not sent again blindly."""
        if len(record_id) > _LONGEST_ID:
            abort(404)
        return {"record": phone.became(record_id)}

    @room.post("/end")
    def end() -> Response:
        """From the gate alone: no request of a phone gets here."""
        number = _number(request.headers.get(PAIRING, ""))
        if number is None or request.headers.get(END) != "yes":
            abort(404)
        return Response(status=204 if phone.end(number) else 503)

    return room


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER else None
