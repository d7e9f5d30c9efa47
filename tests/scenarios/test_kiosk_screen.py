"""The cart's screen as its unit starts it: cage, Chromium and the session's one program, in a user without rights, on a screen in memory.

Needs root for that user, and `cage` and `xwayland`, which only this test needs: `make test-long`.
"""

from __future__ import annotations

import os
import queue
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from tests.support.installed import DEPLOY
from tests.unit.deploy.test_packages import unit

SCREEN = (1280, 720)  # what cage takes where it draws into memory
# As the unit's PrivateTmp: there the server of X11 has its socket.
PRIVATE_TMP = ("/usr/bin/unshare", "--mount", "/bin/sh", "-c", 'mount -t tmpfs -o mode=1777 tmpfs /tmp && exec "$@"', "sh")
PAGE = """<!doctype html><title>cart</title><script>
const before = localStorage.before || ""
localStorage.before = "kept"
setInterval(() => fetch(`/seen?width=${innerWidth}&height=${innerHeight}&before=${before}`), 100)
</script>"""


@dataclass
class Shown:
    """The kiosk's page, and what the browser that shows it tells: width, height, and what was left of a session before."""

    port: int
    told: queue.SimpleQueue[tuple[int, int, str]] = field(default_factory=queue.SimpleQueue)

    def wait_for(self, size: tuple[int, int]) -> str:
        """What was left of the session before, once the page is as large as `size`."""
        for _ in range(600):
            width, height, before = self.told.get(timeout=30)
            if (width, height) == size:
                return before
        raise AssertionError(f"the page is {width} x {height} after a minute")


@pytest.fixture
def shown() -> Iterator[Shown]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path == "/seen":
                said = parse_qs(asked.query, keep_blank_values=True)
                made.told.put((int(said["width"][0]), int(said["height"][0]), said["before"][0]))
            body = PAGE.encode() if asked.path == "/" else b""
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Shown(port=server.server_port)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield made
        server.shutdown()
        thread.join(10)


@contextmanager
def session(home: Path, port: int) -> Iterator[psutil.Process]:
    (command,) = unit("pointofcare-kiosk.service")["ExecStart"]
    program = home / "session"
    shutil.copyfile(DEPLOY / "kiosk/pointofcare-kiosk", program)
    program.chmod(0o755)
    words = [str(program) if word.endswith("/pointofcare-kiosk") else word for word in shlex.split(command)]
    screen = {"WLR_BACKENDS": "headless", "WLR_LIBINPUT_NO_DEVICES": "1", "WLR_RENDERER": "pixman"}
    places = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    with (home / "log").open("wb") as log:
        child = subprocess.Popen(
            [*PRIVATE_TMP, "runuser", "-u", "nobody", "--", *words],
            env={**places, **screen, "POINTOFCARE_KIOSK_PORT": str(port)},
            cwd=home,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield psutil.Process(child.pid)
    except queue.Empty as exc:
        raise AssertionError((home / "log").read_text(encoding="utf-8", errors="replace")[-3000:]) from exc
    finally:
        # As the unit's control group: the browser's helpers outlive it.
        left = [one for one in psutil.process_iter(["cmdline"]) if str(home) in " ".join(one.info["cmdline"] or ())]
        for one in left:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(left, timeout=20)
        child.wait(20)


def cage(started: psutil.Process) -> psutil.Process:
    return next(one for one in (started, *started.children(recursive=True)) if one.name() == "cage")


@pytest.mark.skipif(shutil.which("cage") is None or os.geteuid() != 0, reason="needs cage and root")
@pytest.mark.timeout(300)
def test_the_carts_page_fills_the_screen_keeps_nothing_and_its_session_ends_with_the_browser(shown: Shown) -> None:
    with tempfile.TemporaryDirectory(prefix="kiosk-", dir="/var/tmp", ignore_cleanup_errors=True) as place:
        home = Path(place)
        shutil.chown(home, "nobody", "nogroup")
        for _ in range(2):
            with session(home, shown.port) as started:
                assert shown.wait_for(SCREEN) == "", "a session shows nothing of the one before"
                shell = cage(started)
                browser = next(one for one in shell.children() if one.name() == "chromium")
                assert browser.uids().real != 0
                browser.send_signal(signal.SIGKILL)
                assert psutil.wait_procs([shell], timeout=30)[0], "whoever ends the browser ends the session: the unit starts another"
            while not shown.told.empty():
                shown.told.get()
