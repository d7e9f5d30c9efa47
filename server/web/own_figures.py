"""/metrics of a gateway or a dispatcher that is a program of its own: what only that process knows, on a port of its own.

The figures of carts, outbox and wards are told by the pages alone, or they would be counted twice. Must never stop doses: a port that
cannot be used is told in the log, and the program goes on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from flask import Flask, Response
from prometheus_client.core import GaugeMetricFamily
from werkzeug.exceptions import NotFound

from server.config import ServerConfig
from server.store import watching
from server.store.watching import DatabaseError
from server.web import metrics, metrics_watching

PATIENCE_S = 10.0
log = logging.getLogger(__name__)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False


class _Handler(WSGIRequestHandler):
    timeout = PATIENCE_S  # whoever says nothing holds no thread for ever

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: each look would be a line."""


class Figures:
    """Listens from its making until `stop`. `port` is the one that was taken."""

    def __init__(self, server: WSGIServer) -> None:
        self._server = server
        self.port = server.server_port
        self._thread = threading.Thread(target=server.serve_forever, name="figures", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE_S)


def of_part(app: Flask, settings: ServerConfig, part: str) -> Figures | None:
    """Of a gateway or dispatcher that has no pages beside it; None where no port is set for it, or it cannot be used."""
    port = settings.metrics.gateway_port if part == "gateway" else settings.metrics.dispatcher_port
    return start(app, part=part, host=settings.metrics.host, port=port) if port else None


def start(app: Flask, *, part: str, host: str, port: int) -> Figures | None:
    """`app` is the application of the program, before its first request. None: the port cannot be used."""
    if "own_figures" not in app.view_functions:
        app.add_url_rule("/metrics", endpoint="own_figures", view_func=_view(part))
    try:
        return Figures(make_server(host, port, app, server_class=_Server, handler_class=_Handler))
    except OSError as exc:
        log.error("no figures of the %s on %s:%d, and everything else goes on: %s", part, host, port, exc.strerror)
        return None


def _view(part: str) -> Callable[[], Response]:
    def show() -> Response:
        if not metrics.is_let_in(proxies=0):
            raise NotFound
        found = [*metrics_watching.of_the_process(), *metrics.of_the_gateway()]
        alive = GaugeMetricFamily("pointofcare_part_up", "1: this program answers", labels=["part"])
        alive.add_metric([part], 1.0)
        try:
            watching.schema()
            found.append(metrics_watching.up(True))
        except DatabaseError:
            found.append(metrics_watching.up(False))
        return metrics.answer([alive, *found])

    return show
