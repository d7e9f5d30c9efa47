"""HTTPS for the gate: one process, TLS and slow clients in its event loop, each whole request on a thread of a bounded pool.

A handshake or a body that never ends holds no thread. Must never listen without TLS.
"""

from __future__ import annotations

import asyncio
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

HANDSHAKE_S = 10
IDLE_S = 60


def settings(config: PhonesConfig) -> Config:
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
    made = Config()
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
        await _serve(_whole(app), made, shutdown_trigger=halted.wait, mode="wsgi")

    asyncio.run(until_told())


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
