"""A TCP proxy that misbehaves on demand: slow, narrow, silent, torn, half open, and MQTT messages that come twice or out of order.

One asyncio loop in one thread; every switch takes effect at once, for connections that exist too, and may be turned from any thread.
It never changes a byte of a message, and never invents one: whatever it does, a network or a broker may do.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

_PIECES_AHEAD = 64
_PIECE_BYTES = 65536
_STEP_S = 0.05
_PUBLISH = 3
_FIRST_PACKETS = (0x10, 0x20)  # CONNECT up, CONNACK down: anything else (TLS, HTTP) is no MQTT that can be read


class MqttPackets:
    """Cuts one direction of a connection into MQTT control packets (MQTT 5.0, 2.1). What is no MQTT passes as it came."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._readable: bool | None = None

    def feed(self, piece: bytes) -> list[bytes]:
        """The whole packets that `piece` completes."""
        if self._readable is None:
            self._readable = piece[0] in _FIRST_PACKETS
        if not self._readable:
            return [piece]
        self._held += piece
        whole: list[bytes] = []
        while (length := self._length()) is not None and len(self._held) >= length:
            whole.append(bytes(self._held[:length]))
            del self._held[:length]
        return whole

    def rest(self) -> bytes:
        """What came of a packet that never became whole."""
        return bytes(self._held)

    def is_publish(self, packet: bytes) -> bool:
        return bool(self._readable) and packet[0] >> 4 == _PUBLISH

    def _length(self) -> int | None:
        """Of the first packet, header and all; None when its length is not there yet."""
        remaining = 0
        for place, byte in enumerate(self._held[1:5]):
            remaining |= (byte & 0x7F) << (7 * place)
            if not byte & 0x80:
                return 2 + place + remaining
        return None


