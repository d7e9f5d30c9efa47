"""One signed-in conversation with a Tryton server (GNU Health HIS) over JSON-RPC.

Knows how to sign in, how values are written, and what an answer means; knows nothing of patients or doses. A session that ended is
opened anew once for a call; a password that was refused is not tried again for a while, because Tryton counts wrong ones. Must never
decide by the words of a message, which are in the language of whoever set the server up.
Source: Tryton 7.0, protocols/jsonrpc and protocols/dispatcher.
"""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from datetime import time as clock_time
from decimal import Decimal
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx

from pointofcare.errors import ConfigError, EmrError, EmrOutcomeUnknownError, EmrRejectedError, EmrUnavailableError
from server.emr.port import EmrUnclearError

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
# Tryton waits longer after each wrong password, and in the end locks the account out for minutes.
SIGN_IN_PAUSE_S = 60.0
_MOST_BYTES = 50_000_000
_LOG_SAYS = "see the log of the GNU Health server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which database of which server, as whom. `ca_file`: the authority of its certificate, where that is the hospital's own."""

    base_url: str
    database: str
    username: str
    password: str = field(repr=False)
    ca_file: Path | None = None
    timeout_s: float = 15.0


class SignInRefusedError(EmrUnavailableError):
    """The user name or password is wrong, or the account is locked. Waits: it says nothing about what was to be sent."""

    code = "emr-sign-in-refused"


