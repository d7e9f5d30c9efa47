"""A broker as a child process: started, waited for until it listens, stopped; it never outlives the process that started it.

Knows nothing of what a broker's configuration says. Linux ties a child to the death of the *thread* that made it, so one
thread stays with each broker from its start to its end.
"""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pointofcare.errors import DeviceUnavailableError

READY_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0
RELOAD_TIMEOUT_S = 3.0
_TRIES = 5
_POLL_S = 0.01

# Asks the kernel to end this process with its parent, checks that the parent is still there, and becomes the broker.
_SHIM = """
import ctypes, os, signal, sys
parent, command = int(sys.argv[1]), sys.argv[2:]
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != parent:
    sys.exit("the starting process is gone")
os.execv(command[0], command)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerKind:
    """What differs between brokers: `write` puts the configuration for a port (0: any free one) into the directory and gives
    the command line; `listening` finds the port in a log line that says that it listens, `reloaded` the line that says that it reads
    its configuration anew; `host` is where this machine reaches it."""

    name: str
    write: Callable[[Path, int], list[str]]
    listening: re.Pattern[str]
    reloaded: re.Pattern[str]
    picks_port: bool
    host: str


@dataclass(slots=True, kw_only=True)
class RunningBroker:
    """`pid` is the broker's own. `stop` and `kill` may be called again; `start_again` keeps port and store."""

    kind: str
    host: str
    port: int
    pid: int
    directory: Path
    _make: BrokerKind = field(repr=False)
    _child: _Child = field(repr=False)

    def stop(self) -> None:
        """End it cleanly, by force after some seconds."""
        self._child.end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, as a power cut would do."""
        self._child.end(signal.SIGKILL)

    def start_again(self) -> None:
        """After `stop` or `kill`: on the same port, with the same store. Raises: DeviceUnavailableError."""
        self.stop()
        self._child, _port = _started(self._make, self.directory, self.port)
        self.pid = self._child.pid

    def use(self, make: BrokerKind) -> None:
        """Write another configuration for the same port and make it read it (SIGHUP); running connections are kept. Returns when it
        says so, so that nobody comes in by what was taken away, or after some seconds without a word."""
        self._make = make
        make.write(self.directory, self.port)
        before = len(make.reloaded.findall(self._child.log()))
        self._child.tell(signal.SIGHUP)
        deadline = time.monotonic() + RELOAD_TIMEOUT_S
        while self.running and time.monotonic() < deadline and len(make.reloaded.findall(self._child.log())) <= before:
            time.sleep(_POLL_S)

    @property
    def running(self) -> bool:
        return self._child.running

    def log(self) -> str:
        return (self.directory / "broker.log").read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> RunningBroker:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(kind: BrokerKind, directory: Path, port: int = 0) -> RunningBroker:
    """Start it and wait until it listens. Port 0 picks a free one. Raises: DeviceUnavailableError."""
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    child, found = _started(kind, directory, port)
    return RunningBroker(kind=kind.name, host=kind.host, port=found, pid=child.pid, directory=directory, _make=kind, _child=child)


def private_file(path: Path, content: str) -> None:
    """Write a file that only its owner reads: it holds passwords."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(content, encoding="utf-8")


def _started(kind: BrokerKind, directory: Path, port: int) -> tuple[_Child, int]:
    last = ""
    for _ in range(1 if port else _TRIES):
        asked = port or (0 if kind.picks_port else _free_port(kind.host))
        child = _Child(kind.write(directory, asked), directory / "broker.log")
        found = _listening(kind, child, asked)
        if found:
            return child, found
        last = child.log().strip()[-400:]
        child.end(signal.SIGKILL)
    raise DeviceUnavailableError(
        f"{kind.name} did not start: {last or 'no word from it'}", remedy=f"see {directory / 'broker.log'}", kind=kind.name
    )


def _listening(kind: BrokerKind, child: _Child, asked: int) -> int:
    """The port once the broker says that it listens; 0 when it ended or the time is over."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline and child.running:
        found = kind.listening.search(child.log())
        if found and _answers(kind.host, port := int(found["port"]) if kind.picks_port else asked):
            return port if child.running else 0
        time.sleep(_POLL_S)
    return 0


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _free_port(host: str) -> int:
    """Free at this moment; somebody may take it first, then the broker ends and the next try takes another."""
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        port: int = probe.getsockname()[1]
        return port


class _Child:
    """The process, and the thread that made it and waits for its end."""

    def __init__(self, command: list[str], log: Path) -> None:
        self._log = log
        made: queue.Queue[subprocess.Popen[bytes] | OSError] = queue.Queue()
        self._thread = threading.Thread(target=self._keep, args=(command, made), name=f"keeps-{Path(command[0]).name}", daemon=True)
        self._thread.start()
        process = made.get()
        if isinstance(process, OSError):
            raise DeviceUnavailableError(f"{command[0]} cannot be started: {process}", remedy="install it") from process
        self._process = process
        self.pid = process.pid

    def _keep(self, command: list[str], made: queue.Queue[subprocess.Popen[bytes] | OSError]) -> None:
        try:
            with self._log.open("wb") as output:
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _SHIM, str(os.getpid()), *command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=self._log.parent,
                    start_new_session=True,  # a Ctrl-C at the terminal is for the program, which then stops its broker
                )
        except OSError as exc:
            made.put(exc)
            return
        made.put(process)
        process.wait()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def tell(self, number: signal.Signals) -> None:
        if self.running:
            self._process.send_signal(number)

    def end(self, number: signal.Signals) -> None:
        self.tell(number)
        self._thread.join(STOP_TIMEOUT_S)
        if self._thread.is_alive():
            self._process.kill()
            self._thread.join(STOP_TIMEOUT_S)