@dataclass(slots=True, eq=False)
class _Line:
    """One connection. `parted`: its two ends no longer belong together, and each thinks that the other is there."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter | None = None
    parted: bool = False


class FaultProxy:
    """Forwards 127.0.0.1:`port` to 127.0.0.1:`target_port`.

    - `delay_s` is added to everything, each way; `rate_bytes_s` is the most that passes in a second, each way (None: no limit);
    - `blackhole` lets nothing through, without an error, as a dead radio does; `blackhole_up` and `blackhole_down` one way only. What
      was under way passes when it ends, as TCP would send it again;
    - `accepting` False resets newcomers at once;
    - `cut_after_bytes` ends a connection with a reset once so many bytes went up in it;
    - `double_every` n sends each nth MQTT PUBLISH of a connection twice, `overtake_every` n holds each nth back until `overtaken_by`
      later ones have passed it or `held_at_most_s` is over (0: never; each way). `doubled` and `overtaken` count what was done.

    `reset()`, `half_open()` act once, on the connections that are there."""

    def __init__(self, target_port: int, *, port: int = 0) -> None:
        self.target_port = target_port
        self.delay_s = 0.0
        self.rate_bytes_s: float | None = None
        self.accepting = True
        self.cut_after_bytes: int | None = None
        self.double_every = 0
        self.overtake_every = 0
        self.overtaken_by = 2
        self.held_at_most_s = 1.0
        self.doubled = 0
        self.overtaken = 0
        self.connections = 0
        self.port = port
        self._open_way = {True: asyncio.Event(), False: asyncio.Event()}  # by "up"
        self._dark = {True: False, False: False}
        for way in self._open_way.values():
            way.set()
        self._lines: set[_Line] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    def __enter__(self) -> FaultProxy:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen. Raises: OSError when the port is taken."""
        self._thread.start()
        self._wait(self._open())

    def stop(self) -> None:
        """Tear everything down and end the thread."""
        self._wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def blackhole(self) -> bool:
        return all(self._dark.values())

    @blackhole.setter
    def blackhole(self, dark: bool) -> None:
        self.blackhole_up = dark
        self.blackhole_down = dark

    @property
    def blackhole_up(self) -> bool:
        return self._dark[True]

    @blackhole_up.setter
    def blackhole_up(self, dark: bool) -> None:
        self._darken(dark, up=True)

    @property
    def blackhole_down(self) -> bool:
        return self._dark[False]

    @blackhole_down.setter
    def blackhole_down(self, dark: bool) -> None:
        self._darken(dark, up=False)

    def _darken(self, dark: bool, *, up: bool) -> None:
        self._dark[up] = dark
        way = self._open_way[up]
        self._loop.call_soon_threadsafe(way.clear if dark else way.set)

    def heal(self) -> None:
        """Every switch as at the start. Connections that are parted stay so."""
        self.delay_s = 0.0
        self.rate_bytes_s = None
        self.accepting = True
        self.cut_after_bytes = None
        self.double_every = 0
        self.overtake_every = 0
        self.blackhole = False

    def reset(self) -> None:
        """Tear every connection (RST, nothing is flushed)."""
        self._wait(self._reset())

    def half_open(self, *, gone: str = "far") -> None:
        """Part every connection: one end is reset (`gone`: "far", the one at `target_port`, or "near"), the other hears nothing of it.
        What it sends from now on is swallowed."""
        self._wait(self._part(far=gone == "far"))

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(5)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        await self._reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _reset(self) -> None:
        for line in list(self._lines):
            line.parted = False
            _tear(line.near)
            if line.far is not None:
                _tear(line.far)

    async def _part(self, *, far: bool) -> None:
        for line in list(self._lines):
            if line.far is not None and not line.parted:
                line.parted = True
                _tear(line.far if far else line.near)

    async def _serve(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        line = _Line(near_out)
        self._lines.add(line)
        self.connections += 1
        try:
            if not self.accepting:
                return
            far_in, far_out = await asyncio.open_connection("127.0.0.1", self.target_port)
            line.far = far_out
            await asyncio.gather(self._pump(line, near_in, far_out, up=True), self._pump(line, far_in, near_out, up=False))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._lines.discard(line)
            _tear(near_out)
            if line.far is not None:
                _tear(line.far)
            self._tasks.discard(task)

    async def _pump(self, line: _Line, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, up: bool) -> None:
        """One direction of one connection, until its source ends. Whoever hears of it: the other end, when they still belong together."""
        ahead: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_PIECES_AHEAD)
        reading = asyncio.create_task(self._read(line, source, ahead))
        writing = asyncio.create_task(self._write(line, ahead, sink, up=up))
        try:
            await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
            if not line.parted:
                await asyncio.gather(*(each for each in (reading, writing) if each.done()))
                await writing
            elif writing.done():  # nobody takes any more what is read
                reading.cancel()
                while await source.read(_PIECE_BYTES):
                    pass
            else:
                await asyncio.wait({reading})
        finally:
            for each in (reading, writing):
                each.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)

    async def _read(self, line: _Line, source: asyncio.StreamReader, ahead: asyncio.Queue[tuple[float, bytes]]) -> None:
        packets = MqttPackets()
        published = 0
        held: tuple[bytes, float, int] | None = None  # packet, until when, how many have to pass it
        while True:
            patience_s = None if held is None else max(0.0, held[1] - self._loop.time())
            try:
                piece = await asyncio.wait_for(source.read(_PIECE_BYTES), patience_s)
            except TimeoutError:
                assert held is not None
                await ahead.put((self._loop.time(), held[0]))
                held = None
                continue
            if line.parted:
                if not piece:
                    return
                continue
            if not piece:
                for rest in (held[0] if held else b"", packets.rest()):
                    if rest:
                        await ahead.put((self._loop.time(), rest))
                await ahead.put((self._loop.time(), b""))
                return
            for packet in packets.feed(piece):
                if not packets.is_publish(packet):
                    await ahead.put((self._loop.time(), packet))
                    continue
                published += 1
                if held is None and self.overtake_every and published % self.overtake_every == 0:
                    held = (packet, self._loop.time() + self.held_at_most_s, self.overtaken_by)
                    continue
                await ahead.put((self._loop.time(), packet))
                if self.double_every and published % self.double_every == 0:
                    self.doubled += 1
                    await ahead.put((self._loop.time(), packet))
                if held is not None:
                    held = (held[0], held[1], held[2] - 1)
                    if held[2] <= 0:
                        self.overtaken += 1
                        await ahead.put((self._loop.time(), held[0]))
                        held = None

    async def _write(self, line: _Line, ahead: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter, *, up: bool) -> None:
        carried = 0
        while True:
            came_at_s, piece = await ahead.get()
            if (late_s := came_at_s + self.delay_s - self._loop.time()) > 0:
                await asyncio.sleep(late_s)
            await self._open_way[up].wait()
            if not piece:
                _tear(sink)
                return
            limit = self.cut_after_bytes
            if up and limit is not None and carried + len(piece) >= limit:
                sink.write(piece[: max(0, limit - carried)])
                with contextlib.suppress(OSError):
                    await sink.drain()
                _tear(sink)
                _tear(line.near)
                return
            carried += len(piece)
            await self._pass(piece, sink)

    async def _pass(self, piece: bytes, sink: asyncio.StreamWriter) -> None:
        at = 0
        while at < len(piece):
            rate = self.rate_bytes_s
            step = len(piece) - at if rate is None else max(1, int(rate * _STEP_S))
            part = piece[at : at + step]
            sink.write(part)
            await sink.drain()
            at += len(part)
            if rate is not None:
                await asyncio.sleep(len(part) / rate)


def _tear(writer: asyncio.StreamWriter) -> None:
    """End with RST instead of FIN."""
    wire = writer.get_extra_info("socket")
    if wire is not None and not writer.transport.is_closing():
        with contextlib.suppress(OSError):
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
