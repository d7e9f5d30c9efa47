"""`pointofcare-cart phones --config phones.toml`: a cart process for each phone of a ward, and each of them started again when it ends.

A phone's cart is a cart: its own process, journal, key, identity and name, so that two phones share nothing that a fault could mix up.
A cart whose configuration cannot be used is not tried again. Must never pass one phone's password to another.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cart_client import config
from devices import logbook
from pointofcare.errors import ConfigError

log = logging.getLogger(__name__)

_PAUSES_S = (1.0, 2.0, 5.0, 15.0, 60.0)
# A cart that ran for so long did not fail at its start.
_STEADY_S = 300.0
_LOOK_S = 0.5
_STOP_S = 15.0
_UNUSABLE = 2

Start = Callable[[str], "subprocess.Popen[bytes]"]


@dataclass(slots=True, kw_only=True)
class _Child:
    name: str
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    failures: int = 0
    next_s: float = 0.0
    given_up: bool = False


class Phones:
    """The processes of several phones. `start` begins one by its name; `look` is to be called often."""

    def __init__(self, names: Sequence[str], *, start: Start, mono_s: Callable[[], float] = time.monotonic) -> None:
        self._start, self._mono_s = start, mono_s
        self._children = [_Child(name=name) for name in names]

    def look(self) -> None:
        """Starts what does not run and may."""
        now_s = self._mono_s()
        for child in self._children:
            if child.process is not None and (code := child.process.poll()) is not None:
                child.process = None
                child.given_up = code == _UNUSABLE
                child.failures = 0 if now_s - child.started_s >= _STEADY_S else child.failures + 1
                pause_s = _PAUSES_S[min(child.failures, len(_PAUSES_S) - 1)]
                child.next_s = now_s + pause_s
                if child.given_up:
                    log.error("%s cannot run as it is configured: mend it and start again", child.name)
                else:
                    log.error("%s ended with code %s; again in %.0f s", child.name, code, pause_s)
            if child.process is None and not child.given_up and now_s >= child.next_s:
                child.started_s = now_s
                child.process = self._start(child.name)

    @property
    def hopeless(self) -> bool:
        """No phone can run."""
        return all(child.given_up for child in self._children)

    def stop(self, *, within_s: float = _STOP_S) -> None:
        """Each ends by itself, as a cart does; what does not is killed."""
        running = [child for child in self._children if child.process is not None]
        for child in running:
            assert child.process is not None
            child.process.terminate()
        deadline_s = self._mono_s() + within_s
        for child in running:
            assert child.process is not None
            try:
                child.process.wait(max(0.1, deadline_s - self._mono_s()))
            except subprocess.TimeoutExpired:
                log.error("%s did not end and was killed", child.name)
                child.process.kill()
                child.process.wait()
            child.process = None


def main(arguments: Sequence[str]) -> int:
    """0 after a clean stop, 1 when no phone can run, 2 for a configuration that cannot be used."""
    parser = argparse.ArgumentParser(prog="pointofcare-cart phones", description="a cart process for each phone")
    parser.add_argument("--config", type=Path, default=Path("phones.toml"), help="the phones' TOML file (default: phones.toml)")
    path: Path = parser.parse_args(arguments).config
    logbook.begin()
    try:
        names = config.phones(config.table_of(path))
        for name in names:
            config.load(path, os.environ, phone=name)
    except ConfigError as exc:
        for where, what in exc.problems or ((str(path), str(exc)),):
            sys.stderr.write(f"{where}: {what}\n")
        return 2
    halted = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: halted.set())
    phones = Phones(names, start=lambda name: _started(path, name, os.environ))
    try:
        while not halted.is_set() and not phones.hopeless:
            phones.look()
            halted.wait(_LOOK_S)
    finally:
        phones.stop()
    return 0 if halted.is_set() else 1


def _started(path: Path, name: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "cart_client", "--config", str(path), "--phone", name]
    # Of its own process group: Ctrl-C reaches this program alone, which then ends each in order.
    return subprocess.Popen(command, env=config.only_own(environment, name), process_group=0)
