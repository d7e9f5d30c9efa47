"""What camera tests talk to: a small raw HTTP peer that sends exactly the bytes it is told, and frames made in memory."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np

from devices.ports import Frame

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n"


def a_frame(image: Any, number: int = 1) -> Frame:
    return Frame(image=image, number=number, taken_at=datetime.now(UTC))


def grey_jpeg(tone: int, *, size: tuple[int, int] = (160, 90)) -> bytes:
    """A flat picture whose tone tells which one it was."""
    done, data = cv2.imencode(".jpg", np.full((size[1], size[0], 3), tone, np.uint8))
    assert done
    return data.tobytes()


def part(jpeg: bytes, *, length: bool = True) -> bytes:
    header = b"--b\r\nContent-Type: image/jpeg\r\n" + (b"Content-Length: %d\r\n" % len(jpeg) if length else b"")
    return header + b"\r\n" + jpeg + b"\r\n"


@contextlib.contextmanager
def raw_peer(script: Callable[[socket.socket, int], None]) -> Iterator[str]:
    """Serves `script(connection, number of the connection from 1)` on loopback; gives the URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    stopped = threading.Event()

    def serve() -> None:
        number = 0
        while not stopped.is_set():
            try:
                connection, _address = listener.accept()
            except TimeoutError:
                continue
            number += 1
            threading.Thread(target=talk, args=(connection, number), daemon=True).start()

    def talk(connection: socket.socket, number: int) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            connection.recv(4096)
            script(connection, number)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/video"
    finally:
        stopped.set()
        thread.join()
        listener.close()
