"""A small RTSP camera for tests: RTSP 1.0 (RFC 2326) with JPEG over RTP (RFC 2435), interleaved in its one TCP connection.

Speaks to whatever real client connects (here FFmpeg, inside OpenCV); serves one picture after the other, as told.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:track1\r\n"
_FRAGMENT_BYTES = 1200
_CLOCK_HZ = 90_000


@dataclass
class RtspPeer:
    """`picture(number)` is the JPEG of frame `number` from 0 (4:2:0, at most 2040 pixels wide); None sends nothing at that moment."""

    picture: Callable[[int], bytes | None]
    rate_hz: float = 20.0
    account: str = ""
    url: str = ""
    asked: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    connections: list[socket.socket] = field(default_factory=list)

    def cut(self) -> None:
        """Every connection breaks, as when a cable is pulled at the camera."""
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def rtsp_peer(picture: Callable[[int], bytes | None], *, rate_hz: float = 20.0) -> Iterator[RtspPeer]:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    peer = RtspPeer(picture=picture, rate_hz=rate_hz, url=f"rtsp://127.0.0.1:{listener.getsockname()[1]}/live")

    def serve() -> None:
        while not peer.stopped.is_set():
            try:
                connection, _address = listener.accept()
            except TimeoutError:
                continue
            peer.connections.append(connection)
            threading.Thread(target=_talk, args=(peer, connection), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        peer.stopped.set()
        peer.cut()
        thread.join()
        listener.close()


def _talk(peer: RtspPeer, connection: socket.socket) -> None:
    sending = threading.Lock()
    over = threading.Event()
    with connection, contextlib.suppress(OSError):
        buffer = b""
        while not peer.stopped.is_set():
            data = connection.recv(4096)
            if not data:
                break
            buffer += data
            while True:
                if buffer[:1] == b"$" and len(buffer) >= 4:  # RTCP of the client
                    (length,) = struct.unpack(">H", buffer[2:4])
                    if len(buffer) < 4 + length:
                        break
                    buffer = buffer[4 + length :]
                    continue
                head, end, rest = buffer.partition(b"\r\n\r\n")
                if not end or buffer[:1] == b"$":
                    break
                buffer = rest
                _answer(peer, connection, sending, over, head.decode("ascii", "replace"))
    over.set()


def _answer(peer: RtspPeer, connection: socket.socket, sending: threading.Lock, over: threading.Event, request: str) -> None:
    first, *lines = request.split("\r\n")
    method = first.split(" ")[0]
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    peer.asked.append(method)
    status, more, body = "200 OK", "", ""
    if method == "OPTIONS":
        more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN\r\n"
    elif method == "DESCRIBE":
        more, body = f"Content-Base: {peer.url}/\r\nContent-Type: application/sdp\r\nContent-Length: {len(_SDP)}\r\n", _SDP
    elif method == "SETUP":
        if "interleaved" in fields.get("transport", ""):
            more = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
        else:
            status = "461 Unsupported Transport"
    else:
        more = "Session: 1\r\n"
    with sending:
        connection.sendall(f"RTSP/1.0 {status}\r\nCSeq: {fields.get('cseq', '0')}\r\n{more}\r\n{body}".encode())
    if method == "PLAY":
        threading.Thread(target=_play, args=(peer, connection, sending, over), daemon=True).start()


def _play(peer: RtspPeer, connection: socket.socket, sending: threading.Lock, over: threading.Event) -> None:
    sequence = 0
    begun = time.monotonic()
    with contextlib.suppress(OSError):
        for number in range(1_000_000):
            jpeg = peer.picture(number)
            stamp = int((time.monotonic() - begun) * _CLOCK_HZ)
            for payload, is_last in _payloads(jpeg) if jpeg is not None else ():
                header = struct.pack(">BBHII", 0x80, 26 | (0x80 if is_last else 0), sequence & 0xFFFF, stamp & 0xFFFFFFFF, 7)
                sequence += 1
                packet = header + payload
                with sending:
                    connection.sendall(b"$\x00" + struct.pack(">H", len(packet)) + packet)
            if over.wait(1 / peer.rate_hz) or peer.stopped.is_set():
                return


def _payloads(jpeg: bytes) -> Iterator[tuple[bytes, bool]]:
    """The packets' payloads (RFC 2435, 3.1) of a baseline JPEG with the standard Huffman tables, and whether each is the last."""
    tables, width, height, scan = _taken_apart(jpeg)
    for offset in range(0, len(scan), _FRAGMENT_BYTES):
        head = struct.pack(">I", offset) + bytes((1, 255, width // 8, height // 8))
        if offset == 0:
            head += struct.pack(">BBH", 0, 0, len(tables)) + tables
        yield head + scan[offset : offset + _FRAGMENT_BYTES], offset + _FRAGMENT_BYTES >= len(scan)


def _taken_apart(jpeg: bytes) -> tuple[bytes, int, int, bytes]:
    """(quantization tables, width, height, entropy coded scan)."""
    tables, width, height, at = b"", 0, 0, 2
    while at < len(jpeg):
        marker, (length,) = jpeg[at + 1], struct.unpack(">H", jpeg[at + 2 : at + 4])
        body = jpeg[at + 4 : at + 2 + length]
        if marker == 0xDB:
            while body:
                tables, body = tables + body[1:65], body[65:]
        elif marker == 0xC0:
            height, width = struct.unpack(">HH", body[1:5])
        elif marker == 0xDA:
            end = jpeg.rindex(b"\xff\xd9")
            return tables, width, height, jpeg[at + 2 + length : end]
        at += 2 + length
    raise ValueError("no scan")
