"""Tries each part of the settings with a real connection, and says of each fault which setting it is and what to do.

A check changes nothing: it writes no row, sends no dose, and takes no client id that a running server has. What could not be tried is a
fault, never a pass.
"""

from __future__ import annotations

import os
import queue
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from flask import Flask

from devices.broker import Broker, BrokerConfig, BrokerEvent, Connected, ConnectFailed
from pointofcare.errors import ConfigError, EmrError, PointOfCareError
from pointofcare.wire import routes
from pointofcare.wire.training import is_training
from server.config import MqttConfig, ServerConfig
from server.emr import open_emr
from server.store import training, watching
from server.store.database import db
from server.usecases import readiness
from server.usecases.readiness import State

CONNECT_S = 8.0
PARTS = ("folders", "database", "broker", "emr", "pages")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`field` is the setting that a fault is about, `remedy` what to do about it; both "" where all is well."""

    part: str
    is_fine: bool
    said: str
    field: str = ""
    remedy: str = ""


def run(config: ServerConfig, make_app: Callable[[ServerConfig], Flask]) -> tuple[Outcome, ...]:
    """Of every part, in the order of `PARTS`; whatever one of them raises is its own fault alone."""
    tried: tuple[tuple[str, Callable[[], Outcome]], ...] = (
        ("folders", lambda: folders(config)),
        ("database", lambda: database(config, make_app)),
        ("broker", lambda: broker(config.mqtt, config.facility)),
        ("emr", lambda: emr(config)),
        ("pages", lambda: pages(config)),
    )
    return tuple(_guarded(part, check) for part, check in tried)


def _guarded(part: str, check: Callable[[], Outcome]) -> Outcome:
    try:
        return check()
    except ConfigError as exc:
        field, remedy = exc.problems[0] if exc.problems else (part, exc.remedy)
        return _fault(part, str(exc), field, exc.remedy or remedy)
    except PointOfCareError as exc:
        return _fault(part, str(exc), part, exc.remedy or "see what it says, and try again")
    except Exception as exc:  # noqa: BLE001 - what breaks a check is a fault of its part, and the others are still told
        return _fault(part, f"it could not be tried ({type(exc).__name__})", part, "see the settings of this part, and try again")


def _fault(part: str, said: str, field: str, remedy: str) -> Outcome:
    return Outcome(part=part, is_fine=False, said=said, field=field, remedy=remedy)


def _fine(part: str, said: str) -> Outcome:
    return Outcome(part=part, is_fine=True, said=said)


def folders(config: ServerConfig) -> Outcome:
    settings = {"data": "data_dir", "database": "database_url", "emr": "emr.folder"}
    for place, path in readiness.places(config).items():
        found = readiness.disk(place, path)
        if found.state is not State.OK:
            return _fault("folders", f"{path}: {found.reason}", settings[place], "make room, give us the right, or name another")
    free = shutil.disk_usage(_existing(config.data_dir)).free
    return _fine("folders", f"{config.data_dir} can be written, {free // 1024**3} GiB are free")


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def database(config: ServerConfig, make_app: Callable[[ServerConfig], Flask]) -> Outcome:
    prefix = "sqlite:///"
    if config.database_url.startswith(prefix) and not Path(config.database_url.removeprefix(prefix)).exists():
        return _fine("database", "a new SQLite file will be made: for one ward or a demonstration; a hospital takes PostgreSQL")
    with opened(make_app(config)):
        try:
            schema = watching.schema()
            ahead_s = watching.database_ahead_s()
        except watching.DatabaseError as exc:
            return _fault("database", *_database_fault(exc))
        if schema.refused:
            remedy = "install the version that made it, or name another database"
            return _fault("database", schema.refused, "database_url", remedy)
        if not is_training(config.facility):
            training.require()
        if ahead_s is not None and abs(ahead_s) > readiness.CLOCKS_APART_S:
            remedy = "let both machines follow the same time server (chrony or systemd-timesyncd)"
            return _fault("database", f"its clock is {ahead_s:+.0f} s off this machine's", "database_url", remedy)
    return _fine("database", "connected, still empty" if schema.found is None else f"connected, at schema {schema.found}")


@contextmanager
def opened(app: Flask) -> Iterator[None]:
    """The application with its database, which it lets go of afterwards."""
    with app.app_context():
        try:
            yield
        finally:
            db.session.remove()
            db.engine.dispose()


def _database_fault(exc: BaseException) -> tuple[str, str, str]:
    """What it said, the setting, the remedy. The driver's words may hold a password: only what is known is told."""
    told = str(exc.__cause__ or "").lower()
    for words, said, remedy in (
        ("password authentication failed", "it refuses the user or the password", "correct them in database_url"),
        ("no password supplied", "it wants a password", "put it into database_url: postgresql+psycopg://user:password@host/name"),
        (
            "does not exist",
            "the database or its user does not exist",
            "as its administrator: createuser NAME; createdb -O NAME NAME",
        ),
        (
            "peer authentication",
            "it takes this user from the account of its name alone",
            "run this as that user, or name host and password",
        ),
        ("could not translate", "the name of its machine is not known", "correct the host in database_url, or the name service"),
        ("name or service", "the name of its machine is not known", "correct the host in database_url, or the name service"),
        ("refused", "nobody listens there", "start PostgreSQL, or correct host and port in database_url"),
        ("no such file", "nobody listens there", "start PostgreSQL, or correct host and port in database_url"),
        ("timeout", "its machine does not answer", "see the network and its firewall, or correct host and port in database_url"),
        ("not a database", "the file is no SQLite database", "name another file in database_url"),
        ("no pg_hba.conf entry", "it lets nobody in from this machine", "add this machine to its pg_hba.conf"),
        ("permission denied", "this program may not read it", "give this program's user the right"),
        ("unable to open", "the file cannot be opened", "give this program's user the right to write in its folder"),
    ):
        if words in told:
            return said, "database_url", remedy
    return f"it cannot be read ({type(exc).__name__})", "database_url", "see whether it runs and whether database_url is right"


