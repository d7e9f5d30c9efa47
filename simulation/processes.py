"""The demo's child programs: start, wait until ready, stop in reverse order, leave nothing running.

Each child leads a process group of its own, dies with the demo even if that is killed, and writes its log into a file.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pointofcare.errors import DeviceUnavailableError

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path


def start(name: str, argv: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None) -> Child:
    """Start `argv`; its output goes to `log`, written anew."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        process = subprocess.Popen(
            list(argv),
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    return Child(name=name, process=process, log=log)


def wait_for_line(child: Child, word: str, *, timeout_s: float) -> str:
    """The first log line that begins with `word`. Raises: DeviceUnavailableError with the log's tail."""
    deadline = time.monotonic() + timeout_s
    while True:
        text = child.log.read_text(encoding="utf-8", errors="replace") if child.log.exists() else ""
        for line in text.splitlines():
            if line.startswith(word):
                return line
        if child.process.poll() is not None:
            raise DeviceUnavailableError(
                f"{child.name} ended with code {child.process.returncode}:\n{_tail(text)}", remedy=f"see {child.log}", name=child.name
            )
        if time.monotonic() > deadline:
            raise DeviceUnavailableError(
                f"{child.name} is not ready after {timeout_s:.0f} s:\n{_tail(text)}", remedy=f"see {child.log}", name=child.name
            )
        time.sleep(0.05)


def stop(children: Sequence[Child], *, timeout_s: float = 8.0) -> list[str]:
    """Ask each, last started first, to end; then make it. Returns the names of those that had to be killed."""
    killed = []
    for child in reversed(children):
        _signal(child, signal.SIGTERM)
        try:
            child.process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            killed.append(child.name)
            _signal(child, signal.SIGKILL)
            child.process.wait()
    return killed


def stop_together(children: Sequence[Child], *, timeout_s: float = 8.0) -> list[str]:
    """As `stop`, all at once: it takes no longer than `timeout_s`, however many they are."""
    for child in children:
        _signal(child, signal.SIGTERM)
    ends_s, killed = time.monotonic() + timeout_s, []
    for child in children:
        try:
            child.process.wait(timeout=max(0.0, ends_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            killed.append(child.name)
            _signal(child, signal.SIGKILL)
    for child in children:
        child.process.wait()
    return killed


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """While this ends what it started, being asked to end changes nothing: whoever asked twice would leave the rest running."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _signal(child: Child, number: signal.Signals) -> None:
    if child.process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, number)


def tail(log: Path) -> str:
    """The last lines of a child's log."""
    return _tail(log.read_text(encoding="utf-8", errors="replace")) if log.exists() else ""


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-15:])
