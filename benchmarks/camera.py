"""From a code in view to its reading in the kiosk; what people who look at the live picture cost the reader; what an idle cart costs.

Run `python -m benchmarks.camera [--quick]`. A cart's own loop, web pages and bedside behind a real MJPEG stream of rendered labels at 30
pictures a second, drawn beforehand. "In the kiosk" is when the page's own request (`/picture.jpg`, with what is drawn over the picture)
says so, asked every 20 ms; the page asks every 100 ms. Processor time of a search is of its thread alone.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import queue
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
from waitress.server import create_server

from benchmarks.measure import machine, save, spread
from cart_client.scanning import Sight, Viewfinder, watch
from cart_client.web import serving
from cart_client.web.app import create_app
from devices import registry
from simulation import corpus, frames
from tests.support.cart_ward import Stand

RATE_HZ = 30.0
DESK_PICTURES, HELD_PICTURES = 6, 8
GOAL_MS = 150.0


@dataclass
class Film:
    """Pictures that a stream plays round and round; `begun_mono_s` is when the first one of the newest film was sent."""

    pictures: list[bytes]
    begun_mono_s: float | None = None
    changed: threading.Event = field(default_factory=threading.Event)

    def play(self, pictures: list[bytes]) -> None:
        self.begun_mono_s = None
        self.pictures = pictures


def run(quick: bool = False) -> dict[str, Any]:
    """{"reading_ms", "goal_ms", "viewers", "idle", "machine"}. Writes results/camera.json."""
    cv2.setNumThreads(1)
    holds, seconds = (6, 3.0) if quick else (40, 10.0)
    desk = [frames.jpeg(frames.empty_frame(11, moment=moment)) for moment in range(DESK_PICTURES)]
    films = [_film(kind, number) for number in range(-(-holds // len(corpus.KINDS))) for kind in corpus.KINDS][:holds]
    reading = _reading(desk, films)
    result = {
        "rate_hz": RATE_HZ,
        "size": list(frames.SIZE),
        "holds": len(films),
        "reading_ms": spread(reading["read"]),
        "screen_ms": spread(reading["screen"]),
        "unread": reading["unread"],
        "goal_ms": GOAL_MS,
        "viewers": _viewers(desk, films, seconds),
        "idle": _idle(desk, seconds),
        "machine": machine(),
        "quick": quick,
    }
    save("camera", result)
    return result


def table(result: dict[str, Any]) -> str:
    read, screen, viewers, idle = result["reading_ms"], result["screen_ms"], result["viewers"], result["idle"]
    looked = f"pictures searched a second: nobody looks {viewers['alone_hz']:.1f}, {viewers['people']} look {viewers['looked_at_hz']:.1f}"
    cost = f"one search {viewers['alone_ms']:.2f} and {viewers['looked_at_ms']:.2f} ms of its processor"
    return "\n".join(
        [
            f"{result['holds']} labels held, {result['rate_hz']:.0f} pictures a second, {result['unread']} not read within 3 s",
            f"first picture with the code to its reading   p50 {read['p50']:7.0f} ms  p95 {read['p95']:7.0f} ms",
            f"                             to the kiosk    p50 {screen['p50']:7.0f} ms  p95 {screen['p95']:7.0f} ms  (goal {GOAL_MS:.0f})",
            f"{looked} (ratio {viewers['ratio']:.3f}); {cost}",
            f"an idle cart: {idle['before_percent']:.1f} % of a processor before, {idle['after_percent']:.1f} % now",
        ]
    )


def _film(kind: str, seed: int) -> list[bytes]:
    """A label held by a steady hand, as a nurse holds it: difficulty as the demo's virtual hand."""
    label = corpus.draw(kind, seed).image
    return [frames.jpeg(frames.frame_with(label, 100 + seed, moment=moment, desk=11, difficulty=0.2)) for moment in range(HELD_PICTURES)]


class _Stream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None: ...

    def do_GET(self) -> None:
        film: Film = self.server.film  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=f")
        self.end_headers()
        number, due = 0, time.monotonic()
        while not self.server.over.is_set():  # type: ignore[attr-defined]
            pictures = film.pictures
            data = pictures[number % len(pictures)]
            number += 1
            if film.begun_mono_s is None:
                film.begun_mono_s = time.monotonic()
            try:
                self.wfile.write(b"--f\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(data) + data + b"\r\n")
            except OSError:
                return
            due += 1 / RATE_HZ
            time.sleep(max(0.0, due - time.monotonic()))


@contextmanager
def _streaming(film: Film) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Stream)
    server.daemon_threads = True
    server.film, server.over = film, threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/video"
    finally:
        server.over.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()


@contextmanager
def _streaming_elsewhere(pictures: list[bytes]) -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_stream_until_told, args=(pictures, there), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        here.send("over")
        process.join(5)


def _stream_until_told(pictures: list[bytes], told: Any) -> None:
    with _streaming(Film(pictures=pictures)) as url:
        told.send(url)
        told.recv()


class _Counting:
    """The cart's decoder, with how often it was asked and what that took of its thread's processor."""

    def __init__(self) -> None:
        self._decoder = registry.decoder()
        self.count, self.cpu_s = 0, 0.0

    def decode(self, frame: Any) -> Any:
        begun = time.thread_time()
        found = self._decoder.decode(frame)
        self.cpu_s += time.thread_time() - begun
        self.count += 1
        return found


@dataclass
class Cart:
    url: str
    stand: Stand
    decoder: _Counting
    read_mono_s: queue.Queue[float] = field(default_factory=queue.Queue)
    idle: bool = False


