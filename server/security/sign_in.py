"""Signing in with a user name and a password: our form on Flask-Security's machinery, with limits.

The answer to a wrong name, a wrong password and a closed account is one and the same, and takes the same time. The expensive
hash is computed for two people at once at most, so that a change of shift never starves the doses.
"""

from __future__ import annotations

import threading
from typing import Any

from flask import Flask, Response, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user
from flask_security.forms import LoginForm
from flask_security.proxies import _security
from flask_security.utils import hash_password, lookup_identity
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired, Length, Optional

limiter = Limiter(key_func=get_remote_address, storage_uri="memory://", strategy="moving-window")
FAILURES_PER_NAME = "8 per 5 minutes"
TRIES_PER_ADDRESS = "120 per 5 minutes"
MACHINE_FAILURES = "30 per 5 minutes"
_hashing = threading.BoundedSemaphore(2)


class SignInForm(LoginForm):
    """Asks for a user name; an email address is no name here."""

    email = StringField(validators=[Optional()])  # not shown and not read, but Flask-Security expects the field
    username = StringField(validators=[DataRequired(), Length(max=255)])
    password = PasswordField(validators=[DataRequired(), Length(max=200)])

    def validate(self, **kwargs: Any) -> bool:
        self.ifield = self.username
        self.user = lookup_identity(str(self.username.data).strip()) if self.username.data else None
        with _hashing:
            return bool(super().validate(**kwargs))


def name_asked_for() -> str:
    """The key of the limit on failures: the name, whether there is such a person or not."""
    try:
        payload = request.get_json(silent=True) if request.is_json else None
    except RecursionError:  # nested on purpose; the view refuses it
        payload = None
    name = payload.get("username") if isinstance(payload, dict) else request.form.get("username")
    return f"name:{str(name or '').strip().lower()[:255]}"


def password_holds(person: Any, password: str) -> bool:
    """Does `password` belong to `person`, who may sign in? Takes as long when there is no such person."""
    with _hashing:
        if person is None or not person.password:
            hash_password(password)
            return False
        return bool(person.verify_and_update_password(_security.password_util.normalize(password))) and person.active


def limit(app: Flask, *endpoints: str) -> None:
    """Starts the limits and puts them before the views named."""
    limiter.init_app(app)
    limit_more(app, *endpoints)


def limit_more(app: Flask, *endpoints: str) -> None:
    """Only failures count against a name."""
    by_address = limiter.limit(TRIES_PER_ADDRESS, methods=["POST"])
    by_name = limiter.limit(FAILURES_PER_NAME, key_func=name_asked_for, methods=["POST"], deduct_when=_failed)
    for endpoint in endpoints:
        view: Any = app.view_functions[endpoint]
        app.view_functions[endpoint] = by_address(by_name(view))


def limit_own(app: Flask, endpoint: str) -> None:
    """Puts a limit on failures before a view where a person names the own password again."""
    by_person = limiter.limit(FAILURES_PER_NAME, key_func=lambda: f"own:{current_user.get_id()}", methods=["POST"], deduct_when=_failed)
    view: Any = app.view_functions[endpoint]
    app.view_functions[endpoint] = by_person(view)


def limit_machines(app: Flask, *endpoints: str) -> None:
    """Puts a limit on failures from one address before views where a machine shows a token or a key."""
    by_address = limiter.limit(MACHINE_FAILURES, methods=["POST"], deduct_when=_failed)
    for endpoint in endpoints:
        view: Any = app.view_functions[endpoint]
        app.view_functions[endpoint] = by_address(view)


def _failed(answer: Response) -> bool:
    return answer.status_code not in (201, 302, 303)
