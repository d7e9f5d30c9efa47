"""A real FHIR R4 hospital system as a child process: SEKMET, from the package registry.

For the demo and the tests: it is another project's server with its own database, so what is read back from it proves
something. It listens on loopback only, says nothing, and ends when its parent ends, however that ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from pointofcare.errors import EmrUnavailableError

# Its end of the pipe closes when the parent is gone, killed or not; then so does the child.
_CHILD = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
from sekmet.cli import app
app(["serve", "--config", sys.argv[1], "--host", "127.0.0.1", "--port", sys.argv[2]])
"""


class RunningEmr:
    """`base_url` is the FHIR base. `stop` ends it and waits; `kill` is the same without a goodbye."""

    def __init__(self, process: subprocess.Popen[bytes], base_url: str, directory: Path, port: int) -> None:
        self._process = process
        self.base_url = base_url
        self.directory = directory
        self.port = port

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._close()

    def _close(self) -> None:
        if self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def __enter__(self) -> RunningEmr:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(directory: Path, *, port: int | None = None, timeout_s: float = 30.0, more: Mapping[str, object] | None = None) -> RunningEmr:
    """Start it with its database in `directory` (made when missing; a second start there finds the same data). `more` adds to
    its settings file.

    Raises: EmrUnavailableError when it does not answer in `timeout_s`; its log is in `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    port = port or _free_port()
    base_url = f"http://127.0.0.1:{port}/fhir"
    settings = {
        "base_url": base_url,
        "host": "127.0.0.1",
        "port": port,
        "data_dir": str(directory / "data"),
        "simulator": {"enabled": False},
        "log_inbound": False,
        **(more or {}),
    }
    config = directory / "settings.yaml"
    config.write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML
    log = directory / "sekmet.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEKMET_")}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(config), str(port)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=environment,
        )
    running = RunningEmr(process, base_url, directory, port)
    deadline = time.monotonic() + timeout_s
    with httpx.Client(trust_env=False, timeout=2.0) as client:
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if client.get(f"{base_url}/metadata").status_code == 200:
                    return running
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.05)
                break
    running.kill()
    raise EmrUnavailableError(f"the FHIR server did not start; see {log}", remedy="read the last lines of that file")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
