"""Failures of the FHIR face as OperationOutcomes: what is wrong, with which parameter, and what helps. No trace and no SQL ever leaves."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from pointofcare.errors import PointOfCareError, UnreadableError
from server.api import errors
from server.security.obligations import TooSoonError
from server.security.person import NotSignedInError
from server.store.transaction import DatabaseFault

log = logging.getLogger(__name__)
JSON = "application/fhir+json"

# HTTP status -> FHIR's issue type.
_CODES: Mapping[int, str] = {
    400: "invalid", 401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported", 406: "not-supported", 409: "conflict",
    410: "deleted", 413: "too-long", 415: "not-supported", 429: "throttled", 500: "exception", 501: "not-supported", 503: "transient",
}  # fmt: skip


class AskedError(UnreadableError):
    """A request that cannot be understood, or is not offered. `parameter` is what to change."""

    code = "fhir-asked"

    def __init__(self, parameter: str, message: str, *, remedy: str, issue: str = "invalid", status: int = 400) -> None:
        super().__init__(message, remedy=remedy, parameter=parameter)
        self.parameter = parameter
        self.issue = issue
        self.status = status


def issue(severity: str, code: str, text: str, *, remedy: str = "", parameter: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"severity": severity, "code": code, "details": {"text": _plain(text)}}
    if remedy:
        found["diagnostics"] = _plain(remedy)
    if parameter:
        found["expression"] = [_plain(parameter)]
    return found


def outcome(issues: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [dict(one) for one in issues]}


def answer(body: Mapping[str, Any], status: int = 200) -> Response:
    """As JSON; characters that FHIR's strings may not hold were made visible before."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Response(text.encode("utf-8", "replace"), status=status, content_type=f"{JSON}; charset=utf-8")


def failure(status: int, text: str, *, remedy: str = "", parameter: str = "", code: str = "") -> Response:
    found = answer(outcome([issue("error", code or _CODES.get(status, "processing"), text, remedy=remedy, parameter=parameter)]), status)
    if status == HTTPStatus.UNAUTHORIZED:
        found.headers["WWW-Authenticate"] = 'Bearer realm="pointofcare"'
    return found


def _plain(text: str) -> str:
    """What came from outside may hold anything; blank text is none that FHIR allows."""
    return "".join(one if one >= " " and not 0xD800 <= ord(one) <= 0xDFFF else "\ufffd" for one in text)[:2000].strip() or "-"


def register(blueprint: Blueprint) -> None:
    @blueprint.errorhandler(PointOfCareError)
    def _known(exc: PointOfCareError) -> Response:
        if isinstance(exc, AskedError):
            return failure(exc.status, exc.message, remedy=exc.remedy, parameter=exc.parameter, code=exc.issue)
        status = HTTPStatus.BAD_REQUEST if isinstance(exc, UnreadableError) else errors.status_of(exc)
        if status is HTTPStatus.INTERNAL_SERVER_ERROR:
            log.exception("%s failed", request.endpoint)
            return failure(500, "the server could not do this; it was logged")
        if isinstance(exc, NotSignedInError):
            return failure(
                401,
                "no token that holds now",
                remedy="a program gets one at /fhir/token, a person at /api/v1/tokens; send it as Authorization: Bearer",
            )
        found = failure(status, exc.message, remedy=exc.remedy or "")
        if isinstance(exc, TooSoonError):
            found.headers["Retry-After"] = str(exc.wait_s)
        return found

    @blueprint.errorhandler(HTTPException)
    def _http(exc: HTTPException) -> Response:
        code = exc.code or 500
        if code == HTTPStatus.TOO_MANY_REQUESTS:
            found = failure(code, "too many requests", remedy="wait as long as Retry-After says")
            found.headers["Retry-After"] = "300"
            return found
        found = failure(code, exc.description or exc.name)
        if isinstance(exc, MethodNotAllowed) and exc.valid_methods:
            found.headers["Allow"] = ", ".join(exc.valid_methods)
        return found

    @blueprint.errorhandler(DatabaseFault)
    def _no_store(_exc: DatabaseFault) -> Response:
        log.exception("%s: the database could not be read or written", request.endpoint)
        found = failure(503, "the database could not be read or written", remedy="try again")
        found.headers["Retry-After"] = "5"
        return found

    @blueprint.errorhandler(Exception)
    def _unknown(_exc: Exception) -> Response:
        log.exception("%s failed", request.endpoint)
        return failure(500, "the server could not do this; it was logged")
