"""The files of a backup: every file and folder that the settings name, copied beside the database, and put back where nothing stands.

What the settings name is found by looking at them, not by a list that somebody must keep: a new setting that names a file is in the
next backup. Must never overwrite a file, and never put a secret key into a backup that is not encrypted.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from pointofcare.errors import ConfigError

FOLDER = "files"
# Settings that name what is no part of the server's state: where it stands, what it hands on, sockets, what it writes anew by itself.
NOT_KEPT = {
    "data_dir": "the folder itself",
    "signing_key": "kept by itself",
    "emr.folder": "what was handed on to the EMR; the outbox holds it",
    "phones.sockets": "sockets of running programs",
    "machines.broker_pid_file": "the number of a running program",
    "machines.broker_files": "made from the authority and the database: pointofcare-server ca accounts",
}
# Settings whose files are no secret. Everything else goes into an encrypted backup alone.
_OPEN = frozenset({"firmware.directory", "labels.equipment_file", "documents_file", "documents_file:templates", "hl7"})
_OPEN_ENDINGS = ("ca_file", "certificate_file", "cert_file")
_OPEN_STARTS = ("documents_file:trust_files.", "hl7:profiles.")
_LOCK = "lock"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """`sha256` by path in the archive, `links` path -> where it points, `parts` the names of the settings whose files are in it,
    `left_out` those that exist and are not, each with the reason."""

    sha256: Mapping[str, str]
    links: Mapping[str, str]
    parts: tuple[str, ...]
    left_out: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Names of settings: what was `put`, what was there already (`same` or `different`), and what nobody asked for (`unplaced`)."""

    put: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    unplaced: tuple[str, ...] = ()


def named(settings: object) -> dict[str, Path]:
    """Setting -> the path that it names, for all of them, at any depth: `machines.ca_dir`, `mqtt.key_file`."""
    return {name: path for name, path in _walk(settings, "") if name not in NOT_KEPT}


def _walk(value: Any, name: str) -> Iterator[tuple[str, Path]]:
    if isinstance(value, Path):
        yield name, value
    elif is_dataclass(value):
        for each in fields(value):
            yield from _walk(getattr(value, each.name), f"{name}.{each.name}" if name else each.name)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _walk(one, f"{name}.{key}")
    elif isinstance(value, tuple):
        for number, one in enumerate(value):
            yield from _walk(one, f"{name}.{number}")


def is_open(name: str) -> bool:
    return name in _OPEN or name.endswith(_OPEN_ENDINGS) or name.startswith(_OPEN_STARTS)


def copied(parts: Mapping[str, Path], directory: Path, *, encrypted: bool) -> Kept:
    """Copies what is there of `parts` into `directory`/files. A folder that has a file `lock` is copied while nobody else writes it.
    Raises: ConfigError for a file that is there and cannot be read: a backup that lacks something silently is none."""
    target = directory / FOLDER
    target.mkdir(mode=0o700)
    kept, left_out = [], {}
    for name, path in sorted(parts.items()):
        if not path.is_file() and not path.is_dir():
            continue
        if not encrypted and not is_open(name):
            left_out[name] = "secret: it goes into an encrypted backup alone"
            continue
        try:
            with _still(path):
                if path.is_dir():
                    shutil.copytree(path, target / name, symlinks=True, ignore=_passing)
                else:
                    shutil.copy2(path, target / name)
        except (OSError, shutil.Error) as exc:
            raise ConfigError(f"{path} ({name}) cannot be copied: {exc}", remedy="let the server's user read it") from exc
        kept.append(name)
    found, links = {}, {}
    for one in sorted(target.rglob("*")):
        inside = one.relative_to(directory).as_posix()
        if one.is_symlink():
            links[inside] = os.readlink(one)
        elif one.is_file():
            found[inside] = digest(one)
    return Kept(sha256=found, links=links, parts=tuple(kept), left_out=left_out)


def check(manifest: Mapping[str, Any], directory: Path) -> None:
    """Raises: ConfigError when a link of the backup is not what was kept, a file is in it that nobody counted, or a name leads away."""
    links: Mapping[str, str] = manifest.get("links", {})
    for name in manifest.get("parts", ()):
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise ConfigError(f"{str(name)[:100]!r} in the backup is no name of a setting", remedy="take a backup that this program made")
    for inside, target in links.items():
        if not (directory / inside).is_symlink() or os.readlink(directory / inside) != target:
            raise ConfigError(f"{inside} in the backup is damaged", remedy="take an older backup")
    for one in (directory / FOLDER).rglob("*"):
        inside = one.relative_to(directory).as_posix()
        if (one.is_symlink() and inside not in links) or (one.is_file() and not one.is_symlink() and inside not in manifest["sha256"]):
            raise ConfigError(f"{inside} in the backup is none of its files", remedy="take an older backup")


def placed(manifest: Mapping[str, Any], directory: Path, place: Callable[[str], Path | None]) -> Placed:
    """Puts each part where `place` says, whole or not at all, and only where nothing stands: what is there may be newer (a folder of
    releases that went back would be refused by every cart). Raises: ConfigError."""
    done: list[str] = []
    same: list[str] = []
    different: list[str] = []
    unplaced: list[str] = []
    for name in manifest.get("parts", ()):
        source, target = directory / FOLDER / name, place(name)
        if target is None:
            unplaced.append(name)
            continue
        try:
            if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
                (same if _prints(source) == _prints(target) else different).append(name)
            else:
                put(source, target)
                done.append(name)
        except (OSError, shutil.Error) as exc:
            raise ConfigError(f"{target} ({name}) cannot be read or written: {exc}", remedy="let the server's user do both there") from exc
    return Placed(put=tuple(done), same=tuple(same), different=tuple(different), unplaced=tuple(unplaced))


def digest(file: Path) -> str:
    with file.open("rb") as read:
        return hashlib.file_digest(read, "sha256").hexdigest()


def put(source: Path, target: Path) -> None:
    """Whole or not at all, never over what stands there. Raises: OSError, shutil.Error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{uuid4().hex}")
    if source.is_dir():
        shutil.copytree(source, beside, symlinks=True)
        os.rename(beside, target)  # takes the place of an empty folder, and of nothing else
    else:
        shutil.copy2(source, beside)
        beside.chmod(0o600)
        try:
            os.link(beside, target)  # unlike a rename it fails where somebody was faster
        finally:
            beside.unlink()


def _prints(path: Path) -> dict[str, str]:
    """What lies there, file by file."""
    if not path.is_dir():
        return {"": digest(path)}
    found = {}
    for one in path.rglob("*"):
        inside = one.relative_to(path).as_posix()
        if one.is_symlink():
            found[inside] = f"-> {os.readlink(one)}"
        elif one.is_file() and inside != _LOCK:
            found[inside] = digest(one)
    return found


def _passing(_folder: str, names: list[str]) -> set[str]:
    """What a writer that was broken off left behind, and the lock itself."""
    return {
        name for name in names if name == _LOCK or name.startswith((".new-", ".current.new")) or (name[:1] == "." and name.endswith(".new"))
    }


@contextlib.contextmanager
def _still(path: Path) -> Iterator[None]:
    lock = path / _LOCK
    if not lock.is_file():
        yield
        return
    with lock.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
