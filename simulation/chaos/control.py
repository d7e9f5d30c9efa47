"""How a run tells a program what is to befall it: files in a folder of the program's own, `RUN/control/NAME/`.

`crash.json` names the point at whose next passing the program kills itself, `clock` is by how many seconds its wall clock is off,
`disk-full` is there as long as its disk takes nothing more. Written by the run, read by the program; nothing else passes between
them. A crash that was taken is a line in `RUN/crashes.jsonl`, on the disk before the program ends, and only then.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

# Names the program's own control folder.
ENVIRONMENT = "POINTOFCARE_CHAOS"
CRASHES = "crashes.jsonl"
_CRASH = "crash.json"
_CLOCK = "clock"
_DISK_FULL = "disk-full"


# The run's side.


def arm(folder: Path, point: str, *, after: int = 0) -> None:
    """Kill yourself at `point`, after letting `after` passings go. Replaces what was armed before."""
    _put(folder, _CRASH, json.dumps({"point": point, "after": after}))


def armed(folder: Path) -> str | None:
    """The point that waits for its passing; None when nothing is armed, or it was taken."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        return str(json.loads((folder / _CRASH).read_text(encoding="utf-8"))["point"])
    return None


def disarm(folder: Path) -> bool:
    """Whether a crash was still armed: False means that it was taken."""
    try:
        (folder / _CRASH).unlink()
    except FileNotFoundError:
        return False
    return True


def set_clock(folder: Path, offset_s: float) -> None:
    """The program's wall clock is `offset_s` ahead of the machine's from now on, also after a restart; 0 puts it right. Its monotonic
    clocks go on as they were, as on a machine whose clock somebody set."""
    _put(folder, _CLOCK, repr(offset_s))


def set_disk_full(folder: Path, full: bool) -> None:
    """The program's databases may not grow by a page from now on, also after a restart; False: they may again."""
    if full:
        _put(folder, _DISK_FULL, "")
    else:
        (folder / _DISK_FULL).unlink(missing_ok=True)


def _put(folder: Path, name: str, text: str) -> None:
    """Whole or not at all: the program may look at any moment."""
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f".{name}.{os.getpid()}.{threading.get_ident()}"
    made.write_text(text, encoding="utf-8")
    made.replace(folder / name)


# The program's side.


def from_environment() -> Control | None:
    """None: nobody asked for it."""
    named = os.environ.get(ENVIRONMENT)
    return Control(Path(named)) if named else None


class Control:
    """What the folder says now. Safe from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._passed: dict[tuple[int, int], int] = {}

    @property
    def clock_offset_s(self) -> float:
        try:
            return float((self._folder / _CLOCK).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0.0

    @property
    def disk_full(self) -> bool:
        return (self._folder / _DISK_FULL).exists()

    def passing(self, point: str, **ids: object) -> None:
        """The program is at `point` now: it ends here when that was armed. `ids` say on what."""
        file = self._folder / _CRASH
        with self._lock:
            try:
                with file.open(encoding="utf-8") as opened:
                    found = os.fstat(opened.fileno())
                    wanted = json.load(opened)
            except (OSError, ValueError):
                return
            if wanted.get("point") != point:
                return
            # Counted for each arming, which is a file of its own.
            arming = (found.st_ino, found.st_mtime_ns)
            self._passed[arming] = self._passed.get(arming, 0) + 1
            if self._passed[arming] <= int(wanted.get("after", 0)):
                return
            try:
                file.unlink()
            except FileNotFoundError:
                return  # disarmed this moment
            self._die(point, ids)

    def _die(self, point: str, ids: Mapping[str, object]) -> NoReturn:
        told = {"at": really_now().isoformat(), "program": self._folder.name, "pid": os.getpid(), "point": point, **ids}
        line = (json.dumps(told, default=str) + "\n").encode()
        log = os.open(self._folder.parent.parent / CRASHES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(log, line)
        os.fsync(log)
        os.kill(os.getpid(), signal.SIGKILL)
        raise SystemExit(137)  # never reached: SIGKILL is delivered before kill() returns


def really_now() -> datetime:
    """By the machine's clock, whatever this program believes."""
    travelling = sys.modules.get("time_machine")
    if travelling is None or not travelling.escape_hatch.is_travelling():
        return datetime.now(UTC)
    now: datetime = travelling.escape_hatch.datetime.datetime.now(UTC)
    return now
