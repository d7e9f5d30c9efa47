"""Frames of MLLP (Minimal Lower Layer Protocol): whole messages out of the bytes of a connection, in whatever pieces they come.

What stands outside a frame is thrown away; a frame that begins again before it ended, or grows too long, is none.
"""

from __future__ import annotations

import ipaddress

BEGIN, END, CR = b"\x0b", b"\x1c", b"\r"
LONGEST_BYTES = 256 * 1024


def framed(message: bytes) -> bytes:
    return BEGIN + message + END + CR


class Frames:
    """Of one connection. `feed` takes bytes as they come and returns the messages that are whole now, oldest first."""

    def __init__(self) -> None:
        self._held: bytearray | None = None  # None: outside a frame

    def feed(self, data: bytes) -> list[bytes]:
        whole: list[bytes] = []
        while data:
            if self._held is None:
                _, begun, data = data.partition(BEGIN)
                if not begun:
                    break
                self._held = bytearray()
            part, ended, rest = data.partition(END)
            if BEGIN in part:  # the one before was torn
                self._held = bytearray()
                data = part.rpartition(BEGIN)[2] + ended + rest
                continue
            self._held += part
            if len(self._held) > LONGEST_BYTES:
                self._held = None
            elif ended:
                whole.append(bytes(self._held))
                self._held = None
            data = rest
        return whole


def address(source: str, *, example: str) -> tuple[str, int]:
    """ "127.0.0.1:2575" as host and port. Raises: ValueError for anything that is not on this machine."""
    host, _, port = source.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not port.isascii() or not port.isdigit() or not int(port) <= 65535:
        raise ValueError(f"name the address: {example}")
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ValueError("HL7 over MLLP proves nobody and hides nothing: only a loopback address, with a tunnel (TLS) for other machines")
    return host, int(port)
