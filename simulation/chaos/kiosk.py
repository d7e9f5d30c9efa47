"""A kiosk as a browser meets it: its page gives a cookie and a token, its forms are posted with both, and what it shows is read.

One connection, kept open, for one nurse. A program that was killed is `KioskGone`; nothing is pressed twice by itself.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
from typing import Any
from urllib.parse import urlencode

from pointofcare.errors import DeviceUnavailableError

Screen = dict[str, Any]
_TOKEN = re.compile(r"""csrf[-_]token["'][^>]*?(?:value|content)=["']([^"']+)""")


class KioskGoneError(DeviceUnavailableError):
    """The cart's program does not answer: killed, stopped or not there yet."""

    code = "kiosk-gone"


class Kiosk:
    """`port` on loopback. `timeout_s` is how long an answer may take."""

    def __init__(self, port: int, *, timeout_s: float = 15.0) -> None:
        self._port, self._timeout_s = port, timeout_s
        self._wire: http.client.HTTPConnection | None = None
        self._cookie = self._token = ""

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()
        self._wire, self._cookie, self._token = None, "", ""

    def screen(self) -> Screen:
        """What it shows now. Raises: KioskGoneError."""
        status, body = self._asked("GET", "/api/state")
        if status != 200:
            raise KioskGoneError(f"the kiosk answers {status}")
        return dict(json.loads(body))

    def press(self, button: str, moment: int, **fields: str | list[str]) -> Screen | None:
        """Press a button of the screen with that moment: the screen after it; None when the page is too old, and then nothing was done.

        Raises: KioskGoneError, and then it is not known whether it was done."""
        if not self._token:
            self._open_page()
        form = urlencode({"moment": str(moment), **fields}, doseq=True)
        headers = {"Accept": "application/json", "X-CSRFToken": self._token, "Cookie": self._cookie}
        headers |= {"Content-Type": "application/x-www-form-urlencoded"}
        status, body = self._asked("POST", f"/do/{button}", form, headers)
        if status == 200:
            return dict(json.loads(body))
        self._token = ""
        return None

    def _open_page(self) -> None:
        status, body = self._asked("GET", "/")
        found = _TOKEN.search(body.decode("utf-8", "replace"))
        if status != 200 or found is None:
            raise KioskGoneError(f"the kiosk's page answers {status} without a token")
        self._token = found.group(1)

    def _asked(self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        try:
            if self._wire is None:
                self._wire = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._timeout_s)
            self._wire.request(method, path, body, headers or {})
            answer = self._wire.getresponse()
            content = answer.read()
            cookie = answer.getheader("Set-Cookie")
        except (OSError, http.client.HTTPException) as exc:
            with contextlib.suppress(OSError):
                self.close()
            raise KioskGoneError(f"the kiosk on port {self._port} does not answer: {type(exc).__name__}") from exc
        if cookie and cookie.startswith("session="):
            self._cookie = cookie.partition(";")[0]
        return answer.status, content
