"""The virtual hand: for each cart a network camera, and a page on which a person holds labels before it.

A real MJPEG stream over HTTP on loopback, so that a cart goes the whole way from the wire to the decoder. Frames are encoded
once for a hold and sent again and again with a little tremble. Its troubles (silence, cuts, broken pictures) are for tests and
drills. Must never listen beyond loopback, and never know what a label means.
"""

from __future__ import annotations

import io
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

from PIL import Image, UnidentifiedImageError

from pointofcare.texts import DEFAULT_LANGUAGE, LANGUAGES
from simulation import frames, hand_page

RATE_HZ = 10.0
MOMENTS = 4
DIFFICULTY = 0.2
MAX_BODY_BYTES = 8_000_000
THUMBNAIL_PX = (480, 320)
_BOUNDARY = "frame"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One label that can be held. `id` is unique on its shelf; `image` may be drawn only when it is needed."""

    id: str
    title: str
    subtitle: str
    image: Image.Image | Callable[[], Image.Image]

    def draw(self) -> Image.Image:
        return self.image() if callable(self.image) else self.image


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Labels that belong together: one patient's, or all badges."""

    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    groups: tuple[Group, ...] = ()

    def find(self, item_id: str) -> Item | None:
        return next((item for group in self.groups for item in group.items if item.id == item_id), None)


class Trouble(StrEnum):
    """What a cart's stream suffers: silence with the connection open, a cut in the middle of a picture, broken pictures."""

    NONE = "none"
    STALL = "stall"
    CUT = "cut"
    CORRUPT = "corrupt"


