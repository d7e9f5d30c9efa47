"""The versions of the cart's own program on its disk, beside the one of the package: unpacked, put on trial, kept or given back.

    versions/NAME/   whole from the moment that it has this name: it was unpacked as `.NAME.part`, and all of it was on the disk
    current          link to the version that proved itself; none: the one of the package
    trial.json       the version that the launcher starts next, until it proved itself or was given back
    returned.json    the one that was given back last, and why
    counter.json     the highest security counter that proved itself; none below it is taken

The launcher (`pointofcare-cart-launch`), which is no part of any version, reads and writes the same files. Nothing here is believed that
was not signed: who calls `unpack` has checked it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pointofcare.errors import ImageRejectedError
from pointofcare.firmware import Target

PROGRAM = "bin/pointofcare-cart"
ALIVE = "alive"
_INTERPRETERS = frozenset({"/usr/bin/python3", "/usr/bin/python3.11"})
# What is unpacked takes several times the room of the archive, and the journal must never run out of it.
ROOM_TIMES, ROOM_SPARE_BYTES = 6, 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What this process is. `hash` is the image's, or one made from the package's name, which is that of no image."""

    version: str
    hash: str
    counter: int


class Versions:
    """`room` is the folder, `running` the name of the version that this process is ("" for the package's), `packaged` what is installed."""

    def __init__(self, room: Path, *, running: str, packaged: str) -> None:
        self.room, self.running, self._packaged = room, running, packaged

    def runs(self, package_version: str) -> Runs:
        about = self.read(f"versions/{self.running}/package.json") if self.running else {}
        of_package = hashlib.sha256(f"package {self._packaged} {package_version}".encode()).hexdigest()
        counter = about.get("counter")
        return Runs(
            version=str(about.get("version") or package_version),
            hash=str(about.get("hash") or of_package),
            counter=counter if isinstance(counter, int) else 0,
        )

    def has_room(self, length: int) -> bool:
        self.room.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(self.room).free > length * ROOM_TIMES + ROOM_SPARE_BYTES

    def has(self, target: Target) -> bool:
        """Whether it lies here whole."""
        about = self.read(f"versions/{name_of(target)}/package.json")
        return (about.get("hash"), about.get("package")) == (target.image_hash, self._packaged)

    def unpack(self, archive: bytes, target: Target) -> Path:
        """Into a folder that no launcher starts; `settle` gives it its name. Raises: ImageRejectedError, OSError."""
        made = self.room / "versions" / f".{name_of(target)}.part"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        try:
            with tarfile.open(fileobj=io.BytesIO(archive), mode="r:*") as packed:
                for member in packed:
                    _take(packed, member, made)
        except (tarfile.TarError, EOFError, ValueError) as exc:
            raise ImageRejectedError(f"the archive cannot be unpacked: {exc}", remedy="build it again", why="archive-unreadable") from exc
        if not os.access(made / PROGRAM, os.X_OK):
            raise ImageRejectedError("the archive holds no program of a cart", remedy="build it again", why="archive-unreadable")
        about = {"hash": target.image_hash, "version": str(target.version), "counter": target.security_counter, "package": self._packaged}
        (made / "package.json").write_text(json.dumps(about), encoding="utf-8")
        return made

    def settle(self, made: Path, target: Target) -> None:
        """All of it is on the disk before it has its name."""
        os.sync()
        whole = self.room / "versions" / name_of(target)
        shutil.rmtree(whole, ignore_errors=True)
        os.rename(made, whole)
        _sync(whole.parent)

    def begin(self, target: Target, *, job: str, attempt: int) -> None:
        """From the next start on the launcher runs it on trial."""
        self.remove("returned.json")
        self.write("trial.json", {"version": name_of(target), "job": f"{job}/{attempt}", "starts": 0})

    @property
    def on_trial(self) -> bool:
        """Whether this process is the version that has to prove itself."""
        return bool(self.running) and self.read("trial.json").get("version") == self.running

    def confirm(self, counter: int) -> None:
        """It is what is started from now on. Each step leaves a cart that starts."""
        self.write("counter.json", {"counter": max(counter, self.counter)})
        fresh = self.room / ".current.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(f"versions/{self.running}")
        os.replace(fresh, self.room / "current")
        _sync(self.room)
        self.remove("trial.json")

    def give_back(self, why: str) -> None:
        self.write("returned.json", {**self.read("trial.json"), "why": why})
        self.remove("trial.json")

    @property
    def counter(self) -> int:
        found = self.read("counter.json").get("counter")
        return found if isinstance(found, int) else 0

    def sweep(self) -> None:
        """Takes away what is neither run nor gone back to."""
        try:
            current = os.path.basename(os.readlink(self.room / "current"))
        except OSError:
            current = ""
        kept = {self.running, current, str(self.read("trial.json").get("version"))}
        for folder in (self.room / "versions").glob("*"):
            if folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def read(self, name: str) -> dict[str, object]:
        """{} for what is not there or cannot be read."""
        try:
            found = json.loads((self.room / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, name: str, content: Mapping[str, object]) -> None:
        """All of it or nothing of it, and on the disk when this returns. Raises: OSError."""
        self.room.mkdir(parents=True, exist_ok=True)
        fresh = self.room / f".{name}.new"
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self.room / name)
        _sync(self.room)

    def remove(self, name: str) -> None:
        (self.room / name).unlink(missing_ok=True)
        _sync(self.room)


def name_of(target: Target) -> str:
    """Of its folder."""
    return f"{target.version}-{target.image_hash[:16]}"


def _take(packed: tarfile.TarFile, member: tarfile.TarInfo, made: Path) -> None:
    """Raises: ValueError for what would land elsewhere, or is no file, folder or link of an environment."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{member.name!r} lies outside")
    place = made / path
    if any(parent.is_symlink() for parent in place.parents if made in parent.parents):
        raise ValueError(f"{member.name!r} lies behind a link")
    if member.isdir():
        place.mkdir(parents=True, exist_ok=True)
    elif member.issym():
        aim = PurePosixPath(member.linkname)
        if member.linkname not in _INTERPRETERS and (aim.is_absolute() or ".." in aim.parts):
            raise ValueError(f"{member.name!r} leads outside")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(member.linkname)
    elif member.isfile():
        place.parent.mkdir(parents=True, exist_ok=True)
        content = packed.extractfile(member)
        assert content is not None
        with place.open("xb") as file:
            shutil.copyfileobj(content, file, 1024 * 1024)
        place.chmod(0o755 if member.mode & 0o100 else 0o644)
    else:
        raise ValueError(f"{member.name!r} is no file")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
