"""The server's side of the press: starts it, hands it jobs, ends it; one at a time in a process, and never longer than it may take."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pointofcare.errors import PointOfCareError

# A document of many pages takes seconds; whoever waits longer is told to come back.
PATIENCE_S = 120.0
QUEUE_S = 30.0
_ONE = threading.BoundedSemaphore(1)
# Where the package lies: the press finds it whatever the server's own folder is.
_ROOT = Path(__file__).parents[3]


class PressError(PointOfCareError):
    """No PDF came of it, and nothing was issued."""

    code = "press"


class PressBusyError(PointOfCareError):
    """Others are being printed now."""

    code = "press-busy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """`said` is what the press found wrong with the page and could set all the same."""

    pdf: bytes
    pages: int
    said: tuple[str, ...] = field(default_factory=tuple)


class Press:
    """One running press. Use `open_press`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def set(self, html: str, assets: Mapping[str, tuple[str, bytes]]) -> Printed:
        """Raises: PressError."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        job = {"html": html, "assets": {name: (kind, base64.b64encode(content).decode()) for name, (kind, content) in assets.items()}}
        watch = threading.Timer(PATIENCE_S, process.kill)
        watch.start()
        try:
            process.stdin.write(json.dumps(job).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError as exc:
            line = b""
            raise PressError("the press stopped", remedy="try again; choose a shorter period") from exc
        finally:
            watch.cancel()
            if not line:
                self.close()
        if not line:
            raise PressError("the press took too long or stopped", remedy="choose a shorter period, or look at the template")
        answer: dict[str, Any] = json.loads(line)
        said = tuple(answer.get("said", ()))
        if "pdf" not in answer:
            raise PressError(
                f"the document could not be set: {answer.get('fault', '')}", remedy="pointofcare-server document check", said=said
            )
        return Printed(pdf=base64.b64decode(answer["pdf"]), pages=int(answer["pages"]), said=said)

    def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        try:
            process.stdin.close()
            process.wait(timeout=5)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            command = [sys.executable, "-m", "server.usecases.documents.press"]
            # None of the server's own environment: secrets may stand in it.
            bare = {"LANG": "C.UTF-8", "HOME": tempfile.gettempdir()}
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=bare, cwd=_ROOT
            )
        return self._process


@contextmanager
def open_press(*, wait_s: float = QUEUE_S) -> Iterator[Press]:
    """Raises: PressBusyError."""
    if not _ONE.acquire(timeout=wait_s):
        raise PressBusyError("other documents are being made", remedy="try again in a minute")
    press = Press()
    try:
        yield press
    finally:
        press.close()
        _ONE.release()
