"""The server's only wiring: a configuration goes in, a Flask application comes out. It opens no socket and starts no thread."""

from __future__ import annotations

from flask import Flask
from flask_migrate import Migrate

from server.config import ServerConfig
from server.store import database, migrate, tables  # noqa: F401 - tables: imported so that all are registered
from server.store.database import FACILITY, db

CONFIG = "POINTOFCARE_CONFIG"


def bare_app(config: ServerConfig) -> Flask:
    """The application with its database only: for the gateway, the dispatcher and migrations."""
    app = Flask("server", static_folder=None, template_folder=None)
    app.config[CONFIG] = config
    app.config[FACILITY] = config.facility
    app.config["SECRET_KEY"] = config.secret_key
    app.config["SECURITY_PASSWORD_SALT"] = config.password_salt
    app.config["SESSION_COOKIE_HTTPONLY"] = True
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.config["SESSION_COOKIE_SECURE"] = config.http.secure_cookies
    database.register(app, config.database_url)
    Migrate(app, db, directory=str(migrate.DIRECTORY))
    return app


def create_app(config: ServerConfig, *, pages: bool = True) -> Flask:
    """The whole application: database and sign-in, and with `pages` the API and the web pages."""
    from server import security

    app = bare_app(config)
    security.setup(app)
    if pages:
        from server import api, web

        api.register(app)
        web.register(app)
    return app
