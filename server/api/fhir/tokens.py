"""The token endpoint of SMART Backend Services. Its answers are those of OAuth, not of FHIR."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from server.api.fhir import capability
from server.api.fhir.room import base, config
from server.security import programs
from server.security.programs import RefusedError

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FORM = "application/x-www-form-urlencoded"
LONGEST = 20_000


def register(room: Blueprint) -> None:
    room.add_url_rule("/token", "token", token, methods=["POST"])


def token() -> Response:
    """A short-lived token for a signed statement."""
    try:
        if request.mimetype != _FORM:
            raise RefusedError("invalid_request", "the body must be a form", remedy=f"send Content-Type: {_FORM}")
        said = request.form
        if said.get("grant_type") != "client_credentials":
            raise RefusedError("unsupported_grant_type", "grant_type must be client_credentials", remedy="set grant_type")
        if said.get("client_assertion_type") != _ASSERTION or not said.get("client_assertion"):
            raise RefusedError(
                "invalid_request", "a signed statement is needed", remedy=f"send client_assertion, and client_assertion_type={_ASSERTION}"
            )
        if any(len(value) > LONGEST for value in said.values()):
            raise RefusedError("invalid_request", "a value is too long", remedy="send what the standard asks for")
        made = programs.token(
            config(),
            statement=said["client_assertion"],
            scope=said.get("scope", ""),
            audience=capability.token_address(base()),
            address=request.remote_addr or "",
        )
    except RefusedError as exc:
        body: dict[str, object] = {"error": exc.error, "error_description": f"{exc.message}; {exc.remedy}"}
        return _told(body, 401 if exc.error == "invalid_client" else 400)
    return _told({"access_token": made.value, "token_type": "bearer", "expires_in": made.expires_in_s, "scope": made.scope}, 200)


def _told(body: dict[str, object], status: int) -> Response:
    found = jsonify(body)
    found.status_code = status
    found.headers["Pragma"] = "no-cache"
    return found
