"""Failures as RFC 9457 problem documents: the one table from class to HTTP status. No trace and no SQL ever leaves the server."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from pointofcare.errors import (
    ConflictError,
    EmrError,
    IllegalTransitionError,
    MessageError,
    NotFoundError,
    NotPermittedError,
    PointOfCareError,
    UnreadableError,
)
from server.security.obligations import TooSoonError
from server.security.person import NotSignedInError
from server.store.transaction import DatabaseFault
from server.usecases.acknowledging import NotAcknowledgedError

log = logging.getLogger(__name__)

# The first that fits holds; a class that is not here is a failure of ours.
STATUS: tuple[tuple[type[PointOfCareError], HTTPStatus], ...] = (
    (NotSignedInError, HTTPStatus.UNAUTHORIZED),
    (TooSoonError, HTTPStatus.TOO_MANY_REQUESTS),
    (NotPermittedError, HTTPStatus.FORBIDDEN),
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (ConflictError, HTTPStatus.CONFLICT),
    (IllegalTransitionError, HTTPStatus.CONFLICT),
    (MessageError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (UnreadableError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (EmrError, HTTPStatus.BAD_GATEWAY),
)


def status_of(exc: PointOfCareError) -> HTTPStatus:
    return next((status for kind, status in STATUS if isinstance(exc, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def problem(status: int, code: str, detail: str = "", **more: Any) -> Response:
    """`code` is stable and ends the `type`; `errors` lists faults by field where there are some."""
    title = HTTPStatus(status).phrase if status in {one.value for one in HTTPStatus} else "Error"
    body = {"type": f"urn:pointofcare:problem:{code}", "title": title, "status": status, "detail": detail, "instance": request.path, **more}
    response = jsonify(body)
    response.status_code = status
    response.content_type = "application/problem+json"
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Token realm="pointofcare", header="Authentication-Token"'
    return response


def register(blueprint: Blueprint) -> None:
    @blueprint.errorhandler(PointOfCareError)
    def _known(exc: PointOfCareError) -> Response:
        status = status_of(exc)
        if status is HTTPStatus.INTERNAL_SERVER_ERROR:
            log.exception("%s failed", request.endpoint)
            return problem(status, exc.code, "the server could not do this; it was logged")
        more: dict[str, Any] = {"remedy": exc.remedy} if exc.remedy else {}
        if isinstance(exc, MessageError) and exc.problems:
            more["errors"] = [{"field": field, "message": message} for field, message in exc.problems]
        if isinstance(exc, NotAcknowledgedError):
            more |= {"findings": list(exc.findings), "seen": exc.seen, "needs": list(exc.needs)}
        answer = problem(status, exc.code, exc.message, **more)
        if isinstance(exc, TooSoonError):
            answer.headers["Retry-After"] = str(exc.wait_s)
        return answer

    @blueprint.errorhandler(CSRFError)
    def _foreign(_exc: CSRFError) -> Response:
        return problem(400, "csrf", "send the header X-CSRFToken of the session, or use a token in Authentication-Token")

    @blueprint.errorhandler(HTTPException)
    def _http(exc: HTTPException) -> Response:
        messages = getattr(exc, "data", {}).get("messages") if isinstance(getattr(exc, "data", None), dict) else None
        if messages:
            return problem(exc.code or 422, "invalid-input", "some fields are not usable", errors=list(_flat(messages)))
        if exc.code == HTTPStatus.TOO_MANY_REQUESTS:
            answer = problem(exc.code, "too-many-requests", "too many tries for this name or from this address: wait five minutes")
            answer.headers["Retry-After"] = "300"
            return answer
        answer = problem(exc.code or 500, (exc.name or "error").lower().replace(" ", "-"), exc.description or "")
        if isinstance(exc, MethodNotAllowed) and exc.valid_methods:
            answer.headers["Allow"] = ", ".join(exc.valid_methods)
        return answer

    @blueprint.errorhandler(DatabaseFault)
    def _no_store(_exc: DatabaseFault) -> Response:
        log.exception("%s: the database could not be read or written", request.endpoint)
        answer = problem(503, "database-unavailable", "the database could not be read or written: nothing was changed, try again")
        answer.headers["Retry-After"] = "5"
        return answer

    @blueprint.errorhandler(Exception)
    def _unknown(_exc: Exception) -> Response:
        log.exception("%s failed", request.endpoint)
        return problem(500, "internal", "the server could not do this; it was logged")


def _flat(messages: Any, path: str = "") -> Any:
    """Marshmallow's nested messages as (field, message) pairs."""
    if isinstance(messages, dict):
        for name, inner in messages.items():
            yield from _flat(inner, f"{path}.{name}" if path and name not in ("json", "query") else str(name))
    elif isinstance(messages, list):
        for inner in messages:
            yield from _flat(inner, path)
    else:
        field = path.removeprefix("json.").removeprefix("query.").removeprefix("files.")
        yield {"field": field, "message": str(messages)}
