"""Versions of the cart's own program for tests: archives that start the program of this environment, and a machine's service manager."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Mapping
from pathlib import Path

from cart_client import software
from devices.firmware import image
from server.firmware import drafts, repository
from tests.support.firmware import People

ROOT = Path(__file__).parents[2]
LAUNCHER = ROOT / "deploy/cart/pointofcare-cart-launch"
# It says every two seconds what it runs, and not every thirty.
_OFTEN = (
    "import sys; from cart_client import upkeep; upkeep.Upkeep.interval_s = 2.0; from cart_client.__main__ import main; sys.exit(main())"
)
WELL = f'#!/bin/sh\nexec {sys.executable} -c "{_OFTEN}" "$@"\n'
# Its self-test is well; then it falls.
FALLS = f'#!/bin/sh\n[ "$1" = check ] && exec {sys.executable} -m cart_client "$@"\nexit 1\n'


def archive(program: str, **more: str) -> bytes:
    """What `make packages` makes of an environment, but for the environment."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as packed:
        for name, text in {"bin/pointofcare-cart": program, **more}.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text.encode()), 0o755
            packed.addfile(member, io.BytesIO(text.encode()))
    return made.getvalue()


def signed(people: People, version: str, program: str = WELL, *, counter: int | None = None, hardware: str = "") -> bytes:
    return image.sign(
        archive(program, VERSION=version),
        people.image_key(),
        version=version,
        hardware=hardware or software.hardware(),
        security_counter=counter,
        slot_bytes=1 << 29,
    )


def release(people: People, content: bytes, version: str) -> str:
    name = f"cart-software/{software.hardware()}-{version.replace('+', '-')}.bin"
    drafts.release(people.held, people.stick, content, name=name, notes="", at=repository.now())
    people.sign("firmware-1")
    drafts.publish(people.held, people.stick, at=repository.now())
    return name


def a_package(folder: Path, version: str = "0.1.0", program: str = WELL) -> Path:
    """What dpkg would have put below /usr/lib."""
    for old in folder.glob("lib/python3.11/site-packages/*"):
        old.rmdir()
    (folder / "lib/python3.11/site-packages" / f"pointofcare-{version}.dist-info").mkdir(parents=True)
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin/pointofcare-cart").write_text(program, encoding="utf-8")
    (folder / "bin/pointofcare-cart").chmod(0o755)
    return folder


class Machine:
    """A cart's computer with the unit's rule: whatever ended is started again after a moment, until the power fails."""

    def __init__(self, package: Path, room: Path, *words: str, environment: Mapping[str, str] | None = None) -> None:
        self._words = [str(LAUNCHER), *words]
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "POINTOFCARE_CART_PACKAGE": str(package),
            "POINTOFCARE_CART_SOFTWARE": str(room),
            "POINTOFCARE_CART_SILENT_S": "15",
            **(environment or {}),
        }
        self._log = room.parent / f"{room.name}.log"
        self._off = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self.starts = 0

    def once(self, *, within_s: float = 30.0) -> int:
        """One start; how it ended."""
        with self._log.open("ab") as log:
            return subprocess.run(self._words, env=self._environment, stdout=log, stderr=log, timeout=within_s, check=False).returncode

    def on(self) -> None:
        self._off.clear()
        self._thread = threading.Thread(target=self._keep_on, daemon=True)
        self._thread.start()

    def _keep_on(self) -> None:
        while not self._off.is_set():
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(self._words, env=self._environment, stdout=log, stderr=log, start_new_session=True)
                self.starts += 1
                self._process.wait()
            self._off.wait(0.2)

    def power_fails(self) -> None:
        """Everything of it ends at once."""
        self._off.set()
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._thread is not None:
            self._thread.join(10)

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")
