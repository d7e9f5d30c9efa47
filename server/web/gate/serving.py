"""HTTPS for the gate: one process, TLS and slow clients in its event loop, each whole request on a thread of a bounded pool.

A handshake or a body that never ends holds no thread. A renewed certificate counts without a restart. Must never listen without TLS.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypercorn.asyncio import serve as _serve
from hypercorn.config import Config

from pointofcare.errors import ConfigError
from server.config import PhonesConfig
from server.web.gate.app import LARGEST_BODY

log = logging.getLogger(__name__)

# How often the certificate's files are looked at: a new one counts from the next connection on.
RENEWED_EVERY_S = 20.0
HANDSHAKE_S = 10
IDLE_S = 60


class Renewed(Config):
    """Serves with the newest certificate that its files hold. One that cannot be used, or half of a pair, changes nothing: the one before
    goes on."""

    context: ssl.SSLContext | None = None
    _seen: tuple[object, ...] = ()

    def create_ssl_context(self) -> ssl.SSLContext | None:
        self._seen = self._files()
        self.context = super().create_ssl_context()
        return self.context

    def look(self) -> bool:
        """Whether a new certificate was taken."""
        found = self._files()
        if found == self._seen or self.context is None or self.certfile is None:
            return False
        self._seen = found
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(self.certfile, self.keyfile)
            self.context.load_cert_chain(self.certfile, self.keyfile)
        except (ssl.SSLError, OSError) as exc:
            log.error("the gate's new certificate cannot be used, the one before goes on: %s", exc)
            return False
        log.info("the gate's certificate was renewed")
        return True

    def _files(self) -> tuple[object, ...]:
        found: list[object] = []
        for name in (self.certfile, self.keyfile):
            try:
                stat = os.stat(name or "")
                found.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
            except OSError:
                found.append(None)
        return tuple(found)


def settings(config: PhonesConfig) -> Renewed:
    """Raises: ConfigError for a certificate that is missing or cannot be used."""
    problems = [
        (f"phones.{name}", "required: the gate serves over HTTPS alone" if path is None else f"{path} does not exist")
        for name, path in (("certificate_file", config.certificate_file), ("key_file", config.key_file))
        if path is None or not path.is_file()
    ]
    if config.sockets is None:
        problems.append(("phones.sockets", "required: the folder of the phones' carts"))
    if not config.address:
        problems.append(("phones.address", "required: the https address of this gate"))
    if problems:
        remedy = "pointofcare-server ca issue-server --host NAME --output phone-tls makes a certificate"
        raise ConfigError("the gate for phones cannot start", problems=tuple(problems), remedy=remedy)
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(str(config.certificate_file), str(config.key_file))
    except (ssl.SSLError, OSError) as exc:
        problem = ("phones.certificate_file", f"{config.certificate_file} and {config.key_file} cannot be used: {exc}")
        raise ConfigError("the gate's certificate cannot be used", problems=(problem,), remedy="issue it anew") from exc
    made = Renewed()
    made.certfile, made.keyfile = str(config.certificate_file), str(config.key_file)
    made.ssl_handshake_timeout = HANDSHAKE_S
    made.keep_alive_timeout = IDLE_S
    made.read_timeout = IDLE_S
    made.wsgi_max_body_size = LARGEST_BODY
    made.h11_max_incomplete_size = 32_768
    made.h2_max_concurrent_streams = 16
    made.include_server_header = False
    made.graceful_timeout = 2
    made.accesslog = None
    made.errorlog = None
    return made


def run(app: Callable[..., Iterable[bytes]], config: PhonesConfig, *, ready: Callable[[int], None]) -> None:
    """Until SIGTERM or SIGINT. `ready` is told the port. Raises: ConfigError, OSError (the port is taken)."""
    made = settings(config)
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    bound = socket.create_server((config.host, config.port), family=family, backlog=100)
    port = int(bound.getsockname()[1])
    made.bind = [f"fd://{bound.detach()}"]  # from here on the server's, which closes it

    async def until_told() -> None:
        loop, halted = asyncio.get_running_loop(), asyncio.Event()
        loop.set_default_executor(ThreadPoolExecutor(config.threads, thread_name_prefix="gate"))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, halted.set)
        ready(port)
        following = asyncio.create_task(_follow(made))
        try:
            await _serve(_whole(app), made, shutdown_trigger=halted.wait, mode="wsgi")
        finally:
            following.cancel()

    asyncio.run(until_told())


async def _follow(made: Renewed) -> None:
    while True:
        await asyncio.sleep(RENEWED_EVERY_S)
        made.look()


def _whole(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """An answer without a body (204, 304) begins with an empty piece: the server sends its head with the first piece."""

    def answered(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        pieces = app(environ, start_response)
        try:
            whole = b"".join(pieces)
        finally:
            if hasattr(pieces, "close"):
                pieces.close()
        return [whole]

    return answered
