"""`pointofcare-server feed run|check`: the feed from the hospital's FHIR server alone, and whether it can be read."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from pointofcare.errors import ConfigError, EmrError
from server.config import ServerConfig
from server.feeds import fhir_feed
from server.feeds.fhir_feed import FhirFeed
from server.feeds.fhir_items import KINDS
from server.store import migrate

Load = Callable[[argparse.Namespace], ServerConfig]
Make = Callable[[ServerConfig], Flask]


def add(commands: Any, default_config: Path, load: Load, make: Make) -> None:
    """Into the server's own commands; `make` gives the application with its database."""
    about = "orders and patients from the hospital's FHIR server: the feed alone, and a look whether it can be read"
    actions = commands.add_parser("feed", help=about, description=about).add_subparsers(required=True, metavar="ACTION")
    made = actions.add_parser("run", help="read, take and compare, until SIGTERM")
    made.add_argument("--config", type=Path, default=default_config, help="the configuration file (default: server.toml)")
    made.set_defaults(run=lambda chosen: _run(chosen, load, make))
    made = actions.add_parser("check", help="ask the server what it can do, and search each kind once; nothing is kept")
    made.add_argument("--config", type=Path, default=default_config, help="the configuration file (default: server.toml)")
    made.set_defaults(run=lambda chosen: _check(chosen, load))


def feed(app: Flask, config: ServerConfig, *, changed: Callable[[], None] = lambda: None) -> FhirFeed:
    """The feed of `config`, not started. Raises: ConfigError."""
    return FhirFeed(fhir_feed.opened(config), scope=app.app_context, changed=changed)


def _run(chosen: argparse.Namespace, load: Load, make: Make) -> int:
    config = load(chosen)
    _must_be_on(config)
    app = make(config)
    with app.app_context():
        migrate.require_current()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    running = feed(app, config)
    running.start()
    _say("pointofcare-server feed ready")
    stop.wait()
    running.stop()
    _say("pointofcare-server stopped")
    return 0


def _check(chosen: argparse.Namespace, load: Load) -> int:
    config = load(chosen)
    _must_be_on(config)
    source = fhir_feed.opened(config).source
    faults = 0
    try:
        for kind in ("metadata", *KINDS):
            try:
                if kind == "metadata":
                    source.check(KINDS)
                else:
                    list(source.search(kind, [("_lastUpdated", "ge2020-01-01T00:00:00.000Z"), ("_sort", "_lastUpdated")], pages=1))
            except EmrError as exc:
                faults += 1
                _say(f"{kind}: {exc}")
            else:
                _say(f"{kind}: ok")
    finally:
        source.close()
    return 1 if faults else 0


def _must_be_on(config: ServerConfig) -> None:
    if not config.fhir_feed.enabled:
        raise ConfigError("the FHIR feed is switched off", problems=(("fhir_feed.enabled", "set it to true"),))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
