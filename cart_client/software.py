"""Updates of the cart's own program: a signed job is checked, fetched, unpacked beside what runs, tried, and handed to the launcher.

Each step may be cut by a power failure and is done again or found done. A version is begun only when it is known that nobody is at the
cart; one that is not well is given back, by itself or by the launcher. A job and attempt that were here once are told as they ended. Must
never run what two keys did not sign, and never anything below the security counter of a version that proved itself.
"""

from __future__ import annotations

import json
import logging
import platform
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cart_client import journal_tables
from cart_client.versions import ALIVE, PROGRAM, Versions, name_of
from devices.firmware import image, job, releases
from devices.firmware.image import ImageKeys
from devices.firmware.job import ServerKeys
from devices.firmware.releases import Source
from pointofcare import firmware
from pointofcare.errors import (
    FirmwareError,
    MessageError,
    NotPermittedError,
    PointOfCareError,
    ReleasesExpiredError,
    ReleasesUnreachableError,
    ReleasesUntrustedError,
)
from pointofcare.fleet import gates
from pointofcare.fleet.gates import Hardware
from pointofcare.wire import jobs, routes
from pointofcare.wire.messages import JobAssigned, JobOrder, JobState, JobTold

log = logging.getLogger(__name__)
FILE = "job.json"
TURN_S = 1.0
FETCH_AGAIN_S = 60.0
WELL_S = 5.0  # so long without a break before a version on trial is kept
CHECK_S = 120.0
_ENDED, _TRYING, _READY, _RECEIVED = "ended", "trying", "ready", "received"


