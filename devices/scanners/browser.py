"""A phone's browser as a camera: it decodes for itself and sends, for each picture, the symbols that were in it.

A browser is anybody's program, so a message is believed only as far as it was checked here: the agreed form, matrix symbols alone (a
linear code that a camera misreads still has a right check digit), bounded in size and number, no more often than a camera sees, each
once, and none that was held up on the way. Whatever the content means is for the strict parsers behind. Must never take a time, a
meaning or a verdict from the browser.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import NoReturn

from devices.ports import DistantCamera, Sighting, Told
from pointofcare.errors import MessageError
from pointofcare.labels.symbol import Symbol

# AIM identifiers of DataMatrix and QR (ISO/IEC 15424): no other symbol is taken.
MATRIX = re.compile(r"\][dQ][0-6]", re.ASCII)
# The longest QR code holds so many bytes; a DataMatrix holds less.
LONGEST_BYTES = 2_953
MOST_SYMBOLS = 8
# A page tells of five pictures a second at most. A hurry is forgiven, a flood is not.
RATE_HZ = 10.0
BURST = 20.0
# So old may the answer be that a message goes back to: what waited longer in a dead network is no scan of now.
FRESH_S = 3.0
_PAGE = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
_BEATS = 64
_PAGES = 16
_HIGHEST = 2**53 - 1
_KEYS = frozenset({"page", "number", "beat", "symbols"})


class BrowserCamera:
    """One phone. `page` of a message is drawn when the browser loads the page: the newest page counts, older ones are told so."""

    def __init__(self, *, mono_s: Callable[[], float] = time.monotonic, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._mono_s, self._now = mono_s, now
        self._lock = threading.Lock()
        self._beats: OrderedDict[str, float] = OrderedDict()
        self._page, self._number = "", 0
        self._left: deque[str] = deque(maxlen=_PAGES)
        self._credit, self._credited_s = BURST, mono_s()

    def take(self, message: Mapping[str, object]) -> Told:
        """`{"page", "number", "beat", "symbols": [[identifier, base64], ...]}`; `symbols` null is a sign of life without a picture.

        `why`: beat (too old, or none yet) · again (this number was here) · elsewhere (a newer page is open) · too-often.
        Raises: MessageError."""
        with self._lock:
            if not self._afforded():
                return Told(beat="", why="too-often")
        page, number, beat = _page(message)
        symbols = _symbols(message.get("symbols"))
        with self._lock:
            why = self._refused(page, number, beat)
            told = self._beat()
        if why or symbols is None:
            return Told(beat=told, why=why)
        return Told(beat=told, sighting=Sighting(symbols=symbols, at=self._now()))

    def describe(self) -> str:
        return "the camera of a phone's browser"

    def _afforded(self) -> bool:
        """Whether one more message is looked at: broken ones count too."""
        now_s = self._mono_s()
        self._credit = min(BURST, self._credit + (now_s - self._credited_s) * RATE_HZ)
        self._credited_s = now_s
        if self._credit < 1:
            return False
        self._credit -= 1
        return True

    def _refused(self, page: str, number: int, beat: str) -> str:
        if page in self._left:
            return "elsewhere"
        if page != self._page:
            if self._page:
                self._left.append(self._page)
            self._page, self._number = page, 0
        if number <= self._number:
            return "again"
        self._number = number
        issued_s = self._beats.get(beat)
        return "" if issued_s is not None and self._mono_s() - issued_s <= FRESH_S else "beat"

    def _beat(self) -> str:
        beat = secrets.token_urlsafe(12)
        self._beats[beat] = self._mono_s()
        while len(self._beats) > _BEATS:
            self._beats.popitem(last=False)
        return beat


def _page(message: Mapping[str, object]) -> tuple[str, int, str]:
    if not isinstance(message, Mapping) or set(message) - _KEYS:
        _bad("message", "page, number, beat and symbols, nothing else")
    page, number, beat = message.get("page"), message.get("number"), message.get("beat")
    if not isinstance(page, str) or not _PAGE.fullmatch(page):
        _bad("page", "16 to 64 of A-Z a-z 0-9 _ -")
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= _HIGHEST:
        _bad("number", "a whole number from 1, higher with every message")
    if not isinstance(beat, str) or len(beat) > 64:
        _bad("beat", "the one of the last answer, or an empty text")
    return page, number, beat


def _symbols(told: object) -> tuple[Symbol, ...] | None:
    if told is None:
        return None
    if not isinstance(told, list) or len(told) > MOST_SYMBOLS:
        _bad("symbols", f"a list of at most {MOST_SYMBOLS}")
    found = [_symbol(each) for each in told]
    return tuple({(symbol.identifier, symbol.content): symbol for symbol in found}.values())


def _symbol(told: object) -> Symbol:
    if not isinstance(told, list) or len(told) != 2 or not all(isinstance(part, str) for part in told):
        _bad("symbols", "each an AIM identifier and its bytes as base64")
    identifier, text = told
    if not MATRIX.fullmatch(identifier):
        _bad("symbols", "DataMatrix and QR codes alone")
    if not 0 < len(text) <= 4 * (LONGEST_BYTES + 2) // 3:
        _bad("symbols", f"1 to {LONGEST_BYTES} bytes")
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise MessageError("symbols: not base64", problems=(("symbols", "base64"),), remedy="load the page anew") from exc
    if not 0 < len(content) <= LONGEST_BYTES:
        _bad("symbols", f"1 to {LONGEST_BYTES} bytes")
    return Symbol(identifier=identifier, content=content)


def _bad(where: str, what: str) -> NoReturn:
    raise MessageError(f"{where}: {what}", problems=((where, what),), remedy="load the page anew")


def open_camera() -> DistantCamera:
    return BrowserCamera()
