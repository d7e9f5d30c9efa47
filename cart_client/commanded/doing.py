"""What each command does at this cart: one function a command, in one table. What cannot be shown to have been done is never told as done.

None of these gives, records or permits a dose. Nothing that moves a lock or ends the program happens while the microcontroller is
updated, and no restart while a dose is in hand.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from cart_client.commanded import bundle
from cart_client.commanded.located import Located
from devices.ports import DrawerOutcome, Hardware, LockOutcome
from pointofcare.errors import DeviceError, DeviceUnavailableError, OutcomeUnknownError, PointOfCareError
from pointofcare.wire.messages import CommandOutcome

OPEN_S = 15.0
LOOK_S = 1.0
LEAST_DISK_MB = 200
MOST_DRAWERS = 64
LONGEST_LOCATE_S = 60.0
_MOVES = frozenset({"lock", "unlock", "restart"})


class Refusal(PointOfCareError):  # noqa: N818 - a no, not a failure
    """The command was understood, and is not carried out. `why` is a stable code."""

    code: ClassVar[str] = "command-refused"

    def __init__(self, why: str) -> None:
        super().__init__(f"a command is refused: {why}", remedy="")
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    outcome: CommandOutcome
    why: str = ""
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """What commands need of the cart. `camera` tells its numbers, None: there is none; `picture` the number of the newest frame.
    `is_idle`: no dose is in hand. `is_updating`: the microcontroller is, as far as this program knows."""

    cart: str
    data_dir: Path
    hardware: Hardware
    located: Located
    versions: Mapping[str, str]
    config_hash: str
    numbers: Callable[[], Mapping[str, object]]
    lines: Callable[[], tuple[str, ...]]
    journal_works: Callable[[], bool]
    is_idle: Callable[[], bool]
    is_updating: Callable[[], bool]
    now: Callable[[], datetime]
    camera: Callable[[], Mapping[str, object]] | None = None
    picture: Callable[[], int | None] = lambda: None
    # For how long, and how ("sound-and-lights", "sound", "lights"), a cart that is looked for shows itself.
    locate: Callable[[], tuple[float, str]] = lambda: (15.0, "sound-and-lights")
    sleep: Callable[[float], object] = time.sleep


def do(doing: Doing, name: str, params: Mapping[str, object], command_id: str) -> Done:
    """Raises: Refusal."""
    act = ACTS.get(name)
    if act is None:
        raise Refusal("unknown-command")
    if name in _MOVES and (doing.is_updating() or doing.hardware.condition().get("updating")):
        raise Refusal("updating")
    try:
        return act(doing, params, command_id)
    except OutcomeUnknownError:
        return Done(outcome=CommandOutcome.OUTCOME_UNKNOWN, why="no-answer-of-hardware", values={})
    except DeviceUnavailableError:
        return Done(outcome=CommandOutcome.FAILED, why="hardware-unavailable", values={})
    except DeviceError as exc:
        return Done(outcome=CommandOutcome.FAILED, why=exc.code, values={})


def _locate(doing: Doing, params: Mapping[str, object], _id: str) -> Done:
    """The screen always; sound and lights where the hardware has them. A cart whose hardware is silent is still found by its screen."""
    usual_s, pattern = doing.locate()
    lasts_s = params.get("lasts_s", usual_s)
    if isinstance(lasts_s, bool) or not isinstance(lasts_s, int | float) or not 0 <= lasts_s <= LONGEST_LOCATE_S:
        raise Refusal("not-understood")
    doing.located.begin(float(lasts_s))
    told = {"screen": True, "lasts_s": lasts_s}
    try:
        doing.hardware.signal(lasts_s=float(lasts_s), sound="sound" in pattern, lights="lights" in pattern)
    except OutcomeUnknownError:
        return Done(outcome=CommandOutcome.DONE, values={**told, "hardware": "outcome-unknown"})
    except DeviceError:
        return Done(outcome=CommandOutcome.DONE, values={**told, "hardware": "unavailable"})
    return Done(outcome=CommandOutcome.DONE, values={**told, "hardware": "signals"})


def _lock(doing: Doing, params: Mapping[str, object], _id: str) -> Done:
    drawer = _drawer(params, least=0)
    outcome = doing.hardware.lock(drawer)
    if outcome is LockOutcome.LOCKED:
        return Done(outcome=CommandOutcome.DONE, values={"drawer": drawer, "lock": outcome.value})
    why = "drawer-open" if outcome is LockOutcome.OPEN else "hardware-refused"
    return Done(outcome=CommandOutcome.FAILED, why=why, values={"drawer": drawer, "lock": outcome.value})


def _unlock(doing: Doing, params: Mapping[str, object], command_id: str) -> Done:
    drawer = _drawer(params, least=1)
    outcome = doing.hardware.unlock(drawer, command_id=command_id, ttl_s=OPEN_S)
    if outcome is DrawerOutcome.UNLOCKED:
        return Done(outcome=CommandOutcome.DONE, values={"drawer": drawer, "locks_after_s": OPEN_S})
    return Done(outcome=CommandOutcome.FAILED, why="hardware-refused", values={"drawer": drawer})


def _restart(doing: Doing, _params: Mapping[str, object], _id: str) -> Done:
    """Accepted only: whether it happened is said by the next start."""
    if not doing.is_idle():
        raise Refusal("in-use")
    return Done(outcome=CommandOutcome.ACCEPTED, values={})


def _camera_check(doing: Doing, _params: Mapping[str, object], _id: str) -> Done:
    """Counts the frames of one second, beside what the cart knows of its pictures."""
    if doing.camera is None:
        raise Refusal("no-camera")
    before = doing.picture()
    doing.sleep(LOOK_S)
    after, told = doing.picture(), dict(doing.camera())
    frames = after - before if after is not None and before is not None else 0
    told |= {"frames": frames, "looked_s": LOOK_S}
    fault = str(told.get("fault") or "")
    if told.get("live") is True and not fault and frames > 0:
        return Done(outcome=CommandOutcome.DONE, values=told)
    return Done(outcome=CommandOutcome.FAILED, why=f"camera-{fault}" if fault else "camera-no-picture", values=told)


def tested(doing: Doing) -> dict[str, object]:
    """Each part: "ok", or what is wrong with it."""
    found: dict[str, object] = {}
    try:
        broken = doing.hardware.selftest()
        found["hardware"] = ", ".join(broken) if broken else "ok"
    except DeviceUnavailableError:
        found["hardware"] = "unavailable"
    except DeviceError as exc:
        found["hardware"] = exc.code
    found["journal"] = "ok" if doing.journal_works() else "cannot-be-written"
    free_mb = shutil.disk_usage(doing.data_dir).free // 1_000_000
    found["disk"] = "ok" if free_mb >= LEAST_DISK_MB else "nearly-full"
    found["disk_free_mb"] = free_mb
    if doing.camera is not None:
        told = doing.camera()
        found["camera"] = "ok" if told.get("live") is True and not told.get("fault") else str(told.get("fault") or "no-picture")
    return found


def _selftest(doing: Doing, _params: Mapping[str, object], _id: str) -> Done:
    found = tested(doing)
    bad = sorted(name for name, value in found.items() if isinstance(value, str) and value != "ok")
    if not bad:
        return Done(outcome=CommandOutcome.DONE, values=found)
    return Done(outcome=CommandOutcome.FAILED, why="selftest-failed", values={**found, "failed": ", ".join(bad)})


def _diagnostics(doing: Doing, _params: Mapping[str, object], _id: str) -> Done:
    text = bundle.written(
        cart=doing.cart,
        at=doing.now(),
        versions=doing.versions,
        config_hash=doing.config_hash,
        numbers=doing.numbers(),
        tested=tested(doing),
        hardware=doing.hardware.condition(),
        lines=doing.lines(),
    )
    return Done(outcome=CommandOutcome.DONE, values={"bundle": text})


def _drawer(params: Mapping[str, object], *, least: int) -> int:
    """Raises: Refusal."""
    drawer = params.get("drawer", 0 if least == 0 else None)
    if isinstance(drawer, bool) or not isinstance(drawer, int) or not least <= drawer <= MOST_DRAWERS:
        raise Refusal("not-understood")
    return drawer


ACTS: Mapping[str, Callable[[Doing, Mapping[str, object], str], Done]] = {
    "locate": _locate,
    "lock": _lock,
    "unlock": _unlock,
    "restart": _restart,
    "diagnostics": _diagnostics,
    "camera-check": _camera_check,
    "selftest": _selftest,
}
