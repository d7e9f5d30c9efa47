"""The kiosk's web application: pages on loopback, rendered from the bedside's newest view.

It holds no state and decides nothing: a form becomes one command to the bedside loop, a page is one view in the nurse's language.
Nothing that overrides a stop may be offered here.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask import Flask, Response, abort, make_response, redirect, render_template, request, url_for
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError, generate_csrf

from cart_client.commanded import Located
from cart_client.inbox import Answer, Command
from cart_client.monitor import Shown
from cart_client.scanning import Advice, Outlook
from cart_client.screen import Strip, View
from cart_client.web import camera_view, care_pages, forms, help_pages, located_page, monitor_page, state
from cart_client.web import phone as phone_pages
from cart_client.web.phone import Phone
from cart_client.web.witness_pages import blueprint as witness_blueprint
from cart_client.web.words import Words
from pointofcare.errors import MessageError
from pointofcare.fleet.drawer_access import PURPOSES
from pointofcare.texts import DEFAULT_LANGUAGE, LANGUAGES

_CSRF_PLACE = "@@csrf-token@@"
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
# What a screen is told by its browser's own cookies; "auto" is as the device asks.
THEMES = ("auto", "light", "dark")
VOLUMES = ("mute", "low", "normal", "loud")
_OWN_HOSTS = ("127.0.0.1", "localhost", "[::1]")


def _without_seconds(view: View) -> View:
    """What the main part of a page is made from: the time of its clocks and ages is exact to ten seconds."""
    at = view.at.replace(second=view.at.second // 10 * 10, microsecond=0)
    strip = Strip(missing=view.strip.missing, camera_live=view.strip.camera_live, camera_fault=view.strip.camera_fault)
    return replace(view, at=at, strip=strip, trace=None, table_ages_s={})


def create_app(
    *,
    view: Callable[[], View],
    ask: Callable[[Command], Answer],
    jpeg: Callable[[], tuple[int, bytes] | None],
    names: Callable[[], Mapping[str, str]],
    language: str = DEFAULT_LANGUAGE,
    preset: Callable[[str], str] | None = None,
    extra_state: Callable[[], dict[str, object]] = dict,
    outlook: Callable[[], Outlook] | None = None,
    phone: Phone | None = None,
    monitor: Callable[[], Shown] | None = None,
    monitored: Collection[str] = ("heart-rate", "spo2"),
    located: Located | None = None,
    found: Callable[..., None] = lambda **_: None,
) -> Flask:
    """`view` and `ask` are the bedside's, `jpeg` the newest camera picture with its number, `names` what
    a person calls the ids that findings name, `outlook` what is to be drawn over the picture, `monitor` what the cart's monitor
    shows of `monitored`, `preset` how the screen is set as long as nobody chose on it.
    With `phone` the screen and the camera are a phone's browser. `located` says whether somebody looks for this cart, `found` ends
    its hardware's signal."""
    app = Flask(__name__, static_folder="static", template_folder="templates")
    app.config.update(
        SECRET_KEY=secrets.token_bytes(32),
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_HTTPONLY=True,
        WTF_CSRF_TIME_LIMIT=None,
        MAX_CONTENT_LENGTH=16_384,
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(hours=1),
    )
    app.jinja_env.globals["drawer_purposes"] = PURPOSES
    app.jinja_env.globals["advices"] = [each.value for each in Advice]
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    protection = CSRFProtect(app)
    if phone is not None:
        # The browser comes over HTTPS, to the server's gate.
        app.config["SESSION_COOKIE_SECURE"] = True
        app.register_blueprint(phone_pages.blueprint(phone))
        protection.exempt(app.view_functions["phone.end"])

    def chosen(name: str, codes: tuple[str, ...], otherwise: str) -> str:
        found = request.cookies.get(name, otherwise)
        return found if found in codes else otherwise

    def usual(name: str, otherwise: str) -> str:
        """What this screen has until somebody chooses on it."""
        return preset(name) if preset is not None else otherwise

    def words() -> Words:
        return Words(chosen("language", tuple(LANGUAGES), usual("language", language)), view(), names)

    app.register_blueprint(care_pages.blueprint(view=view, ask=ask, words=words))
    app.register_blueprint(help_pages.blueprint(words, is_phone=phone is not None))
    app.register_blueprint(monitor_page.blueprint(monitor, words, monitored))
    app.register_blueprint(located_page.blueprint(located, found, words))
    app.register_blueprint(witness_blueprint(view=view, ask=ask, words=words))

    made: dict[str, tuple[object, str]] = {}

    def part(template: str) -> str:
        """What is the same as a moment ago is not made again: every screen asks several times a second."""
        w = words()
        key = (w.language, _without_seconds(w.view)) if template == "main.html" else None
        before = made.get(template)
        if key is not None and before is not None and before[0] == key:
            return before[1]
        html = render_template(template, w=w, v=w.view, csrf=_CSRF_PLACE, phone=phone is not None)
        seen = hashlib.sha256(html.encode()).hexdigest()[:16]
        made[template] = (key, html.replace("@@seen@@", seen))
        return made[template][1]

    def answered(template: str) -> Response:
        """The part, or 204 when the page has it already."""
        html = part(template)
        if f'data-seen="{request.args.get("seen", "-")}"' in html:
            return Response(status=204)
        return Response(html.replace(_CSRF_PLACE, generate_csrf()))

    @app.before_request
    def only_this_machine() -> None:
        # A foreign page whose name was made to point here must not read patients.
        if request.host.rsplit(":", 1)[0] not in _OWN_HOSTS:
            abort(421)

    @app.after_request
    def guarded(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        if not request.path.startswith("/static/"):
            response.headers["Cache-Control"] = "no-store"
        return response

    @app.get("/")
    def page() -> str:
        main, strip = part("main.html"), part("strip.html")
        w = words()
        shown = {"main": main, "strip": strip, "phone": phone is not None, "themes": THEMES, "volumes": VOLUMES}
        shown |= {
            "theme": chosen("theme", THEMES, usual("screen_theme", "auto")),
            "volume": chosen("volume", VOLUMES, usual("sound_volume", "normal")),
        }
        shell = render_template("page.html", w=w, v=w.view, csrf=_CSRF_PLACE, languages=LANGUAGES, **shown)
        return shell.replace(_CSRF_PLACE, generate_csrf())

    @app.get("/part/main")
    def main() -> Response:
        return answered("main.html")

    @app.get("/part/strip")
    def strip() -> Response:
        return answered("strip.html")

    @app.get("/picture.jpg")
    def picture() -> Response:
        """The newest picture; 204 when there is none or the page has it. What is drawn over it, and which view is the newest, comes with it
        either way."""
        newest = jpeg()
        if newest is None or request.args.get("seen") == str(newest[0]):
            response = Response(status=204)
        else:
            response = Response(newest[1], mimetype="image/jpeg")
            response.headers["X-Picture"] = str(newest[0])
        if outlook is not None:
            response.headers["X-Outlook"] = camera_view.told(outlook(), view().moment)
        return response

    @app.get("/api/state")
    def api_state() -> dict[str, Any]:
        return {**state.plain(view()), **extra_state()}

    @app.post("/do/<name>")
    def do(name: str) -> Response:
        """One form of the kiosk; the answer is the page's main part as it is after it. Everything a person sees is there."""
        if name not in forms.COMMANDS:
            abort(404)
        try:
            ask(forms.COMMANDS[name](request.form))
        except (MessageError, TimeoutError):
            abort(400)
        if request.accept_mimetypes.best == "application/json":
            return make_response(api_state())
        if "HX-Request" not in request.headers:
            return make_response(redirect(url_for("page"), code=303))
        return Response(part("main.html").replace(_CSRF_PLACE, generate_csrf()))

    @app.post("/language")
    def choose_language() -> Response:
        chosen = request.form.get("language", "")
        response = make_response(redirect(url_for("page"), code=303))
        if chosen in LANGUAGES:
            response.set_cookie("language", chosen, max_age=365 * 86_400, samesite="Strict", httponly=True, secure=phone is not None)
        return response

    @app.post("/settings")
    def settings() -> Response:
        """Light and sound of this screen, remembered by its browser."""
        response = make_response("", 204) if request.accept_mimetypes.best == "application/json" else redirect(url_for("page"), code=303)
        for name, codes in (("theme", THEMES), ("volume", VOLUMES)):
            if (told := request.form.get(name, "")) in codes:
                response.set_cookie(name, told, max_age=365 * 86_400, samesite="Strict", httponly=True, secure=phone is not None)
        return make_response(response)

    @app.errorhandler(CSRFError)
    def old_page(_error: CSRFError) -> Response:
        """The program was restarted under an open page: load it anew."""
        return Response(status=400, headers={"HX-Refresh": "true"})

    return app
