"""Where the cart program knocks: a Unix socket of this machine, one JSON object a line, one answer a line.

Only the same user (or root) may open it. It works without broker, server and network. A line that is not understood gets an
answer that says so, and moves nothing.

`{"do": "unlock", "drawer": 3, "id": "...", "ttl_ms": 8000}` -> `{"id": "...", "outcome": "unlocked"}`, "refused", or
`{"id": "...", "error": "device-unavailable", "message": "..."}`; `{"do": "status"}` -> what is known of the hardware. For commands of
the fleet: `{"do": "lock", "drawer": 0, "id": "..."}` (0: every one) -> "locked", "open", "refused"; `{"do": "signal", "id": "...",
"sound_ms": 5000, "lights_ms": 5000}`; `{"do": "selftest", "id": "..."}` -> `{"id": "...", "broken": ["lock-3"]}`.
Whether somebody is at the cart, so that no update begins then: `{"do": "in-use", "id": "...", "busy": true, "ttl_ms": 30000}`; after
that time without another word it is not known, which holds an update too.
For the nurse's screen: `{"do": "happenings", "id": "...", "run": "", "after": 0}` -> what happened at the drawers after that number.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from devices.ports import DrawerOutcome, LockOutcome
from firmware_bridge.relay import Condition
from pointofcare.errors import ConfigError, DeviceError, JournalError, MessageError

_log = logging.getLogger(__name__)
LONGEST_LINE = 4096
LONGEST_TTL_MS = 60_000
_IDLE_S = 60.0
_MOST_GUESTS = 16


class Inside(Protocol):
    """What the relay does for whoever knocks."""

    @property
    def condition(self) -> Condition: ...

    def unlock(self, drawer: int, *, command_id: str, ttl_ms: int) -> DrawerOutcome: ...

    def lock(self, drawer: int) -> LockOutcome: ...

    def signal(self, *, sound_ms: int, lights_ms: int) -> None: ...

    def selftest(self) -> tuple[str, ...]: ...

    def in_use(self, *, busy: bool, ttl_ms: int) -> None: ...

    def happenings(self, run: str, after: int) -> dict[str, object]: ...


class Door:
    """`inside` is the relay. Call `open` once, `close` once."""

    def __init__(self, path: Path, inside: Inside) -> None:
        self._path = path
        self._inside = inside
        self._listener: socket.socket | None = None
        self._guests: set[socket.socket] = set()
        self._guard = threading.Lock()

    def open(self) -> None:
        """Raises: ConfigError when somebody else answers there, or the folder does not take a socket."""
        self._remove_dead()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)  # from the first moment on nobody else may connect
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            listener.bind(str(self._path))
        except OSError as exc:
            listener.close()
            raise ConfigError(f"the socket {self._path} cannot be opened: {exc.strerror or exc}", remedy="check its folder") from exc
        finally:
            os.umask(before)
        listener.listen(_MOST_GUESTS)
        self._listener = listener
        threading.Thread(target=self._welcome, args=(listener,), name="door", daemon=True).start()

    def close(self) -> None:
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._path.unlink(missing_ok=True)
        with self._guard:
            guests = list(self._guests)
        for guest in guests:
            with contextlib.suppress(OSError):
                guest.shutdown(socket.SHUT_RDWR)

    def _remove_dead(self) -> None:
        if not self._path.exists():
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(str(self._path))
            except OSError:
                self._path.unlink(missing_ok=True)
                return
        raise ConfigError(f"another bridge answers at {self._path}", remedy="stop it first")

    def _welcome(self, listener: socket.socket) -> None:
        while True:
            try:
                guest, _ = listener.accept()
            except OSError:
                return
            with self._guard:
                welcome = len(self._guests) < _MOST_GUESTS and _same_user(guest)
                if welcome:
                    self._guests.add(guest)
            if not welcome:
                guest.close()
                continue
            threading.Thread(target=self._serve, args=(guest,), name="door-guest", daemon=True).start()

    def _serve(self, guest: socket.socket) -> None:
        guest.settimeout(_IDLE_S)
        try:
            with guest, guest.makefile("rb") as lines:
                while line := lines.readline(LONGEST_LINE + 1):
                    if len(line) > LONGEST_LINE or not line.endswith(b"\n"):
                        return
                    guest.sendall(json.dumps(self._answer(line)).encode() + b"\n")
        except OSError:
            return
        finally:
            with self._guard:
                self._guests.discard(guest)

    def _answer(self, line: bytes) -> dict[str, object]:
        try:
            asked = json.loads(line)
        except (ValueError, RecursionError):
            return _not_understood("", "not JSON")
        if not isinstance(asked, dict):
            return _not_understood("", "not an object")
        do, command_id = asked.get("do"), asked.get("id")
        if do == "status":
            try:
                return asdict(self._inside.condition)
            except JournalError as exc:
                return {"error": exc.code, "message": str(exc)}
        act = self._acts.get(do) if isinstance(do, str) else None
        if act is None:
            return _not_understood("", f'do must be "status" or one of {", ".join(self._acts)}')
        if not isinstance(command_id, str) or not 1 <= len(command_id) <= 64 or not command_id.isascii() or not command_id.isprintable():
            return _not_understood("", "id must be 1 to 64 printable ASCII characters")
        try:
            return {"id": command_id, **act(asked, command_id)}
        except MessageError as exc:
            return _not_understood(command_id, exc.message)
        except DeviceError as exc:
            _log.warning("%s: %s", do, exc)
            return {"id": command_id, "error": exc.code, "message": str(exc)}

    @property
    def _acts(self) -> Mapping[str, Callable[[dict[str, object], str], dict[str, object]]]:
        return {
            "unlock": self._unlocked,
            "lock": self._locked,
            "signal": self._signalled,
            "selftest": self._tested,
            "happenings": self._told,
            "in-use": self._used,
        }

    def _unlocked(self, asked: dict[str, object], command_id: str) -> dict[str, object]:
        drawer, ttl_ms = _whole(asked, "drawer", 1), _whole(asked, "ttl_ms", 1, LONGEST_TTL_MS)
        return {"outcome": self._inside.unlock(drawer, command_id=command_id, ttl_ms=ttl_ms).value}

    def _locked(self, asked: dict[str, object], _command_id: str) -> dict[str, object]:
        return {"outcome": self._inside.lock(_whole(asked, "drawer", 0)).value}

    def _signalled(self, asked: dict[str, object], _command_id: str) -> dict[str, object]:
        sound_ms, lights_ms = _whole(asked, "sound_ms", 0, LONGEST_TTL_MS), _whole(asked, "lights_ms", 0, LONGEST_TTL_MS)
        self._inside.signal(sound_ms=sound_ms, lights_ms=lights_ms)
        return {"outcome": "signalled"}

    def _tested(self, _asked: dict[str, object], _command_id: str) -> dict[str, object]:
        return {"broken": list(self._inside.selftest())}

    def _used(self, asked: dict[str, object], _command_id: str) -> dict[str, object]:
        busy = asked.get("busy")
        if not isinstance(busy, bool):
            raise MessageError("busy must be true or false", remedy="send one", field="busy")
        self._inside.in_use(busy=busy, ttl_ms=_whole(asked, "ttl_ms", 1, LONGEST_TTL_MS))
        return {"outcome": "noted"}

    def _told(self, asked: dict[str, object], _command_id: str) -> dict[str, object]:
        run = asked.get("run")
        return self._inside.happenings(run if isinstance(run, str) else "", _whole(asked, "after", 0))


def _whole(asked: dict[str, object], name: str, least: int, most: int | None = None) -> int:
    """Raises: MessageError."""
    value = asked.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < least or (most is not None and value > most):
        bounds = f"from {least} to {most}" if most is not None else f"from {least}"
        raise MessageError(f"{name} must be a whole number {bounds}", remedy="send one", field=name)
    return value


def _not_understood(command_id: str, why: str) -> dict[str, object]:
    return {"id": command_id, "error": "not-understood", "message": why}


def _same_user(guest: socket.socket) -> bool:
    _pid, uid, _gid = struct.unpack("3i", guest.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return uid in (0, os.geteuid())
