"""`pointofcare-server fhir client add|list|revoke`: which programs may read from us, from the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from pointofcare.errors import ConfigError, MessageError
from server.config import ServerConfig
from server.store import fhir_clients
from server.store.transaction import Actor, reading, transaction
from server.usecases import fhir_clients as verbs

Load = Callable[[argparse.Namespace], ServerConfig]
Make = Callable[[ServerConfig], Flask]


def add(commands: Any, default_config: Path, load: Load, make: Make, actor: Actor) -> None:
    """Into the server's own commands; `make` gives the application with its database."""
    about = "programs that read over FHIR: register, list, revoke"
    client = commands.add_parser("fhir", help=about, description=about).add_subparsers(required=True, metavar="WHAT")
    actions = client.add_parser("client", help="registered programs").add_subparsers(required=True, metavar="ACTION")

    def run(chosen: argparse.Namespace) -> int:
        with make(load(chosen)).app_context():
            return act(actor, chosen)

    def action(name: str, about: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = actions.add_parser(name, help=about, description=about)
        made.add_argument("--config", type=Path, default=default_config, help="the configuration file (default: server.toml)")
        made.set_defaults(run=run, action=name)
        return made

    made = action("add", "register a program with its public keys")
    made.add_argument("client", help="its id: what it sends as iss and sub")
    made.add_argument("--name", required=True, help="which program it is, and whose")
    made.add_argument("--jwks", type=Path, required=True, metavar="FILE", help="its public keys (RFC 7517)")
    made.add_argument(
        "--scopes", required=True, help='what it may read: "system/*.rs", "system/Patient.rs system/MedicationAdministration.rs"'
    )
    made.add_argument("--ward", action="append", default=[], help="patients of this ward alone; may be repeated")
    action("list", "every program, what it may read, and when it came last")
    made = action("revoke", "from its next request on it reads nothing")
    made.add_argument("client")
    made.add_argument("--reason", required=True)


def act(actor: Actor, chosen: argparse.Namespace) -> int:
    """Needs an application context. Raises: ConfigError, PointOfCareError."""
    if chosen.action == "list":
        with reading(actor) as tx:
            for one in fhir_clients.listed(tx):
                state = f"revoked {one.revoked_at:%Y-%m-%d}: {one.reason}" if one.revoked_at else "in force"
                seen = f"{one.seen_at:%Y-%m-%d %H:%M}Z" if one.seen_at else "never"
                wards = ",".join(sorted(one.wards)) if one.wards is not None else "all wards"
                _say("\t".join((one.id, one.name, state, one.scopes, wards, f"last token {seen}")))
        return 0
    if chosen.action == "revoke":
        with transaction(actor) as tx:
            verbs.revoke(tx, actor, chosen.client, reason=chosen.reason)
        _say(f"{chosen.client} is revoked")
        return 0
    try:
        keys = chosen.jwks.read_bytes()
    except OSError as exc:
        raise ConfigError(f"{chosen.jwks} cannot be read: {exc.strerror}", problems=(("--jwks", str(exc)),)) from exc
    try:
        with transaction(actor) as tx:
            made = verbs.register(tx, actor, client=chosen.client, name=chosen.name, jwks=keys, scopes=chosen.scopes, wards=chosen.ward)
    except MessageError as exc:
        raise ConfigError(exc.message, problems=tuple((f"{field}", why) for field, why in exc.problems)) from exc
    _say(f"{made.id} is registered for {made.scopes}; its tokens come from /fhir/token")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
