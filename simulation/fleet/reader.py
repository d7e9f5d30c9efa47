"""Somebody who is signed in to the server's pages, without a browser: fetches, and posts forms as a browser would."""

from __future__ import annotations

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping

from pointofcare.errors import DeviceUnavailableError

_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
_TIMEOUT_S = 20.0


class Reader:
    """One signed-in person. Not for two threads."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        self._at = ""
        self._jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))
        self._opener.addheaders = [("Accept-Language", "en"), ("User-Agent", "virtual fleet")]

    def sign_in(self, username: str, password: str) -> None:
        """Raises: DeviceUnavailableError when the server does not let this person in."""
        page = self.get("/sign-in")
        self._post("/sign-in", {"csrf_token": token_of(page), "username": username, "password": password})
        if 'name="password"' in self.get("/fleet/"):
            raise DeviceUnavailableError("the server does not let the fleet manager in", remedy="see the server's log")

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> str:
        return self._open(urllib.request.Request(self._address + path, headers=dict(headers or {})))

    def post(self, path: str, fields: Mapping[str, str], *, token: str) -> tuple[str, str]:
        """The path of the page to which that led, and the page."""
        page = self._post(path, {"csrf_token": token, **fields})
        return self._at.removeprefix(self._address), page

    def _post(self, path: str, fields: Mapping[str, str]) -> str:
        body = urllib.parse.urlencode(dict(fields)).encode("ascii")
        headers = {"Referer": self._address + path, "Origin": self._address}
        return self._open(urllib.request.Request(self._address + path, data=body, headers=headers, method="POST"))

    def _open(self, request: urllib.request.Request) -> str:
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                self._at = answer.geturl()
                return str(answer.read().decode("utf-8", "replace"))
        except urllib.error.HTTPError as exc:
            with exc:
                raise DeviceUnavailableError(f"{request.selector}: {exc.code}", remedy="see the server's log", status=exc.code) from exc
        except (OSError, ValueError) as exc:
            raise DeviceUnavailableError(f"{request.selector}: {exc}", remedy="see the server's log") from exc


def token_of(page: str) -> str:
    """Raises: DeviceUnavailableError when the page has no form."""
    found = _TOKEN.search(page)
    if found is None:
        raise DeviceUnavailableError("the page has no form", remedy="see the server's log")
    return found[1]
