"""Starts and ends what runs beside the pages in this process: gateway, dispatchers, and the threads that keep things in order."""

from __future__ import annotations

import threading

from flask import Flask

from devices import logbook
from server import traces
from server.app import CONFIG, RUNNING, Running, alert_watch, counter, dispatchers, gateway, listener
from server.config import ServerConfig
from server.feeds import fhir_commands
from server.security import authority, sealing, signing
from server.security.broker_files import Keeper
from server.store.database import db
from server.store.turns import Turn
from server.usecases import parts
from server.usecases.presence import Presence

# So often a gateway asks whether it is its turn.
LOOK_S = 1.0


def start(app: Flask, settings: ServerConfig, *, with_gateway: bool, with_dispatcher: bool) -> None:
    """Raises: ConfigError."""
    if settings.log.json:
        logbook.as_json()
    here: Running = app.extensions[RUNNING]
    part = {(True, True): "run", (True, False): "gateway", (False, True): "dispatcher", (False, False): "web"}
    _traced(app, settings, part[(with_gateway, with_dispatcher)])
    if here.presence is None:
        present(app, part[(with_gateway, with_dispatcher)])
    if with_gateway:
        here.gateway = gateway(app, settings)
    if with_dispatcher:
        here.dispatchers = dispatchers(app, settings)
    if with_gateway and with_dispatcher and settings.fhir_feed.enabled:
        told_of = here.gateway
        here.feed = fhir_commands.feed(app, settings, changed=told_of.wake if told_of is not None else lambda: None)
        here.feed.start()
    for dispatcher in here.dispatchers:
        dispatcher.start()
    if here.gateway is not None:
        here.gateway.start()
        told = here.gateway
        here.listener = listener(app, told)
        here.listener.start()
        here.sealer = sealing.Sealer(
            signing.load_or_generate(settings.signing_key), scope=app.app_context, sealed=lambda _checkpoint: told.sealed()
        )
        here.sealer.start()
        here.counter = counter(app, settings)
        here.counter.start()
        here.alert_watch = alert_watch(app, settings)
        told.tell_of(here.alert_watch.changed)
        here.alert_watch.start()
    if here.gateway is not None and settings.machines.broker_files is not None and (settings.machines.ca_dir / "ca.key").exists():
        here.keeper = Keeper(settings, authority.load(settings.machines.ca_dir), scope=app.app_context)
        here.keeper.start()


def _traced(app: Flask, settings: ServerConfig, part: str) -> None:
    """A gateway whose turn comes again goes on with what it began."""
    if not settings.telemetry.traces or traces.is_on():
        return
    from server.store import traced

    traces.begin(settings.telemetry, part=part, facility=settings.facility)
    traces.of_pages(app)
    with app.app_context():
        traced.follow(db.engine)


def present(app: Flask, part: str) -> None:
    """From now on the database knows that this program runs, also while it waits for its turn."""
    here: Running = app.extensions[RUNNING]
    facility = app.config[CONFIG].facility
    here.presence = Presence(part, scope=app.app_context, facility=facility, tells=lambda: parts.here(here))
    here.presence.start()


def in_turn(app: Flask, settings: ServerConfig, stop_all: threading.Event) -> bool:
    """The gateway and what goes with it, while it is this program's turn; until `stop_all`. One of several gateways of a facility works,
    the others wait. False: one that lost its turn did not end, and the program must. Raises: ConfigError."""
    here: Running = app.extensions[RUNNING]
    present(app, "gateway")
    turn = Turn(settings.facility, "gateway")
    told = False
    while not stop_all.is_set():
        with app.app_context():
            mine = turn.take()
        if not mine:
            if not told:
                logbook.announce("pointofcare-server gateway waits: another one works")
                told = True
            stop_all.wait(LOOK_S)
            continue
        start(app, settings, with_gateway=True, with_dispatcher=False)
        logbook.announce("pointofcare-server gateway works")
        told, working = False, here.gateway
        while not stop_all.wait(LOOK_S):
            with app.app_context():
                if not turn.is_held():
                    break
        stop(app, stays=not stop_all.is_set())
        with app.app_context():
            turn.give_up()
        if working is not None and working.is_alive():
            return False
    return True


def stop(app: Flask, *, stays: bool = False) -> None:
    """What comes in ends first. `stays`: the program waits for its next turn."""
    here: Running = app.extensions[RUNNING]
    if here.feed is not None:
        here.feed.stop()
    if here.listener is not None:
        here.listener.stop()
    if here.gateway is not None:
        here.gateway.stop()
    for dispatcher in here.dispatchers:
        dispatcher.stop()
    if here.exporter is not None:
        here.exporter.stop()
    if here.renewer is not None:
        here.renewer.stop()
    if here.counter is not None:
        here.counter.stop()
    if here.sealer is not None:
        here.sealer.stop()
    if here.keeper is not None:
        here.keeper.stop()
    if here.alert_watch is not None:
        here.alert_watch.stop()
    here.feed = here.listener = here.gateway = here.exporter = here.renewer = None
    here.counter = here.sealer = here.keeper = here.alert_watch = None
    here.dispatchers = ()
    if here.presence is not None and not stays:
        here.presence.stop()
        here.presence = None
    if not stays:
        traces.end()
