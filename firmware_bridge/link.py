"""The wire to the microcontroller: one request at a time over SMP on a serial port, tried again when the line garbles it.

Every fault of the line, the framing and the decoding comes out as a `DeviceError`. After a time-out the port is opened anew,
because a late answer would otherwise be taken for the next one's. What was sent and not answered is never called a failure:
for a command that moves something that is `OutcomeUnknownError`.
"""

from __future__ import annotations

import asyncio
import binascii
import contextlib
import logging
import struct
import termios
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cbor2 import CBORError
from pydantic import ValidationError
from smp.exceptions import SMPException
from smpclient import SMPClient
from smpclient.exceptions import SMPBadSequence, SMPClientException
from smpclient.generics import error_v1, error_v2
from smpclient.transport import SMPTransportDisconnected
from smpclient.transport.serial import SMPSerialTransport

from pointofcare.errors import DeviceProtocolError, DeviceTimeoutError, DeviceUnavailableError, OutcomeUnknownError

# What a damaged or foreign line makes the libraries raise; `binascii.Error` and `struct.error` come straight from the decoder.
_GARBLED = (SMPException, SMPClientException, ValidationError, CBORError, binascii.Error, struct.error, IndexError, ValueError, TypeError)
_GONE = (SMPTransportDisconnected, OSError, termios.error)
_CONNECT_S = 0.4
_QUIET_S = 0.02

