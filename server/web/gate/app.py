"""The gate's own application: it pairs, refuses, and passes the rest to the one cart of the phone.

Whoever is not paired gets two pages and no more. It looks at a request's host, origin and cookie before anything of it goes on. Must never
answer for a cart, and never let a browser choose which cart it is.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException, MisdirectedRequest

from pointofcare.errors import NotPermittedError
from pointofcare.texts import Catalogue
from server.config import ServerConfig
from server.store.transaction import Actor, DatabaseFault, transaction
from server.usecases import phones as verbs
from server.web.gate.proxy import AwayError, BusyError, Carts
from server.web.gate.standing import Standing

log = logging.getLogger(__name__)

# "__Host-": the browser takes it over HTTPS from this very host alone, and sends it nowhere else.
COOKIE = "__Host-phone"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
LARGEST_BODY = 65_536
_SAFE = frozenset({"GET", "HEAD"})
# Tries to pair from one address: a person needs one.
_TRIES, _TRIES_WITHIN_S, _MOST_PLACES = 10, 60.0, 1_000
_PLAIN = re.compile(r"[A-Za-z0-9_.=+/-]{0,4000}", re.ASCII)
_ONE_YEAR_S = 365 * 24 * 3600


def create_app(config: ServerConfig, *, standing: Standing, carts: Carts, scope: Callable[[], Any]) -> Flask:
    """`scope` is the context of the application that has the database."""
    app = Flask("server.web.gate", static_url_path="/gate")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = timedelta(hours=1)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    texts = Catalogue("server.web.texts")
    tries = _Tries()
    host = urlsplit(config.phones.address).netloc

    def own_page(name: str, status: int) -> Response:
        language = request.accept_languages.best_match(config.languages) or config.languages[0]
        page = render_template(
            "gate.html", name=name, language=language, training=config.training, t=lambda code: texts.text(language, code, {})
        )
        return make_response(page, status)

    @app.before_request
    def only_from_our_own_pages() -> None:
        if host and request.host != host:
            raise MisdirectedRequest
        if request.method in _SAFE:
            return
        origin, fetched = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
        if origin is not None:
            own = urlsplit(origin).scheme == "https" and urlsplit(origin).netloc == request.host
        else:
            own = fetched == "same-origin"
        if not own:
            raise NotPermittedError("not from a page of ours", remedy="open the phone's own page")

    @app.after_request
    def guarded(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", POLICY)
        headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("X-Frame-Options", "DENY")
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Cache-Control", "no-store")
        headers["Strict-Transport-Security"] = f"max-age={_ONE_YEAR_S}"
        return response

    @app.get("/pair")
    def pairing() -> Response:
        return own_page("pair", 200)

    @app.post("/pair")
    def pair() -> Response:
        """`{"token"}`: used once, it binds this browser. 403 to every token that does not hold, 429 to a hurry."""
        place = request.remote_addr or ""
        if not tries.may(place):
            return _told("too-often", 429)
        told = request.get_json(silent=True)
        token = told.get("token") if isinstance(told, dict) else None
        if not isinstance(token, str):
            return _told("pairing-code", 400)
        lasts = timedelta(days=config.phones.pairing_days)
        try:
            with scope(), transaction(Actor(id="phone", place=place)) as tx:
                made = verbs.pair(tx, token=token, browser=request.headers.get("User-Agent", ""), place=place, lasts=lasts)
        except NotPermittedError:
            return _told("pairing-code", 403)
        except DatabaseFault:
            return _told("database", 503)
        standing.refresh()
        log.info("a phone was paired as %s, number %d", made.cart, made.number)
        response = jsonify({"cart": made.cart})
        response.set_cookie(
            COOKIE, made.cookie, max_age=int(lasts.total_seconds()), secure=True, httponly=True, samesite="Strict", path="/"
        )
        return response

    @app.get("/standing")
    def is_paired() -> dict[str, bool]:
        """For the page of whoever came by a foreign link, without the cookie that the browser keeps back then."""
        return {"paired": standing.of(request.cookies.get(COOKIE, "")) is not None}

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
    @app.route("/<path:path>", methods=["GET", "POST"])
    def pass_on(path: str) -> Response:
        found = standing.of(request.cookies.get(COOKIE, ""))
        if found is None:
            return _lacking(own_page)
        # The end of a pairing is the gate's to tell.
        if path.strip("/").lower() == "phone/end":
            return _told("not-found", 404)
        others = {name: value for name, value in request.cookies.items() if name != COOKIE and _PLAIN.fullmatch(value)}
        query = request.query_string.decode("ascii", "replace")
        try:
            answer = carts.pass_on(
                found.cart, found.number, request.method, f"/{path}", query, dict(request.headers), others, request.get_data(cache=False)
            )
        except AwayError:
            return own_page("away", 503) if _is_page() else _told("cart-away", 503)
        except BusyError:
            return _told("too-often", 429)
        return Response(answer.body, status=answer.status, headers=list(answer.headers))

    @app.errorhandler(NotPermittedError)
    def refused(_error: NotPermittedError) -> Response:
        return _told("not-permitted", 403)

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> Response:
        return _told(error.name.lower().replace(" ", "-"), error.code or 500)

    return app


def _lacking(own_page: Callable[[str, int], Response]) -> Response:
    return own_page("unpaired", 403) if _is_page() else _told("not-paired", 403)


def _is_page() -> bool:
    return request.method == "GET" and request.headers.get("Sec-Fetch-Dest", "document") == "document"


def _told(why: str, status: int) -> Response:
    response = jsonify({"why": why})
    response.status_code = status
    return response


class _Tries:
    """How often each address tried of late; what is forgotten is the oldest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def may(self, place: str) -> bool:
        now_s = time.monotonic()
        with self._lock:
            credit, at_s = self._of.pop(place, (float(_TRIES), now_s))
            credit = min(float(_TRIES), credit + (now_s - at_s) * _TRIES / _TRIES_WITHIN_S)
            self._of[place] = (max(credit - 1, 0.0), now_s)
            while len(self._of) > _MOST_PLACES:
                self._of.popitem(last=False)
            return credit >= 1
