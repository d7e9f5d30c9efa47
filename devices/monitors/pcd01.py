"""A bedside monitor, or the gateway before it, that sends its values as IHE PCD-01 (ORU^R01 over MLLP) to this machine.

It listens on loopback alone: HL7 has no keys of its own, and a tunnel with certificates brings it here from elsewhere. Values of one
device are taken, the one that the configuration names. Each message is answered; nothing is asked of the device, nothing is stored.
Must never take for new what came twice, came late, or is of another device.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from devices.hl7v2 import mllp, segments
from devices.hl7v2.segments import Message
from devices.monitors import oru
from devices.ports import READING_LASTS_S, Monitor, MonitorReading
from pointofcare.errors import DeviceProtocolError, DeviceUnavailableError

POLL_S = 0.1
# A message that waited on its way; beyond it a value is no longer of now.
SLACK_S = 10.0
AWAY = "monitor-away"
_MOST_CONNECTIONS = 8
_MOST_REMEMBERED = 512
_ANSWER_S = 2.0


class Pcd01Monitor:
    """Listens on `host` and `port`; `opened` is set while it does. `every_s` is how often the device sends at least."""

    codes: tuple[str, ...] = tuple(dict.fromkeys(code for _, code, _ in oru.CODES.values()))

    def __init__(
        self, host: str, port: int, *, device: str, every_s: float = 1.0, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.host, self.port, self._device, self._now = host, port, device, now
        self._lasts_s = max(READING_LASTS_S, 1.5 * every_s)
        self._closed = threading.Event()
        self.opened = threading.Event()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._newest: datetime | None = None

    def readings(self) -> Iterator[MonitorReading]:
        """Each message of the device as it comes, and a fault when its last connection ends. Raises: DeviceUnavailableError."""
        try:
            listening = socket.create_server(
                (self.host, self.port), family=socket.AF_INET6 if ":" in self.host else socket.AF_INET, backlog=_MOST_CONNECTIONS
            )
        except OSError as exc:
            raise DeviceUnavailableError(
                f"nothing can listen on {self.host}:{self.port}: {exc}", remedy="see which other program does, or name another port"
            ) from exc
        with listening, selectors.DefaultSelector() as selector:
            listening.setblocking(False)
            selector.register(listening, selectors.EVENT_READ)
            self.port = listening.getsockname()[1]
            self.opened.set()
            try:
                yield from self._listen(listening, selector)
            finally:
                self.opened.clear()
                for key in tuple(selector.get_map().values()):
                    if key.fileobj is not listening:
                        key.fileobj.close()  # type: ignore[union-attr]

    def close(self) -> None:
        self._closed.set()

    def describe(self) -> str:
        return f"monitor {self._device} by IHE PCD-01 on {self.host}:{self.port}"

    def _listen(self, listening: socket.socket, selector: selectors.DefaultSelector) -> Iterator[MonitorReading]:
        open_now: dict[socket.socket, mllp.Frames] = {}
        tells: socket.socket | None = None  # the connection that the device's values last came on
        while not self._closed.is_set():
            for key, _ in selector.select(POLL_S):
                if key.fileobj is listening:
                    with contextlib.suppress(OSError):
                        line, _ = listening.accept()
                        line.settimeout(_ANSWER_S)
                        if len(open_now) >= _MOST_CONNECTIONS:  # a gateway that came again without hanging up: the oldest is dead
                            oldest = next(iter(open_now))
                            selector.unregister(oldest)
                            oldest.close()
                            del open_now[oldest]
                        selector.register(line, selectors.EVENT_READ)
                        open_now[line] = mllp.Frames()
                    continue
                line = key.fileobj  # type: ignore[assignment]
                if line not in open_now:
                    continue
                try:
                    data = line.recv(65536)
                    whole = open_now[line].feed(data)
                    for payload in whole:
                        reading, answer = self._taken(payload)
                        if answer is not None:
                            line.sendall(mllp.framed(answer))
                        if reading is not None:
                            tells = line
                            open_now[line] = open_now.pop(line)  # the newest last
                            yield reading
                except OSError:
                    data = b""
                if not data:
                    selector.unregister(line)
                    line.close()
                    del open_now[line]
                    if line is tells:
                        tells = None
                        yield MonitorReading(values={}, fault=AWAY, at_mono_s=time.monotonic(), lasts_s=self._lasts_s)

    def _taken(self, payload: bytes) -> tuple[MonitorReading | None, bytes | None]:
        """(what it shows, the answer to it); neither for what is no message."""
        try:
            message = segments.read(payload)
        except DeviceProtocolError:
            return None, None
        try:
            if message.kind != "ORU^R01":
                return None, self._answer(message, "AE", ("200", "Unsupported message type"))
            mark = (message.header.raw(3), message.control)
            if mark in self._known:
                return None, self._answer(message, "AA")
            now = self._now()
            told = oru.read(message, device=self._device, now=now, oldest_s=self._lasts_s + SLACK_S)
        except DeviceProtocolError:
            return None, self._answer(message, "AE", ("102", "Data type error"))
        if not told.ours:
            return None, self._answer(message, "AE", ("204", "Unknown key identifier"))
        self._known[mark] = None
        while len(self._known) > _MOST_REMEMBERED:
            self._known.popitem(last=False)
        reading = None
        if told.at is None or self._newest is None or told.at >= self._newest:
            self._newest = told.at or self._newest
            values = {one.code: one.value for one in told.vitals}
            reading = MonitorReading(
                values=values,
                fault=told.fault,
                at_mono_s=time.monotonic(),
                lasts_s=self._lasts_s,
                patients=told.patients,
                vitals=told.vitals,
            )
        return reading, self._answer(message, "AA")

    def _answer(self, message: Message, code: str, error: tuple[str, str] | None = None) -> bytes | None:
        """None where the sender wants none."""
        if message.header.text(15) == "NE" and message.header.text(16) == "NE":
            return None
        return segments.answer(message, code, at=self._now(), control=uuid.uuid4().hex[:20], error=error)


def open_monitor(source: str = "", *, device: str = "", every_s: str = "1") -> Monitor:
    """`source` is the address to listen on. Raises: ValueError."""
    example = "pcd01:127.0.0.1:2575?device=0012A4FFFE000001"
    host, port = mllp.address(source, example=example)
    if not device.strip():
        raise ValueError(f"name the one device whose values are meant: {example}")
    if not 1 <= float(every_s) <= 60:
        raise ValueError("every_s is between 1 and 60 seconds")
    return Pcd01Monitor(host, port, device=device.strip(), every_s=float(every_s))
