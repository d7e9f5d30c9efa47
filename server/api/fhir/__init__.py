"""Our own FHIR R4 face under /fhir/R4: what other systems read from us. Read only.

Each view reads its input, asks whether this type may be read by whoever asks, calls one query and answers; no rule of searching or mapping
lives here. Must never answer a request that names a patient without saying whom it showed (`server.security.viewing`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from flask import Flask

from server.api.fhir import exporting, outcomes, reading_views, tokens
from server.api.fhir.room import room
from server.security import sign_in

# Once for the process, for several applications may stand on one blueprint.
reading_views.register(room)
exporting.register(room)
tokens.register(room)
outcomes.register(room)


def register(app: Flask) -> None:
    """Puts the face on `app`; needs the converter "anything" of the API."""
    app.config[reading_views.STARTED] = datetime.now(UTC)
    app.config[reading_views.VERSION] = _version()
    app.register_blueprint(room)
    sign_in.limit_machines(app, "fhir.token")


def _version() -> str:
    try:
        return version("pointofcare")
    except PackageNotFoundError:
        return "unknown"