class _View:
    """What one cart's camera sees. Guarded by its condition; a change wakes the streams."""

    def __init__(self, desk: tuple[bytes, ...]) -> None:
        self.changed = threading.Condition()
        self._desk = desk
        self._pictures = desk
        self._title = ""
        self._until: float | None = None
        self.trouble = Trouble.NONE

    def show(self, pictures: tuple[bytes, ...], title: str, seconds: float | None) -> None:
        with self.changed:
            self._pictures, self._title = pictures, title
            self._until = None if seconds is None else time.monotonic() + seconds
            self.changed.notify_all()

    def clear(self) -> None:
        self.show(self._desk, "", None)

    def suffer(self, trouble: Trouble) -> None:
        with self.changed:
            self.trouble = trouble
            self.changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Until something changes, `seconds` at most."""
        with self.changed:
            self.changed.wait(seconds)

    def now(self, number: int) -> tuple[bytes, str]:
        """The picture of frame `number` and the title of what is held."""
        with self.changed:
            if self._until is not None and time.monotonic() >= self._until:
                self._pictures, self._title, self._until = self._desk, "", None
            return self._pictures[number % len(self._pictures)], self._title


class VirtualCamera:
    """Serves `/{cart}/video.mjpg`, `/{cart}/snapshot.jpg`, POST `/{cart}/hold` and `/{cart}/clear`, and the page for people.

    `shelf` is asked anew for each page; `port` 0 takes a free one; `seed` draws desk, poses and noise."""

    def __init__(
        self, carts: list[str], *, port: int = 0, shelf: Callable[[], Shelf] = Shelf, rate_hz: float = RATE_HZ, seed: int = 0
    ) -> None:
        self._rng = random.Random(seed)
        self._desk_seed = self._rng.getrandbits(32)
        desk = tuple(frames.jpeg(frames.empty_frame(self._desk_seed, moment=moment)) for moment in range(2))
        self._views = {cart: _View(desk) for cart in carts}
        self._server = _Server(("127.0.0.1", port), self)
        self._thread: threading.Thread | None = None
        self.stopped = threading.Event()
        self.shelf = shelf
        self.rate_hz = rate_hz

    @property
    def carts(self) -> tuple[str, ...]:
        return tuple(self._views)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def video_url(self, cart: str) -> str:
        return f"{self.url}/{quote(cart, safe='')}/video.mjpg"

    def start(self) -> None:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="virtual hand", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends every stream. May be called twice."""
        if self.stopped.is_set():
            return
        self.stopped.set()
        for view in self._views.values():
            with view.changed:
                view.changed.notify_all()
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def hold(self, cart: str, image: Image.Image, *, seconds: float | None = None, title: str = "", difficulty: float = DIFFICULTY) -> None:
        """Hold `image` before the cart's camera, for `seconds` or until something else happens. Raises: KeyError."""
        view = self._views[cart]
        seed = self._rng.getrandbits(32)
        pictures = tuple(
            frames.jpeg(frames.frame_with(image, seed, moment=moment, desk=self._desk_seed, difficulty=difficulty))
            for moment in range(MOMENTS)
        )
        view.show(pictures, title, seconds)

    def hold_item(self, cart: str, item_id: str, *, seconds: float | None = None) -> bool:
        """The same with a label of the shelf; False when it has none of that id. Raises: KeyError."""
        item = self.shelf().find(item_id)
        if item is None:
            return False
        self.hold(cart, item.draw(), seconds=seconds, title=item.title)
        return True

    def clear(self, cart: str) -> None:
        """Raises: KeyError."""
        self._views[cart].clear()

    def suffer(self, cart: str, trouble: Trouble) -> None:
        """Raises: KeyError."""
        self._views[cart].suffer(trouble)

    def view(self, cart: str) -> _View | None:
        return self._views.get(cart)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], hand: VirtualCamera) -> None:
        self.hand = hand
        super().__init__(address, _Request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A viewer that goes away is not worth a line."""


class _Request(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, format: str, *args: object) -> None:
        """Silent: a stream would fill the log."""

    def do_GET(self) -> None:
        hand = self.server.hand
        url = urlsplit(self.path)
        parts = [unquote(part) for part in url.path.split("/") if part]
        language = self._language(parse_qs(url.query))
        view = hand.view(parts[0]) if parts else None
        if not parts:
            self._answer(hand_page.start_page(hand.carts, language).encode(), "text/html; charset=utf-8")
        elif parts == ["_hand.css"]:
            self._answer(hand_page.STYLE, "text/css; charset=utf-8")
        elif parts == ["_hand.js"]:
            self._answer(hand_page.SCRIPT, "text/javascript; charset=utf-8")
        elif parts[0] == "_shelf" and len(parts) == 2:
            self._thumbnail(parts[1].removesuffix(".png"))
        elif view is None:
            self._refuse(HTTPStatus.NOT_FOUND)
        elif len(parts) == 1:
            sections = tuple(_section(group) for group in hand.shelf().groups)
            page = hand_page.cart_page(parts[0], hand.carts, sections, view.now(0)[1], language)
            self._answer(page.encode(), "text/html; charset=utf-8")
        elif parts[1:] == ["snapshot.jpg"]:
            self._answer(view.now(0)[0], "image/jpeg")
        elif parts[1:] == ["video.mjpg"]:
            self._stream(view)
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        hand = self.server.hand
        url = urlsplit(self.path)
        parts = [unquote(part) for part in url.path.split("/") if part]
        body = self._body()
        origin = self.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != self.headers.get("Host"):
            self._refuse(HTTPStatus.FORBIDDEN)
        elif len(parts) != 2 or hand.view(parts[0]) is None or parts[1] not in {"hold", "clear"}:
            self._refuse(HTTPStatus.NOT_FOUND)
        elif body is None:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif parts[1] == "clear":
            hand.clear(parts[0])
            self._done(parts[0], url.query)
        else:
            problem = self._hold(parts[0], body)
            if problem is None:
                self._done(parts[0], url.query)
            else:
                self._refuse(problem)

    def _hold(self, cart: str, body: bytes) -> HTTPStatus | None:
        """Form or JSON with `item` (and `seconds`), or a picture itself. What is wrong, None when it is held."""
        kind = self.headers.get_content_type()
        try:
            if kind.startswith("image/"):
                self.server.hand.hold(cart, Image.open(io.BytesIO(body)))
                return None
            if kind == "application/json":
                fields = json.loads(body)
            else:
                fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            seconds = float(fields["seconds"]) if fields.get("seconds") else None
            item = str(fields["item"])
        except (ValueError, KeyError, TypeError, AttributeError, UnidentifiedImageError, OSError):
            return HTTPStatus.BAD_REQUEST
        return None if self.server.hand.hold_item(cart, item, seconds=seconds) else HTTPStatus.NOT_FOUND

    def _stream(self, view: _View) -> None:
        self.close_connection = True
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        number = 0
        hand = self.server.hand
        while not hand.stopped.is_set():
            picture, _title = view.now(number)
            number += 1
            trouble = view.trouble
            if trouble is not Trouble.STALL:
                data = _broken(picture) if trouble is Trouble.CORRUPT else picture
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode()
                self.wfile.write(head + (data[: len(data) // 2] if trouble is Trouble.CUT else data + b"\r\n"))
                self.wfile.flush()
                if trouble is Trouble.CUT:
                    return
            view.wait(1 / hand.rate_hz)

    def _thumbnail(self, item_id: str) -> None:
        item = self.server.hand.shelf().find(item_id)
        if item is None:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        small = item.draw().convert("RGB")
        small.thumbnail(THUMBNAIL_PX)
        data = io.BytesIO()
        small.save(data, "PNG")
        self._answer(data.getvalue(), "image/png")

    def _language(self, query: dict[str, list[str]]) -> str:
        asked = query.get("lang", [DEFAULT_LANGUAGE])[0]
        return asked if asked in LANGUAGES else DEFAULT_LANGUAGE

    def _body(self) -> bytes | None:
        try:
            length = int(self.headers.get("Content-Length", 0))
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_BODY_BYTES:
            self.close_connection = True
            return None
        return self.rfile.read(length)

    def _done(self, cart: str, query: str) -> None:
        if "text/html" in self.headers.get("Accept", ""):
            language = self._language(parse_qs(query))
            self.send_response(HTTPStatus.SEE_OTHER)
            self.send_header("Location", f"/{quote(cart, safe='')}?lang={language}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._answer(b"{}", "application/json")

    def _refuse(self, status: HTTPStatus) -> None:
        self._answer(status.phrase.encode(), "text/plain; charset=utf-8", status)

    def _answer(self, body: bytes, content_type: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)


def _section(group: Group) -> hand_page.Section:
    buttons = tuple(hand_page.Button(id=item.id, title=item.title, subtitle=item.subtitle) for item in group.items)
    return hand_page.Section(title=group.title, buttons=buttons)


def _broken(picture: bytes) -> bytes:
    """As long as a real one and no JPEG: its head is noise."""
    return b"\x00\xff" * 40 + picture[80:]
