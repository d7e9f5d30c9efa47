"""Receivers of what a server sends to others, on loopback: a mail server that speaks SMTP, and what answers a webhook."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message as Mail
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Mailbox:
    """`refuse`: the code with which the next DATA is refused, 0 for none; `hang_up`: the line ends after DATA was taken, unanswered."""

    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    refuse: int = 0
    hang_up: bool = False


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """A mail server without TLS, as far as RFC 5321 asks of the smallest one."""
    box = Mailbox()

    class Line(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 here ESMTP")
            while line := self.rfile.readline():
                verb = line[:4].upper()
                if verb in (b"EHLO", b"HELO"):
                    self._say("250 here")
                elif verb == b"DATA":
                    self._say("354 go on")
                    lines = []
                    while (part := self.rfile.readline()) not in (b".\r\n", b""):
                        lines.append(part[1:] if part.startswith(b"..") else part)
                    if box.refuse:
                        self._say(f"{box.refuse} not now")
                        continue
                    box.mails.append(message_from_bytes(b"".join(lines), policy=default))
                    if box.hang_up:
                        return
                    self._say("250 taken")
                elif verb == b"QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 ok")

        def _say(self, text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Line) as server:
        server.daemon_threads = True
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()


@dataclass
class Hook:
    """`answers` are the codes of the next calls, 200 when there is none left."""

    url: str = ""
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)


@contextmanager
def webhook_server() -> Iterator[Hook]:
    hook = Hook()

    class Line(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            hook.calls.append((dict(self.headers.items()), content))
            self.send_response(hook.answers.pop(0) if hook.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Line) as server:
        hook.url = f"http://127.0.0.1:{server.server_address[1]}/alerts"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield hook
        finally:
            server.shutdown()
