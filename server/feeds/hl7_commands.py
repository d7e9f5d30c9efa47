"""`pointofcare-server hl7 run|check|try`: the listener, its settings, and the dry run of a profile."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from pointofcare.errors import ConfigError
from server.config import ServerConfig
from server.feeds import hl7_settings, hl7_trial
from server.feeds.hl7_intake import Intake
from server.feeds.hl7_listener import Listener
from server.store import migrate
from server.usecases import hl7_profile

Load = Callable[[argparse.Namespace], ServerConfig]
Make = Callable[[ServerConfig], Flask]


def add(commands: Any, default_config: Path, load: Load, make: Make) -> None:
    """Into the server's own commands; `make` gives the application with its database."""
    about = "HL7 version 2 from the hospital's systems: the listener, its settings, and a dry run"
    actions = commands.add_parser("hl7", help=about, description=about).add_subparsers(required=True, metavar="ACTION")
    made = actions.add_parser("run", help="listen, keep, take and answer, until SIGTERM")
    made.add_argument("--config", type=Path, default=default_config, help="the configuration file (default: server.toml)")
    made.add_argument("--listener", type=Path, help=f"the listener's settings (default: {hl7_settings.FILE} beside the configuration)")
    made.set_defaults(run=lambda chosen: _run(chosen, load, make))
    made = actions.add_parser("check", help="list every fault of the listener's settings and of its profiles")
    made.add_argument("--listener", type=Path, default=Path(hl7_settings.FILE))
    made.set_defaults(run=_check)
    made = actions.add_parser("try", help="say in words what each message of a file would become; nothing is written")
    made.add_argument("file", type=Path)
    made.add_argument("--profile", type=Path, required=True, metavar="FILE")
    made.add_argument("--config", type=Path, help="look drug codes up in the formulary of this server")
    made.set_defaults(run=lambda chosen: _try(chosen, load, make))


def _run(chosen: argparse.Namespace, load: Load, make: Make) -> int:
    config = load(chosen)
    if config.training:
        remedy = "run the listener with the configuration of the real facility"
        raise ConfigError("a training server takes no patients of the hospital", remedy=remedy)
    settings = hl7_settings.load(chosen.listener or config.data_dir / hl7_settings.FILE, config.standard_times)
    app = make(config)
    with app.app_context():
        migrate.require_current()
    intake = Intake(
        settings.profiles, facility=config.facility, timezone=config.timezone, scope=app.app_context, keep_days=settings.keep_days
    )
    try:
        asyncio.run(_serve(Listener(settings, intake)))
    except OSError as exc:
        sys.stderr.write(f"{settings.host}:{settings.port} cannot be used: {exc}\n")
        return 1
    _say("pointofcare-server stopped")
    return 0


async def _serve(listener: Listener) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await listener.serve(stop, lambda port: _say(f"pointofcare-server hl7 ready on port {port}"))


def _check(chosen: argparse.Namespace) -> int:
    settings = hl7_settings.load(chosen.listener)
    for profile in settings.profiles:
        _say(f"{profile.name}: {', '.join(profile.applications)} of {', '.join(profile.facilities)}, HL7 {' '.join(profile.versions)}")
    tls = "TLS" if settings.certificate_file else "no TLS"
    _say(f"good: listens on {settings.host}:{settings.port}, {tls}{', senders show a certificate' if settings.client_ca_file else ''}")
    return 0


def _try(chosen: argparse.Namespace, load: Load, make: Make) -> int:
    profile = hl7_profile.load(chosen.profile)
    zone, scope = "Asia/Ho_Chi_Minh", None
    if chosen.config is not None:
        config = load(chosen)
        profile = hl7_settings.with_hours(profile, config.standard_times)
        zone, scope = config.timezone, make(config).app_context
    lines, bad = hl7_trial.from_command_line(chosen.file, profile, zone, scope)
    for line in lines:
        _say(line)
    return 1 if bad else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
