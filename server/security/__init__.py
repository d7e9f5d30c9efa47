"""Sign-in, sessions, tokens, roles, request forgery and response headers: who asks, and what may they do."""

from __future__ import annotations

from datetime import timedelta
from typing import NoReturn

from flask import Flask, abort, request
from flask_security import Security, SQLAlchemyUserDatastore
from flask_wtf import CSRFProtect

from server.security import access, headers, obligations, programs, sessions, sign_in, viewing
from server.security.permissions import ADMIT, IMPORT
from server.security.person import SESSION_MAX_AGE_S, TOKEN_HEADER, NotSignedInError, actor, may, requires
from server.store.database import db
from server.store.tables import RoleRow, StaffRow

__all__ = ["NotSignedInError", "actor", "may", "requires", "setup"]

csrf = CSRFProtect()
MAX_BODY_BYTES = 1_000_000
MAX_IMPORT_BYTES = 110_000_000
MAX_PHOTO_BYTES = 9_000_000
IMPORT_ENDPOINTS = frozenset({"imports.examine", "api.bring_in"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# A JSON body cannot come from another site's form, and this sets no cookie.
TOKEN_PATHS = frozenset({"/api/v1/tokens", "/api/v1/enrolment", "/api/v1/enrolment/renewal", "/feed/fhir/poll"})

SETTINGS: dict[str, object] = {
    "PERMANENT_SESSION_LIFETIME": timedelta(seconds=SESSION_MAX_AGE_S),
    "SESSION_COOKIE_NAME": "pointofcare_session",
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "REMEMBER_COOKIE_HTTPONLY": True,
    "REMEMBER_COOKIE_SAMESITE": "Lax",
    "WTF_CSRF_CHECK_DEFAULT": False,  # _guard below asks for it, so that a token needs none
    "WTF_CSRF_TIME_LIMIT": None,  # as long as the session: a board stays open for a shift
    "SECURITY_PASSWORD_HASH": "argon2",
    # Argon2id, the second recommendation of RFC 9106 (64 MiB, 3 passes, 4 lanes). A hash with others is made anew at the next sign-in.
    "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS": {
        "argon2__type": "ID",
        "argon2__memory_cost": 65_536,
        "argon2__time_cost": 3,
        "argon2__parallelism": 4,
    },
    "SECURITY_PASSWORD_SCHEMES": ["argon2"],
    "SECURITY_DEPRECATED_PASSWORD_SCHEMES": [],
    "SECURITY_PASSWORD_LENGTH_MIN": 12,
    "SECURITY_PASSWORD_NORMALIZE_FORM": "NFKC",
    "SECURITY_USER_IDENTITY_ATTRIBUTES": [{"username": {"mapper": lambda name: name, "case_insensitive": True}}],
    "SECURITY_RETURN_GENERIC_RESPONSES": True,
    "SECURITY_LOGIN_URL": "/sign-in",
    "SECURITY_LOGOUT_URL": "/sign-out",
    "SECURITY_LOGOUT_METHODS": ["POST"],
    "SECURITY_POST_LOGIN_VIEW": "/",
    "SECURITY_POST_LOGOUT_VIEW": "/sign-in",
    "SECURITY_REDIRECT_VALIDATE_MODE": ["regex"],
    "SECURITY_DEFAULT_REMEMBER_ME": False,
    "SECURITY_TOKEN_AUTHENTICATION_HEADER": TOKEN_HEADER,
    "SECURITY_TOKEN_AUTHENTICATION_KEY": "no-token-in-an-address",
    "SECURITY_TOKEN_MAX_AGE": SESSION_MAX_AGE_S,
    "SECURITY_FLASH_MESSAGES": False,
    "SECURITY_SEND_REGISTER_EMAIL": False,
    "SECURITY_SEND_PASSWORD_CHANGE_EMAIL": False,
    "SECURITY_ANONYMOUS_USER_DISABLED": False,
}


def setup(app: Flask) -> None:
    """Puts Flask-Security on `app`, with our form, limits and headers. Opens no connection."""
    for name, value in SETTINGS.items():
        app.config[name] = value
    app.config["REMEMBER_COOKIE_SECURE"] = app.config.get("SESSION_COOKIE_SECURE", False)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.before_request(programs.name_person)  # before anything asks who is there
    app.before_request(_size)
    csrf.init_app(app)
    Security(app, SQLAlchemyUserDatastore(db, StaffRow, RoleRow), register_blueprint=True)
    for endpoint in ("security.verify", "security.login", "security.logout"):
        app.view_functions[endpoint] = _nothing  # the pages put their own in place of the last two
    headers.register(app)
    viewing.register(app)  # after the headers, which then stand on its refusal too
    access.register(app)
    app.before_request(_guard)
    app.before_request(obligations.check)
    app.after_request(lambda response: sessions.put_browser(response, secure=bool(app.config.get("SESSION_COOKIE_SECURE"))))
    sign_in.limit(app)


def _size() -> None:
    """Before anything of the body is read: only who may import sends files."""
    if request.endpoint in IMPORT_ENDPOINTS and may(IMPORT):
        request.max_content_length = MAX_IMPORT_BYTES
    elif request.endpoint == "identity.photo" and may(ADMIT):
        request.max_content_length = MAX_PHOTO_BYTES


def _nothing() -> NoReturn:
    """Flask-Security's own pages have no limit on guesses and know of no second factor."""
    abort(404)


def _guard() -> None:
    """A request that changes something must come from our own pages, or carry a token in a header, which no other site can set."""
    if request.method in SAFE_METHODS or TOKEN_HEADER in request.headers or request.blueprint == programs.BLUEPRINT:
        return  # the FHIR face takes no cookie
    if request.path in TOKEN_PATHS:
        if not request.is_json:
            abort(415)
        return
    csrf.protect()
