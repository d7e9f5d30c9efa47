"""What a person sees when something does not go: what happened, in their language, and what to do. Never a trace, never a bare code."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from flask import Flask, Response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import ConflictError, IllegalTransitionError, NotFoundError, NotPermittedError, PointOfCareError, UnreadableError
from server.security import person
from server.security.obligations import OwedError, TooSoonError
from server.security.permissions import OPEN_EMERGENCY
from server.security.person import NotSignedInError
from server.store.reach import OtherWardError
from server.web import page

log = logging.getLogger(__name__)

# Class of a failure -> (HTTP status, text code). The first that fits holds.
FAULTS: tuple[tuple[type[PointOfCareError], int, str], ...] = (
    (OtherWardError, 403, "fault-other-ward"),
    (NotPermittedError, 403, "fault-not-permitted"),
    (NotFoundError, 404, "fault-not-found"),
    (ConflictError, 409, "fault-conflict"),
    (IllegalTransitionError, 409, "fault-conflict"),
    (UnreadableError, 400, "fault-unreadable"),
)
STATUSES = {
    400: "fault-unreadable",
    403: "fault-not-permitted",
    404: "fault-not-found",
    405: "fault-not-found",
    413: "fault-too-large",
    429: "fault-too-many",
    503: "fault-not-audited",
}


def told(exc: PointOfCareError) -> str:
    """A failure as one line for a message on a page."""
    code = next((text for kind, _, text in FAULTS if isinstance(exc, kind)), "fault-other")
    return f"{page.t(code)} {exc.message}{' – ' + exc.remedy if exc.remedy else ''}"


def register(app: Flask) -> None:
    @app.errorhandler(NotSignedInError)
    def _sign_in(_exc: NotSignedInError) -> BaseResponse | tuple[str, int]:
        if request.args.get("part") == "live":
            return "", 401
        wanted = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for("security.login", next=wanted if wanted != "/" else None))

    @app.errorhandler(OwedError)
    def _owed(exc: OwedError) -> BaseResponse | tuple[str, int]:
        """Leads to where it is done, and from there back to where the person was."""
        if request.args.get("part") == "live":
            return "", 401
        place = request.full_path.rstrip("?") if request.method == "GET" else page.inside(urlsplit(request.referrer or "/").path)
        endpoint = {"password": "account.show", "second-factor": "account.factor", "fresh": "account.prove"}[exc.owed]
        address = url_for(endpoint, next=place if exc.owed == "fresh" else None)
        if exc.owed != "fresh":
            page.say(f"owed-{exc.owed}", "warning")
        if "HX-Request" in request.headers:
            return Response(headers={"HX-Redirect": address})
        return redirect(address, code=303)

    @app.errorhandler(TooSoonError)
    def _too_soon(exc: TooSoonError) -> Response:
        text, status = shown("fault-too-many", 429)
        return Response(text, status=status, headers={"Retry-After": str(exc.wait_s)})

    @app.errorhandler(PointOfCareError)
    def _known(exc: PointOfCareError) -> tuple[str, int]:
        status, code = next(((status, code) for kind, status, code in FAULTS if isinstance(exc, kind)), (500, "fault-other"))
        if status == 500:
            log.exception("page %s failed", request.endpoint)
        detail = exc.message if not isinstance(exc, NotPermittedError) else ""
        patient = str(exc.fields.get("patient") or "") if isinstance(exc, OtherWardError) and person.may(OPEN_EMERGENCY) else ""
        return shown(code, status, detail, emergency=patient)

    @app.errorhandler(CSRFError)
    def _foreign(_exc: CSRFError) -> tuple[str, int]:
        return shown("fault-form-expired", 400)

    @app.errorhandler(HTTPException)
    def _http(exc: HTTPException) -> tuple[str, int] | HTTPException | Response:
        if exc.code is None or exc.code < 400:
            return exc
        return shown(STATUSES.get(exc.code, "fault-other"), exc.code)

    @app.errorhandler(Exception)
    def _unknown(_exc: Exception) -> tuple[str, int]:
        log.exception("page %s failed", request.endpoint)
        return shown("fault-other", 500)


def shown(code: str, status: int, detail: str = "", *, emergency: str = "") -> tuple[str, int]:
    """`emergency` is the patient whose chart may be opened with a reason."""
    text = render_template("fault.html", title=page.t(code), text=page.t(f"{code}-text"), remedy=detail, emergency=emergency)
    return text, status