def hardware() -> str:
    """What a release of the cart's program must be for, here."""
    machine, names = platform.machine(), {"x86_64": "amd64", "aarch64": "arm64"}
    return firmware.cart_software(names.get(machine, machine.lower()), wire=routes.MAJOR, journal=journal_tables.VERSION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """`look` gives what the gates ask for, handed for how many seconds nobody was at the cart. `healthy` whether this process
    does all that a cart does; `end` ends it for a restart unless somebody is signed in. `check` are the words after the program's name
    that make a version test itself; `hardware` is what a release must be for."""

    facility: str
    cart: str
    hardware: str
    package_version: str
    source: Source
    trusted: ImageKeys
    keys: ServerKeys
    versions: Versions
    look: Callable[[float | None], Hardware]
    healthy: Callable[[], bool]
    end: Callable[[], bool]
    check: tuple[str, ...]
    prove_s: float = 600.0
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    mono_s: Callable[[], float] = time.monotonic
    fetch_again_s: float = FETCH_AGAIN_S
    well_s: float = WELL_S


class Software:
    """`assigned` and `say` come from the uplink's thread, the steps are done on its own."""

    def __init__(self, tools: Tools) -> None:
        self._tools, self._versions = tools, tools.versions
        self._runs = self._versions.runs(tools.package_version)
        self._guard = threading.Lock()
        self._assigned: JobAssigned | None = None
        self._owed: JobTold | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="software", daemon=True)
        self._begun_mono_s = tools.mono_s()
        self._well_mono_s: float | None = None
        self._idle_mono_s: float | None = None
        self._fetch_mono_s = 0.0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def assigned(self, body: JobAssigned) -> None:
        with self._guard:
            self._assigned = body

    def say(self, publish: Callable[..., bool]) -> None:
        """What is owed to the server, while connected."""
        with self._guard:
            owed = self._owed
        if owed is not None and publish(routes.JOB_TOLD, owed, job=owed.job):
            with self._guard:
                if self._owed is owed:
                    self._owed = None

    def numbers(self) -> dict[str, object]:
        """What runs here: decides on the server what became of a job."""
        return {
            "software_hardware": self._tools.hardware,
            "software_version": self._runs.version,
            "software_hash": self._runs.hash,
            "software_confirmed": not self._versions.on_trial,
        }

    def turn(self) -> None:
        """One look, at most one step. Raises: OSError."""
        if self._versions.on_trial:
            self._prove()
        if self._stopping.is_set():
            return  # this process ends, and decides nothing more
        with self._guard:
            taken, self._assigned = self._assigned, None
        if taken is not None:
            self._take(taken)
        kept = self._versions.read(FILE)
        if not kept or kept.get("step") == _ENDED or self._versions.on_trial:
            return
        try:
            order = jobs.read_claims(str(kept.get("claims")).encode())
        except MessageError:
            log.exception("the job that is kept here cannot be read")
            self._versions.remove(FILE)
            return
        try:
            self._go_on(order, str(kept.get("step")))
        except (ReleasesUnreachableError, ReleasesExpiredError, ReleasesUntrustedError) as exc:
            self._held(order, exc.code)
        except FirmwareError as exc:
            self._ended(order, JobState.REJECTED, str(exc.fields.get("why", exc.code)))

    def _prove(self) -> None:
        """This process is on trial: it says that it goes on, and is kept once it does all that a cart does."""
        now = self._tools.mono_s()
        (self._versions.room / ALIVE).write_text(f"{now}\n", encoding="utf-8")
        if not self._tools.healthy():
            self._well_mono_s = None
            if now - self._begun_mono_s > self._tools.prove_s and self._tools.end():
                self._versions.give_back("not-healthy")
                self._stopping.set()
            return
        self._well_mono_s = self._well_mono_s if self._well_mono_s is not None else now
        if now - self._well_mono_s >= self._tools.well_s:
            self._versions.confirm(self._runs.counter)
            self._versions.sweep()
            log.warning("this version of the cart's program proved itself: %s", self._runs.version)

    def _take(self, body: JobAssigned) -> None:
        kept = self._versions.read(FILE)
        if body.job is None:
            if kept and kept.get("step") in (_RECEIVED, _READY):
                self._ended(jobs.read_claims(str(kept["claims"]).encode()), JobState.TIMED_OUT, "withdrawn")
            return
        tools = self._tools
        try:
            order = job.order_of(body, tools.keys, facility=tools.facility, cart=tools.cart, kind=jobs.CART_SOFTWARE)
            if kept and (kept.get("job"), kept.get("attempt")) == (order.job, order.attempt):
                if kept.get("step") == _ENDED:  # it was here, and is told as it ended
                    self._owe(order, JobState(str(kept["state"])), str(kept["why"]), _ENDED)
                return
            if kept and kept.get("step") == _TRYING:
                return  # what began comes to its end first; the server says this one again
            if kept and order.issued_at <= datetime.fromisoformat(str(kept["issued_at"])):
                raise NotPermittedError("an older job than the last", remedy="assign it anew", why="replayed", attempt=order.attempt)
            job.in_time(order, now=tools.now())
        except NotPermittedError as exc:
            attempt = exc.fields.get("attempt")
            told = JobTold(
                job=body.job, attempt=attempt if isinstance(attempt, int) else 0, state=JobState.REJECTED, step=_RECEIVED,
                why=str(exc.fields.get("why", exc.code)), at=tools.now(),
            )  # fmt: skip
            with self._guard:
                self._owed = told
            return
        self._keep(order, _RECEIVED)

    def _go_on(self, order: JobOrder, step: str) -> None:
        """Raises: FirmwareError, OSError."""
        tools, target = self._tools, job.target_of(order)
        if self._runs.hash == target.image_hash:
            return self._ended(order, JobState.SUCCEEDED, "")
        if step == _TRYING:
            returned = self._versions.read("returned.json")
            if returned.get("job") == f"{order.job}/{order.attempt}":
                return self._ended(order, JobState.REVERTED, str(returned.get("why")))
            if not self._versions.read("trial.json"):
                self._keep(order, _READY)  # the power failed before the launcher was told
            elif tools.end():  # told, and not yet ended
                self._stopping.set()
            return None
        if order.expires_at <= tools.now():
            return self._ended(order, JobState.TIMED_OUT, "expired")
        if target.hardware != tools.hardware:
            return self._ended(order, JobState.REJECTED, "other-hardware")
        if target.security_counter < max(self._versions.counter, self._runs.counter):
            return self._ended(order, JobState.REJECTED, "security-counter-low")
        if step == _RECEIVED or not self._versions.has(target):
            return self._prepare(order, target)
        held = gates.holding(order.gates, self._hardware())
        if held is None and releases.lookup(tools.source, target.name) != target:  # it may have been withdrawn while it lay here
            return self._ended(order, JobState.REJECTED, "not-released")
        if held is not None:
            return self._held(order, held)
        self._keep(order, _TRYING)
        self._owe(order, JobState.IN_PROGRESS, None, _TRYING)
        self._versions.begin(target, job=order.job, attempt=order.attempt)
        if tools.end():
            self._stopping.set()
            return None
        self._versions.remove("trial.json")  # somebody came in between
        self._keep(order, _READY)
        return self._held(order, "in-use")

    def _prepare(self, order: JobOrder, target: firmware.Target) -> None:
        """Fetched, checked and whole beside what runs. Raises: FirmwareError, OSError."""
        tools, now = self._tools, self._tools.mono_s()
        if now < self._fetch_mono_s:
            return None
        self._fetch_mono_s = now + tools.fetch_again_s
        if not self._versions.has(target):
            if not self._versions.has_room(target.length):
                return self._held(order, "disk-full")
            self._owe(order, JobState.WAITING, "fetching", _RECEIVED)
            fetched = self._versions.room / f"{name_of(target)}.fetched"
            for other in self._versions.room.glob("*.fetched"):
                if other != fetched:
                    other.unlink()
            releases.download(tools.source, target, fetched)
            content = fetched.read_bytes()
            info = image.verify(content, tools.trusted)
            if (info.image_hash, info.hardware) != (target.image_hash, target.hardware):
                return self._ended(order, JobState.REJECTED, "image-differs")
            made = self._versions.unpack(firmware.content(content), target)
            fault = self._check(made)
            if fault:
                return self._ended(order, JobState.FAILED, fault)
            self._versions.settle(made, target)
            fetched.unlink()
        self._fetch_mono_s = 0.0
        return self._keep(order, _READY)

    def _check(self, made: Path) -> str:
        """Lets the version look at a copy of the journal, while this one gives doses. The code of what is wrong, "" for nothing."""
        try:
            words = [str(made / PROGRAM), *self._tools.check]
            done = subprocess.run(words, capture_output=True, text=True, timeout=CHECK_S, check=False)
        except subprocess.TimeoutExpired:
            return "selftest-unanswered"
        except OSError:
            return "does-not-start"
        try:
            told = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {}
        except (ValueError, IndexError):
            told = {}
        if told.get("software_hardware") != self._tools.hardware:
            log.error("the new version fails its self-test: %s", done.stderr[-500:])
            return "selftest-failed"
        return ""

    def _hardware(self) -> Hardware:
        return self._tools.look(None if self._idle_mono_s is None else self._tools.mono_s() - self._idle_mono_s)

    def _watch_use(self) -> None:
        if self._tools.look(None).busy is not False:
            self._idle_mono_s = None
        elif self._idle_mono_s is None:
            self._idle_mono_s = self._tools.mono_s()

    def _held(self, order: JobOrder, why: str) -> None:
        if order.expires_at <= self._tools.now():
            return self._ended(order, JobState.TIMED_OUT, why)
        return self._owe(order, JobState.WAITING, why, _READY)

    def _keep(self, order: JobOrder, step: str, **more: object) -> None:
        self._versions.write(
            FILE,
            {
                "claims": jobs.claims(order).decode(),
                "job": order.job,
                "attempt": order.attempt,
                "issued_at": order.issued_at.isoformat(),
                "step": step,
                **more,
            },
        )

    def _ended(self, order: JobOrder, state: JobState, why: str) -> None:
        self._keep(order, _ENDED, state=state.value, why=why)
        self._owe(order, state, why, _ENDED)

    def _owe(self, order: JobOrder, state: JobState, why: str | None, step: str) -> None:
        told = JobTold(job=order.job, attempt=order.attempt, state=state, step=step, why=why or None, at=self._tools.now())
        with self._guard:
            self._owed = told

    def _run(self) -> None:
        while not self._stopping.wait(TURN_S):
            try:
                self._watch_use()
                self.turn()
            except (PointOfCareError, OSError) as exc:
                log.error("the update of this program waits: %s", exc)
            except Exception:  # an update that breaks must not end the cart that gives doses
                log.exception("a step of the update of this program failed")