class Tryton:
    """Nothing is connected before the first call. Not for two threads at once.

    `answered_at` is the server's own clock at its last answer, to the second; `seconds_waited` how long it was waited for so far."""

    def __init__(self, place: Place, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._place = place
        self._monotonic = monotonic
        self._url = f"{place.base_url.rstrip('/')}/{place.database}/"
        # trust_env off: patient data goes where the configuration says, not where a proxy variable says.
        self._http = httpx.Client(timeout=place.timeout_s, trust_env=False, verify=_trusted(place))
        self._session = ""
        self.answered_at = datetime.now(UTC)
        self.seconds_waited = 0.0
        self._refused_at: float | None = None
        self._context: dict[str, Any] | None = None

    def close(self) -> None:
        self._http.close()

    def sign_in(self) -> None:
        """Raises: SignInRefusedError, EmrUnavailableError, EmrRejectedError when the account wants more than a password."""
        if self._refused_at is not None and (left := self._refused_at + SIGN_IN_PAUSE_S - self._monotonic()) > 0:
            raise SignInRefusedError("GNU Health refused the sign-in", remedy=_WRONG_SIGN_IN, retry_after_s=left)
        self._session, self._context = "", None
        parameters: list[object] = [self._place.username, {"password": self._place.password}]
        try:
            answer = self._post("common.db.login", parameters, writes=False)
        except SignInRefusedError:
            self._refused_at = self._monotonic()
            raise
        self._refused_at = None
        if not isinstance(answer, list) or len(answer) < 2 or not isinstance(answer[0], int):
            raise EmrUnclearError("GNU Health answered the sign-in with something else", remedy="check the address of the EMR")
        word = f"{self._place.username}:{answer[0]}:{answer[1]}"
        self._session = base64.b64encode(word.encode("utf-8")).decode("ascii")

    def sign_in_once(self) -> None:
        """Signs in where that has not been done yet. Raises as `sign_in`."""
        if not self._session:
            self.sign_in()

    def call(self, method: str, *arguments: object, writes: bool = False, context: Mapping[str, object] | None = None) -> Any:
        """`method` as "model.party.party.search_read"; the context is added. `writes`: when no answer comes, it may have been done.

        Raises: EmrUnavailableError, EmrUnclearError, EmrOutcomeUnknownError (only where it `writes`), EmrRejectedError."""
        for attempt in (1, 2):
            if not self._session:
                self.sign_in()
            try:
                return self._post(method, [*arguments, {**self.context(), **(context or {})}], writes=writes)
            except SignInRefusedError:
                self._session = ""
                if attempt == 2:
                    raise
        raise AssertionError  # the loop returns or raises

    def search(
        self,
        model: str,
        domain: Sequence[object],
        names: Sequence[str],
        *,
        offset: int = 0,
        limit: int | None = None,
        order: Sequence[tuple[str, str]] = (("id", "ASC"),),
    ) -> list[dict[str, Any]]:
        """Rows of `model` as Tryton's search_read gives them; archived rows are among them. Raises as `call`."""
        listed = [list(each) for each in order]
        found = self.call(f"model.{model}.search_read", list(domain), offset, limit, listed, list(names), context={"active_test": False})
        if not isinstance(found, list) or not all(isinstance(row, dict) and isinstance(row.get("id"), int) for row in found):
            raise EmrUnclearError(f"GNU Health answered a search of {model} with something else", remedy=_LOG_SAYS)
        return found

    def context(self) -> dict[str, Any]:
        """The company of the account decides the time zone and institution there; English names are the ones that are mapped."""
        if self._context is None:
            told = self._post("model.res.user.get_preferences", [True, {}], writes=False)
            company = told.get("company") if isinstance(told, dict) else None
            self._context = {"language": "en", **({"company": company} if isinstance(company, int) else {})}
        return self._context

    def _post(self, method: str, parameters: list[object], *, writes: bool) -> Any:
        body = json.dumps({"id": 1, "method": method, "params": parameters}, default=_written, ensure_ascii=False, allow_nan=False)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Session {self._session}"} if self._session else {})
        began = self._monotonic()
        try:
            answer = self._http.post(self._url, content=body.encode("utf-8"), headers=headers)
        except _NOT_SENT as exc:
            raise EmrUnavailableError(f"GNU Health cannot be reached: {exc}") from exc
        except httpx.HTTPError as exc:
            told = f"GNU Health did not answer: {type(exc).__name__}"
            raise (EmrOutcomeUnknownError(told) if writes else EmrUnavailableError(told)) from exc
        finally:
            self.seconds_waited += self._monotonic() - began
        self.answered_at = _clock(answer.headers.get("date"))
        if answer.status_code != 200:
            raise _refusal(answer, writes=writes)
        try:
            if len(answer.content) > _MOST_BYTES:
                raise ValueError(len(answer.content))
            found = json.loads(answer.content, object_hook=_read, parse_float=Decimal)
        except (ValueError, TypeError, KeyError, RecursionError) as exc:
            raise EmrUnclearError("the answer is none of a Tryton server", remedy="check emr.base_url and emr.database") from exc
        if not isinstance(found, dict) or ("result" not in found and "error" not in found):
            raise EmrUnclearError("the answer is none of a Tryton server", remedy="check emr.base_url and emr.database")
        if found.get("error"):
            raise _fault(found["error"])
        return found.get("result")


_WRONG_SIGN_IN = "check emr.username and emr.password; Tryton locks an account for some minutes after several wrong ones"


def at(row: Mapping[str, Any], *path: str) -> Any:
    """What search_read gave for "registration.patient.party.ref": each step of the path is a row in the one before, under "name."."""
    found: Any = row
    for name in path[:-1]:
        found = found.get(f"{name}.") if isinstance(found, Mapping) else None
    return found.get(path[-1]) if isinstance(found, Mapping) else None


def _refusal(answer: httpx.Response, *, writes: bool) -> EmrError:
    """What an HTTP status other than 200 stands for."""
    status = answer.status_code
    told = f"GNU Health answered {status}"
    if status == 401:
        return SignInRefusedError(f"{told}: it refused the sign-in", remedy=_WRONG_SIGN_IN, retry_after_s=SIGN_IN_PAUSE_S)
    if status == 429:
        return SignInRefusedError(f"{told}: too many sign-ins", remedy=_WRONG_SIGN_IN, retry_after_s=SIGN_IN_PAUSE_S)
    if status == 404:
        # Tryton says the same of a database that is away and of one that never was.
        return EmrUnavailableError(f"{told}: no such database, or it is away", remedy="check emr.database", status=status)
    if status in (403, 405):
        return EmrRejectedError(told, remedy="install the modules that docs/gnuhealth.md names", status=status)
    if status == 413:
        return EmrRejectedError(told, remedy="raise request.max_size of the GNU Health server", status=status)
    if status in (408, 423, 425, 502, 503):
        return EmrUnavailableError(told, status=status)
    if status >= 500:
        return EmrOutcomeUnknownError(told, status=status) if writes else EmrUnavailableError(told, status=status)
    return EmrUnclearError(told, remedy=_LOG_SAYS, status=status)


def _fault(error: object) -> EmrError:
    """What the error of an answer stands for, by its kind. Whatever raised there was rolled back there."""
    kind = error[0] if isinstance(error, list) and error else ""
    told = f"GNU Health refused it: {_words(error)}"
    if kind == "ConcurrencyException":
        return EmrUnavailableError("GNU Health: somebody else changed the order at that moment")
    if kind == "UserError":
        return EmrRejectedError(told, remedy="correct there what it names, then send it again", kind=kind)
    if kind == "UserWarning":
        return EmrRejectedError(told, remedy="it asks a question that a person must answer: enter the dose there by hand", kind=kind)
    if kind == "LoginException":
        return EmrRejectedError(told, remedy="give this program an account that signs in with a password alone", kind=kind)
    if kind in ("RateLimitException", "TooManyRequestsException"):
        return SignInRefusedError("GNU Health: too many sign-ins", remedy=_WRONG_SIGN_IN, retry_after_s=SIGN_IN_PAUSE_S)
    # A fault of its program, or its database went away while it worked.
    return EmrUnclearError(f"GNU Health failed: {_words(error)}", remedy=_LOG_SAYS)


def _words(error: object) -> str:
    """For a person, shortened; never a traceback."""
    if isinstance(error, list) and len(error) > 1 and error[0] in ("UserError", "UserWarning", "LoginException"):
        parts = error[1] if isinstance(error[1], list) else [error[1]]
        return " - ".join(str(part) for part in parts if isinstance(part, str) and part)[:400]
    return str(error[0] if isinstance(error, list) and error else error)[:200]


def _clock(said: str | None) -> datetime:
    try:
        return parsedate_to_datetime(said).astimezone(UTC) if said else datetime.now(UTC)
    except (TypeError, ValueError):
        return datetime.now(UTC)


def _written(value: object) -> object:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError("a time without a zone")
        at = value.astimezone(UTC)  # Tryton's times are UTC and to the second
        parts = {"year": at.year, "month": at.month, "day": at.day, "hour": at.hour, "minute": at.minute, "second": at.second}
        return {"__class__": "datetime", **parts, "microsecond": 0}
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    raise TypeError(f"{type(value).__name__} is not written")


def _read(found: dict[str, Any]) -> object:
    kind = found.get("__class__")
    if kind == "datetime":
        year, month, day, hour, minute, second, micro = (
            int(found[name]) for name in ("year", "month", "day", "hour", "minute", "second", "microsecond")
        )
        return datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC)
    if kind == "date":
        return date(found["year"], found["month"], found["day"])
    if kind == "time":
        return clock_time(found["hour"], found["minute"], found["second"])
    if kind == "Decimal":
        return Decimal(found["decimal"])
    return found


def _trusted(place: Place) -> ssl.SSLContext | bool:
    """Raises: ConfigError for a file that cannot be used."""
    if place.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(place.ca_file))
    except (OSError, ssl.SSLError) as exc:
        problem = (("emr.ca_file", f"the certificate of the EMR's authority cannot be used: {exc}"),)
        raise ConfigError(problem[0][1], problems=problem, remedy="check emr.ca_file") from exc
