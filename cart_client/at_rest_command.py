"""`pointofcare-cart key status|draw|move|rotate` and `pointofcare-cart wipe`: what a person does with the key of the cart's database.

The cart program must not run meanwhile. Nothing here shows a key, and nothing unsent is given up unless a person says so twice.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from cart_client import at_rest, config, key_sources, sealed
from cart_client.config import Config
from cart_client.journal import Journal
from pointofcare.errors import ConfigError, PointOfCareError


def key(arguments: list[str]) -> int:
    """0 when it is done, 1 when it was refused and nothing changed, 2 for a configuration that cannot be used."""
    parser = argparse.ArgumentParser(prog="pointofcare-cart key", description="the key that this cart's database is encrypted with")
    parser.add_argument(
        "verb", choices=("status", "draw", "move", "rotate"), help="tell; a first key into a file; to another source; a new one"
    )
    parser.add_argument("--config", type=Path, required=True, help="the cart's TOML file")
    parser.add_argument("--phone", default="", metavar="NAME", help="one phone of a file for several")
    parser.add_argument("--to", metavar="KIND:NAME", help="for draw and move: credential:NAME, keyring:NAME or file:PATH")
    chosen = parser.parse_args(arguments)
    try:
        settings = config.load(chosen.config, os.environ, enrolling=True, phone=chosen.phone)
        if chosen.verb == "status":
            return _status(settings)
        if chosen.verb == "rotate":
            at_rest.rotate(settings.data_dir, settings.at_rest).close()
            sys.stdout.write("the databases are under a new key; a copy of it belongs in the hospital's safe\n")
            return 0
        to = _source(chosen.to, chosen.config.parent)
        if chosen.verb == "draw":
            if to.kind != "file":
                raise ConfigError(f"a key cannot be drawn into {to}", problems=(("--to", key_sources.remedy(to)),))
            key_sources.draw(Path(to.name))
            sys.stdout.write(f"a key lies in {to.name}; a copy of it belongs in the hospital's safe\n")
            return 0
        for line in at_rest.move(settings.data_dir, settings.at_rest, to):
            sys.stdout.write(f"{line}\n")
    except ConfigError as exc:
        return _told(exc)
    except PointOfCareError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


def wipe(arguments: list[str]) -> int:
    """0 when nothing is left, 1 when it was refused, 2 for a configuration that cannot be used."""
    parser = argparse.ArgumentParser(
        prog="pointofcare-cart wipe", description="destroy the key, the records and the certificate of this cart"
    )
    parser.add_argument("--config", type=Path, required=True, help="the cart's TOML file")
    parser.add_argument("--phone", default="", metavar="NAME", help="one phone of a file for several")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--lose-unsent", action="store_true", help="also when the server lacks records of this cart: they are lost for good"
    )
    chosen = parser.parse_args(arguments)
    try:
        settings = config.load(chosen.config, os.environ, enrolling=True, phone=chosen.phone)
        unsent = _unsent(settings)
        if unsent and not chosen.lose_unsent:
            sys.stderr.write(f"{unsent}: nothing was changed; let the cart send them first, or say --lose-unsent\n")
            return 1
        if not chosen.yes:
            sys.stdout.write(f"{unsent or 'Nothing is unsent'}. All of {settings.data_dir} and its key will be destroyed. ")
            sys.stdout.write(f"Type the cart's name ({settings.cart}): ")
            sys.stdout.flush()
            if sys.stdin.readline().strip() != settings.cart:
                sys.stderr.write("nothing was changed\n")
                return 1
        left = at_rest.wipe(settings.data_dir, settings.at_rest, settings.identity_dir)
    except ConfigError as exc:
        return _told(exc)
    except PointOfCareError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    sys.stdout.write("wiped: revoke the cart on the fleet page, and claim it anew before it is used again\n")
    for line in left:
        sys.stdout.write(f"{line}\n")
    return 0


def _status(settings: Config) -> int:
    source, keys = at_rest.keys_of(settings.data_dir, settings.at_rest)
    sys.stdout.write(f"key: {source} ({key_sources.protection(source, settings.data_dir).value}), check {keys[0].check}\n")
    for name in at_rest.DATABASES:
        path = settings.data_dir / name
        if not path.exists():
            told = "not there"
        elif sealed.is_plain(path):
            told = "IN CLEAR until the cart starts"
        elif sealed.fits(path, keys[0]):
            told = "encrypted"
        else:
            told = "encrypted, under another key or damaged"
        sys.stdout.write(f"{name}: {told}\n")
    return 0


def _unsent(settings: Config) -> str:
    """What a wipe would lose, as a sentence; "" for nothing."""
    path = settings.data_dir / at_rest.JOURNAL
    if not path.exists():
        return ""
    try:
        keys = () if sealed.is_plain(path) else at_rest.keys_of(settings.data_dir, settings.at_rest)[1]
        journal = Journal(path, cart=settings.cart, at_rest=next((key for key in keys if sealed.fits(path, key)), None))
        try:
            unsent, unfinished = journal.unsent_count(), len(journal.open_doses())
        finally:
            journal.close()
    except PointOfCareError as exc:
        return f"It cannot be told what the server lacks ({exc.message})"
    return f"The server lacks {unsent} records and {unfinished} unfinished doses of this cart" if unsent or unfinished else ""


def _source(text: str | None, beside: Path) -> key_sources.Source:
    try:
        return key_sources.parse(text or "", beside=beside.absolute())
    except ValueError as exc:
        raise ConfigError("no place for the key", problems=(("--to", str(exc)),)) from exc


def _told(exc: ConfigError) -> int:
    for where, what in exc.problems or (("", str(exc)),):
        sys.stderr.write(f"{where}: {what}\n")
    return 2
