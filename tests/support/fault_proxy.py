"""A TCP proxy that misbehaves on demand: slow, silent, torn, cut off in the middle of a message.

One asyncio loop in one thread; every switch takes effect at once, for connections that exist too.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Any


class FaultProxy:
    """Forwards 127.0.0.1:`port` to 127.0.0.1:`target_port`.

    `delay_s` is added to each piece in each direction; `blackhole` takes everything and passes nothing on (as a dead radio
    does: no error); `cut_after_bytes` ends a connection with a reset once so many bytes went up in it; `reset()` tears every
    connection now; `accepting` False resets newcomers at once."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.delay_s = 0.0
        self.blackhole = False
        self.accepting = True
        self.cut_after_bytes: int | None = None
        self.connections = 0
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        self._wait(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def reset(self) -> None:
        """Tear every connection (RST, nothing is flushed)."""
        self._wait(self._reset())

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(5)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        await self._reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _reset(self) -> None:
        for writer in list(self._writers):
            _tear(writer)

    async def _serve(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(near_out)
        self.connections += 1
        try:
            if not self.accepting:
                _tear(near_out)
                return
            far_in, far_out = await asyncio.open_connection("127.0.0.1", self.target_port)
            self._writers.add(far_out)
            try:
                await asyncio.gather(self._pump(near_in, far_out, near_out, up=True), self._pump(far_in, near_out, far_out, up=False))
            finally:
                self._writers.discard(far_out)
                _tear(far_out)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(near_out)
            _tear(near_out)
            self._tasks.discard(task)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, back: asyncio.StreamWriter, *, up: bool) -> None:
        carried = 0
        while piece := await source.read(65536):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            if self.blackhole:
                continue
            limit = self.cut_after_bytes
            if up and limit is not None and carried + len(piece) >= limit:
                sink.write(piece[: max(0, limit - carried)])
                with contextlib.suppress(OSError):
                    await sink.drain()
                _tear(sink)
                _tear(back)
                return
            carried += len(piece)
            sink.write(piece)
            await sink.drain()
        _tear(sink)


def _tear(writer: asyncio.StreamWriter) -> None:
    """End with RST instead of FIN."""
    wire = writer.get_extra_info("socket")
    if wire is not None and not writer.transport.is_closing():
        with contextlib.suppress(OSError):
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
