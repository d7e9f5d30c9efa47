"""Commands of `pointofcare-server` that have a word of their own in front: `ca ...`, `firmware ...`, `rollout ...`.

Only the room of the word that was given is looked into: somebody who signs a release waits for no database, and nobody for web pages.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointofcare.errors import ConfigError
from pointofcare.people import StaffRole
from pointofcare.texts import LANGUAGES
from server import config as configuration
from server.config import ServerConfig

if TYPE_CHECKING:
    from flask import Flask

    from server.store.transaction import Actor

DEFAULT_CONFIG = Path("server.toml")


def add(commands: Any, first: str) -> None:
    """Puts the room of the word `first` among `commands`; all of them where it is no command of ours, so that each is told of."""
    known = first in commands.choices or any(first in words for words, _add in _ROOMS)
    for words, added in _ROOMS:
        if not known or first in words:
            added(commands)


def _hl7_commands(commands: Any) -> None:
    from server.bare import bare_app
    from server.feeds import hl7_commands

    hl7_commands.add(commands, DEFAULT_CONFIG, load, bare_app)


def _feed_commands(commands: Any) -> None:
    from server.bare import bare_app
    from server.feeds import fhir_commands

    fhir_commands.add(commands, DEFAULT_CONFIG, load, bare_app)


def _program_commands(commands: Any) -> None:
    from server.bare import bare_app
    from server.security import program_commands

    program_commands.add(commands, DEFAULT_CONFIG, load, bare_app, operator())


def _national_commands(commands: Any) -> None:
    from server.bare import bare_app
    from server.usecases import national_commands

    national_commands.add(commands, DEFAULT_CONFIG, load, bare_app, operator())


def _firmware_commands(commands: Any) -> None:
    from server.firmware import commands as firmware_commands

    firmware_commands.add(commands, DEFAULT_CONFIG, load)


def _rollout_commands(commands: Any) -> None:
    from server.bare import bare_app
    from server.usecases import rollout_commands

    rollout_commands.add(commands, DEFAULT_CONFIG, load, bare_app, operator())


def _retention_commands(commands: Any) -> None:
    from server.bare import bare_app
    from server.usecases import retention_commands

    retention_commands.add(commands, DEFAULT_CONFIG, load, bare_app, operator())


def _setup_commands(commands: Any) -> None:
    from server.bare import bare_app
    from server.setup import command

    def with_people(config: ServerConfig) -> Flask:
        from server.app import create_app

        return create_app(config, pages=False)

    command.add(commands, DEFAULT_CONFIG, make_app=bare_app, make_pages=with_people, operator=operator())


def _province_commands(commands: Any) -> None:
    from server.bare import bare_app
    from server.usecases import province_commands

    province_commands.add(commands, DEFAULT_CONFIG, load, bare_app)


def _pitr_commands(commands: Any) -> None:
    from server.bare import bare_app
    from server.security import pitr

    pitr.add(commands, DEFAULT_CONFIG, load, bare_app)


def _export_commands(commands: Any) -> None:
    from server.bare import bare_app
    from server.usecases import export_commands

    export_commands.add(commands, DEFAULT_CONFIG, load, bare_app, operator())


def _action(actions: Any, run: Callable[[argparse.Namespace], int], name: str, about: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = actions.add_parser(name, help=about, description=about)
    made.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="the configuration file (default: server.toml)")
    made.set_defaults(run=run, action=name)
    return made


def _emr_commands(commands: Any) -> None:
    """`emr new-key|jwks|contract`: the sign-in at the EMR, and whether its adapter keeps what every adapter must."""
    about = "the connection to the medical record"
    actions = commands.add_parser("emr", help=about, description=about).add_subparsers(required=True, metavar="ACTION")

    action = partial(_action, actions, _emr)

    action("new-key", "draw the key of emr.token_key, with which this server signs in at the EMR")
    made = action("jwks", "print the public keys to register at the EMR (JWKS)")
    made.add_argument("more", type=Path, nargs="*", help="further key files to list beside emr.token_key, while keys are changed")
    made = action(
        "contract", "send made-up doses to a TEST system and see whether its adapter keeps what every adapter must (exit code 1: no)"
    )
    made.add_argument("--mrn", required=True, help="the number of a test patient of that system: what is sent stays there")
    made.add_argument("--order", help="an order of that patient")
    made.add_argument("--nurse", default="N1", help="somebody who gives (default: N1)")
    made.add_argument("--witness", default="N2", help="somebody who witnesses (default: N2)")


def _emr(chosen: argparse.Namespace) -> int:
    from server.emr import commands

    return commands.run(chosen.action, load(chosen), chosen)


def _ca_commands(commands: Any) -> None:
    """`ca init|status|issue-server|claim|revoke|crl|accounts|broker`: the authority of the machines."""
    about = "the authority that gives carts and brokers their certificates"
    actions = commands.add_parser("ca", help=about, description=about).add_subparsers(required=True, metavar="ACTION")

    action = partial(_action, actions, _ca)

    action("init", "draw the authority's key")
    action("status", "machines, their certificates, and how long the revocation list holds (exit code 1: look)")
    made = action("issue-server", "certificates for the broker and for the gateway's own connection")
    made.add_argument("--host", action="append", required=True, help="a name or address by which carts reach the broker")
    made.add_argument("--output", type=Path, default=Path("broker-tls"), help="a folder (default: broker-tls)")
    action("claim", "permit one cart to enrol within ten minutes").add_argument("cart")
    made = action("revoke", "end every certificate of a cart")
    made.add_argument("cart")
    made.add_argument("--reason", required=True)
    action("crl", "write the revocation list").add_argument("--output", type=Path)
    action("accounts", "write the broker's accounts, root and revocation list").add_argument("--output", type=Path)
    made = action("broker", "write the whole configuration of the broker, NATS or Mosquitto as machines.broker says")
    made.add_argument("--host", default="0.0.0.0", help="the address on which carts reach it (default: all of this machine)")
    made.add_argument("--port", type=int, default=8883)
    made.add_argument("--tls", type=Path, metavar="DIR", help="the folder of `ca issue-server` (default: broker-tls in data_dir)")


def _ca(chosen: argparse.Namespace) -> int:
    from server.bare import bare_app
    from server.security import machine_commands as machines

    settings = load(chosen)
    if chosen.action == "init":
        return machines.initialise(settings)
    if chosen.action == "issue-server":
        return machines.issue_server(settings, hosts=chosen.host, output=chosen.output)
    with bare_app(settings).app_context():
        match chosen.action:
            case "claim":
                return machines.claim(settings, operator(), chosen.cart)
            case "revoke":
                return machines.revoke(settings, operator(), chosen.cart, reason=chosen.reason)
            case "crl":
                return machines.crl(settings, output=chosen.output)
            case "accounts":
                return machines.accounts(settings, output=chosen.output)
            case "broker":
                return machines.broker(settings, host=chosen.host, port=chosen.port, tls=chosen.tls)
            case _:
                return machines.status(settings)


def _policy_commands(commands: Any) -> None:
    """`policy check|diff|import|show`; the first two look at files alone."""
    about = "policy files: check, compare, draft, show"
    actions = commands.add_parser("policy", help=about, description=about).add_subparsers(required=True, metavar="ACTION")

    def action(name: str, run: object, about: str, *, with_config: bool) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = actions.add_parser(name, help=about, description=about)
        if with_config:
            made.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="the configuration file (default: server.toml)")
        made.set_defaults(run=run)
        return made

    made = action("check", _policy_check, "list every fault of a file", with_config=False)
    made.add_argument("file", type=Path)
    made.add_argument("--ward", type=Path, metavar="FILE", help="a ward's file over it")
    made = action("diff", _policy_diff, "say in words what differs between two files", with_config=False)
    made.add_argument("old", help='a file, or "default"')
    made.add_argument("new", help='a file, or "default"')
    made.add_argument("--language", choices=LANGUAGES, default="en")
    made = action("import", _policy_import, "draft a file, which somebody else approves on the page", with_config=True)
    made.add_argument("file", type=Path)
    made.add_argument("--by", required=True, metavar="STAFF", help="the pharmacist or administrator who answers for it")
    made.add_argument("--ward", default="", help="the file is this ward's")
    made = action("show", _policy_show, "print what holds now, as a file", with_config=True)
    made.add_argument("--ward", default="", help="in this ward")


def _policy_check(chosen: argparse.Namespace) -> int:
    from server.usecases import policy_files

    return _printed(policy_files.check(chosen.file, chosen.ward))


def _policy_diff(chosen: argparse.Namespace) -> int:
    from server.usecases import policy_files

    return _printed(policy_files.difference(chosen.old, chosen.new, chosen.language))


def _policy_import(chosen: argparse.Namespace) -> int:
    from server.bare import bare_app
    from server.store.transaction import transaction
    from server.usecases import policy_files

    with bare_app(load(chosen)).app_context(), transaction(operator()) as tx:
        return _printed(policy_files.bring(tx, operator(), chosen.file, ward=chosen.ward, by=chosen.by))


def _policy_show(chosen: argparse.Namespace) -> int:
    from server.bare import bare_app
    from server.store.transaction import reading
    from server.usecases import policy_files

    with bare_app(load(chosen)).app_context(), reading(operator()) as tx:
        return _printed(policy_files.show(tx, chosen.ward))


def _document_commands(commands: Any) -> None:
    """`document KIND|check|verify`: forms of the record as signed PDF files."""
    from server.usecases.documents.kinds import KINDS

    about = "a form of the medication record as a PDF; or check what is set up for them; or verify a file's signatures"
    made = commands.add_parser("document", help=about, description=about)
    made.add_argument("kind", choices=(*KINDS, "check", "verify"))
    made.add_argument("file", type=Path, nargs="?", help="the file to verify")
    made.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="the configuration file (default: server.toml)")
    made.add_argument("--patient", metavar="ID")
    made.add_argument("--ward", metavar="ID", help="the ward; of a patient's form: one for each patient, into the folder --out")
    made.add_argument("--from", dest="first", type=date.fromisoformat, metavar="DAY", help="first day, such as 2026-03-01 (default: today)")
    made.add_argument("--to", dest="last", type=date.fromisoformat, metavar="DAY", help="last day (default: today)")
    made.add_argument("--out", type=Path, help="the file or folder to write")
    made.set_defaults(run=_document)


def _document(chosen: argparse.Namespace) -> int:
    from server.bare import bare_app
    from server.store import migrate
    from server.usecases.documents import command, settings
    from server.usecases.documents.issuing import Site

    config = load(chosen)
    found = settings.load(config.documents_file)
    site = Site(facility=config.facility, zone=config.timezone, training=config.training)
    if chosen.kind == "check":
        return _printed(command.check(found, site))
    if chosen.kind == "verify" and chosen.file is None:
        raise ConfigError("say which file", remedy="pointofcare-server document verify FILE")
    if chosen.kind != "verify" and chosen.out is None:
        raise ConfigError("say where to write it", remedy="--out FILE")
    with bare_app(config).app_context():
        migrate.require_current()
        if chosen.kind == "verify":
            return _printed(command.verify(found, chosen.file))
        days = {"first": chosen.first, "last": chosen.last}
        lines = command.issue(found, site, chosen.kind, patient=chosen.patient, ward=chosen.ward, out=chosen.out, **days)
    return _printed((lines, 0))


# The first words of commands that a module of their own puts on the parser.
_ROOMS: tuple[tuple[frozenset[str], Callable[[Any], None]], ...] = (
    (frozenset({"hl7"}), _hl7_commands),
    (frozenset({"feed"}), _feed_commands),
    (frozenset({"fhir"}), _program_commands),
    (frozenset({"catalogue-template", "export-claims", "health-summary"}), _national_commands),
    (frozenset({"firmware"}), _firmware_commands),
    (frozenset({"rollout"}), _rollout_commands),
    (frozenset({"retention"}), _retention_commands),
    (frozenset({"setup"}), _setup_commands),
    (frozenset({"export-site", "export-patient", "export-check"}), _export_commands),
    (frozenset({"emr"}), _emr_commands),
    (frozenset({"ca"}), _ca_commands),
    (frozenset({"policy"}), _policy_commands),
    (frozenset({"document"}), _document_commands),
    (frozenset({"province"}), _province_commands),
    (frozenset({"pitr"}), _pitr_commands),
)


def _printed(done: tuple[list[str], int]) -> int:
    lines, code = done
    for line in lines:
        sys.stdout.write(f"{line}\n")
    return code


def load(chosen: argparse.Namespace) -> ServerConfig:
    return configuration.load(chosen.config)


def operator() -> Actor:
    from server.store.transaction import Actor

    return Actor(id="command-line", name="Command line", roles=frozenset({StaffRole.ADMINISTRATOR}))