def broker(mqtt: MqttConfig | None, facility: str, *, wait_s: float = CONNECT_S) -> Outcome:
    """Signs in and asks for what the gateway subscribes to, under a client id of its own: one that is taken would throw the server out."""
    if mqtt is None:
        return _fine("broker", "switched off (mqtt.enabled = false): carts cannot be served")
    events: queue.Queue[BrokerEvent] = queue.Queue()
    client = Broker(
        BrokerConfig(
            host=mqtt.host,
            port=mqtt.port,
            client_id=f"{mqtt.client_id}-setup-{token_hex(3)}",
            username=mqtt.username,
            password=mqtt.password,
            ca_file=mqtt.ca_file,
            cert_file=mqtt.certificate_file,
            key_file=mqtt.key_file,
            connect_timeout_s=wait_s,
        ),
        events.put,
    )
    client.on(routes.CLOCK_ASK, facility=facility)  # of all that carts say, what names nobody
    client.start()
    try:
        while True:
            match events.get(timeout=2 * wait_s):
                case Connected(refused=()):
                    return _fine("broker", f"signed in at {mqtt.host}:{mqtt.port}, and what carts say may be read")
                case Connected():
                    remedy = "give the server's account the rights of docs/mqtt.md: pointofcare-server ca accounts writes them"
                    return _fault("broker", "it lets us in, and not read what carts say", "mqtt.username", remedy)
                case ConnectFailed(error=error):
                    return _fault("broker", str(error), "mqtt.host", error.remedy or "see whether it runs")
    except queue.Empty:
        return _fault("broker", "it does not answer", "mqtt.host", "see the network and its firewall, or correct mqtt.host and mqtt.port")
    finally:
        client.stop()


def emr(config: ServerConfig) -> Outcome:
    """As the dispatcher asks before it sends. A folder is looked at and not made: that is for when the settings are kept."""
    if config.emr.target == "folder":
        path = _existing(config.emr.folder)
        if not path.is_dir() or not os.access(path, os.W_OK | os.X_OK):
            return _fault("emr", f"{path} cannot be written", "emr.folder", "give this program's user the right to write there")
        return _fine("emr", f"each dose as a file in {config.emr.folder}, until the medical record is connected")
    opened = open_emr(config.emr, facility=config.facility)
    try:
        opened.check()
    except EmrError as exc:
        field = "emr.host" if config.emr.target == "hl7v2" else "emr.base_url"
        return _fault("emr", str(exc), field, exc.remedy or "see whether it runs, and correct its address and sign-in under [emr]")
    finally:
        opened.close()
    return _fine("emr", f"{opened.name} answers, and can take what is given")


def pages(config: ServerConfig) -> Outcome:
    """Is the port free, or ours already?"""
    host, port = config.http.host, config.http.port
    if port == 0:
        return _fine("pages", "any free port")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as exc:
        if _is_ours(host, port):
            return _fine("pages", f"a server of ours listens at {host}:{port} already: start it again afterwards")
        return _fault("pages", f"{host}:{port} cannot be used: {exc.strerror}", "http.port", "choose another, or stop what listens there")
    return _fine("pages", f"{host}:{port} is free")


def _is_ours(host: str, port: int) -> bool:
    import http.client

    line = http.client.HTTPConnection("127.0.0.1" if host in ("0.0.0.0", "::", "") else host, port, timeout=5)
    try:
        line.request("GET", "/health")
        return b'"process"' in line.getresponse().read(2000)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()
