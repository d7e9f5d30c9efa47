"""A hospital's interface engine on loopback, made with the `hl7` library's own server: it answers over MLLP and can misbehave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import hl7
from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server


class Hl7Peer:
    """`answer` makes the acknowledgement of each message: (MSA-1, MSA-2, words), or None: it hangs up without a word."""

    def __init__(self) -> None:
        self.received: list[str] = []
        self.answer: Callable[[hl7.Message], tuple[str, str, str] | None] = lambda message: ("AA", control_of(message), "")
        self.before: list[tuple[str, str, str]] = []
        # Sent in the place of an answer, as it is.
        self.rubbish: bytes | None = None
        self.port = 0
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(start_hl7_server(self._talk, "127.0.0.1", self.port, encoding="utf-8"))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(server.wait_closed())
        # A connection that was just taken has its talk in the next round.
        for _ in range(5):
            talks = asyncio.all_tasks(self._loop)
            for talk in talks:
                talk.cancel()
            self._loop.run_until_complete(asyncio.gather(*talks, asyncio.sleep(0), return_exceptions=True))
        self._loop.close()

    async def _talk(self, reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        try:
            while not writer.is_closing():
                message = await reader.readmessage()
                self.received.append(str(message))
                if self.rubbish is not None:
                    writer.write(self.rubbish)
                    await writer.drain()
                    continue
                for early in self.before:
                    writer.writemessage(_acknowledgement(*early))
                answered = self.answer(message)
                if answered is None:
                    return
                writer.writemessage(_acknowledgement(*answered))
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            pass
        finally:
            writer.transport.abort()

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        """May be said twice."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)


def control_of(message: hl7.Message) -> str:
    return str(message[0][10])


def _acknowledgement(code: str, control: str, words: str) -> hl7.Message:
    return hl7.parse(f"MSH|^~\\&|EMR|HIS|POINTOFCARE|bv1|20260302010206||ACK^O17^ACK|ACK|P|2.5.1\rMSA|{code}|{control}|{words}\r")


@contextmanager
def hl7_peer() -> Iterator[Hl7Peer]:
    peer = Hl7Peer()
    peer.start()
    yield peer
    peer.stop()
