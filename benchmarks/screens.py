"""What a person waits for before a screen: until something is there, and from a tap until the next picture, on a slow processor.

Run `python -m benchmarks.screens [--quick]`: the kiosk's round of a ward of 24 patients and three pages of the server, in Chromium with its
processor slowed four times (DevTools), each in a browser that has nothing kept. The floor is a page with Bootstrap and one button, from a
server of the same kind, in turns with them.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from waitress.server import create_server

from benchmarks import bedside
from benchmarks.measure import ratio, save, spread
from tests.support import server_ward, web
from tests.support.cart_ward import PIN, badge
from tests.support.kiosk_page import running_kiosk

SLOWER = 4
PATIENTS = 24
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")
VENDOR = Path(__file__).parents[1] / "server" / "web" / "static" / "vendor"
# An event shorter than this is not told by the browser, and counted as this.
LEAST_MS = 16
# Durations are told in steps of 8 ms, to the next picture.
_WATCH = f"""window.__taps = [];
new PerformanceObserver(list => list.getEntries().forEach(e => {{ if (e.interactionId) window.__taps.push(e.duration); }}))
  .observe({{type: 'event', durationThreshold: {LEAST_MS}, buffered: true}});"""
_FIRST = "() => performance.getEntriesByName('first-contentful-paint').map(e => e.startTime)[0]"
_TWO_PICTURES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50))))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """`tapped` selects what is tapped; `cookie` is of whoever is signed in."""

    name: str
    url: str
    tapped: str
    cookie: tuple[str, str] | None = None


def run(quick: bool = False) -> dict[str, Any]:
    """{"slower", "rounds", "rows": [{"name", "first_view_ms", "tap_ms", "first_view_ratio", "tap_ratio"}]}; the first row is the floor.

    Raises: ImportError without Playwright."""
    rounds = 3 if quick else 15
    playwright = importlib.import_module("playwright.sync_api")
    views: dict[str, list[float]] = {}
    taps: dict[str, list[float]] = {}
    with playwright.sync_playwright() as started, ExitStack() as stack:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        stack.callback(browser.close)
        screens = [stack.enter_context(_floor()), *stack.enter_context(_server()), stack.enter_context(_kiosk(browser))]
        for _ in range(rounds):
            for screen in screens:
                view, tap = _look(browser, screen)
                views.setdefault(screen.name, []).append(view)
                taps.setdefault(screen.name, []).append(tap)
    floor = screens[0].name
    rows = [
        {
            "name": screen.name,
            "first_view_ms": spread(views[screen.name]),
            "tap_ms": spread(taps[screen.name]),
            "first_view_ratio": ratio(views[screen.name], views[floor]),
            "tap_ratio": ratio(taps[screen.name], taps[floor]),
        }
        for screen in screens
    ]
    result = {"slower": SLOWER, "rounds": rounds, "patients": PATIENTS, "rows": rows, "quick": quick}
    save("screens", result)
    return result


def table(result: dict[str, Any]) -> str:
    lines = [f"processor {result['slower']} times slower, {result['rounds']} rounds; ms p50 (max), and times the floor"]
    lines.append(f"{'screen':<26} {'first view':>18} {'':>6} {'tap to next picture':>20}")
    for row in result["rows"]:
        view, tap = row["first_view_ms"], row["tap_ms"]
        lines.append(
            f"{row['name']:<26} {view['p50']:>9.0f} ({view['max']:>5.0f}) {row['first_view_ratio']:>6.1f}"
            f" {tap['p50']:>12.0f} ({tap['max']:>4.0f}) {row['tap_ratio']:>6.1f}"
        )
    return "\n".join(lines)


def _look(browser: Any, screen: Screen) -> tuple[float, float]:
    """ms to the first view, and the longest ms of a tap to the next picture."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        if screen.cookie:
            context.add_cookies([{"name": screen.cookie[0], "value": screen.cookie[1], "url": screen.url}])
        page = context.new_page()
        page.add_init_script(_WATCH)
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        page.goto(screen.url, wait_until="load")
        first = _until(page, _FIRST)
        page.locator(screen.tapped).first.click()
        page.evaluate(_TWO_PICTURES)
        return first, max([float(LEAST_MS), *page.evaluate("() => window.__taps")])
    finally:
        context.close()


def _until(page: Any, expression: str) -> float:
    page.wait_for_function(expression)
    return float(page.evaluate(expression))


@contextmanager
def _serving(app: Flask) -> Iterator[str]:
    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.close()
        thread.join(5)


@contextmanager
def _floor() -> Iterator[Screen]:
    """What Bootstrap alone costs: its style, its script, a button that opens something."""
    app = Flask(__name__, static_folder=str(VENDOR), static_url_path="/vendor")
    names = {ending: next(VENDOR.glob(f"bootstrap-*.min.{ending}")).name for ending in ("css", "js")} if VENDOR.exists() else {}
    page = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>empty</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/vendor/{names["css"]}"><script src="/vendor/{names["js"]}" defer></script></head><body class="container">
<button class="btn btn-primary" data-bs-toggle="collapse" data-bs-target="#more">More</button><p class="collapse" id="more">Here</p>
</body></html>"""
    app.add_url_rule("/", view_func=lambda: page)
    with _serving(app) as url:
        yield Screen(name="empty page with Bootstrap", url=url, tapped="button")


@contextmanager
def _server() -> Iterator[list[Screen]]:
    with tempfile.TemporaryDirectory() as directory, web.ward_app(Path(directory), patient_count=PATIENTS) as app, _serving(app) as url:
        found = []
        for name, path, person in (
            ("pharmacy queue", "/pharmacy/", server_ward.PHARMACIST),
            ("ward board", "/ward/", server_ward.CHARGE),
            ("a patient's record", "/patients/P1", server_ward.CHARGE),
        ):
            key = app.config["SESSION_COOKIE_NAME"]
            cookie = web.signed_in(app, person, factor=True).get_cookie(key)
            assert cookie is not None
            found.append(Screen(name=name, url=url + path, tapped="main summary, header summary, .queue a", cookie=(key, cookie.value)))
        yield found


@contextmanager
def _kiosk(browser: Any) -> Iterator[Screen]:
    """A cart with a whole ward, where somebody has signed in; a tap opens the sheet of settings in the page, as `summary` does there."""
    with tempfile.TemporaryDirectory() as directory, running_kiosk(Path(directory)) as kiosk:
        with kiosk.lock:
            bedside.fill(kiosk.stand)
        page = browser.new_page()
        page.goto(kiosk.url)
        kiosk.hold(badge("N1"))
        _sign_in(page)
        page.close()
        yield Screen(name="the kiosk's round", url=kiosk.url, tapped="details.settings > summary")


def _sign_in(page: Any) -> None:
    page.wait_for_selector("main.state-badge [data-pin]")
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")
    page.wait_for_selector("main.state-signed-in")


def main() -> int:
    print(table(run("--quick" in sys.argv)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