# They report each garbled line as an error with a dump; we count them and say what it means.
for _name in ("smp", "smpclient"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class _BehindError(Exception):
    """The answers on this line belong to questions before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatus:
    """`connected`: the last exchange worked. Counters since the start of the program."""

    connected: bool
    exchanges: int
    retries: int
    failures: int
    error: str


class Link:
    """`port` is a serial device. `timeout_s` bounds one try, `tries` how many. Callable from any thread."""

    def __init__(self, port: str, *, baudrate: int = 115200, timeout_s: float = 0.4, tries: int = 5) -> None:
        self._port = port
        self._baudrate = baudrate
        self._timeout_s = timeout_s
        self._tries = tries
        self._loop = asyncio.new_event_loop()
        self._lock = asyncio.Lock()  # SMPClient has none: two requests at once would take each other's answers
        self._client: SMPClient | None = None
        self._transport = self._new_transport()
        self._thread = threading.Thread(target=self._loop.run_forever, name="microcontroller-link", daemon=True)
        self._exchanges = self._retries = self._failures = 0
        self._urgent = 0
        self._counting = threading.Lock()
        self._error = "not connected yet"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if not self._thread.is_alive():
            self._loop.close()
            return
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def port(self) -> str:
        return self._port

    @property
    def status(self) -> LinkStatus:
        return LinkStatus(
            connected=not self._error, exchanges=self._exchanges, retries=self._retries, failures=self._failures, error=self._error
        )

    @property
    def room(self) -> int:
        """How many bytes a whole message may have, header included. `make` may ask, for then the port is open."""
        return int(self._transport.max_unencoded_size)

    def ask(self, make: Callable[[], Any], *, timeout_s: float | None = None) -> Any:
        """The answer to a request that changes nothing, or that comes to the same however often it is sent. `make` builds it
        anew for every try (each has its own number). `timeout_s` bounds one try, for what takes longer than a usual answer.

        Raises: DeviceUnavailableError (the port is not there), DeviceTimeoutError, DeviceProtocolError."""
        return self._run(make, moves=False, until_mono_s=None, tries=self._tries, timeout_s=timeout_s)

    def command(self, make: Callable[[], Any], *, until_mono_s: float) -> Any:
        """The answer to a command that moves something and acts once however often it is sent. After `until_mono_s`
        (`time.monotonic()`) it is not sent any more: late is as bad as never.

        Raises: DeviceUnavailableError (nothing was sent), OutcomeUnknownError, DeviceProtocolError (it was refused as such)."""
        return self._run(make, moves=True, until_mono_s=until_mono_s, tries=self._tries, timeout_s=None)

    def once(self, make: Callable[[], Any], *, timeout_s: float | None = None) -> Any:
        """The answer to what must never be sent twice without a look at what the first did.

        Raises: DeviceUnavailableError (nothing was sent), OutcomeUnknownError, DeviceProtocolError (it was refused as such)."""
        return self._run(make, moves=True, until_mono_s=None, tries=1, timeout_s=timeout_s)

    def _run(self, make: Callable[[], Any], *, moves: bool, until_mono_s: float | None, tries: int, timeout_s: float | None) -> Any:
        self._count_urgent(moves)
        within_s = self._timeout_s if timeout_s is None else timeout_s
        exchange = self._exchange(make, moves=moves, until_mono_s=until_mono_s, tries=tries, timeout_s=within_s)
        future = asyncio.run_coroutine_threadsafe(exchange, self._loop)
        try:
            return future.result()
        finally:
            self._count_urgent(-moves)

    def _count_urgent(self, change: int) -> None:
        with self._counting:
            self._urgent += change

    async def _exchange(self, make: Callable[[], Any], *, moves: bool, until_mono_s: float | None, tries: int, timeout_s: float) -> Any:
        async with self._lock:
            sent = False
            fault: Exception = DeviceUnavailableError("it was too late to send")
            for attempt in range(tries):
                if until_mono_s is not None and time.monotonic() >= until_mono_s:
                    break
                if attempt and not moves and self._urgent:
                    break  # somebody stands before a drawer: looking again can wait
                self._retries += bool(attempt)
                try:
                    client = await self._connected(attempt)
                except _BehindError as exc:
                    fault = exc
                    continue
                except DeviceUnavailableError as exc:
                    fault = exc
                    break  # a port that is not there does not come back within milliseconds
                if until_mono_s is not None and time.monotonic() >= until_mono_s:
                    break  # opening the port took its time
                request = make()
                sent = True
                try:
                    answer = await client.request(request, timeout_s=timeout_s)
                except TimeoutError as exc:
                    fault = exc
                except _GONE as exc:
                    fault = exc
                except _GARBLED as exc:
                    fault = exc
                else:
                    self._exchanges += 1
                    self._error = ""
                    return _checked(answer)
                await self._hang_up()
            self._failures += 1
            self._error = f"{type(fault).__name__}: {fault}"[:200]
            raise self._translated(fault, sent=sent, moves=moves) from fault

    async def _connected(self, attempt: int) -> SMPClient:
        """Raises: DeviceUnavailableError when the port cannot be opened."""
        if self._client is None:
            # An answer that is still on its way would be taken for the next one's, whose own would then be late in turn, for ever:
            # opening the port throws away what has come, so what is late is waited for first, longer each time.
            await asyncio.sleep(min(_QUIET_S * 2**attempt, self._timeout_s) if attempt else 0)
            self._transport = self._new_transport()
            client = SMPClient(self._transport, self._port, timeout_s=self._timeout_s)
            self._client = client
            try:
                if not Path(self._port).exists():
                    raise FileNotFoundError(f"{self._port} is not there")  # the library would try for half a second
                await client.connect(_CONNECT_S)
            except (TimeoutError, *_GONE) as exc:
                await self._hang_up()
                raise DeviceUnavailableError(
                    f"the microcontroller's port {self._port} cannot be opened: {exc}", remedy="check the cable", port=self._port
                ) from exc
            except SMPBadSequence as exc:
                # What was late answered the question for its buffer sizes, whose own answer will come: this line is one behind.
                await self._hang_up()
                raise _BehindError from exc
            except _GARBLED:
                pass  # the port is open; only the question for its buffer sizes was garbled, and the defaults do
        return self._client

    def _new_transport(self) -> SMPSerialTransport:
        return SMPSerialTransport(baudrate=self._baudrate, exclusive=True, write_timeout=1.0)

    async def _hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(*_GONE):
                await client.disconnect()

    def _translated(self, fault: Exception, *, sent: bool, moves: bool) -> Exception:
        if not sent:
            return DeviceUnavailableError(f"nothing was sent to the microcontroller: {fault}", remedy="check the cable", port=self._port)
        if moves:
            return OutcomeUnknownError("the microcontroller did not answer the command", remedy="look at the drawer", port=self._port)
        if isinstance(fault, (DeviceUnavailableError, *_GONE)):
            return DeviceTimeoutError("the microcontroller did not answer", remedy="check the cable", port=self._port)
        return DeviceProtocolError(f"the microcontroller's answer is garbled: {type(fault).__name__}", remedy="check the cable")


def _checked(answer: Any) -> Any:
    """Raises: DeviceProtocolError for an error answer: it was understood, and not done."""
    if error_v1(answer):
        raise DeviceProtocolError(f"the microcontroller refused the request: {answer.rc.name}", remedy="", rc=int(answer.rc))
    if error_v2(answer):
        raise DeviceProtocolError(f"the microcontroller refused the request: {answer.err.rc!r}", remedy="", rc=int(answer.err.rc))
    return answer
