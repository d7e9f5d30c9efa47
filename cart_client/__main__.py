"""`pointofcare-cart --config cart.toml`: run one cart until SIGTERM or Ctrl-C. `pointofcare-cart enrol ...`: get its certificate.

`pointofcare-cart phones`: the carts of a ward's phones. `pointofcare-cart key|wipe ...`: the key of its database.
`pointofcare-cart checkpoints ...`: what it keeps of the server's audit log.
`pointofcare-cart check`: whether this version can work here.
`pointofcare-cart read ...`: what its reader makes of pictures. `pointofcare-cart pump try ...`: one order to one infusion pump."""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import resource
import signal
import sys
import threading
from pathlib import Path
from typing import NoReturn

from cart_client import at_rest, at_rest_command, check_command, config, phones
from cart_client.app import CartProgram
from cart_client.journal import Journal
from devices import identity, logbook
from pointofcare.errors import ConfigError, PointOfCareError

_WATCH_S = 1.0
LEAVES = 75  # the launcher decides what is started next
_PR_SET_DUMPABLE = 4
_PR_SET_PDEATHSIG = 1


def main(arguments: list[str] | None = None) -> int:
    """0 after a clean stop, 75 for another version, 2 for a configuration that cannot be used, 1 when a part of the cart died."""
    if (words := sys.argv[1:] if arguments is None else arguments)[:1] == ["checkpoints"]:
        return _checkpoints(words[1:])
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["read"]:
        from cart_client.reading import command  # its libraries are not those of a running cart

        return command.main(given[1:])
    if given[:1] == ["pump"]:
        from cart_client import pump_command  # not a part of a running cart

        return pump_command.main(given[1:])
    if given[:1] == ["key"]:
        return at_rest_command.key(given[1:])
    if given[:1] == ["wipe"]:
        return at_rest_command.wipe(given[1:])
    if given[:1] == ["enrol"]:
        return _enrol(given[1:])
    if given[:1] == ["check"]:
        return check_command.main(given[1:])
    if given[:1] == ["phones"]:
        return phones.main(given[1:])
    parser = argparse.ArgumentParser(prog="pointofcare-cart", description="the bedside cart: camera, verdict, journal, kiosk")
    parser.add_argument("--config", type=Path, required=True, help="the cart's TOML file")
    parser.add_argument("--phone", default="", metavar="NAME", help="one phone of a file for several")
    chosen = parser.parse_args(given)
    logbook.begin()
    _leave_no_dump()
    if chosen.phone:
        _end_with_parent()
    halted = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: halted.set())
    try:
        program = CartProgram(config.load(chosen.config, os.environ, phone=chosen.phone))
    except ConfigError as exc:
        for where, what in exc.problems or ((str(chosen.config), str(exc)),):
            sys.stderr.write(f"{where}: {what}\n")
        return 2
    except (PointOfCareError, OSError) as exc:
        sys.stderr.write(f"the cart cannot start: {exc}\n")
        return 2
    program.start()
    logbook.announce(f"ready {program.url}")
    while not halted.wait(_WATCH_S):
        if program.leaving:
            program.stop()
            return LEAVES
        if program.restarting:
            program.stop()
            _begin_anew()
        if not program.alive:
            logging.getLogger(__name__).critical("a part of the cart died: start it again")
            program.stop()
            return 1
    program.stop()
    return 0


def _begin_anew() -> NoReturn:
    """As this process, with its number, its output and its limits: it comes back also where nothing watches over it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _leave_no_dump() -> None:
    """The memory of this process holds patients and the key: a crash writes none of it to the disk, and no other program reads it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        logging.getLogger(__name__).warning("a crash of this program may write its memory to the disk")


def _end_with_parent() -> None:
    """When the program that keeps the phones' carts is killed, none of them goes on beside its successor."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _enrol(arguments: list[str]) -> int:
    """Once in a cart's life, and after it was revoked: 0 with a certificate, 1 when it was refused or nobody answers, 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="pointofcare-cart enrol", description="get this cart's certificate with a claim of the fleet page"
    )
    parser.add_argument("--config", type=Path, default=Path("cart.toml"), help="the cart's TOML file (default: cart.toml)")
    parser.add_argument("--server", required=True, metavar="URL", help="the server's address, https://...")
    parser.add_argument("--token", required=True, help="the claim: holds once, ten minutes long")
    parser.add_argument("--ca-sha256", required=True, metavar="HEX", help="the fingerprint beside the claim")
    parser.add_argument("--web-ca", type=Path, metavar="FILE", help="the CA of the server's HTTPS certificate, when it is another")
    parser.add_argument("--identity", type=Path, metavar="DIR", help="where to keep it (default: identity_dir of the configuration)")
    parser.add_argument("--name", help="another machine than the cart, such as its bridge: cart-17-mcu (with --identity)")
    parser.add_argument("--phone", default="", metavar="NAME", help="one phone of a file for several")
    chosen = parser.parse_args(arguments)
    try:
        settings = config.load(chosen.config, os.environ, enrolling=True, phone=chosen.phone)
        directory = chosen.identity or settings.identity_dir
        if directory is None:
            raise ConfigError("no folder for the certificate", problems=(("identity_dir", 'set it in the configuration: "identity"'),))
        machine = identity.Identity(directory=directory, cart=chosen.name or settings.cart)
        until = identity.enrol(machine, server=chosen.server, token=chosen.token, ca_sha256=chosen.ca_sha256, web_ca=chosen.web_ca)
    except ConfigError as exc:
        for where, what in exc.problems or ((str(chosen.config), str(exc)),):
            sys.stderr.write(f"{where}: {what}\n")
        return 2
    except (PointOfCareError, OSError) as exc:
        sys.stderr.write(f"not enrolled: {exc}\n")
        return 1
    sys.stdout.write(f"enrolled as {machine.cart} until {until:%Y-%m-%d}; it is renewed by itself\n")
    return 0


def _checkpoints(arguments: list[str]) -> int:
    """Prints what this cart keeps of the server's audit log, one statement a line, oldest first, for `pointofcare-server audit verify
    --kept`; 1 when there is none. The cart may run."""
    about = "print what this cart keeps of the server's audit log"
    parser = argparse.ArgumentParser(prog="pointofcare-cart checkpoints", description=about)
    parser.add_argument("--config", type=Path, required=True, help="the cart's TOML file")
    parser.add_argument("--phone", default="", metavar="NAME", help="one phone of a file for several")
    try:
        chosen = parser.parse_args(arguments)
        settings = config.load(chosen.config, os.environ, phone=chosen.phone)
        file = settings.data_dir / at_rest.JOURNAL
        if not file.exists():
            sys.stderr.write(f"{file} does not exist: this cart never ran\n")
            return 1
        unlocked = at_rest.unlock(settings.data_dir, settings.at_rest)
        journal = Journal(file, cart=settings.cart, at_rest=unlocked.key)
    except PointOfCareError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    try:
        kept = journal.checkpoints()
    finally:
        journal.close()
        unlocked.close()
    for statement in kept:
        sys.stdout.write(f"{statement}\n")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
