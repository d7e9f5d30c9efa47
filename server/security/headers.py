"""What every answer tells the browser: run nothing from elsewhere, frame us nowhere, keep no patient's page."""

from __future__ import annotations

from flask import Flask, Response, current_app, request

from pointofcare.wire.training import is_training
from server.store.database import FACILITY

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# On every answer of a server whose patients are not real: whoever reads the API by program has no banner.
TRAINING_HEADER = "Pointofcare-Training"
ONE_YEAR_S = 365 * 24 * 3600


def register(app: Flask) -> None:
    @app.after_request
    def _add(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", POLICY)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("X-Frame-Options", "DENY")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        if request.endpoint and request.endpoint.endswith(".static"):
            if "immutable" not in headers.get("Cache-Control", ""):
                headers["Cache-Control"] = "public, max-age=86400"
        elif not (request.endpoint or "").startswith("releases."):  # they name no patient, and say themselves how long they last
            headers["Cache-Control"] = "no-store"
        if is_training(current_app.config[FACILITY]):
            headers[TRAINING_HEADER] = "not-real-patients"
        if request.is_secure or app.config.get("SESSION_COOKIE_SECURE"):
            headers.setdefault("Strict-Transport-Security", f"max-age={ONE_YEAR_S}; includeSubDomains")
        return response
