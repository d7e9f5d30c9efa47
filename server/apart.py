"""`run --pages-apart`: doses in this process, pages in one of their own, which live and end together.

In one process they share Python's lock: while a shift signs in, a dose waits for it at each of its statements.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

from devices import logbook
from server import running
from server.bare import RUNNING, Running, bare_app
from server.config import ServerConfig
from server.store import migrate
from server.usecases import readiness
from server.usecases.readiness import State
from server.web import own_figures

LOOK_S = 0.5
NICE = 10
_LEAVE_S = 40.0
_WRONG_SETTING = 2


def run(settings: ServerConfig, pages: Sequence[str]) -> int:
    """`pages` is the command line of the pages. 1: they, the gateway or a dispatcher ended by themselves; whoever watches this program
    starts it again. 2: the pages said that a setting is wrong.

    Raises: ConfigError."""
    app = bare_app(settings)
    with app.app_context():
        migrate.require_current()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    child = subprocess.Popen(pages, stdin=subprocess.PIPE)
    figures = own_figures.of_part(app, settings, "gateway")
    here: Running = app.extensions[RUNNING]
    gone = ""
    try:
        running.start(app, settings, with_gateway=settings.mqtt is not None, with_dispatcher=True)
        logbook.announce("pointofcare-server doses ready")
        while not stop.wait(LOOK_S) and child.poll() is None and readiness.worst(readiness.alive(here)) is State.OK:
            pass
        gone = "" if stop.is_set() else _which(child, here)
    finally:
        _end(child)
        running.stop(app)
        if figures is not None:
            figures.stop()
    if gone:
        sys.stderr.write(f"{gone} ended by itself: this program ends too, so that all are started again\n")
    logbook.announce("pointofcare-server stopped")
    if not gone:
        return 0
    return _WRONG_SETTING if child.returncode == _WRONG_SETTING else 1


def _which(child: subprocess.Popen[bytes], here: Running) -> str:
    if child.poll() is not None:
        return f"the process of the pages (exit code {child.returncode})"
    return " and ".join(each.part for each in readiness.alive(here) if each.state is not State.OK)


def below_doses() -> None:
    """In the process of the pages: gives way to doses, and ends with the process that records them, however that one ends, for a second
    server must find its port. The pipe that it holds closes with it in any sandbox, where a call to the kernel may be forbidden."""
    os.nice(NICE)

    def follow() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=follow, name="doses", daemon=True).start()


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.communicate(timeout=_LEAVE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
