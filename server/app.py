"""The server's only wiring: a configuration goes in, a Flask application comes out. It opens no socket and starts no thread."""

from __future__ import annotations

import importlib
from types import ModuleType

from flask import Flask
from flask_migrate import Migrate

from server.config import ServerConfig
from server.store import database, tables
from server.store.database import db
from server.store.transaction import FACILITY

CONFIG = "POINTOFCARE_CONFIG"
MIGRATIONS = "server.store.migrations"


def create_app(config: ServerConfig) -> Flask:
    """The application for `config`: database, sign-in, API, pages."""
    app = Flask("server", static_folder=None)
    app.config[CONFIG] = config
    app.config[FACILITY] = config.facility
    app.config["SECRET_KEY"] = config.secret_key
    app.config["SECURITY_PASSWORD_SALT"] = config.password_salt
    app.config["SESSION_COOKIE_HTTPONLY"] = True
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.config["SESSION_COOKIE_SECURE"] = config.http.secure_cookies
    database.register(app, config.database_url)
    assert tables  # imported for its rows
    Migrate(app, db, compare_type=True)
    for name, function in (("server.security", "setup"), ("server.api", "register"), ("server.web", "register")):
        module = _room(name)
        if hasattr(module, function):
            getattr(module, function)(app)
    return app


def _room(name: str) -> ModuleType:
    return importlib.import_module(name)
