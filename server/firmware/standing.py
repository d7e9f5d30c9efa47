"""How the repository stands: what is released, whose signatures are on it, and what ends when. And the thread that signs the
server's own two lists anew before they end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from devices.firmware import image
from pointofcare import firmware
from pointofcare.errors import FirmwareError, PointOfCareError
from pointofcare.firmware import Target
from server.firmware import keys, lists, repository
from server.firmware.repository import FIRMWARE, OFFLINE, ROLES, Repository

_log = logging.getLogger(__name__)
LOOK_S = 600.0
WARN_BEFORE = timedelta(days=30)
_LONGEST_NOTES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """One release as it is signed now. `image_fault` is "" when its image is there, whole and signed by the image key."""

    target: Target
    released_at: datetime | None
    notes: str
    signed_by: tuple[str, ...]
    image_fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleStanding:
    """`signers` by name; `offline`: people sign it, and must come together before `expires_at`."""

    role: str
    version: int
    expires_at: datetime
    threshold: int
    signers: tuple[str, ...]
    offline: bool

    def ends_soon(self, at: datetime) -> bool:
        left = self.expires_at - at
        return left < WARN_BEFORE if self.offline else left < lists.LIFETIMES[self.role] / 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    roles: tuple[RoleStanding, ...]
    released: tuple[Released, ...]

    def alarms(self, at: datetime) -> tuple[str, ...]:
        """Sentences for people who keep the server running; () when nothing is to be done."""
        told = []
        for role in self.roles:
            if role.expires_at <= at:
                told.append(f"firmware: the list {role.role} expired on {role.expires_at.isoformat()}; no cart takes an update")
            elif role.ends_soon(at):
                told.append(f"firmware: the list {role.role} expires on {role.expires_at.date().isoformat()}; sign it anew")
        told += [f"firmware: {each.target.name}: {each.image_fault}" for each in self.released if each.image_fault]
        return tuple(told)


def of(held: Repository) -> Standing | None:
    """None before the ceremony. What is published never changes, so it is read once. Raises: FirmwareError for a repository that
    nobody signed as it is."""
    generation = held.generation
    if generation is None:
        return None
    try:
        mark = (generation / "metadata" / "timestamp.json").stat().st_ino
    except OSError:
        mark = 0
    read = _read(str(held.directory), generation.name, mark)
    return replace(read, released=tuple(replace(each, image_fault=_fault(held, each.target)) for each in read.released))


@lru_cache(maxsize=8)
def _read(directory: str, _generation: str, _mark: int) -> Standing:
    held = Repository(Path(directory))
    now = held.lists()
    repository.verified(now)
    root: Any = now.root.signed
    delegations: Any = now.targets.signed.delegations
    roles = []
    for role in ROLES:
        where = delegations if role == FIRMWARE else root
        ids = where.roles[role].keyids
        signed = tuple(sorted(keys.name_of(where.keys[keyid]) for keyid in now.of(role).signatures if keyid in ids))
        roles.append(
            RoleStanding(
                role=role,
                version=now.of(role).signed.version,
                expires_at=now.of(role).signed.expires,
                threshold=where.roles[role].threshold,
                signers=signed,
                offline=role in OFFLINE,
            )
        )
    signers = next(role.signers for role in roles if role.role == FIRMWARE)
    found = []
    for name, entry in now.firmware.signed.targets.items():
        custom = entry.custom or {}
        found.append(
            Released(
                target=firmware.told(name, entry.length, entry.hashes.get("sha256"), entry.custom),
                released_at=_moment(custom.get("released_at")),
                notes=str(custom.get("notes", ""))[:_LONGEST_NOTES],
                signed_by=signers,
                image_fault="",
            )
        )
    found.sort(key=lambda each: (each.target.hardware, each.target.version, each.target.name), reverse=True)
    return Standing(roles=tuple(roles), released=tuple(found))


def _fault(held: Repository, target: Target) -> str:
    path = held.image_path(target)
    try:
        marks = [(found.st_ino, found.st_mtime_ns, found.st_size) for found in (path.stat(), held.image_key.stat())]
    except OSError:
        return "the image or the image key is not there"
    return _image_fault(path, held.image_key, target, *marks)


@lru_cache(maxsize=512)
def _image_fault(path: Path, image_key: Path, target: Target, *_marks: tuple[int, int, int]) -> str:
    try:
        content = path.read_bytes()
        image.verify(content, image.load_keys(image_key))
        if firmware.target_of(target.name, content) != target:
            return "the image is not what its entry says"
    except OSError:
        return "the image is not there"
    except PointOfCareError as exc:
        return exc.message
    return ""


def _moment(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def check(held: Repository) -> int:
    """Looks at everything as a cart would; how many releases. Raises: FirmwareError, ConfigError."""
    folder = (held.generation or held.directory) / "metadata"
    held.lists()
    return len(repository.look(folder, held.targets, held.image_key))


def refresh(held: Repository, *, at: datetime, always: bool = False) -> bool:
    """Signs the timestamp anew when half of its time is over, the snapshot too when half of its is; whether anything was.

    Raises: FirmwareError (a list that people sign has expired: then no signature of ours helps), ConfigError, OSError."""
    if held.generation is None:
        return False
    if not always and not _due(held, "timestamp", at) and not _due(held, "snapshot", at):
        return False
    with held.writing():
        before = held.lists()
        snapshot = always or _left(before, "snapshot", at) < lists.LIFETIMES["snapshot"] / 2
        if not always and not snapshot and _left(before, "timestamp", at) >= lists.LIFETIMES["timestamp"] / 2:
            return False  # somebody else did it meanwhile
        held.publish(lists.signed_online(before, {}, keys.online(held.online), at=at, snapshot=snapshot), {})
    return True


def _due(held: Repository, role: str, at: datetime) -> bool:
    return _left(held.lists(), role, at) < lists.LIFETIMES[role] / 2


def _left(before: repository.Lists, role: str, at: datetime) -> timedelta:
    left: timedelta = before.of(role).signed.expires - at
    return left


class Renewer:
    """A thread that keeps the server's own lists from ending, and says in the log what people must do. `stop` it once."""

    def __init__(self, held: Repository, *, every_s: float = LOOK_S, now: Callable[[], datetime] = repository.now) -> None:
        self._held = held
        self._every_s = every_s
        self._now = now
        self._stopping = threading.Event()
        self._told: tuple[str, ...] = ()
        self._thread = threading.Thread(target=self._run, name="firmware-renewer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(15)

    def once(self) -> tuple[str, ...]:
        """One look; what there is to say."""
        at = self._now()
        try:
            if refresh(self._held, at=at):
                _log.info("the lists of firmware were signed anew")
            found = of(self._held)
            told = found.alarms(at) if found is not None else ()
        except FirmwareError as exc:
            told = (f"firmware: {exc}",)
        except (OSError, PointOfCareError) as exc:
            told = (f"firmware: the lists could not be signed anew: {exc}",)
        if told != self._told:
            for sentence in told:
                _log.error("%s", sentence)
            self._told = told
        return told

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.once()
            except Exception:  # noqa: BLE001 - a timestamp that nobody renews stops every update, never the server
                _log.exception("the lists of firmware could not be looked at")
            self._stopping.wait(self._every_s)
