"""Another project's microcontroller firmware as a child process: Zephyr's SMP server, native or with MCUboot in QEMU.

For the tests and the figures: what our own simulated microcontroller shows, somebody else's must show too. The programs come
prebuilt in the source distribution of the Python package smpclient; `bash deploy/setup.sh test` puts them in `.smp-servers/`.
Each child ends when its parent ends. Must never flash, open or look for a real device.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import json
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devices.serial.pseudo import PseudoTerminal
from pointofcare.errors import DeviceTimeoutError, DeviceUnavailableError

HOME = Path(os.environ.get("POINTOFCARE_SMP_SERVERS", Path(__file__).parents[1] / ".smp-servers"))
_REMEDY = "run bash deploy/setup.sh test"
_ZEPHYR = "zephyr_4.4.0_smp_server_0eae053d"
_BOOT_S = 30.0
_NUDGE_S = 0.01
_RESET_S = 15.0
_CONSOLE_BYTES = 8192
_STARTS = b"*** Booting MCUboot"
_LISTENS = b"smp_sample: build time"
_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")


def missing() -> str:
    """What is not installed for these peers, or ""."""
    if not (HOME / "SHA256SUMS").exists():
        return f"the Zephyr SMP servers are not in {HOME}"
    if not any(Path(place).exists() for place in ("/lib/ld-linux.so.2", "/lib32/ld-linux.so.2")):
        return "the loader of 32-bit programs (libc6-i386)"
    return "" if shutil.which("qemu-system-arm") else "qemu-system-arm"


def artifact(name: str) -> Path:
    """A file of theirs, unchanged since it was released. Raises: DeviceUnavailableError."""
    path = HOME / name
    try:
        listed = {line.split()[1]: line.split()[0] for line in (HOME / "SHA256SUMS").read_text(encoding="utf-8").splitlines() if line}
        content = path.read_bytes()
    except OSError as exc:
        raise DeviceUnavailableError(f"{path} is not there", remedy=_REMEDY) from exc
    if listed.get(name) != hashlib.sha256(content).hexdigest():
        raise DeviceUnavailableError(f"{path} is not what was released", remedy=f"remove {HOME}, {_REMEDY}")
    return path


@contextmanager
def native_sim(variant: str = "serial_bigrx") -> Iterator[str]:
    """Zephyr as a Linux program, in real time; the pseudo-terminal that it listens on. `variant` as in their manifest.

    Raises: DeviceUnavailableError."""
    program = artifact(f"{_ZEPHYR}_native_sim_{variant}.exe")
    program.chmod(0o755)
    with tempfile.TemporaryDirectory() as place, _child([str(program)], cwd=Path(place), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = []
        for line in process.stdout:
            told.append(line)
            if found := re.search(rb"connected to pseudotty: (\S+)", line):
                drain = threading.Thread(target=process.stdout.read, daemon=True)
                drain.start()
                try:
                    yield found[1].decode()
                finally:
                    process.kill()
                    drain.join(5)
                return
        raise DeviceUnavailableError(f"Zephyr did not start: {b''.join(told[-3:])!r}", remedy=_REMEDY)


class Microbit:
    """Zephyr and MCUboot on the emulated micro:bit. Its flash keeps what was written through every reset, which QEMU's own
    loading of a file does not allow: so the loaded machine is frozen once and thawed without the file.

    `port` is a real pseudo-terminal. `on_wire` sees every piece of bytes with True towards the microcontroller, and may change
    it; it must not block. What is done to a cart can be done to it: `pull_plug`, `unplug`."""

    signed_name = f"{_ZEPHYR}_qemu_cortex_m0_serial.signed.bin"
    _merged = f"{_ZEPHYR}_qemu_cortex_m0_serial.merged.hex"

    def __init__(self, directory: Path) -> None:
        self.on_wire: Callable[[bytes, bool], bytes] = lambda data, _inwards: data
        self.console = b""
        self._directory = directory
        self._terminal = PseudoTerminal(directory / "microbit")
        self._boots = 0
        self._waiting = False
        self._asked = b""
        self._deaf_until = 0.0
        self._awaited = self._banners = self._listens_since = 0
        self._changed = threading.Condition()
        self._cable = threading.RLock()
        self._stopping = threading.Event()
        self._answers: list[dict[str, Any]] = []

    @property
    def port(self) -> str:
        return self._terminal.port

    @property
    def boots(self) -> int:
        """How often it has started: QEMU counts, so this cannot be told wrongly by the firmware."""
        return self._boots

    def pull_plug(self) -> None:
        """The power goes and comes back: whatever it was doing, it starts from its flash."""
        self._expect_reset()
        self.ask_emulator("system_reset")

    def say(self, data: bytes) -> None:
        """As if it had come from the microcontroller; for an `on_wire` that answers something in its place."""
        master = self._terminal.master
        if master is not None:
            os.write(master, data)

    def unplug(self) -> None:
        """The cable is pulled; the microcontroller itself runs on."""
        with self._cable:
            self._terminal.unplug()

    def plug(self) -> None:
        with self._cable:
            self._terminal.plug()

    @contextmanager
    def running(self) -> Iterator[Microbit]:
        """Raises: DeviceUnavailableError."""
        flash = artifact(self._merged)
        frozen = self._directory / "frozen"
        with self._emulator(["-S", "-device", f"loader,file={flash}"]):
            self.ask_emulator("migrate", uri=f"exec:cat > {frozen}")
            self._until(lambda: self.ask_emulator("query-migrate").get("status") == "completed", "the machine was not frozen")
        with self._emulator(["-incoming", f"exec:cat {frozen}"]):
            self._until(lambda: self.ask_emulator("query-status")["status"] != "inmigrate", "the machine was not thawed")
            self.ask_emulator("cont")
            self._terminal.plug()
            pump = threading.Thread(target=self._pump, name="microbit-wire", daemon=True)
            pump.start()
            try:
                yield self
            finally:
                self._stopping.set()
                pump.join(5)
                self._terminal.unplug()

    @contextmanager
    def _emulator(self, more: list[str]) -> Iterator[None]:
        wire, control = self._directory / "wire", self._directory / "control"
        for place in (wire, control):
            place.unlink(missing_ok=True)
        command = [
            *("qemu-system-arm", "-machine", "microbit", "-cpu", "cortex-m0", "-display", "none", "-monitor", "none"),
            *("-chardev", f"socket,id=wire,path={wire},server=on,wait=off", "-serial", "chardev:wire"),
            *("-qmp", f"unix:{control},server=on,wait=off", *more),
        ]
        with _child(command, cwd=self._directory) as process:
            self._wire = _connected(wire, process)
            self._control = _connected(control, process)
            self._listening = threading.Thread(target=self._listen, args=(self._control,), daemon=True)
            self._listening.start()
            try:
                self.ask_emulator("qmp_capabilities")
                yield
            finally:
                with contextlib.suppress(OSError, DeviceTimeoutError):
                    self._control.sendall(b'{"execute":"quit"}\n')
                    process.wait(5)
                self._control.close()
                self._wire.close()

    def ask_emulator(self, command: str, **arguments: str) -> Any:
        """Of QEMU itself. Raises: DeviceTimeoutError."""
        with self._changed:
            self._answers.clear()
            self._tell_emulator({"execute": command, "arguments": arguments, "id": "asked"})
            if not self._changed.wait_for(lambda: self._answers, _BOOT_S):
                raise DeviceTimeoutError(f"QEMU did not answer {command}")
            return self._answers.pop().get("return")

    def _tell_emulator(self, command: dict[str, Any]) -> None:
        self._control.sendall(json.dumps(command).encode() + b"\n")

    def _listen(self, control: socket.socket) -> None:
        buffer = b""
        with contextlib.suppress(OSError):
            while data := control.recv(65536):
                *lines, buffer = (buffer + data).split(b"\n")
                for line in filter(None, lines):
                    told = json.loads(line)
                    with self._changed:
                        if told.get("event") == "RESET":
                            self._boots += 1
                        elif told.get("id") == "asked":
                            self._answers.append(told)
                        self._changed.notify_all()

    def _pump(self) -> None:
        """Between QEMU's socket and the pseudo-terminal. What comes while the firmware does not listen yet is lost, as on a real
        line; QEMU itself would keep it and never read on. And it forgets to look for more until something else wakes it."""
        while not self._stopping.is_set():
            with self._cable, contextlib.suppress(OSError):  # a cable that is pulled just now
                if not self._pass_on():
                    return
            self._stopping.wait(0)  # whoever wants the cable gets it

    def _pass_on(self) -> bool:
        """Whatever has come, either way. False: QEMU has ended."""
        wire, master = self._wire.fileno(), self._terminal.master
        ready, _, _ = select.select([wire, *([] if master is None else [master])], [], [], _NUDGE_S if self._waiting else 0.02)
        if self._waiting and not ready:
            self._tell_emulator({"execute": "query-status", "id": "nudge"})
        if master is not None and master in ready:
            data = self.on_wire(os.read(master, 4096), True)
            if data and self.listening:
                self._wire.sendall(data)
                self._waiting = True
                self._notice_reset(data)
        if wire in ready:
            data = self._wire.recv(4096)
            if not data:
                return False
            self._waiting = self._waiting and b"\n" not in data
            self._read_console(data)
            data = self.on_wire(data, False)
            if master is not None:
                os.write(master, data)
        return True

    def _read_console(self, data: bytes) -> None:
        if self._banner_ahead(data):
            self._banners += 1
            self.console = b""
        self.console = (self.console + data)[-_CONSOLE_BYTES:]
        if _LISTENS in self.console[-len(data) - len(_LISTENS) :]:
            self._listens_since = self._banners

    def _banner_ahead(self, data: bytes) -> bool:
        """Whether `data` completes the first line of a start."""
        return _STARTS in self.console[1 - len(_STARTS) :] + data

    @property
    def listening(self) -> bool:
        """Whether its application reads the line. Bytes that come while it starts jam the emulated serial port for good, so
        none are let through from a reset that was asked for until then: QEMU tells of the reset, the console of what follows."""
        reset_due = self._boots < self._awaited and time.monotonic() < self._deaf_until
        return not reset_due and self._listens_since == self._banners == self._boots + 1

    def _notice_reset(self, data: bytes) -> None:
        self._asked += data
        while b"\n" in self._asked:
            line, _, self._asked = self._asked.partition(b"\n")
            if group_and_command(line) == (0, 5):
                self._expect_reset()

    def _expect_reset(self) -> None:
        self._awaited, self._deaf_until = self._boots + 1, time.monotonic() + _RESET_S

    def _until(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _BOOT_S
        while not true():
            if time.monotonic() > deadline:
                raise DeviceUnavailableError(what)
            self._stopping.wait(0.02)


def group_and_command(line: bytes) -> tuple[int, int] | None:
    """Of the message that begins with this line of the console framing; None for any other line."""
    if not line.startswith(b"\x06\x09"):
        return None
    try:
        head = base64.b64decode(line[2:].strip())[2:10]
    except binascii.Error:
        return None
    return (int.from_bytes(head[4:6], "big"), head[7]) if len(head) == 8 else None


@contextmanager
def _child(command: list[str], *, cwd: Path, stdout: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[bytes]]:
    try:
        process = subprocess.Popen([*_WITH_PARENT, *command], cwd=cwd, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.STDOUT)
    except OSError as exc:
        raise DeviceUnavailableError(f"{command[0]} cannot be started: {exc.strerror}", remedy=_REMEDY) from exc
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def _connected(place: Path, process: subprocess.Popen[bytes]) -> socket.socket:
    deadline = time.monotonic() + _BOOT_S
    while process.poll() is None and time.monotonic() < deadline:
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            opened.connect(str(place))
        except OSError:
            opened.close()
            time.sleep(0.02)
        else:
            return opened
    raise DeviceUnavailableError("QEMU did not start", remedy=_REMEDY)
