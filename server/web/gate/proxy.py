"""From the gate to the one cart of a pairing, over its Unix socket: what is passed on is listed, and nothing else is.

The cart's name is the pairing's, never the request's. A cart that does not answer is said to be away, and not waited for by every request.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx

log = logging.getLogger(__name__)

PAIRING = "X-Phone-Pairing"
END = "X-Phone-End"
# A kiosk's command waits for the bedside loop; more than this is a cart that hangs.
ANSWER_S = 6.0
CONNECT_S = 1.0
AWAY_S = 1.0
# One phone asks for its screen, its strip, its state, its sight and one press at once.
AT_ONCE = 6
# What its page is made of comes all at once over HTTP/2, and each is a file that the cart has at hand.
FILES_AT_ONCE = 32
FILES = "/static/"
_IN = ("content-type", "accept", "accept-language", "x-csrftoken", "if-none-match", "if-modified-since")
_QUERY = "/-._~!$&'()*+,;=:@?%"
_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade", "server", "date", "content-length"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class AwayError(Exception):
    """The cart of this phone does not run, or does not answer."""


class BusyError(Exception):
    """This phone asks for more at once than a page does."""


@dataclass(slots=True)
class _Cart:
    client: httpx.Client
    places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(AT_ONCE))
    files: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(FILES_AT_ONCE))
    away_until_s: float = 0.0


def _passes(name: str) -> bool:
    return name in _IN or name.startswith("hx-")


class Carts:
    """The carts whose sockets are in the folder `sockets`, each reached when it is first asked for."""

    def __init__(self, sockets: Path) -> None:
        self._sockets = sockets
        self._lock = threading.Lock()
        self._carts: dict[str, _Cart] = {}

    def pass_on(
        self,
        cart: str,
        number: int,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        cookies: Mapping[str, str],
        body: bytes,
    ) -> Passed:
        """One request of the phone of pairing `number`. `path` is decoded, `query` is not. Raises: AwayError, BusyError."""
        known = self._of(cart)
        if time.monotonic() < known.away_until_s:
            raise AwayError
        places = known.files if method == "GET" and path.startswith(FILES) else known.places
        if not places.acquire(blocking=False):
            raise BusyError
        try:
            sent = {name: value for name, value in headers.items() if _passes(name.lower()) and value.isascii() and value.isprintable()}
            sent |= {"Host": "localhost", PAIRING: str(number)}
            if cookies:
                sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
            address = "http://localhost" + quote(path, safe="/-._~!$&'()*+,;=:@") + (f"?{quote(query, safe=_QUERY)}" if query else "")
            answer = known.client.request(method, address, headers=sent, content=body)
        except httpx.TransportError as exc:
            known.away_until_s = time.monotonic() + AWAY_S
            log.warning("the cart %s does not answer: %s", cart, type(exc).__name__)
            raise AwayError from exc
        finally:
            places.release()
        kept = tuple((name, value) for name, value in answer.headers.multi_items() if name.lower() not in _HOP)
        return Passed(status=answer.status_code, headers=kept, body=answer.content)

    def end(self, cart: str, number: int) -> bool:
        """Whether the cart heard that the pairing is over; True as well where no such cart runs: it has no session then."""
        if not (self._sockets / f"{cart}.sock").exists():
            return True
        try:
            answer = self._of(cart).client.post(
                "http://localhost/phone/end", headers={"Host": "localhost", PAIRING: str(number), END: "yes"}
            )
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.NO_CONTENT

    def close(self) -> None:
        with self._lock:
            carts, self._carts = self._carts, {}
        for cart in carts.values():
            cart.client.close()

    def _of(self, cart: str) -> _Cart:
        with self._lock:
            if cart not in self._carts:
                transport = httpx.HTTPTransport(
                    uds=str(self._sockets / f"{cart}.sock"), limits=httpx.Limits(max_connections=AT_ONCE + FILES_AT_ONCE + 2)
                )
                timeout = httpx.Timeout(ANSWER_S, connect=CONNECT_S)
                self._carts[cart] = _Cart(httpx.Client(transport=transport, timeout=timeout, follow_redirects=False, trust_env=False))
            return self._carts[cart]
