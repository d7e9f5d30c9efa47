"""A token for the EMR by OAuth 2.0 client credentials: with a secret (RFC 6749, section 4.4), or with a signed assertion and no secret
at all (RFC 7523, as SMART Backend Services asks: ES384 or RS384).

One token is kept until shortly before its end, or until the EMR refuses it: token endpoints are rate limited. No token means
that nothing was sent, which is `EmrUnavailableError`, whatever the reason. Neither secret nor assertion is ever logged.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping
from uuid import uuid4

import httpx
from joserfc import jwt

from pointofcare.errors import EmrUnavailableError
from server.emr.token_key import TokenKey

_EARLY_S = 30.0
_DEFAULT_LIFETIME_S = 300.0
# SMART allows five minutes; the EMR's clock may be behind or ahead of ours.
ASSERTION_LIFETIME_S = 240
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class _Tokens(httpx.Auth):
    """Keeps one token, and asks for a new one by `_question`."""

    requires_response_body = True
    remedy = "check emr.token_url and emr.client_id"

    def __init__(self, token_url: str, *, scope: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._token_url = token_url
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
        raise NotImplementedError

    def _asked(self, **more: str) -> httpx.Request:
        form = {"grant_type": "client_credentials", **more} | ({"scope": self._scope} if self._scope else {})
        return httpx.Request("POST", self._token_url, data=form, headers={"Accept": "application/json"})

    def _kept(self, answer: httpx.Response) -> str:
        told = _parsed(answer)
        token = told.get("access_token")
        if answer.status_code != 200 or not isinstance(token, str) or not token:
            reason = told.get("error")
            with self._guard:
                self._token, self._until = "", 0.0
            raise EmrUnavailableError(
                f"the EMR's token endpoint answered {answer.status_code}" + (f": {reason}" if isinstance(reason, str) else ""),
                remedy=self.remedy,
                status=answer.status_code,
            )
        lifetime = told.get("expires_in")
        lifetime_s = float(lifetime) if isinstance(lifetime, int | float) and not isinstance(lifetime, bool) else _DEFAULT_LIFETIME_S
        with self._guard:
            self._token = token
            self._until = self._clock() + max(lifetime_s - _EARLY_S, lifetime_s / 2)
        return token


class ClientCredentials(_Tokens):
    """`scope` is what is asked for ("system/*.read system/*.write"), "" for the client's default."""

    remedy = "check emr.token_url, emr.client_id and the secret"

    def __init__(
        self, token_url: str, *, client_id: str, client_secret: str, scope: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(token_url, scope=scope, clock=clock)
        self._login = httpx.BasicAuth(client_id, client_secret)

    def _question(self) -> httpx.Request:
        return next(self._login.auth_flow(self._asked()))


class SignedAssertion(_Tokens):
    """`key` signs that this is `client_id`, anew for each token and once only (`jti`): there is no secret that the EMR holds too.

    `audience` is what the assertion is for, where the EMR wants another word than the address of its token endpoint; `now` gives
    seconds since 1970."""

    remedy = "check emr.token_url and emr.client_id, that the EMR knows the key (pointofcare-server emr jwks), and both clocks"

    def __init__(
        self,
        token_url: str,
        *,
        client_id: str,
        key: TokenKey,
        scope: str = "",
        audience: str = "",
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(token_url, scope=scope, clock=clock)
        self._client_id = client_id
        self._key = key
        self._audience = audience or token_url
        self._now = now

    def _question(self) -> httpx.Request:
        return self._asked(client_assertion_type=_ASSERTION, client_assertion=self._assertion())

    def _assertion(self) -> str:
        issued = int(self._now())
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self._audience,
            "iat": issued,
            "exp": issued + ASSERTION_LIFETIME_S,
            "jti": str(uuid4()),
        }
        header = {"alg": self._key.algorithm, "kid": self._key.id, "typ": "JWT"}
        return jwt.encode(header, claims, self._key.key, algorithms=[self._key.algorithm])


def _parsed(answer: httpx.Response) -> Mapping[str, object]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
