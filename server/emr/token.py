"""A token for the EMR by OAuth 2.0 client credentials (RFC 6749, section 4.4), as SMART Backend Services use it.

One token is kept until shortly before its end, or until the EMR refuses it: token endpoints are rate limited. No token means
that nothing was sent, which is `EmrUnavailableError`, whatever the reason. The secret is never logged.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator

import httpx

from pointofcare.errors import EmrUnavailableError

_EARLY_S = 30.0
_DEFAULT_LIFETIME_S = 300.0


class ClientCredentials(httpx.Auth):
    """`scope` is what is asked for ("system/*.read system/*.write"), "" for the client's default."""

    requires_response_body = True

    def __init__(
        self, token_url: str, *, client_id: str, client_secret: str, scope: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._token_url = token_url
        self._login = httpx.BasicAuth(client_id, client_secret)
        self._scope = scope
        self._clock = clock
        self._guard = threading.Lock()
        self._token = ""
        self._until = 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Raises: EmrUnavailableError when no token is to be had."""
        with self._guard:
            token = self._token if self._clock() < self._until else ""
        if not token:
            token = self._kept((yield self._question()))
        request.headers["Authorization"] = f"Bearer {token}"
        answer = yield request
        if answer.status_code == 401:  # revoked, or the EMR was started anew: one new token, one more try
            request.headers["Authorization"] = f"Bearer {self._kept((yield self._question()))}"
            yield request

    def _question(self) -> httpx.Request:
        form = {"grant_type": "client_credentials"} | ({"scope": self._scope} if self._scope else {})
        question = httpx.Request("POST", self._token_url, data=form, headers={"Accept": "application/json"})
        return next(self._login.auth_flow(question))

    def _kept(self, answer: httpx.Response) -> str:
        try:
            told = answer.json()
        except ValueError:
            told = None
        token = told.get("access_token") if isinstance(told, dict) else None
        if answer.status_code != 200 or not isinstance(token, str) or not token:
            reason = told.get("error") if isinstance(told, dict) else None
            with self._guard:
                self._token, self._until = "", 0.0
            raise EmrUnavailableError(
                f"the EMR's token endpoint answered {answer.status_code}" + (f": {reason}" if isinstance(reason, str) else ""),
                remedy="check emr.token_url, emr.client_id and the secret",
                status=answer.status_code,
            )
        lifetime = told.get("expires_in") if isinstance(told, dict) else None
        lifetime_s = float(lifetime) if isinstance(lifetime, int | float) and not isinstance(lifetime, bool) else _DEFAULT_LIFETIME_S
        with self._guard:
            self._token = token
            self._until = self._clock() + max(lifetime_s - _EARLY_S, lifetime_s / 2)
        return token
