"""Talking to the server over HTTP: one token, kept readable for its owner alone, and failures as sentences with what helps.

The password is asked for and never kept. A token is sent to the server that gave it and to no other, and to a machine other than this one
over HTTPS alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

# Exit codes, stable.
DONE, FAILED, USAGE, REFUSED, AWAY, UNKNOWN = 0, 1, 2, 3, 4, 5
TIMEOUT_S = 30.0
_OWN = ("127.0.0.1", "localhost", "::1")


class FleetError(Exception):
    """What a person is told, what helps, and the exit code."""

    def __init__(self, message: str, *, remedy: str = "", code: int = FAILED) -> None:
        super().__init__(message)
        self.message, self.remedy, self.code = message, remedy, code

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    server: str
    token: str


def place(environment: Mapping[str, str]) -> Path:
    """Where the token is kept."""
    if named := environment.get("POINTOFCARE_FLEET_TOKEN_FILE"):
        return Path(named)
    base = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "pointofcare" / "fleet.json"


def keep(path: Path, held: Held) -> None:
    """Readable for its owner alone from its first moment; whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        half = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"server": held.server, "token": held.token}, file)
        half.replace(path)
    except OSError as exc:
        raise FleetError(f"{path} cannot be written: {exc.strerror}", remedy="name another with POINTOFCARE_FLEET_TOKEN_FILE") from exc


def held(path: Path) -> Held:
    """Raises: FleetError when there is none, or others may read it."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise FleetError(f"{path} may be read by others", remedy=f"chmod 600 {path}, and sign in anew", code=USAGE)
        told = json.loads(path.read_text(encoding="utf-8"))
        return Held(server=str(told["server"]), token=str(told["token"]))
    except FileNotFoundError as exc:
        raise FleetError("nobody is signed in here", remedy="pointofcare-fleet sign-in --server URL", code=REFUSED) from exc
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise FleetError(f"{path} cannot be read", remedy="pointofcare-fleet sign-in --server URL", code=REFUSED) from exc


def forget(path: Path) -> None:
    path.unlink(missing_ok=True)


def address(server: str) -> str:
    """Raises: FleetError for one that a password must not be sent to."""
    found = urlsplit(server)
    if found.scheme not in ("http", "https") or not found.hostname:
        raise FleetError(f"{server!r} is no address", remedy="as in https://hospital.example", code=USAGE)
    if found.scheme == "http" and found.hostname not in _OWN:
        raise FleetError("a password must not travel without HTTPS", remedy=f"https://{found.netloc}", code=USAGE)
    return f"{found.scheme}://{found.netloc}{found.path.rstrip('/')}"


class Line:
    """The API of one server, with a token or, for signing in, without one."""

    def __init__(self, server: str, token: str = "", *, transport: httpx.BaseTransport | None = None, ca_file: Path | None = None) -> None:
        headers = {"Authentication-Token": token} if token else {}
        verify: Any = True
        if ca_file is not None:
            import ssl

            verify = ssl.create_default_context(cafile=str(ca_file))
        self._client = httpx.Client(base_url=server, headers=headers, timeout=TIMEOUT_S, transport=transport, verify=verify)

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, **query: object) -> Any:
        return self._asked("GET", path, params={name: str(value) for name, value in query.items() if value not in (None, "", False)})

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        return self._asked("POST", path, json=dict(body))

    def _asked(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = self._client.request(method, f"/api/v1{path}", **more)
        except httpx.TimeoutException as exc:
            told = "the server did not answer in time"
            if method == "POST":
                raise FleetError(f"{told}: it is not known whether it was done", remedy="look at the commands first", code=UNKNOWN) from exc
            raise FleetError(told, remedy="try again", code=AWAY) from exc
        except httpx.HTTPError as exc:
            raise FleetError(f"the server is not reached: {exc}", remedy="check --server and the network", code=AWAY) from exc
        if answer.is_success:
            with contextlib.suppress(ValueError):
                return answer.json()
            raise FleetError("what answered is not this server", remedy="check --server", code=AWAY)
        raise _failure(answer)


def _failure(answer: httpx.Response) -> FleetError:
    try:
        told = answer.json()
        detail, remedy = str(told.get("detail") or told.get("title")), str(told.get("remedy") or "")
        for each in told.get("errors") or ():
            detail += f"; {each.get('field')}: {each.get('message')}"
    except (ValueError, AttributeError):
        detail, remedy = f"the server answered {answer.status_code}", ""
    code = {401: REFUSED, 403: REFUSED, 404: FAILED, 409: FAILED, 422: USAGE, 400: USAGE}.get(answer.status_code, FAILED)
    if answer.status_code == 401:
        remedy = remedy or "pointofcare-fleet sign-in --server URL"
    return FleetError(detail, remedy=remedy, code=AWAY if answer.status_code >= 500 else code)


@contextlib.contextmanager
def signed_in(path: Path, *, transport: httpx.BaseTransport | None = None, ca_file: Path | None = None) -> Iterator[Line]:
    """Raises: FleetError."""
    found = held(path)
    line = Line(found.server, found.token, transport=transport, ca_file=ca_file)
    try:
        yield line
    finally:
        line.close()
