"""The door for HL7 version 2: MLLP over TCP, with TLS where it is set. Each message is answered before the next one of its connection.

Bounded in everything: connections, bytes of a message, time of a message and of silence. What cannot be kept is not answered: the
connection ends, and the sender sends it again. Must never answer before a message is kept.
Source: HL7 Transport Specification MLLP release 1.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server
from hl7.mllp.streams import CARRIAGE_RETURN, END_BLOCK, START_BLOCK

from pointofcare.errors import ConfigError
from server.feeds.hl7_intake import Intake
from server.feeds.hl7_settings import ListenerSettings

_log = logging.getLogger(__name__)
# How often it is looked for what waits.
LOOK_S = 5.0
_LEAVE_S = 10.0
_HANDSHAKE_S = 10.0
# What some senders put behind the end of a message.
_BETWEEN = (b"\r", b"\n")


class Listener:
    """`intake` runs on one thread of its own, so that messages are taken one after the other while others arrive."""

    def __init__(self, settings: ListenerSettings, intake: Intake, *, look_s: float = LOOK_S) -> None:
        self._settings, self._intake, self._look_s = settings, intake, look_s
        self._tls = tls(settings)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hl7")
        self._talks: set[asyncio.Task[None]] = set()
        self._busy: set[asyncio.Task[None]] = set()
        self._ends = False
        self.port = 0

    async def serve(self, stop: asyncio.Event, ready: Callable[[int], None]) -> None:
        """Until `stop`; `ready` is told the port. What is under way is answered first. Raises: OSError when the port cannot be had."""
        server = await start_hl7_server(
            self._met,
            self._settings.host,
            self._settings.port,
            limit=self._settings.max_message_bytes,
            encoding="utf-8",
            ssl=self._tls,
            **({"ssl_handshake_timeout": _HANDSHAKE_S} if self._tls is not None else {}),
        )
        self.port = server.sockets[0].getsockname()[1]
        looking = asyncio.create_task(self._look())
        ready(self.port)
        try:
            await stop.wait()
        finally:
            self._ends = True
            server.close()
            looking.cancel()
            if self._busy:  # a message that was read is answered
                await asyncio.wait(self._busy, timeout=_LEAVE_S)
            for talk in self._talks:
                talk.cancel()
            await asyncio.gather(looking, *self._talks, return_exceptions=True)
            self._worker.shutdown(wait=True)

    def _met(self, reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        if len(self._talks) >= self._settings.max_connections:
            _log.warning("a connection was turned away: %d are open", len(self._talks))
            writer.transport.abort()
            return
        talk = asyncio.get_running_loop().create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        try:
            while not self._ends:
                payload = await self._read(reader, writer)
                if payload is None:
                    return
                self._busy.add(talk)
                answer = await asyncio.get_running_loop().run_in_executor(self._worker, self._intake.receive, payload)
                if answer is not None:
                    writer.writeblock(answer)
                    await asyncio.wait_for(writer.drain(), self._settings.message_s)
                self._busy.discard(talk)
        except (OSError, TimeoutError, EOFError, asyncio.CancelledError):
            pass  # the other side is gone, or says nothing any more
        except Exception:  # noqa: BLE001 - whatever it was, the sender sends again what was not answered
            _log.exception("a message was not answered: its connection ends, so that it is sent again")
        finally:
            self._busy.discard(talk)
            writer.close()
            with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
                await asyncio.wait_for(writer.wait_closed(), 1.0)

    async def _read(self, reader: HL7StreamReader, writer: HL7StreamWriter) -> bytes | None:
        """One message; None: it is no use to go on. Between messages the line may rest, within one it may not."""
        first = b"\r"
        while first in _BETWEEN:
            first = await asyncio.wait_for(reader.readexactly(1), self._settings.idle_s)
        if first != START_BLOCK:
            _log.warning("a connection that speaks no MLLP was ended")
            return None
        try:
            block = await asyncio.wait_for(reader.readuntil(END_BLOCK + CARRIAGE_RETURN), self._settings.message_s)
        except asyncio.LimitOverrunError:
            _log.warning("a message of more than %d bytes was refused", self._settings.max_message_bytes)
            writer.writeblock(self._intake.too_large(self._settings.max_message_bytes))
            await asyncio.wait_for(writer.drain(), self._settings.message_s)
            return None
        return bytes(block[:-2])

    async def _look(self) -> None:
        """What waits is tried again."""
        while True:
            await asyncio.sleep(self._look_s)
            try:
                await asyncio.get_running_loop().run_in_executor(self._worker, self._intake.settle_waiting)
            except Exception:  # noqa: BLE001 - whatever the database does, the next look is in seconds
                _log.exception("what waits could not be looked at")


def tls(settings: ListenerSettings) -> ssl.SSLContext | None:
    """Raises: ConfigError for files that cannot be used."""
    if settings.certificate_file is None:
        return None
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings.certificate_file, settings.key_file)
        if settings.client_ca_file is not None:
            context.load_verify_locations(settings.client_ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as exc:
        problem = (("hl7-in.toml: certificate_file", f"the certificates of the listener cannot be used: {exc}"),)
        raise ConfigError(problem[0][1], problems=problem, remedy="check certificate_file, key_file and client_ca_file") from exc
    return context
