"""The REST API, with its OpenAPI description at /api/openapi.json and a page that lists it at /api/."""

from __future__ import annotations

from typing import Any

import flask_smorest
from apispec import BasePlugin
from flask import Blueprint, Flask, render_template, url_for
from werkzeug.routing import PathConverter

from server.api import fhir
from server.api.enrolment import api as enrolment
from server.api.fleet import api as fleet
from server.api.resources import api as resources
from server.api.verdicts import api as verdicts
from server.security import sign_in

SETTINGS: dict[str, Any] = {
    "API_TITLE": "Point of care",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/api",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {
        "info": {"description": "Bedside medication administration. Sign in with POST /api/v1/tokens, then send Authentication-Token."},
        "components": {
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "Authentication-Token"},
                "session": {"type": "apiKey", "in": "cookie", "name": "pointofcare_session"},
            }
        },
        "security": [{"token": []}, {"session": []}],
    },
}


PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "description": "urn:pointofcare:problem: and a stable code"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "remedy": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


class _Problems(BasePlugin):  # type: ignore[misc]
    """Describes every failure of every operation as what it is: an RFC 9457 problem document."""

    def init_spec(self, spec: Any) -> None:
        spec.components.schema("ProblemDocument", PROBLEM)
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
        spec.components.response("Problem", {"description": "It was not done; the document says why and what helps.", "content": content})

    def operation_helper(self, path: str | None = None, operations: dict[str, Any] | None = None, **_: Any) -> None:  # noqa: ARG002
        for operation in (operations or {}).values():
            answers = operation.setdefault("responses", {})
            for status in [each for each in answers if str(each) == "default" or str(each) >= "400"]:
                del answers[status]
            answers["default"] = "Problem"


class _AnyText(PathConverter):
    """A path with whatever is in it, a line break too, so that no address of the API is answered with a page."""

    regex = r"[^/](?s:.*?)"


class _Api(flask_smorest.Api):  # type: ignore[misc]
    """Leaves the application's error handlers alone: the pages have their own, the blueprint has its own."""

    def _register_error_handlers(self) -> None:
        pass


def register(app: Flask) -> None:
    """Puts the API and its description on `app`."""
    app.config.update(SETTINGS)
    app.url_map.converters["anything"] = _AnyText
    app.register_blueprint(Blueprint("api_pages", __name__, template_folder="templates"))
    described = _Api(app, spec_kwargs={"extra_plugins": [_Problems()]})
    described.register_blueprint(resources)
    described.register_blueprint(verdicts)
    described.register_blueprint(enrolment)
    described.register_blueprint(fleet)
    sign_in.limit_more(app, "api.token")
    sign_in.limit_machines(app, "enrolment.enrol", "enrolment.renew")
    fhir.register(app)

    @app.get("/api/")
    def api_page() -> str:
        css = url_for("web.static", filename="vendor/bootstrap-5.3.9.min.css")
        return render_template("api.html", spec=described.spec.to_dict(), css=css, json="/api/openapi.json")
