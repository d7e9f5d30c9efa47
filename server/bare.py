"""The application with its database and nothing else: what a command needs that is over in a second.

Must never import what sends, shows or listens: every command of a shell pays for what stands here (`server.app` has all of it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Flask
from flask_migrate import Migrate

from server.config import ServerConfig
from server.store import (
    database,
    migrate,
    tables,  # noqa: F401 - imported so that every table is known to the migrations
)
from server.store.database import FACILITY, db

if TYPE_CHECKING:
    from server.alerts.watch import AlertWatch
    from server.emr.dispatcher import Dispatcher
    from server.feeds.fhir_feed import FhirFeed
    from server.firmware.standing import Renewer
    from server.mqtt.gateway import Gateway
    from server.security.broker_files import Keeper
    from server.security.sealing import Sealer
    from server.store.notices import Listener
    from server.usecases.fhir_exports import Exporter
    from server.usecases.presence import Presence
    from server.usecases.quality_days import Counter

CONFIG = "POINTOFCARE_CONFIG"
RUNNING = "pointofcare"


@dataclass(slots=True)
class Running:
    """What runs beside the pages in this process; empty where another process does it."""

    gateway: Gateway | None = None
    dispatchers: tuple[Dispatcher, ...] = ()
    sealer: Sealer | None = None
    keeper: Keeper | None = None
    counter: Counter | None = None
    exporter: Exporter | None = None
    feed: FhirFeed | None = None
    listener: Listener | None = None
    alert_watch: AlertWatch | None = None
    renewer: Renewer | None = None
    presence: Presence | None = None


def bare_app(config: ServerConfig) -> Flask:
    """The application with its database only: for the gateway, the dispatcher, migrations, and commands from a shell."""
    app = Flask("server", static_folder=None, template_folder=None)
    app.config[CONFIG] = config
    app.config[FACILITY] = config.facility
    app.config["SECRET_KEY"] = config.secret_key
    app.config["SECURITY_PASSWORD_SALT"] = config.password_salt
    app.config["SESSION_COOKIE_HTTPONLY"] = True
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.config["SESSION_COOKIE_SECURE"] = config.http.secure_cookies
    app.extensions[RUNNING] = Running()
    database.register(app, config.database_url)
    Migrate(app, db, directory=str(migrate.DIRECTORY))
    return app
