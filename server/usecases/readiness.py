"""Is this process alive, and may people be sent to it? Reasons in words that name no patient, no person and no secret.

Alive asks nothing outside the process, so that a database that is away never has every server killed and started again. Ready fails only
for what another server could do better: what fails for all of them at once (broker, EMR) is told, and takes nobody out of service.
What could not be looked at is not ready: unknown is never a yes.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from server.config import ServerConfig
from server.store import outbox, watching
from server.store.transaction import reading
from server.usecases import parts
from server.usecases.parts import Parts

FRESH_S = 2.0
PATIENCE_S = 10.0
# Below it nothing can be kept for long; below the lower one the database may stop in the middle of a shift.
DISK_LOW_BYTES = 2 * 1024**3
DISK_OUT_BYTES = 200 * 1024**2
SEAL_LATE_S = 300.0
CLOCKS_APART_S = 5.0


class State(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """`part` is a fixed word, `reason` "" when all is well."""

    part: str
    state: State
    reason: str = ""


def ok(part: str) -> Looked:
    return Looked(part=part, state=State.OK)


def degraded(part: str, reason: str) -> Looked:
    return Looked(part=part, state=State.DEGRADED, reason=reason)


def failed(part: str, reason: str) -> Looked:
    return Looked(part=part, state=State.FAILED, reason=reason)


def worst(looks: tuple[Looked, ...]) -> State:
    order = tuple(State)
    return max((each.state for each in looks), key=order.index, default=State.FAILED)


def alive(running: Any) -> tuple[Looked, ...]:
    """`running` is what runs beside the pages in this process: of each thread that carries doses, whether it still does."""
    looks = [ok("process")]
    if running.gateway is not None:
        looks.append(ok("gateway") if running.gateway.is_alive() else failed("gateway", "its thread has ended: start this program again"))
    for dispatcher in running.dispatchers:
        looks.append(
            ok("dispatcher") if dispatcher.state.running else failed("dispatcher", "its thread has ended: start this program again")
        )
    return tuple(looks)


def ready(config: ServerConfig, running: Any) -> tuple[Looked, ...]:
    """Needs an application context. Never raises for a database that is away."""
    return (*_database(config, running), *(disk(place, path) for place, path in places(config).items()))


def _database(config: ServerConfig, running: Any) -> list[Looked]:
    """The schema first: what a wrong one says about doses would mean nothing."""
    try:
        schema = watching.schema()
        if schema.found is None:
            return [failed("database", "it is empty: pointofcare-server migrate")]
        if schema.refused:
            return [failed("database", schema.refused)]
        found = [*_delays(), *of_the_parts(config, parts.everywhere(running, config.facility))]
        if not schema.is_current:
            # A server of before runs on while the next release has brought the schema on.
            return [degraded("database", f"it is at schema {schema.found}, this version was made for {schema.wanted}"), *found]
        return [ok("database"), *found]
    except watching.DatabaseError as exc:
        known = of_the_parts(config, parts.together(parts.here(running), (), datetime.now(UTC)), all_known=False)
        return [failed("database", f"it cannot be read ({type(exc).__name__})"), *known]


def of_the_parts(config: ServerConfig, found: Parts, *, all_known: bool = True) -> list[Looked]:
    """Gateway and dispatcher, in whichever program they run. `all_known` False: only this process could be asked."""
    looks: list[Looked] = []
    if found.gateway is not None:
        away = "not connected: carts keep what they record until it is back"
        looks.append(ok("broker") if found.gateway.broker else degraded("broker", away))
        if found.gateway.message_failed:
            looks.append(degraded("gateway", "the newest message failed, see the log"))
    elif found.silent_s is not None:
        looks.append(degraded("gateway", f"nothing is heard of it for {found.silent_s:.0f} s: is its program there?"))
    elif config.mqtt is not None and all_known:
        looks.append(degraded("gateway", "none runs: carts keep what they record until one does"))
    if found.sending_fails:
        looks.append(degraded("dispatcher", "nothing can be sent, see the EMR worklist"))
    elif not found.sends and all_known:
        looks.append(degraded("dispatcher", "none runs: records wait for the EMR until one does"))
    return looks


def _delays() -> list[Looked]:
    with reading() as tx:
        found = watching.delays(tx)
    looks = [
        ok("outbox")
        if found.outbox_age_s <= outbox.LATE / timedelta(seconds=1)
        else degraded("outbox", f"a record waits for the EMR for {found.outbox_age_s / 60:.0f} minutes")
    ]
    if found.parked:
        looks.append(degraded("parked", f"{found.parked} records wait for a person, see the EMR worklist"))
    if found.seal_age_s > SEAL_LATE_S:
        looks.append(degraded("audit", f"entries wait for their seal for {found.seal_age_s / 60:.0f} minutes"))
    ahead_s = watching.database_ahead_s()
    if ahead_s is not None and abs(ahead_s) > CLOCKS_APART_S:
        looks.append(degraded("clock", f"the database's clock is {ahead_s:+.0f} s off this machine's: mend the time service"))
    return looks


def places(config: ServerConfig) -> dict[str, Path]:
    """Where this server writes: a fixed word -> the folder."""
    found = {"data": config.data_dir}
    prefix = "sqlite:///"
    if config.database_url.startswith(prefix) and ":memory:" not in config.database_url:
        found["database"] = Path(config.database_url.removeprefix(prefix)).parent
    if config.emr.target == "folder":
        found["emr"] = config.emr.folder
    return found


def disk(place: str, path: Path) -> Looked:
    part = f"disk-{place}"
    while not path.exists() and path != path.parent:
        path = path.parent  # made at the first use
    try:
        free = shutil.disk_usage(path).free
    except OSError as exc:
        return failed(part, f"it cannot be looked at ({exc.strerror})")
    if not os.access(path, os.W_OK | os.X_OK):
        return failed(part, "this program may not write there")
    if free < DISK_OUT_BYTES:
        return failed(part, f"{free // 1024**2} MiB are free: make room now")
    if free < DISK_LOW_BYTES:
        return degraded(part, f"{free // 1024**2} MiB are free: make room")
    return ok(part)


class Lookout:
    """Keeps one look for a moment: anybody may ask, and a thousand who ask cost one look. While a look hangs on a database that does not
    answer, everybody else is told so at once and holds no thread."""

    def __init__(self, look: Callable[[], tuple[Looked, ...]], *, mono_s: Callable[[], float] = time.monotonic) -> None:
        self._look = look
        self._mono_s = mono_s
        self._busy = threading.Lock()
        self._kept: tuple[Looked, ...] = ()
        self._kept_s: float | None = None

    def told(self) -> tuple[Looked, ...]:
        age_s = None if self._kept_s is None else self._mono_s() - self._kept_s
        if age_s is not None and age_s < FRESH_S:
            return self._kept
        if not self._busy.acquire(blocking=False):
            if age_s is not None and age_s < PATIENCE_S:
                return self._kept
            return (failed("database", "a look at it does not come back"),)
        try:
            self._kept = self._look()
            self._kept_s = self._mono_s()
            return self._kept
        finally:
            self._busy.release()