@contextmanager
def _cart(video: str) -> Iterator[Cart]:
    """A cart's camera loop, bedside and pages, without broker and program."""
    with tempfile.TemporaryDirectory() as folder:
        stand, halt = Stand(Path(folder)), threading.Event()
        inbox: queue.Queue[object] = queue.Queue()
        camera = registry.camera(f"mjpeg:{video}")
        sight = Sight(registry.gauge(), Viewfinder(registry.picture()), inbox.put)
        app = create_app(
            view=lambda: stand.view, ask=lambda _command: None, jpeg=sight.viewfinder.jpeg, names=stand.chart.names, outlook=sight.outlook
        )
        server = create_server(app, host="127.0.0.1", port=0, threads=6)
        cart = Cart(url=f"http://127.0.0.1:{server.effective_port}", stand=stand, decoder=_Counting())
        last = [0]

        def bedside() -> None:
            while not halt.is_set():
                try:
                    item = inbox.get(timeout=0.1)
                except queue.Empty:
                    continue
                if type(item).__name__ == "Seen":
                    cart.read_mono_s.put(time.monotonic())
                    last[0] += 1
                stand.put(item)

        def looking() -> None:
            watch(camera, cart.decoder, sight, inbox, halt, idle=lambda: cart.idle)

        threads = [threading.Thread(target=each, daemon=True) for each in (bedside, looking, server.run)]
        for thread in threads:
            thread.start()
        try:
            yield cart
        finally:
            halt.set()
            camera.close()
            serving.stop(server)
            for thread in threads:
                thread.join(5)
            stand.journal.close()


class _Page:
    """A kiosk's page as far as the server sees it."""

    def __init__(self, cart: Cart) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(cart.url).netloc, timeout=5)
        self._seen = "-"

    def look(self) -> dict[str, Any]:
        self._connection.request("GET", f"/picture.jpg?seen={self._seen}")
        answer = self._connection.getresponse()
        answer.read()
        self._seen = answer.headers.get("X-Picture") or self._seen
        told: dict[str, Any] = json.loads(answer.headers["X-Outlook"])
        return told


def _reading(desk: list[bytes], films: list[list[bytes]]) -> dict[str, Any]:
    """ms from the first picture with a code on the wire to its reading, and to the page that is told of it."""
    read: list[float] = []
    screen: list[float] = []
    unread = 0
    film = Film(pictures=desk)
    with _streaming(film) as video, _cart(video) as cart:
        page = _Page(cart)
        time.sleep(1.0)
        for held in films:
            film.play(desk)
            _wait(lambda: not page.look()["read"], 3.0)
            time.sleep(1.6)  # until the code before is gone for the rule of one scan
            while not cart.read_mono_s.empty():
                cart.read_mono_s.get()
            film.play(held)
            is_shown = _wait(lambda: bool(page.look()["read"]), 3.0)
            shown_mono_s = time.monotonic()
            begun = film.begun_mono_s
            if not is_shown or begun is None or cart.read_mono_s.empty():
                unread += 1
                continue
            read.append((cart.read_mono_s.get() - begun) * 1000)
            screen.append((shown_mono_s - begun) * 1000)
    return {"read": read, "screen": screen, "unread": unread}


def _wait(good: Any, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if good():
            return True
        time.sleep(0.02)
    return False


def _viewers(desk: list[bytes], films: list[list[bytes]], seconds: float, people: int = 3) -> dict[str, Any]:
    """Pictures searched a second with nobody and with several pages that look as fast as a page does, in turns."""
    film = Film(pictures=[*desk, *(picture for held in films[:4] for picture in held)])
    told: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    with _streaming(film) as video, _cart(video) as cart:
        time.sleep(1.0)
        for number in range(4 if seconds < 5 else 8):
            is_looked_at = number % 2 == 1
            over = threading.Event()
            threads = [threading.Thread(target=_keep_looking, args=(cart, over), daemon=True) for _ in range(people if is_looked_at else 0)]
            for thread in threads:
                thread.start()
            count, cpu_s, begun = cart.decoder.count, cart.decoder.cpu_s, time.monotonic()
            time.sleep(seconds)
            passed_s, searched = time.monotonic() - begun, max(1, cart.decoder.count - count)
            told[is_looked_at].append((searched / passed_s, (cart.decoder.cpu_s - cpu_s) / searched * 1000))
            over.set()
            for thread in threads:
                thread.join(5)
    alone, looked_at = (statistics.median(hz for hz, _ in told[which]) for which in (False, True))
    return {
        "people": people,
        "alone_hz": round(alone, 2),
        "looked_at_hz": round(looked_at, 2),
        "ratio": round(looked_at / alone, 3),
        "alone_ms": round(statistics.median(ms for _, ms in told[False]), 2),
        "looked_at_ms": round(statistics.median(ms for _, ms in told[True]), 2),
    }


def _keep_looking(cart: Cart, over: threading.Event) -> None:
    page = _Page(cart)
    while not over.wait(0.1):
        page.look()


def _idle(desk: list[bytes], seconds: float) -> dict[str, Any]:
    """Processor time of the whole process with an empty desk before the camera, whose stream is another process's: searched as pictures
    come, as it was before, and as an idle cart does."""
    told: dict[str, float] = {}
    with _streaming_elsewhere(desk) as video:
        for name, idle in (("before", False), ("after", True)):
            with _cart(video) as cart:
                cart.idle = idle
                time.sleep(6.0)  # what began moves nothing any more
                begun, cpu_s = time.monotonic(), _cpu_s()
                time.sleep(seconds)
                told[name] = (_cpu_s() - cpu_s) / (time.monotonic() - begun) * 100
    return {"before_percent": round(told["before"], 1), "after_percent": round(told["after"], 1), "seconds": seconds}


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    print(table(run(quick="--quick" in sys.argv)))
